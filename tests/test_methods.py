"""What every method keeps, as the list of methods has them: scikit-learn's conventions, its place, what is said of it."""

import importlib
import inspect

import pytest

from fairlearn_fwh._methods import METHODS, Kind
from fairlearn_fwh.base._routed import RoutedEstimator
from fairlearn_fwh.decoupling import DecoupledRegressor
from fairlearn_fwh.postprocessing import NoHarmSelector
from fairlearn_fwh.reductions import NoHarmReduction

from .methods import HERE, conventions, keep, name_of

#: Methods of classifiers that are methods of regressors, too.
REGRESSORS = [
    NoHarmSelector(DecoupledRegressor(), guarantee="empirical", cross_fit=2),
    NoHarmReduction(loss="squared", cv=2, max_iter=1, tolerance=1000.0),
]


TRAINED = [method for method in HERE if method.learns_in_batches]
SOLVED = [method for method in HERE if not method.learns_in_batches]


@conventions(*(method.load()(**method.quick) for method in SOLVED), *REGRESSORS)
def test_conventions_of_scikit_learn(estimator, check):
    keep(estimator, check)


# They share what the checks look at, and take seconds each.
@pytest.mark.long(but_every=3)
@conventions(*(method.load()(**method.quick) for method in TRAINED))
def test_conventions_of_scikit_learn_where_batches_train(estimator, check):
    keep(estimator, check)


@pytest.mark.parametrize("room", sorted({method.room for method in HERE}))
def test_the_list_has_every_classifier_of_a_room_and_no_other(room):
    module = importlib.import_module(f"fairlearn_fwh.{room}")
    classes = {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
    assert {name for name in classes if hasattr(getattr(module, name), "predict")} == {
        method.name for method in METHODS if method.room == room
    }


def test_names_come_once():
    for names in (
        [m.name for m in METHODS],
        [m.adapter for m in METHODS if m.adapter],
        [m.page for m in METHODS],
    ):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("method", HERE, ids=name_of)
def test_what_the_list_says_is_so(method):
    estimator = method.load()
    assert issubclass(estimator, RoutedEstimator) == method.routes
    if method.kind is Kind.TASKS:
        assert "auxiliary" in inspect.signature(estimator.fit).parameters
    assert set(method.quick) | set(method.example) <= set(estimator().get_params())
