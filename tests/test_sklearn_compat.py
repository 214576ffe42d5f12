"""What is expected of the private names of scikit-learn."""

from numbers import Integral

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from fairlearn_fwh import _sklearn_compat
from fairlearn_fwh._sklearn_compat import (
    HasMethods,
    Interval,
    MetadataRequester,
    StrOptions,
    check_sample_weight,
    fit_context,
)


class Example(BaseEstimator):
    _parameter_constraints = {
        "size": [Interval(Integral, 1, None, closed="left")],
        "kind": [StrOptions({"a", "b"})],
        "model": [HasMethods(["fit"]), None],
    }

    def __init__(self, size=1, kind="a", model=None):
        self.size, self.kind, self.model = size, kind, model

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        return self


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"size": 0},
            r"The 'size' parameter of Example must be an int in the range \[1, inf\). Got 0 instead.",
        ),
        ({"kind": "c"}, "The 'kind' parameter of Example must be a str among .* Got 'c' instead."),
        (
            {"model": 3},
            "The 'model' parameter of Example must be an object implementing 'fit' or None. Got 3 instead.",
        ),
    ],
)
def test_parameters_are_validated_at_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        Example(**parameters).fit(None)


def test_valid_parameters_pass():
    assert Example(2, "b", Example()).fit(None).size == 2


def test_sample_weights_are_checked():
    assert check_sample_weight(None, np.zeros((3, 1))).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="Negative values"):
        check_sample_weight([1, -1, 1], np.zeros((3, 1)), ensure_non_negative=True)


def test_what_a_class_says_it_requests_is_requested():
    class Scorer(MetadataRequester):
        __metadata_request__score = {"sensitive_features": True, "estimator": UNUSED}

        def score(self, estimator, X, y, *, sensitive_features=None, sample_weight=None):
            return 0.0

    requests = Scorer().get_metadata_routing().score.requests
    assert requests == {"sensitive_features": True, "sample_weight": None}


def test_private_names_are_imported_in_one_place():
    from pathlib import Path

    package = Path(_sklearn_compat.__file__).parent
    private = ("sklearn._", "sklearn.utils._", "import _", "fairlearn._", "fairlearn.metrics._", "aif360._")
    for path in package.rglob("*.py"):
        if path.name == "_sklearn_compat.py":
            continue
        for line in path.read_text().splitlines():
            if line.startswith(("from sklearn", "from fairlearn.", "import sklearn", "from aif360")):
                assert not any(name in line for name in private), f"{path}: {line}"
