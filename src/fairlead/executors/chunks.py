"""Jobs that share what is started for them: the items of a map, a chunk at a time.

For executors that start something for each job, which takes longer than a short task. How large a chunk
is, the task says.
"""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.model.task import TaskDefinition
from fairlead.ports import Job

__all__ = ["chunked", "widest"]


def chunked(jobs: Sequence[Job], tasks: Sequence[TaskDefinition]) -> list[list[Job]]:
    """Put jobs of one task together, up to its `chunk`; they keep their order, and so do their first ones."""
    chunks: list[list[Job]] = []
    open_: dict[int, list[Job]] = {}
    for job in jobs:
        chunk = open_.get(job.task)
        if chunk is None or len(chunk) >= tasks[job.task].chunk:
            chunk = open_[job.task] = []
            chunks.append(chunk)
        chunk.append(job)
    return chunks


def widest(tasks: Sequence[TaskDefinition]) -> int:
    """Give the largest chunk of a run's tasks, by which an executor knows how many jobs to ask for."""
    return max((task.chunk for task in tasks), default=1)
