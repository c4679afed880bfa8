"""Every verb with every kind of thing: a value, or the one error that it gets."""

import tempfile
import warnings
from pathlib import Path

import dask_geopandas
import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, box

import cpecgeo as cg
from cpecgeo import errors, routing, scale
from cpecgeo.catalogue import fold
from cpecgeo.features.lookup import KINDS, find

LINE = LineString([(72.8, 33.7), (73.0, 33.9)])
SPOT = Point(67.5, 25.2)
AREA = box(72.5, 33.5, 73.2, 34.2)
POINTS = gpd.GeoSeries([Point(67, 25), Point(68, 26)], crs=4326)
TABLE = gpd.GeoDataFrame({"name": ["a", "b"], "population": [1, 2]}, geometry=POINTS)

VERBS = {
    "length_km": cg.length_km,
    "distance_km": lambda x: cg.distance_km(x, SPOT),
    "distance_matrix_km": lambda x: cg.distance_matrix_km(x, SPOT),
    "nearest, points": lambda x: cg.nearest(x, "taxila-havelian"),
    "nearest, targets": lambda x: cg.nearest(SPOT, x),
    "within, points": lambda x: cg.within(x, "taxila-havelian", 5),
    "within, x": lambda x: cg.within("mines", x, 5),
    "rings": lambda x: cg.rings(x, [5]),
    "buffer": lambda x: cg.buffer(x, 5),
    "crossed, x": lambda x: cg.crossed(x, "provinces"),
    "crossed, zones": lambda x: cg.crossed("taxila-havelian", x),
    "exposure, x": lambda x: cg.exposure(x, [5]),
    "exposure, layer": lambda x: cg.exposure("taxila-havelian", [5], layer=x, value=None),
    "density_along, corridor": lambda x: cg.density_along(x, "mines", bin_km=100),
    "density_along, events": lambda x: cg.density_along("taxila-havelian", x, bin_km=100),
    "distance_table, points": lambda x: cg.distance_table(x, {"rail": "taxila-havelian"}),
    "distance_table, groups": lambda x: cg.distance_table(SPOT, {"x": x}),
    "neighbours": cg.neighbours,
    "treatment, corridors": lambda x: cg.treatment(x, "provinces", years=[2020]),
    "treatment, zones": lambda x: cg.treatment("taxila-havelian", x, years=[2020]),
    "profile": lambda x: cg.profile(x, 50),
    "locate, points": lambda x: cg.locate(x, "taxila-havelian"),
    "locate, corridor": lambda x: cg.locate(SPOT, x),
    "route, a": lambda x: cg.route(x, "Gwadar", max_access_km=200),
    "route, avoid": lambda x: cg.route("Karachi", "Lahore", avoid=x),
    "route, extra": lambda x: cg.route("Lahore", "Multan", mode="road", extra=x, join_km=90),
    "report": lambda x: cg.report(x, draw=False),
    "Map.add": lambda x: cg.Map(background=False).add(x),
    "scale.nearest": lambda x: scale.nearest(lazy(), x).compute(),
    "scale.within": lambda x: scale.within(lazy(), x, 5).compute(),
    "scale.exposure": lambda x: scale.exposure(lazy(), x, [5]),
}
FAR = {"max_access_km": 200}
OWN = cg.Corridor.from_line(LINE, name="own", stops={"a": LINE.coords[0]})


def streamed(verb, x, **options):
    """Ask of a small file."""
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "s.csv", Path(name) / "out.csv"
        source.write_text("name,population,lon,lat\na,1,67,25\nb,2,68,26\n", encoding="utf-8")
        return verb(source, out, targets=x, **options)


def drawn_with(geometry):
    """Draw a result whose rows have no geometry of their own."""
    return cg.Map(background=False).add(cg.nearest(POINTS, "ml1"), geometry=geometry)


# The rest of what takes a thing; in a table of its own, because lines end.
VERBS |= {
    "distance_km, b": lambda x: cg.distance_km(SPOT, x),
    "distance_matrix_km, b": lambda x: cg.distance_matrix_km(SPOT, x),
    "exposure, by": lambda x: cg.exposure("taxila-havelian", [5], by=x),
    "Corridor.locate": lambda x: cg.corridor("taxila-havelian").locate(x),
    "Corridor.crossed": lambda x: cg.corridor("taxila-havelian").crossed(x),
    "route, b": lambda x: cg.route("Gwadar", x, **FAR),
    "route, along": lambda x: cg.route("Taxila Cantt", "Havelian", mode="rail", along=x),
    "routes, a": lambda x: cg.routes(x, "Gwadar", **FAR),
    "reach, a": lambda x: cg.reach(x, km=20, **FAR),
    "route_matrix, a": lambda x: cg.route_matrix(x, ["Gwadar"], **FAR),
    "route_matrix, b": lambda x: cg.route_matrix(["Gwadar"], x, **FAR),
    "critical_sections, a": lambda x: cg.critical_sections(x, "Gwadar", **FAR),
    "gain, places": lambda x: routing.gain(x, extra=OWN, join_km=90, **FAR),
    "gain, extra": lambda x: routing.gain(["Lahore", "Multan"], extra=x, mode="road", join_km=90),
    "sea_route, a": lambda x: routing.sea_route(x, "Gwadar Port"),
    "stated_leg, a": lambda x: routing.stated_leg(x, "Gwadar", km=3000, mode="sea", source="s"),
    "report, others": lambda x: cg.report("Gwadar Port", x, draw=False),
    "Map.add, geometry": drawn_with,
    "scale.prepare": scale.prepare,
    "scale.nearest_file": lambda x: streamed(scale.nearest_file, x),
    "scale.within_file": lambda x: streamed(scale.within_file, x, km=5),
    "scale.exposure_file": lambda x: streamed(scale.exposure_file, x, km=[5]),
}

# v: a value. G GeometryError, I InputError, T InputTypeError, U UnknownNameError.
ERRORS = {
    "G": errors.GeometryError,
    "I": errors.InputError,
    "T": errors.InputTypeError,
    "U": errors.UnknownNameError,
}
# In the order of VERBS: measures, proximity, overlay, tables, along a line, network, pages,
# streams.
GRID = """
corridor name        v v v G v v v v v v G v G v G G v G v G v G v U v T v v v v v
section name         v v v G v v v v v v G v G U G G v G T G v G U U v T v v v v v
place name           v v v v v v v v v G G v v U v v v G T G G v U v v T v v v v v
layer name           v v v v v v v v v G G v v U v v v G T G G v U U v T v v v v v
district name        G v v G v v v v v G v v v U G G v v T v G G U U v T v v v v v
province name        G v v G v v v v v G v v v U G G v v T v G G U U I T v v v v v
several names        v v v G v v v v v G G v G T G G v G T G G G T U v T v v v v v
Corridor             v v v G v v v v v v G v G v G G v G v G v G v G v v v v v v v
own Corridor         v v v G v v v v v v G v G v G G v G v G v G v G v v v v v v v
Route                v v v G v v v v v v G v G T G G v G T G v G T G v T v v v v v
Reach                G v v G v v v v v G v v v T G G v v T v G G T G v T v v v v v
Place                v v v v v v v v v G G v v T v v v G T G G v T v v T v v v v v
Market               v v v v v v v v v G G v v T v v v G T G G v T v v T v v v v v
Point                v v v v v v v v v G G v v T v v v G T G G v T v v T v v v v v
LineString           v v v G v v v v v v G v G T G G v G T G v G T G v T v v v v v
Polygon              G v v G v v v v v G v v v T G G v v T v G G T G v T v v v v v
MultiPoint           v v v G v v v v v G G v G T G G v G T G G G T G v T v v v v v
MultiLineString      v v v G v v v v v v G v G T G G v G T G G G T G v T v v v v v
MultiPolygon         G v v G v v v v v G v v v T G G v v T v G G T G v T v v v v v
GeoSeries            v v v v v v v v v G G v v T v v v G T G G v T G v T v v v v v
GeoDataFrame UTM     v v v v v v v v v G G v v T v v v G T G G v T G v T v v v v v
DataFrame lon lat    v v v v v v v v v G G v v T v v v G T G G v T G v T v v v v v
Path                 v v v v v v v v v G G v v G v v v G T G G v G G v T v v v v v
file name            v v v v v v v v v G G v v G v v v G T G G v G U v T v v v v v
mixed list           v v v G v v v v v G G v G T G G v G T G G G T U v T v v v v v
empty list           I I I I I I I I I I I I I T I I I I I I I I T I v v I I I I I
empty frame          v v v v I v I I v I I I v T v v I I I I I v T G I T I v I I I
None                 T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T
number               T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T
class                T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T T
"""
# From "distance_km, b" on: verbs, network, pages, streams.
MORE = """
corridor name        v v U G G U v U U U U U U T U U v T v v v v
section name         v v U G G U U U U U U U U T U U v T v v v v
place name           v v U v G v U v v v v v I T I v v T v v v v
layer name           v v U v G U U U U v v U v T U U v T v v v v
district name        v v U G v U U U U U U U U T U U v T v v v v
province name        v v U G v U U U U U U U U T U U v T v v v v
several names        v v T G G U T U U U U U U T U U G T v v v v
Corridor             v v T G G G v G G G G G G v G G v T v v v v
own Corridor         v v T G G G I G G G G G G v G G v T v v v v
Route                v v T G G G T G G G G G G T G G v T v v v v
Reach                v v T G v G T G G G G G G T G G v T v v v v
Place                v v T v G v T v v v v v I T I v v T v v v v
Market               v v T v G v T v v v v v I T I v v T v v v v
Point                v v T v G v T v v v v v I T I v v T v v v v
LineString           v v T G G G T G G G G G G T G G v T v v v v
Polygon              v v T G v G T G G G G G G T G G v T v v v v
MultiPoint           v v T G G G T G G G G G G T G G v T v v v v
MultiLineString      v v T G G G T G G G G G G T G G v T v v v v
MultiPolygon         v v T G v G T G G G G G G T G G v T v v v v
GeoSeries            v v T v G G T G G v v G v T G G v v v v v v
GeoDataFrame UTM     v v T v G G T G G v v G v T G G v v v v v v
DataFrame lon lat    v v T v G G T G G v v G v T G G v v v v v v
Path                 v v T v G G G G G v v G v T G G v T v v v v
file name            v v U v G U U U U v v U v T U U v T v v v v
mixed list           v v T G G U T U U U U U U T U U G T v v v v
empty list           I I T I I I T I I I I I I I I I I I I I I I
empty frame          v v T v I G T G G I I G I T G G I T I I I I
None                 T T v T T T v T T T v T T T T T T v T T T T
number               T T T T T T T T T T T T T T T T T T T T T T
class                T T T T T T T T T T T T T T T T T T T T T T
"""

CELLS = {line[:20].strip(): line[20:].split() for line in GRID.strip().splitlines()}
for line in MORE.strip().splitlines():
    CELLS[line[:20].strip()] += line[20:].split()


def lazy():
    return dask_geopandas.from_geopandas(TABLE, npartitions=1)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    file = tmp_path_factory.mktemp("grid") / "sites.csv"
    file.write_text("name,lon,lat\na,67,25\nb,68,26\n", encoding="utf-8")
    return {
        "corridor name": "taxila-havelian",
        "section name": "raikot-thakot",
        "place name": "Gwadar Port",
        "layer name": "mines",
        "district name": "district:Quetta",
        "province name": "Punjab",
        "several names": ["taxila-havelian", "Gwadar Port"],
        "Corridor": cg.corridor("taxila-havelian"),
        "own Corridor": OWN,
        "Route": cg.route("Raikot Bridge", "Thakot", mode="road"),
        "Reach": cg.reach("Gwadar", km=50, mode="road"),
        "Place": cg.place("Gwadar Port"),
        "Market": cg.market("Torkham"),
        "Point": SPOT,
        "LineString": LINE,
        "Polygon": AREA,
        "MultiPoint": MultiPoint([(67, 25), (68, 26)]),
        "MultiLineString": MultiLineString([LINE, LineString([(73.1, 33.9), (73.2, 34)])]),
        "MultiPolygon": MultiPolygon([AREA, box(74, 33, 75, 34)]),
        "GeoSeries": POINTS,
        "GeoDataFrame UTM": TABLE.to_crs(32642),
        "DataFrame lon lat": pd.DataFrame({"lon": [67.0, 68.0], "lat": [25.0, 26.0]}),
        "Path": file,
        "file name": str(file),
        "mixed list": [LINE, "taxila-havelian", cg.place("Gwadar Port"), SPOT],
        "empty list": [],
        "empty frame": gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=4326)),
        "None": None,
        "number": 5,
        "class": Point,
    }


def answer(call, x):
    """A letter for what a call gives; the name of an error that isn't ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return "nothing" if call(x) is None else "v"
        except Exception as error:  # noqa: BLE001 – whatever else it is, it is wrong
            kind = next((k for k, kind in ERRORS.items() if type(error) is kind), repr(error))
            is_one_line = "\n" not in str(error) and len(str(error)) < 600
            return kind if is_one_line else repr(error)


@pytest.mark.parametrize("verb", VERBS)
def test_every_cell(verb, kinds):
    column = list(VERBS).index(verb)
    assert set(CELLS) == set(kinds)
    assert {len(row) for row in CELLS.values()} == {len(VERBS)}
    got = {kind: answer(VERBS[verb], x) for kind, x in kinds.items()}
    wrong = {kind: found for kind, found in got.items() if found != CELLS[kind][column]}
    assert not wrong


# One thing, however it is given: the answers are the same.
SAME = [
    ("Gwadar Port", lambda: cg.place("Gwadar Port"), lambda: cg.place("Gwadar Port").point),
    ("ML-1", lambda: cg.corridor("ml1"), lambda: cg.corridor("Main Line 1").line),
    ("raikot-thakot", lambda: cg.layer("sections").loc["raikot-thakot"].geometry),
    ("district:Quetta", lambda: cg.layer("districts").loc["quetta"].geometry),
]


@pytest.mark.parametrize("forms", SAME, ids=lambda forms: forms[0])
def test_one_thing_in_any_form_gets_one_answer(forms):
    name, *others = forms
    given = [name, *(make() for make in others)]
    towns = cg.layer("places").geometry.iloc[:50]
    away = [cg.nearest(towns, x)["distance_km"].tolist() for x in given]
    area = [cg.geodesy.area_km2(cg.buffer(x, 3)) for x in given]
    near = [list(cg.within("places", x, 40).index) for x in given]
    assert all(a == pytest.approx(away[0], abs=1e-9) for a in away)
    assert area == pytest.approx([area[0]] * len(area))
    assert all(n == near[0] for n in near)


def test_a_corridor_keeps_its_chainage_in_any_company():
    alone = cg.nearest("Rohri", "ml1-chord")["km"].iloc[0]
    mixed = cg.nearest("Rohri", [shapely.Point(60, 20), cg.corridor("ml1-chord"), "mines"])
    assert mixed["target"].tolist() == ["ml1-chord"]
    assert mixed["km"].iloc[0] == alone == pytest.approx(481, abs=0.5)


def test_names_come_in_one_order_and_a_prefix_says_which():
    assert cg.distance_km("Quetta", cg.place("Quetta")) == 0
    assert cg.length_km("kkh") == cg.length_km(cg.corridor("kkh"))
    with pytest.raises(errors.GeometryError):
        cg.length_km("district:Quetta")
    with pytest.raises(errors.UnknownNameError, match="Quetta"):
        cg.length_km("section:Quetta")


# In which table a kind of name is; of those of points, each.
TABLES = {
    "corridor": ("corridors",),
    "section": ("sections",),
    "place": ("stations", "waypoints", "crossings", "mines", "ports", "zones", "energy", "places"),
    "district": ("districts",),
    "province": ("provinces",),
}


def test_a_name_of_several_kinds_is_the_first_and_says_the_others():
    """Of every name that two kinds share, and there are more than 40."""
    kinds = {}
    for kind, tables in TABLES.items():
        for table in map(cg.layer, tables):
            for name in {*table["id"], *table.get("name", ()), *table.get("title", ())} - {None}:
                kinds.setdefault(fold(str(name)), {}).setdefault(kind, str(name))
    shared = {key: found for key, found in kinds.items() if len(found) > 1}
    assert len(shared) > 40
    wrong = {}
    for found in shared.values():
        first, *others = sorted(found, key=KINDS.index)
        got = find(found[first])
        if got.kind != first or not {"district", "province"} & {*others} <= {
            other.partition(":")[0] for other in got.also
        }:
            wrong[found[first]] = (got.kind, got.also)
    assert not wrong
