"""Reports on a corridor, a place, an area or several, on one page.

`report` collects the results of the analyses and computes nothing itself. A `Report` can be written
as HTML in one file, PDF, Markdown, or a dict for programs.
"""

from cpecgeo.reports.document import Report
from cpecgeo.reports.render import Part
from cpecgeo.reports.subjects import report

__all__ = ["Part", "Report", "report"]
