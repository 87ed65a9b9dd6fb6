"""Rewrite the golden files from what the report says now; look at the difference before you commit it."""

from tests.rules.golden import RESULTS, path, whole

for name in RESULTS:
    path(name).write_text(whole(name), encoding="utf-8")
