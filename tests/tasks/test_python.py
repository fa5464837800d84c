"""Coroutines among tasks, where a loop runs already: as in a notebook."""

import asyncio
import os
import signal
import threading
import time

import pytest

from fairlead.tasks.python import await_elsewhere


def test_an_interrupt_ends_a_coroutine_that_is_awaited_beside_a_loop_that_runs():
    ended = []

    async def endless():
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(1)

    async def cell():
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            await_elsewhere(endless())

    began = time.monotonic()
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(cell())
    finally:
        loop.close()
    assert ended == [1]
    assert time.monotonic() - began < 10


def test_what_a_coroutine_gives_or_raises_comes_out():
    async def gives(number):
        if not number:
            raise ValueError("none")
        return number

    async def cell():
        assert await_elsewhere(gives(3)) == 3
        with pytest.raises(ValueError, match="none"):
            await_elsewhere(gives(0))

    asyncio.run(cell())
