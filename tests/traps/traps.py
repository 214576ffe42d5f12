"""The list of ``docs/traps.md``: ``python -m tests.traps`` writes the page, and a test holds page, list and tests together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "traps.md"


@dataclass(frozen=True)
class Trap:
    """Something that surprises.

    Attributes
    ----------
    name : str
        By which tests are marked.
    package : str
        With the version in which it was seen.
    behaviour, guess, harm, ours : str
        What it does; what one would have guessed; how believing that hurts; what we do about it.
    """

    name: str
    package: str
    behaviour: str
    guess: str
    harm: str
    ours: str


FAIRLEARN, AIF360, SKOPS, SKORCH, NARWHALS = (
    "fairlearn 0.15", "AIF360 0.6.1", "skops 0.16", "skorch 1.4", "narwhals 2.28",
)  # fmt: skip

TRAPS = (
    Trap(
        "unknown groups", FAIRLEARN,
        "`ThresholdOptimizer.predict` answers 0 to everybody of a group that was not in its fit, without a word",
        "an error, or the answer of the estimator inside",
        "people of a new group are all refused; a new value of race in next month's data is enough",
        "`NoHarmSelector` and `audit_mitigators` ask it about groups that it knows; others get the pooled classifier, and `fallback_groups_` says so",
    ),
    Trap(
        "groups of another type", FAIRLEARN,
        "the same codes as text, or two columns as floats where they were integers, are unknown groups to `ThresholdOptimizer`",
        "that 1, 1.0 and \"1\" in a column mean what they meant in the fit",
        "everybody is refused after a table went through CSV",
        "`NoHarmSelector` refuses a fitted one, and names both spellings",
    ),
    Trap(
        "short floats", FAIRLEARN,
        "with pandas 3 `ThresholdOptimizer.predict` ends in a TypeError where its estimator gives 32-bit scores, as networks and boosting libraries do",
        "that scores are numbers",
        "a model that was fitted without complaint cannot predict; the message shows an array",
        "the selector's error says which model, and how to give it 64-bit scores",
    ),
    Trap(
        "one label in a group", FAIRLEARN,
        "every constraint of `ThresholdOptimizer` refuses a group with one label",
        "a constant answer for that group",
        "cross-validation over small groups fails in some folds",
        "the selector's error says what to merge",
    ),
    Trap(
        "adversarial seeds", FAIRLEARN,
        "`AdversarialFairnessClassifier(backend=\"torch\")` seeds torch with 0 for the whole process, whatever its `random_state` is",
        "that `random_state` seeds this estimator, and nothing else",
        "runs with several seeds show no spread, and whatever draws random numbers afterwards draws the same ones each time",
        "`NoHarmSelector` puts torch's random numbers back after such a fit; do not read runs with other seeds as independent",
    ),
    Trap(
        "parity of probabilities", FAIRLEARN,
        "`demographic_parity_difference` of probabilities is 0.0: they are compared with the label 1",
        "the difference of mean probabilities, or an error",
        "perfect parity is reported of any model that was asked by `predict_proba`",
        "losses of labels refuse fractions and name the losses of probabilities",
    ),
    Trap(
        "missing groups", FAIRLEARN,
        "`MetricFrame` raises for missing sensitive features since 0.15; before it left these people out of `by_group`",
        "a group of their own, or that nothing has changed",
        "reports break on upgrade, or people vanish before it",
        "missing values are refused with the column's name, or are a group by `missing_group=\"separate\"`",
    ),
    Trap(
        "rare groups in intervals", FAIRLEARN,
        "`difference_ci` of `MetricFrame` resamples everybody: replicates without a rare group have difference 0",
        "that the interval is about the groups that there are",
        "an interval that begins at 0 looks like no difference",
        "replicates are drawn within groups (`stratify=True`), and extremes over groups have projected bounds",
    ),
    Trap(
        "rates of nobody", FAIRLEARN,
        "`true_positive_rate` is 0.0 where nobody is positive",
        "that a rate of nobody is missing",
        "the group without positives is the worst of all",
        "`loss=\"missed\"` gives n = 0 and NaN",
    ),
    Trap(
        "shared labels", AIF360,
        "`dataset.copy()` is shallow: labels that are written into the copy are written into the truth",
        "that a copy is a copy",
        "accuracy 1.0 of any algorithm that writes into its copy",
        "`PreferenceMetric` refuses predictions that share memory with the truth, and says `copy(deepcopy=True)`",
    ),
    Trap(
        "outside both groups", AIF360,
        "`EqOddsPostprocessing` and `CalibratedEqOddsPostprocessing` give the unfavorable label to everybody who is in neither of the two groups",
        "the classifier's own label",
        "two of three races are compared: everybody of the third gets the unfavorable label",
        "`PreferenceMetric` raises an error",
    ),
    Trap(
        "split seeds numpy", AIF360,
        "`dataset.split(seed=)` seeds numpy's global random numbers",
        "that a seed of a split is for the split",
        "whatever draws afterwards repeats itself from run to run",
        "our adapters and estimators never draw from global random numbers",
    ),
    Trap(
        "post-processing of aif360.sklearn", f"{AIF360}, scikit-learn 1.9",
        "`PostProcessingMeta` of `aif360.sklearn` fails at fit with an AttributeError about `_get_tags`",
        "that the two fit together",
        "tutorials do not run",
        "`NoHarmSelector` takes fairlearn's post-processing, or the data-set side of AIF360's by its predictions (`from_predictions`)",
    ),
    Trap(
        "mitigators through skops", SKOPS,
        "fitted mitigators of fairlearn cannot be written: \"no default __reduce__\"",
        "that what `joblib` writes, `skops` writes",
        "a release script fails at its last step, and says neither what nor why",
        "a selector around one says which part it is, and names joblib",
    ),
    Trap(
        "labels 1 and 2", SKORCH,
        "`NeuralNetClassifier` trains on labels 1 and 2 as positions: with three outputs it answers 0, too",
        "that labels are encoded, as in scikit-learn",
        "a class that does not exist is predicted",
        "our networks number the classes and answer in the user's labels",
    ),
    Trap(
        "NaN is large", NARWHALS,
        "NaN passes `>= 0.5` in polars and DuckDB, and does not in pandas",
        "that a comparison with NaN is false",
        "missing scores become acceptances where an engine compares them",
        "missing values and NaN are refused by the first query, in every engine",
    ),
    Trap(
        "casts of floats", NARWHALS,
        "a float that is cast to an integer is cut by polars and pandas and rounded by DuckDB",
        "one rule",
        "bins, labels and counts differ between engines",
        "whole numbers are made by subtraction of the remainder; floats are never cast to integers",
    ),
    Trap(
        "spelling of booleans", NARWHALS,
        "a boolean that is cast to text is \"True\" in pandas and \"true\" in polars and DuckDB",
        "one spelling",
        "the same group has two names in two engines",
        "groups keep their type; in files they are text as spelled",
    ),
    Trap(
        "unequal to missing", NARWHALS,
        "`!=` with a missing value is true in pandas, and missing in polars and DuckDB",
        "that a filter keeps the same rows everywhere",
        "counts of disagreement differ",
        "rows with missing values are refused before anything is compared",
    ),
)  # fmt: skip

trap = pytest.mark.trap


def page() -> str:
    """Write the page."""
    rows = [
        f"| {t.package} | {t.behaviour} | {t.guess} | {t.harm} | {t.ours} |"
        for t in sorted(TRAPS, key=lambda t: t.package.lower())
    ]
    return "\n".join(
        [
            "# What others really do",
            "",
            "Our users wrap mitigators of fairlearn and AIF360, move tables between engines and store models. Each row below was found by running the version it names, and is held by a test: where a",
            "package changes, a test fails and the row goes. It is not a list of faults: much of it is documented, or cannot be otherwise. `findings/` has more, as scripts that need none of our code.",
            "",
            "| package | what it does | what one would guess | how that hurts | what we do |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "Written by `python -m tests.traps`.",
            "",
        ]
    )
