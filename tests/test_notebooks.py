"""Each notebook runs from its first cell to its last and says what its saved outputs say."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# Stories with a map that lives inside them.


def said(notebook):
    """The text of each cell's outputs; pictures and pages are left to the tests of maps."""
    cells = []
    for cell in notebook.cells:
        texts = [
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in cell.get("outputs", [])
        ]
        shown = [t for t in texts if not t.startswith("<Figure ") and " at 0x" not in t]
        # A stream comes in as many pieces as the kernel happened to send.
        cells.append((cell.source, "".join(shown)))
    return cells


def has_map(notebook):
    """Whether a page to drag and zoom is among the outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pages = [output.get("data", {}).get("text/html", "") for output in outputs]
    return any("<iframe" in page and "leaflet" in page for page in pages)


def test_there_are_notebooks():
    assert [p.stem[:2] for p in NOTEBOOKS] == [f"{n:02d}" for n in range(1, 11)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_said(path, tmp_path):
    saved = nbformat.read(path, as_version=4)
    expected = said(saved)
    run = nbformat.read(path, as_version=4)
    NotebookClient(
        run, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert said(run) == expected
    assert has_map(run)
    assert has_map(saved)
    assert any(outputs for _, outputs in expected)
