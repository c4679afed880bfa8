"""Finished parts of a run, recorded with their hash, so that a run can resume.

A run keeps its parts in a folder beside its result, ``.NAME.parts``. The record ``run.json`` marks
this folder as written by a run. Where the result is one file, the parts are consecutive stretches
of it, so nothing is copied at the end. Where the result is a folder, each part is a file. A part is
flushed to disk and only then recorded. An interrupted run therefore leaves whole parts with
records; the next run removes everything else. Files that no run wrote are never removed: folders
without a record, and symbolic links, are refused.
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
from cpecgeo.files.disk import hold, refusal, settle
from cpecgeo.files.displacement import Tally
from cpecgeo.scale.sources import Position

__all__ = [
    "FOLDER_RECORD",
    "WRITER",
    "DonePart",
    "Parts",
    "list_folder",
    "sha256",
    "translate",
    "write_json",
]

# The list of files in a folder; readers of Parquet skip names with a leading underscore.
FOLDER_RECORD = "_cpecgeo.json"
WRITER = "cpecgeo.scale"
_BLOCK = 1 << 20  # bytes hashed at once
_KNOWN = re.compile(
    r"part-\d{6,}\.(json|csv|parquet|arrow|new)|rows\.(csv(\.gz)?|parquet)|whole|old|lock|run\.(json|new)"
)


@dataclass(frozen=True)
class DonePart:
    """A finished part: the rows of the source from `start` to `end`, in a stretch of a file."""

    number: int
    start: Position
    end: Position
    rows: int  # in the part
    skipped: int  # of the source: without a point, or with one that can't be measured
    sha256: str
    tally: Tally  # counts of its positions
    stretch: tuple[int, int] = (0, 0)  # the first byte, and the first after it


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
    """Turn an error of the operating system into one of this package."""
    if isinstance(error, FileError):
        return error
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    if is_full or (error.errno is None and "No space left" in str(error)):
        return FileError(
            f"The disk is full while writing {path}; finished parts are kept. Free some space "
            "and run again with resume."
        )
    return refusal(path, error)


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
    """The folder of parts of one run."""

    out: Path  # the result of the run
    suffix: str  # of the file name of each part
    together: bool  # whether the parts are stretches of one file
    key: dict[str, Any]  # what the answers depend on; parts of a run with another key aren't used
    replace: bool = False  # whether an earlier result may be replaced where `out` is a folder

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.out.parent / f".{self.out.name}.parts"

    def path(self, number: int) -> Path:
        """Return the file of a part, or the file of all parts."""
        if self.together:
            return self.folder / f"rows{self.suffix}"
        return self.folder / f"part-{number:06d}{self.suffix}"

    def record(self, number: int) -> Path:
        """Return the record of a part."""
        return self.folder / f"part-{number:06d}.json"

    @contextlib.contextmanager
    def claim(self, *, resume: bool) -> Iterator[dict[int, DonePart]]:
        """Lock the folder, and yield the finished parts in it whose bytes match their hash.

        Raises
        ------
        InputError
            The folder has parts of a run with other options, targets or source; or `out` is a
            folder with an earlier result, and `replace` is False.
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
                    if not (resume and self.read_end() is not None):
                        self._check_out()
                    if not resume:
                        self.clear()
                    self._match_key()
                    yield self._keep_good()
                finally:
                    self._release(lock)
        except OSError as error:
            raise translate(error, self.out) from error

    def _lock(self) -> IO[str]:
        """Lock out other processes; the system releases the lock when this process ends."""
        while True:
            self._refuse_strangers()
            self.folder.mkdir(exist_ok=True)
            path = self.folder / "lock"
            try:
                lock = path.open("a")
            except FileNotFoundError:  # another run has just removed the folder
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
        """Refuse a folder of parts that no run wrote, before anything in it changes."""
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
        """Return the record of the folder's run; empty where there is none."""
        try:
            found = json.loads(self._run.read_text(encoding="utf-8"))
            return found if found["writer"] == WRITER else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    @property
    def _run(self) -> Path:
        return self.folder / "run.json"

    def _restore(self) -> None:
        """Restore an earlier result that a killed run had moved aside."""
        old = self.folder / "old"
        if old.is_dir() and not os.path.lexists(self.out):
            old.replace(self.out)

    def _check_out(self) -> None:
        """Refuse to overwrite a folder with other files, or an earlier result without `replace`."""
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

    def clear(self) -> None:
        """Remove all parts; the folder is removed when its lock is released."""
        for path in self.folder.iterdir():
            if path.name not in {"lock", "run.json"}:
                _delete(path)
        # Last, because it marks the folder as written by a run.
        self._run.unlink(missing_ok=True)

    def _match_key(self) -> None:
        wanted = json.loads(json.dumps(self.key))
        found = self._record().get("key")
        if found is None:
            self.clear()
            write_json(self._run, {"writer": WRITER, "key": self.key})
            return
        changed = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
        if changed:
            raise InputError(
                f"{self.folder} has parts of another run ({', '.join(changed)} differ); run "
                "without resume to start anew."
            )

    def _keep_good(self) -> dict[int, DonePart]:
        """Return the parts whose bytes match their hash, and remove all others.

        In one file, the parts after a damaged one are removed too.
        """
        done: dict[int, DonePart] = {}
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

    def finish(self, part: DonePart) -> None:
        """Record a part that has been written."""
        write_json(self.record(part.number), asdict(part))

    def place(self, whole: Path, parts: list[DonePart]) -> None:
        """Move the result into place, and remove the parts.

        The record is written first, so that a run interrupted here isn't repeated. Files that no
        run wrote, added to the folder meanwhile, are a `FileError`.
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
        self.clear()

    def read_end(self) -> list[DonePart] | None:
        """Return the parts of a run whose result was already in place; None otherwise."""
        try:
            end = self._record()["end"]
            if end["seen"] != _identify(self.out):
                return None
            return [_part(raw) for raw in end["parts"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _release(self, lock: IO[str]) -> None:
        """Remove a folder without parts; Windows can't remove the lock while it is open."""
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


def _part(raw: dict[str, Any]) -> DonePart:
    tally = dict(raw.pop("tally"))
    for name in ("first", "zeros", "swapped", "odd", "lost"):
        tally[name] = tuple(tally[name])
    tally["cells"] = {int(k): tuple(v) for k, v in tally["cells"].items()}
    start, end = Position(**raw.pop("start")), Position(**raw.pop("end"))
    stretch = tuple(raw.pop("stretch"))
    return DonePart(start=start, end=end, tally=Tally(**tally), stretch=stretch, **raw)


def _identify(path: Path) -> list[int]:
    """Return values that identify a file without reading it; moving it doesn't change them."""
    stat = path.stat()
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a record, whole or not at all."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value), encoding="utf-8")
    settle(fresh)
    fresh.replace(path)
