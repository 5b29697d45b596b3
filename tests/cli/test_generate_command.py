"""`synthem generate`: its options, its summary, and one line for whatever is wrong."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import datasets
from synthem.cli import run
from synthem.recipe import Recipe
from synthem.tiles.dataset import TileDataset

Command = Callable[..., tuple[int, str, str]]
TINY = ["--size", "64", "--n", "2", "--workers", "1"]


@pytest.fixture
def synthem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command in an empty folder: exit code, standard output, standard error without progress."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments])
        out, err = capsys.readouterr()
        # a slow machine reports its progress after ten seconds; what is told besides is what tests look at
        told = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("drawing "))
        return code, out, told

    return command


def drawn(folder: str | Path) -> dict[str, Any]:
    return {item["kind"]: item for item in TileDataset.open(folder).meta["recipe"]["organelles"]}


def test_without_any_option_the_shipped_recipe_is_drawn(synthem: Command):
    code, out, err = synthem("generate", "--n", "1")
    assert (code, err) == (0, "")
    (folder,) = Path("synthem-data").iterdir()
    assert folder.name == f"epfl-{Recipe.load('epfl').fingerprint[:8]}-seed0"
    assert out.startswith(f"{folder}: 1 tiles, 1 of them new")
    assert len(datasets.load_from_disk(str(folder))) == 1


def test_a_recipe_s_name_leads_nowhere_else(synthem: Command):
    code, _, _ = synthem("generate", *TINY, "--set", "name=../../elsewhere")
    assert code == 0
    (folder,) = Path("synthem-data").iterdir()
    assert folder.name.startswith("elsewhere-")


def test_the_json_summary_is_one_line_and_nothing_else(synthem: Command):
    code, out, err = synthem("generate", "axons", *TINY, "--out", "tiles", "--json")
    assert (code, err) == (0, "")
    summary = json.loads(out)
    assert summary["tiles"] == summary["new"] == 2
    assert (summary["out"], summary["recipe"], summary["seed"]) == ("tiles", "axons", 0)
    data = TileDataset.open("tiles")
    assert summary["fingerprint"] == data.fingerprint
    assert summary["requested"]["axon"] == sum(row["axon"] for row in data.column("requested"))
    assert summary["placed"]["axon"] == sum(row["axon"] for row in data.column("placed"))


@pytest.mark.parametrize(
    ("written", "count"), [("3", "1..3"), ("1", "1..1"), ("0", 0), ("3..3", "3..3"), ("0..3", "0..3")]
)
def test_a_count_means_what_the_study_means(synthem: Command, written: str, count: object):
    assert synthem("generate", *TINY, "--axons", written, "--out", "tiles")[0] == 0
    assert drawn("tiles")["axon"]["count"] == count
    assert drawn("tiles")["axon"]["per"] == "tile"


def test_options_win_over_the_file_and_leave_the_rest(synthem: Command):
    Path("mine.yaml").write_text(
        "extends: epfl\nsize: 128\norganelles: [{kind: axon, count: 2, radius_nm: 200..210}]\n"
    )
    options = ["--axons", "1..1", "--psds", "2", "--vesicles", "0", "--mitochondria", "0..1"]
    sets = ["--set", "organelles.axon.sheath_nm=50..60", "--set", "optics.psf_nm=6", "--nm-per-px", "6"]
    code, _, err = synthem("generate", "mine.yaml", "--size", "64x96", "--n", "1", *options, *sets, "--out", "tiles")
    assert (code, err) == (0, "")
    recipe = Recipe.build(TileDataset.open("tiles").meta["recipe"])
    axon = drawn("tiles")["axon"]
    assert (recipe.size, recipe.nm_per_px, recipe.optics.psf_nm) == ((64, 96), 6.0, 6.0)
    assert (axon["count"], axon["radius_nm"], axon["sheath_nm"]) == ("1..1", "200..210", "50..60")
    assert drawn("tiles")["psd"]["count"] == "1..2"
    assert drawn("tiles")["mitochondrion"]["count"] == "0..1"


def test_naming_an_organelle_that_the_recipe_lacks_adds_it(synthem: Command):
    Path("bare.yaml").write_text("size: 64\n")
    assert synthem("generate", "bare.yaml", "--n", "1", "--vesicles", "2", "--out", "tiles")[0] == 0
    assert drawn("tiles").keys() == {"vesicles"}
    assert drawn("tiles")["vesicles"]["count"] == "1..2"


def test_no_tiles_are_a_dataset_too(synthem: Command):
    code, out, err = synthem("generate", "--n", "0", "--out", "none")
    assert (code, err) == (0, "")
    assert out.startswith("none: 0 tiles")
    loaded = datasets.load_from_disk("none")
    assert len(loaded) == 0
    assert loaded.column_names[:3] == ["image", "mask", "instances"]
    assert synthem("generate", "--n", "1", "--out", "none")[0] == 0
    assert len(datasets.load_from_disk("none")) == 1


def test_a_folder_is_gone_on_with_or_found_done(synthem: Command):
    assert "2 tiles, 2 of them new" in synthem("generate", *TINY, "--out", "tiles")[1]
    assert "3 tiles, 1 of them new" in synthem("generate", *TINY, "--n", "3", "--out", "tiles")[1]
    assert "3 tiles, 0 of them new" in synthem("generate", *TINY, "--out", "tiles")[1]
    assert len(TileDataset.open("tiles")) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "recipe 'nothing': there is none; known are ac4, "),
        (["nothing.yaml"], "nothing.yaml: there is no such file"),
        (["."], "recipe '.': there is none; known are ac4, "),
        (["unknown-organelle.yaml"], "organelles[0].kind: no organelle 'mitochondria'; did you mean 'mitochondrion'?"),
        (["unknown-key.yaml"], "optics.psf: no such parameter"),
        (["low-above-high.yaml"], "organelles[0].radius_nm: low (35) is above high (20); swap them"),
        (["--n", "-1"], "-1 tiles; it can't be below 0"),
        (["--axons", "-1"], "--axons -1: a count can't be below 0"),
        (["--axons", "3..1"], "--axons 3..1: low (3) is above high (1); swap them"),
        (["--psds", "some"], "--psds some: no count; write 3, 0, 3..3 or 0..3"),
        (["--vesicles", "1.5"], "--vesicles 1.5: no count"),
        (["--size", "0"], "64"),
        (["--size", "5000"], "4096"),
        (["--size", "big"], "'big' is no size; write 256 or 768x1024"),
        (["--nm-per-px", "0"], "--nm-per-px: input should be"),
        (["--workers", "-1"], "workers: -1"),
        (["--seed", "9" * 20], "64 bits"),
        (["--set", "organelles.axon.radus_nm=3"], "no parameter 'radus_nm'"),
        (["--set", "organelles.axom.count=3"], "no organelle 'axom'"),
        (["--set", "optics.psf_nm"], "--set optics.psf_nm: write PATH=VALUE"),
        (["--set", "optics.psf_nm=["], "no valid YAML"),
        (["--set", "optics.psf_nm=-1"], "optics.psf_nm: goes down to -1; it can't be below 0"),
        (["--size", "64", "--axons", "1", "--set", "organelles.axon.radius_nm=900"], "the tile only 320 nm"),
        (["--size", "128", "--axons", "9..9", "--strict"], "no place for all that was asked for"),
        (["--out", "file.txt"], "file.txt: is a file; name a folder"),
        (["--out", "file.txt/x"], "file.txt/x"),
        (["--out", "full"], "full: holds something else (notes.txt, …); name an empty or a new folder"),
        (["--out", "/proc/nowhere/tiles"], "/proc/nowhere"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_leaves_nothing(synthem: Command, arguments: list[str], told: str):
    Path("unknown-organelle.yaml").write_text("organelles: [{kind: mitochondria}]\n")
    Path("unknown-key.yaml").write_text("extends: epfl\noptics: {psf: 3}\n")
    Path("low-above-high.yaml").write_text("organelles: [{kind: axon, radius_nm: 35..20}]\n")
    Path("file.txt").write_text("mine")
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    before = sorted(Path().rglob("*"))
    out = [] if "--out" in arguments else ["--out", "deep/er/tiles"]
    code, said, err = synthem("generate", *arguments, *out)
    assert (code, said) == (2, "")
    assert err.startswith("error: ")
    assert told in err
    assert err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("arguments", [["--n", "two"], ["--bogus"], ["a", "b"], ["--seed", "x"]], ids=" ".join)
def test_what_the_command_line_cannot_be_is_an_error_of_usage(synthem: Command, arguments: list[str]):
    code, said, err = synthem("generate", *arguments)
    assert (code, said) == (2, "")
    assert "Traceback" not in err
    assert not list(Path().iterdir())


def test_another_recipe_or_seed_is_not_mixed_in(synthem: Command):
    assert synthem("generate", *TINY, "--out", "tiles")[0] == 0
    before = {path: path.read_bytes() for path in Path("tiles").iterdir()}
    for other in (["--seed", "1"], ["--axons", "1"], ["--set", "optics.psf_nm=1"]):
        code, _, err = synthem("generate", *TINY, *other, "--out", "tiles")
        assert code == 2
        assert "tiles: its dataset has another" in err
    assert {path: path.read_bytes() for path in Path("tiles").iterdir()} == before


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "the file system is read-only"),
    ],
)
def test_a_disk_that_refuses_is_one_line(synthem: Command, monkeypatch: pytest.MonkeyPatch, number: int, told: str):
    def refuse(name: str, *_: object) -> None:
        raise OSError(number, os.strerror(number), name)

    monkeypatch.setattr("pyarrow.OSFile", refuse)
    code, said, err = synthem("generate", *TINY, "--out", "a/tiles")
    assert (code, said) == (2, "")
    assert told in err
    assert err.count("\n") == 1
    assert not list(Path().iterdir())


def test_too_little_memory_is_one_line(synthem: Command, monkeypatch: pytest.MonkeyPatch):
    def greedy(*arguments: object, **more: object) -> None:
        raise MemoryError("Unable to allocate 326 GiB")

    monkeypatch.setattr("synthem.tiles.generate.generate", greedy)
    code, out, err = synthem("generate", *TINY)
    assert (code, out) == (2, "")
    assert err.startswith("error: too little memory (Unable to allocate 326 GiB); take smaller")
    assert err.count("\n") == 1


def test_a_limit_on_the_size_of_files_leaves_what_was_finished(synthem: Command):
    """A real refusal by the system, in the middle of writing a shard."""
    assert synthem("generate", *TINY, "--out", "tiles")[0] == 0
    size = Path("tiles/data-00000.arrow").stat().st_size
    before = {path: path.read_bytes() for path in Path("tiles").iterdir()}
    failed = subprocess.run(
        [sys.executable, "-m", "synthem", "generate", *TINY, "--n", "20", "--out", "tiles"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size, 2 * size)),
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in Path("tiles").iterdir()} == before


def test_the_recipe_commands_show_what_is_drawn(synthem: Command):
    code, out, err = synthem("recipe", "show", "dense", "--set", "optics.psf_nm=9")
    assert (code, err) == (0, "")
    Path("shown.yaml").write_text(out)
    assert Recipe.load("shown.yaml") == Recipe.load("dense").with_values({"optics.psf_nm": 9})
    for kind in ([], ["axon"]):
        code, out, err = synthem("recipe", "schema", *kind)
        assert (code, err) == (0, "")
        assert "radius_nm" in json.dumps(json.loads(out))
    code, out, _ = synthem("recipe", "diff", "dense", "shown.yaml")
    assert code == 0
    assert "psf_nm" in out
    code, _, err = synthem("recipe", "schema", "axom")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean 'axon'?" in err
