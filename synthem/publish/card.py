"""The card of a published dataset: its metadata, and the page that people read first."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from synthem.classes import Classes
from synthem.publish import licences
from synthem.tiles.dataset import TileDataset
from synthem.tiles.origins import Origin

PREVIEW = "preview.png"
_FRONT = re.compile(r"---\n(.*?\n)---\n", re.DOTALL)
_GENERATED = ("configs", "dataset_info")
"""Metadata that follow from the files; nobody's to change."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_CITATION = """@inproceedings{mironov2025volume,
  title = {The effect of the volume of synthetically generated images in the dataset
           for the task of axon segmentation in brain electron microscopy},
  author = {Mironov and Sokolov and Serebryakova},
  year = {2025},
  doi = {10.25686/978-5-8158-2474-4-2025-828-834}
}"""


@dataclass(frozen=True)
class Facts:
    """What a card is written from."""

    repo: str
    dataset: TileDataset
    splits: Mapping[str, int]
    """Rows of each split."""
    origins: Sequence[Origin]
    licence: str
    """Of the tiles that synthem drew."""
    title: str
    mix: Mapping[str, Any] | None = None
    """`mix.json`, of a mix."""


def write(facts: Facts, generated: Mapping[str, Any]) -> str:
    """`README.md`: metadata and page.

    Args:
        facts: what there is to say.
        generated: metadata that follow from the files: `configs` and `dataset_info`.
    """
    parts = [f"# {facts.title}", _about(facts), f"![Eight of its pictures, each beside its labels]({PREVIEW})"]
    parts += ["## Load it", _loading(facts), "## Classes", _classes(facts), "## How it was made", _making(facts)]
    parts += ["## Licences", _licences(facts), "## Cite", _citations(facts)]
    return f"---\n{_yaml({**metadata(facts), **generated})}---\n\n" + "\n\n".join(parts) + "\n"


def written(card: str) -> dict[str, Any]:
    """What is remembered of a card, to tell later what others have changed: its metadata, and a digest of its page."""
    about, page = _parts(card)
    known = {key: value for key, value in about.items() if key not in _GENERATED}
    return {"metadata": known, "page": hashlib.sha256(page.strip().encode()).hexdigest()}


def keeping(ours: str, theirs: str, before: Mapping[str, Any] | None) -> str:
    """Our card with what others have changed in the one that lies on the Hub.

    Configurations other than `default` are theirs. So are metadata and the page where they differ from what was
    written there before; where they don't, ours are newer.

    Args:
        ours: the new card.
        theirs: the card on the Hub.
        before: what `written` told of the card when it was pushed; None where that isn't known.
    """
    about, page = _parts(ours)
    told, their_page = _parts(theirs)
    configs = [config for config in told.get("configs", []) if config.get("config_name") != "default"]
    if configs:
        infos = told.get("dataset_info", [])
        others = [info for info in infos if info.get("config_name") != "default"] if isinstance(infos, list) else []
        about["configs"] += configs
        about["dataset_info"] = [{"config_name": "default", **about["dataset_info"]}, *others]
    if before is not None:
        known = before["metadata"]
        changed = {key for key in {*told, *known} - {*_GENERATED} if told.get(key) != known.get(key)} if told else set()
        gone = changed - told.keys()
        about = {key: value for key, value in about.items() if key not in gone}
        about |= {key: value for key, value in told.items() if key in changed}
        page = their_page if written(theirs)["page"] != before["page"] else page
    return theirs if (about, page.strip()) == (told, their_page.strip()) else f"---\n{_yaml(about)}---\n{page}"


def _parts(card: str) -> tuple[dict[str, Any], str]:
    """Metadata and page."""
    front = _FRONT.match(card)
    return (yaml.safe_load(front[1]) or {}, card[front.end() :]) if front else ({}, card)


def metadata(facts: Facts) -> dict[str, Any]:
    """What the Hub searches by."""
    kinds = {origin.kind for origin in facts.origins}
    rows = len(facts.dataset)
    return {
        **licences.metadata(facts.origins, facts.licence),
        "pretty_name": facts.title,
        "task_categories": ["image-segmentation"],
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")],
        "tags": ["electron-microscopy", "microscopy", "biology", "neuroscience", *sorted(kinds), "synthem"],
    }


def _about(facts: Facts) -> str:
    meta = facts.dataset.meta
    kinds = {"generated": "drawn", "imported": "imported", "repainted": "repainted", "mix": "mixed"}
    what = {"real": "real electron microscopy", "synthetic": "synthetic electron microscopy"}
    sources = " and ".join(what[kind] for kind in dict.fromkeys(origin.kind for origin in facts.origins))
    splits = ", ".join(f"{rows:,} in `{name}`" for name, rows in facts.splits.items())
    sizes = sorted({facts.dataset.size(i) for i in range(len(facts.dataset))})
    shown = f"{sizes[0][0]} × {sizes[0][1]} px" + (f" to {sizes[-1][0]} × {sizes[-1][1]} px" if sizes[1:] else "")
    pixels = {f"{nm:g}" for nm in facts.dataset.column("nm_per_px") if nm}
    scale = f", {' or '.join(sorted(pixels))} nm a pixel" if pixels else ""
    description = " ".join(str(meta.get("description") or (meta.get("recipe") or {}).get("description", "")).split())
    masks = "masks" if any(origin.kind == "real" for origin in facts.origins) else "exact masks"
    sentence = f"{sources[0].upper()}{sources[1:]} with {masks}, {kinds.get(meta['kind'], meta['kind'])} by synthem"
    return f"{description}\n\n{sentence}: {splits}; {shown}{scale}.".strip()


def _loading(facts: Facts) -> str:
    first = next(iter(facts.splits))
    return f"""```python
from datasets import load_dataset
import numpy as np

tile = load_dataset("{facts.repo}", split="{first}")[0]
image, pixels = np.asarray(tile["image"]), np.asarray(tile["mask"])
{unpacking(facts.dataset.classes)}
```

`masks` has the shape (class, y, x). A tag is a release: `load_dataset("{facts.repo}", revision="v1")`; with
`streaming=True` nothing is kept on disk. With synthem, `hub:{facts.repo}` stands wherever a command takes a folder.

`instances` numbers single objects (16-bit, 0 for none; null for real pictures). `count` and `area_px` hold the
8-connected components and the pixels of each class, null where nobody labelled it. `scene` holds what a tile was drawn
from."""


def unpacking(classes: Classes) -> str:
    """The line of Python that takes `pixels` apart."""
    n = len(classes)
    if classes.storage == "bits":
        return f"masks = (pixels >> np.arange({n})[:, None, None] & 1).astype(bool)"
    return f"masks = pixels == np.arange(1, {n + 1})[:, None, None]"


def _classes(facts: Facts) -> str:
    dataset, classes = facts.dataset, facts.dataset.classes
    rows = len(dataset)
    pixels = sum(height * width for height, width in map(dataset.size, range(rows)))
    count, area = dataset.column("count"), dataset.column("area_px")
    value = "bit" if classes.storage == "bits" else "value"
    lines = [
        f"| {value} | class | colour | organelles | a picture | in pictures | area |",
        "|---|---|---|---|---|---|---|",
    ]
    for c, name in enumerate(classes.names):
        number = c if classes.storage == "bits" else c + 1
        head = f"| {number} | {name} | `#{bytes(classes.colours[c]).hex()}` |"
        known = [i for i in range(rows) if area[i][name] is not None and dataset.known[c]]
        if not known:
            lines.append(f"{head} never labelled | | | |")
            continue
        organelles = sum(count[i][name] for i in known)
        there = sum(area[i][name] > 0 for i in known)
        share = sum(area[i][name] for i in known) / pixels
        lines.append(f"{head} {organelles:,} | {organelles / rows:.2f} | {there / rows:.1%} | {share:.2%} |")
    rule = (
        "In `mask` a pixel has bit c set where class c is, so classes may overlap."
        if classes.storage == "bits"
        else "In `mask` a pixel is 0 for no class, else the number of its class."
    )
    return "\n".join([*lines, "", f"{rule} Organelles are 8-connected components within one picture."])


def _making(facts: Facts) -> str:
    meta = facts.dataset.meta
    lines = ["| | |", "|---|---|"]
    if meta.get("command"):
        lines.append(f"| command | `{meta['command']}` |")
    if meta.get("recipe_fingerprint"):
        lines.append(f"| recipe | {meta['name']}, fingerprint `{meta['recipe_fingerprint']}` |")
    if meta.get("seed") is not None:
        lines.append(f"| seed | {meta['seed']} |")
    if meta.get("generator_version"):
        lines.append(f"| generator version | {meta['generator_version']} |")
    if meta.get("synthem_version"):
        lines.append(f"| imported with | synthem {meta['synthem_version']} |")
    if meta.get("versions"):
        lines.append(f"| versions | {', '.join(f'{name} {number}' for name, number in meta['versions'].items())} |")
    lines.append(f"| fingerprint of all pixels | `{facts.dataset.fingerprint}` |")
    text = "\n".join(lines)
    if facts.mix:
        text += f"\n\n{_mixing(facts.mix)}"
    if "recipe_fingerprint" not in meta:
        drawn = [f"- {o.name} (synthetic): {o.where}" for o in facts.origins if o.kind == "synthetic" and o.where]
        text += "".join(f"\n\n{line}" for line in drawn)
    if meta.get("recipe"):
        text += (
            f"\n\n<details><summary>The recipe in full</summary>\n\n```yaml\n{_yaml(meta['recipe'])}```\n\n</details>"
        )
    return text


def _mixing(mix: Mapping[str, Any]) -> str:
    asked = {key: value for key, value in mix["request"].items() if key != "copy"}  # published it is a copy anyway
    request = {key: value for key, value in asked.items() if value not in (None, False, {}, [])}
    nm = "" if mix["nm_per_px"] is None else f", {mix['nm_per_px']:g} nm a pixel"
    summary = mix["summary"]
    return (
        f"A mix of {summary['real']['windows']} windows of real layers ({summary['real']['layers']}) and "
        f"{summary['synthetic']['windows']} of synthetic tiles ({summary['synthetic']['tiles']}); windows of "
        f"{mix['window']} px, stride {mix['stride']}{nm}, seed {mix['seed']}, fingerprint `{mix['fingerprint']}`. "
        f"Asked for: `{json.dumps(request, ensure_ascii=False)}`."
    )


def _licences(facts: Facts) -> str:
    lines = ["| part | images | labels | from |", "|---|---|---|---|"]
    for origin in facts.origins:
        if origin.kind == "synthetic":
            lines.append(f"| {origin.name} (synthetic) | {facts.licence} | {facts.licence} | drawn by synthem |")
        else:
            images, labels = (licence or "**none stated**" for licence in (origin.images, origin.labels))
            lines.append(f"| {origin.name} (real) | {images} | {labels} | {' '.join(origin.where.split())} |")
    found = licences.objections(facts.origins)
    if found:
        lines += ["", f"**Keep this dataset private.** {'. '.join(found)}."]
    return "\n".join(lines)


def _citations(facts: Facts) -> str:
    own = [" ".join(origin.citation.split()) for origin in facts.origins if origin.citation]
    return "\n\n".join([*own, f"synthem, and the ratio study that it reproduces:\n\n```bibtex\n{_CITATION}\n```"])


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110))
