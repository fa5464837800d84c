"""What every store of runs must do with the facts of attempts, and with what is counted beside them.

A part of `RunStoreContract`, which has the fixture and the rest.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fairlead.model.events import Attempt, LogRange, Origin
from fairlead.model.run import Group, RunFilter
from fairlead.model.values import Inline
from fairlead.ports import Commit, RunStore
from fairlead.testing.contracts.run_store_jobs import make_run
from fairlead.testing.contracts.run_store_samples import FULL_ATTEMPT

__all__ = ["RunStoreFacts", "keyed"]


class RunStoreFacts:
    """Tests of what is written by a driver, and asked for."""

    keys: int = 3000
    """Reuse keys that are looked for at once; fewer where each is a request to a slow imitation of a service."""

    def test_an_attempt_comes_back_as_it_was_written(self, store: RunStore) -> None:
        store.create(make_run("r"))
        bare = Attempt("load", 1)
        store.append("r", 0, Commit([FULL_ATTEMPT, bare]))
        assert store.attempts("r") == [bare, FULL_ATTEMPT]

    def test_facts_of_one_attempt_are_merged(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.append("r", 0, Commit([Attempt("a", 1, 1, queued=1.0, key="k")]))
        store.append("r", 0, Commit([Attempt("a", 1, 1, started=2.0, worker="w", log=LogRange("l", 0, 0))]))
        assert store.attempts("r") == [Attempt("a", 1, 1, 1.0, 2.0, worker="w", key="k", log=LogRange("l", 0, 0))]
        ended = Attempt("a", 1, 1, ended=3.0, seconds=1.0, outcome="succeeded", outputs=[Inline("json", b"1")])
        store.append("r", 0, Commit([ended]))
        whole = replace(ended, queued=1.0, started=2.0, worker="w", key="k", log=LogRange("l", 0, 0))
        assert store.attempts("r") == [whole]
        assert store.find(["k"])["k"] == (Origin("r", "a", 1), whole)

    def test_facts_in_one_commit_are_merged_as_well(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.append("r", 0, Commit([Attempt("a", 1, 1, queued=1.0), Attempt("a", 1, 1, ended=2.0, outcome="failed")]))
        assert store.attempts("r") == [Attempt("a", 1, 1, queued=1.0, ended=2.0, outcome="failed")]

    def test_a_commit_that_is_written_again_changes_nothing(self, store: RunStore) -> None:
        """As when the answer to it was lost on its way: whoever cannot know whether it was written writes it again."""
        store.create(make_run("r"), [Group("b")])
        epoch = store.open("r", 1.0)
        facts = [FULL_ATTEMPT, Attempt("a", 1, epoch, queued=1.0, log=LogRange("l", 0, 0))]
        commit = Commit(facts, {"running": 1}, [Group("a", 2), Group("b", 3)], "failed", "why", 9.0)
        store.append("r", epoch, commit)
        before = store.summary("r"), store.groups("r"), store.attempts("r")
        store.append("r", epoch, commit)
        assert (store.summary("r"), store.groups("r"), store.attempts("r")) == before

    def test_an_attempt_that_has_ended_never_changes(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.append("r", 0, Commit([FULL_ATTEMPT]))
        path, number = FULL_ATTEMPT.path, FULL_ATTEMPT.attempt
        store.append("r", 0, Commit([Attempt(path, number, 2, queued=9.0, started=9.0, worker="late")]))
        store.append("r", 0, Commit([Attempt(path, number, 2, ended=9.0, outcome="succeeded", key="late")]))
        assert store.attempts("r") == [FULL_ATTEMPT]
        assert store.find(["late"]) == {}

    def test_attempts_are_told_by_group_path_and_outcome(self, store: RunStore) -> None:
        store.create(make_run("r"))
        paths = ["fit", "fit#2", "fit[0]", "fit[0].fit", "fit[1].fit", "fitness", "fit-more", "fit.x", "fit+"]
        facts = [Attempt(path, 1, outcome="succeeded") for path in paths]
        facts += [Attempt("fit[1].fit", 2, outcome="failed"), Attempt("fitness", 2)]
        store.append("r", 0, Commit(facts))

        def told(**wanted: Any) -> list[tuple[str, int]]:
            return [(attempt.path, attempt.attempt) for attempt in store.attempts("r", **wanted)]

        assert told() == sorted((fact.path, fact.attempt) for fact in facts)
        assert told(group="fit") == [("fit", 1), ("fit#2", 1), ("fit[0]", 1)]
        assert told(group="fit.fit") == [("fit[0].fit", 1), ("fit[1].fit", 1), ("fit[1].fit", 2)]
        assert told(group="fit.fit", outcome="failed") == [("fit[1].fit", 2)]
        assert told(path="fit[1].fit") == [("fit[1].fit", 1), ("fit[1].fit", 2)]
        assert told(path="fit[1].fit", outcome="failed") == [("fit[1].fit", 2)]
        assert told(outcome="failed") == [("fit[1].fit", 2)]
        assert told(outcome="lost") == told(group="none") == []
        assert told(outcome="succeeded", limit=2) == told(outcome="succeeded")[:2]
        assert len(told(outcome="succeeded")) == len(paths)

    def test_attempts_are_told_by_what_they_stand_under(self, store: RunStore) -> None:
        store.create(make_run("r"))
        paths = ["each", "each#2[0]", "each.x", "each[0]", "each[1].fit", "each[1].in[0]", "each[10].fit", "eachX[0]"]
        paths += ["e", "ZZ", "each/", "each%[0]", "each_[0]"]
        store.append("r", 0, Commit([Attempt(path, 1, outcome="succeeded") for path in paths]))
        store.append("r", 0, Commit([Attempt("each[1].fit", 2, outcome="failed")]))

        def told(**wanted: Any) -> list[tuple[str, int]]:
            return [(attempt.path, attempt.attempt) for attempt in store.attempts("r", **wanted)]

        inside = [("each[1].fit", 1), ("each[1].fit", 2), ("each[1].in[0]", 1)]
        assert sorted(told(under="each")) == sorted([("each.x", 1), ("each[0]", 1), *inside, ("each[10].fit", 1)])
        assert told(under="each[1]") == inside
        assert told(under="each[1]", outcome="failed") == [("each[1].fit", 2)]
        assert told(under="each[1]", limit=1) == inside[:1]
        assert told(under="each#2") == [("each#2[0]", 1)]
        assert told(under="each%") == [("each%[0]", 1)]
        assert told(under="ea") == told(under="each[1].fit") == []

    def test_groups_keep_their_first_order_and_their_last_counts(self, store: RunStore) -> None:
        store.create(make_run("r"), [Group("b", 2), Group("a")])
        store.append("r", 0, Commit([], groups=[Group("c"), Group("a", 3, {"running": 1}, 0.5, 1.0)]))
        store.append("r", 0, Commit([], groups=[Group("b", 2, {"succeeded": 2}, 1.5, 1.0, 2.0)]))
        expected = [Group("b", 2, {"succeeded": 2}, 1.5, 1.0, 2.0), Group("a", 3, {"running": 1}, 0.5, 1.0), Group("c")]
        assert store.groups("r") == expected

    def test_counts_are_kept_where_a_commit_has_none(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.append("r", 0, Commit([], {"ready": 3, "running": 1}))
        store.append("r", 0, Commit([]))
        assert store.summary("r").counts == {"ready": 3, "running": 1}
        assert store.list(RunFilter())[0].counts == {"ready": 3, "running": 1}

    def test_find_gives_the_success_that_ended_last(self, store: RunStore) -> None:
        for number, name in enumerate(["old", "new", "older"]):
            store.create(make_run(name, created=float(number)))
        store.append("old", 0, Commit([keyed("a", 5.0, "k"), keyed("b", 1.0, "")]))
        store.append("new", 0, Commit([keyed("a[3]", 9.0, "k"), keyed("b", 9.5, "failed", "failed")]))
        store.append("older", 0, Commit([keyed("a", 2.0, "k"), keyed("c", 2.0, "k2"), Attempt("d", 1, key="open")]))
        store.append("older", 0, Commit([keyed("r", 99.0, "k", "reused")]))
        found = store.find(["k", "k2", "none", "", "failed", "open", "k"])
        assert {key: origin for key, (origin, _) in found.items()} == {
            "k": Origin("new", "a[3]", 1),
            "k2": Origin("older", "c", 1),
        }
        assert found["k"][1] == keyed("a[3]", 9.0, "k")
        assert store.find([]) == {}

    def test_find_takes_any_number_of_keys(self, store: RunStore) -> None:
        store.create(make_run("r"))
        store.append("r", 0, Commit([keyed(f"a[{n}]", 1.0, f"k{n}") for n in range(0, self.keys, 2)]))
        found = store.find([f"k{n}" for n in range(self.keys)])
        assert len(found) == self.keys // 2
        assert found[f"k{self.keys - 2}"][0] == Origin("r", f"a[{self.keys - 2}]", 1)

    def test_times_are_data_and_may_run_backwards(self, store: RunStore) -> None:
        store.create(make_run("r", created=1000.0))
        epoch = store.open("r", 500.0)
        back = Attempt("a", 1, epoch, 400.0, 300.0, 200.0, 0.1, "succeeded")
        store.append("r", epoch, Commit([back], status="succeeded", at=-1.0))
        store.create(make_run("later", created=900.0))
        assert store.attempts("r") == [back]
        summary = store.summary("r")
        assert (summary.started, summary.ended) == (500.0, -1.0)
        assert [run.id for run in store.list(RunFilter())] == ["r", "later"]


def keyed(path: str, ended: float, key: str, outcome: Any = "succeeded") -> Attempt:
    """Make an attempt with a reuse key."""
    return Attempt(path, 1, ended=ended, key=key, outcome=outcome)
