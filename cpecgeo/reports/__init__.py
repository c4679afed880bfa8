"""Reports: what the data and the analyses say of a corridor, a place, or several, on a page.

`report` asks the analyses and computes nothing of its own; a `Report` is HTML in one file,
Markdown, or a dict for machines.
"""

from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part
from cpecgeo.reports.subjects import report

__all__ = ["Part", "Report", "report"]
