"""Every method of the list is an algorithm of AIF360 and a twin for aif360.sklearn."""

import doctest
import warnings

import pytest

import fairlearn_fwh.aif360 as algorithms
import fairlearn_fwh.aif360.sklearn as twins
from fairlearn_fwh._methods import ADAPTED, Kind

from ..methods import conventions, keep

#: What a twin adds to its method is written once for each kind of method.
ONE_OF_EACH_KIND = {method.kind: name for name, method in reversed(ADAPTED.items())}
ROUTED = ONE_OF_EACH_KIND.pop(Kind.GROUPS)


def twin(name):
    return getattr(twins, name)(**ADAPTED[name].quick)


@conventions(twin(ROUTED))
def test_a_twin_keeps_the_conventions_of_scikit_learn(estimator, check):
    keep(estimator, check)


@pytest.mark.long
@conventions(*map(twin, ONE_OF_EACH_KIND.values()))
def test_twins_of_other_kinds_keep_the_conventions_of_scikit_learn(estimator, check):
    keep(estimator, check)


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
