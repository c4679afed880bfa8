"""Excel workbooks: sheets with names of columns in their first row, in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from cpecgeo.errors import FileError, InputError, MissingExtraError
from cpecgeo.files.archives import check_zip
from cpecgeo.files.formats import Choice, choose_layer
from cpecgeo.files.header import refuse_doubled
from cpecgeo.files.tables import locate_rows
from cpecgeo.files.xmltext import ILLEGAL

__all__ = ["load_sheet", "read_excel", "write_excel"]

_MAX_ROWS, _MAX_TEXT = 1_048_576, 32_767


def read_excel(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read a sheet of an Excel workbook, whose first row holds the names of columns.

    Parameters
    ----------
    path : Path
    what : str
        The file's name, for messages.
    choice : Choice
        `layer` is the sheet.

    Returns
    -------
    GeoDataFrame

    Raises
    ------
    MissingExtraError
        openpyxl isn't installed.
    FileError
        It isn't a workbook.
    InputError
        Several sheets and none chosen, or no columns of positions.
    """
    return locate_rows(load_sheet(path, what, choice.layer), what, choice)


def load_sheet(path: Path, what: str, layer: str | None) -> pd.DataFrame:
    """Load a sheet as a table; formulas are the values that Excel last computed.

    Raises
    ------
    MissingExtraError, FileError, InputError
        As `read_excel`.
    """
    openpyxl = _openpyxl("read")
    check_zip(path, what)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        sheets = [s.title for s in book.worksheets]
        rows = list(book[choose_layer(sheets, layer, what)].iter_rows(values_only=True))
        book.close()
    except InputError:
        raise
    except Exception as error:
        # What a damaged workbook says of itself is believed by openpyxl, which fails in any way.
        said = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise FileError(f"{what} can't be read as Excel: {said}.") from error
    if not rows or all(cell is None for cell in rows[0]):
        raise FileError(f"{what} is empty; a header with column names is needed.")
    names = [str(n) if n is not None else f"column {i + 1}" for i, n in enumerate(rows[0])]
    refuse_doubled(names, what)
    # Rows end where their last cell does.
    body = [
        (*row, *[None] * (len(names) - len(row)))
        for row in rows[1:]
        if any(cell is not None for cell in row)
    ]
    return pd.DataFrame(
        {name: _typed([row[i] for row in body]) for i, name in enumerate(names)},
        index=range(len(body)),
    )


def _typed(cells: list[Any]) -> pd.Series:
    """Type a column by what its cells hold: all numbers, all times, or text."""
    column = pd.Series(cells, dtype=object)
    given = column.dropna()
    kinds = set(given.map(type))
    if kinds == {int}:
        return column.astype("Int64" if len(given) < len(column) else "int64")
    if kinds and kinds <= {int, float}:
        return column.astype(float)
    if len(kinds) == 1:
        return column.infer_objects()
    return column.map(lambda v: v if isinstance(v, str) or v is None else str(v))


def write_excel(frame: pd.DataFrame, path: Path, sheet: str) -> None:
    """Write a table as the only sheet of a workbook; text stays text, formulas too.

    Parameters
    ----------
    frame : DataFrame
        Its values are known to fit.
    path : Path
    sheet : str
        At most 31 letters are kept.

    Raises
    ------
    MissingExtraError
        openpyxl isn't installed.
    InputError
        More rows, or longer text, than a sheet holds.
    """
    openpyxl = _openpyxl("written")
    if len(frame) >= _MAX_ROWS:
        raise InputError(
            f"{len(frame):,} rows are more than a sheet holds; write .csv or .parquet."
        )
    for name in frame.columns:
        _check_text(str(name), [str(name), *(v for v in frame[name] if isinstance(v, str))])
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("".join(c for c in sheet if c not in "[]:*?/\\")[:31] or "cpecgeo")
    page.append([_cell(openpyxl, page, str(name)) for name in frame.columns])
    columns = [frame[name].astype(object) for name in frame.columns]
    for row in zip(*columns, strict=True):
        page.append([_cell(openpyxl, page, value) for value in row])
    book.save(path)


def _check_text(column: str, texts: list[str]) -> None:
    for text in texts:
        if len(text) > _MAX_TEXT:
            raise InputError(
                f"Column {column!r} has a text of {len(text):,} letters, and a cell holds "
                f"{_MAX_TEXT:,}; write .csv or .parquet."
            )
        if ILLEGAL.search(text):
            raise InputError(
                f"Column {column!r} has a control character ({text[:40]!r}), which Excel can't "
                "hold; take it out first."
            )


def _cell(openpyxl: Any, page: Any, value: Any) -> Any:
    if not isinstance(value, str):
        if value is None or pd.isna(value):
            return None
        return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
    cell = openpyxl.cell.WriteOnlyCell(page, value)
    # Text that looks like a formula is text.
    cell.data_type = "s"
    return cell


def _openpyxl(done: str) -> Any:
    try:
        import openpyxl
        import openpyxl.cell
    except ImportError as error:
        raise MissingExtraError(
            f"Excel files are {done} by openpyxl: pip install 'cpecgeo[excel]'."
        ) from error
    return openpyxl
