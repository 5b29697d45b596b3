"""`synthem train`: a model from a mix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from synthem.cli.common import Json, Seed, finish, progress
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="train")
    def command(
        mix: Annotated[Path, typer.Argument(metavar="MIX", help="Folder of a mix, or of a dataset of equal tiles.")],
        out: Annotated[Path, typer.Option("--out", help="Folder of the run; the same run in it is gone on with.")],
        val: Annotated[
            str | None, typer.Option(metavar="DIR|SPLIT", help="What to validate on; without it nothing is.")
        ] = None,
        val_layers: Annotated[str | None, typer.Option(help="Layers of --val, a,b,c; all by default.")] = None,
        model: Annotated[
            str,
            typer.Option(help="tiny-unet, tiny-unet:widths=8-16-32, wnet, cascade, segment-cnn, smp:Unet/resnet34"),
        ] = "tiny-unet",
        epochs: Annotated[int, typer.Option(help="Times that every sample is shown.")] = 100,
        steps: Annotated[int | None, typer.Option(help="Training steps, in place of epochs.")] = None,
        batch: Annotated[int, typer.Option(help="Samples a step.")] = 8,
        lr: Annotated[float, typer.Option(help="Learning rate at the start.")] = 5e-3,
        optimizer: Annotated[Literal["adam", "adamw"], typer.Option(help="How weights are updated.")] = "adam",
        weight_decay: Annotated[float, typer.Option(help="As the optimizer defines it.")] = 0.0,
        schedule: Annotated[
            Literal["constant", "cosine", "plateau"], typer.Option(help="Course of the learning rate.")
        ] = "constant",
        patience: Annotated[
            int, typer.Option(help="Stop after so many validations without a better one; 0: never.")
        ] = 0,
        keep: Annotated[Literal["last", "best"], typer.Option(help="Epoch whose weights are kept.")] = "last",
        loss: Annotated[str, typer.Option(help="Sum of dice, bce, iou, focal: dice+0.5*bce.")] = "dice",
        classes: Annotated[
            str | None, typer.Option(help="Learn others than the mix has: axon,organelle=mitochondrion+psd.")
        ] = None,
        class_weights: Annotated[
            str | None, typer.Option(help="Weights in the loss, axon=3,psd=2; the mix's by default.")
        ] = None,
        augment: Annotated[
            str, typer.Option(help="study or none, then settings: study,contrast=0.2,resized_crop=0.5..1.")
        ] = "study",
        contrast: Annotated[
            Literal["none", "clahe"], typer.Option(help="Evens out the contrast before the model.")
        ] = "none",
        first: Annotated[
            Path | None, typer.Option(help="Run or model file of a cascade's or a segment classifier's first model.")
        ] = None,
        init: Annotated[Path | None, typer.Option(help="Run or model file whose weights to start from.")] = None,
        init_part: Annotated[Literal["whole", "encoder"], typer.Option(help="What to take from --init.")] = "whole",
        recalibrate: Annotated[
            int, typer.Option(help="Samples that batch norms are set on for prediction; 0: averages of training.")
        ] = 128,
        freeze: Annotated[
            list[str] | None, typer.Option(help="Parameters that aren't trained: 'encoder.*'; may be repeated.")
        ] = None,
        precision: Annotated[
            Literal["auto", "float32", "bfloat16"], typer.Option(help="Number format of the convolutions.")
        ] = "auto",
        device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
        compile_: Annotated[bool, typer.Option("--compile", help="Compile the model first.")] = False,
        snapshots: Annotated[
            str, typer.Option(help="Shares of the steps after which the model is kept, 0,0.25,0.5.")
        ] = "",
        deterministic: Annotated[bool, typer.Option("--deterministic", help="Deterministic algorithms only.")] = False,
        seed: Seed = 0,
        as_json: Json = False,
    ) -> None:
        """Train a model on a mix; goes on where it was interrupted."""
        from synthem.models import ModelSpec
        from synthem.tiles.hub import on_hub
        from synthem.train import TrainConfig, train
        from synthem.train.schedule import epochs_and_steps
        from synthem.train.sources import is_mix, mix_settings, open_layers, open_samples

        settings = mix_settings(mix, classes or ())
        config = TrainConfig(
            epochs=epochs,
            steps=steps,
            batch=batch,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            schedule=schedule,
            patience=patience,
            keep=keep,
            loss=loss,
            classes=classes or (),  # type: ignore[arg-type]
            class_weights=settings["class_weights"] if class_weights is None else _weights(class_weights),
            augment=augment,  # type: ignore[arg-type]
            contrast=contrast,
            nm_per_px=settings["nm_per_px"],
            init="" if init is None else str(init),
            first="" if first is None else str(first),
            init_part=init_part,
            recalibrate=recalibrate,
            freeze=tuple(freeze or ()),
            precision=precision,
            seed=seed,
            snapshots=_shares(snapshots),
            deterministic=deterministic,
            device=device,
            compile=compile_,
        )
        samples = open_samples(mix)
        validation = None
        if val_layers is not None and val is None:
            raise SynthemError("--val-layers: name the dataset that holds them with --val")
        if val is not None and is_mix(val):
            validation = open_samples(val)
        elif val is not None:
            folder, split = (Path(val), None) if Path(val).is_dir() or on_hub(val) else (mix, val)
            names = val_layers.split(",") if val_layers else ()
            try:
                validation = open_layers(folder, split, names, settings["nm_per_px"])
            except SynthemError as error:
                raise SynthemError(f"--val {val}: is no folder, and {error}") if split else error from None
        _, _, total = epochs_and_steps(config, len(samples))
        known = steps is not None or not ModelSpec.parse(model).on_segments
        with progress("train", total if known else None, "steps", quiet=as_json) as advance:
            run = train(samples, validation, model, config, out, advance=advance)
        summary = {key: value for key, value in run.summary.items() if key != "history"}
        last = run.history[run.summary["kept_epoch"] - 1]
        scores = last["validation_dice"] or last["train_dice"]
        shown = ", ".join(f"{name} {'–' if score is None else f'{score:.3f}'}" for name, score in scores.items())
        finish(
            {"folder": str(out), **summary, "last": last},
            as_json=as_json,
            lines=[
                f"{out}: {summary['epochs']} epochs, {summary['steps']} steps in {summary['seconds']:.0f} s",
                f"Dice in {'validation' if last['validation_dice'] else 'training'}: {shown}",
            ],
        )


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part)
    except ValueError:
        raise SynthemError(f"--snapshots {text}: write 0,0.25,0.5,1") from None


def _weights(text: str) -> dict[str, float]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    try:
        return {name.strip(): float(value) for name, _, value in pairs}
    except ValueError:
        raise SynthemError(f"--class-weights {text}: write axon=3,psd=2") from None
