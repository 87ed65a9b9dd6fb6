"""Rising rates until a limit breaks."""
