"""One exchange with a target over HTTP, and what it needs."""
