"""Labels of which one kind is favorable, as scikit-learn's estimators need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from aif360.datasets import BinaryLabelDataset


@dataclass(frozen=True)
class LabelCoding:
    """Which labels are favorable.

    Two labels become 0 (unfavorable) and 1 (favorable), because scikit-learn calls the greater one positive, and
    AIF360's favorable label may be the smaller one (German credit: 1 is good, 2 is bad). More labels stay what they are.
    """

    favorable: tuple[Any, ...]
    unfavorable: tuple[Any, ...]
    binary: bool

    @classmethod
    def of(cls, dataset: Any) -> LabelCoding:
        """Read what a data set calls favorable."""
        binary = isinstance(dataset, BinaryLabelDataset)
        favorable, unfavorable = (
            (float(label),) if binary else tuple(map(float, label))
            for label in (dataset.favorable_label, dataset.unfavorable_label)
        )
        return cls(favorable, unfavorable, binary)

    @property
    def recodes(self) -> bool:
        """Whether codes are other numbers than the labels."""
        return self.binary and (self.favorable, self.unfavorable) != ((1,), (0,))

    def encode(self, labels: np.ndarray, name: str) -> np.ndarray:
        """Code labels, shape (n,).

        Raises
        ------
        ValueError
            If a label is neither favorable nor unfavorable.
        """
        values = labels.ravel()
        unknown = ~np.isin(values, self.favorable + self.unfavorable)
        if unknown.any():
            raise ValueError(
                f"{name} must be favorable {list(self.favorable)} or unfavorable {list(self.unfavorable)}; "
                f"got {np.unique(values[unknown])[:5].tolist()}."
            )
        return (values == self.favorable[0]).astype(int) if self.binary else values

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Turn predicted codes into labels, shape (n,)."""
        return np.array([self.unfavorable[0], self.favorable[0]])[codes] if self.binary else codes

    def is_favorable(self, codes: np.ndarray) -> np.ndarray:
        """Which codes stand for a favorable label, as a mask."""
        return codes == 1 if self.binary else np.isin(codes, self.favorable)

    def check_nothing_is_fitted(self, parameters: Mapping[str, Any]) -> None:
        """Raise ValueError for fitted classifiers among parameters if codes are not the labels that they know."""
        if not self.recodes:
            return
        for name, value in parameters.items():
            if (name == "prefit" and value is True) or any(
                hasattr(part, "classes_") for part in _parts(value)
            ):
                raise ValueError(
                    f"{name} holds a fitted classifier, which knows other labels than the 1 (favorable) and 0 (unfavorable) "
                    f"that {self.favorable[0]!r} and {self.unfavorable[0]!r} are coded as; fit it on 1 and 0, and use these labels."
                )


def _parts(value: Any) -> Iterator[Any]:
    """Walk through what tuples, lists and dicts hold."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _parts(part)
    else:
        yield value
