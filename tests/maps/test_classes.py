"""Classes of colour against mapclassify, breaks of few digits, sizes by value."""

import geopandas as gpd
import mapclassify
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from cpecgeo.errors import DataWarning, InputError, MissingExtraError, UnknownNameError
from cpecgeo.maps import Map
from cpecgeo.maps.classes import classify_colors, scale_sizes, write_number
from cpecgeo.maps.colors import MISSING


def groups(colors):
    """Rows that share a colour, as a set of sets."""
    return {frozenset(i for i, c in enumerate(colors) if c == one) for one in set(colors)}


@pytest.mark.parametrize(
    ("scheme", "peer"),
    [
        ("natural_breaks", mapclassify.FisherJenks),
        ("quantiles", mapclassify.Quantiles),
        ("equal_interval", mapclassify.EqualInterval),
    ],
)
def test_classes_are_those_of_mapclassify(scheme, peer):
    """On 46 values, where rounding may move none, and none is a limit itself."""
    values = np.random.default_rng(5).lognormal(3, 1, 46)
    colors, _ = classify_colors(pd.DataFrame({"v": values}), "v", scheme=scheme, k=4)
    wanted = peer(values, 4).yb
    assert groups(colors) == groups(list(wanted))


def test_classes_about_the_mean_are_those_of_mapclassify():
    values = np.random.default_rng(6).normal(50, 9, 49)
    colors, _ = classify_colors(pd.DataFrame({"v": values}), "v", scheme="std_mean")
    spread = values.std()
    bins = values.mean() + spread * np.array([-2, -1, 0, 1, 2])
    assert groups(colors) == groups(list(np.digitize(values, bins)))


def test_each_limit_about_the_mean_counts():
    """With rows on both sides of each of the five limits, however far out it is."""
    values = np.concatenate(([-46, -44, -23, -21], np.linspace(-9, 9, 37), [21, 23, 44, 46.0]))
    bins = values.mean() + values.std() * np.array([-2, -1, 0, 1, 2])
    wanted = np.digitize(values, bins)
    assert np.bincount(wanted).min() >= 2
    assert len(np.bincount(wanted)) == 6
    colors, legend = classify_colors(pd.DataFrame({"v": values}), "v", scheme="std_mean")
    assert groups(colors) == groups(list(wanted))
    assert len(legend) == 6


def test_natural_breaks_of_very_many_values_are_close_to_the_best():
    rng = np.random.default_rng(7)
    values = np.concatenate([rng.normal(m, 1, 4000) for m in (0, 20, 50)])
    colors, legend = classify_colors(pd.DataFrame({"v": values}), "v", scheme="natural_breaks", k=3)
    assert len(legend) == 3
    # Rounding may move 2 %.
    assert all(abs(len(g) - 4000) <= 240 for g in groups(colors))


def test_rounding_empties_no_class():
    """A few large values among many small ones, as of towns."""
    values = np.concatenate(
        [np.random.default_rng(9).uniform(1e3, 1e5, 700), [1.1e6, 1.2e6, 9.4e6]]
    )
    colors, legend = classify_colors(pd.DataFrame({"v": values}), "v", scheme="natural_breaks", k=4)
    assert [len(g) for g in groups(colors[-3:])] in ([1, 2], [2, 1])
    assert {c for _, c in legend} == set(colors)
    assert legend[-1][0].endswith(" to 9,400,000")


def test_without_mapclassify_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mapclassify", None)
    frame = pd.DataFrame({"v": np.arange(20.0)})
    with pytest.raises(MissingExtraError, match=r"cpecgeo\[maps\].*quantiles"):
        classify_colors(frame, "v", scheme="natural_breaks")
    assert len(classify_colors(frame, "v")[1]) == 5


numbers = st.lists(
    st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda v: float(f"{v:.7g}")),
    min_size=2,
    max_size=40,
)


@pytest.mark.filterwarnings("ignore:.*which tables use for missing:cpecgeo.errors.DataWarning")
@settings(deadline=None)
@given(numbers, st.sampled_from(["quantiles", "equal_interval"]), st.integers(2, 7))
def test_rounded_breaks_move_no_value_of_few(values, scheme, k):
    frame = pd.DataFrame({"v": values})
    array = np.asarray(values)
    classes = min(k, len(set(values)))
    if scheme == "quantiles":
        breaks = np.unique(np.quantile(array, np.linspace(0, 1, classes + 1)))[1:-1]
    else:
        breaks = np.unique(np.linspace(array.min(), array.max(), classes + 1)[1:-1])
    colors, legend = classify_colors(frame, "v", scheme=scheme, k=k, cmap="YlGnBu")
    assert groups(colors) == groups(list(np.searchsorted(breaks, array, side="right")))
    assert len(colors) == len(values)
    assert set(colors) <= {c for _, c in legend}


def test_breaks_have_few_digits_where_there_are_many_values():
    values = np.random.default_rng(8).uniform(0, 1, 10_000)
    labels = [a for a, _ in classify_colors(pd.DataFrame({"v": values}), "v")[1]]
    inner = {part for label in labels for part in label.split(" to ")} - {"1"}
    assert len(labels) == 5
    assert all(len(part) <= 4 for part in inner - {labels[0].split(" to ")[0]}), labels
    colors = classify_colors(pd.DataFrame({"v": values}), "v")[0]
    shares = [len(g) / 10_000 for g in groups(colors)]
    assert max(abs(s - 0.2) for s in shares) <= 0.04, "2 % at either limit"


def test_numbers_in_text_are_numbers_and_codes_are_not():
    with pytest.warns(DataWarning, match="commas"):
        _, legend = classify_colors(pd.DataFrame({"v": ["1,200", "300", "", "7"]}), "v", k=2)
    assert legend[-1] == ("no value (1)", MISSING)
    assert legend[0][0].startswith("7 to")
    _, legend = classify_colors(pd.DataFrame({"v": ["007", "012"]}), "v")
    assert [a for a, _ in legend] == ["007", "012"]


def test_colours_turn_about_the_centre():
    frame = pd.DataFrame({"v": [80.0, 90, 110, 120]})
    colors, _ = classify_colors(frame, "v", scheme=[85, 100, 115], center=100)
    warm = [int(c[1:3], 16) > int(c[5:7], 16) for c in colors]
    assert warm == [True, True, False, False]
    # Colours equally far from the centre are equally dark.
    colors, _ = classify_colors(
        frame, "v", scheme=[85, 100, 115], center=100, cmap=["#000000", "#ffffff", "#0000ff"]
    )
    assert colors[0] == "#000000"
    assert colors[-1] == "#0000ff"
    one_side, _ = classify_colors(
        frame, "v", scheme=[85, 100], center=100, cmap=["#000000", "#ffffff", "#0000ff"]
    )
    assert one_side[-1] != "#0000ff", "one class above, two below: less dark"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234567, "1,234,567"), (-0.5, "−0.5"), (1e-7, "1e-07"), (100, "100"), (1e20, "1e+20"),
        (0.123456789, "0.12346"), (0.000123456789, "0.00012346"), (0.0000987654, "9.87654e-05"),
        (-12.3456789, "−12.346"), (9.9e14, "990,000,000,000,000"), (1.5e15, "1.5e+15"),
    ],
)  # fmt: skip
def test_numbers_of_the_legend(value, text):
    assert write_number(value) == text


def test_the_area_of_a_symbol_stands_for_its_value():
    frame = pd.DataFrame({"t": [400.0, 100, 4, None]})
    sizes, legend = scale_sizes(frame, "t", largest=16, least=2, by_area=True)
    assert sizes[0] ** 2 / sizes[1] ** 2 == pytest.approx(4)
    assert sizes[2] == sizes[3] == 2
    assert [a for a, _ in legend] == ["200", "100", "20", "no value (1)"]
    assert legend[1][1] == sizes[1]
    sizes, _ = scale_sizes(frame, "t", largest=12, least=1, by_area=False)
    assert sizes[0] / sizes[1] == 4
    for bad, text in (([-1.0, 2], "negative|0 or more"), (["a", "b"], "no column of numbers")):
        with pytest.raises(InputError, match=text):
            scale_sizes(pd.DataFrame({"t": bad}), "t", largest=9, least=1, by_area=True)
    with pytest.raises(UnknownNameError, match="tonnes"):
        scale_sizes(pd.DataFrame({"tonnes": [1]}), "tons", largest=9, least=1, by_area=True)


def layer_of(made):
    return next(v for v in made.data()["layers"].values())


def test_sizes_and_widths_reach_the_page_with_legends_of_their_own():
    sites = gpd.GeoDataFrame(
        {"name": ["A", "B", "C"], "output_mw": [100.0, 25, np.nan], "kind_": ["x", "y", "x"]},
        geometry=[Point(67, 25), Point(68, 26), Point(69, 27)],
        crs=4326,
    )
    got = layer_of(Map(background=False).add(sites, color="kind_", radius="output_mw"))
    radii = [got["looks"][i]["radius"] for i in got["look"]]
    assert radii == [16, 8, 2]
    sizes = [e for e in got["legend"] if "size" in e]
    assert [e["label"] for e in sizes] == ["100", "20", "10", "no value (1)"]
    assert {e["heading"] for e in sizes} == {"Output mw"}
    assert got["fields"][0][0] == "kind_"
    assert got["fields"][1][0] == "output_mw"
    lines = sites.set_geometry(
        gpd.GeoSeries([LineString([(67, y), (68, y)]) for y in (25, 26, 27)], crs=4326)
    )
    got = layer_of(Map(background=False).add(lines, width="output_mw"))
    assert [got["looks"][i]["weight"] for i in got["look"]] == [12, 3, 1]
    assert [
        got["looks"][0]["weight"],
        layer_of(Map(background=False).add(lines, width=7))["looks"][0]["weight"],
    ] == [12, 7]


def test_clusters_are_for_points():
    frame = gpd.GeoDataFrame(
        {"name": ["A", "B"]}, geometry=[Point(67, 25), LineString([(67, 25), (68, 25)])], crs=4326
    )
    with pytest.raises(InputError, match="cluster is for points"):
        Map(background=False).add(frame, cluster=True)
    with pytest.raises(UnknownNameError, match="density"):
        Map(background=False).add(frame, cluster="denstiy")
    got = layer_of(Map(background=False).add(frame.iloc[:1], cluster="density"))
    assert got["cluster"] == "density"
    assert "cloud" in got


def test_years_are_written_as_years():
    built = pd.DataFrame({"year_built": np.arange(1970, 2030), "people": np.arange(1970, 2030)})
    labels = [label for label, _ in classify_colors(built, "year_built", k=4)[1]]
    assert labels[0].startswith("1970 to ")
    assert labels[-1].endswith(" to 2029")
    assert not any("," in label for label in labels)
    assert "," in classify_colors(built, "people", k=4)[1][0][0]
    assert "," in classify_colors(built.assign(year=built.people + 0.5), "year", k=4)[1][0][0]


def test_the_legend_says_statuses_as_people_do():
    frame = gpd.GeoDataFrame(
        {"name": ["A", "B", "C"], "status": ["under_construction", "planned", None]},
        geometry=[Point(67, 25), Point(68, 26), Point(69, 27)],
        crs=4326,
    )
    got = layer_of(Map(background=False).add(frame, color="status"))
    assert [entry["label"] for entry in got["legend"]] == [
        "under construction", "planned", "no value (1)",
    ]  # fmt: skip
    own = layer_of(
        Map(background=False).add(frame.rename(columns={"status": "mine"}), color="mine")
    )
    assert own["legend"][0]["label"] == "under_construction", "one's own words stay as they are"


def test_rows_without_a_position_are_in_no_class():
    """A total below a table isn't on the map, so no class is for it."""
    frame = gpd.GeoDataFrame(
        {"name": ["a", "b", "c", "Total"], "pupils": [40, 90, 120, 250]},
        geometry=[Point(67, 25), Point(67, 26), Point(67, 27), None],
        crs=4326,
    )
    layers = Map(background=False).add(frame, color="pupils", radius="pupils").data()["layers"]
    legend = next(iter(layers.values()))["legend"]
    labels = [entry["label"] for entry in legend]
    assert not any("250" in label or "200" in label for label in labels)
    assert labels[:3] == ["40 to 70", "70 to 100", "100 to 120"]
    assert labels[-1] == "no position (1)"
    assert legend[-1]["type"] == "none"
    whole = Map(background=False).add(frame[:3], color="pupils", radius="pupils").data()["layers"]
    assert next(iter(whole.values()))["legend"] == legend[:-1]


@pytest.mark.parametrize("scheme", ["quantiles", "equal_interval", "natural_breaks", "std_mean"])
@given(values=st.lists(st.integers(0, 40), min_size=1, max_size=9))
@settings(max_examples=40)
def test_there_are_no_more_classes_than_values(scheme, values):
    colors, legend = classify_colors(pd.DataFrame({"v": values}), "v", scheme=scheme, k=9)
    assert len(legend) <= len(set(values))
    assert set(colors) <= {color for _, color in legend}
