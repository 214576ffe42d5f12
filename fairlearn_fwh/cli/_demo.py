"""``fairlearn-fwh demo``: three scenes, or methods side by side on the data that can be found."""

from __future__ import annotations

from pathlib import Path

import click

from ..exceptions import DatasetNotFoundError, InvalidDataFileError
from ._comparisons import write_comparisons
from ._failure import Failure, check_folder
from ._terminal import Fitting, say_what_next, show_comparison, sum_up

#: The 0-1 loss in words, so that nobody has to know the metrics to read the demo.
_INTRODUCTION = """\
Does every group do at least as well with its classifier as with the pooled one? Each method is fitted on two thirds of
the rows and compared with a converged pooled logistic regression on the rest. Below each group stands what it gains, in
percentage points of accuracy: a negative gain is harm, * marks a loss that is significant.
"""


@click.command()
@click.option(
    "--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with real data files."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="fairlearn-fwh-demo", show_default=True,
    help="Folder for the table and the pictures.",
)  # fmt: skip
@click.option("--download", is_flag=True, help="Get Adult, if it is not on disk.")
@click.option(
    "--all",
    "compare_all",
    is_flag=True,
    help="Compare all methods on all data that can be found, instead of three scenes.",
)
def demo(data_home: Path | None, out: Path, download: bool, compare_all: bool) -> None:
    """Show in three scenes what harm found, ruled out and undecided mean; with --all compare all methods."""
    check_folder(out)
    if compare_all:
        _compare_all(data_home, out)
    else:
        _play(data_home, out, download=download)


def _play(data_home: Path | None, out: Path, *, download: bool) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from ..experiments._scenes import scenes

    fitting = Fitting()
    try:
        for number, scene in enumerate(scenes(data_home, download=download, report=fitting), start=1):
            fitting.done()
            picture = out / f"scene_{number}.png"
            out.mkdir(parents=True, exist_ok=True)
            scene.frame.plot("gain").figure.savefig(picture, dpi=120)
            click.secho(f"{number}. {scene.question}", bold=True)
            click.secho(f"   {scene.answer}", fg=_COLOURS[scene.word])
            click.echo(f"   {scene.lesson}")
            click.echo(f"   Picture: {picture}\n   Next: {scene.next_step}\n")
            fitting = Fitting()
    except InvalidDataFileError as error:
        raise Failure(str(error)) from error
    click.echo("All methods on all data that can be found: fairlearn-fwh demo --all")


#: Colour of each word.
_COLOURS = {"harm found": "red", "ruled out": "green", "undecided": "yellow"}


def _compare_all(data_home: Path | None, out: Path) -> None:
    click.echo(_INTRODUCTION)
    from ..experiments import compare_methods

    comparisons = []
    for name in _available(data_home):
        fitting = Fitting()
        comparison = compare_methods(name, data_home=data_home, report=fitting)
        fitting.done()
        click.secho(f"{name}, by {comparison.attribute}", bold=True)
        show_comparison(comparison)
        comparisons.append(comparison)
    sum_up(comparisons)
    write_comparisons(comparisons, out, "gains")
    say_what_next(comparisons[0].dataset, out)


def _available(data_home: Path | None) -> list[str]:
    """Real data sets whose files are on disk, else the embedded ones."""
    from ..experiments._data import EMBEDDED_DATA, REAL_DATA

    found = []
    for name, data in REAL_DATA.items():
        try:
            data.load(data_home, download_if_missing=False)
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
