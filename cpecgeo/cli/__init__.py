"""The command line: ``cpecgeo …``."""

from __future__ import annotations

import gc
import os
import re
import shlex
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal, TextIO

import click

from cpecgeo.cli.screen import remark
from cpecgeo.errors import CpecgeoError, CpecgeoWarning

__all__ = ["COMMANDS", "app", "in_shell", "list_options", "main"]

COMMANDS = {
    "catalog": "things:catalog",
    "show": "things:show_thing",
    "length": "tables:length",
    "report": "things:report",
    "map": "things:draw_map",
    "export": "things:export",
    "cite": "things:cite",
    "distance": "analyses:distance",
    "near": "analyses:near",
    "within": "analyses:within",
    "rings": "analyses:rings",
    "buffer": "analyses:buffer",
    "crossed": "analyses:crossed",
    "exposure": "analyses:exposure",
    "distance-table": "tables:distance_table",
    "treatment": "tables:treatment",
    "neighbours": "tables:neighbours",
    "at": "tables:at",
    "locate": "tables:locate",
    "density": "tables:density",
    "profile": "tables:profile",
    "route": "ways:route",
    "reach": "ways:reach",
    "matrix": "ways:matrix",
    "closures": "ways:closures",
    "gain": "ways:gain",
    "convert": "things:convert",
    "osm": "ways:osm",
    "demo": "tables:demo",
    "mcp": "assistant:answer_assistant",
}
"""Each command with the module and the function that it is, in the order of `cpecgeo --help`."""

# The first command of each part of the help.
_HEADS = {
    "catalog": "What there is",
    "distance": "Near, within and around",
    "at": "Along a line",
    "route": "Over the network",
    "convert": "Files, programs and the rest",
}

# An option and its value, as written in a message of the library.
_STATED = re.compile(
    r"""(?<!['"\w])(?P<name>[a-z_]+)=(?!=)"""
    r"""(?P<value>"[^"]*"|'[^']*'|\[[^\]]*\]|float\('nan'\)|-?[0-9.e-]*[0-9])?"""
)
# The argument named at the beginning of a message.
_GIVEN = re.compile(r"^[a-z_]+(?= (?:is|has|must) )")
# Names of first arguments in the library, and the command's word for them.
_FIRST = ("x", "points", "zones")
_TYPED = "cpecgeo.typed"
_X = re.compile(r"(?<=[,;:] )x(?= (?:is|has) )|(?<= and )x(?= (?:is|has) )")
_REFRESH = re.compile(r"cpecgeo\.osm\.refresh\('([\w.-]+)'\)")
_CLAUSES = re.compile(r"(?<=[.;:]) |(?<=\S)(?=, or )")
# Advice that only works in Python: a call, `explode()`, or a keyword argument.
_CALL = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)*\((?:\)|[a-z_]+[,=)])")
# Options before the command, and whether each has a value.
_OF_ALL = {"--geometry": True, "--version": False, "--show-completion": True}
_OF_FILES = {"lon", "lat", "layer", "crs", "thousands", "encoding"}


class _Commands(click.Group):
    """A group of commands whose modules are loaded when needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        parts: list[tuple[str, list[tuple[str, str]]]] = []
        room = formatter.width - max(map(len, COMMANDS)) - 6
        for name in COMMANDS:
            if name in _HEADS:
                parts.append((_HEADS[name], []))
            command = self.get_command(ctx, name)
            parts[-1][1].append((name, command.get_short_help_str(room) if command else ""))
        for title, rows in parts:
            with formatter.section(title):
                formatter.write_dl(rows)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:  # help written to a closed pipe
            _drop_output()
            raise click.exceptions.Exit(141) from None

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
            name, command, rest = super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # click only searches loaded names
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None
        if command is not None and not ctx.resilient_parsing:  # not while names are completed
            _refuse_repeated(command, rest, ctx, name)
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The pipe's reader has closed it; no message can be written.
            _drop_output()
            ctx.exit(141)
        except CpecgeoError as error:
            if error.args and isinstance(error.args[0], str):
                command = self.get_command(ctx, ctx.invoked_subcommand or "")
                advice = in_shell(error.args[0], list_options(command), ctx.meta.get(_TYPED, {}))
                error.args = (advice, *error.args[1:])
            raise


def _refuse_repeated(
    command: click.Command, args: list[str], parent: click.Context, name: str | None
) -> None:
    """Refuse a single-value option typed twice; click would silently take the last."""
    context = click.Context(command, parent=parent, info_name=name, **command.context_settings)
    try:
        values, rest, order = command.make_parser(context).parse_args([*args])
    except click.UsageError:
        return  # reported when the command itself parses its arguments
    given = next((p.name for p in command.params if isinstance(p, click.Argument)), None)
    if given is not None and isinstance(text := values.get(given), (str, tuple)):
        shown = text if isinstance(text, str) else ",".join(map(str, text))
        parent.meta[_TYPED] = dict.fromkeys((given, *_FIRST), shlex.quote(shown))
    for param in order:
        if not isinstance(param, click.Option) or param.multiple or param.is_flag:
            continue
        if (count := order.count(param)) > 1:
            several = " It takes several between commas." if "comma" in (param.help or "") else ""
            raise click.UsageError(
                f"Option '{param.opts[0]}' is given {count} times; give it once.{several}", context
            )
    if isinstance(command, click.Group) and rest:
        inner = command.get_command(context, rest[0])
        if inner is not None:
            _refuse_repeated(inner, rest[1:], context, rest[0])


def list_options(command: click.Command | None) -> dict[str, str]:
    """Return the options of a command, or of a group's commands, by their names in Python."""
    found: dict[str, str] = {}
    for inner in getattr(command, "commands", {}).values():
        found |= list_options(inner)
    for param in getattr(command, "params", ()):
        options = [option for option in param.opts if option.startswith("-")]
        long = [option for option in options if option.startswith("--")] or options
        found |= {option.lstrip("-").replace("-", "_"): long[0] for option in long}
        if long:
            found[str(param.name)] = long[0]
    return found


def in_shell(
    text: str, options: Mapping[str, str], typed: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Turn a message of the library into one of the shell, with the command's options.

    Parameters
    ----------
    text : str
    options : mapping of str to str
        The command's options, by their names in Python.
    typed : mapping of str to str
        The typed values of arguments, by their names in Python.

    Returns
    -------
    str
        Advice that needs an option of another command, or Python, is left out; for a file, the
        command with the option is named.

    Examples
    --------
    >>> of_files = {"lon": "--lon", "lat": "--lat"}
    >>> in_shell("a.csv has no column of lon. Name the columns with lon= and lat=.", of_files)
    'a.csv has no column of lon. Name the columns with --lon and --lat.'
    >>> in_shell("km is 0; give radii, such as km=[5, 10].", {"km": "--km"})
    '--km is 0; give radii, such as --km 5,10.'
    """
    text = text.replace(
        "`catalog` and `corridors` list", "`cpecgeo catalog` and `cpecgeo show corridors` list"
    )
    text = _REFRESH.sub(r"`cpecgeo osm refresh \1`", text)
    text = text.replace("`catalog` lists", "`cpecgeo catalog` lists")
    if re.search(r"(?<!\S)--[a-z]", text):
        return text  # a message of the shell itself
    if "(cpecgeo.scale)" in text and "stream" in options:
        text = text.replace("read it as a stream (cpecgeo.scale)", "add --stream")
    is_of_verb = "options of cg.read" in text
    first, *others = _CLAUSES.split(text)
    kept, is_of_file = [first], False
    for clause in others:
        names = {m["name"] for m in _STATED.finditer(clause)}
        values = {m["value"] for m in _STATED.finditer(clause)}
        is_of_file |= bool(names & _OF_FILES) and (is_of_verb or not names <= {*options})
        if names <= {*options} - (_OF_FILES if is_of_verb else set()) and not (
            {"[]", "float('nan')"} & values
            or "options of cg.read" in clause
            or _CALL.search(clause)
        ):
            kept.append(clause)
        else:
            end = clause[-1] if clause[-1] in ".;:" else ""
            kept[-1] = kept[-1].rstrip(".,;:") + end
    whole = "".join(c if c.startswith(", or ") else f" {c}" for c in kept).strip()
    advice = _STATED.sub(lambda m: _option(m, options), whole)
    advice = _GIVEN.sub(lambda m: options.get(m[0], typed.get(m[0], m[0])), advice)
    if "x" in typed:
        advice = _X.sub(lambda _: typed["x"], advice).replace(f" (index ['{typed['x']}'])", "")
    if len(kept) <= len(others):
        advice = f"{advice.rstrip('.,;:')}."
    if is_of_file:
        advice += " `cpecgeo convert` has options for that, and writes a file that says it itself."
    return advice


def _option(match: re.Match[str], options: Mapping[str, str]) -> str:
    if match["name"] not in options:
        return match[0]
    value = (match["value"] or "").strip("\"'[]").replace(", ", ",")
    typed = shlex.quote(value) if value else ""
    return f"{options[match['name']]} {typed}".strip()


def _show_version(context: click.Context, _: click.Parameter, is_asked: bool) -> None:  # noqa: FBT001
    if is_asked:
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
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
@click.option(
    "--geometry",
    type=click.Choice(["bundled", "osm"]),
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
def app(context: click.Context, *, geometry: Literal["bundled", "osm"] | None) -> None:
    """Geospatial analysis of the China–Pakistan Economic Corridor."""
    if geometry is not None:
        from cpecgeo.catalogue.files import using

        context.with_resource(using(geometry=geometry))


def _remark(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print one of our warnings in one line, without its position in the code."""
    if issubclass(category, CpecgeoWarning):
        context = click.get_current_context(silent=True)
        named = list_options(context.command) if context is not None else {}
        remark(in_shell(" ".join(str(message).split()), named))
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
        print(text, file=file or sys.stderr)


def main() -> None:
    """Run the command line.

    An error is one line on stderr and exit code 1; wrong usage is 2; Ctrl-C is 130.
    """
    debug = "--debug" in sys.argv
    if sys.stdout is None:  # closed by the calling process
        remark("standard output is closed.")
        sys.exit(1)
    # Loading modules creates many objects but no garbage; collecting took a tenth of most commands.
    gc.set_threshold(50_000, 20, 20)
    warnings.showwarning = _remark
    for stream in (sys.stdout, sys.stderr):
        # Urdu and Chinese names are printed in any locale.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        code = _run()
        sys.stdout.flush()
        sys.exit(code)
    except CpecgeoError as error:
        if debug:
            raise
        remark(" ".join(str(error).split()))
        sys.exit(1)
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)
    except OSError as error:
        if debug:
            raise
        remark(f"can't write ({error.strerror or error}).")
        _drop_output()
        sys.exit(1)


def _run() -> int | None:
    """Run the command, and return its exit code; click alone would exit with 1 after Ctrl-C."""
    # People append --debug to the line that failed.
    typed = [text for text in sys.argv[1:] if text != "--debug"]
    try:
        code: int | None = app.main(typed, prog_name="cpecgeo", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption) and error.option_name in _OF_ALL:
            whole = _in_front(typed, error.option_name)
            print(f"It stands before the command: {whole}", file=sys.stderr)
        missing = error.param if isinstance(error, click.MissingParameter) else None
        if missing is not None and missing.name == "out":
            print("The name of the file to write stands after -o.", file=sys.stderr)
        return error.exit_code
    except click.Abort:
        remark("stopped.")
        return 130
    return code


def _in_front(typed: list[str], option: str) -> str:
    """Return the typed command with an option of all commands, and its value, in front."""
    at = next(i for i, text in enumerate(typed) if text.partition("=")[0] == option)
    end = at + 1 + (_OF_ALL[option] and "=" not in typed[at])
    return shlex.join(["cpecgeo", *typed[at:end], *typed[:at], *typed[end:]])


def _drop_output() -> None:
    """Drop buffered output, which can't be written and would end in a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
