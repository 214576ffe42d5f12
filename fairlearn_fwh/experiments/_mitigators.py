"""Parity mitigators of fairlearn and AIF360, and whom they harm."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.preprocessing import CorrelationRemover
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from ..base._mitigators import unknown_groups
from ..exceptions import ConstraintsNotSatisfiedWarning
from ..metrics._core._groups import encode_groups
from ..reductions import NoHarmReduction
from ._comparison import Comparison, compare_on_split, load_split
from ._data import EMBEDDED_DATA, REAL_DATA, Split
from ._methods import Answers, Method, SkippedMethodError, converged_model, pooled
from ._other_packages import quiet_aif360


def audit_mitigators(
    dataset: str,
    *,
    attribute: str | None = None,
    data_home: Any = None,
    tolerance: float = 0.01,
    alpha: float = 0.05,
    random_state: int = 0,
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Fit the parity mitigators of fairlearn and AIF360 and tell for each which groups it harms.

    `NoHarmReduction` of this package stands beside them. All are fitted on two thirds of the rows around the same logistic regression, and compared on the rest with the
    converged logistic regression that does not know the attribute.

    Parameters
    ----------
    dataset : str
        "adult", "arrest", "violent", "german", "bank", "diabetes" or "intersectional".
    attribute : str, optional
        The sensitive feature that is mitigated and audited; several, separated by commas, are intersected. By default the one
        of the DAFH paper.
    data_home : path-like, optional
        Folder with the data files.
    tolerance : float
        Loss of accuracy that counts as none.
    alpha : float
        One minus the confidence.
    random_state : int
        Seed of the split and of the mitigators.
    report : callable (str), optional
        Told the name of each mitigator before it is fitted.

    Returns
    -------
    Comparison
        `overall` has the parity differences beside; `skipped` says which mitigators could not be run, and why.

    Raises
    ------
    ValueError
        If `dataset` or `attribute` is unknown.
    DatasetNotFoundError
        If its file is nowhere.

    Examples
    --------
    >>> from fairlearn_fwh.experiments import audit_mitigators
    >>> audit = audit_mitigators("diabetes")  # doctest: +SKIP
    >>> bool(audit.by_group.loc["ThresholdOptimizer, demographic parity", "harmed"].any())  # doctest: +SKIP
    False
    """
    split, attribute = load_split(REAL_DATA | EMBEDDED_DATA, dataset, attribute, data_home, random_state)
    return compare_on_split(
        split,
        mitigators(),
        dataset=dataset,
        attribute=attribute,
        tolerance=tolerance,
        alpha=alpha,
        random_state=random_state,
        report=report,
        more_figures=_parity,
    )


def mitigators() -> dict[str, Method]:
    """Make the pooled classifier, the mitigators and `NoHarmReduction`, at their defaults."""
    estimator = converged_model()
    return {
        "pooled": pooled(estimator),
        "ExponentiatedGradient, demographic parity": _exponentiated_gradient(estimator, DemographicParity),
        "ExponentiatedGradient, equalized odds": _exponentiated_gradient(estimator, EqualizedOdds),
        "ThresholdOptimizer, demographic parity": _threshold_optimizer(estimator, "demographic_parity"),
        "ThresholdOptimizer, equalized odds": _threshold_optimizer(estimator, "equalized_odds"),
        "CorrelationRemover": _correlation_remover(estimator),
        "Reweighing": _reweighing(estimator),
        "PrejudiceRemover": _prejudice_remover(),
        "NoHarmReduction": _no_harm_reduction(estimator),
    }


def _parity(split: Split, answers: Answers) -> dict[str, float]:
    groups = {"sensitive_features": split.attribute_test}
    return {
        "demographic_parity_difference": demographic_parity_difference(
            split.y_test, answers.y_pred, **groups
        ),
        "equalized_odds_difference": equalized_odds_difference(split.y_test, answers.y_pred, **groups),
    }


def _exponentiated_gradient(estimator: Any, constraint: Callable[[], Any]) -> Method:
    def run(split: Split, seed: int) -> Answers:
        model = ExponentiatedGradient(clone(estimator), constraint())
        with warnings.catch_warnings():
            # Its inner fits say when a reweighted problem is solved only nearly.
            warnings.simplefilter("ignore")
            model.fit(split.X, split.y, sensitive_features=split.attribute)
        return Answers(np.asarray(model.predict(split.X_test, random_state=seed)))

    return run


def _no_harm_reduction(estimator: Any) -> Method:
    """One model of ours, which may not lose against the pooled one in any group."""

    def run(split: Split, seed: int) -> Answers:
        model = NoHarmReduction(clone(estimator), random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstraintsNotSatisfiedWarning)
            model.fit(split.X, split.y, sensitive_features=split.attribute)
        return Answers(model.predict(split.X_test))

    return run


def _threshold_optimizer(estimator: Any, constraint: str) -> Method:
    def run(split: Split, seed: int) -> Answers:
        model = ThresholdOptimizer(
            estimator=clone(estimator), constraints=constraint, predict_method="predict_proba"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model.fit(split.X, split.y, sensitive_features=split.attribute)
        groups = encode_groups(split.attribute_test)
        if unknown := unknown_groups(model, groups):
            raise SkippedMethodError(
                f"ThresholdOptimizer would answer 0 to people of {unknown[:3]!r}, of whom there are none among the training rows"
            )
        answers = model.predict(split.X_test, sensitive_features=split.attribute_test, random_state=seed)
        return Answers(np.asarray(answers))

    return run


def _correlation_remover(estimator: Any) -> Method:
    """Remove from the features what is linear in the attribute, then fit."""

    def run(split: Split, seed: int) -> Answers:
        encoder = OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False)
        indicators = encoder.fit_transform(split.attribute.to_frame())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # people of an unseen group count as the first
            unseen = encoder.transform(split.attribute_test.to_frame())
        remover = CorrelationRemover(sensitive_feature_ids=list(range(indicators.shape[1])))
        X = remover.fit_transform(np.hstack([indicators, split.X]))
        model = clone(estimator).fit(X, split.y)
        return Answers(model.predict(remover.transform(np.hstack([unseen, split.X_test]))))

    return run


def _reweighing(estimator: Any) -> Method:
    """AIF360's weights that make attribute and label independent, used as sample weights."""

    def run(split: Split, seed: int) -> Answers:
        with quiet_aif360():
            from aif360.sklearn.preprocessing import Reweighing

            groups = pd.Index(split.attribute.to_numpy(), name="attribute")
            X = pd.DataFrame(split.X, index=groups)
            y = pd.Series(split.y, index=groups)
            _, weights = Reweighing(prot_attr="attribute").fit_transform(X, y)
        model = clone(estimator).fit(split.X, split.y, sample_weight=np.asarray(weights))
        return Answers(model.predict(split.X_test))

    return run


def _prejudice_remover() -> Method:
    """AIF360's regulariser; it knows two groups, so the largest one stands against all others."""

    def run(split: Split, seed: int) -> Answers:
        largest = split.attribute.value_counts().index[0]

        def dataset(X: np.ndarray, y: np.ndarray, attribute: pd.Series) -> Any:
            from aif360.datasets import BinaryLabelDataset

            table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
            table = table.assign(
                attribute=(attribute.to_numpy() == largest).astype(float), y=np.asarray(y, dtype=float)
            )
            return BinaryLabelDataset(df=table, label_names=["y"], protected_attribute_names=["attribute"])

        with quiet_aif360():
            from aif360.algorithms.inprocessing import PrejudiceRemover

            model = PrejudiceRemover(eta=1.0, sensitive_attr="attribute", class_attr="y")
            model.fit(dataset(split.X, split.y, split.attribute))
            test = dataset(split.X_test, split.y_test, split.attribute_test)
            test.labels = np.zeros_like(test.labels)  # they are not for the method to see
            predicted = model.predict(test).labels.ravel()
        return Answers(predicted.astype(split.y.dtype))

    return run
