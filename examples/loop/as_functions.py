"""The same as a workflow function: `repeat` gives what `improve` returned the last time."""

import loop as plain

from fairlead import repeat, task, workflow

improve = task(plain.improve, outputs=("slope", "gradient", "good"), tracked=("gradient",))
describe = task(plain.describe)


@workflow
def loop(slope: float = 0.0, rate: float = 0.05, tolerance: float = 0.001):
    fit = repeat(improve, until="good", max_iterations=50, index_as="i", slope=slope, rate=rate, tolerance=tolerance)
    return describe(fit[0])
