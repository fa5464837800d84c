"""Ctrl-C is counted, and reaches a task that runs in this process."""

from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from fairlead.engine.interrupts import Interrupts
from fairlead.errors import StoreError


def test_ctrl_c_between_tasks_is_counted_and_nothing_else():
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_a_task_interrupts_the_task():
    with Interrupts() as interrupts:
        interrupts.begin()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interrupts.end()
        assert interrupts.count == 1


def test_ctrl_c_between_two_callbacks_of_an_event_loop_lets_none_of_them_go_lost(monkeypatch):
    """A callback that was taken off the loop's list and not called is a coroutine that never ends."""
    runs, ended = [], []
    words = """
def run(self):
    if hit():
        raise_signal(2)
    return before(self)
"""

    def hit():
        runs.append(1)
        return len(runs) == 20

    names = {"__name__": "asyncio.events", "hit": hit, "raise_signal": signal.raise_signal}
    exec(words, names | {"before": asyncio.Handle._run}, space := {})
    monkeypatch.setattr(asyncio.Handle, "_run", space["run"])

    async def part(number):
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(30)
        finally:
            ended.append(number)

    async def whole():
        await asyncio.gather(*map(part, range(12)))

    began = time.monotonic()
    with Interrupts() as interrupts:
        interrupts.begin()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(whole())
        interrupts.end()
    assert sorted(ended) == list(range(12))
    assert interrupts.count == 1
    assert time.monotonic() - began < 10


def test_a_program_that_handles_the_signal_itself_goes_on_doing_so():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
        assert seen == [1] and interrupts.count == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_request_from_outside_interrupts_a_task_that_sleeps_and_is_not_counted():
    asked = threading.Event()
    with Interrupts(asked.is_set) as interrupts:
        interrupts.begin()
        asked.set()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
        interrupts.end()
        assert interrupts.count == 0 and time.monotonic() - started < 10


def test_a_store_that_is_away_is_asked_again():
    answers = iter([StoreError("gone"), StoreError("gone"), False])

    def asked() -> bool:
        answer = next(answers, True)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with Interrupts(asked) as interrupts:
        interrupts.begin()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
        interrupts.end()


def test_a_request_while_no_task_runs_is_left_to_the_driver():
    with Interrupts(lambda: True) as interrupts:
        time.sleep(0.5)
        assert interrupts.count == 0


def test_a_request_reaches_a_task_in_another_thread():
    ended = []

    def work():
        with Interrupts(lambda: True) as interrupts:
            interrupts.begin()
            try:
                until = time.monotonic() + 20
                while time.monotonic() < until:
                    time.sleep(0.01)
            except KeyboardInterrupt:
                ended.append("interrupted")
            interrupts.end()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(25)
    assert ended == ["interrupted"]
