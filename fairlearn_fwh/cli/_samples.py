"""What ``audit --unpaired`` compares: files about different people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..audit._policy import Policy
from ..audit._sample_report import SampleReport
from ..files._measure import measure_new
from ..metrics._core._losses import Loss
from ..metrics._core._named_losses import resolve_losses
from ..metrics._engines._columns import Columns
from ._columns import given, of_policy
from ._losses import read_judged
from ._options import read_reading, refuse
from ._reversed import warn_of_reversed_labels


def audit_samples(predictions: Path, options: dict[str, Any], policy: Policy, fail_on: str) -> SampleReport:
    """Compare the risks of groups with those of other people, in another file; both must have the groups that a policy requires.

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
        If an option is missing or does not apply, or a file cannot be read.
    """
    _check(options, fail_on)
    reading, judged = read_reading(options), read_judged(options)
    loss = resolve_losses(*(judged.pop(name) for name in ("loss", "loss_limit", "pos_label")))
    if not isinstance(loss, Loss):
        raise ValueError("--unpaired compares one loss; name a single one in --loss.")
    columns = Columns.of_one_model(
        y_pred=options["y_pred"], **{name: reading.pop(name) for name in ("y_true", "sensitive_features")}
    )
    paths = (predictions, options["baseline"])
    try:
        frames = [measure_new(path, columns, loss, **judged, **reading)[0] for path in paths]
    except ValueError as error:
        raise ValueError(str(error).replace("y_pred_pooled", "y_pred")) from error
    for frame in frames:
        policy.check_groups(frame, options["min_group_size"])
    warn_of_reversed_labels(*frames)
    new, old = (path.name for path in paths)
    return SampleReport(
        *frames,
        source=new,
        baseline=old,
        margin=options["harm_margin"],
        randomized=options["randomized"],
        alpha=options["alpha"],
        min_group_size=options["min_group_size"],
    )


def _check(options: dict[str, Any], fail_on: str) -> None:
    if options["baseline"] is None:
        raise ValueError("--unpaired needs --baseline, the file about the people before.")
    if options["y_pred"] is None:
        raise ValueError("--unpaired needs --y-pred, the column with what people got, in both files.")
    refuse(
        {
            "--pooled": options["pooled"] and not of_policy("pooled"),
            "--by-group": options["by_group"],
            "--groups": options["groups"],
            "--unit": options["unit"],
            "--weight": options["weight"],
            "--on": options["on"] and not of_policy("on"),
            "--margins": options["margins"],
            "--tolerance": given("tolerance") or of_policy("tolerance"),
            "--allow-unmatched": options["allow_unmatched"],
        },
        "--unpaired, which compares what different people got",
    )
    if fail_on != "harm":
        raise ValueError(
            "--fail-on undecided or envy does not apply to --unpaired: other people cannot show that a model is no worse."
        )
