"""Reuse and resume: what is still valid does not run again, and Fairlead says why."""

from fairlead import task, workflow

GRAVITY = 9.81


def distance(seconds: int) -> float:
    return GRAVITY * seconds**2 / 2


@task
def moments(count: int) -> list[int]:
    return list(range(1, count + 1))


@task(cache=True)
def fall(seconds: int) -> float:
    """Stand for what takes an hour."""
    return round(distance(seconds), 2)


@task
def reach(falls: list[float], depth: float) -> str:
    if falls[-1] < depth:
        raise ValueError(f"{depth} m is deeper than {falls[-1]} m")
    return f"{depth} m is reached in second {sum(fall < depth for fall in falls) + 1}"


@workflow
def caching(count: int = 4, depth: float = 50.0):
    return reach(fall.map(moments(count)), depth)
