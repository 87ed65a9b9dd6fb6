"""`python -m service`: run the export service, or make data for it."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Sequence

from service import make_data
from service.logs import Log, capture_libraries
from service.server import StartError, serve
from service.settings import SettingsError, settings_from


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed, asyncio's own elsewhere."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop  # noqa: PLC0415 - not there on every platform

    return uvloop.new_event_loop


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after a clean stop, 2 when the service can't start (one sentence on stderr)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["make-data"]:
            print(make_data.run(arguments[1:]))
            return 0
        settings = settings_from(arguments)
        log = Log(settings.log_format)
        capture_libraries(log)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(serve(settings, log))
        finally:
            log.close()
    except (SettingsError, StartError, make_data.MakeDataError) as error:
        print(f"service: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
