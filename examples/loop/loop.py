"""A loop: fit a line through some points, a step at a time, until it is good enough."""

from fairlead import Loop, Pipeline, PythonTask, metric

POINTS = [(1, 3.1), (2, 5.9), (3, 9.2), (4, 11.9)]


def improve(i, slope: float = 0.0, rate: float = 0.05, tolerance: float = 0.001):
    """Go down the gradient of the mean squared error."""
    gradient = sum(2 * x * (slope * x - y) for x, y in POINTS) / len(POINTS)
    slope = slope - rate * gradient
    good = abs(gradient) < tolerance
    print(f"step {i}: slope {slope:.4f}, gradient {gradient:.4f}")
    return slope, gradient, good


def describe(slope):
    line = f"y = {slope:.3f} x"
    return line


loop = Pipeline(
    [
        Loop(
            "descent",
            branch=PythonTask(improve, returns=["slope", metric("gradient"), "good"]),
            max_iterations=50,
            break_on="good",
            index_as="i",
        ),
        PythonTask(describe),
    ],
    name="loop",
)
