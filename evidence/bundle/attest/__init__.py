"""What a run began with, hashed, and a signed statement on its bundle."""
