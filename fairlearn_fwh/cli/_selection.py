"""``fairlearn-fwh reproduce selection``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..exceptions import DatasetNotFoundError
from ._failure import Failure, check_folder


@click.command()
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

    from ..experiments._fairsde._selection import plot_selection_harm, run_selection, summarize_selection

    check_folder(out)
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
