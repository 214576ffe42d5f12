"""``fairlearn-fwh mitigators``: whom parity mitigators harm."""

from __future__ import annotations

from pathlib import Path

import click

from ..exceptions import DatasetNotFoundError
from ._comparisons import write_comparisons
from ._failure import Failure, check_folder
from ._terminal import Fitting, show_comparison


@click.command()
@click.argument("dataset")
@click.option("--attribute", help="Sensitive features that are mitigated and audited: race or race,sex.")
@click.option("--data-home", type=click.Path(file_okay=False, path_type=Path), help="Folder with data files.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="results", show_default=True,
    help="Folder for the tables and the picture.",
)  # fmt: skip
def mitigators(dataset: str, attribute: str | None, data_home: Path | None, out: Path) -> None:
    """Tell whom the parity mitigators of fairlearn and AIF360 harm on DATASET."""
    from ..experiments import audit_mitigators

    check_folder(out)
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
    write_comparisons([comparison], out, "mitigators")
