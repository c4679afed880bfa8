"""Tables with positions: CSV, and sheets of Excel workbooks."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from cpecgeo.errors import FileError, InputError, MissingExtraError, warn
from cpecgeo.files.disk import check_zip, first_line
from cpecgeo.files.fields import refuse_illegal
from cpecgeo.files.formats import Choice, choose_layer
from cpecgeo.files.numbers import infer_types, join_thousands, refuse_lengths, unify
from cpecgeo.files.positions import locate_rows
from cpecgeo.files.text import (
    HEAD_BYTES,
    encoding_error,
    open_table,
    parse_header,
    refuse_doubled,
    refuse_unclosed,
    usual_separator,
)

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["load_csv", "load_sheet", "read_csv", "read_excel", "write_excel"]

# Most rows of a sheet, and most letters of a cell.
_MAX_ROWS, _MAX_TEXT = 1_048_576, 32_767


def read_csv(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read a CSV file, as a `Reader`; every cell keeps its text.

    It is read as UTF-8 unless another encoding is given. The header shows whether commas,
    semicolons, tabs or bars separate the cells.
    """
    raw, separator, codec = load_csv(path, what, choice.encoding)
    frame = locate_rows(raw, what, choice)
    names = [name for name in frame.columns if name != frame.geometry.name]
    attrs, frame.attrs = frame.attrs, {}  # pandas would copy them with every column
    if separator != usual_separator(what):
        attrs["read_as"] += f"; separator {separator!r}"
    if codec != "utf-8":
        attrs["read_as"] += f"; encoding {codec}"
    kept = set(attrs["position_columns"])
    typed = {
        name: _type_of_texts(frame[name], None if name in kept else choice.thousands)
        for name in names
    }
    located = gpd.GeoDataFrame(typed, geometry=frame.geometry, crs=frame.crs, index=frame.index)
    located.attrs = attrs
    return located


def _type_of_texts(texts: pd.Series, thousands: str | None) -> pd.Series:
    """Infer the type of a column; remove separators of thousands where all cells are numbers."""
    plain = join_thousands(texts, thousands)
    if thousands is not None and not plain.equals(texts):
        given = plain != ""
        numbers = pd.to_numeric(plain.where(given), errors="coerce")
        if numbers.notna().equals(given):
            return numbers
    return infer_types(texts)


def load_csv(path: Path, what: str, encoding: str | None = None) -> tuple[pd.DataFrame, str, str]:
    """Load a CSV file with all cells as text; return also its separator and encoding.

    Rows that don't fit the header are an `InputError`, anything else that isn't CSV a `FileError`.
    """
    with open_table(path, what, encoding) as (file, codec):
        head = file.read(HEAD_BYTES)
        header = parse_header(head, what)
        names, separator = list(header.names), header.separator
        first = _first_row(head[header.end : header.end + (1 << 20)], separator, what) or names
        # If the first row is longer, pandas reads an index and shifts the columns.
        refuse_lengths([first], len(names), separator, what)
        file.seek(header.end)
        try:
            raw = pd.read_csv(
                file, sep=separator, encoding="utf-8", header=None, names=names, dtype=str,
                keep_default_na=False, na_filter=False,
            )  # fmt: skip
        except UnicodeDecodeError as error:
            raise encoding_error("utf-8", error, what) from None
        except pd.errors.EmptyDataError:
            raw = pd.DataFrame({name: pd.Series([], dtype=str) for name in names})
        except (pd.errors.ParserError, csv.Error) as error:
            file.seek(header.end)
            refuse_unclosed(file.read(), separator, what)
            file.seek(header.end)
            with contextlib.suppress(csv.Error, UnicodeDecodeError), _rows(file, separator) as rows:
                refuse_lengths(rows, len(names), separator, what)
            raise FileError(f"{what} can't be read as CSV: {first_line(error)}.") from error
        # pandas fills rows that end early, so an empty last cell is the only sign of them.
        if len(names) > 1 and (raw.iloc[:, -1] == "").any():
            file.seek(header.end)
            _warn_short(file, len(names), separator, what)
    return raw, separator, codec


def _warn_short(file: IO[bytes], columns: int, separator: str, what: str) -> None:
    """Warn of rows with fewer values than columns."""
    # A cell may exceed csv's limit.
    with contextlib.suppress(csv.Error), _rows(file, separator) as rows:
        short = [number for number, row in enumerate(rows, 1) if len(row) < columns]
        if short:
            warn(
                f"{what} has {len(short):,} rows with fewer than {columns} values, such as row "
                f"{short[0]}; what they lack is read as missing."
            )


@contextlib.contextmanager
def _rows(file: IO[bytes], separator: str) -> Iterator[Iterator[list[str]]]:
    """Yield the remaining rows of CSV in UTF-8, without empty ones."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield (row for row in csv.reader(text, delimiter=separator) if row)
    finally:
        text.detach()


def _first_row(raw: bytes, separator: str, what: str) -> list[str] | None:
    text = io.StringIO(raw.decode("utf-8", "replace"), newline="")
    try:
        return next((row for row in csv.reader(text, delimiter=separator) if row), None)
    except csv.Error as error:
        if "field larger" in str(error):
            return None
        raise FileError(f"{what} can't be read as CSV: {error}.") from error


def read_excel(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read a sheet (the layer) of an Excel workbook, as a `Reader`; its first row has the names."""
    return locate_rows(load_sheet(path, what, choice.layer), what, choice)


def _has_cells(sheet: Worksheet) -> bool:
    """Return whether the top of a sheet has any content."""
    rows = sheet.iter_rows(max_row=100, values_only=True)
    return any(cell is not None for row in rows for cell in row)


def load_sheet(path: Path, what: str, layer: str | None) -> pd.DataFrame:
    """Load a sheet as a table; a formula is read as the value that Excel last computed.

    Warnings name formulas without a stored value, rows left out and merged cells.
    """
    openpyxl = _openpyxl("read")
    check_zip(path, what)
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            # openpyxl leaves a file open that is damaged, or lacks the layer.
            with path.open("rb") as file:
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                sheets = [s.title for s in book.worksheets]
                if layer is None and len(sheets) > 1:  # old versions of Excel add two empty sheets
                    held = [sheet.title for sheet in book.worksheets if _has_cells(sheet)]
                    sheets = held or sheets[:1]
                sheet = choose_layer(sheets, layer, what)
                rows = list(book[sheet].iter_rows(values_only=True))
                inside = _markup(path, book[sheet])
                has_formulas = re.search(rb"<(\w+:)?f[ />]", inside) is not None
                empty = _empty_formulas(openpyxl, path, book[sheet]) if has_formulas else {}
                merged = _find_merged(inside)
        except InputError:
            raise
        except Exception as error:
            # openpyxl trusts a damaged workbook's metadata, and may fail with any error.
            raise FileError(f"{what} can't be read as Excel: {first_line(error)}.") from error
    # Ignore openpyxl's warnings about styles and extensions, but not about cells.
    for text in dict.fromkeys(str(r.message) for r in remarks if "Cell " in str(r.message)):
        warn(f"{what}: {text}")
    # A table may begin below blank rows, as in CSV.
    above = len(rows)
    rows = list(itertools.dropwhile(lambda row: all(cell is None for cell in row), rows))
    above -= len(rows)
    titles = _count_titles(rows)
    if titles:
        shown = next(str(cell) for cell in rows[0] if cell is not None)[:40]
        warn(
            f"{what} has {titles} rows above the header of the sheet {sheet!r}, such as {shown!r}; "
            "they are left out."
        )
        above, rows = above + titles, rows[titles:]
    if not rows:
        raise FileError(f"{what} is empty; a header with column names is needed.")
    width = max(map(len, rows))
    rows = [(*row, *[None] * (width - len(row))) for row in rows]
    head = [str(n) if n is not None else f"column {i + 1}" for i, n in enumerate(rows[0])]
    # Keep a column without a name if it has values.
    names = {i: n for i, n in enumerate(head) if any(row[i] is not None for row in rows)}
    refuse_doubled(names.values(), what)
    if empty:
        columns = ", ".join(repr(head[i][:40]) for i in list(empty)[:8])
        warn(
            f"{what} has {sum(empty.values())} formulas without a stored value in the columns "
            f"{columns} of the sheet {sheet!r}; they are read as missing. Open it in Excel or "
            "LibreOffice and save it there, which computes them."
        )
    if down := [text for text, last in merged if last > above + 1]:
        warn(
            f"{what} has {len(down)} merged cells among the rows of the sheet {sheet!r}, such as "
            f"{down[0]}; the first row of each alone has the value. Unmerge them and fill them "
            "down to keep it in all."
        )
    body = [row for row in rows[1:] if any(cell is not None for cell in row)]
    return pd.DataFrame(
        {name: unify([row[i] for row in body]) for i, name in names.items()},
        index=range(len(body)),
    )


def _count_titles(rows: list[tuple[Any, ...]]) -> int:
    """Return how many rows at the top are a title: a single cell above a row of several names."""
    for count, row in enumerate(rows[:10]):
        cells = [cell for cell in row if cell is not None]
        if len(cells) > 1:
            return count if all(isinstance(cell, str) for cell in cells) else 0
    return 0


def _markup(path: Path, sheet: Worksheet) -> bytes:
    """Return the XML of a sheet, for what openpyxl doesn't read."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(sheet._worksheet_path)  # noqa: SLF001


def _find_merged(inside: bytes) -> list[tuple[str, int]]:
    """Return the ranges of cells merged over several rows, and their last rows."""
    found = re.findall(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+([0-9]+):[A-Z]+([0-9]+))"', inside)
    return [(text.decode(), int(last)) for text, first, last in found if first != last]


def _empty_formulas(openpyxl: ModuleType, path: Path, values: Worksheet) -> dict[int, int]:
    """Count the formulas of a sheet without a stored value, by column from 0.

    A formula whose value is an empty text does have one, as its type shows.
    """
    found: Counter[int] = Counter()
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True)
        for asked, stored in zip(book[values.title].iter_rows(), values.iter_rows(), strict=True):
            found.update(
                i
                for i, (formula, cell) in enumerate(zip(asked, stored, strict=True))
                if formula.data_type == "f" and cell.value is None and cell.data_type != "str"
            )
    return dict(sorted(found.items()))


def write_excel(frame: pd.DataFrame, path: Path, sheet: str) -> None:
    """Write a table as the only sheet of a workbook; text stays text, formulas too.

    The sheet's name is cut to 31 letters. More rows, or longer text, than a sheet holds are an
    `InputError`.
    """
    openpyxl = _openpyxl("written")
    if len(frame) >= _MAX_ROWS:
        raise InputError(
            f"{len(frame):,} rows are more than a sheet holds; write .csv or .parquet."
        )
    refuse_illegal(frame, "Excel")
    for name in frame.columns:
        most = max((len(v) for v in frame[name] if isinstance(v, str)), default=0)
        if most > _MAX_TEXT:
            raise InputError(
                f"Column {name!r} has a text of {most:,} letters, and a cell holds "
                f"{_MAX_TEXT:,}; write .csv or .parquet."
            )
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("".join(c for c in sheet if c not in "[]:*?/\\")[:31] or "cpecgeo")
    page.append([_cell(openpyxl, page, str(name)) for name in frame.columns])
    columns = [frame[name].astype(object) for name in frame.columns]
    for row in zip(*columns, strict=True):
        page.append([_cell(openpyxl, page, value) for value in row])
    book.save(path)


def _cell(openpyxl: ModuleType, page: Worksheet, value: object) -> Any:
    if not isinstance(value, str):
        if value is None or pd.isna(value):
            return None
        return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
    cell = openpyxl.cell.WriteOnlyCell(page, value)
    # Text that looks like a formula stays text.
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
