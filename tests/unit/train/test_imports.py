"""Training and evaluation run on machines that have torch but not what generation and publishing need."""

from __future__ import annotations

import subprocess
import sys

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
"""


def test_models_training_and_evaluation_need_little() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "segmentation-models-pytorch isn't installed" in done.stdout
