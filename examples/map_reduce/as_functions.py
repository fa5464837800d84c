"""The same as a workflow function: `.map` stands for the block."""

import map_reduce as plain

from fairlead import task, workflow

split = task(plain.split)
count = task(plain.count)
merge = task(plain.merge)


@workflow
def map_reduce(text: str = plain.POEM, top: int = 3):
    return merge(count.map(split(text)), top)
