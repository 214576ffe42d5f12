"""Learning from batches that come one after the other."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from sklearn.linear_model import SGDClassifier
from sklearn.utils import check_random_state

from ...base._fitting import fit_context, unchanged_on_error
from ...base._inner_fits import clone_seeded
from ...base._samples import Sample
from ...base._weights import weight_arguments
from .._training._batches import TensorTable
from .._training._net import make_net
from .._training._seeding import seeded
from ._learner import GroupLearner, LearnedGroups
from ._linear import linear_classifier
from ._parts import LearnsGroups
from ._router import make_router_inputs
from ._validation import GroupValidation, Table


class GroupStream:
    """Restarts that train on one batch of rows after the other.

    Each batch first judges the restarts and only then trains them (prequential evaluation, Dawid 1984), so that every row
    validates and no row has to be kept.

    Parameters
    ----------
    learner : GroupLearner
    n_groups : int
    n_rows : int
        Rows of the first batch.
    seed : int
    """

    def __init__(self, learner: GroupLearner, n_groups: int, n_rows: int, seed: int) -> None:
        self.learner = learner
        self.n_groups = n_groups
        self.n_rows = n_rows
        self.seed = seed
        self.n_seen = 0
        self.gains = np.zeros(learner.n_init)
        self.net = self._make_net()

    def _make_net(self) -> Any:
        learner = self.learner
        with seeded(self.seed):
            module = learner.make_module(self.n_groups, self.n_rows)
        settings = learner.training_settings(self.n_rows, self.seed)
        return make_net(
            module,
            max_epochs=1,
            accelerator=learner.accelerator,
            callbacks=list(learner.callbacks),
            **settings,
        ).initialize()

    def __getstate__(self) -> dict[str, Any]:
        """Keep parameters and the optimiser's memory instead of the net, whose pickles differ between versions."""
        state = vars(self).copy()
        net = state.pop("net")
        return state | {"module": net.module_.state_dict(), "optimizer": net.optimizer_.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the net again."""
        module, optimizer = state.pop("module"), state.pop("optimizer")
        vars(self).update(state)
        self.net = self._make_net()
        self.net.module_.load_state_dict(module)
        self.net.optimizer_.load_state_dict(optimizer)

    def judge(self, table: Table) -> None:
        """Add a batch to what is known of the restarts' gains over the pooled classifier."""
        validate = GroupValidation(table, self.learner.alpha, self.learner.device)
        figures = [figures for _, figures in validate(self.net.module_)]
        self.gains += len(table) * np.array([f["rationality_gain"] for f in figures])
        self.n_seen += len(table)

    def train(self, table: Table) -> None:
        """Pass once over a batch."""
        seed = self.seed + self.n_seen
        with seeded(seed):
            self.net.iterator_train__generator = torch.Generator().manual_seed(seed)
            epochs = len(self.net.history)
            self.net.partial_fit(TensorTable(table.columns(), self.learner.device), None)
        if "train_loss" not in (self.net.history[-1] if len(self.net.history) > epochs else {}):
            raise KeyboardInterrupt  # which skorch has caught

    def best(self) -> LearnedGroups:
        """Groups of the restart with the largest gain so far."""
        member, module = int(self.gains.argmax()), self.net.module_
        state = module.member_state(member)
        router, heads = module.modules_of(state)
        gain = float(self.gains[member] / max(self.n_seen, 1))
        return LearnedGroups(
            router,
            heads,
            state,
            costs=[],
            figures=[{"rationality_gain": gain}],
            n_iter=1,
            best_epoch=1,
            stability=float("nan"),
            members=self.learner.side_by_side([(router, heads)], module.running_shares.shape[1]),
            interrupted=False,
        )


class _Streams(LearnsGroups, Protocol):
    """What the parts of a stream ask of each other."""

    def _learn_batch(self: S, X: Any, y: Any, classes: Any, sample_weight: Any) -> S: ...
    def _check_batch(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Sample: ...
    def _make_pooled(self, seed: np.random.RandomState) -> Any: ...
    def _learn_pooled(self, sample: Sample) -> None: ...


S = TypeVar("S", bound=_Streams)


class LearnsFromBatches:
    """`partial_fit` for an estimator whose groups are learned by gradient."""

    selection_history_: list[dict[str, Any]]
    _state: dict[str, np.ndarray] | None

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self: S, X: Any, y: Any, classes: Any = None, *, sample_weight: Any = None) -> S:
        """Learn from a batch of rows, for data that come from disk or as a stream.

        Every batch judges the restarts before it trains them, for one pass. Features are standardised and binned as the first
        batch says, which should therefore be large and typical. No rows are set aside: all groups keep their classifier until
        `decide_fallback` is called with rows that took no part. An earlier `fit` is forgotten. The pooled classifier learns along (`estimator` needs
        `partial_fit`; by default a logistic regression by stochastic gradient), so that it has not converged before the
        stream is long.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Numbers.
        y : array-like, shape (n,)
            Labels.
        classes : array-like, shape (C,), optional
            All labels that will come; needed in the first call, unless there was a `fit`.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        DAFHClassifier

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, the first batch has not all of them, a label is none of them, `estimator` has no `partial_fit`,
            or `n_groups` is "auto", as well as for the reasons of `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from fairlearn_fwh.inprocessing import DAFHClassifier
        >>> X = np.random.default_rng(0).standard_normal((60_000, 2))
        >>> y = X[:, 0] * X[:, 1] > 0  # two opposite rules
        >>> model = DAFHClassifier(random_state=0)
        >>> for start in range(0, 50_000, 5_000):
        ...     rows = slice(start, start + 5_000)
        ...     model = model.partial_fit(X[rows], y[rows], classes=[False, True])
        >>> model.decide_fallback(X[50_000:55_000], y[50_000:55_000]).fallback_groups_
        {}
        >>> model.score(X[55_000:], y[55_000:]) > 0.9
        True
        """
        with unchanged_on_error(self):
            return self._learn_batch(X, y, classes, sample_weight)

    def _learn_batch(self: S, X: Any, y: Any, classes: Any, sample_weight: Any) -> S:
        stream = getattr(self, "_stream", None)
        first = stream is None
        sample = self._check_batch(X, y, classes, sample_weight)
        if stream is None:
            seed = check_random_state(self.random_state)
            self.scaler_, self._bins = make_router_inputs(sample.numbers())
            self._pooled_stream = self._make_pooled(seed)
            self._learn_pooled(sample)
            table, n_groups, n_classes = self._table(sample), int(self.n_groups), len(self.classes_)
            # Heads start at random: the pooled classifier has only just begun.
            start = np.zeros((table.Z.shape[1] + 1, n_classes if n_classes > 2 else 1))
            learner = self._learner(start, None)
            stream = self._stream = GroupStream(learner, n_groups, len(sample), int(seed.randint(2**31 - 1)))
            self.group_sizes_ = dict.fromkeys(range(n_groups), 0)
            self.selection_history_ = []
        else:
            table = self._table(sample)
            stream.judge(table)
        stream.train(table)
        if not first:
            self._learn_pooled(sample)
        self._keep(stream.best())
        self._state = None  # a fit does not go on from here: it would not know its certifying rows
        sizes = np.bincount(self._group_codes(sample.X), minlength=self.n_groups_)
        self.group_sizes_ = {k: n + int(sizes[k]) for k, n in self.group_sizes_.items()}
        smallest = self._smallest_group(sum(self.group_sizes_.values()))
        self._find_small_groups(smallest)
        return self

    def _check_batch(self: _Streams, X: Any, y: Any, classes: Any, sample_weight: Any) -> Sample:
        """Check a batch; the first one says which features and classes there are."""
        first = getattr(self, "_stream", None) is None
        if self.n_groups == "auto":
            raise ValueError("n_groups must be a number for partial_fit; got 'auto'.")
        if not first and self.n_groups != self.n_groups_:
            raise ValueError(f"n_groups must stay {self.n_groups_} from batch to batch; got {self.n_groups}.")
        known: Any = getattr(self, "classes_", None)
        if classes is None and known is None:
            raise ValueError("classes must be given in the first call of partial_fit.")
        if classes is not None and not first and not np.array_equal(np.unique(classes), known):
            raise ValueError(f"classes must stay {known.tolist()}; got {np.unique(classes).tolist()}.")
        known = known if classes is None else np.unique(classes)
        sample = self._check_rows(X, y, sample_weight, reset=first)
        if (strange := ~np.isin(sample.y, known)).any():
            raise ValueError(
                f"y has the label {sample.y[strange].tolist()[0]!r}; classes are {known.tolist()}."
            )
        if len(known) < 2:
            raise ValueError(f"classes must have at least 2 labels; got {known.tolist()}.")
        if first and len(missing := np.setdiff1d(known, sample.y[sample.present()])):
            raise ValueError(
                f"y of the first batch must have people of every class (heads that have never seen one hardly learn it later); "
                f"{missing.tolist()} are missing."
            )
        self.classes_ = known
        self._check_settings(len(sample) if first else None)
        return sample.take(sample.present())

    def _make_pooled(self: _Streams, seed: np.random.RandomState) -> Any:
        """Make the pooled classifier of a stream: the user's, or one for standardised features."""
        if self.estimator is None:
            return SGDClassifier(loss="log_loss", average=True, random_state=seed.randint(2**31 - 1))
        if not hasattr(self.estimator, "partial_fit"):
            raise ValueError(
                f"estimator must have partial_fit to learn from batches; {type(self.estimator).__name__} does not."
            )
        return clone_seeded(self.estimator, seed)

    def _learn_pooled(self: _Streams, sample: Sample) -> None:
        model, sample = self._pooled_stream, self._costs.weigh(sample)
        weights = weight_arguments(model, sample.weights)
        if self.estimator is not None:
            self.pooled_estimator_ = model.partial_fit(sample.X, sample.y, classes=self.classes_, **weights)
            return
        model.partial_fit(
            self.scaler_.transform(sample.numbers()), sample.y, classes=self.classes_, **weights
        )
        self.pooled_estimator_ = linear_classifier(
            model.coef_.T,
            model.intercept_,
            self.scaler_,
            self.classes_,
            getattr(self, "feature_names_in_", None),
        )
