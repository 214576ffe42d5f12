"""``fairlearn-fwh audit``: a file of predictions, checked for harm."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..audit._audit import Audit
from ..audit._policy import Policy
from ..audit._ranking_report import RankingReport
from ..audit._sample_report import SampleReport
from ._columns import EachOnce, not_empty, overridden, several
from ._failure import said_warnings, status_of_failures
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
from ._predictions import audit_predictions
from ._reports import Outputs
from ._samples import audit_samples
from ._scores import audit_scores
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
def audit(predictions: Path, policy: Policy, **options: Any) -> None:
    """Audit the PREDICTIONS in a file of CSV, Parquet or JSON lines for harm.

    Exit status: 0 passed, 1 harm (with --fail-on envy also envy), 3 undecided (with --fail-on undecided: harm is neither found nor ruled out), 2 if the
    input cannot be used or anything fails. The file must hold people who took no part in fitting or choosing the classifiers.

    With --scores and --pooled-scores two scores are compared by how they rank the people of each group; tolerance and margin are in units of AUC.

    With --baseline and --on the baseline's predictions are in another file about the same people or cases, joined by a key. With --unpaired the risks of groups are compared with those of other people, in --baseline: status 1 if one is higher.

    A CSV file is read as RFC 4180 in UTF-8; nothing is guessed. Groups and text labels are text, as spelled; labels are numbers if all of
    them are; an empty field is a missing value, and missing values are refused.
    """
    with status_of_failures():
        outputs = Outputs(*(options[name] for name in ("html", "json_file", "junit", "markdown")))
        outputs.check(predictions, options["baseline"])
        with outputs.unusable_if_it_fails(), said_warnings():
            failing = read_fail_on(options["fail_on"], options["require"])
            report = _way(options)(predictions, options, overridden(policy), failing)
            if not (options["sensitive"] or options["groups"]):
                say("Neither --sensitive nor --groups is given: everybody is one group.", err=True)
            written = outputs.write(report, failing)
    show(report)
    for path in written:
        say(f"Written: {path}")
    sys.exit(report.exit_status(failing))


def _way(options: dict[str, Any]) -> Callable[..., Audit | SampleReport | RankingReport]:
    """What is compared: two scores, two samples of people, or two predictions for the same people."""
    if options["scores"] is not None or options["pooled_scores"] is not None:
        return audit_scores
    return audit_samples if options["unpaired"] else audit_predictions
