"""The checklists of a report: the boxes as data, and when a box is ticked."""
