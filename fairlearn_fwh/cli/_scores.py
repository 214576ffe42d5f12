"""What ``audit --scores`` compares: two scores that rank the same people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..audit._policy import Policy
from ..audit._ranking_report import RankingReport
from ..files import rank_file


def check_scores(
    scores: str | None, pooled_scores: str | None, others: dict[str, Any], fail_on: str
) -> tuple[str, str]:
    """Return both columns of scores; raise ValueError if one is missing, or something else is given that does not apply.

    Parameters
    ----------
    scores, pooled_scores : str or None
    others : dict from option to value
        Options that do not apply.
    fail_on : str
    """
    if scores is None or pooled_scores is None:
        missing = "--scores" if scores is None else "--pooled-scores"
        raise ValueError(
            f"{missing} is missing: a ranking is compared by --scores and --pooled-scores, a column each."
        )
    if given := [option for option, value in others.items() if value]:
        raise ValueError(
            f"{given[0]} does not apply to --scores, which compares how two columns of numbers rank the people of a group; leave it out."
        )
    if fail_on == "envy":
        raise ValueError("--fail-on envy does not apply to --scores, which are compared with one baseline.")
    return scores, pooled_scores


def rank(
    predictions: Path,
    scores: str,
    pooled_scores: str,
    reading: dict[str, Any],
    policy: Policy,
    *,
    tolerance: float,
    margin: float,
    alpha: float,
    min_group_size: int,
) -> RankingReport:
    """Compare two columns of scores; `reading` are parameters of `rank_file`."""
    frame = rank_file(predictions, score=scores, score_pooled=pooled_scores, **reading)
    policy.check_groups(frame, min_group_size)
    return RankingReport(
        frame,
        tolerance=tolerance,
        margin=margin,
        alpha=alpha,
        min_group_size=min_group_size,
        source=predictions.name,
        own=scores,
        pooled=pooled_scores,
    )
