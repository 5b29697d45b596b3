"""The short `README.md` beside a dataset; `publish` writes the long one."""

from __future__ import annotations

from synthem.classes import Classes


def card(name: str, classes: Classes, kind: str, description: str = "", command: str = "") -> str:
    """A card that says what the folder holds and how to read it without synthem."""
    if classes.storage == "bits":
        rule = "bit c of a mask pixel is set where class c is"
        unpacking = "masks = [(pixels >> c & 1).astype(bool) for c in range({n})]"
    else:
        rule = "a mask pixel is 0 for none and c + 1 for class c"
        unpacking = "masks = [pixels == c + 1 for c in range({n})]"
    names = "\n".join(f"| {c} | {n} | {_hex(classes, c)} |" for c, n in enumerate(classes.names))
    made = f"\nMade by `{command}`.\n" if command else ""
    return f"""# {name}

A dataset {kind} by synthem. {description}
{made}
| number | class | colour |
|---|---|---|
{names}

In the column `mask` {rule}:

```python
import datasets, numpy as np
tiles = datasets.load_from_disk(".")
pixels = np.asarray(tiles[0]["mask"])
{unpacking.format(n=len(classes))}
```
"""


def _hex(classes: Classes, c: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*classes.colours[c])
