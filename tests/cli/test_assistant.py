"""`cpecgeo mcp`, asked by the SDK's own client over standard input and output."""

import asyncio
import html
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from mcp import Client, StdioServerParameters, stdio_client

import cpecgeo as cg
from cpecgeo.cli import app, assistant
from cpecgeo.errors import FileError, InputError

# The server as the shell starts it, with a record of the files it writes and hosts it calls.
WATCHED = """
import sys
log = open(sys.argv.pop(1), "a", buffering=1)
def audit(event, args):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "urllib")):
        log.write("net " + str(args[1:])[:80] + "\\n")
    elif event == "open" and isinstance(args[0], str) and (
        isinstance(args[1], str) and set(args[1]) & set("wax+")
    ):
        log.write("write " + args[0] + "\\n")
    elif event in ("os.rename", "os.mkdir"):
        log.write("write " + str(args[event == "os.rename"]) + "\\n")
sys.addaudithook(audit)
from cpecgeo.cli import analyses, main
import cpecgeo.analysis.measure as measure
inner = measure.nearest
def loud(*args, **kwargs):
    print("PRINTED BY THE LIBRARY")
    return inner(*args, **kwargs)
measure.nearest = loud
sys.argv[0] = "cpecgeo"
main()
"""


def raster(folder):
    about = {"driver": "GTiff", "width": 40, "height": 40, "count": 1, "dtype": "uint8"}
    place = rasterio.Affine(0.02, 0, 62.0, 0, -0.02, 25.5)
    with rasterio.open(folder / "two.tif", "w", crs=4326, transform=place, **about) as out:
        out.write(np.full((1, 40, 40), 2, "uint8"))
    return folder / "two.tif"


QUESTIONS = {
    "tools": None,
    "length": ("length", {"name": "Main Line 1"}),
    "distance": ("distance", {"a": "Gwadar Port", "b": "Karachi Port"}),
    "nearest": ("nearest", {"points": "mines", "targets": ["ml1", "kkh"]}),
    "one nearest": ("nearest", {"points": "Reko Diq", "targets": "ports"}),
    "within": ("within", {"points": "energy", "x": "ml1", "km": 10}),
    "route": ("route", {"a": "Gilgit", "b": "Islamabad", "mode": "road"}),
    "in summer": ("route", {"a": "Kashgar", "b": "Gilgit", "mode": "road", "season": "summer"}),
    "no season": ("route", {"a": "Kashgar", "b": "Gilgit", "season": "sumer"}),
    "closed": ("route", {"a": "Torkham", "b": "Karachi Port", "avoid": ["peshawar-torkham"]}),
    "crossed": ("crossed", {"x": "mining", "zones": "provinces"}),
    "exposure": ("exposure", {"x": "ml1", "km": [25, 5]}),
    "report": ("report", {"x": "Gwadar Port"}),
    "report written": ("report", {"x": "Gwadar Port", "file": "gwadar.md"}),
    "map": ("map", {"names": ["taxila-havelian", "Gwadar Port"], "file": "m.html"}),
    "map again": ("map", {"names": ["Gwadar Port"], "file": "m.html"}),
    "ambiguous": ("distance", {"a": "Quetta", "b": "Lahore"}),
    "unknown": ("length", {"name": "ml11"}),
    "outside": ("map", {"names": ["ml1"], "file": "../m.html"}),
    "foreign": ("map", {"names": ["ml1"], "file": "theirs.html"}),
    "suffix": ("report", {"x": "ml1", "file": "a.exe"}),
    "address": ("length", {"name": "https://example.org/line.geojson"}),
    "nothing": ("length", {}),
}


GIVEN = list(QUESTIONS)[1 : list(QUESTIONS).index("map") + 1]
GIVEN.remove("closed")
GIVEN.remove("no season")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """All questions in one conversation: answers, the folder, and what the server did."""
    folder = tmp_path_factory.mktemp("mcp")
    log, out = folder / "log.txt", folder / "out"
    out.mkdir()
    (out / "theirs.html").write_text("theirs")
    file = raster(folder)
    questions = {
        **QUESTIONS,
        "raster": ("exposure", {"x": "Gwadar Port", "km": [10], "raster": str(file)}),
    }
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", WATCHED, str(log), "mcp", "--out", str(out)],
        env={**os.environ, "CPECGEO_CACHE": str(folder / "cache")},
    )

    async def talk():
        answers = {}
        async with Client(stdio_client(server), read_timeout_seconds=120) as client:
            answers["tools"] = (await client.list_tools()).tools
            for key, question in questions.items():
                if question is not None:
                    answers[key] = await client.call_tool(*question)
        return answers

    return asyncio.run(asyncio.wait_for(talk(), 300)), out, log


def answer(told, key):
    found = told[0][key]
    assert not found.is_error, found.content
    told_as_text = json.loads(found.content[0].text)
    assert told_as_text == found.structured_content
    return found.structured_content


def error(told, key):
    assert told[0][key].is_error
    return told[0][key].content[0].text


def test_the_tools_say_what_they_take_and_give(told):
    tools = {tool.name: tool for tool in told[0]["tools"]}
    assert list(tools) == [
        *("length", "distance", "nearest", "within", "route", "crossed", "exposure"),
        *("report", "map"),
    ]
    for tool in tools.values():
        assert len(tool.description) > 50
        needed = {"value", "unit", "accuracy", "status", "sources", "cite"}
        assert needed <= set(tool.output_schema["properties"])
        assert tool.annotations.read_only_hint == (tool.name not in {"report", "map"})


@pytest.mark.parametrize("key", GIVEN)
def test_every_answer_says_how_good_it_is_and_where_it_is_from(key, told):
    given = answer(told, key)
    for part in ("meaning", "accuracy", "status", "cite"):
        assert given[part], part
        assert "None" not in given[part]
        assert "nan" not in given[part].split()
    assert given["sources"]
    assert given["unit"] or question_of(key) in {"report", "map"}
    assert "cpecgeo" in given["cite"]


def question_of(key):
    return QUESTIONS[key][0]


def test_values_are_the_library_s(told):
    ml1 = cg.corridor("ml1")
    length = answer(told, "length")
    assert length["value"] == pytest.approx(ml1.length_km, abs=1e-3)
    published = [row for row in length["rows"] if row["what"] == "published"]
    assert published == [{"what": "published", "name": "ml1", "km": ml1.official_km}]
    distance = cg.distance_km("Gwadar Port", "Karachi Port")
    assert answer(told, "distance")["value"] == pytest.approx(distance, abs=1e-3)
    assert answer(told, "distance")["unit"] == "km"
    near = cg.nearest("mines", ["ml1", "kkh"])
    rows = answer(told, "nearest")["rows"]
    assert [r["target"] for r in rows] == near["target"].replace({np.nan: None}).tolist()
    km = [np.nan if r["distance_km"] is None else r["distance_km"] for r in rows]
    assert km == pytest.approx(near["distance_km"].tolist(), nan_ok=True)
    assert answer(told, "one nearest")["value"] == pytest.approx(
        cg.nearest("Reko Diq", "ports")["distance_km"].iloc[0]
    )
    assert answer(told, "within")["value"] == len(cg.within("energy", "ml1", 10))
    way = cg.route("Gilgit", "Islamabad", mode="road")
    assert answer(told, "route")["value"] == pytest.approx(way.chainage_km, abs=0.05)
    assert f"{way.hours:.1f} hours" in answer(told, "route")["meaning"]
    zones = cg.crossed("mining", "provinces")["zone"].replace({np.nan: None})
    assert [r["zone"] for r in answer(told, "crossed")["rows"]] == zones.tolist()
    assert answer(told, "crossed")["value"] == zones.nunique()
    rings = cg.exposure("ml1", [5, 25])
    assert answer(told, "exposure")["value"] == rings["population"].sum()
    assert answer(told, "exposure")["unit"] == "people"
    cells = cg.exposure("Gwadar Port", [10], raster=told[1].parent / "two.tif")
    assert answer(told, "raster")["value"] == pytest.approx(cells["population"].sum())
    assert "two.tif" in answer(told, "raster")["sources"]


def test_a_report_comes_in_parts_and_as_a_file(told):
    parts = {row["part"] for row in answer(told, "report")["rows"]}
    assert "glance" in parts
    assert (
        answer(told, "report")["notes"] == cg.report("Gwadar Port", draw=False).to_dict()["caveats"]
    )
    assert (told[1] / "gwadar.md").read_text(encoding="utf-8").startswith("# Gwadar Port")


def test_a_map_is_written_and_may_be_written_anew(told):
    page = (told[1] / "m.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert "Gwadar Port" in page
    assert answer(told, "map again")["notes"] == [f"Written to {told[1] / 'm.html'}."]


def test_another_meaning_of_a_name_is_a_note(told):
    assert any("district:" in note for note in answer(told, "ambiguous")["notes"])


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("closed", "by avoid=['peshawar-torkham']"),
        ("unknown", "Did you mean 'ml1'"),
        ("no season", "Did you mean 'summer'"),
        ("outside", "without folders"),
        ("foreign", "there already"),
        ("suffix", ".html"),
        ("address", "download it first"),
        ("nothing", "Arguments of length that don't fit: name: field required."),
    ],
)
def test_errors_help(key, says, told):
    said = error(told, key)
    assert says in said
    assert not any(noise in said for noise in ("Error executing", "Error:", "pydantic"))
    assert "Traceback" not in error(told, key)


def test_it_fetches_nothing_and_writes_into_its_folder_alone(told):
    _, out, log = told
    lines = log.read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("net")]
    folder = out.parent
    allowed = (str(out), str(folder / "cache"), os.devnull)
    written = {line.removeprefix("write ") for line in lines if line.startswith("write")}
    # Compiled kernels, and Python's bytecode, are kept beside the code, once per machine.
    strange = [w for w in written if not w.startswith(allowed) and "__pycache__" not in w]
    assert strange == []
    assert {p.name for p in out.iterdir()} == {"m.html", "gwadar.md", "theirs.html"}
    assert (out / "theirs.html").read_text() == "theirs"
    assert not (folder / "m.html").exists()


def test_what_the_library_prints_never_reaches_the_wire(tmp_path):
    command = [sys.executable, "-c", WATCHED, str(tmp_path / "log"), "mcp"]
    about = {"protocolVersion": "2025-06-18", "capabilities": {}}
    about["clientInfo"] = {"name": "test", "version": "1"}
    asked = {"name": "nearest", "arguments": {"points": "Gwadar Port", "targets": "ml1"}}
    lines = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": asked},
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        for line in lines:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **line}) + "\n")
        server.stdin.flush()
        heard = [server.stdout.readline(), server.stdout.readline()]
        rest, said = server.communicate(timeout=60)
    told = [json.loads(line) for line in [*heard, *rest.splitlines()]]
    assert [message["id"] for message in told] == [1, 2]
    assert told[1]["result"]["structuredContent"]["value"] > 400
    assert "PRINTED BY THE LIBRARY" in said


def test_without_a_folder_nothing_is_written():
    with pytest.raises(InputError, match="--out DIR"):
        assistant.Tools().map(["ml1"], "m.html")


@pytest.mark.parametrize("file", ["", ".", "..", ".hidden.html", "a/b.html", "/a.html", "c:a.html", "a\\b.html", "a\0.html"])  # fmt: skip
def test_a_file_has_no_folder(file, tmp_path):
    with pytest.raises(InputError, match="without folders"):
        assistant.Tools(tmp_path).map(["ml1"], file)


def test_a_map_is_titled_by_what_its_things_are_called(tmp_path):
    assistant.Tools(tmp_path).map(["ml1", "gwadar port"], "m.html")
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    title = f"{cg.corridor('ml1').title}; Gwadar Port"
    assert f"<title>{html.escape(title)}</title>" in page


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.html").symlink_to(tmp_path / "elsewhere" / "a.html")
    with pytest.raises(FileError, match="there already"):
        assistant.Tools(tmp_path / "out").map(["ml1"], "a.html")


def test_without_the_sdk_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    found = CliRunner().invoke(app, ["mcp"])
    assert "cpecgeo[mcp]" in str(found.exception)


def test_help_names_the_folder():
    assert "--out" in CliRunner().invoke(app, ["mcp", "--help"]).output
    assert Path(assistant.__file__).is_file()
