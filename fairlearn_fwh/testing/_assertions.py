"""What a test asserts of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..audit import Audit, Policy, Subject
from ..audit._group_table import group_table, line_of, widths_of
from ..audit._policy_reading import audit_settings, file_settings
from ..audit._status import PASSED
from ..files import measure_file
from ..metrics import PreferenceFrame
from ..metrics._core._losses import LOSSES


def assert_no_harm(
    data: PreferenceFrame | Audit | str | Path,
    *,
    policy: Policy | None = None,
    fail_on: str | None = None,
    tolerance: Any = None,
    alpha: float | None = None,
    harm_margin: Any = None,
    min_group_size: int | None = None,
    **columns: Any,
) -> Audit:
    """Fail if somebody is worse off.

    Parameters
    ----------
    data : PreferenceFrame, Audit or path-like
        Of people who took no part in fitting or choosing. A path names a file of CSV, Parquet or JSON lines.
    policy : Policy, optional
        Gives what is not given here; the fixture ``no_harm_policy`` has that of the project.
    fail_on : {"harm", "undecided", "envy"}, optional
        What fails: harm (the default), also harm that is not ruled out, or also envy.
    tolerance, alpha, harm_margin, min_group_size : optional
        As for `Audit`; an `Audit` has its own.
    **columns
        For a file: as for `measure_file`, such as ``y_true="y"``, ``y_pred="new"``, ``y_pred_pooled="old"``.

    Returns
    -------
    Audit

    Raises
    ------
    AssertionError
        If the audit does not pass; the message has the headline and the table.
    ValueError
        If the file cannot be used, a group is missing that the policy requires, a parameter does not apply, or the frame was measured (or the `Audit` made) with
        other losses, units or settings than the policy asks for.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> from fairlearn_fwh.testing import assert_no_harm
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         sensitive_features=["a"] * 100 + ["b"] * 100)
    >>> try:
    ...     assert_no_harm(frame)
    ... except AssertionError as error:
    ...     print(str(error).splitlines()[0])
    Harm found: the audited classifier is worse than the pooled classifier for 2 of 2 groups, most for a, with 95 % confidence.
    """
    policy = Policy() if policy is None else policy
    given = {
        "tolerance": tolerance,
        "alpha": alpha,
        "harm_margin": harm_margin,
        "min_group_size": min_group_size,
    }
    given = {name: value for name, value in given.items() if value is not None}
    failing = str(fail_on or policy.settings.get("fail-on", "harm"))
    if isinstance(data, Audit):
        if given or columns:
            raise ValueError(f"{next(iter(given | columns))} does not apply to an Audit, which has its own.")
        audit = data
        _check_settings(audit, policy)
    elif isinstance(data, PreferenceFrame):
        if columns:
            raise ValueError(
                f"{next(iter(columns))} does not apply to a PreferenceFrame, which was measured."
            )
        _check_losses(data, policy)
        audit = Audit(data, **(audit_settings(policy) | given))
    else:
        roles = file_settings(policy) | columns
        frame = measure_file(data, **roles)
        own, pooled = (
            str(roles.get(name) or default)
            for name, default in (("y_pred", Subject.own), ("y_pred_pooled", Subject.pooled))
        )
        subject = Subject(
            own=own,
            pooled=pooled,
            y_true=str(roles["y_true"]),
            source=Path(data).name,
            policy=policy.to_dict(),
        )
        audit = Audit(frame, subject=subject, **(audit_settings(policy) | given))
    policy.check_groups(audit.frame, audit.min_group_size)
    if audit.exit_status(failing) != PASSED:
        raise AssertionError(_message(audit))
    return audit


def _check_settings(audit: Audit, policy: Policy) -> None:
    """Raise ValueError if an audit was made with other settings than those of a policy."""
    for name, value in audit_settings(policy).items():
        if (own := getattr(audit, name)) != value:
            raise ValueError(
                f"The Audit has {name}={own!r}, and {policy.file} asks for {value!r}. Give the frame instead, or an Audit with the policy's settings."
            )


def _check_losses(frame: PreferenceFrame, policy: Policy) -> None:
    """Raise ValueError if a frame was measured by other losses, or without the units, that a policy asks for."""
    stated = policy.settings.get("loss", [])
    texts = [stated] if isinstance(stated, str) else stated
    wanted = {name.strip() for text in texts for name in text.split(",")}
    found = {part.loss.name for part in frame._parts.values()}
    if wanted and wanted <= set(LOSSES) and wanted != found:
        raise ValueError(
            f"{policy.file} asks about the losses {sorted(wanted)}; the frame has {sorted(found)}. Measure the frame by them."
        )
    if "unit" in policy.settings and frame._any.units is None:
        raise ValueError(f"{policy.file} has unit, and the frame was measured without units=.")


def _message(audit: Audit) -> str:
    """Headline and table, in lines of text."""
    header, rows = group_table(audit)
    widths = widths_of([header, *rows])
    lines = [line_of(cells, widths) for cells in (header, *rows)]
    if audit.suppressed:
        lines.append(f"{len(audit.suppressed)} group(s) {audit.why_suppressed} are not shown.")
    return "\n".join([audit.headline, "", *lines])
