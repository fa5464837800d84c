"""A notebook between two functions: it gets its parameters, and gives back variables."""

from fairlead import NotebookTask, Pipeline, PythonTask


def measure(count: int = 5):
    points = [(x, 2.0 * x + 1 + (-1) ** x / 4) for x in range(count)]
    return points


def describe(slope, intercept):
    line = f"y = {slope:.2f} x + {intercept:.2f}"
    return line


notebooks = Pipeline(
    [
        PythonTask(measure),
        NotebookTask(notebook="fit.ipynb", returns=["slope", "intercept"]),
        PythonTask(describe),
    ],
    name="notebooks",
)
