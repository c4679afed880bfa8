"""The drawn lines of both files, compared with independent figures by pyproj alone."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod
from shapely.geometry import LineString

DATA = Path(__file__).parents[2] / "data"
GEOD = Geod(ellps="WGS84")
FILES = ["lines.geojson", "odbl/lines.geojson"]
SHARP_DEG = 150
SLACK = 1.03
POST_ROUNDING_KM = 1.0


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


EXPECTED = read(Path(__file__).with_name("expected_lengths.csv"))
SECTIONS = read(DATA / "sections.csv").set_index("id")
CORRIDORS = read(DATA / "corridors.csv").set_index("id")
PARTS = read(DATA / "section_parts.csv")
STATIONS = read(DATA / "stations.csv")


def features(path):
    return json.loads((DATA / path).read_text(encoding="utf-8"))["features"]


DRAWINGS = [(path, f) for path in FILES for f in features(path)]
OWN = {f["id"]: f for path, f in DRAWINGS if path == "lines.geojson"}
SHOWN = {f["id"]: f for _, f in DRAWINGS}  # from OpenStreetMap where that is there


def lines_of(feature):
    geometry = feature["geometry"]
    lone = geometry["type"] == "LineString"
    return [np.array(c) for c in ([geometry["coordinates"]] if lone else geometry["coordinates"])]


def legs(xy):
    """Azimuth at each leg's start, azimuth back from its end, km."""
    ahead, back, metres = GEOD.inv(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    return np.asarray(ahead), np.asarray(back), np.asarray(metres) / 1e3


def summed_km(feature):
    return sum(float(legs(xy)[2].sum()) for xy in lines_of(feature))


def measures_of(feature):
    """The measures of each of a feature's lines."""
    sizes = [len(xy) for xy in lines_of(feature)]
    measures = np.array(feature["properties"]["measures_km"])
    assert len(measures) == sum(sizes)
    return np.split(measures, np.cumsum(sizes)[:-1])


def sharp_turns(xy):
    """Indices of the vertices where a line turns by more than 150 degrees."""
    ahead, back, _ = legs(xy)
    turn = np.abs((ahead[1:] - (back[:-1] + 180) + 180) % 360 - 180)
    return np.flatnonzero(turn > SHARP_DEG) + 1


def station_notes():
    """Name and note of the station at a position."""
    spots = STATIONS.set_index("id")[["name", "lon", "lat", "note"]]
    extra = read(DATA / "odbl/station_positions.csv").query("use == 'position'")
    placed = pd.concat(
        [
            spots[spots["lon"] != ""],
            extra.set_index("station")[["lon", "lat"]].join(spots[["name", "note"]]),
        ]
    )
    spot = zip(placed["lon"].astype(float), placed["lat"].astype(float), strict=True)
    return dict(zip(spot, zip(placed["name"], placed["note"], strict=True), strict=True))


STATION_AT = station_notes()


@pytest.mark.parametrize("row", list(EXPECTED.itertuples()), ids=lambda r: f"{r.what}-{r.id}")
def test_length_against_its_figure(row):
    """`what` is section or corridor, and then drawn (independent sum) or official (published)."""
    names = (
        [row.id] if row.what.startswith("section") else CORRIDORS.loc[row.id, "sections"].split()
    )
    # The independent sums of roads go through the way points.
    through = row.what == "section drawn" and SECTIONS.loc[row.id, "kind"] == "road"
    km = sum(summed_km((OWN if through else SHOWN)[name]) for name in names)
    assert abs(km - float(row.figure_km)) <= float(row.tolerance_km), row.reason
    assert row.reason
    assert row.source
    if row.what.endswith("official"):  # wide, because of the bends; the ratio itself is tested too
        ratio = float(re.match(r"ratio (\d\.\d{3}): \w", row.reason)[1])
        assert km / float(row.figure_km) == pytest.approx(ratio, abs=6e-4)


def test_each_published_length_of_a_drawn_line_has_a_row():
    rows = EXPECTED.set_index("id")
    for of, table, drawn in (
        ("section", SECTIONS, SECTIONS.index.isin(list(SHOWN))),
        ("corridor", CORRIDORS, True),
    ):
        official = table.loc[drawn & (table["official_km"] != ""), "official_km"].astype(float)
        listed = rows.loc[rows["what"] == f"{of} official", "figure_km"].astype(float)
        assert listed.to_dict() == official.to_dict()


def test_drawn_km_is_the_length_of_the_coordinates():
    wrong = [
        (path, f["id"])
        for path, f in DRAWINGS
        if abs(f["properties"]["drawn_km"] - summed_km(f)) > 1e-3
    ]
    assert wrong == []


def test_measures_increase():
    wrong = [
        (path, f["id"])
        for path, f in DRAWINGS
        if any((np.diff(m) <= 0).any() for m in measures_of(f))
    ]
    assert wrong == []


def test_lines_turn_back_only_where_trains_reverse():
    """A vertex turning by more than 150° stands at the station that `reverses_at` names."""
    wrong = []
    for path, f in DRAWINGS:
        stated = PARTS.loc[PARTS["section"] == f["id"], "reverses_at"]
        turned = [
            STATION_AT.get(tuple(xy[i]), ("no station", ""))[0]
            for xy in lines_of(f)
            for i in sharp_turns(xy)
        ]
        if turned != [name for name in stated if name]:
            wrong.append((path, f["id"], turned))
    assert wrong == []


def test_lines_do_not_cross_themselves():
    """Between reversals, where trains go back over the same track."""
    wrong = []
    for path, f in DRAWINGS:
        for xy in lines_of(f):
            ends = [0, *sharp_turns(xy), len(xy) - 1]
            runs = [xy[a : b + 1] for a, b in pairwise(ends)]
            if not all(LineString(run).is_simple for run in runs):
                wrong.append((path, f["id"]))
    assert wrong == []


def test_no_leg_is_longer_than_its_km_allow():
    """3 %, and 1 km more between whole-km posts; a station beside the leg may explain it."""
    wrong = []
    for path, f in DRAWINGS:
        slack = POST_ROUNDING_KM if f["properties"]["kind"] == "rail" else 0.0
        for xy, measures in zip(lines_of(f), measures_of(f), strict=True):
            km, allowed = legs(xy)[2], np.diff(measures) * SLACK + slack
            for i in np.flatnonzero(km > allowed):
                notes = [STATION_AT.get(tuple(end), ("", ""))[1] for end in xy[i : i + 2]]
                if not any("the km post may be wrong" in note for note in notes):
                    wrong.append((path, f["id"], int(i), round(float(km[i]), 2)))
    assert wrong == []


def test_no_section_is_drawn_longer_than_its_chainage():
    """The published length, or the one used instead where that can't be right."""
    wrong = []
    for path, f in DRAWINGS:
        stated = SECTIONS.loc[f["id"], "chainage_km"] or SECTIONS.loc[f["id"], "official_km"]
        if stated and summed_km(f) > float(stated) * SLACK:
            wrong.append((path, f["id"]))
    assert wrong == []


def test_each_drawn_section_says_why_its_lengths_differ():
    drawn = SECTIONS.loc[list(SHOWN)]
    assert (drawn["ratio_reason"] != "").all()
    assert (drawn.loc[drawn["chainage_km"] != "", "chainage_reason"] != "").all()


def test_chainage_that_leaves_the_published_figure_says_why():
    silent = [
        (f["id"], f["properties"]["measures_km"][-1], SECTIONS.loc[f["id"], "official_km"])
        for f in SHOWN.values()
        if SECTIONS.loc[f["id"], "official_km"]
        and f["geometry"]["type"] == "LineString"
        and abs(f["properties"]["measures_km"][-1] - float(SECTIONS.loc[f["id"], "official_km"]))
        > 0.01
        and not SECTIONS.loc[f["id"], "chainage_reason"]
    ]
    assert silent == []


def test_every_part_is_on_a_drawn_line():
    """All parts resolve: a section's line passes through the ends its parts name.

    A traced road has them as stops; a line through places goes through their positions.
    """
    points = pd.concat([STATIONS, read(DATA / "waypoints.csv")]).set_index("id")
    extra = read(DATA / "odbl/station_positions.csv").query("use == 'position'")
    points.loc[extra["station"], ["lon", "lat"]] = extra[["lon", "lat"]].to_numpy()
    assert len(PARTS) == 128
    wrong = []
    for part in PARTS.rename(columns={"from": "start", "to": "end"}).itertuples():
        road = SECTIONS.loc[part.section, "kind"] == "road"
        feature = (OWN if road else SHOWN)[part.section]
        vertices = {tuple(v) for xy in lines_of(feature) for v in xy}
        for end in filter(None, (part.start, part.end)):
            lon, lat = points.loc[end, ["lon", "lat"]].astype(float)
            near = min(GEOD.inv(lon, lat, *v)[2] for v in vertices)
            if near > 500:  # two traces meet within 0.5 km, and the line takes one of the two
                wrong.append((part.section, part.order, end, round(near / 1e3, 2)))
    assert wrong == []
