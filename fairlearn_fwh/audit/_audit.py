"""An audit: tests, verdict and report of one preference frame."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import MissingExtraError
from ..metrics import PreferenceFrame
from ..metrics._core._names import SMALLEST_SHOWN, full_name, group_name, printable
from ..metrics._core._units import MISSING, share
from ._findings import MOST_SHOWN, Findings, records, worst_first
from ._group_table import group_table
from ._plots import MAX_DRAWN
from ._section import Section
from ._status import status


class Audit(Findings):
    """Ask of a preference frame whether anybody is harmed, and say it in words, tables, pictures and an exit status.

    Parameters
    ----------
    frame : PreferenceFrame
        Made from data that took no part in fitting or choosing; without control features.
    tolerance : float, or dict from loss to float
        Largest loss that counts as none in certificates, in units of the loss.
    alpha : float
        One minus the confidence: for all violations together, and for all certificates together.
    min_group_size : int
        Groups with fewer people are tested, but suppressed in the report.
    harm_margin : float, or dict from loss to float
        Loss that is not yet called harm, in units of the loss: harm is a loss significantly larger than that.
    source : str
        What was audited, for the title of the report.

    Attributes
    ----------
    claims : {"rationality", "all"}
        What is claimed of every group: with predictions of all group classifiers envy-freeness too.
    violations : DataFrame
        Claims that the data contradict, as `PreferenceFrame.violations` gives them.
    certificate : DataFrame
        All claims, as `PreferenceFrame.certify` gives them.
    verdict : str
        The outcome in one sentence.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the frame has control features.

    Examples
    --------
    >>> from fairlearn_fwh.audit import Audit
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         sensitive_features=["a"] * 100 + ["b"] * 100)
    >>> audit = Audit(frame)
    >>> audit.exit_status(), audit.verdict
    (1, 'harms a (-50.0 points, 100 people), b (-50.0 points, 100 people), with 95 % confidence.')
    """

    def __init__(
        self,
        frame: PreferenceFrame,
        *,
        tolerance: float | Mapping[str, float] = 0.01,
        alpha: float = 0.05,
        min_group_size: int = SMALLEST_SHOWN,
        harm_margin: float | Mapping[str, float] = 0.0,
        source: str = "",
    ) -> None:
        super().__init__(
            frame, tolerance=tolerance, alpha=alpha, min_group_size=min_group_size, harm_margin=harm_margin
        )
        self.source = source

    def exit_status(self, fail_on: str = "harm") -> int:
        """Return what a command should exit with.

        Parameters
        ----------
        fail_on : {"harm", "undecided", "envy"}
            Whether to fail on harm alone, also where harm is neither found nor ruled out, or also on envy.

        Returns
        -------
        int
            0 if all is well, 1 for harm (or envy), 3 for undecided.

        Raises
        ------
        ValueError
            If `fail_on` is unknown.
        """
        return status(harm=self.harm_found, certified=self.certified, envy=self.envy_found, fail_on=fail_on)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as what JSON can hold.

        Returns
        -------
        dict
        """
        return {
            "source": self.source,
            "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
            "verdict": self.verdict,
            "state": self.state,
            "harm_found": self.harm_found,
            "envy_found": self.envy_found,
            "certified": self.certified,
            "alpha": float(self.alpha),
            "claims": self.claims,
            "n_claims": len(self.certificate),
            "units": None if self.suppressed else self.frame.n_units,
            "min_group_size": self.min_group_size,
            "n_suppressed_groups": len(self.suppressed),
        } | (
            {"losses": [{"name": section.loss} | _of_section(section) for section in self.sections]}
            if self.has_several_losses
            else _of_section(self.sections[0])
        )

    def to_json(self, parts: dict[str, str] | None = None) -> str:
        """Return the audit as JSON, with all groups, one in a line.

        Parameters
        ----------
        parts : dict from str to str, optional
            Other files of the same report, by their names; the JSON has their SHA-256 sums, so that a reader can tell whether they belong
            together.

        Returns
        -------
        str
        """
        report = self.to_dict() | sums_of(parts)
        lines = []
        for name, value in report.items():
            text = json.dumps(value, allow_nan=False)
            if isinstance(value, list) and value:
                text = (
                    "[\n" + ",\n".join(f"    {json.dumps(item, allow_nan=False)}" for item in value) + "\n  ]"
                )
            lines.append(f"  {json.dumps(name)}: {text}")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def to_html(self) -> str:
        """Return the audit as one self-contained HTML page: verdict, tables, pictures, what was tested with what power.

        Returns
        -------
        str

        Raises
        ------
        MissingExtraError
            If jinja2 or matplotlib is not installed.
        """
        return (
            environment()
            .get_template("report.html.jinja")
            .render(
                audit=self,
                sections=[(section, _shown_of(section)) for section in self.sections],
                most_shown=MOST_SHOWN,
                overview=group_table(self) if self.has_several_losses else None,
                pictures=list(self._pictures()),
                version=importlib.metadata.version("fairlearn-fwh"),
                methods=[] if self.hides else sorted({m for m in self.certificate["method"] if m}),
            )
        )

    def _pictures(self) -> Iterator[tuple[str, str]]:
        """Title and data URI of each picture: gains in all losses in one, the others of each loss."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError.for_extra("The HTML report", "plot") from error
        n = min(len(self.sections[0].groups), MAX_DRAWN)
        if not n:
            return
        height = (1.4 + 0.45 * n) * len(self.sections)
        yield "Who gains, who loses", self._picture(Figure, self.frame, "gain", height)
        for section in self.sections:
            about = f", {section.loss}" if self.has_several_losses else ""
            for kind, (title, size) in self._kinds(section).items():
                yield f"{title}{about}", self._picture(Figure, section.frame, kind, size)

    def _kinds(self, section: Section) -> dict[str, tuple[str, float]]:
        """Further pictures of a loss: title and height."""
        kinds = {"flips": ("Individuals behind the gains", 5.4)}
        envy = None if self.hides else section.envy
        n_assigned = len(section.frame.envy_matrix)
        if envy is not None and len(envy) and n_assigned <= MAX_DRAWN:
            kinds["envy"] = ("Would another group's classifier be better?", 2.2 + 0.5 * n_assigned)
        return kinds

    def _picture(self, figure_class: Any, frame: PreferenceFrame, kind: str, height: float) -> str:
        figure = figure_class(figsize=(8.5, height), layout="constrained")
        n_panels = len(frame.losses) if kind == "gain" else 1
        axes = figure.subplots(n_panels, squeeze=False)[:, 0]
        frame.plot(kind, ax=axes if frame.has_several_losses else axes[0], min_group_size=self.min_group_size)
        return data_uri(figure)


def _of_section(section: Section) -> dict[str, Any]:
    """What JSON can hold of one loss."""
    envy = section.envy
    return {
        "loss": section.frame.loss_name,
        "tolerance": float(section.tolerance),
        "harm_margin": float(section.harm_margin),
        "overall": plain_record(section.overall),
        "groups": [plain_record(record) for record in records(section.groups)],
        "envy": [] if envy is None else [plain_record(record) for record in records(envy.set_index("group"))],
    }


def _shown_of(section: Section) -> list[dict[str, Any]]:
    return records(worst_first(section.groups, MOST_SHOWN))


def environment() -> Any:
    """Return the templates of pages.

    Raises
    ------
    MissingExtraError
        If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError.for_extra("The HTML report", "cli") from error
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("fairlearn_fwh.audit", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    templates.filters |= {"share": share, "number": _number, "name": group_name, "shown": printable}
    return templates


def sums_of(parts: dict[str, str] | None) -> dict[str, Any]:
    """SHA-256 sums of other files of a report, by their names, if there are any."""
    if not parts:
        return {}
    return {"parts": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}}


def data_uri(figure: Any) -> str:
    """Return a picture as what a page can hold."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def plain_record(record: dict[str, Any]) -> dict[str, Any]:
    """Make of a row what JSON can hold: None for what is not finite."""
    return {name: _plain_value(value) for name, value in record.items()}


def _plain_value(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        # Engines add up in different orders: the last digits are theirs, not the data's.
        return float(f"{value:.9g}") if np.isfinite(value) else None
    return value if isinstance(value, str | int | None) else full_name(value)


def _number(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"
