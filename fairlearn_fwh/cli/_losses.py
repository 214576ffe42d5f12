"""How the command line names losses, their labels and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..metrics import MisclassificationCost
from ..metrics._core._losses import LOSSES
from ._columns import given, of_policy

#: Names that the command line has beside those of `LOSSES`.
_ERROR, _COSTS = "error", "misclassification"

#: Losses that have a positive, or a favourable, label.
_WITH_LABEL = ("missed", "false_alarm", "rejection")


def read_judged(options: dict[str, Any]) -> dict[str, Any]:
    """Losses of an audit with their labels, as parameters of `measure_file`."""
    pos_label, cost = options["pos_label"], options["cost"]
    if given("loss"):  # what a policy says of its own losses is not about these
        if of_policy("pos_label") and any(_named(name)[1] in _WITH_LABEL for name in options["loss"]):
            raise ValueError(
                "--loss is given, and pos-label of the policy is about the policy's own losses. Give --pos-label, too."
            )
        pos_label = () if of_policy("pos_label") else pos_label
        cost = () if of_policy("cost") else cost
    losses = read_losses(options["loss"], pos_label, cost)
    return {**losses, "loss_limit": options["loss_limit"], "labels": options["labels"]}


def read_losses(
    names: Sequence[str], pos_labels: Sequence[str], costs: Sequence[tuple[str, str, float]]
) -> dict[str, Any]:
    """Read what is judged, as the parameters `loss` and `pos_label` of `PreferenceFrame`.

    Parameters
    ----------
    names : sequence of str
        ``LOSS`` or ``NAME=LOSS``.
    pos_labels : sequence of str
        ``LABEL``, or ``LOSS=LABEL`` for one of several.
    costs : sequence of (true label, predicted label, cost)

    Raises
    ------
    ValueError
        If a loss is unknown, a name comes twice, or labels or costs do not belong to a loss.
    """
    pairs = [_named(name) for name in names]
    keys = [key for key, _ in pairs]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(
            f"--loss names {repeated[0]!r} twice. Name it once, or give two versions names: NAME=LOSS."
        )
    is_costly = any(loss == _COSTS for _, loss in pairs)
    if is_costly != bool(costs):
        raise ValueError(
            "--loss misclassification needs --cost TRUTH PREDICTED COST for each wrong decision that costs something."
            if is_costly
            else "--cost is for --loss misclassification."
        )
    table = _costs(costs) if costs else None
    losses = {key: table if loss == _COSTS else loss for key, loss in pairs}
    if len(losses) == 1 and "=" not in names[0]:
        return {"loss": losses[keys[0]], "pos_label": only_label(pos_labels)}
    return {"loss": losses, "pos_label": _labels_by_loss(pos_labels, dict(pairs))}


def only_label(pos_labels: Sequence[str]) -> str | None:
    """The one positive label; ValueError if there are several."""
    if len(pos_labels) > 1:
        raise ValueError("--pos-label is given more than once; only several losses have several labels.")
    return pos_labels[0] if pos_labels else None


def _named(name: str) -> tuple[str, str]:
    key, _, loss = name.partition("=") if "=" in name else (name, "", name)
    loss = "zero_one" if loss == _ERROR else loss
    if loss not in (*LOSSES, _COSTS):
        raise ValueError(f"--loss {loss!r} is unknown; losses are {', '.join([_ERROR, *LOSSES, _COSTS])}.")
    if not key.strip():
        raise ValueError(f"--loss {name!r} has no name before the equals sign.")
    return key, loss


def _costs(costs: Sequence[tuple[str, str, float]]) -> MisclassificationCost:
    pairs = [(truth, predicted) for truth, predicted, _ in costs]
    if repeated := [pair for pair in pairs if pairs.count(pair) > 1]:
        raise ValueError(f"--cost {' '.join(repeated[0])} is given twice.")
    return MisclassificationCost.of_pairs({(truth, predicted): cost for truth, predicted, cost in costs})


def _labels_by_loss(pos_labels: Sequence[str], losses: dict[str, Any]) -> Any:
    """One label for all losses that have one, or a dict."""
    keys = list(losses)
    if len(pos_labels) == 1 and pos_labels[0].partition("=")[0] not in keys:
        if "rejection" in losses.values() and {"missed", "false_alarm"} & set(losses.values()):
            raise ValueError(
                "--pos-label is the label of people who are to be found for missed and false_alarm, and the favourable one for rejection. Say both: "
                "--pos-label LOSS=LABEL for each of them."
            )
        return pos_labels[0]
    labels = {}
    for text in pos_labels:
        key, _, label = text.partition("=")
        if key not in keys or not label:
            raise ValueError(
                f"--pos-label {text!r}: with several of them each begins with a loss, such as {keys[0]}=LABEL."
            )
        if key in labels:
            raise ValueError(f"--pos-label is given twice for {key!r}.")
        labels[key] = label
    return labels or None
