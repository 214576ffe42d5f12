"""An audit in MLflow: figures, page and JSON beside the run that it is about."""

from __future__ import annotations

from typing import Any

from ..exceptions import MissingExtraError
from ..metrics._core._names import full_name
from ._audit import Audit


def log_audit(audit: Audit, *, prefix: str = "no_harm", run_id: str | None = None) -> str:
    """Log an audit to a run of MLflow.

    Parameters
    ----------
    audit : Audit
        Whose figures, page and JSON are logged.
    prefix : str
        With which the names of metrics, tags and files begin.
    run_id : str, optional
        By default the active run; if there is none, MLflow starts one.

    Returns
    -------
    str
        Identifier of the run.

    Raises
    ------
    MissingExtraError
        If mlflow, matplotlib or jinja2 is not installed.

    Notes
    -----
    Metrics: whether harm was found, whether it is ruled out, how many groups are worse off, and the worst gain of those that may be shown, by loss. Tags: the
    state and the headline. Files: ``no_harm/audit.html``, ``audit.json``, whose small groups are suppressed.

    Examples
    --------
    >>> from fairlearn_fwh.audit import Audit, log_audit
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[1] * 200, y_pred_pooled=[1, 0] * 100, groups=["a", "b"] * 100)
    >>> run_id = log_audit(Audit(frame))  # doctest: +SKIP
    """
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError.for_extra("log_audit", "mlflow") from error
    page = audit.to_html()
    report = audit.to_json({"audit.html": page})
    if run_id is None:
        run_id = str((mlflow.active_run() or mlflow.start_run()).info.run_id)
    client = mlflow.MlflowClient()
    for name, figure in _figures(audit, prefix).items():
        client.log_metric(run_id, name, figure)
    for name, text in (("state", audit.state), ("headline", audit.headline)):
        client.set_tag(run_id, f"{prefix}.{name}", text)
    client.log_text(run_id, page, f"{prefix}/audit.html")
    client.log_text(run_id, report, f"{prefix}/audit.json")
    return run_id


def _figures(audit: Audit, prefix: str) -> dict[str, Any]:
    figures = {
        "harm_found": float(audit.harm_found),
        "certified": float(audit.certified),
        "n_groups_worse_off": float(len(audit.harmed_groups)),
    }
    for section in audit.sections:
        gains = section.groups["gain"].dropna()
        about = f".{full_name(section.loss)}" if audit.has_several_losses else ""
        if len(gains):
            figures[f"worst_gain{about}"] = float(gains.min())
    return {f"{prefix}.{name}": value for name, value in figures.items()}
