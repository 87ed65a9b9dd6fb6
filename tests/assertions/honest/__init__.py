"""Records of an honest service on virtual time, for tests to change one thing in."""
