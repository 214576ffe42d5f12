"""The methods that can be tried here, from the package's own list; those that need torch are left out where it is not installed."""

import warnings
from importlib.util import find_spec

from sklearn.utils.estimator_checks import parametrize_with_checks

from fairlearn_fwh._methods import METHODS

SAMPLE_WEIGHT = "weights change the draw of mini-batches and of the validation split, as for SGDClassifier"

HERE = [method for method in METHODS if find_spec("torch") or not method.learns_in_batches]


def name_of(method):
    return method.name


def expected_failures(estimator):
    """Those that are trained in batches take weights, but not as repeated rows."""
    name = type(estimator).__name__
    (method,) = [method for method in METHODS if name in (method.name, method.adapter)]
    if not method.learns_in_batches:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": SAMPLE_WEIGHT for kind in ("dense", "sparse")}


def conventions(*estimators):
    """Every check of scikit-learn for these estimators, as parameters of a test that calls `keep`."""
    return parametrize_with_checks(list(estimators), expected_failed_checks=expected_failures)


def keep(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)
