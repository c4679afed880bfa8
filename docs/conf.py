"""How Sphinx builds the documentation: `make docs`."""

from importlib.metadata import version as _version

project = "cpecgeo"
author = "The cpecgeo developers"
project_copyright = "2026, The cpecgeo developers"
release = version = _version("cpecgeo")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]
nitpicky = False

# Notebooks are run by the test suite, not here.
nb_execution_mode = "off"
myst_heading_anchors = 3
# Links out of docs/ lead to files of the repository, not to pages.
suppress_warnings = ["myst.xref_missing"]

napoleon_google_docstring = False
autodoc_typehints = "none"
autosummary_generate = False

html_theme = "furo"
html_title = "cpecgeo"
