"""DAFH: groups and their classifiers learned together, without sensitive features."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
import torch
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import validate_data

from .._routed import RoutedClassifier, Sample, align_probabilities, clone_seeded
from .._sklearn_compat import HasMethods, Interval, StrOptions, fit_context
from .._splits import split_rows
from ..exceptions import GroupCollapseWarning
from ..metrics import PreferenceFrame, keep_own_classifier
from ._linear import linear_classifier, pooled_scores, router_logits
from ._numeric import check_numeric
from ._objectives import OBJECTIVES
from ._routed_heads import RoutedHeads
from ._trainer import OPTIMIZERS, Progress, train
from ._validation import GroupValidation, choose_member

#: Data with fewer rows are cut into small batches.
_SMALL_DATA, _SMALL_BATCH, _BATCH = 20_000, 256, 1024

#: Spread of the scores of the first start around the pooled classifier's, and of the other starts around 0.
_WARM_SPREAD, _RANDOM_SPREAD = 0.1, 1.5

#: A group that holds a larger share than this has swallowed the others.
_LARGEST_SHARE = 0.9


class DAFHClassifier(RoutedClassifier):
    """Learn groups and a linear classifier for each, so that no group would do better otherwise.

    A router (a small neural network) assigns each person to one of K linear classifiers, and both are learned
    together: every group should do at least as well with its classifier as with the pooled one (rationality) and
    as with the other groups' (envy-freeness). No sensitive features are needed, neither in `fit` nor in `predict`.
    Groups for which no harm cannot be shown on held-out data are given the pooled classifier; who then envies whom is
    what `preference_frame` shows.

    Parameters
    ----------
    estimator : classifier, optional
        The pooled classifier, and with ``refit=True`` the group classifiers; by default
        ``LogisticRegression(max_iter=2000)`` on standardised features.
    n_groups : int
        Number K of groups, at most half the number of rows.
    objective : {"hinge", "paper", "group", "ce", "direct"} or callable
        What is minimised. "hinge" adds penalties for harm and envy to the own loss; "paper" is eq. (2) of the paper
        with a margin loss, which rewards any error of the other groups' classifiers; "group" is its eq. (1);
        "ce" is a mixture of experts; "direct" the soft rate of fairness without harm. A callable takes the
        assignment probabilities (R, B, K), the losses of the K classifiers (R, B, K) and the pooled losses (B,) as
        tensors and returns costs (R, B); R counts restarts, B rows of a batch.
    balance : float
        Weight of the divergence of the groups' shares from equal shares.
    hidden_layer_sizes : tuple of int
        Hidden layers of the router.
    n_init : int
        Restarts, trained side by side; the first starts at the pooled classifier, the others at random. The best on
        validation data is kept.
    validation_fraction : float
        Share of the rows that choose the epoch and the restart.
    certify_fraction : float
        Share of the rows that decide on `fallback` and are used for nothing else.
    fallback : {"certified", "empirical", None}
        Which groups keep their classifier: those whose gain is certified to be above ``-tolerance``, those whose gain
        is above it in the sample, or all (then no rows are set aside).
    tolerance : float
        Largest loss of accuracy against the pooled classifier that counts as none.
    alpha : float
        Probability that some certificate is false.
    min_group_size : int, optional
        Fewest people (rows of `fit`) in a group; smaller ones are served by the pooled classifier. By default 50 or
        5 % of the rows, whatever is larger.
    refit : bool
        Fit `estimator` anew on each group's rows, and keep the result if it causes no more violations on the
        validation data.
    optimizer : {"adam", "sgd"}
        How the cost is minimised; "sgd" has momentum 0.9.
    learning_rate, router_learning_rate : float
        Step sizes of the group classifiers and of the router.
    batch_size : int, optional
        Rows of a batch; by default 1024, and 256 for fewer than 20,000 rows.
    max_epochs : int
        Largest number of passes over the data.
    patience : int
        Number of passes without improvement on the validation data after which training stops.
    device : str
        Where torch computes, "cpu" or "cuda".
    verbose : int
        Above 0: one line per epoch.
    random_state : int, RandomState or None
        Seed.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    groups_ : list of int
        Labels 0 to K - 1 of the learned groups.
    group_sizes_ : dict
        Number of people of `fit` in each group.
    pooled_estimator_ : classifier
        The pooled classifier. It has seen the same rows as the group classifiers; if no group keeps its own it is
        fitted again on all rows.
    group_estimators_ : dict
        Classifier of each group.
    fallback_groups_ : dict
        Groups that are served by the pooled classifier, and why.
    certificates_ : dict
        What the fallback's test found for each group, in words; empty if there was none.
    collapsed_ : bool
        Whether fewer than two groups are large enough; the pooled classifier then serves everybody.
    n_groups_effective_ : int
        Number of groups that are large enough.
    n_iter_, best_epoch_ : int
        Number of epochs, and the one whose state was kept.
    router_coefs_, router_intercepts_ : list of ndarray
        Weights of the router's layers, for standardised features.
    scaler_ : StandardScaler
        Standardises the features (means and scales of the fitting rows).
    objective_history_ : list of float
        Cost after each epoch of the restart that was kept.
    validation_history_ : list of dict
        Accuracy, gain over pooled, rate of fairness without harm, smallest gain of a group and largest share of a
        group on the validation data, after each epoch.

    Notes
    -----
    `predict_proba` of the learned heads is not calibrated: they minimise a bounded loss, not the log loss.
    The guarantee concerns the learned groups. A demographic group can be harmed while no learned group is: check it
    with ``preference_frame(..., sensitive_features=...)``. With few rows nothing can be certified and the pooled
    classifier is the answer; about 1,500 rows per group are needed in the certifying part at tolerance 0.02 and
    10 % disagreement.

    References
    ----------
    Cai, Khalili and Zhang, "Demographic-Agnostic Fairness without Harm", AIES 2025, arXiv 2509.24077.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> from fairlearn_fwh.inprocessing import DAFHClassifier
    >>> bunch = make_intersectional(8000, random_state=0)
    >>> X, X_test, y, y_test = train_test_split(bunch.data, bunch.target, random_state=0)
    >>> model = DAFHClassifier(random_state=0).fit(X, y)
    >>> model.fallback_groups_
    {}
    >>> frame = model.preference_frame(X_test, y_test)
    >>> bool(frame.overall["accuracy"] > 0.95), bool(frame.overall["rationality_gain"] > 0.4)
    (True, True)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_groups": [Interval(Integral, 2, None, closed="left")],
        "objective": [StrOptions(set(OBJECTIVES)), callable],
        "balance": [Interval(Real, 0, None, closed="left")],
        "hidden_layer_sizes": [tuple, list],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "certify_fraction": [Interval(Real, 0, 1, closed="neither")],
        "fallback": [StrOptions({"certified", "empirical"}), None],
        "tolerance": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "min_group_size": [Interval(Integral, 1, None, closed="left"), None],
        "refit": ["boolean"],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "router_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_groups: int = 2,
        objective: str | Callable[..., Any] = "hinge",
        balance: float = 0.1,
        hidden_layer_sizes: Sequence[int] = (100,),
        n_init: int = 5,
        validation_fraction: float = 0.2,
        certify_fraction: float = 0.2,
        fallback: str | None = "certified",
        tolerance: float = 0.01,
        alpha: float = 0.05,
        min_group_size: int | None = None,
        refit: bool = False,
        optimizer: str = "adam",
        learning_rate: float = 0.05,
        router_learning_rate: float = 0.003,
        batch_size: int | None = None,
        max_epochs: int = 60,
        patience: int = 10,
        device: str = "cpu",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_groups = n_groups
        self.objective = objective
        self.balance = balance
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_init = n_init
        self.validation_fraction = validation_fraction
        self.certify_fraction = certify_fraction
        self.fallback = fallback
        self.tolerance = tolerance
        self.alpha = alpha
        self.min_group_size = min_group_size
        self.refit = refit
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.router_learning_rate = router_learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Learn the groups and their classifiers.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Numbers; sensitive columns should be left out.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : ignored
            Groups are learned from X and y. The parameter is there for the sake of a common signature.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows; rows of weight zero are left out.

        Returns
        -------
        DAFHClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, X has text, NaN or infinity, y has one class, weights are negative or all zero, groups are
            more than half the rows, or the device is not there.

        Warns
        -----
        GroupCollapseWarning
            If groups are too small, or one holds nearly everybody.
        GroupFallbackWarning
            If a group is served by the pooled classifier.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        self._check_settings(len(sample))
        if not sample.present().all():
            sample = sample.take(sample.present())
        seed = check_random_state(self.random_state)
        certify_fraction = 0.0 if self.fallback is None else self.certify_fraction
        parts = split_rows(sample.y, self.validation_fraction, certify_fraction, seed)
        fitting, validation, certifying = (sample.take(rows) for rows in parts)

        self.pooled_estimator_ = self._fit_pooled(fitting, seed)
        self._learn_groups(fitting, validation if len(validation) else fitting, seed)
        if self.refit:
            self._refit_groups(fitting, validation if len(validation) else fitting, seed)
        self._drop_small_groups(sample.X)
        self._decide_fallback(certifying)
        if len(self.fallback_groups_) == self.n_groups:
            self.pooled_estimator_ = self._fit_pooled(sample, seed)
        for label in self.fallback_groups_:
            self.group_estimators_[label] = self.pooled_estimator_
        if not self.collapsed_:
            self._warn_of_fallback()
        return self

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        check_numeric(X, type(self).__name__)
        checked = validate_data(self, X, reset=reset, dtype=np.float64)
        return (
            X if isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame) else checked
        )

    def _check_settings(self, n_rows: int) -> None:
        if self.n_groups > n_rows / 2:
            raise ValueError(
                f"n_groups must be at most half the number of rows, {n_rows}; got {self.n_groups}."
            )
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise ValueError(f"device must be 'cpu', 'cuda' or 'cuda:<number>'; got {self.device!r}.")
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(f"device={self.device!r} is not available here; use 'cpu'.")
        if not all(isinstance(size, Integral) and size > 0 for size in self.hidden_layer_sizes):
            raise ValueError(
                f"hidden_layer_sizes must be positive integers; got {self.hidden_layer_sizes!r}."
            )

    def _fit_pooled(self, sample: Sample, seed: np.random.RandomState) -> Any:
        pooled = self.estimator
        if pooled is None:
            pooled = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        return sample.fit(clone_seeded(pooled, seed))

    def _learn_groups(self, fitting: Sample, validation: Sample, seed: np.random.RandomState) -> None:
        """Train all restarts and keep the best state of the best one."""
        self.scaler_ = StandardScaler().fit(_numbers(fitting.X))
        Z = self._standardize(fitting.X).astype(np.float32)
        codes = np.searchsorted(self.classes_, fitting.y)
        generator = torch.Generator().manual_seed(int(seed.randint(np.iinfo(np.int32).max)))
        batch_size = self.batch_size or (_SMALL_BATCH if len(Z) < _SMALL_DATA else _BATCH)
        module = RoutedHeads(
            self._start(Z, codes, fitting.weights, generator),
            self.hidden_layer_sizes,
            OBJECTIVES[self.objective] if isinstance(self.objective, str) else self.objective,
            self.balance,
            min(batch_size, len(Z)),
            generator,
        )
        validate = GroupValidation(
            self._standardize(validation.X).astype(np.float32),
            np.searchsorted(self.classes_, validation.y),
            self.pooled_estimator_.predict(validation.X) == validation.y,
            validation.weights,
            self.alpha,
            self.device,
        )
        weights = np.ones(len(Z)) if fitting.weights is None else fitting.weights
        progress = train(
            module,
            {
                "X": Z,
                "y": codes,
                "pooled_loss": self._pooled_loss(fitting.X, codes),
                "weight": weights.astype(np.float32),
            },
            validate,
            optimizer=self.optimizer,
            learning_rate=self.router_learning_rate,
            parameter_groups=[("head_*", {"lr": self.learning_rate / np.sqrt(Z.shape[1])})],
            max_epochs=self.max_epochs,
            batch_size=batch_size,
            patience=self.patience,
            generator=generator,
            device=self.device,
            verbose=self.verbose,
        )
        self._keep_best(progress, len(validation))

    def _start(
        self, Z: np.ndarray, y: np.ndarray, weight: np.ndarray | None, generator: torch.Generator
    ) -> torch.Tensor:
        """Start one member at the pooled classifier (or a linear one) and the others at random, shape (R, d + 1, K, O).

        Near copies of one classifier give the router nothing to learn from where that classifier is useless
        (two opposite rules); random heads do.
        """
        common = pooled_scores(self.pooled_estimator_, self.scaler_)
        if common is None:
            linear = LogisticRegression(max_iter=2000).fit(Z, y, sample_weight=weight)
            common = np.vstack([linear.coef_.T, linear.intercept_])
        shape = (self.n_init, common.shape[0], self.n_groups, common.shape[1])
        heads = torch.randn(shape, generator=generator) / np.sqrt(Z.shape[1])
        heads[1:] *= _RANDOM_SPREAD
        heads[0] = torch.as_tensor(common[:, None], dtype=torch.float32) + _WARM_SPREAD * heads[0]
        return heads

    def _pooled_loss(self, X: Any, codes: np.ndarray) -> np.ndarray:
        """Soft 0-1 loss of the pooled classifier, ``1 - p_y``; the hard one if it has no probabilities."""
        if hasattr(self.pooled_estimator_, "predict_proba"):
            probabilities = align_probabilities(self.pooled_estimator_, X, self.classes_)
            return (1 - probabilities[np.arange(len(codes)), codes]).astype(np.float32)
        return (self.pooled_estimator_.predict(X) != self.classes_[codes]).astype(np.float32)

    def _keep_best(self, progress: Progress, n_validation: int) -> None:
        member = choose_member([key for key, _, _ in progress.best], n_validation)
        _, epoch, state = progress.best[member]
        layers = range(len(self.hidden_layer_sizes) + 1)
        self.router_coefs_ = [state[f"router_weights.{layer}"].astype(float) for layer in layers]
        self.router_intercepts_ = [state[f"router_biases.{layer}"][0].astype(float) for layer in layers]
        self.objective_history_ = [float(costs[member]) for costs in progress.costs]
        self.validation_history_ = [figures[member] for figures in progress.figures]
        self.n_iter_ = len(progress.costs)
        self.best_epoch_ = epoch
        n_outputs = 1 if len(self.classes_) == 2 else len(self.classes_)
        weights = state["head_weights"].reshape(-1, self.n_groups, n_outputs)
        biases = state["head_biases"].reshape(self.n_groups, n_outputs)
        names = getattr(self, "feature_names_in_", None)
        self.group_estimators_ = {
            k: linear_classifier(weights[:, k], biases[k], self.scaler_, self.classes_, names)
            for k in range(self.n_groups)
        }

    def _frame(self, sample: Sample) -> PreferenceFrame:
        return self.preference_frame(sample.X, sample.y, sample_weight=sample.weights)

    def _refit_groups(self, fitting: Sample, validation: Sample, seed: np.random.RandomState) -> None:
        """Fit the estimator on each group, and keep the result if it causes no more violations."""
        heads, before = self.group_estimators_, self._frame(validation)
        groups = self._group_codes(fitting.X)
        self.group_estimators_ = {}
        for k, head in heads.items():
            members = fitting.take(groups == k)
            self.group_estimators_[k] = (
                self._fit_pooled(members, seed) if members.has_several_classes() else head
            )
        if self._frame(validation).overall["n_violations"] > before.overall["n_violations"]:
            self.group_estimators_ = heads

    def _drop_small_groups(self, X: Any) -> None:
        """Find groups that are too small for a classifier, and warn if the partition is no partition."""
        sizes = np.bincount(self._group_codes(X), minlength=self.n_groups)
        smallest = self.min_group_size or max(50, int(0.05 * sizes.sum()))
        self.group_sizes_ = {k: int(size) for k, size in enumerate(sizes)}
        self.fallback_groups_ = {
            k: f"{size:,} people, fewer than min_group_size={smallest:,}"
            for k, size in self.group_sizes_.items()
            if size < smallest
        }
        self.n_groups_effective_ = self.n_groups - len(self.fallback_groups_)
        self.collapsed_ = self.n_groups_effective_ < 2
        shares = sizes / sizes.sum()
        spread = np.exp(special.entr(shares).sum())
        if self.fallback_groups_ or shares.max() > _LARGEST_SHARE or spread < self.n_groups - 0.5:
            warnings.warn(
                f"The learned groups are uneven or too few: sizes {sizes.tolist()}, {self.n_groups_effective_} of "
                f"{self.n_groups} large enough"
                + (", so the pooled classifier serves everybody" if self.collapsed_ else "")
                + ". Try a larger balance, a smaller router_learning_rate, more n_init or fewer n_groups.",
                GroupCollapseWarning,
                stacklevel=3,
            )
        if self.collapsed_:
            for k in self.groups_:
                self.fallback_groups_.setdefault(
                    k, "the other groups are too small: there is nothing to choose"
                )

    def _decide_fallback(self, certifying: Sample) -> None:
        """Give groups back to the pooled classifier unless the held-out rows speak for their own."""
        self.certificates_ = {}
        if self.fallback is None or self.collapsed_:
            return
        if not len(certifying):
            self.fallback_groups_ = dict.fromkeys(
                self.groups_, f"not {self.fallback}: no rows are left to decide on"
            )
            return
        for label in self.fallback_groups_:
            self.group_estimators_[label] = self.pooled_estimator_
        frame = self._frame(certifying)
        table = keep_own_classifier(frame, rule=self.fallback, tolerance=self.tolerance, alpha=self.alpha)
        for k in self.groups_:
            if k in self.fallback_groups_:
                continue
            kept = k in table.index and bool(table.loc[k, "keep"])
            self.certificates_[k] = (
                str(table.loc[k, "reason"]) if k in table.index else "nobody of the group is in the sample"
            )
            if not kept:
                self.fallback_groups_[k] = f"not {self.fallback}: {self.certificates_[k]}"

    def _standardize(self, X: Any) -> np.ndarray:
        return self.scaler_.transform(_numbers(X))

    def _group_codes(self, X: Any) -> np.ndarray:
        return router_logits(self._standardize(X), self.router_coefs_, self.router_intercepts_).argmax(axis=1)

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        return self._group_codes(X), list(self.group_estimators_.items())

    def predict_group_proba(self, X: Any) -> pd.DataFrame:
        """Say with what probability the router assigns each person to each group.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        DataFrame, shape (n, K)
            One column per group; people are served by the group of the largest entry.
        """
        Z = self._standardize(self._check_predict_input(X))
        logits = router_logits(Z, self.router_coefs_, self.router_intercepts_)
        return pd.DataFrame(special.softmax(logits, axis=1), columns=self.groups_)


def _numbers(X: Any) -> np.ndarray:
    """Take the values of a checked frame or array."""
    return check_array(X, dtype=np.float64, ensure_min_samples=0).view(np.ndarray)
