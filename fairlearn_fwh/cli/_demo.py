"""``fairlearn-fwh demo``: methods side by side on the data that can be found."""

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
def demo(data_home: Path | None, out: Path) -> None:
    """Compare methods on the real data that can be found, else on data that comes with the package."""
    click.echo(_INTRODUCTION)
    from ..experiments import compare_methods

    comparisons = []
    names = _available(data_home)
    check_folder(out)
    for name in names:
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
