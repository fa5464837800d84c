"""Records that a store has to keep whole: every field in use, and names that people choose."""

from __future__ import annotations

from fairlead.model.events import Attempt, Failure, LogRange, Origin
from fairlead.model.run import Code, Run, TaskCode
from fairlead.model.task import Place, TaskDefinition
from fairlead.model.values import Inline, Pick, Rows, Stored, Tree
from fairlead.model.workflow import Const, Container, MapNode, ParamRef, Ref, TaskNode, Workflow

__all__ = ["AWKWARD_NAMES", "FULL_ATTEMPT", "LARGE_RUN"]

AWKWARD_NAMES = [
    "calm-otter", "Ünï cödé ☃", "it's", 'say "hi"', "semi;colon -- drop table runs", "a/b\\c", "..", ".", "UPPER",
    "upper", "percent%_", "line\nbreak", "x" * 500, "~tilde", " ",
]  # fmt: skip
"""Ids and names that people choose; no store may mind."""

FULL_ATTEMPT = Attempt(
    "outer[1].fit#2", 3, 1, 1.5, 2.5, 4.5, 1.25, "failed",
    [Inline("json", b"1"), Stored("sha256/ab/abc", "pickle", 10, "d", ("m:C",)), Rows([Inline("json", b"2")]),
     Tree("dict", (Inline("json", b"3"),), (Inline("json", b'"k"'),)),
     Pick(Inline("json", b"[1]"), (0, "a", (1, None, 2)))],
    Failure("exception", "no ☃", "m.Error", "Traceback", {"x": "1"}, Place("/a/jobs.py", 12)),
    False, Origin("other", "fit", 1), "a-key", LogRange("w.log", 5, 10), {"loss": 0.25, "nan": float("inf")},
    {"plot": Stored("k", "file", 3)}, "host/1", None, ("Python 3.12.1, and the run was made with 3.11.7",),
)  # fmt: skip
"""An attempt with every field in use."""

LARGE_RUN = Run(
    "large", Workflow("w", nodes=(TaskNode("load", 0, {"x": Const(0), "y": Container("list", (ParamRef("p"),))}),
                                  MapNode("each", Workflow("body"), {"x": Ref(0, 0, ("a", 1))}, flat=True)),
                      results={"r": Ref(1)}, tasks=(TaskDefinition(name="load", settings={"deep": [1, {"a": None}]}),)),
    1.0, [Inline("json", b"1")], {"p": Inline("json", b"2")}, Code("/p", tasks=(TaskCode("d", {"a.py: f": "x"}),)),
    "/p/a.py:w", "/p", {"executor": {"type": "local"}}, ("nightly", "v1"), "parent", "host", "me", "0.1",
)  # fmt: skip
"""A run with every field in use."""
