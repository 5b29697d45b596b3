"""Training and prediction against a plain PyTorch loop; prints JSON.

    python benchmarks/training.py [--model tiny-unet] [--size 256] [--batch 8] [--rounds 5] [--precision auto]

Both sides have the same model, loss, optimizer, augmentation with the same parameters, threads, and tensors in memory.
The plain loop is what one writes first: float32, the default memory layout, augmentation of images and masks by
`affine_grid` and `grid_sample`, each window of a layer predicted and added up. The sides take turns, each in a process
of its own, so that a busy machine slows both; the figure of each is the best of the rounds. On a GPU the
device's time is taken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from synthem.classes import SIX
from synthem.evaluate import predict_layers
from synthem.models import build_model, count_parameters
from synthem.models.machine import Machine, Precision, training_layout
from synthem.seeds import stream
from synthem.tiles.samples import Samples
from synthem.train import Augment, TrainConfig, parse_loss
from synthem.train.data import Resident
from synthem.train.step import Step

STEPS = 3
"""Training steps of a round."""


def samples(n: int, height: int, width: int) -> Samples:
    """Random images and masks; what they show doesn't change the time."""
    rng = stream(0, "benchmark", n)
    images = rng.integers(0, 256, (n, 1, height, width), dtype=np.uint8)
    stored = rng.integers(0, 64, (n, height, width), dtype=np.uint8)
    return Samples(images, stored, SIX, np.ones((n, 6), bool), [str(i) for i in range(n)])


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that work takes on its device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def ours(options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """A training round, the augmentation in it, and a layer's prediction as this package does them."""
    machine = Machine.pick(options.device, options.precision)
    config = TrainConfig(batch=options.batch, compile=options.compile)
    model = build_model(options.model, 1, 6).to(machine.device)
    model = model.to(memory_format=training_layout(model, machine.device)).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr, fused=machine.device.type == "cuda")
    loss = parse_loss("dice", SIX.names).to(machine.device)
    data = Resident(samples(options.batch * 2, options.size, options.size), machine.device)
    step = Step(model, optimizer, loss, data, config, machine)
    index = torch.arange(options.batch, device=machine.device)
    drawn = config.augment.draw(options.batch, options.size, options.size, 0, "benchmark").tensors(machine.device)
    layer = samples(1, 768, 1024)

    def train() -> None:
        model.train()
        for _ in range(options.steps):
            step(index, drawn)

    def augment() -> None:
        for _ in range(options.steps):
            images, masks, _ = data.batch(index)
            config.augment.apply(images, masks, drawn)

    def predict() -> None:
        list(predict_layers(model, layer, window=options.size, batch=options.batch, machine=machine))

    def round_of(work: Callable[[], None]) -> Callable[[], float]:
        return lambda: timed(work, machine.device)

    return {"train": round_of(train), "augment": round_of(augment), "predict": round_of(predict)}


def plain(options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """The same training round and prediction, written plainly."""
    device = torch.device("cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu")
    model = build_model(options.model, 1, 6).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    held = samples(options.batch * 2, options.size, options.size)
    images = (torch.from_numpy(held.images) / 255).to(device)
    masks = torch.from_numpy(held.masks).float().to(device)
    drawn = Augment().draw(options.batch, options.size, options.size, 0, "benchmark").tensors(device)
    layer = (torch.from_numpy(samples(1, 768, 1024).images) / 255).to(device)

    def dice_loss(logits: Tensor, true: Tensor) -> Tensor:
        found = torch.sigmoid(logits)
        shared = (found * true).sum((0, 2, 3))
        return (1 - (2 * shared + 1) / (found.sum((0, 2, 3)) + true.sum((0, 2, 3)) + 1)).mean()

    def train() -> None:
        model.train()
        for _ in range(options.steps):
            x, y = images[: options.batch], masks[: options.batch]
            grid = nn.functional.affine_grid(drawn["matrix"][:, :2], list(x.shape), align_corners=False)
            x = nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
            y = nn.functional.grid_sample(y, grid, padding_mode="border", align_corners=False).round()
            optimizer.zero_grad()
            dice_loss(model(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def predict() -> None:
        model.eval()
        total, times = torch.zeros(6, 768, 1024, device=device), torch.zeros(768, 1024, device=device)
        corners = [(y, x) for y in range(0, 768 - options.size + 1, options.size // 2)
                   for x in range(0, 1024 - options.size + 1, options.size // 2)]  # fmt: skip
        with torch.no_grad():
            for first in range(0, len(corners), options.batch):
                part = corners[first : first + options.batch]
                windows = torch.cat([layer[:, :, y : y + options.size, x : x + options.size] for y, x in part])
                for (y, x), found in zip(part, torch.sigmoid(model(windows)), strict=True):
                    total[:, y : y + options.size, x : x + options.size] += found
                    times[y : y + options.size, x : x + options.size] += 1
        (total / times).cpu()

    return {"train": lambda: timed(train, device), "predict": lambda: timed(predict, device)}


def serve(side: Callable[[argparse.Namespace], dict[str, Callable[[], float]]], options: Any, pipe: Connection) -> None:
    """Run rounds in a process of its own, one after each request, until told to stop."""
    torch.set_num_threads(options.threads)
    rounds = side(options)
    for work in rounds.values():
        work()
    pipe.send("ready")
    while (name := pipe.recv()) is not None:
        pipe.send(rounds[name]())


def main() -> None:
    """Let the two sides take turns and print what they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="tiny-unet")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=get_args(Precision), help="of our side")
    parser.add_argument("--compile", action="store_true", help="our side with torch.compile")
    options = parser.parse_args()

    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name, side in (("plain", plain), ("ours", ours)):
        here, there = context.Pipe()
        context.Process(target=serve, args=(side, options, there), daemon=True).start()
        here.recv()
        pipes[name] = here
    best: dict[tuple[str, str], float] = {}
    for _ in range(options.rounds):
        for key in (
            ("plain", "train"),
            ("ours", "train"),
            ("ours", "augment"),
            ("plain", "predict"),
            ("ours", "predict"),
        ):
            pipes[key[0]].send(key[1])
            best[key] = min(best.get(key, float("inf")), pipes[key[0]].recv())
    for pipe in pipes.values():
        pipe.send(None)

    tiles = options.batch * options.steps
    machine = Machine.pick(options.device, options.precision)
    print(
        json.dumps(
            {
                "model": options.model,
                "parameters": count_parameters(build_model(options.model, 1, 6)),
                "size": options.size,
                "batch": options.batch,
                "threads": options.threads,
                "machine": str(machine),
                "train_tiles_per_s": round(tiles / best["ours", "train"], 2),
                "plain_train_tiles_per_s": round(tiles / best["plain", "train"], 2),
                "train_times_faster": round(best["plain", "train"] / best["ours", "train"], 2),
                "augmentation_share": round(best["ours", "augment"] / best["ours", "train"], 4),
                "predict_layer_s": round(best["ours", "predict"], 3),
                "plain_predict_layer_s": round(best["plain", "predict"], 3),
                "predict_times_faster": round(best["plain", "predict"] / best["ours", "predict"], 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
