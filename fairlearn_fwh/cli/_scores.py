"""What ``audit --scores`` compares: two scores that rank the same people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..audit._policy import Policy
from ..audit._ranking_report import RankingReport
from ..files import rank_file
from ._columns import given, of_policy
from ._losses import only_label
from ._options import read_reading, refuse
from ._predictions import read_key


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
    if fail_on == "envy":
        raise ValueError("--fail-on envy does not apply to --scores, which are compared with one baseline.")
