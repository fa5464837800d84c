"""What tests of `exec-node` have it run."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from fairlead import current_run
from fairlead.model.events import Attempt, Failure


def add_one(x):
    print("adding")
    return x + 1


def take_back(x):
    """Do as whoever gave the order does when a job is not wanted any more."""
    record = Attempt("t[1]", 1, outcome="cancelled", failure=Failure("cancelled", "stopped before it started"))
    Path(x).write_bytes(msgspec.msgpack.encode(record))
    return x


def fail(x):
    raise ValueError(f"bad item {x}")


def fail_for_good(x):
    return threading.Lock() if x else None


def large(x):
    return bytes(x)


def variable(x):
    return os.environ.get(x)


def pid_of_child(x):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    Path(x).write_text(str(child.pid))
    return child.pid


def nap(x):
    pid_of_child(x)
    time.sleep(60)


def nap_for_ever(x):
    while True:
        try:
            nap(x)
        except BaseException:
            time.sleep(0.1)


def tidy(x):
    try:
        nap(x)
    finally:
        print("tidied")


def say(x):
    print("out", x)
    print("err", x, file=sys.stderr)
    os.write(1, b"raw\n")
    subprocess.run(["echo", f"child {x}"], check=True)


def say_secret(x):
    value = current_run().secret("API_KEY")
    print("the key of", x, "is", value)
    subprocess.run(["echo", value], check=True)


def leave_thread(x):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return x


def fork(x):
    if not os.fork():
        return "child"
    os.wait()
    return x


def here(x):
    return [str(Path.cwd()), sys.path[x]]


def leave_the_process(x):
    os._exit(x)
