"""``fairlearn-fwh reproduce``: tables and figures of the papers, each a command of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..exceptions import DatasetNotFoundError
from ._failure import Failure, check_folder
from ._selection import selection
from ._zafar import zafar


class _Reproductions(click.Group):
    """Commands of the DAFH paper's tables and figures, found when they are asked for: they need torch."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name all commands."""
        from ..experiments._registry import REPRODUCTIONS

        return sorted({*super().list_commands(context), *REPRODUCTIONS})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Make the command of a reproduction."""
        command = super().get_command(context, name)
        if command is not None:
            return command
        from ..experiments._registry import REPRODUCTIONS

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


@click.group(cls=_Reproductions)
def reproduce() -> None:
    """Run a table or figure of a paper again and show it beside the paper's numbers."""


def _run_reproduction(name: str, out: Path, **arguments: Any) -> None:
    import matplotlib as mpl

    from ..experiments._registry import REPRODUCTIONS, write_reproduction

    mpl.use("Agg")
    protocol = arguments.get("protocol")
    datasets = arguments.pop("datasets", None)
    if datasets:
        arguments["datasets"] = [part.strip() for part in datasets.split(",")]
    if "datasets" not in REPRODUCTIONS[name].options:  # generated data
        arguments.pop("data_home", None)
    if "n_splits" in arguments:
        arguments["progress"] = partial(_progress, name)
    check_folder(out)
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
    from ..experiments._registry import PAPER_REPRODUCTIONS

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


reproduce.add_command(zafar)
reproduce.add_command(selection)
