"""A fit succeeds, or changes nothing."""

import numpy as np
import pytest
from sklearn.base import is_regressor

from ..conftest import opposite_rules
from ..methods import HERE, name_of


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", HERE, ids=name_of)
def test_a_failed_fit_changes_nothing(method):
    estimator = method.load()(**method.quick)
    X, y, group = opposite_rules(600)
    estimator.fit(X, y, sensitive_features=group)
    before = vars(estimator).copy()
    wider = np.hstack([X, X])
    for bad in (y[:10], np.full(len(y), "no number") if is_regressor(estimator) else np.zeros(len(y), int)):
        with pytest.raises(ValueError, match="rows|class|numbers"):
            estimator.fit(wider, bad, sensitive_features=group)
        assert vars(estimator) == before
    assert estimator.n_features_in_ == 2
