"""The Locust side: virtual users in one generator process (gevent only here)."""
