"""From a sample of rows to what is kept of it, for one loss or several."""

from __future__ import annotations

from collections.abc import Mapping

from ._alike import AlikeRows
from ._losses import Loss
from ._measurement import Bootstrap, Measurement
from ._sample import Sample

#: Most combinations of groups and labels from which one loss is read; its own values have fewer.
_MOST_FOR_ONE = 1 << 17


def measure(sample: Sample, loss: Loss, bootstrap: Bootstrap) -> Measurement:
    """Add up the losses of a sample.

    Raises
    ------
    ValueError
        If the loss concerns nobody, or predictions are not of the kind that it compares.
    """
    # Only losses without limits to check: messages about limits name rows.
    alike = sample.alike([loss], _MOST_FOR_ONE) if loss.is_binary else None
    return (
        _measure_rows(sample, loss, bootstrap)
        if alike is None
        else _measure_alike(sample, alike, loss, bootstrap)
    )


def measure_several(
    sample: Sample, losses: Mapping[str, Loss], bootstrap: Bootstrap
) -> dict[str, Measurement]:
    """Add up several losses of one sample; those of labels from the kinds of people that there are, counted once.

    Raises
    ------
    ValueError
        As `measure`.
    """
    alike = sample.alike(losses.values())
    if alike is None:
        return {name: measure(sample, loss, bootstrap) for name, loss in losses.items()}
    return {name: _measure_alike(sample, alike, loss, bootstrap) for name, loss in losses.items()}


def _measure_rows(sample: Sample, loss: Loss, bootstrap: Bootstrap) -> Measurement:
    loss = sample.complete(loss)
    measured = Measurement.of_rows(sample.rows(loss), sample.layout, loss, bootstrap)
    return measured.about(sample.sets, sample.exponent, sample.heaviest)


def _measure_alike(sample: Sample, alike: AlikeRows, loss: Loss, bootstrap: Bootstrap) -> Measurement:
    loss = sample.complete(loss)
    weighted = sample.weights is not None
    measured = Measurement.of_cells(alike.cells(loss), sample.layout, loss, weighted, bootstrap)
    return measured.about(sample.sets, sample.exponent, sample.heaviest)


def add_losses(mine: Mapping[str, Measurement], theirs: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """Add up two samples that were measured in the same losses.

    Raises
    ------
    ValueError
        If they were not, or as for the sum of two measurements.
    """
    if list(mine) != list(theirs):
        raise ValueError(
            f"Frames can be added only if they have the same losses; got {list(mine)} and {list(theirs)}."
        )
    return {name: mine[name] + theirs[name] for name in mine}
