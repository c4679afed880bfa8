"""Reports: what the data and the analyses say of a corridor, a place, or several, on a page.

`report` asks the analyses and computes nothing of its own; a `Report` is HTML in one file,
Markdown, or a dict for machines.
"""

from cpecgeo.reports.asking import report
from cpecgeo.reports.record import Part, Report

__all__ = ["Part", "Report", "report"]
