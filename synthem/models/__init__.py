"""Segmentation models by name, their specification as data, and their weights on disk.

A model maps images (n, channel, y, x) with grey levels 0..1 to logits (n, class, y, x); the sigmoid is outside. While
training it may return a tuple of logits, each of which is compared with the masks.
"""

from __future__ import annotations

from synthem.models.apply import logits, padded
from synthem.models.build import build_model, count_parameters
from synthem.models.cascade import Cascade, WNet
from synthem.models.spec import NAMES, ModelSpec
from synthem.models.store import StoredModel, load_model, save_model
from synthem.models.tiny_unet import TinyUNet

__all__ = [
    "NAMES",
    "Cascade",
    "ModelSpec",
    "StoredModel",
    "TinyUNet",
    "WNet",
    "build_model",
    "count_parameters",
    "load_model",
    "logits",
    "padded",
    "save_model",
]
