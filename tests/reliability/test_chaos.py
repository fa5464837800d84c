"""Drivers, fork servers and workers are killed at random instants, again and again; then the run is resumed.

Whatever is killed and whenever: what is recorded can be read, the run is `interrupted` at once, nothing
of it goes on running, what succeeded is not executed again, and the run can be resumed to its end.

    FAIRLEAD_CHAOS_ROUNDS=50 pytest tests/reliability/test_chaos.py     for a night
    FAIRLEAD_CHAOS_SEED=1234 pytest tests/reliability/test_chaos.py     the same instants again
"""

import random
import subprocess
import time

import pytest

from tests.reliability.arena import ROUNDS, SEED, Arena, alive, kill, parent_of, reap, wait_until

ITEMS = 300
FEW = 3
"""Kills per run: then it is left alone."""

WHOM = [
    "driver",
    "driver",
    "worker",
    "workers",
    "server",
    "guardian",
    "driver+worker",
    "driver+workers",
    "driver+server",
    "driver+server+workers",
    "driver+guardian+workers",
    "server+workers",
]
"""All but driver, fork server and its guardian at once: then nobody is left who could end what tasks started."""

JOBS = """
    import os, subprocess, sys, time
    from fairlead import current_run, task, workflow
    from notes import note

    @task
    def square(i, seconds, children):
        note("executed", f"square[{i}]", current_run().attempt, os.getpid())
        if children and i % 5 == 0:
            # Some are in a session of their own, and some have lost the parent that started them.
            os.posix_spawnp("sleep", ["sleep", "600"], os.environ, setsid=i % 10 == 0)
        if children and i % 50 == 7:
            subprocess.run(["sh", "-c", "sleep 600 & exit 0"], check=True)
        time.sleep(seconds)
        return i * i

    @task
    def total(squares):
        note("executed", "total", current_run().attempt, os.getpid())
        return sum(squares)

    @workflow
    def job(items: int = 300, seconds: float = 0.004, children: bool = True):
        return total(square.map(list(range(300)), seconds=seconds, children=children))

    if __name__ == "__main__":
        wanted = job(children=sys.argv[2] == "local")
        wanted.run(sys.argv[2], id=sys.argv[1])
"""

EXPECTED = sum(i * i for i in range(ITEMS))


class Fight:
    """One run, and what is done to it."""

    def __init__(self, arena: Arena, run_id: str, env: str, dice: random.Random) -> None:
        self.arena = arena
        self.run_id = run_id
        self.env = env
        self.dice = dice
        self.story: list[str] = []
        self.kept: dict[str, int] = {}
        """Task runs whose success was seen in the store, and how often they had been executed by then."""
        self.driver: subprocess.Popen[str] | None = None
        self.pid = 0
        self.begun = 0.0

    def begin(self) -> None:
        """Have the run carried: as a script, by `start()`, or by the command line."""
        self.begun = time.monotonic()
        if not self._is_recorded():
            kind = self.dice.choice(["script", "command line", "start()"])
            if kind == "start()":
                self._start()
            elif kind == "script":
                self._follow(self.arena.begin("jobs.py", self.run_id, self.env))
            else:
                children = str(self.env == "local").lower()
                self._follow(
                    self.arena.begin(
                        *["-m", "fairlead", "run", "jobs.py", "--id", self.run_id, "--env", self.env],
                        *["-p", f"children={children}"],
                    )
                )
        else:
            kind = "resume"
            self._follow(self.arena.begin("-m", "fairlead", "resume", self.run_id))
        self.story.append(kind)

    def _follow(self, driver: subprocess.Popen[str]) -> None:
        self.driver, self.pid = driver, driver.pid

    def _start(self) -> None:
        """By a process that ends: the driver outlives whoever started it."""
        code = f"import jobs; jobs.job(children={self.env == 'local'}).start({self.env!r}, id={self.run_id!r})"
        starter = self.arena.begin("-c", code)
        _, said = starter.communicate(timeout=20)
        assert starter.returncode == 0, said
        self.driver = None
        found = [pid for pid, command in self.arena.processes().items() if " _drive " in command]
        self.pid = found[0] if found else 0

    def _is_recorded(self) -> bool:
        try:
            self.arena.summary(self.run_id)
        except Exception as error:
            assert type(error).__name__ == "NotFound", error
            return False
        return True

    def strike(self) -> None:
        """Kill something at some instant."""
        whom = self.dice.choice(WHOM) if self.env == "local" else "driver"
        when = self.dice.choice(["start", "middle", "middle", "end"])
        if when == "start":
            time.sleep(self.dice.uniform(0.0, 0.4))
        elif when == "middle":
            wanted = self.dice.randrange(ITEMS)
            self._until(lambda: sum(self.arena.executed().values()) >= wanted)
        else:
            self._until(lambda: "total" in self.arena.executed())
            time.sleep(self.dice.uniform(0.0, 0.03))
        victims = self._victims(whom)
        self.story.append(f"{whom} at {time.monotonic() - self.begun:.3f} s ({when}): {victims}")
        kill(victims)
        if self.pid in victims:
            self.look()

    def _until(self, true) -> None:
        until = time.monotonic() + 20
        while self.pid and alive(self.pid) and not true() and time.monotonic() < until:
            time.sleep(0.002)

    def _victims(self, whom: str) -> list[int]:
        below = {pid: parent_of(pid) for pid in self.arena.processes()}
        guardians = [pid for pid, parent in below.items() if parent == self.pid]
        servers = [pid for pid, parent in below.items() if parent in guardians]
        workers = [pid for pid, parent in below.items() if parent in servers]
        chosen = {
            "driver": [self.pid],
            "guardian": guardians,
            "server": servers,
            "worker": self.dice.sample(workers, min(1, len(workers))),
            "workers": workers,
        }
        return [pid for name in whom.split("+") for pid in chosen[name] if pid]

    def look(self) -> None:
        """The driver is gone: see how things stand, as the next reader does."""
        self._wait(5)
        if not self._is_recorded():
            return
        status = self.arena.summary(self.run_id).status
        assert status in ("interrupted", "succeeded", "created"), status
        for path in self.arena.succeeded(self.run_id) - self.kept.keys():
            self.kept[path] = self.arena.executed()[path]
            assert self.kept[path], f"{path} was recorded and never executed"
        self.nothing_runs()

    def nothing_runs(self) -> None:
        until = time.monotonic() + 3
        while (left := self.arena.processes()) and time.monotonic() < until:
            time.sleep(0.01)
        assert not left, left

    def _wait(self, timeout: float) -> None:
        """Wait for the driver's end, and take it up."""
        if self.driver is not None:
            try:
                out, err = self.driver.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"the driver does not end: {self.arena.processes()}") from None
            if "Traceback" in err or "a bug in" in err or "warning" in err.lower():
                raise AssertionError(err)
            self.story.append(f"exit {self.driver.returncode}: {err.strip()[-1500:] or out.strip()[-200:]}")
            self.driver = None
        else:
            wait_until(lambda: not (self.pid and alive(self.pid)), timeout, "the end of the driver")
        self.pid = 0

    def is_over(self) -> bool:
        return self._is_recorded() and self.arena.summary(self.run_id).status == "succeeded"

    def check(self) -> None:
        """The run has succeeded: everything is right, and nothing was done twice that was recorded."""
        from fairlead import WorkflowRun

        executed = self.arena.executed()
        again = {path: (times, executed[path]) for path, times in self.kept.items() if executed[path] != times}
        assert not again, f"recorded as succeeded, and executed again: {again}"
        run = WorkflowRun.by_id(self.run_id)
        assert run.get_status() == "succeeded"
        assert run.get_results() == EXPECTED
        assert run.summary().counts == {"succeeded": ITEMS + 1}
        tasks = run.get_tasks()
        assert [task.outputs for task in tasks if task.name == "square"] == [i * i for i in range(ITEMS)]
        assert len(executed) == ITEMS + 1
        self.nothing_runs()


def fight(arena: Arena, run_id: str, env: str, seed: int) -> None:
    arena.write("jobs.py", JOBS)
    one = Fight(arena, run_id, env, random.Random(seed))
    try:
        for _ in range(FEW):
            if one.is_over():
                break
            one.begin()
            one.strike()
            if one.pid:
                # Whatever was killed, the driver was not: it goes on, and perhaps to the end.
                one.strike()
            if one.pid:
                one._wait(30)
        while not one.is_over():
            one.begin()
            one._wait(30)
        one.check()
    except BaseException:
        print(f"seed {seed}, run {run_id!r} on {env}:", *one.story, sep="\n  ")
        raise
    finally:
        reap()


@pytest.mark.parametrize("number", range(5 * ROUNDS))
def test_whatever_is_killed_the_run_comes_to_its_end_and_nothing_recorded_is_done_again(arena: Arena, number: int):
    fight(arena, "calm-otter", "local", SEED + number)


@pytest.mark.parametrize("number", range(2 * ROUNDS))
def test_the_same_holds_in_process(arena: Arena, number: int):
    fight(arena, "calm-otter", "in_process", SEED + 1_000 + number)
