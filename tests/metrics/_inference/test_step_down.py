"""Adjustment of p-values: by their own distributions, step by step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, keep_own_classifier
from fairlearn_fwh.metrics._inference._null_laws import laws_of_certificates, laws_of_harm
from fairlearn_fwh.metrics._inference._step_down import NullLaws, SharedPeople, adjust_p_values
from fairlearn_fwh.metrics._inference._tests import PairedDifferences, mcnemar_p_value

from ..samples import frame_of_flips, random_sample

seeds = st.integers(0, 2**32 - 1)


def laws_given(discordant):
    """McNemar's laws, and one group of people per claim."""
    d = np.asarray(discordant, dtype=float)
    zeros = np.zeros(len(d))
    differences = PairedDifferences(
        n=d + 100, gain=zeros, variance=zeros, worse=d, better=zeros, weighted=False, upper=1.0
    )
    return laws_of_certificates(differences, 0.0, "tango"), SharedPeople(np.arange(len(d)), zeros.astype(int))


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8))
def test_with_uniform_laws_and_shared_people_it_is_holm(p_values):
    p_values = np.array(p_values)
    order = np.argsort(p_values, kind="stable")
    holm = np.empty(len(p_values))
    holm[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)), 1.0)
    for correction in ("holm", "min_p"):
        np.testing.assert_allclose(adjust_p_values(p_values, correction), holm, rtol=1e-12)


def test_the_first_step_is_the_probability_that_any_is_so_small():
    """Against all outcomes of three groups with 3, 5 and 8 discordant people."""
    sizes = (3, 5, 8)
    laws, people = laws_given(sizes)
    worlds = list(itertools.product(*(range(size + 1) for size in sizes)))
    chances = [np.prod([stats.binom.pmf(k, n, 0.5) for k, n in zip(w, sizes, strict=True)]) for w in worlds]
    tests = [mcnemar_p_value(np.array(w, float), np.array(sizes) - np.array(w, float)) for w in worlds]
    smallest = np.array([p.min() for p in tests])
    for world in ((0, 0, 8), (3, 1, 4), (2, 5, 6)):
        p_values = tests[worlds.index(world)]
        adjusted = adjust_p_values(p_values, "min_p", laws=laws, people=people)
        expected = sum(c for c, p in zip(chances, smallest, strict=True) if p <= p_values.min() + 1e-12)
        assert adjusted.min() == pytest.approx(expected)


def test_who_has_nobody_discordant_costs_the_others_nothing():
    laws, people = laws_given([12, 0, 0, 0])
    p_values = np.array([0.003, 1.0, 1.0, 1.0])
    adjusted = adjust_p_values(p_values, "min_p", laws=laws, people=people)
    assert adjusted[0] == laws.at(np.array([0]), np.array([[0.003]])).item() <= 0.003


def test_claims_about_the_same_people_are_added_up_and_parts_as_well():
    p_values = np.array([0.01, 0.2, 0.3, 0.4])
    laws = NullLaws.uniform(4)

    def smallest(group, part):
        people = SharedPeople(np.array(group), np.array(part))
        return adjust_p_values(p_values, "min_p", laws=laws, people=people)[0]

    one = 1 - 0.99
    assert smallest([0, 0, 0, 0], [0, 0, 0, 0]) == pytest.approx(4 * one)
    assert smallest([0, 1, 2, 3], [0, 0, 0, 0]) == pytest.approx(1 - 0.99**4)
    assert smallest([0, 0, 1, 1], [0, 0, 0, 0]) == pytest.approx(1 - 0.98**2)
    assert smallest([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(2 * (1 - 0.99**2))


@given(
    seeds, st.integers(2, 6), st.sampled_from(["rationality", "envy", "all"]), st.sampled_from([0.0, 0.05])
)
@settings(max_examples=25, deadline=None)
def test_it_rejects_whatever_holm_rejects(seed, n_groups, claims, tolerance):
    y, pooled, by_group, groups = random_sample(seed, 60 + seed % 500, n_groups)
    frame = PreferenceFrame(y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups)
    for test in (
        lambda c: frame.certify(tolerance=tolerance, claims=claims, correction=c)["p_adjusted"],
        lambda c: frame.harm_tests(claims=claims, margin=tolerance, correction=c)["p_adjusted"],
    ):
        ours, holm = test("min_p"), test("holm")
        assert (ours <= holm + 1e-12)[holm.notna()].all()
        assert ours.isna().equals(holm.isna())


@pytest.mark.long(but_every=2)
@pytest.mark.simulation
@pytest.mark.parametrize("n_groups", [6, 20])
def test_the_family_wise_error_is_kept_and_power_is_gained(n_groups):
    """`python -m benchmarks.validity` shows it with more draws."""
    rng = np.random.default_rng(n_groups)
    runs, errors, kept = 60, 0, {"min_p": 0.0, "holm": 0.0}
    n = rng.integers(100, 400, n_groups)
    for _ in range(runs):
        worse, better = (rng.binomial(n, 0.05) for _ in range(2))
        frame = frame_of_flips(n, worse, np.minimum(better, n - worse), np.zeros(n_groups, dtype=int))
        errors += frame.certify(tolerance=0.0)["certified"].any()
        worse, better = rng.binomial(n, 0.025), rng.binomial(n, 0.075)
        frame = frame_of_flips(n, worse, np.minimum(better, n - worse), np.zeros(n_groups, dtype=int))
        for correction in kept:
            kept[correction] += frame.certify(tolerance=0.0, correction=correction)["certified"].mean() / runs
    assert stats.binomtest(int(errors), runs, 0.05, alternative="greater").pvalue > 0.01
    assert kept["min_p"] > kept["holm"] + (0.02 if n_groups > 2 else 0.0)


def test_small_exact_tests_have_their_tables_values():
    frame = frame_of_flips(np.array([40, 50]), np.array([0, 1]), np.array([2, 3]), np.array([0, 0]))
    ours, holm = (frame.certify(tolerance=0.1, correction=c) for c in ("min_p", "holm"))
    assert (ours["method"] == "unconditional").all()
    assert (ours["p_adjusted"] < holm["p_adjusted"]).any()


def test_harm_has_the_mirrored_laws():
    d = PairedDifferences(
        n=np.array([50.0]), gain=np.array([-0.1]), variance=np.array([0.1]),
        worse=np.array([7.0]), better=np.array([2.0]), weighted=False, upper=1.0,
    )  # fmt: skip
    p = mcnemar_p_value(d.worse, d.better)
    assert laws_of_harm(d, 0.0).at(np.array([0]), p[:, None]).item() == p.item()


def test_candidates_of_one_group_are_not_taken_for_independent_groups():
    frame = frame_of_flips(np.full(6, 300), np.full(6, 3), np.full(6, 14), np.zeros(6, dtype=int))
    apart = keep_own_classifier(frame)["p_adjusted"]
    together = keep_own_classifier(frame, people=[0, 0, 0, 1, 1, 1])["p_adjusted"]
    assert (together >= apart).all()
    assert together.max() > apart.max()
    with pytest.raises(ValueError, match="people must have one label for each of 6 groups; got 2"):
        keep_own_classifier(frame, people=[0, 1])


def test_a_larger_share_of_alpha_makes_a_certificate_easier():
    frame = frame_of_flips(np.full(2, 300), np.array([3, 3]), np.array([11, 11]), np.zeros(2, dtype=int))
    equal = frame.certify(tolerance=0.0)
    same = frame.certify(tolerance=0.0, alpha_weights={0: 0.5, 1: 0.5})
    assert (same["p_adjusted"] == equal["p_adjusted"]).all()
    for correction in ("min_p", "holm", "bonferroni"):
        table = frame.certify(tolerance=0.0, alpha_weights={0: 0.9, 1: 0.1}, correction=correction)
        even = frame.certify(tolerance=0.0, correction=correction)
        assert table["p_adjusted"][0] < even["p_adjusted"][0]
        assert table["lower_bound"][0] > even["lower_bound"][0] > table["lower_bound"][1]


@pytest.mark.parametrize(
    ("weights", "arguments", "message"),
    [
        ({0: 0.5, 1: 0.6}, {}, "alpha_weights must sum to 1; they sum to 1.1"),
        ({0: 1.0}, {}, r"alpha_weights must have a share for each of the groups \[0, 1\]; got \[0\]"),
        ([0.5, 0.5], {}, r"alpha_weights must have a share for each of the groups"),
        ({0: 1.0, 1: 0.0}, {}, "alpha_weights must be above 0 and at most 1"),
        ({0: 0.5, 1: 0.5}, {"claims": "all"}, "alpha_weights needs claims='rationality'"),
    ],
)
def test_bad_shares_of_alpha_are_refused(weights, arguments, message):
    frame = frame_of_flips(np.full(2, 300), np.array([3, 3]), np.array([11, 11]), np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match=message):
        frame.certify(tolerance=0.0, alpha_weights=weights, **arguments)
