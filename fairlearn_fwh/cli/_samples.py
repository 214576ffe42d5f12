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


def check_paired(
    pooled: str | None,
    baseline: Path | None,
    on: list[str] | None,
    *,
    randomized: bool,
    allow_unmatched: bool,
) -> None:
    """Raise ValueError unless the options are those of people who have the predictions of both models, in one file or in two."""
    if randomized:
        raise ValueError(
            "--randomized is for --unpaired, which compares the risks of different people; give it, or leave it out."
        )
    if baseline is not None and not on:
        raise ValueError(
            "--baseline needs exactly one of --on (the files are about the same people: the columns of the key) and --unpaired (other people)."
        )
    if baseline is None and (on or allow_unmatched):
        raise ValueError(
            "--on and --allow-unmatched are for --baseline, the file with the predictions of the baseline; give it, or leave them out."
        )
    if pooled is None:
        raise ValueError(
            "--pooled is missing: the column with the predictions of the pooled classifier or of any baseline. In another file it is a column of --baseline."
        )


def check_unpaired(
    y_pred: str | None, baseline: Path | None, roles: dict[str, Any], fail_on: str
) -> tuple[str, Path]:
    """Return what is needed of the options of two files about different people; raise ValueError if something is missing or does not apply."""
    if baseline is None:
        raise ValueError("--unpaired needs --baseline, the file about the people before.")
    if y_pred is None:
        raise ValueError("--unpaired needs --y-pred, the column with what people got, in both files.")
    if given := [option for option, value in roles.items() if value]:
        raise ValueError(
            f"{given[0]} does not apply to --unpaired, which compares what different people got; leave it out."
        )
    if fail_on != "harm":
        raise ValueError(
            "--fail-on undecided or envy does not apply to --unpaired: other people cannot show that a model is no worse."
        )
    return y_pred, baseline


def compare_files(
    new: Path, old: Path, reading: dict[str, Any], policy: Policy, *, y_pred: str, **settings: Any
) -> SampleReport:
    """Compare two files, both of which must have the groups that a policy requires; `settings` are those of `SampleReport`."""
    reading = dict(reading)
    names = {name: reading.pop(name) for name in ("y_true", "sensitive_features")}
    loss = resolve_losses(*(reading.pop(name) for name in ("loss", "loss_limit", "pos_label")))
    if not isinstance(loss, Loss):
        raise ValueError("--unpaired compares one loss; name a single one in --loss.")
    columns = Columns.of_one_model(y_pred=y_pred, **names)
    try:
        frames = [measure_new(path, columns, loss, **reading)[0] for path in (new, old)]
    except ValueError as error:
        raise ValueError(str(error).replace("y_pred_pooled", "y_pred")) from error
    for frame in frames:
        policy.check_groups(frame, settings["min_group_size"])
    return SampleReport(*frames, source=new.name, baseline=old.name, **settings)
