"""Messages between the runner and its generators."""
