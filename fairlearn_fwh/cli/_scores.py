"""What ``audit --scores`` compares: two scores that rank the same people."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..audit._policy import Policy
from ..audit._ranking_report import RankingReport
from ..files import rank_file
from ..metrics import RankingFrame
from ._columns import given, of_policy
from ._losses import only_label
from ._options import read_reading, refuse
from ._predictions import read_key
from ._reversed import warn_of_reversed_scores

#: Areas that are known to within more than this are called so.
_COARSE = 0.01


def audit_scores(predictions: Path, options: dict[str, Any], policy: Policy, fail_on: str) -> RankingReport:
    """Compare how two columns of scores rank the people of each group.

    Parameters
    ----------
    predictions : Path
    options : dict
        Those of the command.
    policy : Policy
    fail_on : str

    Raises
    ------
    ValueError
        If an option is missing or does not apply, or the file cannot be read.
    """
    _check(options, fail_on)
    frame = rank_file(
        predictions,
        score=options["scores"],
        score_pooled=options["pooled_scores"],
        pos_label=only_label(options["pos_label"]),
        **read_key(options),
        **read_reading(options),
    )
    policy.check_groups(frame, options["min_group_size"])
    _warn_of_bins(frame, options["min_group_size"])
    warn_of_reversed_scores(frame)
    return RankingReport(
        frame,
        tolerance=options["tolerance"],
        margin=options["harm_margin"],
        alpha=options["alpha"],
        min_group_size=options["min_group_size"],
        source=predictions.name,
        own=options["scores"],
        pooled=options["pooled_scores"],
    )


def _warn_of_bins(frame: RankingFrame, min_group_size: int) -> None:
    """Warn where scores of a group share so few bins that its areas are hardly known."""
    shown = frame.by_group[frame.by_group["n"] >= min_group_size]
    coarse = shown["binning_error"][shown["binning_error"] > _COARSE]
    if len(coarse):
        warnings.warn(
            f"the areas under the ROC curve of {len(coarse)} group(s) are known to within {coarse.max():.2g} only, because their scores lie in few of the bins in which "
            "rows are counted. Write the scores as ranks within each group, which changes none of these areas.",
            stacklevel=2,
        )


def _check(options: dict[str, Any], fail_on: str) -> None:
    for name in ("scores", "pooled_scores"):
        if options[name] is None:
            raise ValueError(
                f"--{name.replace('_', '-')} is missing: a ranking is compared by --scores and --pooled-scores, a column each."
            )
    refuse(
        {
            "--y-pred": options["y_pred"] and not of_policy("y_pred"),
            "--pooled": options["pooled"] and not of_policy("pooled"),
            "--by-group": options["by_group"],
            "--groups": options["groups"],
            "--unit": options["unit"],
            "--weight": options["weight"],
            "--margins": options["margins"],
            "--unpaired": options["unpaired"],
            "--randomized": options["randomized"],
            "--loss": given("loss"),
            "--cost": given("cost"),
            "--loss-limit": given("loss_limit"),
            "--labels": given("labels"),
        },
        "--scores, which compares how two columns of numbers rank the people of a group",
    )
    if unused := [name for name in ("loss", "cost", "loss_limit", "labels") if of_policy(name)]:
        names = ", ".join(name.replace("_", "-") for name in unused)
        warnings.warn(
            f"--scores compares areas under the ROC curve and does not use the policy's {names}.",
            stacklevel=2,
        )
    if fail_on == "envy":
        raise ValueError("--fail-on envy does not apply to --scores, which are compared with one baseline.")
