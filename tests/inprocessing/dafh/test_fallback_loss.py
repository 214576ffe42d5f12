"""Learned groups that are certified in another loss than errors."""

import numpy as np
import pytest

from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import DAFHClassifier


def test_groups_are_certified_in_the_loss(rng):
    X = rng.normal(size=(6000, 2))
    s = rng.choice([0.0, 1.0], 6000)
    signal = np.where(s == 0, X[:, 0], 0.4 * X[:, 0] + X[:, 1])
    y = (signal + 0.5 * rng.normal(size=6000) > 0.9).astype(int)
    model = DAFHClassifier(fallback_loss="missed", n_groups=2, max_epochs=5, random_state=0)
    with pytest.warns(GroupFallbackWarning, match="not certified"):
        model.fit(X, y)
    concerned = [int(reason.split(" of ")[1].split()[0]) for reason in model.certificates_.values()]
    assert sum(concerned) < 0.3 * len(y) * y.mean()
    frame = model.preference_frame(X, y)
    assert (frame.loss_name, frame.overall["n"]) == ("missed", y.sum())
