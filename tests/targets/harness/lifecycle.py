"""How an aiohttp animal lives: it listens, says so, and ends on SIGTERM when its last export is answered."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.targets.harness.reference_target import Keeper

LONGEST_LIFE_S = 900.0
"""An animal that was forgotten ends by itself."""


async def live(keeper: Keeper, port: int, announce: Callable[[str], None]) -> None:
    """Serve until told to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    runner = web.AppRunner(
        keeper.app(),
        access_log=None,
        keepalive_timeout=keeper.keepalive_s,
        shutdown_timeout=10.0,
        handler_cancellation=keeper.cancels,
    )
    await runner.setup()
    site = web.TCPSite(runner, keeper.host, port)
    await site.start()
    bound = runner.addresses[0]
    host = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    announce(f"http://{host}:{bound[1]}{keeper.prefix}")
    try:
        await asyncio.wait_for(ended.wait(), LONGEST_LIFE_S)
    except TimeoutError:
        pass
    finally:
        keeper.closing = True
        await finish(keeper)
        await runner.cleanup()


async def finish(keeper: Keeper, patience_s: float = 10.0) -> None:
    """Let running and waiting exports come to their end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_s
    while (keeper.slots.running or keeper.slots.waiting) and loop.time() < until:
        await asyncio.sleep(0.02)
