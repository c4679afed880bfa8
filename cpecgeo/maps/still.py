"""A picture of a map, taken by chromium without a screen."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from cpecgeo.errors import FileError, InputError, MissingExtraError

__all__ = ["browser", "picture"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SMALLEST, LARGEST = 200, 10_000


def browser() -> str:
    """The path of chromium or Chrome.

    Returns
    -------
    str

    Raises
    ------
    MissingExtraError
        There is none on PATH.
    """
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    raise MissingExtraError(
        f"no browser is on PATH (looked for {', '.join(_NAMES)}); a picture of a map needs one. "
        "Install chromium, or draw with cpecgeo.maps.figures, which needs none."
    )


def picture(page: str, path: Path, *, width: int, height: int, timeout: float) -> Path:
    """Photograph a page.

    Parameters
    ----------
    page : str
        HTML that asks for nothing.
    path : Path
        Where the PNG goes.
    width, height : int
        In pixels, 200 to 10,000.
    timeout : float
        Seconds.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    MissingExtraError
        No browser.
    InputError
        A size out of range.
    FileError
        The browser failed, or `path` can't be written.
    """
    from cpecgeo.files.atomic import write_whole

    for what, size in (("width", width), ("height", height)):
        if not SMALLEST <= size <= LARGEST:
            raise InputError(f"{what} is {size!r}; {SMALLEST} to {LARGEST:,} pixels are possible.")
    program = browser()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "map.html", Path(folder) / "map.png"
        source.write_text(page, encoding="utf-8")
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=4000", f"--window-size={width},{height}",
            f"--screenshot={target}", f"{source.as_uri()}#still",
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 – the program is found on PATH by fixed names
                command, capture_output=True, timeout=timeout, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FileError(f"{program} took no picture: {error}") from error
        if not target.exists():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise FileError(f"{program} took no picture (exit {done.returncode}): {last}")
        return write_whole(path, target.read_bytes())
