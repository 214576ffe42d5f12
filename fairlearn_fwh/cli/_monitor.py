"""``fairlearn-fwh monitor``: files of predictions that come one after another, judged at every look."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ..audit._monitor_report import MonitorReport
from ..audit._writing import write_files
from ..files import Dialect
from ..files._measure import measure_new
from ..metrics import PreferenceFrame, PreferenceMonitor
from ..metrics._core._groupings import all_groupings
from ..metrics._core._losses import resolve_loss
from ..metrics._core._names import printable
from ..metrics._engines._columns import Columns
from ..metrics._inference._looks import DESIGNS
from ..metrics._monitor import BASELINE, REFERENCE
from ..metrics._monitor_state import from_state, to_state
from ._columns import EachOnce, character, not_empty, several
from ._failure import said_warnings, status_of_failures
from ._known_files import check_new_file
from ._options import JUDGING, LOSS, MARGINS, READING, REPORTS, SAYING, WEIGHT, read_fail_on, with_options
from ._policy import warn_of_other_questions
from ._reports import Outputs
from ._reversed import warn_of_reversed_labels
from ._terminal import say, show

#: Environment variable with the secret that units are hashed with.
KEY_VARIABLE = "FAIRLEARN_FWH_UNIT_KEY"

_FORMAT, _VERSION = "fairlearn-fwh monitor", 3

#: Options that a state keeps: another value would make another monitor of it.
_KEPT = (
    "y_true",
    "y_pred",
    "pooled",
    "reference",
    "sensitive",
    "margins",
    "unit",
    "weight",
    "loss",
    "loss_limit",
    "pos_label",
    "tolerance",
    "harm_margin",
    "alpha",
    "design",
    "looks",
    "releases",
    "labels",
    "delimiter",
    "quote",
    "null",
    "min_group_size",
)


@click.command(cls=EachOnce)
@click.argument("state", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("predictions", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--y-true", callback=not_empty, help="Column with the true labels.")
@click.option("--y-pred", callback=not_empty, help="Column with what people got.")
@click.option("--pooled", callback=not_empty, help="Column with the predictions of the baseline.")
@click.option(
    "--reference",
    callback=not_empty,
    help="Column with the predictions of a fixed reference, judged over all releases with an alpha of its own.",
)
@click.option("--sensitive", callback=several, help="Columns whose intersections are the groups.")
@MARGINS
@click.option(
    "--unit",
    callback=not_empty,
    help=f"Column that says whose rows belong together. Rows of units that were seen before are left out. Needs a secret in the environment variable {KEY_VARIABLE}.",
)
@with_options(WEIGHT, *LOSS, *JUDGING)
@click.option(
    "--design",
    type=click.Choice(DESIGNS),
    default="anytime",
    show_default=True,
    help="Any number of looks, or a number that is planned.",
)
@click.option("--looks", type=click.IntRange(min=2), help="Number of planned looks, for group_sequential.")
@click.option(
    "--releases", is_flag=True, help="There will be new releases: the k-th has alpha / (k (k + 1))."
)
@click.option("--new-release", is_flag=True, help="A new release begins with these files; for --releases.")
@with_options(*SAYING, *READING, *REPORTS)
@click.pass_context
def monitor(context: click.Context, /, state: Path, predictions: tuple[Path, ...], **options: Any) -> None:
    """Add the PREDICTIONS of new people to STATE, one look per file, and judge all people so far.

    STATE is a JSON file, which is made if it does not exist. It keeps the options that say what is compared, so that later calls need not repeat them,
    and other ones are refused. A file that was added before, or that begins with one that was, is refused as well. Nothing is written unless everything is well.

    Exit status after the last look: 0 passed, 1 harm, 3 undecided (with --fail-on undecided: harm is neither found nor ruled out), 2 if the input cannot be
    used or anything fails. The probability that harm is ever found where there is none is at most alpha, however often one looks (with --design
    group_sequential: at the planned looks); with --reference it is at most alpha for each of the two comparisons.
    """
    with status_of_failures():
        failing = read_fail_on(options["fail_on"], options["require"])
        outputs = Outputs(html=options["html"], json=options["json_file"])
        outputs.check(state, *predictions, Path(f"{state}.lock"))
        with _locked(state), outputs.unusable_if_it_fails(), said_warnings():
            known = _read(state) if state.exists() else None
            kept = _kept_options(context, known, state)
            warn_of_other_questions(kept | {"fail_on": failing})
            result, files = _look(predictions, options, kept, known)
            report = MonitorReport(
                result, min_group_size=kept["min_group_size"], source=printable(state.stem)
            )
            texts = outputs.texts(report)
            new = {"format": _FORMAT, "version": _VERSION, "options": kept, "files": files}
            text = json.dumps(new | {"monitor": to_state(result)}, allow_nan=False)
            write_files(texts | {state: text})
    show(report)
    for path in [*texts, state]:
        say(f"Written: {path}")
    sys.exit(report.exit_status(failing))


def _locked(state: Path) -> Any:
    """Hold a lock beside the state, so that no other process writes it."""
    import filelock

    if not state.absolute().parent.is_dir():
        raise ValueError(f"{state} cannot be written: there is no folder {state.parent}.")
    lock = filelock.FileLock(f"{state}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise ValueError(f"Another process is at work on {state}; try again when it has ended.") from error
    return lock


def _read(state: Path) -> dict[str, Any]:
    try:
        known = json.loads(state.read_text(encoding="utf-8"))
        if known["format"] != _FORMAT:
            raise ValueError(known["format"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{state} is not a state of fairlearn-fwh monitor; name a file that does not exist to start one."
        ) from error
    if known.get("version") != _VERSION:
        raise ValueError(
            f"{state} has version {known.get('version')!r}; this package reads version {_VERSION}. Go on with the release that wrote it, or name a file that does not "
            "exist to start a new one."
        )
    parts = {name: known.get(name) for name in ("options", "files", "monitor")}
    if not all(isinstance(part, dict) for part in parts.values()) or set(_KEPT) - set(parts["options"]):
        raise ValueError(
            f"{state} is damaged: parts of it are missing. Restore it from a backup, or name a file that does not exist to start a new one."
        )
    return known


def _kept_options(context: click.Context, known: dict[str, Any] | None, state: Path) -> dict[str, Any]:
    """Options of the state; of a new one those that are given.

    Raises
    ------
    ValueError
        If an option is given that the state has otherwise, or one is missing that a new state needs.
    """
    given = {name: _plain(context.params[name]) for name in _KEPT}
    if known is None:
        for name in ("y_true", "y_pred", "pooled"):
            if given[name] is None:
                raise ValueError(f"{state} does not exist yet: a new one needs --{name.replace('_', '-')}.")
        return given
    kept: dict[str, Any] = known["options"]
    for name in _KEPT:
        source = context.get_parameter_source(name)
        if source == click.core.ParameterSource.COMMANDLINE and given[name] != kept[name]:
            raise ValueError(
                f"{state} was started with --{name.replace('_', '-')} {kept[name]!r}; got {given[name]!r}. Leave the option out, or start another state."
            )
    return kept


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _look(
    predictions: tuple[Path, ...], options: dict[str, Any], kept: dict[str, Any], known: dict[str, Any] | None
) -> tuple[PreferenceMonitor, dict[str, Any]]:
    """Add every file: the monitor, and names and sizes of all files by their SHA-256 sums."""
    if known is None:
        result = PreferenceMonitor(
            tolerance=kept["tolerance"],
            alpha=kept["alpha"],
            harm_margin=kept["harm_margin"],
            design=kept["design"],
            n_looks=kept["looks"],
            over=all_groupings(kept["sensitive"] or []) if kept["margins"] else None,
            several_releases=kept["releases"],
        )
        files: dict[str, Any] = {}
    else:
        result, files = from_state(PreferenceMonitor, known["monitor"]), dict(known["files"])
    if options["new_release"]:
        result.reset()
    for path in predictions:
        new = check_new_file(path, files, has_units=bool(kept["unit"]))
        _add(result, path, options, kept)
        files |= new
    return result, files


def _add(result: PreferenceMonitor, path: Path, options: dict[str, Any], kept: dict[str, Any]) -> None:
    """Add the new people of a file."""
    key = _unit_key() if kept["unit"] else None
    against = {BASELINE: kept["pooled"]} | ({REFERENCE: kept["reference"]} if kept["reference"] else {})
    frames: dict[str, PreferenceFrame] = {}
    left_out = {}
    for name, column in against.items():
        columns = Columns.read(
            y_true=kept["y_true"],
            y_pred=kept["y_pred"],
            y_pred_pooled=column,
            sensitive_features=kept["sensitive"],
            sample_weight=kept["weight"],
            units=kept["unit"],
            y_pred_by_group=None,
            groups=None,
            control_features=None,
        )
        frames[name], left_out[name] = measure_new(
            path,
            columns,
            resolve_loss(kept["loss"], kept["loss_limit"], kept["pos_label"]),
            labels=kept["labels"],
            engine=options["engine"],
            dialect=Dialect(
                delimiter=character(kept["delimiter"]), quote=kept["quote"], null=tuple(kept["null"])
            ),
            unit_key=key,
            seen=result.seen_units(name),
            one_of_several=True,
        )
    taken = set(result.history_["label"])
    label = path.name if path.name not in taken else f"{path.name} (look {result.n_looks_ + 1})"
    warn_of_reversed_labels(frames[BASELINE])
    result._update(frames[BASELINE], frames.get(REFERENCE), label, left_out)


def _unit_key() -> str:
    key = os.environ.get(KEY_VARIABLE)
    if not key:
        raise ValueError(
            f"--unit needs a secret of at least 16 characters in the environment variable {KEY_VARIABLE}, the same at every look: units are "
            "hashed with it, so that STATE does not tell who they are."
        )
    return key
