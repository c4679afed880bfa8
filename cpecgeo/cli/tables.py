"""Commands on lengths and profiles, positions along a corridor, tables for a study; the demo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import click

from cpecgeo.cli.analyses import SOURCE
from cpecgeo.cli.inputs import (
    EVERY_KM,
    FILE,
    GIVEN,
    JSON,
    READING,
    SECTIONS,
    ZONES,
    Given,
    Reading,
    corridor,
    features,
    name_argument,
    options,
    share,
    split,
    subject,
    things,
)
from cpecgeo.cli.screen import beside, give, is_known, remark, show, tell_unplaced
from cpecgeo.cli.things import state_lengths
from cpecgeo.errors import InputError

if TYPE_CHECKING:
    from cpecgeo.features.subject import Subject

__all__ = ["at", "demo", "density", "distance_table", "length", "locate", "neighbours", "profile",
           "treatment"]  # fmt: skip

# For so many lines the reasons for different drawn and published lengths are printed.
_EXPLAINED = 10
_LINE = name_argument("line", "A corridor, or a line of your own.")


@click.command()
@name_argument("names", "Corridors, sections, layers or files.", nargs=-1)
@options(READING, JSON)
def length(*, names: tuple[str, ...], json: bool, **how: Unpack[Reading]) -> None:
    """Measure lines: corridors, sections, layers, files.

    Example: cpecgeo length ml1 kkh western
    """
    import pandas as pd

    from cpecgeo.features.resolve import resolve

    rows: list[dict[str, Any]] = []
    for thing in things(names, *share(how, names)):
        given = resolve(thing, "the line", anywhere=True)
        if given.chainages:  # a corridor, or the layer of them
            rows += map(state_lengths, given.things)
        else:
            rows += _line_lengths(given)
    columns = "name title drawn_km official_km ratio accuracy_km"
    more = " drawn_km_by_status reason" if json else ""
    show(pd.DataFrame(rows), columns + more, json=json)
    if not json and len(rows) <= _EXPLAINED:
        for row in rows:
            if row["reason"]:
                print(f"{row['name']}: {row['reason']}")


def _line_lengths(given: Subject) -> list[dict[str, Any]]:
    """Return the drawn length of each line that isn't a corridor."""
    import numpy as np

    from cpecgeo import geodesy

    km = np.atleast_1d(np.asarray(geodesy.length_km(given.checked), float))
    if points := int(given.shapes.geom_type.isin(["Point", "MultiPoint"]).sum()):
        remark(
            f"{given.title}: {points:,} of {len(given):,} features are points, which "
            "have no length."
        )
    titles, stated = given.names or [given.title] * len(given), given.accuracy_km
    published = [float("nan")] * len(given)
    if given.kind in {"section", "layer"} and "official_km" in given.rows:
        published = given.rows["official_km"].astype(float).tolist()
    return [
        {
            "name": str(label),
            "title": str(title),
            "drawn_km": float(drawn),
            "official_km": published[i],
            "ratio": float(drawn) / published[i],
            "accuracy_km": None if stated is None else float(stated[i]),
            "drawn_km_by_status": None,
            "reason": None,
        }
        for i, (label, title, drawn) in enumerate(zip(given.shapes.index, titles, km, strict=True))
    ]


# A negative number is a kilometre, not an option.
@click.command(context_settings={"ignore_unknown_options": True})
@name_argument("line", "A corridor, section or file.")
@click.argument("km", nargs=-1, required=True, help="Kilometres, or names of stops.")
@READING
def at(*, line: str, km: tuple[str, ...], **how: Unpack[Reading]) -> None:
    """Find the place at a kilometre of a corridor.

    Example: cpecgeo at ml1-chord 481
    """
    from cpecgeo.features.resolve import resolve_corridor

    found = resolve_corridor(corridor(line, *share(how, line)))
    for text in km:
        place = _stop(text)
        if text.startswith("-") and isinstance(place, str):
            raise click.NoSuchOption(text)
        try:
            point = found.at(place)
        except InputError as error:
            raise type(error)(f"{found.name}: {error}") from None
        print(f"{text}\t{point.x:.6f}\t{point.y:.6f}")


@click.command()
@options(name_argument("x", "A corridor, section or file."), EVERY_KM)
@click.option(
    "--between", type=(str, str), metavar="FROM TO", help="A part of a corridor: two stops or km."
)
@click.option("--dem", type=FILE, help="A GeoTIFF of your own.")
@GIVEN
def profile(
    *,
    x: str,
    every_km: float,
    between: tuple[str, str] | None,
    dem: Path | None,
    **how: Unpack[Given],
) -> None:
    """Tell elevation, gradient and climb along a line.

    Example: cpecgeo profile kkh --every-km 25 --between Gulmit "Khunjerab Pass"
    """
    from cpecgeo.analysis import profile as heights

    ends = None if between is None else (_stop(between[0]), _stop(between[1]))
    line = subject(x, "the line", *share(how, x))
    table = heights.profile(line, every_km, between=ends, dem=dem)
    about = table.attrs
    if how["out"] is None and not how["json"]:
        highest = f"highest {about['highest_low_m']:,.0f} to {about['highest_high_m']:,.0f} m"
        if is_known(about["highest_m"]):
            highest = f"highest {about['highest_m']:,.0f} m at km {about['highest_at_km']:,.1f}"
        if is_known(about["climb_m"]):
            over = f"{about['climb_km']:,.0f} of {about['climb_km'] + about['ground_km']:,.0f} km"
            both = f"climb {about['climb_m']:,.0f} m, descent {about['descent_m']:,.0f} m"
            print(f"{both} (over {over}), {highest}")
        if count := about["without_elevation"]:
            remark(f"{count} of {len(table)} rows have no elevation: sea, or off the grid.")
    give(table, out=how["out"], json=how["json"])


def _stop(text: str) -> float | str:
    """Return a chainage where it is a number, else the name of a stop."""
    try:
        km = float(text)
    except ValueError:
        return text
    return km if math.isfinite(km) else text


@click.command()
@options(_LINE, SOURCE)
@click.option("--bin-km", default=10.0, help="Length of a stretch.")
@click.option("--by", type=click.Choice(["km", "section"]), default="km", help="Stretches.")
@click.option("--max-km", type=float, help="Farther ones are left out.")
@click.option("--when", help="A column of dates: count by period.")
@click.option("--freq", default="YE", help="YE QE ME W D, or opened (with --by section).")
@GIVEN
def density(
    *,
    line: str,
    source: str,
    bin_km: float,
    by: Literal["km", "section"],
    max_km: float | None,
    when: str | None,
    freq: str,
    **how: Unpack[Given],
) -> None:
    """Count the events along each stretch of a corridor.

    Example: cpecgeo density ml1 accidents.csv --bin-km 50 --max-km 5
    """
    from cpecgeo.analysis.tables import density_along

    of_source, of_line = share(how, source, line)
    rows, along = features(source, of_source), corridor(line, of_line)
    found = density_along(along, rows, bin_km=bin_km, by=by, max_km=max_km, when=when, freq=freq)
    about = found.attrs
    if max_km is None and (beyond := about["beyond_50_km"]):
        remark(
            f"{beyond} of {about['counted']} events lie more than 50 km from "
            f"{about['corridor']} and are counted; --max-km leaves far ones out."
        )
    if dropped := about["too_far"]:
        remark(f"{dropped} events lie more than {max_km:g} km away and aren't counted.")
    give(found, out=how["out"], json=how["json"])
    tell_unplaced(rows)


@click.command()
@options(_LINE, SOURCE, SECTIONS, GIVEN)
def locate(*, line: str, source: str, sections: bool, **how: Unpack[Given]) -> None:
    """Find the chainage of points along a corridor.

    Example: cpecgeo locate ml1 bridges.csv
    """
    from cpecgeo.analysis import measure

    of_source, of_line = share(how, source, line)
    frame = features(source, of_source)
    columns = "km offset_km side accuracy_km" + " section status opened" * sections
    answer = measure.locate(frame, corridor(line, of_line), sections=sections)
    joined, shown = beside(frame, answer, columns)
    give(joined, None if how["json"] else shown, out=how["out"], json=how["json"])
    tell_unplaced(frame)


@click.command()
@SOURCE
@click.option(
    "--group",
    metavar="NAME=THINGS",
    multiple=True,
    required=True,
    help="rail=ml1,ml2; once for each group.",
)
@click.option("--by", help="Means by a column, district or province.")
@GIVEN
def distance_table(
    *, source: str, group: tuple[str, ...], by: str | None, **how: Unpack[Given]
) -> None:
    """Measure from each point to the nearest of each group.

    Example: cpecgeo distance-table a.csv --group rail=ml1 --group port=port-qasim,karachi-port
    """
    from cpecgeo.analysis import tables

    groups: dict[str, Any] = {}
    for text in group:
        name, is_given, members = text.partition("=")
        if not is_given or not name.strip() or not members.strip():
            raise InputError(f"--group is {text!r}; give a name and what is in it: rail=ml1,ml2.")
        groups[name.strip()] = members
    of_source, *of_groups = share(how, source, *groups.values())
    groups = {
        name: subject(members, f"--group {name}", stated, missing="keep")
        for (name, members), stated in zip(groups.items(), of_groups, strict=True)
    }
    frame = features(source, of_source)
    table = tables.distance_table(frame, groups, by=by)
    if by is None:
        columns = " ".join(f"{name}_{what}" for name in groups for what in ("km", "name"))
        joined, shown = beside(frame, table, columns)
        give(joined, None if how["json"] else shown, out=how["out"], json=how["json"])
        tell_unplaced(frame)
    else:
        give(table, out=how["out"], json=how["json"])


@click.command()
@name_argument("corridors", "Corridors, between commas, or a file.")
@click.option("--years", metavar="FROM-TO", required=True, help="2000-2025, or 2000,2010,2020.")
@ZONES
@click.option("--within-km", default=0.0, help="As near as this, too.")
@click.option("--disputed/--no-disputed", default=True, help="Zones of disputed status in or out.")
@click.option(
    "--undated",
    type=click.Choice(["out", "in"]),
    default="out",
    help="Operating sections without a known opening.",
)
@GIVEN
def treatment(
    *,
    corridors: str,
    years: str,
    zones: str,
    within_km: float,
    disputed: bool,
    undated: Literal["out", "in"],
    **how: Unpack[Given],
) -> None:
    """Tell which zones a corridor reaches, year by year.

    Example: cpecgeo treatment m4,m5 --years 2010-2025 -o panel.csv
    """
    from cpecgeo.analysis import panel

    of_lines, of_zones = share(how, corridors, zones)
    # A file is read as a corridor.
    lines: list[Any] = [corridor(name, of_lines) for name in split(corridors)]
    table = panel.treatment(
        lines if not all(isinstance(n, str) for n in lines) else subject(corridors, "corridors"),
        subject(zones, "--zones", of_zones),
        years=_years(years),
        within_km=within_km,
        disputed=disputed,
        undated=undated,
    )
    give(table, out=how["out"], json=how["json"])


def _years(text: str) -> list[int]:
    """Parse 2000-2025, or years separated by commas."""
    first, _, last = text.partition("-")
    try:
        if last and (years := range(int(first), int(last) + 1)):
            return list(years)
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--years is {text!r}; give 2000-2025 (the earlier first), or 2000,2010,2020."
        ) from None


@click.command()
@name_argument("zones", "districts, provinces, or a file.", kinds=("layer",), default="districts")
@GIVEN
def neighbours(*, zones: str, **how: Unpack[Given]) -> None:
    """List which zones touch one another, corners counted.

    Example: cpecgeo neighbours provinces
    """
    import pandas as pd

    from cpecgeo.analysis import panel

    pairs = panel.neighbours(subject(zones, "zones", *share(how, zones))).explode().dropna()
    table = pd.DataFrame({"zone": pairs.index, "neighbour": pairs.to_numpy()})
    give(table, out=how["out"], json=how["json"])


@click.command()
@click.option("--out", "-o", type=FILE, metavar="DIR", default="out", help="Folder to write to.")
def demo(*, out: Path) -> None:
    """Measure everything: tables, a map and two CSV files.

    Example: cpecgeo demo -o out
    """
    from cpecgeo.analysis.tables import proximity
    from cpecgeo.features.corridors import lengths
    from cpecgeo.files.disk import make_folder, write_whole
    from cpecgeo.maps import cpec_map

    everything, near = lengths(), proximity()
    whole = everything[everything["level"] == "corridor"]
    print("Corridors: drawn and published length, km")
    show(whole, "id drawn_km official_km ratio status accuracy_km")
    print("\nBorder markets, mines and ports: nearest corridor, and Gwadar Port, km")
    show(
        near.rename(columns={"to_km": "gwadar_km"}),
        "name corridor distance_km km side operating_corridor operating_distance_km "
        "gwadar_km basis",
    )
    make_folder(out)
    for name, table in (("lengths.csv", everything), ("proximity.csv", near)):
        write_whole(out / name, table.to_csv(index=False).encode())
    cpec_map().save(str(out / "cpec.html"))
    print()
    for name in ("cpec.html", "lengths.csv", "proximity.csv"):
        print(f"wrote {out / name}")
