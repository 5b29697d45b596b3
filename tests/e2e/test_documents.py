"""Every block of the documents runs: those of bash and Python in order, in one empty folder for each document.

A block with a title, such as ```yaml title="mine.yaml", is written to that file instead. Blocks that reach the Hub
reach the one on the loopback interface.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_server import HubServer

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = (*(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "docs" / "howto").glob("*.md"))
DOCUMENTS = (CHECKOUT / "README.md", *sorted(PAGES))
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STAGES = (
    "synthem", "synthem.tiles.exporters", "synthem.tiles.importers", "synthem.curate.mix", "synthem.curate.stats",
    "synthem.curate.check", "synthem.curate.corrupt", "synthem.models", "synthem.train", "synthem.evaluate",
    "synthem.sweep", "synthem.report", "synthem.publish",
)  # fmt: skip
RUN = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    line: int
    language: str
    title: str
    text: str


def blocks(document: Path) -> list[Block]:
    """Blocks that are run or written, in order."""
    text = document.read_text()
    found = [Block(text.count("\n", 0, m.start()) + 1, m[1], m[2] or "", m[3]) for m in FENCE.finditer(text)]
    return [block for block in found if block.title or block.language in RUN]


def with_blocks() -> list[Path]:
    """Documents that have something to run."""
    return [document for document in DOCUMENTS if any(block.language in RUN for block in blocks(document))]


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a reader's shell holds: synthem on the path, a Hub, and nothing installed elsewhere."""
    with HubServer() as hub:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield {
            **os.environ,
            **hub.environment(tmp_path),
            "PATH": path,
            "SYNTHEM": str(CHECKOUT),
            "OMP_NUM_THREADS": "1",
        }


@pytest.mark.slow
@pytest.mark.parametrize("document", with_blocks(), ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_its_blocks_run(
    document: Path, surroundings: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "$SYNTHEM_DATA" in document.read_text():
        surroundings["SYNTHEM_DATA"] = str(request.getfixturevalue("real_layers"))
    folder = tmp_path / "reader"
    folder.mkdir()
    for block in blocks(document):
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text)
        if block.title == "pyproject.toml":
            _install(folder, surroundings)
        if block.language not in RUN or block.title:
            continue
        command = [*RUN[block.language], block.text]
        done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True)
        assert done.returncode == 0, f"{document.name}, line {block.line}:\n{done.stdout}{done.stderr}"


def _install(folder: Path, surroundings: dict[str, str]) -> None:
    """What `pip install -e .` does for a package of plain modules, without touching the environment of the tests."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n{name} = {at}\n" for group, held in project["entry-points"].items() for name, at in held.items()
    ]
    (about / "entry_points.txt").write_text("".join(points))
    surroundings["PYTHONPATH"] = str(folder)


def test_every_page_is_found_and_the_tutorial_reaches_the_hub() -> None:
    names = {path.relative_to(CHECKOUT).as_posix() for path in with_blocks()}
    assert {"README.md", "docs/tutorial.md", "docs/howto/organelle.md", "docs/howto/hub.md"} <= names
    commands = " ".join(block.text for block in blocks(CHECKOUT / "docs" / "tutorial.md"))
    for command in ("import", "generate", "mix", "train", "evaluate", "sweep", "publish"):
        assert f"synthem {command} " in commands


def test_the_site_builds_with_strict_links(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text()
    assert "synthem-publish" in commands
    pages = [page.read_text() for page in (tmp_path / "site" / "reference").rglob("*.html")]
    _check_reference({name for page in pages for name in re.findall(r'id="(synthem\.[\w.]+)"', page)})
    for page in (tmp_path / "site").rglob("*.html"):
        assert not re.findall(r'<(?:script|link rel="stylesheet")[^>]*(?:src|href)="https?://', page.read_text()), page


def _check_reference(described: set[str]) -> None:
    """Every public function and class is described; a module of the same name doesn't count."""
    modules = {".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in CHECKOUT.glob("synthem/**/*.py")}
    names = {name.rpartition(".")[2] for name in described - modules}
    for package in STAGES:
        stage = importlib.import_module(package)
        held = {name: getattr(stage, name) for name in stage.__all__}
        public = {name for name, thing in held.items() if inspect.isroutine(thing) or inspect.isclass(thing)}
        assert public <= names, f"{package}: {public - names} isn't in the reference"


def test_the_gallery_shows_every_organelle_with_every_parameter(tmp_path: Path) -> None:
    sys.path.insert(0, str(CHECKOUT / "docs"))
    try:
        import make_gallery
    finally:
        sys.path.pop(0)
    from synthem.organelles.membranes import Membranes
    from synthem.organelles.registry import BUILT_IN, kinds

    page = (CHECKOUT / "docs" / "gallery.md").read_text()
    for kind in (*BUILT_IN, "membranes"):
        model = Membranes() if kind == "membranes" else kinds()[kind]()
        shown = dict(make_gallery.rows(model))
        held = {*model.ranged, *(f"look.{name}" for name in model.look.ranged)}
        assert held - shown.keys() <= {*make_gallery.POSITION, *make_gallery.FAINT}
        for name, values in shown.items():
            low, high = (make_gallery.picture(kind, {name: value}).tobytes() for value in (values[0], values[-1]))
            assert low != high, f"{kind}: {name} shows nothing"
        assert f"gallery/{kind}.png" in page
        file = CHECKOUT / "docs" / "gallery" / f"{kind}.png"
        assert file.stat().st_size < 300_000
        assert make_gallery.sheet(kind).tobytes() == _pixels(file)


def _pixels(path: Path) -> bytes:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.tobytes()
