"""Warnings of labels or scores that may be coded the other way round, so that a loss looks like a gain."""

from __future__ import annotations

import warnings

from ..metrics import PreferenceFrame, RankingFrame

_REMEDY = "If not, what is called a gain is a loss."


def warn_of_reversed_labels(*frames: PreferenceFrame) -> None:
    """Warn if predictions and those of the baseline are wrong more often than right, in every frame."""
    errors = [
        frame["zero_one"] if frame.has_several_losses else frame
        for frame in frames
        if "zero_one" in frame.losses
    ]
    if errors and all(map(_is_mostly_wrong, errors)):
        warnings.warn(
            "predictions are wrong for more than half of all people, and so are the baseline's. Do predictions and truth code the two labels in the same way? "
            + _REMEDY,
            stacklevel=2,
        )


def warn_of_reversed_scores(frame: RankingFrame) -> None:
    """Warn if both scores rank people worse than chance."""
    if frame.overall[["auc", "pooled_auc"]].max() < 0.5:
        warnings.warn(
            "both scores rank people worse than chance. Are high scores for --pos-label? " + _REMEDY,
            stacklevel=2,
        )


def _is_mostly_wrong(frame: PreferenceFrame) -> bool:
    labels = frame._measured.labels
    has_two = labels is not None and len(labels.everything) == 2
    return has_two and bool(frame.overall[["risk", "pooled_risk"]].min() > 0.5)
