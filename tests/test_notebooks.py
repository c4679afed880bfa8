"""Each notebook runs from its first cell to its last and says what its saved outputs say."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


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


def test_there_are_notebooks():
    assert [p.stem[:2] for p in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_said(path, tmp_path):
    saved = nbformat.read(path, as_version=4)
    expected = said(saved)
    run = nbformat.read(path, as_version=4)
    NotebookClient(
        run, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert said(run) == expected
    assert any(outputs for _, outputs in expected)
