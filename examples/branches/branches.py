"""Branches: three measures of one text, taken side by side. How hard is it to read?"""

from fairlead import Parallel, Pipeline, PythonTask, metric

TEXT = """\
Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and nothing
particular to interest me on shore, I thought I would sail about a little and see the watery part of the world."""


def load(text: str = TEXT):
    page = text.lower()
    return page


def count_words(page):
    words = len(page.split())
    return words


def count_letters(page):
    letters = sum(map(str.isalpha, page))
    return letters


def count_sentences(page):
    sentences = sum(map(page.count, ".!?"))
    return sentences


def coleman_liau(words, letters, sentences):
    """The school year in which it can be read (Coleman and Liau, 1975)."""
    year = round(5.88 * letters / words - 29.6 * sentences / words - 15.8, 1)
    return year


branches = Pipeline(
    [
        PythonTask(load),
        Parallel(
            "measures",
            branches={"words": count_words, "letters": count_letters, "sentences": count_sentences},
        ),
        PythonTask(coleman_liau, returns=[metric("year")]),
    ],
    name="branches",
)
