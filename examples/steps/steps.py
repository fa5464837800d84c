"""Steps: plain functions in a row. Values flow by name from one to the next."""

from fairlead import Pipeline, PythonTask, metric


def read(text: str = "21.5 22.1 999 20.8 -0.4"):
    readings = [float(word) for word in text.split()]
    return readings


def clean(readings, low: float = -40.0, high: float = 60.0):
    plausible = [reading for reading in readings if low < reading < high]
    return plausible


def describe(readings, plausible):
    mean = sum(plausible) / len(plausible)
    left_out = len(readings) - len(plausible)
    return mean, left_out


steps = Pipeline(
    [
        PythonTask(read),
        PythonTask(clean),
        PythonTask(describe, returns=[metric("mean"), "left_out"]),
    ],
    name="steps",
)

if __name__ == "__main__":
    print(steps.run(parameters={"high": 22.0}).get_results())
