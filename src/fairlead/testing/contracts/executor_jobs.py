"""Functions that the executor contract has run: each does one thing that tasks do, sense or not."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from fairlead.node.current import current_run

__all__: list[str] = []


def add_one(x: int) -> int:
    return x + 1


def named(*, text: str) -> str:
    return text


def spread(first: Any, /, second: Any, *rest: Any, flag: bool = False, **more: Any) -> list[Any]:
    return [first, second, list(rest), flag, more]


def raise_it(x: int) -> int:
    try:
        return int("no number")
    except ValueError as error:
        raise LookupError(f"no {x} here") from error


def exit_nicely() -> NoReturn:
    sys.exit(0)


def exit_hard() -> NoReturn:
    os._exit(3)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def unstorable() -> Any:
    return threading.Lock()


def huge(size: int) -> bytes:
    return b"x" * size


def length(data: Any) -> int:
    return len(data)


def pair() -> tuple[int, str]:
    return 1, "two"


def three() -> tuple[int, int, int]:
    return 1, 2, 3


async def add_slowly(x: int) -> int:
    await asyncio.sleep(0.001)
    return x + 1


async def loop_id() -> int:
    return id(asyncio.get_running_loop())


def environment(name: str) -> str | None:
    return os.environ.get(name)


def say(text: str) -> None:
    print(text)
    print(f"{text}, and with an error", file=sys.stderr)
    print("no line end", end="")


def say_everywhere(text: str) -> None:
    print(f"python {text}")
    os.write(1, f"descriptor {text}\n".encode())
    subprocess.run(["sh", "-c", f"echo child {text}; echo child error {text} >&2"], check=True)
    ctypes.CDLL(None).puts(f"c {text}".encode())
    sys.stdout.buffer.write(b"bytes \xff\n")


def quiet() -> None:
    pass


def busy(seconds: float) -> int:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return os.getpid()


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def pid() -> int:
    return os.getpid()


def nap_with_children(seconds: float, pids: str) -> None:
    """Sleep, with a child and one that has a session of its own, whose parent has ended."""
    child = os.posix_spawnp("sleep", ["sleep", "1000"], os.environ)
    away = subprocess.run(
        ["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"], check=True, capture_output=True, text=True
    )
    Path(pids).write_text(f"{child} {away.stdout.strip()}")
    time.sleep(seconds)


def nap_with_child(seconds: float, pids: str) -> None:
    leave_child(pids)
    time.sleep(seconds)


def leave_child(pids: str) -> None:
    Path(pids).write_text(str(os.posix_spawnp("sleep", ["sleep", "1000"], os.environ)))


def stubborn(seconds: float, begun: str) -> str:
    Path(begun).touch()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except BaseException:  # noqa: BLE001, S112 - what it is there for: it does not let itself be ended
            continue
    return "went on"


def tidy_up(seconds: float, note: str) -> None:
    try:
        Path(note).write_text("begun")
        time.sleep(seconds)
    finally:
        Path(note).write_text("tidied")


def append(path: str, word: str) -> None:
    with Path(path).open("a") as file:
        file.write(word + "\n")


def append_and_nap(path: str, word: str, seconds: float) -> None:
    append(path, word)
    time.sleep(seconds)


def make_a_mess() -> None:
    os.chdir("/")
    os.environ["FAIRLEAD_MESS"] = "1"
    os.environ.pop("HOME", None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr.close()


def state() -> list[Any]:
    return [str(Path.cwd()), os.environ.get("FAIRLEAD_MESS"), "HOME" in os.environ, sys.stdout.closed]


def fork_and_return() -> int:
    os.fork()
    return os.getpid()


def ask() -> list[Any]:
    run = current_run()
    run.log_metric("score", 0.5)
    run.log_artifact("note", {"a": 1})
    return [run.run_id, run.path, run.attempt]


def ask_in_thread() -> str:
    found = []
    thread = threading.Thread(target=lambda: found.append(current_run().path))
    thread.start()
    thread.join()
    return found[0]


def print_in_thread() -> None:
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()


def secret(name: str) -> str:
    return current_run().secret(name)


def stop_here(x: int) -> int:
    breakpoint()  # noqa: T100
    return x + 1


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


def crash_on(x: int, bad: int) -> int:
    if x == bad:
        os._exit(5)
    return x


def sleep_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
