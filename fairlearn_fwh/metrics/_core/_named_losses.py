"""Several losses at once, by their names: harmed in what?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._losses import Loss, resolve_loss, takes_pos_label

#: Losses whose positive label is the one to be found; that of "rejection" is the favourable one.
_OF_WHOM_TO_FIND = ("missed", "false_alarm")


def resolve_losses(loss: Any, limit: Any = None, pos_label: Any = None) -> Loss | dict[str, Loss]:
    """Read one loss, or several by name.

    Parameters
    ----------
    loss : str, callable, dict from name to str or callable, or list of str
    limit, pos_label : optional
        As for `resolve_loss`; with several losses also dicts from their names.

    Returns
    -------
    Loss, or dict from str to Loss where several were asked for

    Raises
    ------
    ValueError
        As `resolve_loss`; if a name is empty, comes twice or is not a name of a loss, one positive label is given for losses that mean
        different ones by it, or one loss compares labels and another probabilities.
    """
    if isinstance(loss, list | tuple):
        loss = _by_own_name(list(loss))
    if not isinstance(loss, Mapping):
        for name, value in {"loss_limit": limit, "pos_label": pos_label}.items():
            if isinstance(value, Mapping):
                raise ValueError(f"{name} is a dict by losses, but loss={loss!r} is a single one.")
        return resolve_loss(loss, limit, pos_label)
    if not loss:
        raise ValueError("loss is an empty dict; name at least one loss.")
    for name in loss:
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"loss must have texts as names of its losses; got {name!r}.")
    plain = {name: resolve_loss(value) for name, value in loss.items()}
    limits = _by_name(limit, "loss_limit", [name for name, found in plain.items() if not found.is_binary])
    positive = [name for name, found in plain.items() if takes_pos_label(found)]
    if pos_label is not None and not isinstance(pos_label, Mapping):
        _check_one_meaning(plain, positive, pos_label)
    labels = _by_name(pos_label, "pos_label", positive)
    found = {name: resolve_loss(value, limits.get(name), labels.get(name)) for name, value in loss.items()}
    _check_kinds(found)
    return found


def _by_own_name(names: list[Any]) -> dict[str, Any]:
    keys = [name if isinstance(name, str) else getattr(name, "__name__", repr(name)) for name in names]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(
            f"loss names {repeated[0]!r} twice. Name it once; two versions of one loss need names: loss={{'a': ..., 'b': ...}}."
        )
    return dict(zip(keys, names, strict=True))


def _by_name(value: Any, argument: str, names: list[str]) -> dict[str, Any]:
    """What an argument says of each of the losses that it applies to."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        if not names:
            raise ValueError(f"{argument} does not apply to any of these losses.")
        return dict.fromkeys(names, value)
    if unknown := [name for name in value if name not in names]:
        raise ValueError(f"{argument} names {unknown[0]!r}; it applies to the losses {names}.")
    return dict(value)


def _check_one_meaning(losses: Mapping[str, Loss], names: list[str], pos_label: Any) -> None:
    to_find = [name for name in names if losses[name].name in _OF_WHOM_TO_FIND]
    favourable = [name for name in names if losses[name].name not in _OF_WHOM_TO_FIND]
    if to_find and favourable:
        raise ValueError(
            f"pos_label={pos_label!r} is one label, but for {to_find[0]!r} it is the label of people who are to be found, and for {favourable[0]!r} the "
            f"favourable prediction. Say both: pos_label={{{to_find[0]!r}: ..., {favourable[0]!r}: ...}}."
        )


def _check_kinds(losses: Mapping[str, Loss]) -> None:
    of_labels = [name for name, loss in losses.items() if loss.predicts in ("labels", "decisions")]
    of_scores = [name for name, loss in losses.items() if loss.predicts == "probabilities"]
    if of_labels and of_scores:
        raise ValueError(
            f"loss {of_labels[0]!r} compares labels and {of_scores[0]!r} probabilities; one column cannot be both. Make a frame for each."
        )


def kind_of_all(losses: Mapping[str, Loss]) -> Loss:
    """A loss that compares what all of them compare, for asking an estimator."""
    return next((loss for loss in losses.values() if loss.predicts == "labels"), next(iter(losses.values())))
