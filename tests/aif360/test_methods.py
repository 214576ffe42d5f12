"""Every method of the list is an algorithm of AIF360 and a twin for aif360.sklearn."""

import doctest
import warnings

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import fairlearn_fwh.aif360 as algorithms
import fairlearn_fwh.aif360.sklearn as twins
from fairlearn_fwh._methods import ADAPTED, Kind

from ..methods import expected_failures

#: What a twin adds to its method is written once for each kind of method.
ONE_OF_EACH_KIND = {method.kind: name for name, method in reversed(ADAPTED.items())}
ROUTED = ONE_OF_EACH_KIND.pop(Kind.GROUPS)


def conventions(*names):
    """Every check of scikit-learn for the twins of these methods."""
    return parametrize_with_checks(
        [getattr(twins, name)(**ADAPTED[name].quick) for name in names],
        expected_failed_checks=expected_failures,
    )


def keeps(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@conventions(ROUTED)
def test_a_twin_keeps_the_conventions_of_scikit_learn(estimator, check):
    keeps(estimator, check)


@pytest.mark.long
@conventions(*ONE_OF_EACH_KIND.values())
def test_twins_of_other_kinds_keep_the_conventions_of_scikit_learn(estimator, check):
    keeps(estimator, check)


@pytest.mark.long(but_every=6)
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
