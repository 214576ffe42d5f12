"""``fairlearn-fwh audit``: a file of predictions, checked for harm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..audit._audit import Audit
from ..audit._policy import Policy
from ..audit._ranking_report import RankingReport
from ..audit._sample_report import SampleReport
from ..files import Dialect, measure_file
from ._columns import (
    EachOnce,
    character,
    check_paths,
    given,
    labelled,
    not_empty,
    of_policy,
    overridden,
    several,
)
from ._failure import said_warnings, status_of_failures
from ._losses import read_losses
from ._options import (
    JUDGING,
    MARGINS,
    MORE_REPORTS,
    READING,
    REPORTS,
    SAYING,
    SEVERAL_LOSSES,
    WEIGHT,
    Y_PRED,
    read_fail_on,
    with_options,
)
from ._policy import POLICY
from ._reports import Outputs
from ._samples import check_paired, check_unpaired, compare_files
from ._scores import check_scores, rank
from ._subjects import subject_of
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
    help="Another file: with --on one about the same people, which has the column --pooled; with --unpaired one about other people.",
)
@click.option(
    "--on", callback=several, help="Columns of both files that say which rows are about one person or case."
)
@click.option(
    "--allow-unmatched", is_flag=True, help="Leave out rows that have no partner in the other file."
)
@click.option(
    "--scores",
    callback=not_empty,
    help="Column with scores that rank people, in place of --y-pred: gains are of the area under the ROC curve.",
)
@click.option(
    "--pooled-scores", callback=not_empty, help="Column with the scores that they are compared with."
)
@click.option(
    "--unpaired",
    is_flag=True,
    help="Compare the risks of groups with those of other people in --baseline.",
)
@click.option(
    "--randomized",
    is_flag=True,
    help="People were assigned to the two files at random; for --unpaired.",
)
@with_options(WEIGHT, *SEVERAL_LOSSES, *JUDGING, *SAYING, *READING, *REPORTS, *MORE_REPORTS, *POLICY)
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
    on: list[str] | None,
    allow_unmatched: bool,
    scores: str | None,
    pooled_scores: str | None,
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
    junit: Path | None,
    markdown: Path | None,
    no_policy: bool,
    policy: Policy,
) -> None:
    """Audit the PREDICTIONS in a file of CSV, Parquet or JSON lines for harm.

    Exit status: 0 passed, 1 harm (with --fail-on envy also envy), 3 undecided (with --fail-on undecided: harm is neither found nor ruled out), 2 if the
    input cannot be used or anything fails. The file must hold people who took no part in fitting or choosing the classifiers.

    With --scores and --pooled-scores two scores are compared by how they rank the people of each group; tolerance and margin are in units of AUC.

    With --baseline and --on the baseline's predictions are in another file about the same people or cases, joined by a key. With --unpaired the risks of groups are compared with those of other people, in --baseline: status 1 if one is higher.

    A CSV file is read as RFC 4180 in UTF-8; nothing is guessed. Groups and text labels are text, as spelled; labels are numbers if all of
    them are; an empty field is a missing value, and missing values are refused.
    """
    with status_of_failures():
        outputs = Outputs(html, json_file, junit, markdown)
        check_paths(predictions, baseline, outputs=outputs.paths)
        with outputs.unusable_if_it_fails(), said_warnings():
            policy = overridden(policy)
            failing = read_fail_on(fail_on, require)
            if given("loss"):  # what a policy says of its own losses is not about these
                pos_label, cost = (
                    () if of_policy("pos_label") else pos_label,
                    () if of_policy("cost") else cost,
                )
            reading: dict[str, Any] = {
                "y_true": y_true,
                **({} if scores or pooled_scores else read_losses(loss, pos_label, cost)),
                "loss_limit": loss_limit,
                "labels": labels,
                "engine": engine,
                "dialect": Dialect(delimiter=character(delimiter), quote=quote, null=tuple(null)),
                "sensitive_features": sensitive,
            }
            judging: dict[str, Any] = {"alpha": alpha, "min_group_size": min_group_size}
            report: Audit | SampleReport | RankingReport
            if scores is not None or pooled_scores is not None:
                others: dict[str, Any] = {
                    "--y-pred": y_pred and not of_policy("y_pred"),
                    "--pooled": pooled and not of_policy("pooled"),
                    "--by-group": by_group,
                    "--groups": groups,
                    "--unit": unit,
                    "--weight": weight,
                    "--margins": margins,
                    "--unpaired": unpaired,
                    "--randomized": randomized,
                    "--loss": given("loss"),
                    "--cost": given("cost"),
                    "--loss-limit": given("loss_limit"),
                    "--labels": given("labels"),
                }
                own, other = check_scores(scores, pooled_scores, others, failing)
                on = None if baseline is None and of_policy("on") else on
                report = rank(
                    predictions,
                    own,
                    other,
                    {
                        **{
                            name: reading[name]
                            for name in ("y_true", "sensitive_features", "engine", "dialect")
                        },
                        "pos_label": pos_label[0] if pos_label else None,
                        "baseline": baseline,
                        "on": on,
                        "allow_unmatched": allow_unmatched,
                    },
                    policy,
                    tolerance=tolerance,
                    margin=harm_margin,
                    **judging,
                )
            elif unpaired:
                roles: dict[str, Any] = {
                    "--pooled": pooled and not of_policy("pooled"),
                    "--by-group": by_group,
                    "--groups": groups,
                    "--unit": unit,
                    "--weight": weight,
                    "--on": on and not of_policy("on"),
                    "--margins": margins,
                    "--tolerance": given("tolerance") or of_policy("tolerance"),
                    "--allow-unmatched": allow_unmatched,
                }
                column, before = check_unpaired(y_pred, baseline, roles, failing)
                report = compare_files(
                    predictions,
                    before,
                    reading,
                    policy,
                    y_pred=column,
                    margin=harm_margin,
                    randomized=randomized,
                    **judging,
                )
            else:
                on = None if baseline is None and of_policy("on") else on
                check_paired(pooled, baseline, on, randomized=randomized, allow_unmatched=allow_unmatched)
                frame = measure_file(
                    predictions, y_pred=y_pred, y_pred_pooled=str(pooled), y_pred_by_group=labelled(by_group), groups=groups, sample_weight=weight, units=unit,
                    baseline=baseline, on=on, allow_unmatched=allow_unmatched, **reading,
                )  # fmt: skip
                frame = frame.over() if margins else frame
                policy.check_groups(frame, min_group_size)
                subject = subject_of(
                    predictions,
                    baseline,
                    y_true=y_true,
                    own=y_pred,
                    pooled=str(pooled),
                    policy=policy.to_dict(),
                )
                report = Audit(
                    frame, tolerance=tolerance, harm_margin=harm_margin, subject=subject, **judging
                )
            if not (sensitive or groups):
                say("Neither --sensitive nor --groups is given: everybody is one group.", err=True)
            written = outputs.write(report, failing)
    show(report)
    for path in written:
        say(f"Written: {path}")
    sys.exit(report.exit_status(failing))
