"""Every work, in the order of the table."""

from __future__ import annotations

from bench import array, boxes, chain, cores, fanout, looking, rayside, resume, startup
from bench.parts import Work

__all__ = ["WORKS"]

WORKS: dict[str, Work] = {
    work.name: work
    for work in (
        chain.WORK,
        fanout.WORK,
        cores.WORK,
        array.WORK,
        startup.WORK,
        looking.WORK,
        resume.WORK,
        boxes.WORK,
        rayside.MAP,
        rayside.ARRAY,
    )
}
