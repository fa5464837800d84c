"""How the study's results are drawn: a confusion matrix and a page. Nothing is fitted or run here."""

import base64
import io
import statistics
from collections import Counter
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib as mpl
import numpy as np
from page import MISTAKE, PAGE, PAIR, ROW

mpl.use("Agg")  # pictures go to files; no window is needed
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap

INK, ACCENT = "#1b2432", "#2f6fed"
GREYS = LinearSegmentedColormap.from_list("greys", ["#ffffff", "#c3ccdb", "#5d6b82", INK])
BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#d6e4ff", ACCENT])
REDS = LinearSegmentedColormap.from_list("reds", ["#fff1ec", "#ffb59e", "#e5532d"])


@dataclass
class Result:
    """One model over all folds; results compare by accuracy."""

    name: str
    read: np.ndarray
    """What the model read for every image, each while it was held out."""
    accuracies: tuple[float, ...]
    fit_seconds: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float:
        return statistics.stdev(self.accuracies)

    @property
    def seconds(self) -> float:
        return statistics.fmean(self.fit_seconds)

    def __lt__(self, other: "Result") -> bool:
        return self.accuracy < other.accuracy


def draw_confusion(best: Result, labels, path: Path) -> Path:
    """Draw what was taken for what; the diagonal is right."""
    matrix = np.zeros((10, 10), dtype=int)
    np.add.at(matrix, (labels, best.read), 1)
    wrong = matrix - np.diag(np.diag(matrix))

    with plt.rc_context({"text.color": INK, "axes.labelcolor": INK, "axes.labelsize": 12}):
        figure, axes = plt.subplots(figsize=(6.4, 6.4), dpi=160)
        axes.imshow(matrix, cmap=BLUES, vmin=0, vmax=260)
        axes.imshow(np.ma.masked_equal(wrong, 0), cmap=REDS, vmin=0, vmax=max(6, wrong.max()))
        for truth, read in zip(*np.nonzero(matrix), strict=True):
            weight = "bold" if truth == read else "normal"
            axes.text(read, truth, matrix[truth, read], ha="center", va="center", weight=weight, fontsize=11)
        axes.set(xlabel="read as", ylabel="written", xticks=range(10), yticks=range(10))
        axes.set_xticks(np.arange(-0.5, 10), minor=True)
        axes.set_yticks(np.arange(-0.5, 10), minor=True)
        axes.grid(which="minor", color="#e6eaf2", linewidth=1)
        axes.tick_params(which="both", length=0, labelsize=12, labelcolor=INK)
        axes.spines[:].set_visible(False)
        figure.savefig(path, bbox_inches="tight", facecolor="white")
        plt.close(figure)
    return path


def write_page(ranking: list[Result], images, labels, picture: Path, path: Path) -> Path:
    """Write a page that needs no other file."""
    best = ranking[0]
    read, wrong = best.read, np.flatnonzero(best.read != labels)
    page = PAGE.substitute(
        images=f"{len(labels):,}",
        models=len(ranking),
        folds=len(best.accuracies),
        fits=len(ranking) * len(best.accuracies),
        best=escape(best.name),
        accuracy=f"{100 * best.accuracy:.1f}",
        right=f"{len(labels) - len(wrong):,}",
        wrong=len(wrong),
        rows="".join(_row(place, result, ranking) for place, result in enumerate(ranking, 1)),
        axis="".join(f"<span>{100 * tick:.0f}</span>" for tick in np.arange(_floor(ranking), 1.001, 0.05)),
        confusion=_data_url(picture.read_bytes()),
        pairs="".join(_pair(*pair, images, labels, read) for pair in _most_confused(labels, read)),
        mistakes="".join(_mistake(images[i], labels[i], read[i]) for i in wrong[np.argsort(labels[wrong])]),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _row(place: int, result: Result, ranking: list[Result]) -> str:
    floor = _floor(ranking)
    slowest = max(other.seconds for other in ranking)

    def across(accuracy: float) -> str:
        return f"{100 * (accuracy - floor) / (1 - floor):.2f}%"

    return ROW.substitute(
        place=place,
        name=escape(result.name),
        accuracy=f"{100 * result.accuracy:.2f}",
        spread=f"{100 * result.spread:.2f}",
        bar=across(result.accuracy),
        dots="".join(f'<i style="left:{across(accuracy)}"></i>' for accuracy in result.accuracies),
        seconds=f"{result.seconds:.2f} s" if result.seconds >= 1 else f"{1000 * result.seconds:.0f} ms",
        share=f"{100 * result.seconds / slowest:.1f}%",
    )


def _floor(ranking: list[Result]) -> float:
    """Where the bars begin: a little below the worst fold, on a round number."""
    return np.floor(20 * min(min(result.accuracies) for result in ranking)) / 20


def _most_confused(labels, read) -> list[tuple[int, int]]:
    """Pairs of digits by how often one was taken for the other, either way."""
    pairs = Counter(tuple(sorted(pair)) for pair in zip(labels, read, strict=True) if pair[0] != pair[1])
    return [pair for pair, _ in pairs.most_common(5)]


def _pair(one: int, other: int, images, labels, read) -> str:
    mixed = np.flatnonzero((np.minimum(labels, read) == one) & (np.maximum(labels, read) == other))
    shown = "".join(f'<img alt="" src="{_drawn(images[i])}">' for i in mixed[:4])
    return PAIR.substitute(one=one, other=other, shown=shown, count=len(mixed))


def _mistake(image, label, read) -> str:
    return MISTAKE.substitute(image=_drawn(image), label=label, read=read)


def _drawn(image) -> str:
    drawn = io.BytesIO()
    plt.imsave(drawn, image.reshape(8, 8), cmap=GREYS, vmin=0, vmax=16)
    return _data_url(drawn.getvalue())


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
