"""How Sphinx builds the documentation: `make docs`."""

import shutil as _shutil
import sys as _sys
from importlib.metadata import version as _version
from pathlib import Path as _Path

from sphinx.application import Sphinx as _Sphinx

import cpecgeo as _cpecgeo

project = "cpecgeo"
author = "The cpecgeo developers"
project_copyright = "2026, The cpecgeo developers"
release = version = _version("cpecgeo")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
# The pages of names are generated as reStructuredText.
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["_build", "_static"]
nitpicky = False

# Figures in the pages are computed as they are built; an error in a cell is an error.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
# A notebook's page shows what is saved in it, and a test holds that it says what it says when run.
nb_execution_excludepatterns = ["notebooks/*"]
nb_merge_streams = True
myst_heading_anchors = 3
# Links out of docs/ lead to files of the repository, not to pages; a word that is a parameter
# here is an attribute of several classes there.
suppress_warnings = ["myst.xref_missing", "ref.python"]

napoleon_google_docstring = False
# An attribute is described with its class; a second entry would clash with a property's own.
napoleon_use_ivar = True
autodoc_typehints = "none"
autosummary_generate = True
autosummary_ignore_module_all = False

html_theme = "furo"
html_title = "cpecgeo"
html_static_path = ["_static"]
html_css_files = ["cpecgeo.css"]
html_js_files = [("access.js", {"defer": "defer"})]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f8b", "color-brand-content": "#1f5f8b"},
    "dark_css_variables": {"color-brand-primary": "#8cc3e8", "color-brand-content": "#8cc3e8"},
}

# Notebooks are pages, too; Sphinx reads only what lies beside this file.
_here = _Path(__file__).parent
_pages = _here / "notebooks"
_pages.mkdir(exist_ok=True)
for _notebook in sorted((_here.parent / "notebooks").glob("*.ipynb")):
    _shutil.copyfile(_notebook, _pages / _notebook.name)

# `cpecgeo.rail` and `cpecgeo.mining` are modules of another folder; autosummary imports by name.
for _name in ("rail", "mining"):
    _sys.modules[f"cpecgeo.{_name}"] = getattr(_cpecgeo, _name)

# What the theme leaves out, for readers who hear a page.
_MENDED = (
    ('role="heading">', 'role="heading" aria-level="2">'),
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="All pages">'),
    ('<aside class="toc-drawer">', '<aside class="toc-drawer" aria-label="On this page">'),
    ('<aside class="toc-drawer no-toc">', '<aside class="toc-drawer no-toc" aria-hidden="true">'),
    (
        '<div class="content-icon-container">',
        '<div class="content-icon-container" role="region" aria-label="Tools of this page">',
    ),
    ('<div id="search-results">', '<h1>Search</h1>\n<div id="search-results">'),
)


def _mend_pages(app: _Sphinx, error: Exception | None) -> None:
    """Name landmarks and headings in the pages that were written."""
    for page in [] if error else _Path(app.outdir).rglob("*.html"):
        text = mended = page.read_text(encoding="utf-8")
        for old, new in _MENDED:
            mended = mended if new in mended else mended.replace(old, new)
        if mended != text:
            page.write_text(mended, encoding="utf-8")


def setup(app: _Sphinx) -> None:
    """Connect what is done when pages are written."""
    app.connect("build-finished", _mend_pages)
