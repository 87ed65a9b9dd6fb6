"""Write docs/checks.md anew; look at the difference before you commit it."""

from tests.docs.checks import PAGE, render

PAGE.write_text(render(), encoding="utf-8")
