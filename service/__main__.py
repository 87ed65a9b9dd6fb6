"""`python -m service`: run the export service, or make data for it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from service.logs import Log
from service.server import StartError, serve
from service.settings import SettingsError, settings_from


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after a clean stop, 2 when the service can't start (one sentence on stderr)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        settings = settings_from(arguments, os.environ)
        asyncio.run(serve(settings, Log(settings.log_format)))
    except (SettingsError, StartError) as error:
        print(f"service: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
