"""Settings of a training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synthem.errors import SynthemError, unknown_name
from synthem.models.machine import Precision
from synthem.models.prepare import Contrast
from synthem.train.augment import STUDY, Augment
from synthem.train.groups import Groups, parse_groups
from synthem.train.losses import parse_terms
from synthem.train.settings import check_types

Optimizer = Literal["adam", "adamw"]
Schedule = Literal["constant", "cosine", "plateau"]
Keep = Literal["last", "best"]
InitPart = Literal["whole", "encoder"]

WHERE = ("device", "compile")
"""Settings that say how to compute, not what: a run may be gone on with under others."""


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The defaults are the ratio study's protocol, but for `recalibrate`."""

    epochs: int = 100
    """Times that every sample is shown. What doesn't fill a batch is left out, other samples in every epoch."""
    steps: int | None = None
    """Training steps; given, it is the budget in place of `epochs`."""
    batch: int = 8
    """Samples a step; the study took 6 to 9. Where there are fewer samples, all of them."""
    optimizer: Optimizer = "adam"
    """`adam` (Kingma and Ba, ICLR 2015) or `adamw` (Loshchilov and Hutter, ICLR 2019)."""
    lr: float = 5e-3
    """Learning rate at the start."""
    weight_decay: float = 0.0
    """As the optimizer defines it."""
    schedule: Schedule = "constant"
    """`constant`; `cosine`, down to 0 at the last step; `plateau`, lowered when the validation loss stays."""
    plateau_patience: int = 5
    """Epochs without a lower validation loss after which `plateau` lowers the rate."""
    plateau_factor: float = 0.5
    """What the rate is multiplied by then."""
    patience: int = 0
    """Epochs without a lower validation loss after which training stops; 0: never."""
    keep: Keep = "last"
    """Weights that the run ends with: the `last` epoch's, or the `best` by validation loss."""
    loss: str = "dice"
    """See `synthem.train.losses.parse_loss`."""
    classes: Groups = ()
    """Classes to learn, each a class of the samples or a union of several; see `synthem.train.groups.parse_groups`. By
    default the samples' own."""
    class_weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of the learned classes in the loss, by name; 1 for those left out."""
    augment: Augment = STUDY
    """See `synthem.train.augment.Augment`; text or a mapping is read by `Augment.parse`."""
    contrast: Contrast = "none"
    """What evens out the contrast of images before the model, here and in prediction."""
    nm_per_px: float | None = None
    """Pixel size of the samples; recorded, so that `synthem evaluate` brings layers to it. None: as layers are."""
    snapshots: tuple[float, ...] = ()
    """Shares of the planned steps, 0 to 1, after which the model is kept, beside the one that the run ends with: 0 is
    before the first step, 1 after the last. Training that stops early never reaches the later ones."""
    validate_every: int = 1
    """Epochs between validations; the last epoch is always validated. What watches the loss counts validations."""
    init: str = ""
    """Run folder or model file whose weights to start from."""
    first: str = ""
    """Run folder or model file of the trained first model, for a `cascade` or a segment classifier."""
    init_part: InitPart = "whole"
    """What is taken from there: the `whole` model, or its `encoder`."""
    recalibrate: int = 128
    """Samples, two at least, on which batch norms are set for prediction before the model is validated or kept, see
    `synthem.train.norms.recalibrate`; 0: they keep the running averages of training, as in the study."""
    freeze: tuple[str, ...] = ()
    """Patterns of names of parameters that stay as they are (`encoder.*`); their batch norms keep their statistics."""
    precision: Precision = "auto"
    """Number format of the convolutions; `auto`: bfloat16 where it is faster."""
    seed: int = 0
    """Of initial weights, order, augmentation and dropout."""
    deterministic: bool = False
    """Demand deterministic algorithms of torch; on a CPU they are with the same number of threads anyway."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, …"""
    compile: bool = False
    """Compile the model with torch.compile: a minute at the start for faster steps, on a GPU above all."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", Augment.parse(self.augment))
        object.__setattr__(self, "classes", parse_groups(self.classes))
        object.__setattr__(self, "freeze", tuple(self.freeze))
        object.__setattr__(self, "snapshots", tuple(sorted({float(share) for share in self.snapshots})))
        check_types(self, "training")
        parse_terms(self.loss)
        for name, least in (
            ("epochs", 1),
            ("steps", 1),
            ("batch", 1),
            ("plateau_patience", 1),
            ("patience", 0),
            ("validate_every", 1),
        ):
            value = getattr(self, name)
            self._require(name, value is None or value >= least, f"{least} or more")
        self._require("recalibrate", self.recalibrate == 0 or self.recalibrate >= 2, "0, or 2 or more")
        self._require("lr", 0 < self.lr < math.inf, "above 0")
        self._require("nm_per_px", self.nm_per_px is None or 0 < self.nm_per_px < math.inf, "above 0")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        self._require("plateau_factor", 0 < self.plateau_factor < 1, "between 0 and 1")
        self._require("snapshots", all(0 <= share <= 1 for share in self.snapshots), "shares of the steps, 0 to 1")

    def _require(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise SynthemError(f"training: {name}={getattr(self, name)}: must be {wanted}")

    @classmethod
    def parse(cls, given: TrainConfig | Mapping[str, Any]) -> TrainConfig:
        """From a mapping, such as a study's YAML or `to_json`.

        Raises:
            SynthemError: an unknown setting, or a value that it can't take.
        """
        if isinstance(given, TrainConfig):
            return given
        known = [f.name for f in dataclasses.fields(cls)]
        for name in given:
            if name not in known:
                raise unknown_name("training: setting", name, known)
        one = {"freeze": (given["freeze"],)} if isinstance(given.get("freeze"), str) else {}
        try:
            return cls(**{**given, **one})
        except TypeError as error:
            raise SynthemError(f"training: a value has the wrong type ({error})") from None

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON values; `parse` reads it back."""
        shallow = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return shallow | {
            "augment": self.augment.to_json(),
            "classes": [[name, list(members)] for name, members in self.classes],
            "class_weights": dict(self.class_weights),
            "freeze": list(self.freeze),
            "snapshots": list(self.snapshots),
        }
