"""Evaluation: whole layers predicted and stitched, counts first, then scores, intervals and pictures."""

from __future__ import annotations

from synthem.evaluate.counts import Counts, confusion, count
from synthem.evaluate.evaluation import EvaluateConfig, Evaluation, evaluate, model_file, score_tables
from synthem.evaluate.intervals import Interval, blocks, bootstrap_interval, t_interval
from synthem.evaluate.overlay import overlay
from synthem.evaluate.predict import predict_layers
from synthem.evaluate.resolution import counts_at
from synthem.evaluate.scores import SCORES, accuracy, dice, f1, iou, mean_over_layers, pooled, precision, recall
from synthem.evaluate.segments import segment_confusion
from synthem.evaluate.thresholds import choose_thresholds

__all__ = [
    "SCORES",
    "Counts",
    "EvaluateConfig",
    "Evaluation",
    "Interval",
    "accuracy",
    "blocks",
    "bootstrap_interval",
    "choose_thresholds",
    "confusion",
    "count",
    "counts_at",
    "dice",
    "evaluate",
    "f1",
    "iou",
    "mean_over_layers",
    "model_file",
    "overlay",
    "pooled",
    "precision",
    "predict_layers",
    "recall",
    "score_tables",
    "segment_confusion",
    "t_interval",
]
