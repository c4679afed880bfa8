"""Without the OpenStreetMap folder the roads and the main line still make a network."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CODE = """
import json
import cpecgeo as cg
from cpecgeo.catalogue import data_path
net, checks = cg.network(), cg.routing.route_checks()
print(json.dumps(dict(
    data=str(data_path("sections.csv")),
    licences=sorted(set(net.edges["licence"])),
    ml1=cg.route("Karachi", "Peshawar", mode="rail", along="ml1", weight="km").chainage_km,
    road=cg.route("Khunjerab Pass", "Gwadar", mode="road", weight="km").chainage_km,
    missing=sorted(checks.index[checks["km"].isna()]),
    changes=int((net.edges["mode"] == "transfer").sum()),
)))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The package beside a copy of the data that lacks the folder, in a process of its own."""
    place = tmp_path_factory.mktemp("without")
    (place / "cpecgeo").symlink_to(ROOT / "cpecgeo")
    shutil.copytree(ROOT / "data", place / "data", ignore=shutil.ignore_patterns("odbl"))
    run = subprocess.run(
        [sys.executable, "-c", CODE], cwd=place, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert Path(found["data"]).parent == place / "data"
    return found


def test_nothing_of_openstreetmap_is_left(answers):
    assert "ODbL-1.0" not in answers["licences"]


def test_main_line_and_roads_have_the_same_km(answers):
    assert answers["ml1"] == pytest.approx(1727, abs=1e-6)  # from Karachi City, the main station
    assert answers["road"] == pytest.approx(2547.2715, abs=1e-3)


def test_what_rests_on_its_stations_is_missing_and_said_so(answers):
    assert answers["missing"] == ["rohri-taftan"]
    assert 5 < answers["changes"] < 17
