"""Command line: ``fairlearn-fwh demo``, ``audit``, ``mitigators`` and ``reproduce``."""

from __future__ import annotations

import csv
import os
import re
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from .exceptions import DatasetNotFoundError, InvalidDataFileError, MissingExtraError

try:
    import click
    from tqdm import tqdm
except ImportError:
    # The entry point makes status 2 of it.
    sys.exit(str(MissingExtraError.for_extra("The command fairlearn-fwh", "cli")))

from ._command import FAILURE
from ._terminal import Fitting, say, say_what_next, show_comparison, show_groups, sum_up
from .audit._audit import REQUIREMENTS, Audit
from .audit._writing import check_outputs, write_files
from .files import ENGINES, Dialect, measure_file
from .metrics._core._names import printable
from .metrics._losses import LOSSES

#: The 0-1 loss in words, so that nobody has to know the metrics to read the demo.
_INTRODUCTION = """\
Does every group do at least as well with its classifier as with the pooled one? Each method is fitted on two thirds of
the rows and compared with a converged pooled logistic regression on the rest. Below each group stands what it gains, in
percentage points of accuracy: a negative gain is harm, * marks a loss that is significant.
"""


class Failure(click.ClickException):
    """A command that could not do its work."""

    exit_code = FAILURE


class _Commands(click.Group):
    """Says in one sentence which extra a command needs, and has no colours where nobody wants them (no-color.org)."""

    def invoke(self, context: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            context.color = False
        try:
            return super().invoke(context)
        except MissingExtraError as error:
            raise Failure(str(error)) from error


@click.group(cls=_Commands)
@click.version_option(package_name="fairlearn-fwh")
def main() -> None:
    """Fairness without harm: does each group do at least as well as with the pooled classifier?"""


def run() -> int:
    """Run the command line; return its exit status, or leave with it."""
    stdout = sys.stdout
    try:
        main.main(standalone_mode=False)
    except SystemExit:
        if sys.stdout is not stdout:  # click found the pipe closed, for which it has status 1
            return FAILURE
        raise
    except click.Abort:
        click.echo("Aborted!", err=True)
        return FAILURE
    except click.ClickException as error:
        error.show()
        return FAILURE
    return 0


@main.command()
@click.option(
    "--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with real data files."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="fairlearn-fwh-demo", show_default=True,
    help="Folder for the table and the pictures.",
)  # fmt: skip
def demo(data_home: Path | None, out: Path) -> None:
    """Compare methods on the real data that can be found, else on data that comes with the package."""
    click.echo(_INTRODUCTION)
    from .experiments import compare_methods

    comparisons = []
    names = _available(data_home)
    _check_folder(out)
    for name in names:
        fitting = Fitting()
        comparison = compare_methods(name, data_home=data_home, report=fitting)
        fitting.done()
        click.secho(f"{name}, by {comparison.attribute}", bold=True)
        show_comparison(comparison)
        comparisons.append(comparison)
    sum_up(comparisons)
    _write_comparisons(comparisons, out, "gains")
    say_what_next(comparisons[0].dataset, out)


def _check_folder(out: Path) -> None:
    """Raise before anything is computed if the folder for results cannot be made."""
    nearest = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise Failure(f"--out: nothing can be written to {nearest}, which {out} needs.")


def _available(data_home: Path | None) -> list[str]:
    """Real data sets whose files are on disk, else the embedded ones."""
    from .datasets import fetch_adult, fetch_arrest, fetch_bank_marketing, fetch_german_credit, fetch_violent
    from .experiments._data import EMBEDDED_DATA, REAL_DATA

    fetchers = (fetch_adult, fetch_arrest, fetch_violent, fetch_german_credit, fetch_bank_marketing)
    found = []
    for name, fetch in zip(REAL_DATA, fetchers, strict=True):
        try:
            fetch(data_home=data_home, download_if_missing=False)
        except DatasetNotFoundError:
            continue
        except InvalidDataFileError as error:
            raise Failure(str(error)) from error
        found.append(name)
    if not found:
        click.echo(
            "No real data files were found (see --data-home): using data that comes with the package.\n"
        )
    return found or list(EMBEDDED_DATA)


def _write_comparisons(comparisons: list[Any], out: Path, name: str) -> None:
    import matplotlib as mpl
    import pandas as pd

    from .experiments import plot_comparison

    mpl.use("Agg")
    out.mkdir(parents=True, exist_ok=True)
    by_group, overall = f"{name}_by_group.csv", f"{name}_overall.csv"
    tables = {comparison.dataset: comparison.by_group for comparison in comparisons}
    pd.concat(tables, names=["dataset"]).to_csv(out / by_group)
    pd.concat({c.dataset: c.overall for c in comparisons}, names=["dataset"]).to_csv(out / overall)
    pictures = [f"{name}_{comparison.dataset}.png" for comparison in comparisons]
    for comparison, picture in zip(comparisons, pictures, strict=True):
        plot_comparison(comparison).figure.savefig(out / picture, dpi=120)
    click.echo(f"Written to {out}: {', '.join([by_group, overall, *pictures])}")


def _several(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Split names at commas; a name that has one stands in double quotes."""
    if value is None:
        return None
    try:
        names = next(csv.reader([value], strict=True), [])
    except csv.Error as error:
        raise click.BadParameter(
            f"{value!r} cannot be read as names separated by commas ({error}); put a name that has a comma or a quote in quotes",
            context,
            parameter,
        ) from error
    if not names or "" in names:
        raise click.BadParameter("a name is empty", context, parameter)
    return names


def _not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("the name is empty", context, parameter)
    return value


class _EachOnce(click.Command):
    """Refuses an option that is given twice: of two values the first would be dropped without a word."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse arguments, of which each is given once."""
        once = {
            name for option in self.params if not getattr(option, "multiple", False) for name in option.opts
        }
        given = [argument.split("=", 1)[0] for argument in args]
        for name in once:
            if given.count(name) > 1:
                raise click.UsageError(
                    f"{name} is given more than once; name several columns in one, separated by commas."
                )
        return super().parse_args(context, args)


def _labelled(names: list[str] | None) -> dict[Any, str] | None:
    """Read ``label=column`` or ``column``, which is its own label."""
    if names is None:
        return None
    pairs = [(label, column or label) for label, _, column in (name.partition("=") for name in names)]
    labels = [label for label, _ in pairs]
    if repeated := [label for label in labels if labels.count(label) > 1]:
        raise ValueError(f"--by-group names the group {repeated[0]!r} more than once.")
    return dict(pairs)


def _check_paths(predictions: Path, *outputs: Path | None) -> None:
    """Raise ValueError rather than write one file over another."""
    paths = [path.resolve() for path in (predictions, *outputs) if path is not None]
    if len(set(paths)) < len(paths):
        raise ValueError("PREDICTIONS, --html and --json must be different files.")
    check_outputs([path for path in outputs if path is not None])


def _character(delimiter: str) -> str:
    return "\t" if delimiter in ("tab", "\\t") else delimiter


@main.command(cls=_EachOnce)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--y-true", required=True, callback=_not_empty, help="Column with the true labels.")
@click.option(
    "--y-pred", callback=_not_empty, help="Column with what people got; not needed with --by-group."
)
@click.option(
    "--pooled",
    required=True,
    callback=_not_empty,
    help="Column with the predictions of the pooled classifier or of any baseline.",
)
@click.option(
    "--by-group",
    callback=_several,
    help="Columns with the predictions of every group's classifier: c1,c2 or label=c1,label=c2.",
)
@click.option("--groups", callback=_several, help="Column with the group whose classifier each person got.")
@click.option(
    "--sensitive", callback=_several, help="Columns whose intersections are audited; by default --groups."
)
@click.option("--weight", callback=_not_empty, help="Column with weights.")
@click.option(
    "--loss",
    type=click.Choice(list(LOSSES)),
    default="zero_one",
    show_default=True,
)
@click.option(
    "--tolerance", type=float, default=0.01, show_default=True, help="Largest loss that counts as none."
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
    callback=_several,
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
    weight: str | None,
    loss: str,
    tolerance: float,
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
        _check_paths(predictions, html, json_file)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            frame = measure_file(
                predictions,
                y_true=y_true,
                y_pred=y_pred,
                y_pred_pooled=pooled,
                y_pred_by_group=_labelled(by_group),
                groups=groups,
                sensitive_features=sensitive,
                sample_weight=weight,
                loss=loss,
                labels=labels,
                engine=engine,
                dialect=Dialect(delimiter=_character(delimiter), quote=quote, null=tuple(null)),
            )
            result = Audit(
                frame,
                tolerance=tolerance,
                alpha=alpha,
                min_group_size=min_group_size,
                source=predictions.name,
            )
        for message in dict.fromkeys(_in_options(str(warning.message)) for warning in caught):
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
        say(f"Error: {printable(_in_options(str(error))) or type(error).__name__}", err=True)
        sys.exit(FAILURE)
    show_groups(result)
    if result.suppressed:
        say(f"{len(result.suppressed)} group(s) of fewer than {min_group_size} people are not shown.")
    say(f"\n{result.sentence(printable(predictions.name))}")
    for path in files:
        say(f"Written: {path}")
    sys.exit(result.exit_status(require))


@main.command()
@click.argument("dataset")
@click.option("--attribute", help="Sensitive features that are mitigated and audited: race or race,sex.")
@click.option("--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with data files.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
    help="Folder for the tables and the picture.",
)  # fmt: skip
def mitigators(dataset: str, attribute: str | None, data_home: Path | None, out: Path) -> None:
    """Tell whom the parity mitigators of fairlearn and AIF360 harm on DATASET."""
    from .experiments import audit_mitigators

    _check_folder(out)
    fitting = Fitting()
    try:
        comparison = audit_mitigators(dataset, attribute=attribute, data_home=data_home, report=fitting)
    except (ValueError, DatasetNotFoundError) as error:
        raise Failure(str(error)) from error
    fitting.done()
    show_comparison(comparison)
    for method, sentence in comparison.verdicts.items():
        if comparison.outcomes[method] == "harm":
            click.echo(f"{method} {sentence}")
    click.echo()
    _write_comparisons([comparison], out, "mitigators")


def _in_options(message: str) -> str:
    """Name options instead of the arguments of `PreferenceFrame.from_frame`, but for columns of that name, which stand in quotes."""
    names = "|".join(_ARGUMENTS)
    return re.sub(rf"(?<![\w'\"])({names})(?![\w'\"])", lambda found: _ARGUMENTS[found[0]], message)


#: The longer names first.
_ARGUMENTS = {
    "y_pred_by_group": "--by-group",
    "y_pred_pooled": "--pooled",
    "y_pred": "--y-pred",
    "y_true": "--y-true",
    "sensitive_features": "--sensitive",
    "sample_weight": "--weight",
    "min_group_size": "--min-group-size",
}


class _Reproductions(click.Group):
    """Commands of the DAFH paper's tables and figures, found when they are asked for: they need torch."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name all commands."""
        from .experiments._reproduce import REPRODUCTIONS

        return sorted({*super().list_commands(context), *REPRODUCTIONS})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Make the command of a reproduction."""
        command = super().get_command(context, name)
        if command is not None:
            return command
        from .experiments._reproduce import REPRODUCTIONS

        if name not in REPRODUCTIONS:
            return None
        reproduction = REPRODUCTIONS[name]
        parameters = [
            option for key, option in _OPTIONS.items() if key in (*reproduction.options, "data_home", "out")
        ]
        callback = partial(_run_reproduction, name)
        return click.Command(name, params=list(parameters), callback=callback, help=reproduction.help)


_OPTIONS: dict[str, click.Option] = {
    "datasets": click.Option(["--datasets"], help="Names, separated by commas; by default those of the paper."),
    "n_splits": click.Option(
        ["--splits", "n_splits"], type=click.IntRange(min=1), default=5, show_default=True,
        help="Number of random splits.",
    ),
    "protocol": click.Option(
        ["--protocol"], type=click.Choice(["strict", "paper"]), default="strict", show_default=True,
        help="Converged baselines and choices within the training rows, or the paper's own.",
    ),
    "n_jobs": click.Option(
        ["--jobs", "n_jobs"], type=int, default=1, show_default=True, help="Splits at a time."
    ),
    "data_home": click.Option(
        ["--data-home"], type=click.Path(file_okay=False, path_type=Path), help="Folder with data files."
    ),
    "out": click.Option(
        ["--out"], type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
        help="Folder for the runs (CSV), the table (Markdown) and the picture (PNG).",
    ),
}  # fmt: skip


@main.group(cls=_Reproductions)
def reproduce() -> None:
    """Run a table or figure of a paper again and show it beside the paper's numbers."""


def _run_reproduction(name: str, out: Path, **arguments: Any) -> None:
    import matplotlib as mpl

    from .experiments._reproduce import REPRODUCTIONS, write_reproduction

    mpl.use("Agg")
    protocol = arguments.get("protocol")
    datasets = arguments.pop("datasets", None)
    if datasets:
        arguments["datasets"] = [part.strip() for part in datasets.split(",")]
    if "datasets" not in REPRODUCTIONS[name].options:  # generated data
        arguments.pop("data_home", None)
    if "n_splits" in arguments:
        arguments["progress"] = partial(_progress, name)
    _check_folder(out)
    try:
        result = REPRODUCTIONS[name].run(**arguments)
    except (ValueError, DatasetNotFoundError) as error:
        raise Failure(str(error)) from error
    markdown, files = write_reproduction(name, result, out, protocol)
    click.echo(markdown)
    click.echo(f"Written: {', '.join(map(str, files))}")


def _progress(name: str, parts: Iterable[Any], total: int) -> Iterable[Any]:
    return tqdm(parts, total=total, desc=f"{name}: data set x split", file=sys.stderr)


@reproduce.command("all", params=[_OPTIONS[key] for key in ("n_splits", "n_jobs", "data_home", "out")])
def everything(n_splits: int, n_jobs: int, data_home: Path | None, out: Path) -> None:
    """Run all tables, figures and questions of the DAFH paper, tables in both protocols."""
    from .experiments._reproduce import PAPER_REPRODUCTIONS

    given = {"n_splits": n_splits, "n_jobs": n_jobs, "data_home": data_home}
    for name, reproduction in PAPER_REPRODUCTIONS.items():
        arguments = {
            option: given[option] for option in (*reproduction.options, "data_home") if option in given
        }
        protocols: list[dict[str, str]] = [{}]
        if "protocol" in reproduction.options:
            protocols = [{"protocol": "strict"}, {"protocol": "paper"}]
        for protocol in protocols:
            _run_reproduction(name, out, **arguments, **protocol)


@reproduce.command()
@click.option(
    "--draws",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Number of other draws of the data.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
    help="Folder for the table.",
)  # fmt: skip
def zafar(draws: int, out: Path) -> None:
    """Synthetic example of preferred treatment and preferred impact (arXiv 1707.00010)."""
    import pandas as pd

    from .experiments import run_zafar, zafar_markdown

    others = {seed: run_zafar(seed) for seed in tqdm(range(draws), desc="draws", file=sys.stderr)}
    markdown = zafar_markdown(run_zafar(), pd.concat(others, names=["seed"]))
    out.mkdir(parents=True, exist_ok=True)
    (out / "zafar.md").write_text(markdown, encoding="utf-8")
    click.echo(markdown)
    click.echo(f"Written to {out}: zafar.md")


@reproduce.command()
@click.option(
    "--datasets",
    default="adult,arrest,violent,german,bank",
    show_default=True,
    help="Names, separated by commas.",
)
@click.option(
    "--splits", type=click.IntRange(min=1), default=100, show_default=True, help="Number of random splits."
)
@click.option("--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with data files.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
    help="Folder for the CSV files and the picture.",
)  # fmt: skip
def selection(datasets: str, splits: int, data_home: Path | None, out: Path) -> None:
    """How often a group is harmed by decoupling, and with NoHarmSelector (FairSDE's selection, arXiv 2511.06293)."""
    import matplotlib as mpl

    from .experiments import plot_selection_harm, run_selection, summarize_selection

    mpl.use("Agg")

    def progress(parts: Iterable[Any], total: int) -> Iterable[Any]:
        return tqdm(parts, total=total, desc="data set x attribute x split", file=sys.stderr)

    try:
        runs = run_selection(
            [name.strip() for name in datasets.split(",")],
            n_splits=splits,
            data_home=data_home,
            progress=progress,
        )
    except (ValueError, DatasetNotFoundError) as error:
        raise Failure(str(error)) from error
    summary = summarize_selection(runs)
    out.mkdir(parents=True, exist_ok=True)
    runs.to_csv(out / "selection_runs.csv", index=False)
    summary.to_csv(out / "selection.csv")
    plot_selection_harm(summary).figure.savefig(out / "selection.png", dpi=120)
    click.echo(summary.round(4).to_string())
    click.echo(f"Written to {out}: selection_runs.csv, selection.csv, selection.png")
