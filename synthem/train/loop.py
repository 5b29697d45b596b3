"""Training: one loop from samples to a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthem.errors import SynthemError
from synthem.models import ModelSpec, StoredModel, build_model, count_parameters, load_model, logits
from synthem.models.files import write_json
from synthem.models.machine import Machine, training_layout
from synthem.models.store import read_tensors, write_model
from synthem.seeds import stream
from synthem.tiles.samples import Samples
from synthem.train import initial
from synthem.train.config import WHERE, TrainConfig
from synthem.train.curves import write_curves
from synthem.train.data import Resident, digest
from synthem.train.groups import regroup
from synthem.train.lesson import Lesson, lesson
from synthem.train.losses import Loss, parse_loss
from synthem.train.norms import recalibrate
from synthem.train.run import Progress, Run, check_folder, claimed, load_checkpoint, save_checkpoint
from synthem.train.schedule import best_epoch, epochs_and_steps, learning_rate, should_stop
from synthem.train.scores import by_class
from synthem.train.snapshots import Snapshots
from synthem.train.step import Step, asked, count

_CHECK_EVERY = 50
"""Steps between looks at the losses: each look waits for the device."""


def train(
    samples: Samples,
    val: Samples | None,
    model: ModelSpec | str | Mapping[str, Any],
    config: TrainConfig | Mapping[str, Any],
    out: str | Path,
    *,
    advance: Callable[[int], object] | None = None,
) -> Run:
    """Train a model on samples, into a folder.

    A folder that holds the same run is gone on with from its last finished epoch, or found done. An interrupted run
    that goes on ends with the same weights as an uninterrupted one on the same machine with as many threads.

    Args:
        samples: to learn from.
        val: to validate on, of any size, such as whole layers; None for no validation.
        model: see `ModelSpec`.
        config: see `TrainConfig`.
        out: the run's folder; see `synthem.train.run`.
        advance: called with the number of steps done since the last call.

    Raises:
        SynthemError: samples, settings or a folder that don't fit, another process in the folder, a damaged checkpoint,
            or a loss or weights that aren't finite.
    """
    spec, config, folder = ModelSpec.parse(model), TrainConfig.parse(config), Path(out)
    machine = Machine.pick(config.device, config.precision)
    samples, val = regroup(samples, config.classes), None if val is None else regroup(val, config.classes)
    _check(samples, val, config)
    loss = parse_loss(config.loss, samples.classes.names, config.class_weights).to(machine.device)
    identity = _identity(samples, val, spec, config)
    check_folder(folder, identity)
    if (folder / "training.json").is_file():
        return Run.open(folder)

    classes, channels = samples.classes, samples.images.shape[1]
    first = load_model(initial.weights_file(config.first, "first")) if config.first else None
    network = build_model(spec, channels, len(classes), seed=config.seed, pretrained=not config.init, first=first)
    if first is not None:
        _check_alike(first, config)
    if config.init:
        initial.load(network, config.init, config.init_part)
    frozen = initial.freeze(network, config.freeze)
    network = network.to(machine.device).to(memory_format=training_layout(network, machine.device))
    optimizer = _optimizer(network, config, machine.device)
    taught = lesson(network, samples, val, config, machine)
    stored = StoredModel(network, spec, channels, classes, {}, first)
    with claimed(folder, identity):
        if not (folder / "training.json").is_file():
            _carry_out(folder, stored, taught, config, loss, optimizer, frozen, machine, advance)
    return Run.open(folder)


def _carry_out(
    folder: Path,
    stored: StoredModel,
    taught: Lesson,
    config: TrainConfig,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    frozen: Sequence[nn.Module],
    machine: Machine,
    advance: Callable[[int], object] | None,
) -> None:
    """Train from the checkpoint, or from the beginning, to the end."""
    network, samples, val = stored.model, taught.samples, taught.val
    about = {"contrast": config.contrast, "nm_per_px": config.nm_per_px, "groups": config.to_json()["classes"]}

    def settle() -> None:
        if optimizer.state:  # before the first step a network is what it came as
            recalibrate(taught.network, data, frozen, config, machine)

    def save(path: Path, **more: Any) -> None:
        settle()
        write_model(path, replace(stored, extra={**about, **more}))

    checkpoint, best = folder / "checkpoint.safetensors", folder / "best.safetensors"
    progress = load_checkpoint(checkpoint, network, optimizer) if checkpoint.exists() else Progress([])
    data = Resident(samples, machine.device, taught.contrast)
    step = Step(taught.network, optimizer, loss, data, config, machine)
    validation = None if val is None else Resident(val, machine.device, taught.contrast)
    epochs, each, total = epochs_and_steps(config, len(samples))
    snapshots = Snapshots(folder, config.snapshots, total, save)
    if not progress.history:
        snapshots(0)
    if advance:
        advance(min(len(progress.history) * each, total))

    with _deterministic(config.deterministic):
        while len(progress.history) < epochs and not should_stop(config, progress.history):
            began = time.monotonic()
            epoch = len(progress.history)
            row = _epoch(step, samples, config, frozen, epoch, progress.history, snapshots, advance)
            row |= {"validation_loss": None, "validation_dice": None, "validation_counts": None}
            if validation is not None and ((epoch + 1) % config.validate_every == 0 or epoch + 1 == epochs):
                settle()
                pixels = config.batch * samples.stored[0].size
                row |= _validate(taught.network, loss, validation, samples.classes.names, pixels, machine)
            progress.history.append(row)
            if config.keep == "best" and best_epoch(progress.history) == epoch:
                save(best, epoch=epoch + 1)
            progress.seconds += time.monotonic() - began
            save_checkpoint(checkpoint, network, optimizer, progress)

    kept = len(progress.history)
    if config.keep == "best":
        weights, written = read_tensors(best)
        network.load_state_dict(weights)
        kept = int(written["extra"]["epoch"])
    save(folder / "model.safetensors")
    write_curves(folder, progress.history, stored.classes)
    summary = {
        "epochs": len(progress.history),
        "steps": progress.history[-1]["step"],
        "kept_epoch": kept,
        "scores": {part: _scores(progress.history[kept - 1][f"{part}_counts"]) for part in ("train", "validation")},
        "parameters": count_parameters(network),
        "samples": len(samples),
        "seconds": round(progress.seconds, 3),
        "machine": str(machine),
        "torch": torch.__version__,
        "history": progress.history,
    }
    write_json(folder / "training.json", summary)
    checkpoint.unlink(missing_ok=True)
    best.unlink(missing_ok=True)


def train_stages(
    stages: Sequence[tuple[Samples, TrainConfig | Mapping[str, Any]]],
    val: Samples | None,
    model: ModelSpec | str | Mapping[str, Any],
    out: str | Path,
    *,
    advance: Callable[[int], object] | None = None,
) -> Run:
    """Train in stages, such as first on synthetic tiles, then on real layers; gives the last stage's run.

    Each stage is a run in `out/stage-1`, `out/stage-2`, …, and starts from the whole model of the one before unless its
    configuration names another start.

    Raises:
        SynthemError: no stages, or what `train` raises.
    """
    if not stages:
        raise SynthemError(f"{out}: there are no stages; give at least one")
    run: Run | None = None
    for i, (samples, given) in enumerate(stages, start=1):
        settings = TrainConfig.parse(given).to_json()
        if run is not None and not settings["init"]:
            settings["init"] = str(run.folder)
        run = train(samples, val, model, settings, Path(out) / f"stage-{i}", advance=advance)
    assert run is not None
    return run


def _epoch(
    step: Step,
    samples: Samples,
    config: TrainConfig,
    frozen: Sequence[nn.Module],
    epoch: int,
    history: Sequence[Mapping[str, Any]],
    snapshots: Snapshots,
    advance: Callable[[int], object] | None,
) -> dict[str, Any]:
    """Train for one epoch; its row of the history. Everything random comes from streams of this epoch."""
    device, batch = step.machine.device, min(config.batch, len(samples))
    _, each, total = epochs_and_steps(config, len(samples))
    first = epoch * each
    steps = min(each, total - first)
    order = stream(config.seed, "order", epoch).permutation(len(samples))[: steps * batch]
    index = torch.from_numpy(order).view(steps, batch)
    on_device = index.to(device)
    height, width = samples.images.shape[-2:]
    drawn = config.augment.draw(len(order), height, width, config.seed, "augment", epoch).tensors(device)
    noise = torch.Generator(device).manual_seed(_torch_seed(config, "noise", epoch))

    step.network.train()
    for module in frozen:
        module.eval()
    step.counts = None
    losses: list[Tensor] = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(_torch_seed(config, "dropout", epoch))
        for i in range(steps):
            for group in step.optimizer.param_groups:
                group["lr"] = learning_rate(config, first + i, total, history)
            part = {name: values[i * batch : (i + 1) * batch] for name, values in drawn.items()}
            losses.append(step(on_device[i], part, noise))
            snapshots(first + i + 1)
            if advance:
                advance(1)
            if (i + 1) % _CHECK_EVERY == 0 or i + 1 == steps:
                _check_finite(losses, index, epoch)
    if not torch.stack([p.isfinite().all() for p in step.network.parameters()]).all():
        raise SynthemError(
            f"training: weights are no longer finite after epoch {epoch + 1}, step {steps}, on samples "
            f"{_listed(index[-1])}; look at these samples, or lower the learning rate"
        )
    return {
        "epoch": epoch + 1,
        "step": first + steps,
        "lr": learning_rate(config, first + steps - 1, total, history),
        "train_loss": torch.stack(losses).double().mean().item(),
        **_counted("train", step.counts, samples.classes.names),
    }


def _check_finite(losses: Sequence[Tensor], index: Tensor, epoch: int) -> None:
    bad = (~torch.stack(list(losses)).isfinite()).nonzero()
    if len(bad):
        i = int(bad[0])
        raise SynthemError(
            f"training: the loss is {losses[i].item()} in epoch {epoch + 1}, step {i + 1}, on samples "
            f"{_listed(index[i])}; look at these samples, or lower the learning rate"
        )


def _listed(samples: Tensor) -> str:
    return ", ".join(map(str, samples.tolist()))


def _validate(
    network: nn.Module, loss: Loss, data: Resident, names: Sequence[str], pixels: int, machine: Machine
) -> dict[str, Any]:
    """Loss, counts and Dice of each class, without augmentation, `pixels` at a time."""
    network.eval()
    chunk = max(1, pixels // data.pixels)
    losses: list[Tensor] = []
    counts: Tensor | None = None
    with torch.inference_mode():
        for first in range(0, len(data), chunk):
            index = torch.arange(first, min(first + chunk, len(data)), device=machine.device)
            images, masks, known = data.batch(index)
            with machine.autocast():
                output = logits(network, images.contiguous(memory_format=torch.channels_last))
            masks = asked(masks, output)
            losses.append(loss(output, masks, known) * len(index))
            part = count(output, masks, known)
            counts = part if counts is None else counts + part
    return {
        "validation_loss": torch.stack(losses).double().sum().item() / len(data),
        **_counted("validation", counts, names),
    }


def _counted(part: str, counts: Tensor | None, names: Sequence[str]) -> dict[str, Any]:
    """tp, fp, fn, tn and Dice of each class by name; no Dice where it is neither there nor predicted."""
    assert counts is not None
    held = dict(zip(names, counts.T.tolist(), strict=True))
    dice = {name: scores["dice"] for name, scores in by_class(held).items()}
    return {f"{part}_dice": dice, f"{part}_counts": held}


def _scores(counts: Mapping[str, Sequence[int]] | None) -> dict[str, dict[str, float | None]] | None:
    return None if counts is None else by_class(counts)


def _optimizer(network: nn.Module, config: TrainConfig, device: torch.device) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    trained = [p for p in network.parameters() if p.requires_grad]
    made: torch.optim.Optimizer = kind(
        trained, lr=config.lr, weight_decay=config.weight_decay, fused=device.type == "cuda"
    )
    return made


def _torch_seed(config: TrainConfig, *path: str | int) -> int:
    return int(stream(config.seed, *path).integers(2**63))


def _identity(samples: Samples, val: Samples | None, spec: ModelSpec, config: TrainConfig) -> dict[str, Any]:
    settings = {k: v for k, v in config.to_json().items() if k not in WHERE}
    if config.init:
        settings["init"] = initial.fingerprint(config.init)
    if config.first:
        settings["first"] = initial.fingerprint(config.first, "first")

    def content(weights: str) -> str:
        return initial.fingerprint(weights, "weights") if Path(weights).is_file() else weights

    return {
        "model": spec.placed(content).to_json(),
        "channels": samples.images.shape[1],
        "classes": samples.classes.to_json(),
        "config": settings,
        "samples": digest(samples),
        "validation": None if val is None else digest(val),
    }


def _check_alike(first: StoredModel, config: TrainConfig) -> None:
    """Refuse a first model that learned from other images than it would now be shown."""
    for name in ("contrast", "nm_per_px"):
        then, now = first.extra.get(name), getattr(config, name)
        if then != now:
            raise SynthemError(f"first {config.first}: was trained with {name}={then}, not {now}; they must agree")


def _check(samples: Samples, val: Samples | None, config: TrainConfig) -> None:
    if len(samples) == 0:
        raise SynthemError("training: there are no samples; give real layers or synthetic tiles")
    config.augment.out_size(*samples.images.shape[-2:])
    if val is not None:
        if len(val) == 0:
            raise SynthemError("validation: there are no samples; give some, or leave it out")
        if val.classes.names != samples.classes.names:
            theirs, ours = ", ".join(val.classes.names), ", ".join(samples.classes.names)
            raise SynthemError(f"validation: its classes are {theirs}, those of training {ours}; they must agree")
        if val.images.shape[1] != samples.images.shape[1]:
            raise SynthemError(
                f"validation: {val.images.shape[1]} channels, in training {samples.images.shape[1]}; they must agree"
            )
    watching = [
        n for n, on in (("schedule=plateau", config.schedule == "plateau"), ("patience", config.patience)) if on
    ]
    if config.keep == "best":
        watching.append("keep=best")
    if val is None and watching:
        raise SynthemError(f"training: {watching[0]} watches the validation loss; give validation samples")


@contextmanager
def _deterministic(on: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(on or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
