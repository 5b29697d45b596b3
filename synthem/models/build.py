"""Models from their specification."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from synthem.errors import SynthemError, unknown_name
from synthem.models.cascade import Cascade, WNet
from synthem.models.segments import SegmentClassifier, SegmentCNN, SegmentSiamese
from synthem.models.spec import ModelSpec
from synthem.models.tiny_unet import TinyUNet
from synthem.seeds import stream

if TYPE_CHECKING:
    from synthem.models.store import StoredModel


def build_model(
    spec: ModelSpec | str | Mapping[str, Any],
    channels: int,
    classes: int,
    *,
    seed: int = 0,
    pretrained: bool = True,
    first: StoredModel | None = None,
) -> nn.Module:
    """A model with fresh weights.

    Args:
        spec: see `ModelSpec`.
        channels: of the image.
        classes: channels of the output.
        seed: of the initial weights.
        pretrained: false leaves out the encoder weights that the specification names, for a model whose weights are
            about to be loaded.
        first: the trained model that a cascade or a segment classifier is built on; it becomes part of it, frozen.

    Raises:
        SynthemError: unknown model, encoder or setting, a library that isn't there, weights that can't be had, or a
            first model that lacks, isn't wanted, or sees other channels.
    """
    spec = ModelSpec.parse(spec)
    _check_first(spec, channels, first)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(seed, "model").integers(2**63)))
        if spec.name.startswith("smp:"):
            return _smp(spec, channels, classes, str(spec.settings["weights"]) if pretrained else "none")
        if first is not None:
            return _on_first(spec, channels, classes, first, seed, pretrained)
        made: dict[str, Callable[..., nn.Module]] = {
            "tiny-unet": TinyUNet,
            "plain-unet": partial(TinyUNet, norm=False),
            "wnet": WNet,
        }
        widths, dropout = spec.settings["widths"], spec.settings["dropout"]
        return made[spec.name](channels, classes, cast(tuple[int, ...], widths), cast(float, dropout))


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _check_first(spec: ModelSpec, channels: int, first: StoredModel | None) -> None:
    if first is None:
        if spec.needs_first:
            raise SynthemError(f"model {spec.name}: is built on a trained first model; name its run as `first`")
    elif not spec.needs_first:
        raise SynthemError(f"model {spec.name}: takes no first model; leave it out, or take a cascade")
    elif first.channels != channels:
        raise SynthemError(f"model {spec.name}: first sees {first.channels} channels, not {channels}; they must agree")


def _on_first(
    spec: ModelSpec, channels: int, classes: int, first: StoredModel, seed: int, pretrained: bool
) -> nn.Module:
    held: Mapping[str, Any] = spec.settings
    if spec.name == "cascade":
        inputs = channels + len(first.classes)
        second = build_model(held["second"], inputs, classes, seed=seed, pretrained=pretrained)
        return Cascade(first.model, second, frozen=True)
    classifier: SegmentCNN | SegmentSiamese
    if spec.name == "segment-cnn":
        classifier = SegmentCNN(channels, classes, held["widths"])
    else:
        classifier = SegmentSiamese(channels, classes, held["widths"], held["shots"], held["side"])
    settings = {name: held[name] for name in ("side", "least", "threshold", "shots")}
    return SegmentClassifier(first.model, classifier, **settings)


def _smp(spec: ModelSpec, channels: int, classes: int, weights: str) -> nn.Module:
    try:
        import segmentation_models_pytorch as smp
        import timm
        from segmentation_models_pytorch.encoders import get_encoder_names
    except ImportError:
        raise SynthemError(
            f"model {spec.name}: segmentation-models-pytorch isn't installed; "
            "run `pip install segmentation-models-pytorch` or choose tiny-unet"
        ) from None

    architecture, slash, encoder = spec.name.removeprefix("smp:").partition("/")
    if not slash or not encoder:
        raise SynthemError(f"model {spec.name}: write smp:ARCHITECTURE/ENCODER, such as smp:Unet/resnet34")
    architectures = {kind.__name__: kind for kind in smp.MODEL_ARCHITECTURES_MAPPING.values()}
    known = {name.lower(): kind for name, kind in architectures.items()}
    if architecture.lower() not in known:
        raise unknown_name(f"model {spec.name}: architecture", architecture, architectures)
    if encoder.startswith("tu-"):
        if not timm.is_model(encoder.removeprefix("tu-")):
            raise SynthemError(
                f"model {spec.name}: timm has no encoder {encoder.removeprefix('tu-')!r}; see timm.list_models()"
            )
    elif encoder not in get_encoder_names() and timm.is_model(encoder.removeprefix("timm-")):
        theirs = f"smp:{architecture}/tu-{encoder.removeprefix('timm-')}"
        raise SynthemError(f"model {spec.name}: encoder {encoder!r} is one of timm's; write {theirs}")
    elif encoder not in get_encoder_names():
        raise unknown_name(f"model {spec.name}: encoder", encoder, get_encoder_names())

    file = Path(weights)
    named = None if weights == "none" or file.is_file() else weights
    if named is not None and file.suffix:
        raise SynthemError(f"model {spec.name}: weights {weights}: there is no such file; check the name")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = known[architecture.lower()](
                encoder_name=encoder, encoder_weights=named, in_channels=channels, classes=classes
            )
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        remedy = (
            f"can't be had ({reason}); without a network save the encoder's weights to a file and write weights=FILE"
            if named is not None
            else f"can't be built ({reason}); choose another encoder"
        )
        what = f"weights {named}" if named is not None else "this pair"
        raise SynthemError(f"model {spec.name}: {what} {remedy}") from None
    if file.is_file():
        _load_encoder(model.encoder, file, channels)
    model.multiple = 32
    return cast(nn.Module, model)


def _load_encoder(encoder: nn.Module, file: Path, channels: int) -> None:
    """Fill an encoder from a file of its weights (safetensors, or a state dict of tensors that torch saved).

    Weights for three colours serve another number of channels: summed for one, repeated and rescaled for more.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            held = load_file(file)
        else:
            held = torch.load(file, map_location="cpu", weights_only=True)
        held = {k.removeprefix("encoder."): v for k, v in held.items()}
        wanted = encoder.state_dict()
        for key, weight in held.items():
            if key in wanted and weight.ndim == 4 and weight.shape[1] == 3 and wanted[key].shape[1] == channels != 3:
                held[key] = _for_channels(weight, channels)
        encoder.load_state_dict(held)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise SynthemError(
            f"{file}: doesn't fit the encoder ({reason}); name a file of this encoder's weights"
        ) from None


def _for_channels(weight: Tensor, channels: int) -> Tensor:
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return weight[:, [i % 3 for i in range(channels)]] * (3 / channels)
