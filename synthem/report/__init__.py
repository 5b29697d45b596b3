"""Reports: one page over one or several sweeps, and its plots as files."""

from __future__ import annotations

from synthem.report.least import Least, least
from synthem.report.report import report

__all__ = ["Least", "least", "report"]
