"""Names are forgiven, citations name their sources, layers keep their provenance."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo.catalogue import fold
from cpecgeo.catalogue.facts import match
from cpecgeo.catalogue.files import data_path, read_features
from cpecgeo.catalogue.geometry import OSM_CREDIT, list_credits
from cpecgeo.catalogue.layers import COMMON, LAYERS
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=" -_.,'()"))
def test_punctuation_alone_names_nothing(text):
    with pytest.raises(UnknownNameError):
        match(text, {"ml1": ["ML-1"]}, "corridor")


@pytest.mark.parametrize("name", ["ML-1", "ml 1", "Main Line 1", "MAIN-LINE-1", "m.l.1"])
def test_spellings_of_one_name(name):
    assert match(name, {"ml1": ["ML-1", "Main Line 1"], "ml2": ["ML-2"]}, "corridor") == "ml1"


def test_an_id_wins_over_an_other_name():
    assert match("b", {"a": ["b"], "b": []}, "thing") == "b"


@pytest.mark.parametrize("name", [None, 5, b"ml1", ["ml1"], float("nan")])
@pytest.mark.parametrize("ask", [cg.layer, cg.table, cg.corridor, cg.place])
def test_a_name_is_text(ask, name):
    with pytest.raises(InputTypeError, match="text"):
        ask(name)


@pytest.mark.parametrize(
    ("ask", "name", "near"),
    [
        (cg.layer, "crossing", "crossings"),
        (cg.table, "figure", "figures"),
        (cg.place, "Gwadar Prt", "Gwadar Port"),
        (cg.corridor, "wetsern", "western"),
        (cg.cite, "Reko Dik", "Reko Diq"),
        (lambda name: cg.nearest("Torkham", name), "Multn", "Multan"),
        (lambda name: cg.within("mines", name, 5), "Gwadr", "Gwadar"),
        (cg.report, "Multn", "Multan"),
        (cg.Map().add, "Gwadr", "Gwadar"),
    ],
)
def test_an_unknown_name_brings_near_ones(ask, name, near):
    with pytest.raises(UnknownNameError) as caught:
        ask(name)
    assert near in caught.value.near
    assert repr(near) in str(caught.value)


@pytest.mark.parametrize(
    "ask", [cg.corridor, cg.place, cg.report, cg.Map().add, lambda name: cg.nearest("Lahore", name)]
)
def test_a_name_like_no_other_brings_none(ask):
    with pytest.raises(UnknownNameError) as caught:
        ask("qqqq")
    assert not caught.value.near
    assert "Did you mean" not in str(caught.value)
    assert "Known: ." not in str(caught.value)


@pytest.mark.parametrize("name", list(LAYERS))
def test_every_layer(name):
    frame = cg.layer(name)
    assert list(frame.columns[: len(COMMON)]) == COMMON
    assert frame.crs.to_epsg() == 4326
    assert frame["id"].is_unique
    assert frame["source"].notna().all()
    assert frame["licence"].notna().all()
    known = frame.geometry.dropna()
    assert known.is_valid.all()
    assert not known.is_empty.any()
    assert frame.attrs["layer"] == name
    for key in ("title", "licence", "sources", "retrieved", "accuracy", "data_version"):
        assert frame.attrs[key]
    # A change of what one caller got must not reach the next one.
    frame.attrs["sources"].clear()
    frame["id"] = "x"
    assert cg.layer(name).attrs["sources"]
    assert "x" not in set(cg.layer(name)["id"])


def test_the_catalogue_counts_what_is_there():
    listing = cg.catalog()
    assert set(LAYERS) <= set(listing.index)
    for name in LAYERS:
        assert listing.loc[name, "rows"] == len(cg.layer(name))
    stations = pd.read_csv(data_path("stations.csv"))
    twice = pd.read_csv(data_path("shared_stations.csv"))
    assert listing.loc["stations", "rows"] == len(stations) - len(twice)
    assert "ODbL-1.0" in listing.loc["stations", "licence"]


def test_a_citation_has_source_date_and_licence():
    text = cg.cite("Reko Diq")
    row = cg.layer("mines").set_index("name").loc["Reko Diq"]
    for part in (row["source"], row["source_date"], row["licence"], cg.__version__):
        assert str(part) in text


def test_everything_can_be_cited_by_its_id():
    for name in ("crossings", "ports", "corridors"):
        for i in cg.layer(name)["id"]:
            assert f"({name})" in cg.cite(i)


@pytest.mark.parametrize("name", ["روہڑی جنکشن", "ML-1", "Main Line 1", "zones", "Zones"])
def test_citations_by_any_name(name):
    assert re.search(r"; [\w.\-, ]+\. In: cpecgeo", cg.cite(name))


def test_a_citation_of_all_names_each_layer():
    text = cg.cite()
    for name in LAYERS:
        assert f"({name})" in text


@pytest.mark.parametrize("name", ["", "---", ";"])
def test_nothing_is_cited_for_no_name(name):
    with pytest.raises(UnknownNameError):
        cg.cite(name)


@pytest.mark.parametrize("name", [None, "Gwadar", "zones", "Rohri", "Karakoram Highway"])
def test_entries_for_bibtex_are_whole_and_say_what_the_text_says(name):
    entries = cg.cite(name, style="bibtex").split("\n\n")
    keys = [re.fullmatch(r"@misc\{(cpecgeo-[a-z0-9-]+),", e.splitlines()[0])[1] for e in entries]
    assert len(set(keys)) == len(keys)
    text = cg.cite(name)
    for entry in entries:
        bare = re.sub(r"\\[&%$#_{}]", "", entry)
        assert bare.count("{") == bare.count("}")
        assert not re.search(r"[&%$#_^~]", bare)
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", entry, flags=re.MULTILINE))
        for field in ("title", "note"):
            assert (
                re.sub(r"\\([&%$#_{}])", r"\1", fields[field]).replace(r"\textasciitilde{}", "~")
                in text
            )
        assert re.fullmatch(r"(19|20)\d\d", fields.get("year", "2026"))
    with pytest.raises(InputError, match="bibtex"):
        cg.cite(name, style="ris")


def test_a_citation_is_asked_for_by_text():
    with pytest.raises(InputTypeError, match="text"):
        cg.cite(5)


def test_sources_of_a_layer_name_publishers_and_rows_name_records():
    places = cg.layer("places")
    assert places["source"].str.contains(r"GeoNames \d+").all()
    (source,) = places.attrs["sources"]
    assert source.startswith("GeoNames, by ")
    assert source.endswith(f"({len(places)} records)")
    # A coordinate in a citation isn't the number of a record.
    assert any(" 62.03261,26.11667" in s for s in cg.layer("crossings").attrs["sources"])


def test_the_credit_of_a_line_travels_with_its_vertices():
    """OpenStreetMap's licence asks for it wherever the line goes."""
    kkh = cg.corridor("kkh")
    for lines in ([kkh.line], [kkh.between(100, 200)], [Point(70, 30), kkh.line.reverse()]):
        assert list_credits(lines) == [OSM_CREDIT]
    assert list_credits([LineString([(67, 25), (68, 26)]), Point(70, 30)]) == []
    assert list_credits([], ["fact", None, "ODbL-1.0"]) == [OSM_CREDIT]
    # What the package draws without OpenStreetMap owes nothing, way points shared or not.
    free = [feature["geometry"] for feature in read_features("lines.geojson")]
    assert list_credits(free) == []
    traced = [feature["geometry"] for feature in read_features("odbl/lines.geojson")]
    owing = [list_credits([line]) == [OSM_CREDIT] for line in traced if line not in free]
    assert len(owing) > 40
    assert all(owing)


def test_answers_say_what_credit_they_owe():
    own = LineString([(67.5, 26.0), (68.5, 27.0)])
    owing = [
        cg.crossed("kkh", "provinces"),
        cg.crossed(cg.corridor("kkh").line, "provinces"),
        cg.rings("kkh", 5),
        cg.buffer(["kkh"], 5),
        cg.nearest("Gilgit", "kkh"),
        cg.within("places", "stations", 5),
        cg.compare([cg.route("Lahore", "Multan")]),
        cg.route_matrix(["Lahore", "Multan"]),
    ]
    assert [answer.attrs["credits"] for answer in owing] == [[OSM_CREDIT]] * len(owing)
    assert "credits" not in cg.crossed(own, "provinces").attrs
    assert "credits" not in cg.nearest("Gilgit", "mines").attrs


def test_a_layer_is_cited_with_three_sources_and_the_number_of_others():
    for name in ("mines", "stations", "countries", "disputed"):
        sources, text = cg.layer(name).attrs["sources"], cg.cite(name)
        assert all(source in text for source in sources[:3])
        assert (f"; and {len(sources) - 3} more;" in text) == (len(sources) > 3)
        assert (" more;" in text) == (len(sources) > 3)
