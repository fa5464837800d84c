"""Map and reduce: count the words of every line side by side, then put the counts together."""

from collections import Counter

from fairlead import Map, Pipeline, PythonTask

POEM = """\
Who has seen the wind?
Neither I nor you:
But when the leaves hang trembling,
The wind is passing through.
Who has seen the wind?
Neither you nor I:
But when the trees bow down their heads,
The wind is passing by."""


def split(text: str = POEM):
    lines = text.splitlines()
    return lines


def count(line):
    counts = Counter(word.strip(".,:?").lower() for word in line.split())
    return counts


def merge(counts, top: int = 3):
    frequent = sum(counts, Counter()).most_common(top)
    return frequent


map_reduce = Pipeline(
    [
        PythonTask(split),
        Map("each_line", iterate_on="lines", iterate_as="line", branch=count),
        PythonTask(merge),
    ],
    name="map_reduce",
)
