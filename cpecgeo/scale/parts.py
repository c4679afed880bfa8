"""Finished parts of a run: written whole, and recorded with their hash.

A run keeps its parts in a folder beside its result, ``.NAME.parts``, which its record
``run.json`` marks as one of ours. Where the result is one file, the parts are stretches of it, one
behind the other, so that nothing is copied at the end; where it is a folder, each is a file. A part
is flushed to disk and only then recorded. What an interrupted run leaves behind is therefore
either a whole part with its record, or something that the next run cuts off or removes. Nothing
that no run wrote is ever removed: folders without a record, and symbolic links, are refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from cpecgeo.errors import FileError, InputError
from cpecgeo.files.disk import hold, settle
from cpecgeo.files.outliers import Tally
from cpecgeo.scale.sources import Position

__all__ = [
    "FOLDER_RECORD",
    "WRITER",
    "Part",
    "Parts",
    "list_folder",
    "sha256",
    "translate",
    "write_json",
]

# Lists the files of a result that is a folder; readers of Parquet pass over leading underscores.
FOLDER_RECORD = "_cpecgeo.json"
WRITER = "cpecgeo.scale"
_BLOCK = 1 << 20  # bytes that are hashed at once
_KNOWN = re.compile(
    r"part-\d{6,}\.(json|csv|parquet|arrow|new)|rows\.(csv(\.gz)?|parquet)|whole|old|lock|run\.(json|new)"
)


@dataclass(frozen=True)
class Part:
    """A finished part.

    Attributes
    ----------
    number : int
    start, end : Position
        Which rows of the source it answers.
    rows : int
        How many rows it holds.
    skipped : int
        Rows of the source with no point, or none that can be measured.
    sha256 : str
    tally : Tally
        Counts of its positions.
    stretch : tuple of int
        The first byte of it in its file, and the first behind it.
    """

    number: int
    start: Position
    end: Position
    rows: int
    skipped: int
    sha256: str
    tally: Tally
    stretch: tuple[int, int] = (0, 0)


def sha256(path: Path, stretch: tuple[int, int]) -> str:
    """Return the hash of a stretch of a file, from one byte to before another."""
    digest, left = hashlib.sha256(), stretch[1] - stretch[0]
    with path.open("rb") as file:
        file.seek(stretch[0])
        while left > 0 and (block := file.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def translate(error: OSError, path: Path) -> FileError:
    """Turn an error of the system into one of this package."""
    if isinstance(error, FileError):
        return error
    code = error.errno
    if code is None and "No space left" in str(error):
        code = errno.ENOSPC
    if code in {errno.ENOSPC, errno.EDQUOT}:
        return FileError(
            f"The disk is full while writing {path}; finished parts are kept. Free some space "
            "and run again with resume."
        )
    reason = error.strerror or (str(error).splitlines() or ["unknown"])[0]
    return FileError(
        f"can't write {path} ({reason}); name a file in a folder that exists and that you may "
        "write to."
    )


def list_folder(out: Path) -> set[str] | None:
    """Return the names of the files that a run wrote into a folder; None without a record."""
    try:
        record = json.loads((out / FOLDER_RECORD).read_text(encoding="utf-8"))
        if record["writer"] != WRITER:
            return None
        return {FOLDER_RECORD, *map(str, record["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Parts:
    """The folder of parts of one run.

    Attributes
    ----------
    out : Path
        The result of the run.
    suffix : str
        Of each part.
    together : bool
        Whether the parts are stretches of one file.
    key : dict
        What the answers depend on; parts of another run are not taken.
    replace : bool
        Whether an earlier result may be replaced where `out` is a folder.
    """

    out: Path
    suffix: str
    together: bool
    key: dict[str, Any]
    replace: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.out.parent / f".{self.out.name}.parts"

    def path(self, number: int) -> Path:
        """Return the file of a part, or of all of them."""
        if self.together:
            return self.folder / f"rows{self.suffix}"
        return self.folder / f"part-{number:06d}{self.suffix}"

    def record(self, number: int) -> Path:
        """Return the record of a part."""
        return self.folder / f"part-{number:06d}.json"

    @contextlib.contextmanager
    def opened(self, *, resume: bool) -> Iterator[dict[int, Part]]:
        """Lock the folder, and give the finished parts in it whose bytes are as recorded.

        Raises
        ------
        InputError
            The folder has parts of a run with other options, targets or source; or `out` is a
            folder with an earlier result, which wasn't to be replaced.
        FileError
            Another process holds the folder, it can't be created, or it or `out` has files
            that no run wrote.
        """
        if not self.out.parent.is_dir():
            raise FileError(f"There is no folder {self.out.parent}; make it first.")
        try:
            with self._lock() as lock:
                try:
                    self._refuse_strangers()
                    self._restore()
                    if not (resume and self.ended() is not None):
                        self._check_out()
                    if not resume:
                        self._clear()
                    self._match_key()
                    yield self._finished()
                finally:
                    self._release(lock)
        except OSError as error:
            raise translate(error, self.out) from error

    def _lock(self) -> IO[str]:
        """Keep other processes away; the system lets go when this one ends, however it ends."""
        while True:
            self._refuse_strangers()
            self.folder.mkdir(exist_ok=True)
            path = self.folder / "lock"
            try:
                lock = path.open("a")
            except FileNotFoundError:  # a run that ends has just removed the folder
                continue
            try:
                hold(lock, self.out)
                if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    return lock
            except FileNotFoundError:
                pass
            except BaseException:
                lock.close()
                raise
            lock.close()

    def _refuse_strangers(self) -> None:
        """Refuse a folder of parts that isn't one of ours, before anything in it is touched."""
        if self.folder.is_symlink():
            raise FileError(f"{self.folder} is a symbolic link; remove it, or name another result.")
        if not self.folder.is_dir():
            return
        entries = {entry.name: entry.is_symlink() for entry in os.scandir(self.folder)}
        strange = sorted(n for n, link in entries.items() if link or not _KNOWN.fullmatch(n))
        if not strange and not self._record() and set(entries) - {"lock", "run.new"}:
            strange = sorted(set(entries) - {"lock"})
        if strange:
            raise FileError(
                f"{self.folder} holds {strange[0]!r}, which no run wrote there; move it away, or "
                "name another result."
            )

    def _record(self) -> dict[str, Any]:
        """Return the record of the run that the folder belongs to; empty where there is none."""
        try:
            found = json.loads(self._run.read_text(encoding="utf-8"))
            return found if found["writer"] == WRITER else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    @property
    def _run(self) -> Path:
        return self.folder / "run.json"

    def _restore(self) -> None:
        """Put an earlier result back that a killed run had moved aside."""
        old = self.folder / "old"
        if old.is_dir() and not os.path.lexists(self.out):
            old.replace(self.out)

    def _check_out(self) -> None:
        """Refuse to write over a folder that holds anything but an earlier result, or that."""
        if self.suffix == ".csv" or self.out.suffix:
            return
        if self.out.is_symlink():
            raise FileError(f"{self.out} is a symbolic link; name the folder itself, or another.")
        if not self.out.exists():
            return
        if not self.out.is_dir():
            raise FileError(f"{self.out} is a file; name a new folder, or a file with a suffix.")
        names = {path.name for path in self.out.iterdir()}
        strange = sorted(names - (list_folder(self.out) or set()))
        if strange:
            raise FileError(
                f"{self.out} is a folder with files in it that no run wrote, such as "
                f"{strange[0]!r}; name a new or empty folder."
            )
        if names and not self.replace:
            raise InputError(
                f"{self.out} holds the result of an earlier run; name another folder, or ask for "
                "it to be replaced (replace)."
            )

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name not in {"lock", "run.json"}:
                _delete(path)
        # Last, because it marks the folder as one of ours.
        self._run.unlink(missing_ok=True)

    def _match_key(self) -> None:
        wanted = json.loads(json.dumps(self.key))
        found = self._record().get("key")
        if found is None:
            self._clear()
            write_json(self._run, {"writer": WRITER, "key": self.key})
            return
        changed = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
        if changed:
            raise InputError(
                f"{self.folder} has parts of another run ({', '.join(changed)} differ); run "
                "without resume to start anew."
            )

    def _finished(self) -> dict[int, Part]:
        """Return the parts whose bytes are as recorded, and remove all others.

        Of stretches of one file, those behind a damaged one are others too.
        """
        done: dict[int, Part] = {}
        end = 0
        for record in sorted(self.folder.glob("part-*.json")):
            try:
                part = _part(json.loads(record.read_text(encoding="utf-8")))
                good = sha256(self.path(part.number), part.stretch) == part.sha256
                if self.together:
                    good &= part.number == len(done) and part.stretch[0] == end
            except (ValueError, KeyError, TypeError, FileNotFoundError):
                good = False
            if good:
                done[part.number], end = part, part.stretch[1]
            else:
                record.unlink()
        if self.together and done:
            os.truncate(self.path(0), end)
        kept = {self.path(n).name for n in done} | {self.record(n).name for n in done}
        for path in self.folder.iterdir():
            if path.name not in kept | {"lock", "run.json"}:
                _delete(path)
        return done

    def finish(self, part: Part) -> None:
        """Record a part that is in place."""
        write_json(self.record(part.number), asdict(part))

    def place(self, whole: Path, parts: list[Part]) -> None:
        """Move the result into place, and remove the parts.

        The record is written first, so that a run that is interrupted here isn't done again.

        Raises
        ------
        FileError
            Files that no run wrote have come into the folder since.
        """
        end = {"parts": [asdict(p) for p in parts], "seen": _identify(whole)}
        write_json(self._run, {"writer": WRITER, "key": self.key, "end": end})
        old = self.folder / "old"
        if self.out.is_dir():
            self.out.replace(old)
            if {path.name for path in old.iterdir()} - (list_folder(old) or set()):
                old.replace(self.out)
                self._check_out()
        whole.replace(self.out)
        self.remove()

    def ended(self) -> list[Part] | None:
        """Return the parts of a run that had its result in place already."""
        try:
            end = self._record()["end"]
            if end["seen"] != _identify(self.out):
                return None
            return [_part(raw) for raw in end["parts"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove(self) -> None:
        """Remove all parts; the folder goes when its lock is let go."""
        self._clear()

    def _release(self, lock: IO[str]) -> None:
        """Remove a folder without parts. Windows removes no open file, others no free lock."""
        with contextlib.suppress(OSError):
            if [p.name for p in self.folder.iterdir()] == ["lock"]:
                if os.name == "nt":
                    lock.close()
                (self.folder / "lock").unlink()
                self.folder.rmdir()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _part(raw: dict[str, Any]) -> Part:
    tally = dict(raw.pop("tally"))
    for name in ("first", "zeros", "swapped", "odd", "lost"):
        tally[name] = tuple(tally[name])
    tally["cells"] = {int(k): tuple(v) for k, v in tally["cells"].items()}
    start, end = Position(**raw.pop("start")), Position(**raw.pop("end"))
    stretch = tuple(raw.pop("stretch"))
    return Part(start=start, end=end, tally=Tally(**tally), stretch=stretch, **raw)


def _identify(path: Path) -> list[int]:
    """Return what tells a file from another without reading it; moving it changes none of this."""
    stat = path.stat()
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a record whole."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value), encoding="utf-8")
    settle(fresh)
    fresh.replace(path)
