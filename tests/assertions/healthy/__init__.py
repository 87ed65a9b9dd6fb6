"""Records of a healthy service on virtual time, for tests to change one thing in."""
