"""The command line: ``cpecgeo …``."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Collection
from importlib import import_module
from typing import Any, TextIO

import click

from cpecgeo.errors import CpecgeoError, CpecgeoWarning

__all__ = ["COMMANDS", "app", "in_shell", "list_options", "main"]

COMMANDS = {
    "near": "analyses:near",
    "within": "analyses:within",
    "rings": "analyses:rings",
    "buffer": "analyses:buffer",
    "crossed": "analyses:crossed",
    "exposure": "analyses:exposure",
    "mcp": "assistant:answer_assistant",
    "density": "tables:density",
    "locate": "tables:locate",
    "distance-table": "tables:distance_table",
    "treatment": "tables:treatment",
    "neighbours": "tables:neighbours",
    "catalog": "things:catalog",
    "show": "things:show_thing",
    "length": "tables:length",
    "cite": "things:cite",
    "export": "things:export",
    "map": "things:draw_map",
    "report": "things:report",
    "convert": "things:convert",
    "demo": "things:demo",
    "route": "ways:route",
    "reach": "ways:reach",
    "matrix": "ways:matrix",
    "closures": "ways:closures",
    "gain": "ways:gain",
    "profile": "ways:profile",
    "at": "ways:at",
    "osm": "ways:osm",
}
"""Each command with the module and the function that it is, in the order of `cpecgeo --help`."""


# An option as Python states it, in a message of the library, and what it is set to.
_STATED = re.compile(
    r"""(?<!['"\w])(?P<name>[a-z_]+)=(?!=)"""
    r"""(?P<value>"[^"]*"|'[^']*'|\[[^\]]*\]|float\('nan'\)|-?[0-9.e-]*[0-9])?"""
)
_CLAUSES = re.compile(r"(?<=[.;:]) |(?<=\S)(?=, or )")
_OF_FILES = {"lon", "lat", "layer", "crs", "thousands"}


class _Commands(click.Group):
    """Commands whose modules are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # it knows of no names not yet loaded
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has seen enough; nothing more can be said to it.
            _drop_output()
            ctx.exit(141)
        except CpecgeoError as error:
            if error.args and isinstance(error.args[0], str):
                command = self.get_command(ctx, ctx.invoked_subcommand or "")
                error.args = (in_shell(error.args[0], list_options(command)), *error.args[1:])
            raise


def list_options(command: click.Command | None) -> set[str]:
    """Return the options of a command, or of the commands in a group, as Python writes them."""
    inner = getattr(command, "commands", {}).values()
    own = {
        option.removeprefix("--").replace("-", "_")
        for param in getattr(command, "params", ())
        for option in param.opts
        if option.startswith("--")
    }
    return own.union(*map(list_options, inner))


def in_shell(text: str, options: Collection[str]) -> str:
    """Say a message of the library as one of the shell: with its options, and no others.

    Parameters
    ----------
    text : str
    options : collection of str
        Those of the command, as Python writes them.

    Returns
    -------
    str
        Advice that needs another option, or Python, is left out; where a file needs it, the
        command that has it is named.

    Examples
    --------
    >>> in_shell("a.csv has no column of lon. Name the columns with lon= and lat=.", ["lon", "lat"])
    'a.csv has no column of lon. Name the columns with --lon and --lat.'
    >>> in_shell("km is 0; give radii, such as km=[5, 10].", ["km"])
    'km is 0; give radii, such as --km 5,10.'
    """
    if re.search(r"(?<!\S)--[a-z]", text):
        return text  # of the shell itself
    if "(cpecgeo.scale)" in text and "stream" in options:
        text = text.replace("read it as a stream (cpecgeo.scale)", "add --stream")
    is_of_verb = "options of cg.read" in text
    text = text.replace(
        "`catalog` and `corridors` list", "`cpecgeo catalog` and `cpecgeo show corridors` list"
    )
    first, *others = _CLAUSES.split(text)
    kept, is_of_file = [first], False
    for clause in others:
        names = {m["name"] for m in _STATED.finditer(clause)}
        values = {m["value"] for m in _STATED.finditer(clause)}
        is_of_file |= bool(names & _OF_FILES) and (is_of_verb or not names <= {*options})
        if names <= {*options} - (_OF_FILES if is_of_verb else set()) and not (
            {"[]", "float('nan')"} & values or "options of cg.read" in clause
        ):
            kept.append(clause)
        else:
            end = clause[-1] if clause[-1] in ".;:" else ""
            kept[-1] = kept[-1].rstrip(".,;:") + end
    whole = "".join(c if c.startswith(", or ") else f" {c}" for c in kept).strip()
    told = _STATED.sub(lambda m: _option(m) if m["name"] in options else m[0], whole)
    if len(kept) <= len(others):
        told = f"{told.rstrip('.,;:')}."
    if is_of_file:
        told += " `cpecgeo convert` has options for that, and writes a file that says it itself."
    return told


def _option(match: re.Match[str]) -> str:
    value = (match["value"] or "").strip("\"'[]").replace(", ", ",")
    return f"--{match['name'].replace('_', '-')} {value}".strip()


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001
    if asked:
        from importlib.metadata import version

        print(version("cpecgeo"))
        context.exit()


def _show_completion(context: click.Context, _: click.Parameter, shell: str | None) -> None:
    if shell is not None:
        from click.shell_completion import get_completion_class

        if (script := get_completion_class(shell)) is not None:
            print(script(app, {}, "cpecgeo", "_CPECGEO_COMPLETE").source())
        context.exit()


@click.group(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--geometry",
    metavar="[bundled|osm]",
    help="Lines and outlines: as they ship, or as `osm refresh` stored them.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Print the version.",
)
@click.option(
    "--show-completion",
    type=click.Choice(["bash", "zsh", "fish"]),
    metavar="SHELL",
    is_eager=True,
    expose_value=False,
    callback=_show_completion,
    help="Print what bash, zsh or fish evaluates to complete names.",
)
@click.pass_context
def app(context: click.Context, *, debug: bool, geometry: str | None) -> None:
    """Geospatial analysis of the China–Pakistan Economic Corridor."""
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
        context = click.get_current_context(silent=True)
        named = list_options(context.command) if context is not None else set()
        text = in_shell(" ".join(str(message).split()), named)
        print(f"cpecgeo: {text}", file=sys.stderr)
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
        code = _run()
        sys.stdout.flush()
        sys.exit(code)
    except CpecgeoError as error:
        if debug:
            raise
        print(f"cpecgeo: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)
    except OSError as error:
        if debug:
            raise
        print(f"cpecgeo: can't write ({error.strerror or error}).", file=sys.stderr)
        _drop_output()
        sys.exit(1)


def _run() -> int | None:
    """Run the command, and return its exit code; on its own click ends with 1 after Ctrl-C."""
    try:
        code: int | None = app.main(prog_name="cpecgeo", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        print("cpecgeo: stopped.", file=sys.stderr)
        return 130
    return code


def _drop_output() -> None:
    """Let go of what is still held back: it can't be written, and would end in a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
