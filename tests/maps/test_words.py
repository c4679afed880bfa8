"""What is said to people: every text in three languages, numbers as exact as they deserve."""

import ast
import functools
import re
from pathlib import Path
from string import Formatter

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo.catalogue import table
from cpecgeo.errors import InputTypeError, UnknownNameError
from cpecgeo.maps import cpec_map, overview
from cpecgeo.maps import page as page_module
from cpecgeo.maps.colors import DASHES, LOOKS
from cpecgeo.maps.cpec import SUBTITLE
from cpecgeo.maps.figures import GROUND_NOTE
from cpecgeo.maps.layer import translate_layer
from cpecgeo.maps.libraries import list_texts
from cpecgeo.maps.words import FIELDS, NAMES, PHRASES, VALUES, find_words, write_values
from cpecgeo.reports.render import find_column, read_columns

PACKAGE = Path(cg.__file__).parent
ENGLISH = find_words("en")
SCRIPT = {"ur": "[\u0600-\u06ff]", "zh": "[\u4e00-\u9fff]"}


@functools.cache
def said():
    """Every text that reports say, from their sources."""
    texts = set(VALUES.values()) | {VALUES.get(status, status) for status in DASHES}
    texts |= {column.title for column in read_columns().values()}
    template = (PACKAGE / "reports/assets/report.html").read_text(encoding="utf-8")
    texts |= set(re.findall(r"say\('([^']+)'\)", template))
    texts |= {look.title for look in LOOKS.values() if look.title}
    texts |= {GROUND_NOTE, overview._NOTE, overview._TITLE}
    figures = [PACKAGE / f"maps/{name}.py" for name in ("words", "figures", "sheet", "overview")]
    figures.append(PACKAGE / "analysis/measure.py")
    for path in [*(PACKAGE / "reports").glob("*.py"), *figures]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                first = node.args[0]
                either = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
                texts |= {n.value for n in either if isinstance(n, ast.Constant)}
    return sorted(texts | set(list_texts()) | said_by_maps())


def said_by_maps():
    """Every text that Python gives a map: layers, groups, fields, legends, notes."""
    data = cpec_map(["ml1"]).data()
    reach = cg.reach("Rohri", km=30)
    more = cg.Map().add(cg.route("Rohri", "Sukkur"), name="x").add(reach).data()
    layers = [*data["layers"].values(), *more["layers"].values()]
    texts = {SUBTITLE, data["note"], *data["notes"], *PHRASES, *NAMES, page_module._OFF}
    texts |= {"Skip to the map", "Map", "Result", "Features", "MW"}
    texts |= {title for _, title, _ in FIELDS}
    texts |= {layer["group"] for layer in layers} - {""}
    texts |= {v["name"] for v in layers if v["group"] in {"Network", "Places", "Sites", "Ground"}}
    texts |= {e["label"] for v in data["layers"].values() for e in v["legend"]} - {""}
    return texts - {"Pakistan"}


def test_the_scripts_look_up_texts_and_little_else():
    """A text that isn't written in the call itself can't be found, so those are counted."""
    scripts = [p.read_text("utf-8") for p in (PACKAGE / "maps/assets").glob("*.js")]
    others = [c for s in scripts for c in re.findall(r"(?<!function )\bt\((?!\")[^)]*", s)]
    assert sorted(others) == ["t(value", 't(value.replaceAll("_", " "']
    assert len(list_texts()) > 80


def test_the_texts_are_found():
    assert len(said()) > 150
    assert "Before you quote a figure" in said()


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_every_text_is_said_in_every_language(lang):
    say = find_words(lang)
    assert [text for text in said() if text not in say.table] == []
    for text, other in say.table.items():
        fields = [sorted(f for _, f, _, _ in Formatter().parse(t) if f) for t in (text, other)]
        assert fields[0] == fields[1], text
        if re.search("[a-z]{2}", re.sub(r"\{\w+\}|cpecgeo", "", text)):
            assert re.search(SCRIPT[lang], other), text


def test_names_of_places_are_those_of_the_data():
    places = cg.layer("places").set_index("name")
    for lang in ("ur", "zh"):
        say = find_words(lang)
        assert say.name("Lahore") == places.loc["Lahore", f"name_{lang}"]
        assert say.name("Nowhere at all") == "Nowhere at all"
    assert find_words("ur").direction == "rtl"


@pytest.mark.parametrize(
    ("text", "ur", "zh"),
    [
        ("M-2 Islamabad–Lahore", "M-2 موٹروے، اسلام آباد–لاہور", "M-2 高速公路，伊斯兰堡–拉合尔"),
        ("Quetta–Taftan railway", "کوئٹہ–تفتان ریلوے", "奎达–Taftan铁路"),
        ("N-5 Karachi–Torkham (Grand Trunk Road)", "N-5 قومی شاہراہ، کراچی–طورخم (جی ٹی روڈ)",
         "N-5 国道，卡拉奇–托尔卡姆（大干道）"),
        ("Gojra Interchange", "گوجرہ انٹرچینج", "哥吉拉互通立交"),
        ("Gwadar Free Zone South", "گوادر فری زون جنوبی", "瓜达尔自由区南区"),
        # No part of the name is known.
        ("Balkasar Interchange", None, None),
        ("ML-1 2024 phase 1 Karachi–Multan", None, None),
        ("sand and gravel", None, None),
        ("{evil} line", None, None),
        ("a–" * 100 + "Lahore", None, None),
    ],
)  # fmt: skip
def test_names_are_put_together_from_names_that_are_known(text, ur, zh):
    for lang, told in (("ur", ur), ("zh", zh)):
        say = find_words(lang)
        assert say.find_name(text) == told
        assert say.name(text) == (told or text)
    assert ENGLISH.name(text) == text


@given(st.text(alphabet="aL–-1 (),{}viand", max_size=60))
def test_any_name_is_looked_at_and_nothing_is_lost(text):
    for lang in ("ur", "zh"):
        say = find_words(lang)
        found = say.find_name(text)
        assert found is None or found
        assert bool(say.phrase(text)) == bool(text)


def test_names_of_others_say_who_printed_them():
    rows = pd.read_csv(PACKAGE.parent / "data/names.csv")
    codes = table("district_codes").set_index("id")
    assert rows["source"].notna().all()
    assert not rows.duplicated(["layer", "feature", "lang"]).any()
    for row in rows.itertuples():
        assert re.search(SCRIPT[row.lang], row.known_as)
        known = cg.layer(row.layer).set_index("id")
        if row.layer == "districts" and row.feature not in known.index:
            # Two districts of 2022 share one outline; each is named where a point's district is.
            name = codes.loc[row.feature, "name"]
            assert find_words(row.lang).name(name) == row.known_as
            continue
        assert known.loc[row.feature, f"name_{row.lang}"] == row.known_as
    assert cg.place("卡洛特水电站").id == "karot"
    assert cg.layer("energy").set_index("id").loc[["kohala"], "name_zh"].isna().all()


def notes_of_the_data():
    columns = [
        ("sections", "ratio_reason"), ("sections", "chainage_reason"), ("corridors", "official_note"),
        ("crossings", "status_note"), *((name, "note") for name in
        ("crossings", "ports", "mines", "zones", "energy", "places")),
    ]  # fmt: skip
    notes = {note for name, column in columns for note in cg.layer(name)[column].dropna()}
    return sorted(notes | set(table("closures")["what"]) | set(table("figures")["meaning"]))


@pytest.mark.parametrize("lang", ["ur", "zh"])
def test_notes_of_the_data_are_said_with_their_own_figures(lang):
    say, notes, left = find_words(lang), notes_of_the_data(), []
    assert len(notes) > 200
    for note in notes:
        told = say.tell(note)
        figures = [re.findall(r"\d[\d.,]*\d", text) for text in (note, told)]
        # Months are words in English and numbers in Chinese.
        assert set(figures[0]) <= set(figures[1]), (note, told)
        left += [note] * bool(re.search(r"\b[a-z]{2,} [a-z]{2,}", told))
    assert len(left) <= 3, left


def test_a_clause_that_nobody_has_said_stays_as_it_is():
    say = find_words("ur")
    told = say.tell("position of the dam; seen by one reader; 886 km of line")
    assert told == "مقام ڈیم کا ہے؛ seen by one reader؛ 886 کلومیٹر لائن"
    assert say.tell("from a hill behind the old mill") == "from a hill behind the old mill"
    assert ENGLISH.tell("as built; rounded") == "as built; rounded"


def test_chinese_names_are_in_one_script():
    names = "".join(find_words("zh").names.values()).replace("·", "")
    names.encode("gb2312", "strict")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("below 10 km", "低于 10 公里"),
        ("1,200 to 3,000 MW", "1,200 至 3,000 兆瓦"),
        ("no value (3)", "无数值（3）"),
        ("Within 5 hours of Lahore: area", "拉合尔周边 5 小时以内：范围"),
        (
            "Lahore \u2013 Karachi, 1,210\u00a0km, 14.5\u00a0h",
            "拉合尔 \u2013 卡拉奇，1,210\u00a0公里，14.5\u00a0小时",
        ),
        ("1,210\u00a0km, 14.5\u00a0h", "1,210\u00a0公里，14.5\u00a0小时"),
        ("under_construction", "在建"),
        ("Karachi to Lahore", "Karachi to Lahore"),
        ("{evil} {0.__class__}: area", "{evil} {0.__class__}：范围"),
        ("x" + ": area" * 700, "x" + ": area" * 700),
    ],
)
def test_phrases_are_said_with_their_figures(text, told):
    assert find_words("zh").phrase(text) == told
    assert ENGLISH.phrase("below 10 km") == "below 10 km"


def test_a_layer_says_what_is_known_and_leaves_the_rest():
    made = cg.Map(background=False, lang="zh")
    table = {"name": ["Lahore", "My own place"], "name_zh": [None, "我的"], "value": [1.0, 25.0]}
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy([74, 70], [31, 30]), crs=4326)
    made.add(points, name="Mine", color="value", scheme=[10], unit="km")
    (layer,) = made.data()["layers"].values()
    assert layer["name"] == "矿山"
    assert layer["columns"]["name_zh"] == [find_words("zh").names["Lahore"], "我的"]
    assert layer["columns"]["name"] == table["name"]
    assert [e["label"] for e in layer["legend"]] == ["低于 10 公里", "10 公里 及以上"]
    payload = made._vectors()[0].payload
    assert payload["name"] == "Mine", "the map itself keeps what it was given"
    assert translate_layer(payload, ENGLISH) is payload


def test_other_languages_are_refused():
    with pytest.raises(UnknownNameError, match="Known: en, ur, zh"):
        cg.Map(lang="fr")
    with pytest.raises(UnknownNameError, match="Did you mean 'lang'"):
        cg.Map(language="ur")
    with pytest.raises(UnknownNameError, match="en"):
        find_words("fr")
    with pytest.raises(InputTypeError, match="lang is 7"):
        find_words(7)
    with pytest.raises(UnknownNameError):
        cg.report("ml1", draw=False, lang="xx")


@pytest.mark.parametrize(
    ("values", "form", "told"),
    [
        ([0.0, 1732.04], "km", ["0", "1,732"]),
        ([0.0, 0.3, 250.0], "km", ["0", "under 1", "250"]),
        ([5.5, 24.51], "km", ["5.5", "24.5"]),
        ([5.0, 10.0], "km", ["5", "10"]),
        ([0.001, 1.0, 0.0], "share", ["under 1\u00a0%", "100\u00a0%", "0\u00a0%"]),
        ([2022.0], "year", ["2022"]),
        ([-0.04, 3.2], "km", ["0", "3.2"]),
        ([3.5, 4.0], "exact km", ["3.5", "4"]),
        ([True, None], "words", ["yes", ""]),
        (["under_construction", "proxy"], "words", ["under construction", "another place's point"]),
        ([["a", "b"]], "text", ["a, b"]),
    ],
)
def test_numbers_are_as_exact_as_their_column_needs(values, form, told):
    assert write_values(values, form, ENGLISH) == told


@given(st.lists(st.floats(allow_nan=False) | st.none() | st.text() | st.booleans(), max_size=5))
def test_any_value_is_written(values):
    for form in ("km", "share", "m", "h", "°", "exact km", "count", "number", "year", "words"):
        texts = write_values(values, form, ENGLISH, unit=True)
        assert len(texts) == len(values)
        assert all(isinstance(text, str) for text in texts)


def test_a_column_nobody_knows_is_called_by_its_own_name():
    column = find_column("{evil} {0.__class__}", ["x"])
    assert column.heading(find_words("ur")) == "{evil} {0.  class  }"
    assert find_column("rain_mm", [1.5, None]).is_number
