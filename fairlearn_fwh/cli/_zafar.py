"""``fairlearn-fwh reproduce zafar``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from tqdm import tqdm

from ._failure import check_folder


@click.command()
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

    from ..experiments._zafar._preferred_treatment import run_zafar, zafar_markdown

    check_folder(out)
    others = {seed: run_zafar(seed) for seed in tqdm(range(draws), desc="draws", file=sys.stderr)}
    markdown = zafar_markdown(run_zafar(), pd.concat(others, names=["seed"]))
    out.mkdir(parents=True, exist_ok=True)
    (out / "zafar.md").write_text(markdown, encoding="utf-8")
    click.echo(markdown)
    click.echo(f"Written to {out}: zafar.md")
