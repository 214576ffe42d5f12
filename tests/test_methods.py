"""What every method keeps, as the list of methods has them: scikit-learn's conventions, its place, its adapters, its example."""

import doctest
import importlib
import inspect
import warnings

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import fairlearn_fwh.aif360 as algorithms
import fairlearn_fwh.aif360.sklearn as twins
from fairlearn_fwh._methods import ADAPTED, METHODS, Kind
from fairlearn_fwh.base._routed import RoutedClassifier

ROOMS = ("decoupling", "postprocessing", "reductions", "inprocessing")

SAMPLE_WEIGHT = "weights change the draw of mini-batches and of the validation split, as for SGDClassifier"


def name_of(method):
    return method.name


def expected_failures(estimator):
    """Those that are trained in batches take weights, but not as repeated rows."""
    name = type(estimator).__name__
    (method,) = [method for method in METHODS if name in (method.name, method.adapter)]
    if not method.learns_in_batches:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": SAMPLE_WEIGHT for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [method.load()(**method.quick) for method in METHODS], expected_failed_checks=expected_failures
)
def test_conventions_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@parametrize_with_checks(
    [getattr(twins, name)(**method.quick) for name, method in ADAPTED.items()],
    expected_failed_checks=expected_failures,
)
def test_twins_keep_the_conventions_of_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize("room", ROOMS)
def test_the_list_has_every_classifier_of_a_room_and_no_other(room):
    module = importlib.import_module(f"fairlearn_fwh.{room}")
    classes = {name for name in module.__all__ if inspect.isclass(getattr(module, name))}
    assert {name for name in classes if hasattr(getattr(module, name), "predict")} == {
        method.name for method in METHODS if method.room == room
    }


def test_names_come_once():
    for names in ([m.name for m in METHODS], [m.adapter for m in METHODS], [m.page for m in METHODS]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_what_the_list_says_is_so(method):
    estimator = method.load()
    assert issubclass(estimator, RoutedClassifier) == method.routes
    if method.kind is Kind.TASKS:
        assert "auxiliary" in inspect.signature(estimator.fit).parameters
    assert set(method.quick) | set(method.example) <= set(estimator().get_params())


@pytest.mark.parametrize("package", [algorithms, twins], ids=["algorithms", "twins"])
@pytest.mark.parametrize("name", ADAPTED)
def test_adapters_are_there_and_their_examples_run(package, name):
    adapter = getattr(package, name)
    assert adapter is getattr(package, name)
    assert name in package.__all__
    assert name in dir(package)
    assert adapter.__doc__.startswith(ADAPTED[name].summary)
    (test,) = doctest.DocTestFinder(recurse=False).find(adapter, name, globs={})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test)
    assert results.attempted > 3
    assert results.failed == 0


@pytest.mark.parametrize("package", [algorithms, twins], ids=["algorithms", "twins"])
def test_an_unknown_adapter_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="has no attribute 'Pooled'"):
        package.Pooled  # noqa: B018
