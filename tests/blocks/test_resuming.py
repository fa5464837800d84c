"""Drivers that die again and again, while whatever can fail does so sometimes: what is recorded stays of a piece.

Nothing runs here but the functions themselves; drivers, crashes and failures are drawn by chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead import Environment
from fairlead.config.services import Services, open_services
from fairlead.engine.decide import verdict
from fairlead.engine.opening import answers
from fairlead.model.events import Attempt, Failure
from fairlead.model.fold import fold
from fairlead.model.run import Run
from fairlead.model.scope import Live
from fairlead.model.state import State
from fairlead.model.values import Value
from tests.blocks import programs as functions
from tests.blocks.programs import programs, workflow_of

DRIVERS = 6
"""How many of them die; the next one is left alone, and nothing fails any more that need not."""


@pytest.fixture(scope="module")
def memory(place) -> Iterator[Environment]:
    yield Environment(name="memory", executor={"type": "in_process"}, store={"type": "memory"})


class Story:
    """One run, carried by one driver after the other."""

    def __init__(self, run: Run, services: Services, dice: random.Random) -> None:
        self.run = run
        self.values = services.values()
        self.dice = dice
        self.facts: list[Attempt] = []
        self.inputs: dict[tuple[str, int], dict[str, Value]] = {}

    def carry(self, epoch: int, *, steps: int, mishaps: float) -> State:
        """Carry the run for so many steps, with several task runs in flight at a time."""
        state = fold(self.run, self.facts, epoch=epoch)
        flying: list[Live] = []
        done = {one.path for one in self.facts if one.outcome == "succeeded"}
        for _ in range(steps):
            while len(flying) < 3 and (live := state.next(0.0)) is not None:
                assert live.path not in done, f"{live.path} has succeeded, and starts again"
                flying.append(live)
            if not flying:
                break
            live = flying.pop(self.dice.randrange(len(flying)))
            attempt = self._attempt(state, live, epoch, mishaps)
            self.facts.append(attempt)
            if live.opens and attempt.outcome == "succeeded":
                state.opened(live, attempt.outputs or [])
            else:
                state.ended(live, attempt)
        return state

    def _attempt(self, state: State, live: Live, epoch: int, mishaps: float) -> Attempt:
        attempt = Attempt(live.path, live.attempt, epoch, ended=1.0, outcome="succeeded")
        if live.opens:
            attempt.outputs = answers(state, live, self.values, "")
            return attempt
        inputs = self.inputs[live.path, live.attempt] = state.args(live)
        called = getattr(functions, state.tasks[live.task].name)
        try:
            if self.dice.random() < mishaps:
                raise ConnectionError("by chance")
            given = {name: self.values.decode(value) for name, value in inputs.items()}
            result = called(*given.pop("xs"), **given) if called is functions.add else called(**given)
            outputs = result if isinstance(result, tuple) else (result,)
            attempt.outputs = [self.values.encode(one, hint="") for one in outputs]
        except (ValueError, ConnectionError) as error:
            attempt.outcome, attempt.failure = "failed", Failure("exception", str(error), type(error).__name__)
        return attempt

    def check(self, state: State, epoch: int) -> None:
        """Every result that counts was made of what counts."""
        seen = []

        def visit(state: State, live: Live, attempt: Attempt) -> None:
            assert self.inputs[live.path, attempt.attempt] == state.args(live), live.path
            seen.append(live.path)

        again = fold(self.run, self.facts, epoch=epoch, visit=visit)
        assert again.counts == state.counts and set(again.failed) == set(state.failed)
        assert again.idle and again.finished == state.finished
        if verdict(state) == "succeeded":
            assert again.results() == state.results()
        assert len(seen) == len(set(seen))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(programs, st.integers(0, 3), st.integers(0, 1_000_000))
def test_what_counts_was_made_of_what_counts(memory, program, x, seed):
    services = open_services(memory)
    run = services.store.get(workflow_of(program)(x).prepare(memory).id)
    story = Story(run, services, random.Random(seed))
    for epoch in range(1, DRIVERS + 1):
        story.carry(epoch, steps=story.dice.randrange(1, 12), mishaps=0.3)
        lost = story.dice.choice([0, 0, 1, 2])
        del story.facts[len(story.facts) - lost :]
    state = story.carry(DRIVERS + 1, steps=10_000, mishaps=0.0)
    story.check(state, DRIVERS + 1)
