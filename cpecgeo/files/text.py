"""Files of text: encoding and compression, the header of a table, and XML."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from cpecgeo.errors import FileError, InputError, warn
from cpecgeo.files.disk import MAX_BYTES, translating

__all__ = [
    "HEAD_BYTES",
    "Bounded",
    "Header",
    "encoding_error",
    "end_records",
    "escape_text",
    "find_encoding",
    "leaf_texts",
    "load_header",
    "load_xml",
    "local_name",
    "open_bytes",
    "open_table",
    "parse_header",
    "refuse_doubled",
    "refuse_unclosed",
    "to_utf8",
    "usual_separator",
]

HEAD_BYTES = 1 << 22
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
          (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
# Every byte of ASCII, and the bytes that switch alphabets in some encodings.
_PROBE = bytes(range(128)) + b"~{+AGE-\\u0041\x1b$B"


def find_encoding(head: bytes, stated: str | None, what: object) -> tuple[str, int]:
    r"""Find the encoding of a text file from its beginning, and the bytes of its byte order mark.

    Where none is stated it is UTF-8, or UTF-16 where a mark says so. It has Python's name:
    ``utf-8``, ``utf-16-le``, ``utf-16-be``, or an encoding in which a byte of a longer letter is
    never that of a line end or a quote. An unknown encoding, or one that contradicts the mark, is
    an `InputError`. A warning says where the text is UTF-8 and another is stated.

    Examples
    --------
    >>> find_encoding(b"\xff\xfei\0d\0", None, "a.csv"), find_encoding(b"id", "GBK", "a.csv")
    (('utf-16-le', 2), ('gbk', 0))
    """
    own = next((m for m in _MARKS if head.startswith(m[0])), None)
    if own is not None and head.startswith(codecs.BOM_UTF32_LE):
        own = None
    codec = "utf-8" if stated is None else _codec(stated)
    if own is None:
        if codec not in {"utf-8", "utf-16-le", "utf-16-be"} and _is_utf8(head):
            warn(
                f"{what} is read as {codec}, as stated; its text is UTF-8 too, which it hardly "
                "is by chance."
            )
        return codec, 0
    if stated is not None and codec[:6] != own[1][:6]:
        raise InputError(
            f"{what} says by its first bytes that it is {own[1]}, and encoding={stated!r} is "
            "another; leave encoding= out."
        )
    return own[1], len(own[0])


def _codec(stated: str) -> str:
    with contextlib.suppress(LookupError, UnicodeError, TypeError, ValueError):
        codec = codecs.lookup(stated).name.replace("utf-8-sig", "utf-8")
        if codec in {"utf-16", "utf-16-le", "utf-16-be"}:
            return codec if codec != "utf-16" else "utf-16-le"
        if _PROBE.decode(codec) == _PROBE.decode("ascii"):
            return codec
    raise InputError(
        f"encoding={str(stated)[:40]!r} isn't known, or isn't one for tables; it is one such as "
        '"cp1252" (Windows), "cp1256" (Arabic, Urdu), "gb18030" (Chinese) or "utf-16".'
    )


def _is_utf8(head: bytes) -> bool:
    """Return whether bytes are UTF-8 with letters beyond ASCII; the last letter may be cut."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(head).isascii()
    except UnicodeDecodeError:
        return False


def to_utf8(raw: bytes, codec: str, what: object) -> bytes:
    """Convert text to UTF-8, or raise a `FileError`; text in UTF-8 is returned as it is."""
    if codec == "utf-8":
        return raw
    try:
        return raw.decode(codec).encode()
    except UnicodeError as error:
        raise encoding_error(codec, error, what) from None


def encoding_error(codec: str, error: UnicodeError, what: object) -> FileError:
    """Return the error for a file whose text isn't in its encoding."""
    reason = str(getattr(error, "reason", error))[:80]
    name = "UTF-8" if codec == "utf-8" else codec
    return FileError(
        f"{what} is not {name} ({reason}); save it as UTF-8, or say what it is, such as "
        'encoding="cp1252" (Windows), encoding="cp1256" (Arabic, Urdu) or encoding="gb18030" '
        "(Chinese)."
    )


class Bounded(gzip.GzipFile):
    """A packed file that raises an error when it unpacks to more than `most` bytes."""

    def __init__(self, file: IO[bytes], what: str, most: int) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._what, self._most = what, most

    def read(self, size: int | None = -1) -> bytes:  # noqa: D102 - all other reading calls it
        block = super().read(self._most + 1 if size is None or size < 0 else size)
        if self.tell() > self._most:
            raise FileError(
                f"{self._what} unpacks to more than {self._most:,} bytes; unpack it yourself if "
                "you trust it."
            )
        return block


@contextlib.contextmanager
def open_bytes(path: Path, what: str, most: int = MAX_BYTES) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacking up to `most` bytes where its name ends in ``.gz``."""
    with translating(what), contextlib.ExitStack() as opened:
        file: IO[bytes] = opened.enter_context(path.open("rb"))
        if path.suffix.casefold() == ".gz":
            packed = opened.enter_context(Bounded(file, what, most))
            file = opened.enter_context(io.BufferedReader(packed, 1 << 20))
        try:
            yield file
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileError(f"{what} can't be read as gzip: {error}.") from error


@contextlib.contextmanager
def open_table(
    path: Path, what: str, encoding: str | None = None
) -> Iterator[tuple[IO[bytes], str]]:
    """Open a file as `open_bytes`; yield it, converted to UTF-8, and its encoding."""
    with open_bytes(path, what) as file:
        codec, mark = find_encoding(file.read(1 << 16), encoding, what)
        file.seek(0 if codec == "utf-8" else mark)
        yield (file if codec == "utf-8" else io.BytesIO(to_utf8(file.read(), codec, what))), codec


def usual_separator(name: str) -> str:
    """Return the separator that a file's name says: a tab for ``.tsv``, otherwise a comma."""
    return "\t" if name.casefold().endswith((".tsv", ".tsv.gz")) else ","


@dataclass(frozen=True)
class Header:
    """The header of a CSV file, and the byte at which the first row begins."""

    names: tuple[str, ...]
    separator: str
    end: int


def parse_header(head: bytes, what: object) -> Header:
    r"""Parse the header of a CSV file, whatever its separator.

    `head` is the beginning of the file, in UTF-8, at most `HEAD_BYTES`; the header must end in it.
    Two columns of the same name are an `InputError`, and a file without a header of CSV is a
    `FileError`.

    Examples
    --------
    >>> parse_header(b"sep=;\nname, local;lon;lat\nA;67;25\n", "a.csv").names
    ('name, local', 'lon', 'lat')
    """
    if b"\0" in head[:65536]:
        raise FileError(
            f"{what} is not CSV in UTF-8; save it as UTF-8 text, or say what it is, such as "
            'encoding="utf-16".'
        )
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    stated = re.match(rb'"?sep=([^\r\n])"?\r?\n', head[start:])
    if stated:
        start += stated.end()
    blank = re.match(rb"([ \t]*\r?\n)*+", head[start:])
    start += blank.end() if blank else 0
    if not head[start:].strip():
        raise FileError(f"{what} is empty; a header with column names is needed.")
    signs = stated[1].decode("latin-1") if stated else "".join(_SEPARATORS)
    ends = end_records(head[start:], signs)
    end = start + int(ends[0]) if len(ends) else len(head)
    try:
        text = head[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise encoding_error("utf-8", error, what) from None
    bare = re.sub(rf'(?<![^{re.escape(signs)}\r\n])"(?:[^"]|"")*+"?', "", text)
    separator = signs if stated else max(_SEPARATORS, key=bare.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except (csv.Error, TypeError, ValueError) as error:
        raise FileError(f"{what} can't be read as CSV: {error}.") from error
    if len(rows) != 1:
        raise FileError(f"{what} can't be read as CSV: its header has line ends in it.")
    names = rows[0]
    if names.count("") > 1:  # tables may end in blank columns
        names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    refuse_doubled(names, what)
    return Header(tuple(names), separator, end)


def refuse_doubled(names: Iterable[str], what: object) -> None:
    """Refuse two columns with the same name, with an `InputError`."""
    doubled = sorted(name for name, count in Counter(names).items() if count > 1)
    if doubled:
        raise InputError(f"{what} has two columns named {doubled[0][:40]!r}; rename one.")


def refuse_unclosed(rows: bytes, separator: str, what: object, *, before: int = 0) -> None:
    """Refuse rows of CSV in which a quote is never closed, with a `FileError`.

    The rows are in UTF-8, to the end of the file; `before` counts those of the file before these.
    """
    # In a cell that doesn't begin with a quote, a quote is a letter.
    sign = re.escape(separator.encode())
    cell = re.compile(rb"(?<![^" + sign + rb'\r\n])"(?:[^"]|"")*+("|\Z)')
    start = next((m.start() for m in cell.finditer(rows) if not m[1]), None)
    if start is None:
        return
    text = io.StringIO(rows[:start].decode("utf-8", "replace"), newline="")
    whole = 0
    with contextlib.suppress(csv.Error):  # a cell longer than csv's limit
        for row in csv.reader(text, delimiter=separator):
            whole += bool(row)
    begins = start == 0 or rows[start - 1 : start] in {b"\n", b"\r"}
    raise FileError(
        f"{what} can't be read as CSV: the quote that opens in row {before + whole + begins} "
        "isn't closed; close it, and double those inside of cells."
    )


def load_header(head: bytes, codec: str, mark: int, what: object) -> tuple[Header, int]:
    """Parse the header of a file in any encoding; raise the errors of `parse_header`.

    Return also the byte of the file at which its rows begin. Encoding and mark are those of
    `find_encoding`.
    """
    if codec == "utf-8":
        header = parse_header(head, what)
        return header, header.end
    try:
        text = codecs.getincrementaldecoder(codec)().decode(head[mark:]).encode()
    except UnicodeError as error:
        raise encoding_error(codec, error, what) from None
    header = parse_header(text, what)
    # Lines are counted, because not every encoding gives the same bytes when encoded again.
    ends = np.flatnonzero(_units(head[mark:], codec) == ord("\n"))
    lines = text[: header.end].count(b"\n")
    width = _width(codec)
    return header, mark + width * (int(ends[lines - 1]) + 1) if lines else len(head)


def _width(codec: str) -> int:
    return 2 if codec.startswith("utf-16") else 1


def _units(block: bytes, codec: str) -> NDArray[Any]:
    """Return a text's code units: bytes, or pairs of bytes in UTF-16."""
    width = _width(codec)
    kind = {"utf-16-le": "<u2", "utf-16-be": ">u2"}.get(codec, "u1")
    return np.frombuffer(block, kind, len(block) // width)


def end_records(block: bytes, separators: str, codec: str = "utf-8") -> NDArray[np.intp]:
    r"""Return the positions after which records end: at line ends outside quotes.

    A quote opens a cell only where the cell begins with one; elsewhere it is a letter, as in
    ``5" pipe``.

    Examples
    --------
    >>> end_records(b'5" pipe,1\n"a\nb",2\n"c\n', ",")
    array([10, 18])
    """
    raw = _units(block, codec)
    ends: NDArray[np.intp] = np.flatnonzero(raw == ord("\n"))
    ends = ends[np.searchsorted(_cell_quotes(raw, separators), ends) % 2 == 0]
    return np.multiply(ends + 1, _width(codec), dtype=np.intp)


def _cell_quotes(raw: NDArray[Any], separators: str) -> NDArray[np.intp]:
    """Return the positions of quotes that open and close cells, and of pairs inside cells."""
    quotes = np.flatnonzero(raw == ord('"'))
    begins = np.isin(raw[quotes - 1], [ord(c) for c in separators + "\r\n"]) | (quotes == 0)
    if (begins | (np.diff(quotes, prepend=-2) == 1))[::2].all():  # as programs write CSV
        return quotes
    kept: list[int] = []
    closed = -2
    for at, begin in zip(quotes.tolist(), begins.tolist(), strict=True):
        if len(kept) % 2:  # inside of a cell
            closed = at
        elif not begin and at != closed + 1:
            continue
        kept.append(at)
    return np.array(kept, np.intp)


def load_xml(path: Path, kind: str, what: str) -> ET.Element:
    """Parse a file of KML or GPX; refuse one that declares a document type."""
    with translating(what):
        raw = path.read_bytes()
    if b"\0" in raw[:4096] and not raw.startswith(_UTF16):
        raise FileError(f"{what} is not XML in UTF-8; save it as UTF-8.")

    def refuse(*_: object) -> None:
        raise FileError(
            f"{what} declares a document type or entities, which KML and GPX don't need; remove "
            "the declaration."
        )

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(raw, True)
        root = ET.fromstring(raw)  # noqa: S314
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError, RecursionError) as error:
        raise FileError(f"{what} can't be read as {kind}: {error}.") from None
    if (name := local_name(root)) != kind.lower():
        raise FileError(f"{what} can't be read as {kind}: its first element is {name!r}.")
    return root


def local_name(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def leaf_texts(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Yield name and text of the inner elements that contain only text."""
    for inner in element.iter():
        if inner is not element and len(inner) == 0 and inner.text:
            yield local_name(inner), inner.text


def escape_text(value: str | None) -> str:
    """Escape text for XML; a carriage return too, which would be read back as a line feed."""
    return escape(value or "", {"\r": "&#13;"})
