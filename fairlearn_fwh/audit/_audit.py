"""An audit: tests, verdict and report of one preference frame."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import MissingExtraError
from ..metrics import PreferenceFrame
from ..metrics._core._names import SMALLEST_SHOWN, full_name, group_name, printable
from ..metrics._core._units import MISSING, share
from ._comment import comment
from ._findings import MOST_SHOWN, Findings, records, worst_first
from ._forest import WIDTH, forest_height, plot_forest
from ._group_table import group_table
from ._junit import junit_xml
from ._plots import MAX_DRAWN
from ._schema import SCHEMA_VERSION
from ._section import Section
from ._status import check_fail_on, status
from ._subject import Subject
from ._words import facts_of, limits_of, result_of


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
    subject : Subject, optional
        What is compared, by name, and how to repeat the audit; takes the place of `source`.

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
        subject: Subject | None = None,
    ) -> None:
        super().__init__(
            frame,
            tolerance=tolerance,
            alpha=alpha,
            min_group_size=min_group_size,
            harm_margin=harm_margin,
            subject=Subject(source=source) if subject is None else subject,
        )

    @property
    def source(self) -> str:
        """What was audited."""
        return self.subject.source

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
            "schema_version": SCHEMA_VERSION,
            "source": self.source,
            "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
            "compared": {"own": self.subject.own, "pooled": self.subject.pooled},
            "date": self.subject.date or None,
            "policy": dict(self.subject.policy) or None,
            "headline": self.headline,
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

    def to_markdown(self) -> str:
        """Return the audit in Markdown, for the comment of a pull request.

        Returns
        -------
        str
        """
        return comment(self)

    def to_junit(self, fail_on: str = "harm") -> str:
        """Return the audit as JUnit XML, with a test for each group and loss.

        Parameters
        ----------
        fail_on : {"harm", "undecided", "envy"}
            Which tests fail; groups of which nothing can be told are skipped, or fail with "undecided".

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If `fail_on` is unknown.
        """
        check_fail_on(fail_on)
        return junit_xml(self, fail_on)

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
                overview=group_table(self) if self.has_several_losses else None,
                pictures=list(self._pictures()),
                methods=[] if self.hides else sorted({m for m in self.certificate["method"] if m}),
                sure=f"{100 * (1 - self.alpha):g} %",
                limits=limits_of(self),
                result=result_of,
                p_value=_p_value,
                facts=list(facts_of(self)),
            )
        )

    def _pictures(self) -> Iterator[tuple[str, str, str]]:
        """Title, data URI and description of each picture."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError.for_extra("The HTML report", "plot") from error

        def figure(height: float) -> tuple[Any, Any]:
            new = Figure(figsize=(WIDTH, height), layout="constrained")
            return new, new.subplots()

        for section in self.sections:
            if not (n := len(section.groups)):
                continue
            about = f", {printable(section.loss)}" if self.has_several_losses else ""
            picture, ax = figure(forest_height(n))
            plot_forest(section, ax, self.counted)
            yield (
                f"Who gains, who loses{about}",
                data_uri(picture),
                f"Gains of {n} groups with intervals and bounds{about}; the table has the figures",
            )
            picture, ax = figure(forest_height(n))
            section.frame.plot("flips", ax=ax, min_group_size=self.min_group_size)
            yield (
                f"Whose predictions changed{about}",
                data_uri(picture),
                f"Shares of people of {n} groups who are served worse and better{about}",
            )
            envy, n_assigned = None if self.hides else section.envy, len(section.frame.envy_matrix)
            if envy is not None and len(envy) and n_assigned <= MAX_DRAWN:
                picture, ax = figure(2.2 + 0.5 * n_assigned)
                section.frame.plot("envy", ax=ax, min_group_size=self.min_group_size)
                yield (
                    f"Would another group's classifier be better?{about}",
                    data_uri(picture),
                    f"Gains over the classifiers of other groups{about}",
                )


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
        import jinja2  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.for_extra("The HTML report", "cli") from error
    return _templates()


@cache
def _templates() -> Any:
    """Templates that were used once stay compiled, for the next report."""
    import jinja2

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
    import matplotlib as mpl

    buffer = io.BytesIO()
    # One audit has one page: no dates, and no names that are drawn.
    with mpl.rc_context({"svg.hashsalt": "fairlearn_fwh"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
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


def _p_value(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:.2g}" if value >= 1e-4 else "below 0.0001"


def _number(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}"
