"""``fairlearn-fwh audit``: a file of predictions, checked for harm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..audit._audit import Audit
from ..audit._sample_report import SampleReport
from ..audit._writing import write_files
from ..files import Dialect, measure_file
from ..metrics._core._names import printable
from ._columns import EachOnce, character, check_paths, given, labelled, not_empty, several
from ._failure import said_warnings, status_of_failures
from ._losses import read_losses
from ._options import (
    JUDGING,
    MARGINS,
    READING,
    REPORTS,
    SAYING,
    SEVERAL_LOSSES,
    WEIGHT,
    Y_PRED,
    read_fail_on,
    with_options,
)
from ._samples import check_paired, check_unpaired, compare_files
from ._terminal import say, show


@click.command(cls=EachOnce)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--y-true", required=True, callback=not_empty, help="Column with the true labels.")
@Y_PRED
@click.option(
    "--pooled",
    callback=not_empty,
    help="Column with the predictions of the pooled classifier or of any baseline.",
)
@click.option(
    "--by-group",
    callback=several,
    help="Columns with the predictions of every group's classifier: c1,c2 or label=c1,label=c2.",
)
@click.option("--groups", callback=several, help="Column with the group whose classifier each person got.")
@click.option(
    "--sensitive", callback=several, help="Columns whose intersections are audited; by default --groups."
)
@MARGINS
@click.option(
    "--unit",
    callback=several,
    help="Column that says whose rows belong together: a person who appears several times.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="File with the predictions about other people before; with --unpaired, instead of --pooled.",
)
@click.option(
    "--unpaired",
    is_flag=True,
    help="Compare the risks of groups with those of other people in --baseline.",
)
@click.option(
    "--randomized",
    is_flag=True,
    help="It was left to chance who is in which file; for --unpaired.",
)
@with_options(WEIGHT, *SEVERAL_LOSSES, *JUDGING, *SAYING, *READING, *REPORTS)
def audit(
    predictions: Path,
    y_true: str,
    y_pred: str | None,
    pooled: str | None,
    by_group: list[str] | None,
    groups: list[str] | None,
    sensitive: list[str] | None,
    margins: bool,
    unit: list[str] | None,
    baseline: Path | None,
    unpaired: bool,
    randomized: bool,
    weight: str | None,
    loss: list[str],
    pos_label: tuple[str, ...],
    cost: tuple[tuple[str, str, float], ...],
    loss_limit: float | None,
    tolerance: float,
    harm_margin: float,
    alpha: float,
    min_group_size: int,
    fail_on: str | None,
    require: str | None,
    engine: str,
    labels: list[str] | None,
    delimiter: str,
    quote: str,
    null: tuple[str, ...],
    html: Path | None,
    json_file: Path | None,
) -> None:
    """Audit the PREDICTIONS in a CSV or Parquet file for harm.

    Exit status: 0 passed, 1 harm (with --fail-on envy also envy), 3 undecided (with --fail-on undecided: harm is neither found nor ruled out), 2 if the
    input cannot be used or anything fails. The file must hold people who took no part in fitting or choosing the classifiers.

    With --unpaired the risks of groups are compared with those of other people, in --baseline: status 1 if one is higher.

    A CSV file is read as RFC 4180 in UTF-8; nothing is guessed. Groups and text labels are text, as spelled; labels are numbers if all of
    them are; an empty field is a missing value, and missing values are refused.
    """
    with status_of_failures():
        check_paths(predictions, baseline, outputs=(html, json_file))
        failing = read_fail_on(fail_on, require)
        reading: dict[str, Any] = {
            "y_true": y_true,
            **read_losses(loss, pos_label, cost),
            "loss_limit": loss_limit,
            "labels": labels,
            "engine": engine,
            "dialect": Dialect(delimiter=character(delimiter), quote=quote, null=tuple(null)),
            "sensitive_features": sensitive,
        }
        roles: dict[str, Any] = {
            "--pooled": pooled,
            "--by-group": by_group,
            "--groups": groups,
            "--unit": unit,
        }
        roles |= {"--weight": weight, "--margins": margins, "--tolerance": given("tolerance")}
        if unpaired:
            column, before = check_unpaired(y_pred, baseline, roles, failing)
            with said_warnings():
                report: Audit | SampleReport = compare_files(
                    predictions, before, reading, y_pred=column, alpha=alpha, margin=harm_margin, randomized=randomized, min_group_size=min_group_size,
                )  # fmt: skip
        else:
            check_paired(pooled, baseline, randomized=randomized)
            with said_warnings():
                frame = measure_file(
                    predictions, y_pred=y_pred, y_pred_pooled=str(pooled), y_pred_by_group=labelled(by_group),
                    groups=groups, sample_weight=weight, units=unit, **reading,
                )  # fmt: skip
                report = Audit(
                    frame.over() if margins else frame,
                    tolerance=tolerance,
                    alpha=alpha,
                    min_group_size=min_group_size,
                    harm_margin=harm_margin,
                    source=predictions.name,
                )
        if not (sensitive or groups):
            say("Neither --sensitive nor --groups is given: everybody is one group.", err=True)
        files = {html: report.to_html()} if html else {}
        parts = {path.name: text for path, text in files.items()}
        files |= {json_file: report.to_json(parts)} if json_file else {}
        write_files(files)
    show(report, printable(predictions.name))
    for path in files:
        say(f"Written: {path}")
    sys.exit(report.exit_status(failing))
