"""Digests of arrays and data frames by content. Only loaded when NumPy, pandas or pyarrow are.

Strides, blocks, chunks and offsets are accidents; they do not count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from fairlead.stores.digest import Digester

__all__ = ["rule_for"]

Rule = Callable[[Digester, Any], bytes]


def rule_for(value: Any) -> Rule | None:
    """Give the rule for a value of one of these libraries, or None."""
    top = {base.__module__.partition(".")[0] for base in type(value).__mro__ if base.__module__}
    if "numpy" in top:
        return _numpy_rule(value)
    if "pandas" in top:
        return _pandas_rule(value)
    if "pyarrow" in top:
        return _arrow_rule(value)
    return None


# --- NumPy ---------------------------------------------------------------------------------------


def _numpy_rule(value: Any) -> Rule | None:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.ma.MaskedArray):
        return _masked
    if isinstance(value, numpy.ndarray):
        return _array
    return _scalar if isinstance(value, numpy.generic) else None


def _array(digester: Digester, value: Any) -> bytes:
    numpy = sys.modules["numpy"]
    plain = numpy.asarray(value)
    kind = numpy.ndarray if isinstance(value, numpy.memmap) else type(value)
    state = None if kind is not type(value) else getattr(value, "__dict__", None)
    return digester.all("array", (kind, state or None, _content(digester, plain)))


def _content(digester: Digester, array: Any) -> bytes:
    numpy = sys.modules["numpy"]
    kind = array.dtype
    if kind.names is not None:
        # Field by field: what stands between the fields is no part of the value.
        fields = [(name, kind.fields[name][0].shape, _content(digester, array[name])) for name in kind.names]
        return digester.all("record", (array.shape, kind.type, fields))
    if kind.hasobject or kind.kind == "T":
        return digester.all("objects", (str(kind), array.shape, array.ravel().tolist()))
    hasher = sha256(f"{kind.str}{array.shape}\0".encode())
    if array.nbytes:
        hasher.update(numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8))
    return hasher.digest()


def _scalar(digester: Digester, value: Any) -> bytes:
    numpy = sys.modules["numpy"]
    return digester.all("scalar", (type(value), _content(digester, numpy.asarray(value))))


def _masked(digester: Digester, value: Any) -> bytes:
    numpy = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(value)
    filled = value.filled() if value.dtype.names is None else value.data
    parts = (type(value), _content(digester, filled), _content(digester, mask), value.fill_value, value.hardmask)
    return digester.all("masked", parts)


# --- pandas --------------------------------------------------------------------------------------


def _pandas_rule(value: Any) -> Rule | None:
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        return _frame
    if isinstance(value, pandas.Series):
        return _series
    if isinstance(value, pandas.Index):
        return _index
    return _column if isinstance(value, pandas.api.extensions.ExtensionArray) else None


def _own(value: Any) -> Any:
    """What a subclass adds, by the names that pandas is told to keep."""
    return {name: getattr(value, name, None) for name in value._metadata if name not in {"_name", "name"}}


def _frame(digester: Digester, value: Any) -> bytes:
    columns = [value.iloc[:, place].array for place in range(value.shape[1])]
    flags = value.flags.allows_duplicate_labels
    return digester.all("frame", (type(value), value.columns, value.index, columns, value.attrs, flags, _own(value)))


def _series(digester: Digester, value: Any) -> bytes:
    flags = value.flags.allows_duplicate_labels
    return digester.all("series", (type(value), value.name, value.index, value.array, value.attrs, flags, _own(value)))


def _index(digester: Digester, value: Any) -> bytes:
    pandas = sys.modules["pandas"]
    head = (type(value), list(value.names))
    if isinstance(value, pandas.RangeIndex):
        return digester.all("index", (*head, value.start, value.stop, value.step))
    if isinstance(value, pandas.MultiIndex):
        levels = [value.get_level_values(level).array for level in range(value.nlevels)]
        return digester.all("index", (*head, *levels))
    return digester.all("index", (*head, getattr(value, "freqstr", None), value.array))


def _column(digester: Digester, value: Any) -> bytes:
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    head = (type(value), _type_of(value.dtype))
    if isinstance(value, pandas.Categorical):
        return digester.all("column", (*head, value.categories, value.ordered, numpy.asarray(value.codes)))
    if hasattr(value, "asi8"):
        return digester.all("column", (*head, value.asi8))
    if isinstance(value, pandas.arrays.NumpyExtensionArray):
        return digester.all("column", (*head, value.to_numpy()))
    missing = numpy.asarray(value.isna())
    if isinstance(value.dtype, pandas.StringDtype):
        present = value[~missing].tolist()
        return digester.all("column", (*head, missing, present))
    arrays = pandas.arrays
    if isinstance(value, (arrays.BooleanArray, arrays.IntegerArray, arrays.FloatingArray)):
        filled = value.to_numpy(dtype=value.dtype.numpy_dtype, na_value=0)
        return digester.all("column", (*head, missing, filled))
    if isinstance(value.dtype, pandas.ArrowDtype):
        return digester.all("column", (*head, sys.modules["pyarrow"].array(value)))
    return digester.all("column", (*head, missing, list(value[~missing])))


def _type_of(dtype: Any) -> str:
    return f"{type(dtype).__qualname__}:{dtype!r}"


# --- pyarrow -------------------------------------------------------------------------------------


def _arrow_rule(value: Any) -> Rule | None:
    arrow = sys.modules["pyarrow"]
    if isinstance(value, (arrow.Table, arrow.RecordBatch, arrow.ChunkedArray, arrow.Array)):
        return _arrow
    return None


def _arrow(digester: Digester, value: Any) -> bytes:
    """Digest the stream of one chunk that Arrow writes of it."""
    arrow = sys.modules["pyarrow"]
    if isinstance(value, arrow.Table):
        table = value
    elif isinstance(value, arrow.RecordBatch):
        table = arrow.Table.from_batches([value])
    else:
        table = arrow.table({"": value})
    sink = arrow.BufferOutputStream()
    whole = table.combine_chunks()
    with arrow.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    content = sha256(sink.getvalue()).digest()
    kind = "chunked" if isinstance(value, arrow.ChunkedArray) else type(value).__qualname__
    return digester.all("arrow", (kind, content))
