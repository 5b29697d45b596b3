"""synthem: synthetic electron microscopy with exact labels, exact mixes with real layers, and what each mix is worth.

The pipeline, one function for each arrow:

    recipe → scene → raster → tiles → mix → train → evaluate → report
"""

from __future__ import annotations

from synthem.classes import SIX, Classes, unpack
from synthem.errors import SynthemError

__version__ = "0.1.0"

__all__ = ["SIX", "Classes", "SynthemError", "__version__", "unpack"]
