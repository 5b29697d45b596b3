"""Label corruption, seeded and recorded, for studies of what an annotator's errors cost."""

from synthem.curate.corrupt.objects import KINDS, Corruption, corrupt_masks
from synthem.curate.corrupt.run import corrupt

__all__ = ["KINDS", "Corruption", "corrupt", "corrupt_masks"]
