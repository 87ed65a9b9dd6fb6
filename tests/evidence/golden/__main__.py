"""Rewrite the golden files from what the report says now; look at the difference before you commit it."""

from tests.evidence.golden import CASES, FACES, path, whole

for name in CASES:
    for face in FACES:
        path(name, face).write_text(whole(name, face), encoding="utf-8")
