"""The command line: ``cpecgeo …``."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, TextIO

import typer

from cpecgeo.cli import analyses, assistant, mapped, tables, things, ways
from cpecgeo.cli.screen import app
from cpecgeo.errors import CpecgeoError, CpecgeoWarning

__all__ = ["analyses", "app", "assistant", "main", "mapped", "tables", "things", "ways"]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _version(asked: bool) -> None:  # noqa: FBT001
    if asked:
        from importlib.metadata import version

        print(version("cpecgeo"))
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
]


Geometry = Annotated[
    str | None,
    typer.Option(
        "--geometry",
        metavar="[bundled|osm]",
        help="Lines and outlines: as they ship, or as `osm refresh` stored them.",
    ),
]


@app.callback()
def _options(
    context: typer.Context,
    *,
    debug: Debug = False,
    geometry: Geometry = None,
    version: Version = False,  # noqa: ARG001
) -> None:
    context.obj = debug
    if geometry is not None:
        from cpecgeo.catalogue.geometry import using

        context.with_resource(using(geometry=geometry))  # type: ignore[arg-type]


def _remark(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say a warning of ours in one line, without the place in the code that it comes from."""
    if issubclass(category, CpecgeoWarning):
        print(f"cpecgeo: {' '.join(str(message).split())}", file=sys.stderr)
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        print(text, file=file or sys.stderr)


def main() -> None:
    """Run the command line.

    An error is one line on stderr and exit code 1; wrong usage is 2; Ctrl-C is 130.
    """
    debug = "--debug" in sys.argv
    if sys.stdout is None:  # closed by whoever started this
        print("cpecgeo: standard output is closed.", file=sys.stderr)
        sys.exit(1)
    warnings.showwarning = _remark
    for stream in (sys.stdout, sys.stderr):
        # Urdu and Chinese names go out whole whatever the locale.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        app(standalone_mode=True)
        sys.stdout.flush()
    except CpecgeoError as error:
        if debug:
            raise
        print(f"cpecgeo: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has seen enough; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if debug:
            raise
        print(f"cpecgeo: can't write ({error.strerror or error}).", file=sys.stderr)
        # What is still held back can't be written either, and would end in a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
