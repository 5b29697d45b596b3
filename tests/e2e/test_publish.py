"""Publishing with the real client to a Hub on the loopback interface. The public Hub is never contacted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import making
import pytest
from hub_server import TOKEN, Fault, HubServer

from synthem.curate.mix import mix
from synthem.tiles.dataset import TileDataset

FINGERPRINTS = """
import sys, datasets, numpy as np
from synthem.tiles import codec

def fingerprint(rows):
    pixels = lambda cell: None if cell is None else np.asarray(cell)
    planes = ([pixels(row[name]) for name in ("image", "mask", "instances")] for row in rows)
    return codec.chain("", [codec.digest(i, m, None if n is None else n.astype(np.uint16)) for i, m, n in planes])

whole = datasets.load_dataset("me/tiles")
print(list(whole), *map(len, whole.values()))
print(fingerprint(whole["train"]))
print(fingerprint(datasets.load_dataset("me/tiles", split="train", streaming=True)))
print(fingerprint(datasets.load_dataset("me/tiles", split="train", revision="v1")))
"""

ROWS = """
import sys, datasets

key, *values = sys.argv[1:]
print(*(len(datasets.load_dataset("me/tiles", split="train", **{key: value})) for value in values))
"""


class Machine:
    """A user's machine: commands run here, with the loopback Hub as theirs."""

    def __init__(self, hub: HubServer, home: Path) -> None:
        self.hub, self.home = hub, home
        self.said: list[str] = []

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a command."""
        variables = {**os.environ, **self.hub.environment(self.home), "OMP_NUM_THREADS": "1", **environment}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, *command], cwd=self.home, env=variables, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, *command: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Run a command to its end: what it wrote to standard output and to standard error."""
        process = self.start(*command, **environment)
        out, err = process.communicate(timeout=120)
        self.said += [out, err]
        assert process.returncode == code, err
        assert "Traceback" not in err
        return out, err

    def synthem(self, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """Run a command of synthem."""
        return self.run("-m", "synthem", *arguments, code=code, **environment)

    def refused(self, *arguments: str, **environment: str) -> str:
        """The one line of an error."""
        out, err = self.synthem(*arguments, code=2, **environment)
        lines = [line for line in err.splitlines() if "files to send" not in line]
        assert not out
        assert len(lines) == 1, err
        return lines[0]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def machine(hub: HubServer, tmp_path: Path) -> Machine:
    making.tiles(tmp_path / "tiles", 10)
    return Machine(hub, tmp_path)


PUBLISH = ("publish", "tiles", "--to", "me/tiles", "--tag", "v1")


@pytest.mark.slow
def test_300_tiles_come_back_as_they_were_drawn(hub: HubServer, tmp_path: Path) -> None:
    machine = Machine(hub, tmp_path)
    machine.synthem("generate", "--axons", "2", "--n", "300", "--size", "96", "--out", "tiles")
    out, _ = machine.synthem(*PUBLISH, "--json")
    assert json.loads(out)["splits"] == {"train": 300}
    held = TileDataset.open(tmp_path / "tiles").fingerprint
    shown, *fingerprints = machine.run("-c", FINGERPRINTS)[0].splitlines()
    assert shown == "['train'] 300"
    assert fingerprints == [held] * 3


def test_the_card_s_own_lines_give_the_masks(machine: Machine) -> None:
    machine.synthem(*PUBLISH)
    card = machine.hub.repos["me/tiles"].head("v1").files["README.md"].data.decode()
    code = card.split("```python\n")[1].split("```")[0]
    blocked = "import sys; sys.modules['synthem'] = None\n"
    out, _ = machine.run("-c", f"{blocked}{code}\nprint(masks.shape, *masks.sum(axis=(1, 2)))")
    masks = TileDataset.open(machine.home / "tiles").masks(0)
    assert out == f"{masks.shape} {' '.join(map(str, masks.sum(axis=(1, 2))))}\n"


def test_the_files_are_those_of_push_to_hub(machine: Machine) -> None:
    machine.synthem(*PUBLISH)
    plain = "import datasets; datasets.load_from_disk('tiles').push_to_hub('me/plain', private=True)"
    machine.run("-c", plain)
    ours, theirs = (machine.hub.repos[name].head().files for name in ("me/tiles", "me/plain"))
    data = {path: blob.data for path, blob in theirs.items() if path.startswith("data/")}
    assert len(data) == 1
    assert {path: blob.data for path, blob in ours.items() if path.startswith("data/")} == data


def test_a_second_push_sends_nothing_and_a_longer_dataset_becomes_a_second_release(machine: Machine) -> None:
    hub = machine.hub
    machine.synthem(*PUBLISH)
    first, uploaded, commits = hub.repos["me/tiles"].tags["v1"], hub.uploaded(), len(hub.repos["me/tiles"].commits)
    assert "nothing sent" in machine.synthem(*PUBLISH)[0]
    assert hub.uploaded() == uploaded
    assert len(hub.repos["me/tiles"].commits) == commits
    assert hub.repos["me/tiles"].private

    making.tiles(machine.home / "more", 14)
    more = ("publish", "more", "--to", "me/tiles", "--tag")
    assert "tag v1 is there already" in machine.refused(*more, "v1")
    machine.synthem(*more, "v2")
    assert hub.repos["me/tiles"].tags["v1"] == first
    assert machine.run("-c", ROWS, "revision", "v1", "v2")[0] == "10 14\n"


def test_a_configuration_that_others_added_stays(machine: Machine) -> None:
    machine.synthem(*PUBLISH)
    extra = "import datasets; datasets.load_from_disk('tiles').select(range(3)).push_to_hub('me/tiles', 'extra')"
    machine.run("-c", extra)
    making.tiles(machine.home / "more", 14)
    machine.synthem("publish", "more", "--to", "me/tiles")
    assert machine.run("-c", ROWS, "name", "default", "extra")[0] == "14 3\n"
    uploaded = machine.hub.uploaded()
    assert "nothing sent" in machine.synthem("publish", "more", "--to", "me/tiles")[0]
    assert machine.hub.uploaded() == uploaded


def test_a_card_that_was_edited_on_the_hub_stays(machine: Machine) -> None:
    hub = machine.hub
    machine.synthem(*PUBLISH)
    card = hub.repos["me/tiles"].head().files["README.md"].data.decode()
    edited = card.replace("- synthem\n", "- synthem\n- mine\n") + "\nBeware of tile 3.\n"
    hub.push("me/tiles", {"README.md": edited.encode()})
    making.tiles(machine.home / "more", 14)
    _, told = machine.synthem("publish", "more", "--to", "me/tiles", "--tag", "v2")
    assert "its README.md was changed there; that page is kept" in told
    kept = hub.repos["me/tiles"].head().files["README.md"].data.decode()
    assert kept.endswith("Beware of tile 3.\n")
    assert "- mine\n" in kept
    assert "num_examples: 14" in kept
    uploaded = hub.uploaded()
    assert "nothing sent" in machine.synthem("publish", "more", "--to", "me/tiles", "--tag", "v2")[0]
    assert hub.uploaded() == uploaded
    assert machine.run("-c", ROWS, "revision", "v1", "v2")[0] == "10 14\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [("README.md", b"---\ntags: [a\n---\n"), ("README.md", b"---\n- a\n---\n"), ("synthem.json", b"{")],
)
def test_a_card_that_can_t_be_read_any_more_is_one_line(machine: Machine, name: str, content: bytes) -> None:
    machine.synthem(*PUBLISH)
    machine.hub.push("me/tiles", {name: content})
    line = machine.refused(*PUBLISH[:4])
    assert "me/tiles: its README.md or synthem.json was changed there and can't be read; mend it there" in line
    assert machine.hub.repos["me/tiles"].head().files[name].data == content


def test_a_published_mix_still_says_how_to_train_on_it(machine: Machine) -> None:
    home = machine.home
    made = mix(home / "mix", synthetic=home / "tiles", window=32, stride=32, nm_per_px=10, balance="axon=3")
    machine.synthem("publish", "mix", "--to", "me/mix", "--tag", "v1")
    machine.synthem("train", "hub:me/mix@v1", "--model", "tiny-unet:widths=4-8", "--steps", "1", "--out", "run")
    config = json.loads((home / "run" / "run.json").read_text())["config"]
    assert config["nm_per_px"] == 10
    assert config["class_weights"] == pytest.approx(made.class_weights)
    out, _ = machine.synthem("stats", "hub:me/mix@v1")
    assert out.startswith("hub:me/mix@v1: ")


def test_failures_that_pass_are_waited_for(machine: Machine) -> None:
    machine.hub.faults = [
        Fault("GET", "whoami", 503),
        Fault("POST", "repos/create", 500),
        Fault("GET", "/tree/", 502),
        Fault("POST", "/preupload/", 503),
        Fault("POST", "objects/batch", 500),
        Fault("PUT", "/lfs/", 503),
        Fault("PUT", "/lfs/", 0),
        Fault("POST", "/commit/", 503),
        Fault("POST", "/tag/", 500),
    ]
    machine.synthem(*PUBLISH)
    assert not any(fault.times for fault in machine.hub.faults)
    repo = machine.hub.repos["me/tiles"]
    assert len(repo.commits) == 2
    assert repo.tags["v1"] == repo.branches["main"]


def test_a_commit_whose_answer_got_lost_is_made_once(machine: Machine) -> None:
    machine.hub.faults = [Fault("POST", "/commit/", 0, after=True), Fault("POST", "/tag/", 0, after=True)]
    machine.synthem(*PUBLISH)
    repo = machine.hub.repos["me/tiles"]
    assert len(repo.commits) == 2
    assert repo.tags["v1"] == repo.branches["main"]
    assert len(machine.hub.asked("POST", "/commit/")) == 1


def test_a_failure_that_lasts_is_one_line_and_the_next_push_finishes(machine: Machine) -> None:
    hub = machine.hub
    hub.faults = [Fault("POST", "/commit/", 503, times=99)]
    assert "the Hub answered 503" in machine.refused(*PUBLISH)
    assert len(hub.repos["me/tiles"].commits) == 1
    assert not hub.repos["me/tiles"].tags
    hub.faults, uploaded = [], hub.uploaded()
    machine.synthem(*PUBLISH)
    assert hub.uploaded() == uploaded
    assert hub.repos["me/tiles"].tags["v1"] == hub.repos["me/tiles"].branches["main"]


def test_a_push_that_was_killed_is_finished_by_the_next_which_sends_the_rest(machine: Machine) -> None:
    hub = machine.hub
    running = machine.start("-m", "synthem", *PUBLISH)
    hub.faults = [Fault("PUT", "/lfs/", after=True, status=0, times=99, skip=1, act=running.kill)]
    running.communicate(timeout=120)
    assert running.returncode < 0
    assert hub.repos["me/tiles"].head().title == "initial commit"
    hub.faults, there = [], set(hub.large)
    assert there
    machine.synthem(*PUBLISH)
    sent = [request.path.removeprefix("/lfs/") for request in hub.asked("PUT", "/lfs/") if request.status == 200]
    assert len(sent) == len(set(sent))
    assert hub.repos["me/tiles"].tags["v1"] == hub.repos["me/tiles"].branches["main"]


def test_somebody_else_s_push_in_between_is_kept(machine: Machine) -> None:
    hub = machine.hub
    machine.synthem(*PUBLISH)
    making.tiles(machine.home / "more", 14)
    theirs = {"README.md": b"theirs", "data/train-00000-of-00001.parquet": b"theirs too"}
    hub.faults = [Fault("POST", "/preupload/", act=lambda: hub.push("me/tiles", theirs))]
    line = machine.refused("publish", "more", "--to", "me/tiles", "--tag", "v2")
    assert "me/tiles: somebody else pushed meanwhile, and nothing of theirs was touched" in line
    held = hub.repos["me/tiles"].head().files
    assert {path: held[path].data for path in theirs} == theirs
    assert set(hub.repos["me/tiles"].tags) == {"v1"}


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["--to", "me/new"], {"HF_TOKEN": "hf_wrong"}, "the Hub refused the token; log in"),
        (["--to", "me/new"], {"HF_TOKEN": ""}, "no token for the Hub; log in"),
        (["--to", "me/new"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, "the Hub can't be reached"),
        (["--to", "me/new"], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        (["--to", "me/new"], {"HF_HUB_DISABLE_XET": "0"}, "set HF_HUB_DISABLE_XET=1"),
        (["--to", "you/new"], {}, "the token may not do this"),
        (["--to", "you/seen", "--public"], {}, "the token may not do this"),
        (["--to", "you/hidden"], {}, "the token may not do this"),
        (["--to", "me/other"], {}, "is taken by a dataset that synthem didn't publish; name another"),
        (["--to", "me/open"], {}, "is public already; say --public"),
        (["--to", "me/other", "--public"], {}, "is private, and its history with it"),
    ],
)  # fmt: skip
def test_what_can_t_be_is_one_line_and_changes_nothing(
    machine: Machine, arguments: list[str], environment: dict[str, str], line: str
) -> None:
    hub = machine.hub
    hub.add("me/other", {"README.md": b"another", "data.csv": b"1,2"}, private=True)
    hub.add("me/open", {"README.md": b"open"})
    hub.add("you/seen", {"synthem.json": b"{}"})
    hub.add("you/hidden", private=True)
    before = {name: repo.branches["main"] for name, repo in hub.repos.items()}
    said = machine.refused(
        "publish", "tiles", *arguments, *(["--public"] if "seen" in arguments[1] else []), **environment
    )
    assert line in said
    assert arguments[1] in said
    assert {name: hub.repos[name].branches["main"] for name in before} == before


def test_a_licence_that_isn_t_known_stays_private(machine: Machine) -> None:
    home, hub = machine.home, machine.hub
    licences = {"images": None, "labels": "MIT"}
    making.layers(home / "epfl", ("a", "b"), name="epfl", licences=licences)
    mix(home / "mixed", real=home / "epfl", synthetic=home / "tiles", window=64, n_synthetic=3)
    mix(home / "copied", real=home / "epfl", synthetic=home / "tiles", window=64, n_synthetic=3, copy=True)
    for folder in ("epfl", "mixed", "copied"):
        line = machine.refused("publish", folder, "--to", "me/real", "--public")
        assert line.startswith("error: --public: epfl: no licence is stated for its images; leave out --public")
    assert not hub.log
    out, _ = machine.synthem("publish", "mixed", "--to", "me/real")
    assert "keep it private: epfl: no licence is stated for its images" in out
    assert hub.repos["me/real"].private
    machine.synthem("publish", "tiles", "--to", "me/tiles", "--public", "--licence", "CC BY 4.0")
    assert not hub.repos["me/tiles"].private


def test_parts_of_several_licences_are_public_under_all_of_them(machine: Machine) -> None:
    home, hub = machine.home, machine.hub
    making.layers(home / "theirs", ("a",), name="theirs", licences={"images": "CC BY 4.0", "labels": "MIT"})
    machine.synthem("publish", "theirs", "--to", "me/theirs", "--public")
    assert "license:\n- cc-by-4.0\n- mit\n" in hub.repos["me/theirs"].head().files["README.md"].data.decode()


HERE_AND_THERE = """
import sys
from synthem.cli import run
for line in sys.stdin.read().splitlines():
    code = run(line.split())
    assert code == 0, line
"""


def test_commands_take_a_dataset_of_the_hub(machine: Machine) -> None:
    home, hub = machine.home, machine.hub
    making.layers(home / "epfl", ("a", "b", "c"), splits=("train", "test", "train"), name="epfl", order=["c", "a"])
    machine.synthem(*PUBLISH)
    machine.synthem("publish", "epfl", "--to", "me/epfl", "--tag", "v1")
    commands = [
        "stats hub:me/tiles@v1 --json",
        "preview hub:me/tiles@v1 --out sheet.png",
        "mix --real hub:me/epfl@v1 --real-layers 1 --synthetic hub:me/tiles@v1 --window 64 --seed 3 --out mixed",
        "train mixed --val hub:me/epfl@v1 --val-layers b --model tiny-unet:widths=4-8 --steps 1 --batch 2 --out run",
        "evaluate run --on hub:me/epfl@v1 --split test --window 64 --out scores",
    ]
    (home / "commands").write_text("\n".join(commands))
    machine.run("-c", HERE_AND_THERE.replace("sys.stdin.read()", "open('commands').read()"))
    fetched = sorted((home / "cache" / "hub" / "me").glob("*/*/synthem.json"))
    assert [json.loads(path.read_text())["fingerprint"] for path in fetched] == [
        TileDataset.open(home / name).fingerprint for name in ("epfl", "tiles")
    ]
    layers = TileDataset.open(fetched[0].parent)
    assert layers.column("layer") == ["a", "b", "c"]
    assert layers.meta["order"] == ["c", "a"]
    here = mix(home / "here", real=home / "epfl", real_layers=1, synthetic=home / "tiles", window=64, seed=3)
    assert json.loads((home / "mixed" / "mix.json").read_text())["fingerprint"] == here.fingerprint

    asked = len(hub.log)
    machine.synthem("stats", "hub:me/tiles@v1", HF_ENDPOINT="http://127.0.0.1:9")
    assert len(hub.log) == asked
    assert "can't be reached" in machine.refused("stats", "hub:me/tiles", HF_ENDPOINT="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("hub:me/nothing", "hub:me/nothing: no such dataset on the Hub"),
        ("hub:me/other@v9", "hub:me/other@v9: the dataset has no such tag or branch"),
        ("hub:me/other", "hub:me/other: wasn't published by synthem"),
        ("hub:me/changed", "hub:me/changed: its pixels aren't those that were published"),
    ],
)
def test_what_the_hub_doesn_t_hold_is_one_line(machine: Machine, name: str, line: str) -> None:
    machine.hub.add("me/other", {"README.md": b"another"})
    if "changed" in name:
        machine.synthem("publish", "tiles", "--to", "me/changed")
        about = json.loads(machine.hub.repos["me/changed"].head().files["synthem.json"].data)
        machine.hub.push("me/changed", {"synthem.json": json.dumps(about | {"fingerprint": "0" * 32}).encode()})
    assert line in machine.refused("stats", name)
    assert not list((machine.home / "cache").glob("hub/*/*/[0-9a-f]*"))


def test_the_token_is_nowhere(machine: Machine) -> None:
    machine.hub.faults = [Fault("POST", "/commit/", 400, times=9)]
    machine.refused(*PUBLISH)
    machine.hub.faults = []
    machine.synthem(*PUBLISH, "--json")
    machine.synthem("publish", "tiles", "--to", "me/tiles", "--dry-run", "repository")
    machine.synthem("stats", "hub:me/tiles@v1")
    files: list[Any] = [path for path in machine.home.rglob("*") if path.is_file()]
    assert any(path.name == "README.md" for path in files)
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in "".join(machine.said)
