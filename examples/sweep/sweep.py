"""Where the settings of a model come from: a sweep that looks closer and closer, until that no longer pays.

A support vector machine that reads digits has two settings, C and gamma. Each round tries nine pairs
around the best so far, side by side, and the next round looks at half the distance.

    fairlead run sweep.py
    fairlead run sweep.py -p every=1 -p enough=0.0001
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from fairlead import repeat, task, workflow


@task(outputs=("images", "labels"))
def load(every: int):
    digits = load_digits()
    return digits.data[::every], digits.target[::every]


@task
def propose(c: float, gamma: float, decades: float) -> list[tuple[float, float]]:
    factors = [10**-decades, 1, 10**decades]
    return [(float(f"{c * up:.3g}"), float(f"{gamma * along:.3g}")) for up in factors for along in factors]


@task(cache=True)
def score(pair: tuple[float, float], images, labels) -> float:
    c, gamma = pair
    return float(cross_val_score(SVC(C=c, gamma=gamma), images, labels, cv=3).mean())


@task(outputs=("c", "gamma", "best", "decades", "done"), tracked=("best",))
def choose(pairs: list, scores: list[float], decades: float, best: float, enough: float):
    """Go to the best pair; of equals to the smallest, which gives the smoothest model."""
    found = max(scores)
    c, gamma = min(pair for pair, one in zip(pairs, scores, strict=True) if one == found)
    print(f"C = {c:g}, gamma = {gamma:g}: {found:.2%} right")
    return c, gamma, found, decades / 2, found - best < enough


@workflow
def closer(c, gamma, decades, best, images, labels, enough):
    pairs = propose(c, gamma, decades)
    scores = score.map(pairs, images=images, labels=labels)
    c, gamma, best, decades, done = choose(pairs, scores, decades, best, enough)
    return {"c": c, "gamma": gamma, "best": best, "decades": decades, "done": done}


@workflow
def sweep(c: float = 1.0, gamma: float = 0.0001, every: int = 6, enough: float = 0.001):
    """Look for the best C and gamma.

    Args:
        c: Where to begin.
        gamma: Where to begin.
        every: Take one of so many images.
        enough: Stop when a round gains less than this.
    """
    images, labels = load(every)
    start = {"c": c, "gamma": gamma, "decades": 1.0, "best": 0.0}
    found = repeat(closer, until="done", max_iterations=8, **start, images=images, labels=labels, enough=enough)
    return {"c": found["c"], "gamma": found["gamma"], "right": found["best"]}
