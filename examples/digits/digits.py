"""Which model reads handwritten digits best?

Every model is cross-validated on the 1,797 images that ship with scikit-learn. Models times folds
are fitted side by side on all cores; what comes out is a page to look at.

    fairlead run digits.py
    fairlead run digits.py -p folds=10
"""

from pathlib import Path
from time import perf_counter

import numpy as np
from report import Result, draw_confusion, write_page
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from fairlead import task, workflow

MODELS = {
    "Naive Bayes": GaussianNB(var_smoothing=1e-2),
    "Logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.1)),
    "Random forest": RandomForestClassifier(n_estimators=150, random_state=0),
    "Neural network": MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.01, random_state=0),
    "Three nearest neighbours": KNeighborsClassifier(n_neighbors=3),
    "Support vector machine": SVC(gamma=0.001, C=10),
}


@task(cache=True, outputs=("images", "labels"))
def load():
    digits = load_digits()
    return digits.data, digits.target


@task(cache=True)
def split(labels, folds: int) -> list:
    """Deal the images out, so that every fold has its share of each digit."""
    parts = StratifiedKFold(folds, shuffle=True, random_state=0).split(labels, labels)
    return [held_out for _, held_out in parts]


@task(cache=True, outputs=("read", "accuracy", "seconds"), tracked=("accuracy", "seconds"))
def score(held_out, model, images, labels):
    """Learn from all other images, then read those that were held out."""
    seen = np.delete(np.arange(len(labels)), held_out)
    started = perf_counter()
    with threadpool_limits(1):  # the cores are busy with other folds
        fitted = clone(model).fit(images[seen], labels[seen])
    seconds = perf_counter() - started
    read = fitted.predict(images[held_out])
    return read, float(np.mean(read == labels[held_out])), seconds


@task(cache=True)
def summarise(name: str, folds: list, scores: list) -> Result:
    read, accuracies, seconds = zip(*scores, strict=True)
    in_order = np.argsort(np.concatenate(folds))
    return Result(name, np.concatenate(read)[in_order], accuracies, seconds)


@workflow
def cross_validate(name, model, folds, images, labels):
    scores = score.map(folds, model=model, images=images, labels=labels)
    return summarise(name, folds, scores)


@task(cache=True)
def confusion(results: list, labels) -> Path:
    return draw_confusion(max(results), labels, Path("confusion.png"))


@task(cache=True)
def report(results: list, images, labels, picture: Path) -> Path:
    return write_page(sorted(results, reverse=True), images, labels, picture, Path("report.html"))


@workflow
def study(folds: int = 5):
    images, labels = load()
    parts = split(labels, folds)
    results = cross_validate.map(list(MODELS), list(MODELS.values()), folds=parts, images=images, labels=labels)
    picture = confusion(results, labels)
    return {"report": report(results, images, labels, picture), "confusion": picture}
