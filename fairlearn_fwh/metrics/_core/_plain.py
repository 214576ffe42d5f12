"""Measurements of audit groups as what JSON can hold, and back: sums alone, never rows."""

from __future__ import annotations

import base64
from dataclasses import fields
from typing import Any

import numpy as np

from ._figures import Levels
from ._heaviest import Heaviest
from ._histograms import GainHistograms
from ._label_sets import LabelSets
from ._layout import Layout
from ._losses import LOSSES, Loss, resolve_loss
from ._measurement import OWN_CLASSIFIER, Measurement
from ._sums import GroupSums
from ._unit_hashes import UnitHashes
from ._unit_sums import UnitSums

_INTEGERS = ("n", "group", "column", "bin")


def to_plain(measured: Measurement) -> dict[str, Any]:
    """Write a measurement of audit groups; see `Measurement.of_audit_groups`.

    Raises
    ------
    ValueError
        If the loss is a function, or a label is neither text, a number nor a boolean.
    """
    m = measured
    return {
        "loss": loss_to_plain(m.loss),
        "audit_names": list(m.layout.audit_names),
        "audit": [label_to_plain(label) for label in m.layout.audit],
        "weighted": bool(m.weighted),
        "assigned": m.assigned.tolist(),
        "sums": _arrays(m.sums),
        "histograms": None if m.histograms is None else _arrays(m.histograms),
        "units": None
        if m.units is None
        else {name: _arrays(getattr(m.units, name)) for name in ("audit", "assigned", "overall")},
        "unit_hashes": None if m.unit_hashes is None else _hashes_to_plain(m.unit_hashes),
        "labels": None if m.labels is None else _sets_to_plain(m.labels),
        "exponent": int(m.exponent),
        "heaviest": {
            "labels": [label_to_plain(label) for label in m.heaviest.labels],
            "weights": m.heaviest.weights,
        },
    }


def from_plain(plain: dict[str, Any]) -> Measurement:
    """Read what `to_plain` wrote."""
    audit = [label_from_plain(label) for label in plain["audit"]]
    units = plain["units"]
    return Measurement(
        layout=Layout([OWN_CLASSIFIER], ["groups"], audit, plain["audit_names"]),
        loss=loss_from_plain(plain["loss"]),
        weighted=plain["weighted"],
        assigned=np.array(plain["assigned"], dtype=np.intp),
        audit=np.arange(len(audit)),
        sums=GroupSums(**_from_arrays(plain["sums"])),
        replicates=None,
        histograms=None
        if plain["histograms"] is None
        else GainHistograms(**_from_arrays(plain["histograms"])),
        units=None if units is None else Levels(**{k: UnitSums(**_from_arrays(v)) for k, v in units.items()}),
        unit_hashes=None if plain["unit_hashes"] is None else _hashes_from_plain(plain["unit_hashes"]),
        labels=None if plain["labels"] is None else _sets_from_plain(plain["labels"]),
        exponent=plain["exponent"],
        heaviest=Heaviest(
            [label_from_plain(label) for label in plain["heaviest"]["labels"]], plain["heaviest"]["weights"]
        ),
    )


def loss_to_plain(loss: Loss) -> dict[str, Any]:
    """Write a loss by its name.

    Raises
    ------
    ValueError
        If it is a function of the user's.
    """
    if loss.name not in LOSSES or resolve_loss(loss.name, loss.limit, loss.pos_label) != loss:
        raise ValueError(
            f"A state is text and cannot hold the function {loss.name!r}; use one of the losses {sorted(LOSSES)}."
        )
    pos_label = None if loss.pos_label is None else label_to_plain(loss.pos_label)
    return {"name": loss.name, "limit": loss.limit, "pos_label": pos_label}


def loss_from_plain(plain: dict[str, Any]) -> Loss:
    """Read a loss."""
    return resolve_loss(plain["name"], plain["limit"], plain["pos_label"])


def label_to_plain(label: Any) -> Any:
    """Write a label of a group; an intersection as a list.

    Raises
    ------
    ValueError
        If it, or a part of it, is neither text, a number nor a boolean.
    """
    if isinstance(label, tuple):
        return [label_to_plain(part) for part in label]
    value = label.item() if isinstance(label, np.generic) else label
    if not isinstance(value, str | int | float | bool):
        raise ValueError(
            f"A state is text and cannot hold the group {label!r} of type {type(label).__name__}; give groups as text."
        )
    return value


def label_from_plain(label: Any) -> Any:
    """Read a label."""
    return tuple(label_from_plain(part) for part in label) if isinstance(label, list) else label


def _arrays(sums: Any) -> dict[str, Any]:
    return {field.name: _numbers(getattr(sums, field.name)) for field in fields(sums)}


def _numbers(values: np.ndarray) -> Any:
    """Numbers as lists; those that are unknown as None."""
    if values.dtype.kind != "f":
        return values.tolist()
    known = values.astype(object)
    known[np.isnan(values)] = None
    return known.tolist()


def _from_arrays(plain: dict[str, Any]) -> dict[str, np.ndarray]:
    return {
        name: np.array(values, dtype=np.int64 if name in _INTEGERS else float)
        for name, values in plain.items()
    }


def _hashes_to_plain(hashes: UnitHashes) -> dict[str, str]:
    return {"check": hashes.check, "values": base64.b64encode(hashes.values.astype("<u8").tobytes()).decode()}


def _hashes_from_plain(plain: dict[str, str]) -> UnitHashes:
    values = np.frombuffer(base64.b64decode(plain["values"], validate=True), dtype="<u8")
    return UnitHashes(plain["check"], values.astype(np.uint64))


def _sets_to_plain(sets: LabelSets) -> dict[str, Any]:
    def listed(labels: Any) -> list[Any]:
        return sorted(
            (label_to_plain(label) for label in labels), key=lambda label: (str(type(label)), label)
        )

    return {
        "truth": listed(sets.truth),
        "predictions": {name: listed(labels) for name, labels in sets.predictions.items()},
        "stated": None if sets.stated is None else listed(sets.stated),
    }


def _sets_from_plain(plain: dict[str, Any]) -> LabelSets:
    predictions = {name: frozenset(labels) for name, labels in plain["predictions"].items()}
    stated = plain["stated"]
    return LabelSets(frozenset(plain["truth"]), predictions, None if stated is None else frozenset(stated))
