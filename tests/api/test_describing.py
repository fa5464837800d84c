"""What authors say about parameters, in the styles in which they say it."""

from typing import Annotated, Any

import msgspec
import pydantic
import pytest

from fairlead.api.describing import said_of
from fairlead.author.built import Input
from fairlead.author.callables import clean_doc

GOOGLE = """Train.

    Args:
        path: Where the data
            is.
        rate (float, optional): How fast.

    Returns:
        n: no parameter
    """

NUMPY = """Train.

    Parameters
    ----------
    path : str
        Where the data
        is.

    rate
        How fast.

    Returns
    -------
    n
        no parameter
    """

SPHINX = """Train.

    :param path: Where the data is.
    :param float rate: How fast.
    :returns: nothing
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX])
def test_docstrings_are_read_in_all_usual_styles(doc):
    def train(): ...

    train.__doc__ = doc
    inputs = [Input(name, Any, "", True, None) for name in ("path", "rate", "n")]
    assert said_of(inputs, clean_doc(train)) == {"path": "Where the data is.", "rate": "How fast."}


@pytest.mark.parametrize("mark", [msgspec.Meta(description="How fast."), pydantic.Field(description="How fast.")])
def test_the_annotation_says_it_best(mark):
    assert said_of([Input("rate", Annotated[float, mark], "", True, None)], "Args:\n  rate: Else.") == {
        "rate": "How fast."
    }


@pytest.mark.parametrize(
    "doc", ["", "Args:", "Parameters\n", "Parameters", "Parameters\n---", "Args:\n\n  rate: later"]
)
def test_a_docstring_without_any_says_nothing(doc):
    assert said_of([Input("rate", Annotated[float, "r"], "", True, None)], doc) == {}
