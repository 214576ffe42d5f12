"""Tables and pictures of comparisons of methods, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def write_comparisons(comparisons: list[Any], out: Path, name: str) -> None:
    import matplotlib as mpl
    import pandas as pd

    from ..experiments import plot_comparison

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
