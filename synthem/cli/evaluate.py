"""`synthem evaluate`: a trained model on whole layers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from synthem.cli.common import Json, finish, progress
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="evaluate")
    def command(
        run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or a model.safetensors.")],
        on: Annotated[Path, typer.Option("--on", metavar="DIR", help="Dataset with the layers.")],
        out: Annotated[Path, typer.Option("--out", help="Folder of the result.")],
        split: Annotated[str | None, typer.Option(help="Split of the dataset; all layers by default.")] = None,
        layers: Annotated[str | None, typer.Option(help="Layers by name, a,b,c.")] = None,
        nm_per_px: Annotated[
            float | None, typer.Option(help="Pixel size to bring layers to; by default the one of training.")
        ] = None,
        window: Annotated[int, typer.Option(help="Side of a window, px; 0: each layer whole.")] = 256,
        stride: Annotated[
            int | None, typer.Option(help="Step from window to window; half a window by default.")
        ] = None,
        blend: Annotated[
            Literal["smooth", "flat"], typer.Option(help="How overlapping windows are joined.")
        ] = "smooth",
        at: Annotated[
            float | None, typer.Option(help="Share of the steps: the model that was kept there; see train --snapshots.")
        ] = None,
        flips: Annotated[
            bool, typer.Option("--flips", help="Average over mirror images; four times the work.")
        ] = False,
        resolutions: Annotated[
            str,
            typer.Option(help="Score at other heights too: R1:R2 px, before the model and after, 384:768,768:768."),
        ] = "",
        segments: Annotated[
            bool, typer.Option("--segments", help="Count how whole segments are taken for each other.")
        ] = False,
        threshold: Annotated[float, typer.Option(help="Probability from which a pixel is predicted.")] = 0.5,
        thresholds_on: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Choose each class's threshold on this validation dataset.")
        ] = None,
        thresholds_split: Annotated[str | None, typer.Option(help="Split of --thresholds-on.")] = None,
        overlays: Annotated[
            str, typer.Option(help="Classes to draw over the layers, a,b,c, or all, or none.")
        ] = "none",
        batch: Annotated[int, typer.Option(help="Windows at a time.")] = 8,
        precision: Annotated[
            Literal["auto", "float32", "bfloat16"], typer.Option(help="Number format of the convolutions.")
        ] = "auto",
        device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
        as_json: Json = False,
    ) -> None:
        """Predict whole layers and score each class.

        Dice, IoU, precision, recall, F1 and accuracy.
        """
        from synthem.evaluate import EvaluateConfig, evaluate, model_file
        from synthem.models.store import read_about
        from synthem.train import Run
        from synthem.train.sources import open_layers

        config = EvaluateConfig(
            window=window or None,
            stride=stride,
            blend=blend,
            flips=flips,
            resolutions=_pairs(resolutions),
            segments=segments,
            threshold=threshold,
            batch=batch,
            precision=precision,
            device=device,
        )
        weights = model_file(run if at is None else Run.open(run).at(at))
        if nm_per_px is not None and not 0 < nm_per_px < float("inf"):
            raise SynthemError(f"--nm-per-px {nm_per_px:g}: a pixel size is above 0")
        if thresholds_split is not None and thresholds_on is None:
            raise SynthemError("--thresholds-split: name the dataset that has it with --thresholds-on")
        nm = nm_per_px or read_about(weights)["extra"].get("nm_per_px")
        samples = open_layers(on, split, layers.split(",") if layers else (), nm)
        val = None if thresholds_on is None else open_layers(thresholds_on, thresholds_split, (), nm)
        drawn = () if overlays == "none" else overlays.split(",")
        with progress("evaluate", len(samples), "layers", quiet=as_json) as advance:
            done = evaluate(weights, samples, out, config, val=val, overlays=drawn, advance=advance)
        result = done.result
        lines = [f"{out}: {len(result['layers'])} layers", f"{'class':<24}{'Dice':>8}{'mean':>8}{'IoU':>8}"]
        for name in result["classes"]:
            pooled, mean = result["pooled"][name], result["mean"][name]
            row = (pooled["dice"], mean["dice"], pooled["iou"])
            lines.append(f"{name:<24}" + "".join(f"{'–' if v is None else f'{v:.3f}':>8}" for v in row))
        for other in result["resolutions"]:
            held = ((name, scores["dice"]) for name, scores in other["pooled"].items())
            scores = ", ".join(f"{name} {'–' if dice is None else f'{dice:.3f}'}" for name, dice in held)
            lines.append(f"Dice at ({other['r1']}, {other['r2']}): {scores}")
        kept = ("layers", "classes", "thresholds", "pooled", "mean", "confusion", "segments", "resolutions", "share")
        finish({"folder": str(out), **{k: result[k] for k in kept}}, as_json=as_json, lines=lines)


def _pairs(text: str) -> tuple[tuple[int, int], ...]:
    try:
        pairs = [part.split(":") for part in text.split(",") if part]
        return tuple((int(r1), int(r2)) for r1, r2 in pairs)
    except ValueError:
        raise SynthemError(f"--resolutions {text}: write R1:R2 in px, such as 384:768,768:768") from None
