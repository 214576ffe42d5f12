"""AIF360's metric object for preferences: who gains and who loses against the pooled classifier."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from aif360.metrics import ClassificationMetric

from ..base._samples import take_rows
from ..metrics import PreferenceFrame
from ..metrics._core._groups import POOLED, encode_groups
from ..metrics._core._losses import resolve_loss
from ._label_coding import LabelCoding
from ._reading import (
    Conditions,
    check_conditions,
    check_dataset,
    in_conditions,
    read_attributes,
    read_weights,
)


def _without_memory(metric: type) -> type:
    """Take AIF360's cache off the methods: it never forgets, so that answers go stale and data sets stay in memory."""
    for name in dir(metric):
        method = inspect.getattr_static(metric, name)
        if inspect.isfunction(method) and hasattr(method, "__wrapped__"):
            setattr(metric, name, method.__wrapped__)
    return metric


@_without_memory
class PreferenceMetric(ClassificationMetric):
    """Compare what people got with what the pooled and the other groups' classifiers would give them.

    All metrics of AIF360's `ClassificationMetric` are there too, and `MetricTextExplainer` and `MetricJSONExplainer` explain
    those that they know. Nothing is cached: answers follow the data sets if these are changed.

    Parameters
    ----------
    dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
        With the true labels.
    classified_dataset : of the same kind
        What people got; like all that follow equal to `dataset` but for labels and scores.
    pooled_dataset : of the same kind
        What the pooled classifier, or any baseline, says.
    group_datasets : dict from group to data set, or list, optional
        What every group's classifier says about everybody; a list is in the order of the sorted groups. Needed for envy.
    unprivileged_groups, privileged_groups : list of dict, optional
        As for `ClassificationMetric`; figures of one of them are asked for with `privileged`.
    groups : array-like, shape (n,), optional
        By which group each person's classifier is chosen, if not by the protected attributes: the algorithm's
        ``predict_group(dataset)``.
    pooled_groups : iterable of labels, optional
        Groups whose classifier is the pooled one by construction.
    loss : str or callable
        Loss of a person: of labels, of favorable decisions, or (two labels) of scores. A callable takes coded labels
        (1 is favorable).
    loss_limit : float, optional
        Cut off losses at this value; "log" needs it for `certify` and significant violations, see `PreferenceFrame`.

    Raises
    ------
    TypeError
        If a data set is not one of labels, or groups are not lists of dicts.
    ValueError
        If data sets differ in more than labels and scores, labels are neither favorable nor unfavorable, scores are NaN,
        weights are all zero, `group_datasets` are not as many as groups, or a group names an unknown attribute.

    Notes
    -----
    Gains are ``loss(other) - loss(own)``: positive is good for the group. Instance weights weigh them. The groups in which
    harm is looked for are the combinations of values of the protected attributes, however many. With several labels a loss of 0
    means the very label, while AIF360's own metrics know favorable and unfavorable only, and keep copies of such data sets.

    Examples
    --------
    >>> from fairlearn_fwh.aif360 import Decoupled, PreferenceMetric, as_binary_label_dataset
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> dataset = as_binary_label_dataset(make_intersectional(4000, random_state=0), protected_attribute_names=["s1", "s2"])
    >>> train, test = dataset.split([0.7], shuffle=True, seed=0)
    >>> metric = PreferenceMetric.from_algorithm(Decoupled(random_state=0).fit(train), test)
    >>> round(metric.rationality_gain(), 2), metric.num_violations()
    (0.45, 0)
    """

    def __init__(
        self,
        dataset: Any,
        classified_dataset: Any,
        pooled_dataset: Any,
        group_datasets: Mapping[Any, Any] | Sequence[Any] | None = None,
        unprivileged_groups: Conditions | None = None,
        privileged_groups: Conditions | None = None,
        *,
        groups: Any = None,
        pooled_groups: Any = (),
        loss: Any = "zero_one",
        loss_limit: float | None = None,
    ) -> None:
        check_conditions(unprivileged_groups, privileged_groups)
        check_dataset(dataset)
        self._true, self._own, self._pooled = dataset, classified_dataset, pooled_dataset
        self._groups, self._pooled_groups = groups, tuple(pooled_groups)
        self.loss, self._loss_limit, self._loss_of = loss, loss_limit, resolve_loss(loss, loss_limit)
        self._by_group = self._name_group_datasets(group_datasets)
        self._check_predictions()
        for argument, conditions in (
            ("unprivileged_groups", unprivileged_groups),
            ("privileged_groups", privileged_groups),
        ):
            in_conditions(dataset, conditions, argument)
        if unprivileged_groups and privileged_groups:
            self._check_others(unprivileged_groups, privileged_groups)
        super().__init__(
            dataset,
            classified_dataset,
            unprivileged_groups=unprivileged_groups,
            privileged_groups=privileged_groups,
        )

    def _check_others(self, unprivileged: Conditions, privileged: Conditions) -> None:
        """Raise ValueError if everybody outside the two groups has the unfavorable label, as AIF360's odds post-processors give it to them."""
        inside = in_conditions(self._true, unprivileged, "unprivileged_groups") | in_conditions(
            self._true, privileged, "privileged_groups"
        )
        unfavorable = self._true.unfavorable_label
        own, pooled = (dataset.labels.ravel()[~inside] for dataset in (self._own, self._pooled))
        if len(own) and (own == unfavorable).all() and not (pooled == unfavorable).all():
            raise ValueError(
                f"{len(own):,} people are in neither unprivileged_groups nor privileged_groups, and classified_dataset gives all of them the unfavorable label: "
                "EqOddsPostprocessing and CalibratedEqOddsPostprocessing do so to people whom they do not know. Leave these people out, or give them the "
                "baseline's labels."
            )

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        _without_memory(cls)

    @classmethod
    def from_algorithm(
        cls,
        algorithm: Any,
        dataset: Any,
        *,
        unprivileged_groups: Conditions | None = None,
        privileged_groups: Conditions | None = None,
        loss: Any = "zero_one",
        loss_limit: float | None = None,
    ) -> Self:
        """Ask a fitted algorithm of this package about a data set.

        Parameters
        ----------
        algorithm : Transformer
            Fitted, with `predict_pooled`.
        dataset : BinaryLabelDataset, StandardDataset or MulticlassLabelDataset
            People who took no part in the fit.
        unprivileged_groups, privileged_groups, loss, loss_limit
            As for the class.

        Returns
        -------
        PreferenceMetric

        Raises
        ------
        TypeError
            If the algorithm knows no pooled classifier.
        """
        if not hasattr(algorithm, "predict_pooled"):
            raise TypeError(
                f"algorithm must have predict_pooled; {type(algorithm).__name__} does not. Give the data sets: "
                "PreferenceMetric(dataset, classified_dataset, pooled_dataset)."
            )
        own, pooled = algorithm.predict(dataset), algorithm.predict_pooled(dataset)
        routed: dict[str, Any] = {}
        if hasattr(algorithm, "predict_by_group"):
            estimator = algorithm.estimator_
            routed = {
                "group_datasets": algorithm.predict_by_group(dataset),
                "groups": algorithm.predict_group(dataset),
                "pooled_groups": [
                    label
                    for label, model in estimator.group_estimators_.items()
                    if model is estimator.pooled_estimator_
                ],
            }
        return cls(
            dataset,
            own,
            pooled,
            unprivileged_groups=unprivileged_groups,
            privileged_groups=privileged_groups,
            loss=loss,
            loss_limit=loss_limit,
            **routed,
        )

    def _name_group_datasets(self, given: Any) -> dict[Any, Any] | None:
        """Say which data set is which group's."""
        if given is None:
            if self._groups is not None:
                raise ValueError(
                    "groups was given without group_datasets; it says which of them each person got."
                )
            return None
        if not isinstance(given, Mapping | list | tuple):
            raise TypeError(
                f"group_datasets must be a dict from group to data set, or a list; got {type(given).__name__}."
            )
        labels = encode_groups(self._assigned(), "groups", n_rows=len(self._true.labels)).labels
        if isinstance(given, Mapping):
            if lacking := [label for label in labels if label not in given and label != POOLED]:
                raise ValueError(
                    f"group_datasets has no data set for {lacking[:5]}; it has {list(given)[:5]}."
                )
            return dict(given)
        if len(labels) != len(given):
            raise ValueError(
                f"group_datasets has {len(given)} data sets, but there are {len(labels)} groups: {labels[:5]}."
            )
        return dict(zip(labels, given, strict=True))

    def _assigned(self) -> Any:
        return read_attributes(self._true) if self._groups is None else self._groups

    def _predicted(self) -> dict[str, Any]:
        """All data sets of predictions, by the name of their argument."""
        return {"classified_dataset": self._own, "pooled_dataset": self._pooled} | {
            f"group_datasets[{label!r}]": dataset for label, dataset in (self._by_group or {}).items()
        }

    def _check_predictions(self) -> None:
        coding = LabelCoding.of(self._true)
        coding.encode(self._true.labels, "dataset.labels")
        read_weights(self._true)
        for name, dataset in self._predicted().items():
            check_dataset(dataset, name)
            _check_own_labels(self._true, dataset, name)
            _check_same_people(self._true, dataset, name)
            coding.encode(dataset.labels, f"{name}.labels")
            scores = np.asarray(dataset.scores, dtype=float)
            if scores.size != len(dataset.labels) or np.isnan(scores).any():
                raise ValueError(f"{name}.scores must be one number per row, none of them NaN.")
        if self._loss_of.predicts == "probabilities" and not coding.binary:
            raise ValueError(f"loss={self._loss_of.name!r} needs two labels; dataset has more.")

    def _predictions(self, dataset: Any) -> np.ndarray:
        """Labels, favorable decisions or scores, as the loss needs them."""
        coding = LabelCoding.of(self._true)
        codes = coding.encode(dataset.labels, "labels")
        if self._loss_of.predicts == "probabilities":
            return np.asarray(dataset.scores, dtype=float).ravel()
        return coding.is_favorable(codes).astype(int) if self._loss_of.predicts == "decisions" else codes

    def preference_frame(self, **options: Any) -> PreferenceFrame:
        """Put the data sets into a `PreferenceFrame`, with sizes, intervals, tests and pictures.

        Parameters
        ----------
        **options
            `n_boot`, `ci_quantiles`, `random_state`, `stratify` and `control_features` of the frame.

        Returns
        -------
        PreferenceFrame
        """
        return self._frame(np.ones(len(self._true.labels), dtype=bool), options)

    def _frame(self, rows: np.ndarray, options: Mapping[str, Any]) -> PreferenceFrame:
        """Measure some of the people."""
        arguments = dict(options)
        if self._by_group is not None:
            arguments["y_pred_by_group"] = {
                label: self._predictions(dataset)[rows] for label, dataset in self._by_group.items()
            }
            arguments["groups"] = take_rows(self._assigned(), rows)
        weights = read_weights(self._true)
        return PreferenceFrame(
            y_true=LabelCoding.of(self._true).encode(self._true.labels, "dataset.labels")[rows],
            y_pred=self._predictions(self._own)[rows],
            y_pred_pooled=self._predictions(self._pooled)[rows],
            sensitive_features=read_attributes(self._true)[rows],
            sample_weight=None if weights is None else weights[rows],
            pooled_groups=self._pooled_groups,
            loss=self.loss,
            loss_limit=self._loss_limit,
            **arguments,
        )

    def _figure(self, name: str, privileged: bool | None) -> float:
        """Take a figure of everybody, of the privileged or of the others."""
        rows = in_conditions(self._true, self._to_condition(privileged), "privileged_groups")
        if not (rows & (self._true.instance_weights > 0)).any():
            return float("nan")
        overall: Any = self._frame(rows, {}).overall
        return float(overall[name])

    def rationality_gain(self, privileged: bool | None = None) -> float:
        """Gain of what people got over the pooled classifier; negative is harm.

        Parameters
        ----------
        privileged : bool, optional
            Of the privileged, of the unprivileged, or (by default) of everybody.

        Returns
        -------
        float
        """
        return self._figure("rationality_gain", privileged)

    def envy_gain(self, privileged: bool | None = None) -> float:
        """Smallest gain of a group's own classifier over another group's; negative is envy.

        Parameters
        ----------
        privileged : bool, optional
            Of the privileged, of the unprivileged, or (by default) of everybody.

        Returns
        -------
        float
            NaN without `group_datasets`.
        """
        return self._figure("envy_margin", privileged)

    def fairness_without_harm_rate(self, privileged: bool | None = None) -> float:
        """Share of people for whom no other classifier is better (arXiv 2509.24077, section 6.3).

        Parameters
        ----------
        privileged : bool, optional
            Of the privileged, of the unprivileged, or (by default) of everybody.

        Returns
        -------
        float
            Copies of the pooled classifier reach 1: read it beside accuracy and gain. NaN without `group_datasets`.
        """
        return self._figure("fairness_without_harm_rate", privileged)

    def negative_flip_rate(self, privileged: bool | None = None) -> float:
        """Share of people for whom pooled is right and what they got is wrong.

        Parameters
        ----------
        privileged : bool, optional
            Of the privileged, of the unprivileged, or (by default) of everybody.

        Returns
        -------
        float
        """
        return self._figure("negative_flip_rate", privileged)

    def num_violations(
        self, alpha: float | None = None, claims: str = "all", correction: str | None = "min_p"
    ) -> int:
        """Count the pairs of a group and another classifier with which it would do better.

        Parameters
        ----------
        alpha : float, optional
            Count significant violations only; by default every negative gain in the sample.
        claims : {"rationality", "envy", "all"}
            Against the pooled classifier, against other groups', or both.
        correction : {"min_p", "holm", "bonferroni", None}
            Adjustment of p-values over all claims.

        Returns
        -------
        int
        """
        self._check_claims(claims)
        return len(self.preference_frame().violations(alpha, claims, correction))

    def _check_claims(self, claims: str) -> None:
        if claims == "envy" and self._by_group is None:
            raise ValueError("claims='envy' needs group_datasets: what every group's classifier says.")

    def certify(self, *, tolerance: float, alpha: float = 0.05, claims: str = "rationality") -> pd.DataFrame:
        """Test for each group whether it loses less than `tolerance`, as `PreferenceFrame.certify` does.

        Parameters
        ----------
        tolerance : float
            Largest loss that counts as none, in units of the loss.
        alpha : float
            Probability of a false certificate, for all claims together.
        claims : {"rationality", "envy", "all"}
            Against the pooled classifier, against other groups', or both.

        Returns
        -------
        DataFrame
            One row per claim.
        """
        self._check_claims(claims)
        return self.preference_frame().certify(tolerance=tolerance, alpha=alpha, claims=claims)


def _check_own_labels(dataset: Any, predicted: Any, name: str) -> None:
    """Raise ValueError if predictions share their labels with the truth: what writes into one writes into the other."""
    if np.shares_memory(dataset.labels, predicted.labels):
        raise ValueError(
            f"{name} has the very array of labels that dataset has: dataset.copy() is shallow, so that labels written into the copy overwrite the truth, and "
            "accuracy is 1. Use dataset.copy(deepcopy=True), or give predictions an array of their own."
        )


def _check_same_people(dataset: Any, other: Any, name: str) -> None:
    """Raise ValueError if data sets differ in more than labels and scores."""
    if len(other.labels) != len(dataset.labels):
        raise ValueError(f"{name} has {len(other.labels)} rows, but dataset has {len(dataset.labels)}.")
    for field in ("feature_names", "protected_attribute_names", "favorable_label", "unfavorable_label"):
        if getattr(other, field) != getattr(dataset, field):
            raise ValueError(
                f"{name} and dataset must differ in labels and scores only; they differ in {field}."
            )
    for field in ("features", "protected_attributes", "instance_weights"):
        if np.isnan(getattr(dataset, field)).any():
            raise ValueError(f"dataset.{field} has NaN; AIF360's metrics cannot compare data sets that do.")
    for field in ("features", "protected_attributes", "instance_weights", "instance_names"):
        mine, others = getattr(dataset, field), getattr(other, field)
        if mine is not others and not np.array_equal(mine, others):
            raise ValueError(
                f"{name} and dataset must differ in labels and scores only; they differ in {field}."
            )
