"""What reports of one table of groups share: small groups are suppressed, and the rest is a page and JSON."""

from __future__ import annotations

import importlib.metadata
import json
from abc import ABC, abstractmethod
from typing import Any

import pandas as pd

from ..metrics._core._names import full_name
from ._audit import environment, plain_record, sums_of


class TableReport(ABC):
    """A report whose groups are the rows of a table.

    Attributes
    ----------
    min_group_size : int
        Smaller groups are suppressed.
    """

    #: Its page.
    _template: str

    min_group_size: int
    _table: pd.DataFrame

    @abstractmethod
    def groups(self) -> pd.DataFrame:
        """Return the groups that may be shown, the worst first."""

    @abstractmethod
    def table(self) -> tuple[list[str], list[list[str]]]:
        """Return the same as cells of text: a header, and a row per group."""

    @abstractmethod
    def _facts(self) -> dict[str, Any]:
        """What the JSON says beside the groups."""

    @property
    def n_suppressed(self) -> int:
        """Number of groups that are not shown."""
        return len(self._table) - len(self.groups())

    def to_json(self, parts: dict[str, str] | None = None) -> str:
        """Return the report as JSON.

        Parameters
        ----------
        parts : dict from str to str, optional
            As for `Audit.to_json`.

        Returns
        -------
        str
        """
        report = self._facts() | {
            "min_group_size": self.min_group_size,
            "n_suppressed_groups": self.n_suppressed,
            "groups": [
                {"group": full_name(label)} | plain_record({str(name): value for name, value in row.items()})
                for label, row in self.groups().iterrows()
            ],
        }
        return json.dumps(report | sums_of(parts), allow_nan=False, indent=2) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained HTML page.

        Returns
        -------
        str

        Raises
        ------
        MissingExtraError
            If jinja2 is not installed.
        """
        template: Any = environment().get_template(self._template)
        return template.render(report=self, table=self.table(), version=package_version())


def package_version() -> str:
    """Version of this package."""
    return importlib.metadata.version("fairlearn-fwh")
