"""The verbs as tools of an assistant, over the Model Context Protocol: ``cpecgeo mcp``."""

from __future__ import annotations

import functools
import math
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cpecgeo.cli import screen
from cpecgeo.cli.inputs import FILE
from cpecgeo.cli.screen import Answer, about, citations, is_known, once, plain_rows
from cpecgeo.errors import (
    CpecgeoError,
    CpecgeoWarning,
    FileError,
    InputError,
    MissingExtraError,
    NameWarning,
    warn,
)

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from cpecgeo.features.subject import Subject

__all__ = ["Tools", "answer_assistant", "serve"]

_INSTRUCTIONS = """\
Distances, lengths, routes and exposure of the China–Pakistan Economic Corridor, computed on the
WGS 84 ellipsoid from a bundled catalogue. Use these tools instead of remembered figures.
A name is a corridor (ml1, ml1-chord, ml2, ml3, ml4, kkh, eastern, central, western, mining, n10,
n25, n40 …), section, place (Gwadar Port, Reko Diq, Khunjerab Pass, Lahore), layer (mines, ports,
zones, energy, crossings, stations, places, districts, provinces), district or province; kind:name
says which ("district:Quetta"). A file of the user's (CSV with lon and lat, GeoJSON, GeoPackage …)
may stand for a name, by its path. An unknown name is refused with near ones: try those.
Tell the user value and unit together with accuracy, status and sources; lengths as drawn and as
published, and distances in a straight line and by road, are different things."""


def _resolve(
    name: str | list[str], what: str, missing: Literal["raise", "keep"] = "raise"
) -> Subject:
    from cpecgeo.features.resolve import resolve

    found = resolve(name, what, missing=missing, anywhere=True)
    if found.also:
        note = f"{name!r} is taken as {found.kind}; it is also {', '.join(found.also)}."
        warn(note, NameWarning)
    return found


def _tool(lock: threading.Lock, verb: Callable[..., Answer]) -> Callable[..., Answer]:
    """Wrap a verb: its warnings become notes, its errors messages, and nothing is printed."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(verb)
    def answer_one(*args: Any, **kwargs: Any) -> Answer:
        # Filters of warnings and standard output are global, so calls run one at a time.
        with lock, redirect_stdout(sys.stderr), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", CpecgeoWarning)
            try:
                answer = verb(*args, **kwargs)
            except CpecgeoError as error:
                raise ToolError(" ".join(str(error).split())) from error
        answer.notes.extend(once(str(w.message) for w in warned))
        if len(answer.rows) == screen.MOST_ROWS:
            answer.notes.append(f"Only the first {screen.MOST_ROWS} rows are shown.")
        return answer

    return answer_one


@dataclass(frozen=True)
class Tools:
    """The tools of an assistant, and the one folder that it may write to."""

    out: Path | None = None
    written: set[Path] = field(default_factory=set)

    def length(self, name: str) -> Answer:
        """Measure the length of a corridor, section or line in km: drawn, published, other figures.

        `value` is the geodesic length of the drawn line; `rows` have the published length and
        figures that compete with it. Say which one you tell.
        """
        from cpecgeo import geodesy

        subject = _resolve(name, "the line")
        drawn = geodesy.length_km(subject.checked)
        each = [drawn] if isinstance(drawn, float) else drawn.to_list()
        labels = [str(i) for i in subject.shapes.index]
        rows: list[dict[str, Any]] = [
            {"what": "drawn", "name": label, "km": round(km, 3)}
            for label, km in zip(labels, each, strict=True)
        ]
        notes = []
        for thing in subject.things:
            if is_known(km := getattr(thing, "official_km", None)):
                rows.append({"what": "published", "name": thing.name, "km": km})
                notes += [f"Published: {thing.official_note}"] if thing.official_note else []
            if (others := getattr(thing, "competing", None)) is not None:
                rows += [{"what": "another figure", **row} for row in plain_rows(others)]
        return Answer(
            f"Geodesic length of {subject.title} as drawn; the published length is in rows.",
            round(sum(each), 3),
            "km",
            rows=rows[: screen.MOST_ROWS],
            notes=notes,
            **about(subject),
        )

    def distance(self, a: str, b: str) -> Answer:
        """Measure the distance between two things in a straight line (geodesic), in km.

        Not along roads or railways: for that use `route`.
        """
        from cpecgeo import geodesy

        first, second = _resolve(a, "a"), _resolve(b, "b")
        table = geodesy.distance_matrix_km(first.shapes, second.shapes)
        return Answer(
            f"Geodesic distance from {first.title} to {second.title}, where they are closest.",
            round(float(table.to_numpy().min()), 3),
            "km",
            notes=["In a straight line, not by road or rail."],
            **about(first, second),
        )

    def nearest(self, points: str, targets: str | list[str], k: int = 1) -> Answer:
        """Find the nearest target of each point: km, and chainage and side along a corridor."""
        from cpecgeo.analysis.measure import nearest

        first, second = _resolve(points, "points", "keep"), _resolve(targets, "targets")
        found = nearest(first, second, k=k)
        one = float(found["distance_km"].iloc[0]) if len(found) == 1 else None
        if (names := first.names) is not None and len(names) == len(found):
            found = found.assign(name=names)
        return Answer(
            f"Geodesic distance from {first.title} to the nearest of {second.title}; `km` is the "
            "chainage of the closest place on a corridor.",
            one,
            "km",
            rows=plain_rows(found),
            **about(first, second),
        )

    def within(self, points: str, x: str | list[str], km: float) -> Answer:
        """List the rows of a layer or file within so many km of something; `value` counts them."""
        from cpecgeo.analysis.proximity import within

        first, second = _resolve(points, "points", "keep"), _resolve(x, "x")
        found = within(first, second, km)
        shown = ["id", "name", "kind", "status", "accuracy_km", "target", "distance_km"]
        table = found[[c for c in shown if c in found]] if "id" in found else found
        return Answer(
            f"How many of {first.title} lie within {km:g} km (geodesic) of {second.title}.",
            len(found),
            "features",
            rows=plain_rows(table.sort_values("distance_km")),
            **about(first, second),
        )

    def route(
        self,
        a: str,
        b: str,
        mode: Literal["any", "road", "rail"] = "any",
        weight: Literal["hours", "km"] = "hours",
        avoid: list[str] | None = None,
        year: int | None = None,
        season: str | None = None,
        status: str | None = None,
    ) -> Answer:
        """Find the way from one place to another by road and rail, leg by leg: km and hours.

        `avoid` closes a pass, a section or a district; `year` leaves out sections opened later;
        `season` ("summer", "winter" or a month) decides which passes are open; `status`
        ("operating", "any" …) which sections may be used. Hours are based on assumed speeds.
        """
        from cpecgeo.routing import route

        filters: Any = {"avoid": avoid or (), "year": year, "season": season, "status": status}
        way = route(a, b, mode=mode, weight=weight, **filters)
        legs = way.legs
        shown = ["turn", "name", "mode", "status", "from", "to", "km", "hours", "accuracy_km"]
        counts = legs.groupby("status")["km"].sum().round(1)
        worst = legs["accuracy_km"].max()
        facts: dict[str, Any] = {
            "accuracy": f"line: {worst:g} km (95 %) where it is worst; hours: assumed speeds",
            "status": ", ".join(f"{km:g} km {status}" for status, km in counts.items()),
            "sources": once(legs["source"]),
            "cite": "\n".join(citations("sections", "sections")),
        }
        return Answer(
            f"Kilometres from {a} to {b} over the network (published ones where there are any), "
            f"in {way.hours:.1f} hours; {way.access_km:.1f} km to reach the network not counted.",
            round(float(way.chainage_km), 1),
            "km",
            rows=plain_rows(legs[shown]),
            notes=[f"Kept least: {way.weight}. {way.asked}".strip(), *way.notes],
            **facts,
        )

    def crossed(self, x: str, zones: str = "districts") -> Answer:
        """List the zones (districts, provinces, a file) that a line runs through, in order."""
        from cpecgeo.analysis.overlay import crossed

        first, second = _resolve(x, "x"), _resolve(zones, "zones")
        found = crossed(first, second)
        facts = about(first, second)
        if outlines := found.attrs.get("accuracy"):
            facts["accuracy"] += f"; outlines: {outlines}"
        notes = []
        if doubtful := found.attrs["open"]:
            notes.append(f"Perhaps passed by, as far as outlines are known: {', '.join(doubtful)}.")
        return Answer(
            f"How many of {second.title} {first.title} runs through as drawn, those with the "
            "certainty open only perhaps; rows have km in and out.",
            int(found["zone"].nunique()),
            "zones",
            rows=plain_rows(found),
            notes=notes,
            **facts,
        )

    def exposure(
        self,
        x: str,
        km: list[float],
        layer: str = "places",
        value: str = "population",
        by: str | None = None,
        raster: str | None = None,
    ) -> Answer:
        """Add up people, or another column of a layer or file, in rings around something.

        The bundled `places` are towns with a figure, not everyone. `raster` is the path of a
        GeoTIFF of people (WorldPop, GHSL …), which counts everyone. `by` is a column
        ("province", "district"), or areas with a raster.
        """
        from cpecgeo.analysis.exposure import exposure

        first = _resolve(x, "x")
        counted = layer if raster is not None else _resolve(layer, "layer")
        found = exposure(first, sorted(km), layer=counted, value=value, by=by, raster=raster)
        facts = about(first) if isinstance(counted, str) else about(first, counted)
        facts["sources"] = once([*facts["sources"], *found.attrs["sources"]])
        if raster is not None:
            facts["cite"] += f"\n{Path(raster).name}: as its makers ask."
        total = float(found[value].sum() + found.attrs.get("in_no_zone", 0.0))
        if raster is None and 0 < found["features"].sum() == found["missing"].sum():
            total = math.nan
        return Answer(
            f"Total within {max(km):g} km (geodesic) of {first.title}. {found.attrs['counted']}.",
            None if math.isnan(total) else total,
            "people" if value == "population" else value,
            rows=plain_rows(found),
            notes=["What has no value isn't counted as 0: see `missing`."],
            **facts,
        )

    def report(self, x: str, file: str | None = None) -> Answer:
        """Report on a corridor, place or area: figures, caveats, sources.

        `file`, such as ``gwadar.html`` (or .md, .json), writes it into the folder named at start.
        """
        from cpecgeo.reports import report

        path = None if file is None else self._target(file, {".html", ".md", ".json"})
        subject = _resolve(x, "x")
        page = report(subject, draw=path is not None and path.suffix == ".html")
        if path is not None:
            self.written.add(page.save(path))
        rows = [
            {"part": k, "content": v}
            for k, v in page.to_dict().items()
            if isinstance(v, (list, dict))
        ]
        facts = about(subject) | {"sources": once(page.sources)}
        where = [] if path is None else [f"Written to {path}."]
        return Answer(
            f"Report on {page.title}; rows have its parts.",
            None,
            "",
            rows=[r for r in rows if r["part"] not in {"sources", "caveats"}],
            notes=[*where, *page.caveats],
            **facts,
        )

    def map(self, names: list[str], file: str, title: str | None = None) -> Answer:
        """Draw things on an interactive map: one HTML file in the folder named at start."""
        from cpecgeo.maps import Map

        path = self._target(file, {".html"})
        things = [_resolve(name, "names") for name in names]
        page = Map(title=title or "; ".join(thing.title for thing in things))
        for thing in things:
            page.add(thing)
        page.save(path)
        self.written.add(path)
        return Answer(
            f"Map of {', '.join(t.title for t in things)}; it opens in any browser, offline.",
            None,
            "",
            notes=[f"Written to {path}."],
            **about(*things),
        )

    def _target(self, file: str, suffixes: set[str]) -> Path:
        """Return the path of a file in the folder, new or written before by this process."""
        if self.out is None:
            raise InputError("Nothing can be written: start again with `cpecgeo mcp --out DIR`.")
        if Path(file).name != file or file[:1] in {"", "."} or set(file) & set('/\\:*?"<>|\0'):
            raise InputError(f"file is {file!r}; give a name without folders, such as gwadar.html.")
        path = self.out / file
        if path.suffix.lower() not in suffixes:
            raise InputError(f"file is {file!r}; it ends in {' or '.join(sorted(suffixes))}.")
        if path.is_symlink() or (path.exists() and path not in self.written):
            raise FileError(f"{file} is there already, and not of this conversation; name another.")
        return path


def _plainly(name: str, error: Exception) -> str:
    """Return the SDK's message of a refusal, without its preface and pydantic's links."""
    from pydantic import ValidationError

    if isinstance(wrong := error.__cause__, ValidationError):
        each = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'][:1].lower()}{one['msg'][1:]}"
            for one in wrong.errors(include_url=False, include_input=False)
        ]
        return f"Arguments of {name} that don't fit: {'; '.join(each)}."
    return str(error).removeprefix(f"Error executing tool {name}: ")


def serve(out: Path | None = None) -> MCPServer[Any]:
    """Build the server; `run` of it answers until its input ends."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
        from mcp.types import ToolAnnotations
    except ImportError as error:
        raise MissingExtraError(
            "An assistant is answered by the MCP SDK: pip install 'cpecgeo[mcp]'."
        ) from error
    from importlib.metadata import version

    class Server(MCPServer[Any]):
        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            try:
                return await super().call_tool(name, arguments, context)
            except UnexpectedToolError:
                raise
            except ToolError as error:
                raise ToolError(_plainly(name, error)) from error

    server = Server(
        "cpecgeo", instructions=_INSTRUCTIONS, version=version("cpecgeo"), log_level="WARNING"
    )
    tools, lock = Tools(out), threading.Lock()
    for name in [n for n in vars(Tools) if n[0] != "_" and callable(getattr(Tools, n))]:
        writes = name in {"report", "map"}
        hints = ToolAnnotations(
            read_only_hint=not writes, destructive_hint=False, open_world_hint=False
        )
        server.add_tool(_tool(lock, getattr(tools, name)), name=name, annotations=hints)
    return server


@click.command("mcp")
@click.option("--out", "-o", type=FILE, metavar="DIR", help="The one folder to write to.")
def answer_assistant(*, out: Path | None) -> None:
    """Answer an assistant's questions (MCP, on stdio).

    Example: cpecgeo mcp --out maps
    """
    if out is not None:
        from cpecgeo.files.disk import make_folder

        make_folder(out)
        out = out.resolve()
    serve(out).run("stdio")
