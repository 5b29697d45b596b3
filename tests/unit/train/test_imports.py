"""Training and evaluation run on machines that have torch but not what generation and publishing need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"datasets", "shapely", "segmentation_models_pytorch", "noise", "pydantic", "isal"}:
            raise ImportError(name)

sys.meta_path.insert(0, Absent())
import synthem.models, synthem.train, synthem.evaluate
from synthem.models import build_model
build_model("tiny-unet", 1, 6)
try:
    build_model("smp:Unet/resnet18", 1, 6)
except synthem.SynthemError as error:
    print(error)

sys.path.insert(0, sys.argv[2])
from learnable import discs
from synthem.evaluate import EvaluateConfig, evaluate
from synthem.train import train
config = {"epochs": 6, "batch": 4, "lr": 1e-2, "loss": "bce+dice", "device": "cpu", "snapshots": [0.5]}
first = train(discs(8), None, "tiny-unet:widths=8-8,dropout=0", config | {"classes": {"disc": ["bright", "dark"]}},
              sys.argv[1] + "/first")
for model in ("cascade:second=(tiny-unet:widths=4-4)", "segment-siamese:widths=4-4,side=16"):
    run = train(discs(8), None, model, config | {"first": str(first.folder)}, sys.argv[1] + "/" + model[:5])
    scored = EvaluateConfig(window=32, device="cpu", resolutions=((32, 48),), segments=True)
    print(evaluate(run.at(0.5), discs(1), run.folder / "scored", scored).result["segments"]["classes"])
"""


def test_models_training_and_evaluation_need_little(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, str(tmp_path), str(Path(__file__).parents[2])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "segmentation-models-pytorch isn't installed" in done.stdout
    assert done.stdout.count("['bright', 'dark', 'none']") == 2
