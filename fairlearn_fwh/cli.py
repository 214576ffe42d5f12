"""Command line: ``fairlearn-fwh demo`` and ``fairlearn-fwh reproduce``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .exceptions import DatasetNotFoundError, InvalidDataFileError, MissingExtraError

try:
    import click
    from tqdm import tqdm
except ImportError:
    sys.exit(str(MissingExtraError.for_extra("The command fairlearn-fwh", "cli")))

#: The 0-1 loss in words, so that nobody has to know the metrics to read the demo.
_INTRODUCTION = """\
Every group should do at least as well with its classifier as with the pooled one (rationality: no harm) and as with
any other group's (envy-freeness). Each method below is fitted on two thirds of the rows and compared with a converged
pooled logistic regression on the rest. Gains are in percentage points of accuracy; a negative gain is harm.
"""


@click.group()
@click.version_option(package_name="fairlearn-fwh")
def main() -> None:
    """Fairness without harm: does each group do at least as well as with the pooled classifier?"""


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
    from .experiments import compare_methods

    click.echo(_INTRODUCTION)
    comparisons = []
    for name in _available(data_home):
        click.secho(f"== {name} ==", bold=True)
        comparison = compare_methods(
            name, data_home=data_home, report=lambda method: click.echo(f"  fitting: {method}", err=True)
        )
        comparisons.append(comparison)
        click.echo(_readable(comparison.overall))
        click.echo()
        click.echo(_readable(comparison.by_group))
        click.echo()
        for method, sentence in comparison.verdicts.items():
            click.echo(f"{method}: {sentence}")
        click.echo()
    _write_demo(comparisons, out)


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
            raise click.ClickException(str(error)) from error
        found.append(name)
    if not found:
        click.echo(
            "No real data files were found (see --data-home): using data that comes with the package.\n"
        )
    return found or list(EMBEDDED_DATA)


def _readable(table: Any) -> str:
    """Write shares as per cent, gains as points, and numbers of people as they are."""
    shown = table.copy()
    signed = {"gain", "lower", "upper", "smallest_gain"}
    for column in shown.columns:
        if column in signed:
            shown[column] = [f"{100 * value:+.2f}" for value in shown[column]]
        elif column == "p_adjusted":
            shown[column] = [f"{value:.2g}" for value in shown[column]]
        elif shown[column].dtype.kind == "f":
            shown[column] = [f"{100 * value:.1f} %" for value in shown[column]]
    return shown.replace({"nan %": "-", "+nan": "-", "nan": "-"}).to_string()


def _write_demo(comparisons: list[Any], out: Path) -> None:
    import matplotlib as mpl
    import pandas as pd

    from .experiments import plot_comparison

    mpl.use("Agg")
    out.mkdir(parents=True, exist_ok=True)
    tables = {comparison.dataset: comparison.by_group for comparison in comparisons}
    pd.concat(tables, names=["dataset"]).to_csv(out / "gains_by_group.csv")
    pd.concat({c.dataset: c.overall for c in comparisons}, names=["dataset"]).to_csv(out / "overall.csv")
    for comparison in comparisons:
        plot_comparison(comparison).figure.savefig(out / f"gains_{comparison.dataset}.png", dpi=120)
    written = ["gains_by_group.csv", "overall.csv", *(f"gains_{c.dataset}.png" for c in comparisons)]
    click.echo(f"Written to {out}: {', '.join(written)}")


@main.group()
def reproduce() -> None:
    """Run a table of a paper again and show it beside the paper's numbers."""


@reproduce.command()
@click.option(
    "--datasets",
    default="adult,arrest,violent,german,bank",
    show_default=True,
    help="Names, separated by commas.",
)
@click.option(
    "--splits", type=click.IntRange(min=1), default=5, show_default=True, help="Number of random splits."
)
@click.option("--protocol", type=click.Choice(["strict", "paper"]), default="strict", show_default=True)
@click.option("--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with data files.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
    help="Folder for the CSV of every run and the Markdown table.",
)  # fmt: skip
def table4(datasets: str, splits: int, protocol: str, data_home: Path | None, out: Path) -> None:
    """Fairness without harm and accuracy of DAFH and its baselines (arXiv 2509.24077, Table 4)."""
    from .experiments import run_table4, summarize_table4, table4_markdown

    def progress(parts: Iterable[Any], total: int) -> Iterable[Any]:
        return tqdm(parts, total=total, desc="data set x split", file=sys.stderr)

    try:
        runs = run_table4(
            [name.strip() for name in datasets.split(",")],
            n_splits=splits,
            protocol=protocol,
            data_home=data_home,
            progress=progress,
        )
    except (ValueError, DatasetNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    markdown = table4_markdown(summarize_table4(runs), protocol)
    out.mkdir(parents=True, exist_ok=True)
    runs.to_csv(out / f"table4_{protocol}.csv", index=False)
    (out / f"table4_{protocol}.md").write_text(markdown, encoding="utf-8")
    click.echo(markdown)
    click.echo(f"Written to {out}: table4_{protocol}.csv, table4_{protocol}.md")
