"""Files by name: programs that read and write files, and know nothing of each other."""

from pathlib import Path

from fairlead import Catalog, Map, Pipeline, PythonTask, ShellTask


def split():
    """Write a file for every station."""
    rows = [line.split(",") for line in Path("measurements.csv").read_text().splitlines()]
    Path("stations").mkdir()
    stations = sorted({station for station, _ in rows})
    for station in stations:
        values = [value for name, value in rows if name == station]
        Path("stations", f"{station}.txt").write_text("\n".join(values) + "\n")
    return stations


summarise = """\
mkdir summaries
sort -n "stations/$station.txt" |
    awk -v name="$station" 'NR == 1 { low = $1 } { high = $1 } END { print name, low, high }' > "summaries/$station.txt"
"""


def report():
    lines = [path.read_text() for path in sorted(Path("summaries").iterdir())]
    page = Path("report.txt")
    page.write_text("station low high\n" + "".join(lines))
    return page


files = Pipeline(
    [
        PythonTask(split, catalog=Catalog(get=["measurements.csv"], put=["stations/*.txt"])),
        Map(
            "each",
            iterate_on="stations",
            iterate_as="station",
            branch=ShellTask(
                command=summarise,
                name="summarise",
                catalog=Catalog(get=["stations/*.txt"], put=["summaries/*.txt"]),
            ),
        ),
        PythonTask(report, catalog=Catalog(get=["summaries/*.txt"])),
    ],
    name="files",
)
