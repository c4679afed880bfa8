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

# Figures in the pages are computed as they are built; an error in a cell is an error.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
myst_heading_anchors = 3
# Links out of docs/ lead to files of the repository, not to pages; a word that is a parameter
# here is an attribute of several classes there.
suppress_warnings = ["myst.xref_missing", "ref.python"]

napoleon_google_docstring = False
# An attribute is described with its class; a second entry would clash with a property's own.
napoleon_use_ivar = True
autodoc_typehints = "none"
autosummary_generate = False

html_theme = "furo"
html_title = "cpecgeo"
