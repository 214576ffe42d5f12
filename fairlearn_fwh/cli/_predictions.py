"""What ``audit`` compares unless it is told otherwise: two predictions for the same people, in one file or in two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..audit._audit import Audit
from ..audit._policy import Policy
from ..files import measure_file
from ._columns import labelled, of_policy
from ._losses import read_judged
from ._options import read_reading
from ._reversed import warn_of_reversed_labels
from ._subjects import subject_of


def audit_predictions(predictions: Path, options: dict[str, Any], policy: Policy, fail_on: str) -> Audit:
    """Compare what people got with what the pooled classifier, or any baseline, says of them.

    Parameters
    ----------
    predictions : Path
    options : dict
        Those of the command.
    policy : Policy
    fail_on : str
        Not needed: an audit of predictions can fail on anything.

    Raises
    ------
    ValueError
        If an option is missing or does not apply, or a file cannot be read.
    """
    _check(options)
    frame = measure_file(
        predictions,
        y_pred=options["y_pred"],
        y_pred_pooled=options["pooled"],
        y_pred_by_group=labelled(options["by_group"]),
        groups=options["groups"],
        sample_weight=options["weight"],
        units=options["unit"],
        **read_key(options),
        **read_judged(options),
        **read_reading(options),
    )
    frame = frame.over() if options["margins"] else frame
    policy.check_groups(frame, options["min_group_size"])
    warn_of_reversed_labels(frame)
    return Audit(
        frame,
        tolerance=options["tolerance"],
        harm_margin=options["harm_margin"],
        alpha=options["alpha"],
        min_group_size=options["min_group_size"],
        subject=subject_of(
            predictions,
            options["baseline"],
            y_true=options["y_true"],
            own=options["y_pred"],
            pooled=options["pooled"],
            policy=policy.to_dict(),
        ),
    )


def read_key(options: dict[str, Any]) -> dict[str, Any]:
    """The other file and the key that joins it, as parameters of `measure_file` and `rank_file`; without such a file the key of a policy is not needed."""
    is_alone = options["baseline"] is None
    return {
        "baseline": options["baseline"],
        "on": None if is_alone and of_policy("on") else options["on"],
        "allow_unmatched": options["allow_unmatched"],
    }


def _check(options: dict[str, Any]) -> None:
    key = read_key(options)
    if options["randomized"]:
        raise ValueError(
            "--randomized is for --unpaired, which compares the risks of different people; give it, or leave it out."
        )
    if key["baseline"] is not None and not key["on"]:
        raise ValueError(
            "--baseline needs exactly one of --on (the files are about the same people: the columns of the key) and --unpaired (other people)."
        )
    if key["baseline"] is None and (key["on"] or key["allow_unmatched"]):
        raise ValueError(
            "--on and --allow-unmatched are for --baseline, the file with the predictions of the baseline; give it, or leave them out."
        )
    if options["pooled"] is None:
        raise ValueError(
            "--pooled is missing: the column with the predictions of the pooled classifier or of any baseline. In another file it is a column of --baseline."
        )
