"""Well-known binary, looked at before GEOS parses it.

GEOS follows collections within collections by recursion, so that a geometry nested some 20,000
deep ends the process. Here types and depth are read from the bytes, without recursion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cpecgeo.errors import GeometryError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["MAX_DEPTH", "binary", "heads", "is_deep", "refuse_deep"]

# As in GDAL; collections of real features are nested once or twice.
MAX_DEPTH = 32
# What one level of nesting takes: byte order, type, count.
_LEVEL_BYTES = 9


def binary(column: pa.Array | pa.ChunkedArray, what: str) -> pa.Array:
    """Return a column of geometry as one plain array of bytes.

    Parameters
    ----------
    column : pyarrow.Array or ChunkedArray
    what : str
        For messages.

    Raises
    ------
    GeometryError
        It holds something else, such as text.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_null(kind):
        return column.cast(pa.binary())
    raise GeometryError(f"{what} has {kind} as its geometry; well-known binary is needed.")


def heads(column: pa.Array) -> NDArray[np.int64]:
    """Return the type codes of geometries without dimensions and flags; 0 where there is none.

    Parameters
    ----------
    column : pyarrow.Array of binary or large_binary

    Returns
    -------
    ndarray of int64
        1 for points to 7 for collections, others as in ISO 13249-3; 0 for missing values and
        for those too short to have one.

    Examples
    --------
    >>> import pyarrow as pa, shapely
    >>> heads(pa.array([shapely.to_wkb(shapely.Point(67, 25, 3)), None, b""])).tolist()
    [1, 0, 0]
    """
    data, starts, sizes = _buffers(column)
    whole = sizes >= 5
    codes = np.zeros(len(sizes), np.int64)
    if whole.any():
        first = starts[whole]
        order = data[first] == 0
        low = np.where(order, data[first + 4], data[first + 1]).astype(np.int64)
        high = np.where(order, data[first + 3], data[first + 2]).astype(np.int64)
        codes[whole] = (low + 256 * high) % 1000
    return codes


def refuse_deep(column: pa.Array | pa.ChunkedArray, what: str, *, row: int = 0) -> None:
    """Refuse geometries that are nested more than `MAX_DEPTH` deep.

    Parameters
    ----------
    column : pyarrow.Array or ChunkedArray
        Of well-known binary.
    what : str
        Where they are from, for the message.
    row : int
        Number of the first row, for the message.

    Raises
    ------
    GeometryError
        A geometry is nested deeper, or the column doesn't hold bytes.
    """
    column = binary(column, what)
    codes = heads(column)
    data, starts, sizes = _buffers(column)
    rows = np.flatnonzero((codes > 3) & (sizes > _LEVEL_BYTES * MAX_DEPTH))
    if len(rows) == 0:
        return
    # Compiled code takes its time to load, and hardly any file has such rows.
    from cpecgeo.files._nesting import first_deep

    first = first_deep(data, starts[rows], starts[rows] + sizes[rows], MAX_DEPTH)
    if first >= 0:
        raise GeometryError(
            f"{what} has a geometry in row {row + rows[first] + 1} that is nested more than "
            f"{MAX_DEPTH} deep; take its parts out of their collections."
        )


def is_deep(value: bytes) -> bool:
    """Return whether one geometry is nested more than `MAX_DEPTH` deep.

    Examples
    --------
    >>> import shapely
    >>> is_deep(shapely.to_wkb(shapely.Point(67, 25)))
    False
    """
    if len(value) <= _LEVEL_BYTES * MAX_DEPTH:
        return False
    from cpecgeo.files._nesting import first_deep

    ends = np.array([0, len(value)], np.int64)
    deep: int = first_deep(np.frombuffer(value, np.uint8), ends[:1], ends[1:], MAX_DEPTH)
    return deep == 0


def _buffers(column: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bytes of all values, where each begins, and its length; 0 where missing."""
    import pyarrow as pa

    count = len(column)
    _, offsets, data = column.buffers()
    if count == 0 or offsets is None or data is None:
        return np.zeros(1, np.uint8), np.zeros(count, np.int64), np.zeros(count, np.int64)
    kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
    edges = np.frombuffer(offsets, kind)[column.offset : column.offset + count + 1]
    starts, sizes = edges[:-1].astype(np.int64), np.diff(edges).astype(np.int64)
    if column.null_count:
        sizes[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return np.frombuffer(data, np.uint8), starts, sizes
