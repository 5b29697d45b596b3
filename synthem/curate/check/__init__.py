"""What is wrong with datasets: leaks between splits, duplicates, broken images and labels, damaged pixels."""

from synthem.curate.check.findings import KINDS, Finding, lines
from synthem.curate.check.labels import Limits
from synthem.curate.check.run import check

__all__ = ["KINDS", "Finding", "Limits", "check", "lines"]
