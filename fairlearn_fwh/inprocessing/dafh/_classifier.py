"""DAFH: groups and their classifiers learned together, without sensitive features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from ..._sklearn_compat import FitsAndPredicts, HasMethods, Interval, StrOptions
from ...base._fallback_loss import FALLBACK_LOSSES, read_fallback_loss
from ...base._features import check_numbers
from ...base._fingerprint import fingerprint
from ...base._fitting import fit_context
from ...base._inner_fits import clone_seeded
from ...base._routed import RoutedClassifier
from ...base._samples import Sample, numbers
from ...base._splits import split_rows
from ...base._units import read_units
from ...base._weights import takes_weights
from .._training._callbacks import check_callbacks
from .._training._devices import check_device
from .._training._layer_sizes import check_layer_sizes
from .._training._net import OPTIMIZERS
from .._training._parameters import TRAINING
from ._decision_costs import DecisionCosts
from ._explanation import ExplainsGroups, warn_if_unstable
from ._fallback import FallsBack
from ._learning import LearnsByGradient
from ._objectives import OBJECTIVES
from ._parts import LearnsGroups
from ._router import make_router_inputs
from ._stream import LearnsFromBatches


class DAFHClassifier(ExplainsGroups, LearnsFromBatches, LearnsByGradient, FallsBack, RoutedClassifier):
    """Learn groups and a classifier for each, so that no group would do better otherwise.

    A router (a small neural network) assigns each person to one of K classifiers, and both are learned
    together: every group should do at least as well with its classifier as with the pooled one (rationality) and
    as with the other groups' (envy-freeness). No sensitive features are needed, neither in `fit` nor in `predict`.
    Groups are learned with differentiable heads (linear ones, unless `heads` says otherwise); `estimator` is then fitted
    on each group and serves it where it does no worse on validation rows. A group keeps its classifier only if held-out data rule
    out that it loses by it; all others get the pooled classifier. `preference_frame` shows who then envies whom.

    Parameters
    ----------
    estimator : classifier, optional
        The pooled classifier and, with `refit`, the group classifiers: any classifier of scikit-learn's kind, also a pipeline.
        By default ``LogisticRegression(max_iter=2000)`` on standardised features.
    n_groups : int or "auto"
        Number K of groups, at most half the number of rows. "auto" starts with one group, which is the pooled classifier,
        and adds another as long as the gain is significant on half of the validation rows, which have chosen nothing before.
    max_groups : int
        Largest number of groups that "auto" tries.
    objective : {"hinge", "paper", "group", "ce", "direct"} or callable
        What is minimised. "hinge" adds penalties for harm and envy to the own loss; "paper" is eq. (2) of the paper
        with a margin loss, which rewards any error of the other groups' classifiers; "group" is its eq. (1);
        "ce" is a mixture of experts; "direct" the soft rate of fairness without harm. A callable takes the
        assignment probabilities (R, B, K), the losses of the K classifiers (R, B, K) and the pooled losses (B,) as
        tensors and returns costs (R, B); R counts restarts, B rows of a batch.
    balance : float
        Weight of the divergence of the groups' shares from equal shares.
    cost_matrix : array-like, shape (C, C), optional
        What it costs to predict the class of the column for a person of the class of the row (`classes_` gives the order);
        zero on the diagonal. Costs take the place of errors in the objective, in the choice and in the certificates, whose
        `tolerance` then is a cost; classifiers are fitted with rows weighted by the mean cost of their errors. By default every error costs 1.
    hidden_layer_sizes : tuple of int
        Hidden layers of the router.
    router : callable (n_inputs, n_groups) -> torch module, optional
        Makes the router, a module from (B, n_inputs) to (B, n_groups), instead. Its inputs are the standardised features and
        indicators of bins of those with more than two values.
    heads : callable (n_features, n_outputs) -> torch module, optional
        Makes a group's differentiable classifier, a module from (B, n_features) to (B, n_outputs), instead of a linear
        one; there is 1 output for two classes, else one per class. Modules have no buffers (no batch normalisation).
    n_init : int
        Restarts, trained side by side; half of them start near the pooled classifier, the others at random. The worse half is
        dropped after 5, 10, 20 and 40 epochs; the best on validation data is kept.
    validation_fraction : float
        Share of the rows that choose the epoch, the restart and each group's classifier (with "auto" half of them choose
        the number of groups instead).
    certify_fraction : float
        Share of the rows that decide on `fallback` and are used for nothing else.
    fallback : {"certified", "empirical", None}
        Which groups keep their classifier: those whose gain is certified to be above ``-tolerance``, those whose gain
        is above it in the sample, or all (then no rows are set aside). Unless it is None, groups that lose against the
        pooled classifier on the validation rows are given back before.
    fallback_loss : {"zero_one", "missed", "false_alarm"}
        Loss in which `fallback` decides, of the second class where there are two; by default errors, or costs with `cost_matrix`.
    tolerance : float
        Largest loss against the pooled classifier that counts as none, in units of `fallback_loss`.
    alpha : float
        Probability that some certificate is false; level of the tests of "auto".
    min_group_size : int, optional
        Fewest people (rows of `fit`) in a group; smaller ones are served by the pooled classifier. By default 50 or
        5 % of the rows, whatever is larger.
    router_threshold : float
        People whose group is less likely than this are served by the pooled classifier; 0 turns it off.
    refit : bool, optional
        Fit `estimator` anew on each group's rows, and keep the result if it does no worse on the validation data than
        the learned head. By default if `heads` is None and `estimator` is anything other than a logistic regression, which the heads are already.
    optimizer : {"adam", "sgd"}
        How the cost is minimised; "adam" has decoupled weight decay 0.1, "sgd" momentum 0.9.
    learning_rate, router_learning_rate : float
        Step sizes of the group classifiers (divided by the square root of the number of features) and of the router.
    batch_size : int, optional
        Rows of a batch; by default 512, and 256 for fewer than 20,000 rows.
    max_epochs : int
        Largest number of passes over the data.
    patience : int
        Number of passes without improvement on the validation data after which training stops.
    warm_start : bool
        Go on from the groups of the last fit, at which the first restart starts. It needs an integer `random_state`, a fixed `n_groups` and
        the same rows and fractions, so that those that certify are the same again.
    device : str
        Where torch computes: "cpu", "cuda", or "auto" for a GPU if there is one.
    accelerator : accelerate.Accelerator, optional
        Lets several processes, each of which calls `fit` with the same arguments, train one model together; see skorch's
        AccelerateMixin. The model is that of one process, up to rounding.
    callbacks : list of skorch callbacks, optional
        What else is to happen in training. They are used as they are given; the figures of an epoch stand in ``net.history`` as
        ``"valid_accuracy"`` and so on.
    verbose : int
        Above 0: a progress bar.
    random_state : int, RandomState or None
        Seed.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    n_groups_ : int
        Number of groups, as given or chosen.
    groups_ : list of int
        Labels 0 to ``n_groups_ - 1`` of the groups.
    group_sizes_ : dict
        Number of people of `fit` in each group.
    pooled_estimator_ : classifier
        The pooled classifier, fitted on all rows; groups were compared with one that had not seen the rows that certify.
    group_estimators_ : dict
        Classifier of each group.
    fallback_groups_ : dict
        Groups that are served by the pooled classifier, and why.
    certificates_ : dict
        What the fallback's test found for each group, in words; empty if there was none.
    temperatures_ : dict
        Temperature scaling of each learned head: its scores are divided by this, so that probabilities are calibrated (on the validation rows of
        the group; decisions stay). NaN where the group has fewer than 100 of these or one class, where there is a `cost_matrix`, and where
        `estimator` serves the group: its probabilities are left as they are.
    group_stability_ : float
        Mean adjusted Rand index between the groups of the restarts that gain nearly as much as the best; NaN if there is
        only one. Below 0.5 do not read meaning into who is in which group: other groups do as well.
    selection_history_ : list of dict
        For every number of groups that "auto" tried: `gain` over one group fewer, `p_value`, `smallest_group`, `accepted`.
    collapsed_ : bool
        Whether fewer than two groups are large enough; the pooled classifier then serves everybody.
    n_groups_effective_ : int
        Number of groups that are large enough.
    n_iter_, best_epoch_ : int
        Number of epochs, and the one whose state was kept.
    router_ : Router or None
        Assigns people to groups; None if there is one group.
    scaler_ : StandardScaler
        Standardises the features (means and scales of the fitting rows; sparse features are only scaled).
    objective_history_ : list of float
        Cost after each epoch of the restart that was kept.
    validation_history_ : list of dict
        Accuracy, gain over pooled, rate of fairness without harm, smallest gain of a group and largest share of a
        group on the validation data, after each epoch.

    Notes
    -----
    The router sees numeric features also cut into bins, the group classifiers do not: a gain over the pooled classifier is
    therefore a gain over that class of classifiers, not over the best model there is. Compare it with a stronger pooled
    `estimator` too.

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
        **TRAINING,
        "estimator": [FitsAndPredicts(), None],
        "n_groups": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "max_groups": [Interval(Integral, 2, None, closed="left")],
        "objective": [StrOptions(set(OBJECTIVES)), callable],
        "balance": [Interval(Real, 0, None, closed="left")],
        "cost_matrix": ["array-like", None],
        "hidden_layer_sizes": [tuple, list],
        "router": [callable, None],
        "heads": [callable, None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "certify_fraction": [Interval(Real, 0, 1, closed="neither")],
        "fallback": [StrOptions({"certified", "empirical"}), None],
        "fallback_loss": [StrOptions(set(FALLBACK_LOSSES))],
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "min_group_size": [Interval(Integral, 1, None, closed="left"), None],
        "router_threshold": [Interval(Real, 0, 1, closed="left")],
        "refit": ["boolean", None],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "router_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "warm_start": ["boolean"],
        "accelerator": [HasMethods(["prepare", "backward"]), None],
    }

    certificates_: dict[Any, str]
    collapsed_: bool
    n_groups_effective_: int
    _pooled_stream: Any
    _stream: Any

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_groups: int | str = 2,
        max_groups: int = 4,
        objective: str | Callable[..., Any] = "hinge",
        balance: float = 0.1,
        cost_matrix: Any = None,
        hidden_layer_sizes: Sequence[int] = (100,),
        router: Callable[[int, int], Any] | None = None,
        heads: Callable[[int, int], Any] | None = None,
        n_init: int = 5,
        validation_fraction: float = 0.2,
        certify_fraction: float = 0.2,
        fallback: str | None = "certified",
        fallback_loss: str = "zero_one",
        tolerance: float = 0.01,
        alpha: float = 0.05,
        min_group_size: int | None = None,
        router_threshold: float = 0.0,
        refit: bool | None = None,
        optimizer: str = "adam",
        learning_rate: float = 0.05,
        router_learning_rate: float = 0.003,
        batch_size: int | None = None,
        max_epochs: int = 60,
        patience: int = 10,
        warm_start: bool = False,
        device: str = "cpu",
        accelerator: Any = None,
        callbacks: Sequence[Any] | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_groups = n_groups
        self.max_groups = max_groups
        self.objective = objective
        self.balance = balance
        self.cost_matrix = cost_matrix
        self.hidden_layer_sizes = hidden_layer_sizes
        self.router = router
        self.heads = heads
        self.n_init = n_init
        self.validation_fraction = validation_fraction
        self.certify_fraction = certify_fraction
        self.fallback = fallback
        self.fallback_loss = fallback_loss
        self.tolerance = tolerance
        self.alpha = alpha
        self.min_group_size = min_group_size
        self.router_threshold = router_threshold
        self.refit = refit
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.router_learning_rate = router_learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.warm_start = warm_start
        self.device = device
        self.accelerator = accelerator
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
    ) -> Self:
        """Learn the groups and their classifiers.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Numbers; sensitive columns should be left out.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : ignored
            Groups are learned from X and y. The parameter is there for the sake of a common signature.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows; rows of weight zero are left out.
        units : array-like, shape (n,), optional
            Whose rows belong together, such as the visits of a patient: no unit is divided between rows for fitting, validation and certificates, and
            the tests of certificates count units. Those of ``n_groups="auto"`` count rows.

        Returns
        -------
        DAFHClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, X has text, NaN or infinity, y has one class, weights are negative or all zero, groups are
            more than half the rows, the device is not there, costs do not fit the classes, modules have buffers, or
            a warm start does not fit the last fit.

        Warns
        -----
        GroupCollapseWarning
            If groups are too small, or one holds nearly everybody.
        GroupFallbackWarning
            If a group is served by the pooled classifier.
        UnstableGroupsWarning
            With ``n_groups="auto"``, if other restarts, as good as the one that was kept, find other groups.
        ConvergenceWarning
            If training was interrupted from the keyboard; the best state so far is kept.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        sample = replace(sample, units=read_units(units, len(sample)))
        self._check_settings(len(sample))
        if not sample.present().all():
            sample = sample.take(sample.present())
        previous = self._previous_solution(sample)
        seed = check_random_state(self.random_state)
        certify_fraction = 0.0 if self.fallback is None else self.certify_fraction
        parts = split_rows(sample.y, self.validation_fraction, certify_fraction, seed, sample.units)
        fitting, validation, certifying = (sample.take(rows) for rows in parts)
        rows_of_learning = np.sort(np.concatenate(parts[:2]))

        self.selection_history_: list[dict[str, Any]] = []
        self.pooled_estimator_ = self._fit_classifier(fitting, seed)
        if previous is None:
            self.scaler_, self._bins = make_router_inputs(fitting.numbers())
        learned = self._learn(fitting, validation, previous, seed)
        self._stream, self._rows = None, self._fingerprint(sample)
        if learned is None:
            self._serve_everybody_by_pooled(sample, seed)
            return self
        self._keep(learned)
        groups = self._group_codes(sample.X)
        self._drop_small_groups(groups)
        judging = parts[1] if len(parts[1]) else parts[0]
        self._choose_classifiers(sample, groups, (parts[0], judging, rows_of_learning), seed)
        self._decide_fallback(certifying)
        if len(certifying):  # nobody is served by a pooled classifier that has seen fewer rows than there are
            self.pooled_estimator_ = self._fit_classifier(sample, seed)
            self._assign_classifiers()
        if not self.collapsed_:
            self._warn_of_fallback()
        if self.n_groups == "auto":
            warn_if_unstable(self.group_stability_)
        return self

    def __sklearn_tags__(self) -> Any:
        """Say that sparse features are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- checking ---------------------------------------------------------------------------------------------------

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        return check_numbers(self, X, reset=reset, dtype=np.float64, accept_sparse="csr")

    def _check_settings(self, n_rows: int | None = None) -> None:
        if self.warm_start and self.n_groups == "auto":
            raise ValueError("warm_start=True needs n_groups to be a number; got 'auto'.")
        if n_rows is not None and self.n_groups != "auto" and int(self.n_groups) > n_rows / 2:
            raise ValueError(
                f"n_groups must be at most half the number of rows, {n_rows}; got {self.n_groups}."
            )
        check_device(self.device)
        check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        self._costs.check()
        check_callbacks(self.callbacks)

    def _previous_solution(self, sample: Sample) -> dict[str, np.ndarray] | None:
        """Parameters of the last fit, if training is to go on from there; the rows must be the same for the certificates."""
        state = getattr(self, "_state", None)
        if not self.warm_start or state is None:
            return None
        if not isinstance(self.random_state, Integral):
            raise ValueError(
                "warm_start=True needs random_state to be an integer, so that the rows that certify stay the same; "
                f"got {self.random_state!r}."
            )
        if self.n_groups != self.n_groups_:
            raise ValueError(
                f"warm_start=True needs n_groups to be that of the last fit, {self.n_groups_}; got {self.n_groups!r}."
            )
        if self._fingerprint(sample) != self._rows:
            raise ValueError(
                "warm_start=True needs the rows of the last fit, in the same order, and its random_state, fractions, "
                "hidden_layer_sizes and use of fallback, so that the rows that certify have not been learned from."
            )
        return state

    def _fingerprint(self, sample: Sample) -> str:
        """Hash of the rows and of what decides which of them certify."""
        certifies = self.fallback is not None and self.certify_fraction
        settings = self.random_state, self.validation_fraction, certifies, tuple(self.hidden_layer_sizes)
        return fingerprint(sample.numbers(), sample, settings, sample.units)

    # --- learning ---------------------------------------------------------------------------------------------------

    @property
    def _costs(self) -> DecisionCosts:
        return DecisionCosts(self.cost_matrix, self.classes_)

    def _loss(self) -> Any:
        if self.fallback_loss == "zero_one":
            return self._costs.loss
        return read_fallback_loss(self.fallback_loss, self.classes_)

    def _fit_classifier(self, sample: Sample, seed: np.random.RandomState) -> Any:
        """Fit the user's estimator."""
        estimator = self.estimator
        if estimator is None:
            scaler = StandardScaler(with_mean=not sparse.issparse(sample.X))
            estimator = make_pipeline(scaler, LogisticRegression(max_iter=2000))
        if self.cost_matrix is not None and not takes_weights(estimator):
            raise ValueError(
                f"cost_matrix needs an estimator that takes sample weights; {type(estimator).__name__} does not."
            )
        return self._costs.weigh(sample).fit(clone_seeded(estimator, seed))

    def _assign_classifiers(self) -> None:
        self.group_estimators_ = {
            k: self.pooled_estimator_ if k in self.fallback_groups_ else own
            for k, own in self._own_estimators.items()
        }

    # --- predicting -------------------------------------------------------------------------------------------------

    def _group_codes(self, X: Any) -> np.ndarray:
        if self.router_ is None:
            return np.zeros(X.shape[0], dtype=int)
        return self.router_.logits(numbers(X)).argmax(axis=1)

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        codes = self._group_codes(X)
        if self.router_threshold and self.router_ is not None:
            unsure = self.router_.probabilities(numbers(X)).max(axis=1) < self.router_threshold
            codes = np.where(unsure, -1, codes)
        return codes, list(self.group_estimators_.items())

    def _group_probabilities(self, X: Any) -> np.ndarray:
        if self.router_ is None:
            return np.ones((X.shape[0], 1))
        return self.router_.probabilities(numbers(X))


if TYPE_CHECKING:

    def _has_all_parts(model: DAFHClassifier) -> LearnsGroups:
        return model
