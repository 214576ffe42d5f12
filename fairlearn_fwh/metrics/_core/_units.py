"""In what figures of a loss are written: factor, sign, digits and name of the unit have their one home here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Losses that are 0 or 1: their means are shares of people, of whom this is the other share, and who are called so.
_SHARES = {
    "zero_one": ("accuracy", "share of wrong predictions"),
    "rejection": ("acceptance", "share of people who are rejected"),
    "missed": ("recall", "share of positive people who are missed"),
    "false_alarm": ("specificity", "share of negative people with a false alarm"),
}

#: How people are worse off by these losses.
_HARMS = {
    "zero_one": "are judged wrongly more often",
    "rejection": "are refused more often",
    "missed": "are missed more often",
    "false_alarm": "have more false alarms",
}

#: What stands where there is no figure.
MISSING = "–"


@dataclass(frozen=True)
class Unit:
    """The unit of a loss: percentage points where a mean is a share of people, else the loss itself.

    Attributes
    ----------
    loss : str
        Name of the loss.
    """

    loss: str

    @property
    def in_points(self) -> bool:
        """Whether figures are shares of people."""
        return self.loss in _SHARES

    @property
    def factor(self) -> float:
        """By what figures are multiplied."""
        return 100.0 if self.in_points else 1.0

    @property
    def name(self) -> str:
        """Name of the unit."""
        return "percentage points" if self.in_points else f"{self.loss} loss"

    @property
    def risk_name(self) -> str:
        """What a risk is."""
        return _SHARES[self.loss][1] if self.in_points else f"mean {self.loss} loss"

    @property
    def measure(self) -> str:
        """What a gain is of: accuracy, recall, a loss."""
        return _SHARES[self.loss][0] if self.in_points else self.name

    def risk(self, value: float) -> str:
        """Write a risk."""
        if not np.isfinite(value):
            return MISSING
        return f"{100 * value:.1f} %" if self.in_points else f"{value:.4g}"

    def gain(self, value: float, digits: int = 2) -> str:
        """Write a gain with its sign; `digits` are those of points."""
        if not np.isfinite(value):
            return MISSING
        return f"{100 * value:+.{digits}f}" if self.in_points else f"{value:+.4g}"

    def size(self, value: float) -> str:
        """Write a gain without its sign."""
        return self.gain(abs(value)).removeprefix("+")

    def gain_in_words(self, value: Any) -> str:
        """Write a gain with its unit, in a sentence about the loss."""
        return f"{self.gain(value, 1)} points" if self.in_points else self.gain(value)

    def gain_of_what(self, value: Any) -> str:
        """Write a gain with its unit, and what it is of."""
        of_what = f" of {_SHARES[self.loss][0]}" if self.in_points else ""
        return f"{self.gain_in_words(value)}{of_what}"

    def harm_in_words(self, name: str) -> str:
        """Say how people are worse off, in a sentence about several losses, of which this is called `name`."""
        return _HARMS.get(self.loss, f"have a higher {name} loss")

    def amount(self, value: float) -> str:
        """Write a tolerance in few characters."""
        if not self.in_points:
            return f"{value:g}"
        return "1 point" if value == 0.01 else f"{100 * value:g} points"

    def amount_in_words(self, value: float) -> str:
        """Write a tolerance, and what it is of."""
        return f"{self.amount(value)} of {self.measure}"


def share(value: float) -> str:
    """Write a share of people."""
    return Unit("zero_one").risk(value)


def plain_gain(value: Any) -> str:
    """Write a gain in units of its loss, whatever that is, as tables have it."""
    return f"{value:+.4f}"
