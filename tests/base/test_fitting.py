"""A fit succeeds, or changes nothing."""

import numpy as np
import pytest

from fairlearn_fwh.decoupling import (
    DecoupledClassifier,
    PreferenceTreeClassifier,
    PreferredTreatmentClassifier,
)
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    DROClassifier,
    GradientGraphClassifier,
    MultiTaskTransferClassifier,
    SelectiveExpertsClassifier,
)
from fairlearn_fwh.postprocessing import NoHarmSelector
from fairlearn_fwh.reductions import NoHarmReduction

from ..conftest import opposite_rules

ESTIMATORS = [
    DecoupledClassifier(),
    PreferenceTreeClassifier(),
    PreferredTreatmentClassifier(),
    DAFHClassifier(n_init=1, max_epochs=2, fallback=None),
    NoHarmSelector(),
    SelectiveExpertsClassifier(max_epochs=1),
    GradientGraphClassifier(max_epochs=4),
    AdversarialReweightingClassifier(max_epochs=4),
    DROClassifier(max_epochs=4),
    MultiTaskTransferClassifier(max_epochs=4),
    NoHarmReduction(tolerance=0.2),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_a_failed_fit_changes_nothing(estimator):
    X, y, group = opposite_rules(600)
    estimator.fit(X, y, sensitive_features=group)
    before = vars(estimator).copy()
    wider = np.hstack([X, X])
    for bad in (y[:10], np.zeros(len(y), dtype=int)):
        with pytest.raises(ValueError, match="rows|class"):
            estimator.fit(wider, bad, sensitive_features=group)
        assert vars(estimator) == before
    assert estimator.n_features_in_ == 2
