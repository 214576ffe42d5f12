"""``fairlearn-fwh audit``: a file of predictions, checked for harm."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import click

from ..audit._audit import REQUIREMENTS, Audit
from ..audit._writing import write_files
from ..files import ENGINES, Dialect, measure_file
from ..metrics._core._losses import LOSSES
from ..metrics._core._names import printable
from ._columns import EachOnce, character, check_paths, in_options, labelled, not_empty, several
from ._status import FAILURE
from ._terminal import say, show_groups


@click.command(cls=EachOnce)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--y-true", required=True, callback=not_empty, help="Column with the true labels.")
@click.option("--y-pred", callback=not_empty, help="Column with what people got; not needed with --by-group.")
@click.option(
    "--pooled",
    required=True,
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
@click.option(
    "--margins",
    is_flag=True,
    help="Audit each column of --sensitive by itself as well, in one family with the intersections.",
)
@click.option(
    "--unit",
    callback=several,
    help="Column that says whose rows belong together: a person who appears several times.",
)
@click.option("--weight", callback=not_empty, help="Column with weights.")
@click.option(
    "--loss",
    type=click.Choice(list(LOSSES)),
    default="zero_one",
    show_default=True,
)
@click.option(
    "--loss-limit",
    type=float,
    help="Cut off losses at this value; log, squared and absolute need it.",
)
@click.option(
    "--tolerance", type=float, default=0.01, show_default=True, help="Largest loss that counts as none."
)
@click.option(
    "--harm-margin", type=float, default=0.0, show_default=True, help="Loss that is not yet called harm."
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="One minus the confidence.")
@click.option(
    "--min-group-size",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Smaller groups are tested, but not shown.",
)
@click.option(
    "--require",
    type=click.Choice(REQUIREMENTS),
    default="no-harm",
    show_default=True,
    help="What exit status 0 needs.",
)
@click.option(
    "--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What reads the file."
)
@click.option(
    "--labels",
    callback=several,
    help="All labels that there are, as spelled: 0,1. Settles which labels belong together.",
)
@click.option(
    "--delimiter",
    default=",",
    show_default=True,
    help="Character between fields of a CSV file; tab for a tab.",
)
@click.option("--quote", default='"', show_default=True, help="Character around fields of a CSV file.")
@click.option(
    "--null", multiple=True, help="Text that means a missing value beside the empty one; may be repeated."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to this file.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result to this file.",
)
def audit(
    predictions: Path,
    y_true: str,
    y_pred: str | None,
    pooled: str,
    by_group: list[str] | None,
    groups: list[str] | None,
    sensitive: list[str] | None,
    margins: bool,
    unit: list[str] | None,
    weight: str | None,
    loss: str,
    loss_limit: float | None,
    tolerance: float,
    harm_margin: float,
    alpha: float,
    min_group_size: int,
    require: str,
    engine: str,
    labels: list[str] | None,
    delimiter: str,
    quote: str,
    null: tuple[str, ...],
    html: Path | None,
    json_file: Path | None,
) -> None:
    """Audit the PREDICTIONS in a CSV or Parquet file for harm.

    Exit status: 0 if no harm is found (with --require certified: if no harm is certified), 1 otherwise, 2 if the input
    cannot be used or anything fails. The file must hold people who took no part in fitting or choosing the classifiers.

    A CSV file is read as RFC 4180 in UTF-8; nothing is guessed. Groups and text labels are text, as spelled; labels are numbers if all of
    them are; an empty field is a missing value, and missing values are refused.
    """
    try:
        check_paths(predictions, html, json_file)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = measure_file(
                predictions,
                y_true=y_true,
                y_pred=y_pred,
                y_pred_pooled=pooled,
                y_pred_by_group=labelled(by_group),
                groups=groups,
                sensitive_features=sensitive,
                sample_weight=weight,
                units=unit,
                loss=loss,
                loss_limit=loss_limit,
                labels=labels,
                engine=engine,
                dialect=Dialect(delimiter=character(delimiter), quote=quote, null=tuple(null)),
            )
            result = Audit(
                frame.over() if margins else frame,
                tolerance=tolerance,
                alpha=alpha,
                min_group_size=min_group_size,
                harm_margin=harm_margin,
                source=predictions.name,
            )
        for message in dict.fromkeys(in_options(str(warning.message)) for warning in caught):
            say(f"Warning: {message}", err=True)
        if not (sensitive or groups):
            say("Neither --sensitive nor --groups is given: everybody is one group.", err=True)
        files = {html: result.to_html()} if html else {}
        parts = {path.name: text for path, text in files.items()}
        files |= {json_file: result.to_json(parts)} if json_file else {}
        write_files(files)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # Any other status than 2 would tell the release that there is, or is no, harm.
        say(f"Error: {printable(in_options(str(error))) or type(error).__name__}", err=True)
        sys.exit(FAILURE)
    show_groups(result)
    if result.suppressed:
        say(f"{len(result.suppressed)} group(s) {result.why_suppressed} are not shown.")
    say(f"\n{result.sentence(printable(predictions.name))}")
    for path in files:
        say(f"Written: {path}")
    sys.exit(result.exit_status(require))
