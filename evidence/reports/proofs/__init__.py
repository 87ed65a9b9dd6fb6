"""What shows that the judge and the rules can fail: faults that each check and each alert reacted to."""
