"""The predictions that all packages are asked about."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fairlearn_fwh.exceptions import DatasetNotFoundError
from fairlearn_fwh.experiments._comparison import load_split
from fairlearn_fwh.experiments._mitigators import mitigators

#: Mitigators of others on Adult.
MITIGATORS = (
    "ThresholdOptimizer, demographic parity",
    "ThresholdOptimizer, equalized odds",
    "ExponentiatedGradient, demographic parity",
    "CorrelationRemover",
    "Reweighing",
)


@dataclass(frozen=True)
class Case:
    """Predictions of an old and a new model for the same people.

    Attributes
    ----------
    name : str
    truth : str
        What is known of who lost, because the data were made so; empty for real data.
    table : DataFrame
        Columns y, old, new, group, and unit where people come several times.
    """

    name: str
    truth: str
    table: pd.DataFrame


def _wrong(rng: np.random.Generator, y: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    return np.where(rng.random(len(y)) < share, 1 - y, y)


def generated() -> Iterator[Case]:
    """Cases in which it is known who loses."""
    rng = np.random.default_rng(0)
    n = 6000
    group, y = np.repeat(["a", "b"], n // 2), np.tile([0, 1], n // 2)
    old = _wrong(rng, y, np.where(group == "a", 0.10, 0.20))
    new = np.where(group == "a", _wrong(rng, y, 0.30), _wrong(rng, y, 0.30))
    yield Case(
        "both groups are levelled down to the same error, parity is perfect",
        "a loses 20 points of accuracy, b 10",
        pd.DataFrame({"y": y, "old": old, "new": new, "group": group}),
    )
    old = _wrong(rng, y, 0.20)
    missed = (group == "b") & (y == 1) & (rng.random(n) < 0.15)
    spared = (group == "b") & (y == 0) & (old == 1) & (rng.random(n) < 0.6)
    new = np.where(missed | spared, 0, old)
    yield Case(
        "one group loses recall, its accuracy stays",
        "b loses some 12 points of recall",
        pd.DataFrame({"y": y, "old": old, "new": new, "group": group}),
    )
    people = 150
    unit = np.repeat(np.arange(2 * people), 20)
    group = np.repeat(["a", "b"], 20 * people)
    y = rng.integers(0, 2, len(unit))
    apart = rng.random(2 * people)[
        unit
    ]  # a person is served well by one of the two models, in all of 20 rows
    old, new = (
        np.where(mine & (rng.random(len(unit)) < 0.5), 1 - y, y) for mine in (apart < 0.15, apart > 0.85)
    )
    yield Case(
        "people come twenty times each, nobody loses on average",
        "nobody loses",
        pd.DataFrame({"y": y, "old": old, "new": new, "group": group, "unit": unit}),
    )


def real() -> Iterator[Case]:
    """Mitigators of fairlearn and AIF360 on Adult, by sex and by race and sex."""
    for attribute in ("sex", "race,sex"):
        try:
            split, _ = load_split("adult", attribute, None, 0)
        except DatasetNotFoundError:
            print("Adult is not here: set FAIRLEARN_FWH_DATA to the folder that has it.")
            return
        methods = mitigators()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = methods["pooled"](split, 0).y_pred
            for name in MITIGATORS:
                new = methods[name](split, 0).y_pred
                table = pd.DataFrame(
                    {"y": split.y_test, "old": old, "new": new, "group": split.attribute_test.to_numpy()}
                )
                yield Case(
                    f"Adult by {attribute.replace(',', ' x ')}: {name}",
                    "",
                    table.astype({"y": int, "old": int, "new": int}),
                )
