"""One expert per group on a representation that keeps groups apart, chosen where it harms nobody (FairSDE)."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from torch import nn

from .._fitting import fit_context
from .._group_routed import GroupRoutedClassifier, why_no_classifier
from .._routed import Sample, read_groups
from .._sklearn_compat import HasMethods, Interval, StrOptions
from .._splits import hold_out
from ..exceptions import GroupFallbackWarning
from ..metrics._arrays import Groups, as_tuple, find_groups, group_name, to_numpy
from ..postprocessing import NoHarmSelector
from ..postprocessing._scores import Guarantee, resolve_score
from ._classifiers import ModuleNetwork, as_network
from ._devices import check_device, torch_device
from ._encoders import make_encoder
from ._expert_network import ExpertNetwork, ExpertWeights, PooledNetwork
from ._inputs import channels_are_last, make_inputs
from ._learning import seeded
from ._network_classifiers import MixtureClassifier, NetworkClassifier
from ._numeric import check_numeric
from ._representation_plot import plot_representation
from ._router import RectifiedNetwork
from ._trainer import TensorTable, train

#: What `predict_group` says of people whose group was inferred.
INFERRED = "inferred"

#: Rows that are asked at a time.
_CHUNK = 4096


class SelectiveExpertsClassifier(GroupRoutedClassifier):
    """Train a network with an expert for each group, and use experts only where no group loses by them.

    A pooled network is trained for everybody. A second network of the same architecture learns a representation that keeps groups
    and classes apart, with one head for each group. On rows of their own `NoHarmSelector` chooses between pooled network and
    expert, group by group.

    Parameters
    ----------
    encoder : torch module or callable (input shape) -> torch module, optional
        Turns inputs (n, d), or images (n, channels, height, width), into representations (n, m). By default rectified layers for
        tables and `make_convolutional_encoder` for images.
    hidden_layer_sizes : sequence of int
        Layers of the default encoder for tables; the last one is the representation.
    discriminator_weight, center_weight, diversity_weight : float
        Weights of the losses that tell groups apart, gather people at the centre of their group and class, and keep them nearer
        to their like than to others.
    temperature, center_temperature : float
        Temperatures of the diversity and of the centre loss.
    diversity_form : {"stable", "published"}
        Whether the diversity loss is bounded below, or as in the authors' code.
    two_stage : bool
        Whether the heads are trained on the frozen representation, instead of together with it.
    strategy, guarantee, tolerance, alpha, scoring
        Of `NoHarmSelector`, which chooses.
    min_group_size : int
        Fewest people of a group (among those for fitting) that an expert is trained for.
    validation_fraction : float
        Share of the rows that are not for choosing on which the best epoch is found.
    selection_fraction : float
        Share of all rows on which pooled network and experts are compared.
    learning_rate : float
        Of AdamW.
    batch_size, max_epochs, patience : int
        `patience` is the number of epochs without improvement after which training stops.
    handle_unknown : {"pooled", "error", "infer"}
        Who serves people of groups that did not occur in `fit`: the pooled network; nobody; or the mixture of all groups' classifiers
        by the probabilities of the discriminator, for which no guarantee is given. Without groups everybody gets the mixture if
        "infer", else the pooled network.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    device : str
        "cpu", "cuda", "cuda:<number>" or "auto".
    verbose : int
        0: silent; above: a progress bar.
    random_state : int, RandomState or None
        Seeds splits, networks, batches and partners.

    Attributes
    ----------
    classes_ : ndarray
        Labels of the classes.
    pooled_estimator_ : classifier
        The pooled network.
    experts_ : dict from group to classifier
        Every group's expert, chosen or not.
    group_estimators_ : dict from group to classifier
        What serves each group; with ``handle_unknown="infer"`` also the group ``"inferred"``.
    fallback_groups_ : dict from group to str
        Groups that are served by the pooled network, and why.
    group_sizes_ : dict from group to int
    selection_table_ : DataFrame
        As `NoHarmSelector` has it; None without experts.
    separability_ : float
        Cross-validated accuracy, balanced over groups, of a linear classifier of groups on the representation of selection rows.
    validation_history_ : dict from {"pooled", "experts"} to list of dict
        Validation losses after each epoch: the mean over groups, by which the epoch is chosen, and each group's.

    Notes
    -----
    Losses are those of the authors' code, in a form that cannot overflow; partners are drawn within the batch, for all people at
    once. Rows for fitting, for the best epoch and for choosing are different. Without `sensitive_features` there is the pooled
    network alone.

    References
    ----------
    Tan et al., "Selective Demographic Experts", AAAI 2026, arXiv 2511.06293.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.inprocessing import SelectiveExpertsClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, group = rng.standard_normal((4000, 2)), rng.integers(0, 2, 4000)
    >>> y = (X[:, 0] > 0) ^ (group == 1)  # opposite rules
    >>> model = SelectiveExpertsClassifier(max_epochs=10, random_state=0)
    >>> model = model.fit(X[:3000], y[:3000], sensitive_features=group[:3000])
    >>> model.selection_table_["choice"].tolist()
    ['own', 'own']
    >>> model.score(X[3000:], y[3000:], sensitive_features=group[3000:]) > 0.9
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "encoder": [HasMethods(["forward"]), callable, None],
        "hidden_layer_sizes": ["array-like"],
        "discriminator_weight": [Interval(Real, 0, None, closed="left")],
        "center_weight": [Interval(Real, 0, None, closed="left")],
        "diversity_weight": [Interval(Real, 0, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "center_temperature": [Interval(Real, 0, None, closed="neither")],
        "diversity_form": [StrOptions({"stable", "published"})],
        "two_stage": ["boolean"],
        **{
            name: NoHarmSelector._parameter_constraints[name]
            for name in ("strategy", "guarantee", "tolerance", "alpha", "scoring")
        },
        "min_group_size": [Interval(Integral, 2, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "selection_fraction": [Interval(Real, 0, 1, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error", "infer"})],
        "missing_group": [StrOptions({"error", "separate"})],
        "device": [str],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        encoder: nn.Module | Callable[[tuple[int, ...]], nn.Module] | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (128, 64),
        discriminator_weight: float = 0.1,
        center_weight: float = 1.0,
        diversity_weight: float = 1.0,
        temperature: float = 0.07,
        center_temperature: float = 0.1,
        diversity_form: str = "stable",
        two_stage: bool = False,
        strategy: str = "max_min",
        guarantee: str = "certified",
        tolerance: float = 0.0,
        alpha: float = 0.05,
        scoring: str | Callable[..., float] = "accuracy",
        min_group_size: int = 50,
        validation_fraction: float = 0.2,
        selection_fraction: float = 0.25,
        learning_rate: float = 0.001,
        batch_size: int = 256,
        max_epochs: int = 60,
        patience: int = 10,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        device: str = "cpu",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.encoder = encoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.discriminator_weight = discriminator_weight
        self.center_weight = center_weight
        self.diversity_weight = diversity_weight
        self.temperature = temperature
        self.center_temperature = center_temperature
        self.diversity_form = diversity_form
        self.two_stage = two_stage
        self.strategy = strategy
        self.guarantee = guarantee
        self.tolerance = tolerance
        self.alpha = alpha
        self.scoring = scoring
        self.min_group_size = min_group_size
        self.validation_fraction = validation_fraction
        self.selection_fraction = selection_fraction
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    _shape: tuple[int, ...]

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Train the pooled network and the experts, and choose between them.

        Parameters
        ----------
        X : array-like, shape (n, d), (n, height, width, channels) or (n, channels, height, width)
            Features, or images.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups; several columns are intersected.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        SelectiveExpertsClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, features are no numbers, images have no axis of 1, 3 or 4 channels, the encoder does not return
            (n, m), y has one class, or a parameter is out of range.
        FloatingPointError
            If the loss is not finite from the first epoch on; later the best state before is kept, with a ConvergenceWarning.

        Warns
        -----
        GroupFallbackWarning
            If a group is served by the pooled network.
        ConvergenceWarning
            If training was interrupted from the keyboard; the best state so far is kept, and no experts are trained if that was
            the pooled network's.
        """
        sample = self._check_fit_input(X, y, sample_weight)
        self._check_settings(sample)
        groups = self._read_groups(sensitive_features, len(sample))
        if groups is not None and self.handle_unknown == "infer" and INFERRED in groups.labels:
            raise ValueError(
                f"A group of sensitive_features is named {INFERRED!r}, which with handle_unknown='infer' means an inferred one; rename it."
            )
        seed = check_random_state(self.random_state)
        if not sample.present().all():
            groups = None if groups is None else _take(groups, sample.present())
            sample = sample.take(sample.present())
        rows = self._split(sample, groups, seed)
        self._inputs = make_inputs(sample.take(rows[0]).X)
        self.validation_history_: dict[str, list[dict[str, float]]] = {}
        interrupted = self._train_pooled(sample, rows, seed)
        self.fallback_groups_, self.group_estimators_, self.group_sizes_ = {}, {}, {}
        self.experts_: dict[Any, NetworkClassifier] = {}
        self.selection_table_: Any = None
        self.separability_ = float("nan")
        for of_experts in ("discriminator_", "_encoder", "preference_frame_", "verdict_"):
            self.__dict__.pop(of_experts, None)  # of an earlier fit
        if groups is not None:
            self._fit_groups(sample, groups, rows, interrupted, seed)
        return self

    # --- checking ---------------------------------------------------------------------------------------------------

    def _check_settings(self, sample: Sample) -> None:
        check_device(self.device)
        guarantee = Guarantee(self.guarantee, self.tolerance, self.alpha)
        resolve_score(self.scoring).check(guarantee, self.classes_, sample.weights is not None)
        sizes = list(self.hidden_layer_sizes)
        if not sizes or not all(
            isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes
        ):
            raise ValueError(
                f"hidden_layer_sizes must be positive integers, at least one; got {self.hidden_layer_sizes!r}."
            )

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        check_numeric(X, type(self).__name__)
        checked = validate_data(self, X, reset=reset, dtype="numeric", allow_nd=True)
        if checked.ndim not in (2, 4):
            raise ValueError(
                f"X must be a table of 2 dimensions or images of 4 dimensions; got {checked.ndim}."
            )
        if not reset and checked.shape[1:] != self._shape:
            kinds = {2: "a table", 4: "images"}
            raise ValueError(
                f"X must be {kinds[len(self._shape) + 1]} with rows of shape {self._shape}, as in fit; got {kinds[checked.ndim]} with "
                f"{checked.shape[1:]}."
            )
        if reset:
            if checked.ndim == 4:
                channels_are_last(checked)  # raises if that cannot be told
            self._shape = checked.shape[1:]
        is_frame = isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)
        return X if is_frame else checked

    # --- training ---------------------------------------------------------------------------------------------------

    def _split(
        self, sample: Sample, groups: Groups | None, seed: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows for fitting, for the best epoch, and for choosing."""
        classes = np.searchsorted(self.classes_, sample.y)
        codes = np.zeros(len(sample), dtype=int) if groups is None else groups.codes
        learning, selecting = (
            (np.arange(len(sample)), np.array([], dtype=int))
            if groups is None
            else hold_out(classes, codes, self.selection_fraction, seed)
        )
        if groups is not None and len(np.unique(classes[selecting])) < 2:
            raise ValueError(
                f"selection_fraction={self.selection_fraction} of {len(sample):,} rows leaves {len(selecting)} to choose on, which need "
                "at least 2 classes; raise it."
            )
        fitting, validation = hold_out(classes[learning], codes[learning], self.validation_fraction, seed)
        return learning[fitting], learning[validation if len(validation) else fitting], selecting

    def _columns(self, sample: Sample, codes: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
        """What a network is trained on."""
        weights = np.ones(len(rows)) if sample.weights is None else sample.weights[rows]
        return {
            "X": self._inputs(sample.take(rows).X),
            "y": np.searchsorted(self.classes_, sample.y[rows]),
            "group": codes[rows].astype(np.int64),
            "weight": (weights / weights.mean()).astype(np.float32),
        }

    def _new_encoder(self, seed: np.random.RandomState) -> tuple[nn.Module, int]:
        with seeded(seed.randint(2**31)):
            return make_encoder(self.encoder, self._inputs.shape, list(self.hidden_layer_sizes))

    def _train(
        self,
        network: Any,
        name: str,
        columns: dict[str, Any],
        validation: dict[str, Any],
        groups: list[str],
        seed: np.random.RandomState,
    ) -> bool:
        """Train a network and load its best state, that with the smallest mean of the groups' validation losses; was it interrupted?"""
        device = torch_device(self.device)
        table = TensorTable(validation, device)

        def validate(module: Any) -> list[Any]:
            losses = _losses_by_group(module, table)
            mean = float(np.mean(list(losses.values())))
            return [((-mean,), {"loss": mean} | {groups[k]: loss for k, loss in losses.items()})]

        with seeded(seed.randint(2**31)):  # modules such as dropout draw from torch's global generator
            progress = train(
                network,
                columns,
                validate,
                n_members=1,
                optimizer="adam",
                parameter_groups=[],
                learning_rate=self.learning_rate,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                patience=self.patience,
                generator=torch.Generator().manual_seed(seed.randint(2**31)),
                device=device,
                verbose=self.verbose,
            )
        network.load_arrays(progress.best[0][2])
        network.cpu().eval()
        self.validation_history_[name] = [epoch[0] for epoch in progress.figures]
        return progress.interrupted

    def _train_pooled(self, sample: Sample, rows: Sequence[np.ndarray], seed: np.random.RandomState) -> bool:
        encoder, n_outputs = self._new_encoder(seed)
        with seeded(seed.randint(2**31)):
            network = PooledNetwork(encoder, n_outputs, len(self.classes_))
        everybody = np.zeros(len(sample), dtype=int)
        columns, validation = (self._columns(sample, everybody, part) for part in rows[:2])
        interrupted = self._train(network, "pooled", columns, validation, ["all"], seed)
        self.pooled_estimator_ = self._classifier(network.encoder, network.head)
        return interrupted

    def _classifier(self, encoder: nn.Module, head: nn.Linear) -> NetworkClassifier:
        return NetworkClassifier(self._inputs, _network(encoder, head), self.classes_)

    def _fit_groups(
        self,
        sample: Sample,
        groups: Groups,
        rows: Sequence[np.ndarray],
        interrupted: bool,
        seed: np.random.RandomState,
    ) -> None:
        self.group_sizes_ = dict(
            zip(groups.labels, np.bincount(groups.codes, minlength=len(groups)).tolist(), strict=True)
        )
        fitting = sample.take(rows[0])
        for k, label in enumerate(groups.labels):
            reason = why_no_classifier(fitting.take(groups.codes[rows[0]] == k), self.min_group_size)
            if reason:
                self.fallback_groups_[label] = reason
            elif interrupted:  # against half a pooled network experts would look good
                self.fallback_groups_[label] = "training was interrupted before its expert's turn"
        labels = [label for label in groups.labels if label not in self.fallback_groups_]
        if len(labels) == 1:
            self.fallback_groups_[labels.pop()] = (
                "it is the only group that is large enough, and the pooled network is its own"
            )
        self.group_estimators_ = dict.fromkeys(groups.labels, self.pooled_estimator_)
        if labels:
            self._train_experts(sample, groups, labels, rows, seed)
            self._select(sample, groups, labels, rows[2], seed)
        if labels and self.handle_unknown == "infer":
            served = {label: self.group_estimators_[label] for label in labels}
            self.group_estimators_[INFERRED] = MixtureClassifier(self.discriminator_, served)
        self._warn_of_fallback()

    def _train_experts(
        self,
        sample: Sample,
        groups: Groups,
        labels: list[Any],
        rows: Sequence[np.ndarray],
        seed: np.random.RandomState,
    ) -> None:
        """Train the encoder with a head for each of these groups."""
        codes = np.full(len(groups), -1)
        codes[[groups.labels.index(label) for label in labels]] = np.arange(len(labels))
        codes = codes[groups.codes]
        encoder, n_outputs = self._new_encoder(seed)
        weights = ExpertWeights(
            self.discriminator_weight,
            self.center_weight,
            self.diversity_weight,
            self.temperature,
            self.center_temperature,
            self.diversity_form,
        )
        generator = torch.Generator().manual_seed(seed.randint(2**31))
        with seeded(seed.randint(2**31)):
            network = ExpertNetwork(encoder, n_outputs, len(labels), len(self.classes_), weights, generator)
        fitting, validating = (part[codes[part] >= 0] for part in rows[:2])
        columns = self._columns(sample, codes, fitting)
        validation = self._columns(sample, codes, validating) if len(validating) else columns
        names = [group_name(label) for label in labels]
        if self.two_stage:
            network.learns_heads = False
            self._train(network, "representation", columns, validation, names, seed)
            network.freeze_representation()
        self._train(network, "experts", columns, validation, names, seed)
        self._encoder = _network(network.encoder, _identity(n_outputs))
        self.experts_ = {
            label: self._classifier(network.encoder, _part_of(network.heads, k, len(self.classes_)))
            for k, label in enumerate(labels)
        }
        self.discriminator_ = NetworkClassifier(
            self._inputs, _network(network.encoder, network.discriminator), np.arange(len(labels))
        )
        selecting = rows[2][codes[rows[2]] >= 0]
        if len(selecting):
            self.separability_ = _separability(self._represent(sample.take(selecting).X), codes[selecting])

    def _select(
        self, sample: Sample, groups: Groups, labels: list[Any], rows: np.ndarray, seed: np.random.RandomState
    ) -> None:
        """Choose between the pooled network and the experts on rows that neither has seen."""
        selecting = sample.take(rows)
        selector = NoHarmSelector(
            (self.pooled_estimator_, self.experts_),
            prefit=True,
            strategy=self.strategy,
            guarantee=self.guarantee,
            tolerance=self.tolerance,
            alpha=self.alpha,
            scoring=self.scoring,
            random_state=seed.randint(2**31),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            selector.fit(
                selecting.X,
                selecting.y,
                sensitive_features=_columns_of(groups, rows),
                sample_weight=selecting.weights,
            )
        self.selection_table_, self.preference_frame_ = selector.selection_table_, selector.preference_frame_
        self.verdict_ = selector.verdict_
        self.group_estimators_ |= {label: selector.group_estimators_[label] for label in labels}
        self.fallback_groups_ |= {
            label: reason for label, reason in selector.fallback_groups_.items() if label in labels
        }

    def represent(self, X: Any) -> np.ndarray:
        """Compute the representation on which the experts work.

        Parameters
        ----------
        X : array-like
            Features, or images, as in `fit`.

        Returns
        -------
        ndarray, shape (n, m)

        Raises
        ------
        ValueError
            If no experts were trained.
        """
        X = self._check_predict_input(X)
        if not self.experts_:
            raise ValueError("No experts were trained, so that there is no representation of groups.")
        return self._represent(X)

    def plot_representation(self, X: Any, y: Any, *, sensitive_features: Any, ax: Any = None) -> Any:
        """Draw people in the plane of the representation's two largest principal components, coloured by group, marked by class.

        Parameters
        ----------
        X : array-like
            Features, or images, as in `fit`.
        y : array-like, shape (n,)
            Labels.
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Groups. A picture shows single people as points, without anything else about them.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If no experts were trained, lengths differ, or the representation has one dimension.
        MissingExtraError
            If matplotlib is not installed.
        """
        z = self.represent(X)
        groups = read_groups(sensitive_features, len(z), self.missing_group)
        labels = to_numpy(y)
        if len(labels) != len(z):
            raise ValueError(f"X has {len(z)} rows, but y has {len(labels)}; they must be the same people.")
        if z.shape[1] < 2:
            raise ValueError(
                "The representation has one dimension; a picture needs two (see hidden_layer_sizes)."
            )
        return plot_representation(z, labels, groups, ax)

    def _represent(self, X: Any) -> np.ndarray:
        inputs = self._inputs(X)
        return np.concatenate(
            [self._encoder(inputs[i : i + _CHUNK]) for i in range(0, max(len(inputs), 1), _CHUNK)]
        )

    # --- predicting -------------------------------------------------------------------------------------------------

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        # Without "infer" a group of the user's may have that name.
        if not isinstance(self.group_estimators_.get(INFERRED), MixtureClassifier):
            return super()._route(X, sensitive_features)
        table = list(self.group_estimators_.items())
        inferred = len(table) - 1
        if sensitive_features is None:
            return np.full(X.shape[0], inferred), table
        groups = self._read_again(sensitive_features, X.shape[0])
        assert groups is not None
        codes = find_groups(groups, self.groups_)
        return np.where(codes < 0, inferred, codes), table

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there are group classifiers."""
        return hasattr(self, "group_estimators_")


def _take(groups: Groups, rows: np.ndarray) -> Groups:
    """Groups of some rows, with the labels that occur there."""
    codes = groups.codes[rows]
    present = np.unique(codes)
    return Groups(np.searchsorted(present, codes), [groups.labels[k] for k in present], groups.names)


def _columns_of(groups: Groups, rows: np.ndarray) -> pd.DataFrame:
    """Sensitive features of some rows, a column each."""
    values = pd.DataFrame([as_tuple(label) for label in groups.labels], columns=groups.names, dtype=object)
    return values.iloc[groups.codes[rows]].reset_index(drop=True)


def _network(encoder: nn.Module, head: nn.Linear) -> ModuleNetwork | RectifiedNetwork:
    """Encoder and head as a function of arrays."""
    layers = list(encoder) if type(encoder) is nn.Sequential else [encoder]
    network = as_network(nn.Sequential(*layers, copy.deepcopy(head)).eval())
    if isinstance(
        network, RectifiedNetwork
    ):  # in double precision answers do not depend on the order of rows
        return RectifiedNetwork(
            *([array.astype(float) for array in arrays] for arrays in (network.coefs, network.intercepts))
        )
    return network


def _identity(n_outputs: int) -> nn.Linear:
    """A head that leaves a representation as it is."""
    head = nn.utils.skip_init(nn.Linear, n_outputs, n_outputs)
    head.load_state_dict({"weight": torch.eye(n_outputs), "bias": torch.zeros(n_outputs)})
    return head


def _part_of(heads: nn.Linear, k: int, n_classes: int) -> nn.Linear:
    """Head of one group."""
    part = nn.utils.skip_init(nn.Linear, heads.in_features, n_classes)  # draws no numbers
    rows = slice(k * n_classes, (k + 1) * n_classes)
    part.load_state_dict({"weight": heads.weight[rows].detach(), "bias": heads.bias[rows].detach()})
    return part


@torch.no_grad()
def _losses_by_group(module: Any, table: TensorTable) -> dict[int, float]:
    """Mean loss of each group's people."""
    losses, weights, groups = [], [], []
    for rows in torch.arange(len(table)).split(_CHUNK):
        batch, _ = table[rows]
        losses.append(module.person_losses(batch["X"], batch["y"], batch["group"]))
        weights.append(batch["weight"])
        groups.append(batch["group"])
    loss, weight, group = (torch.cat(parts).cpu().double().numpy() for parts in (losses, weights, groups))
    codes = group.astype(int)
    sums, sizes = np.bincount(codes, loss * weight), np.bincount(codes, weight)
    return {int(k): float(sums[k] / sizes[k]) for k in np.flatnonzero(sizes)}


def _separability(z: np.ndarray, codes: np.ndarray) -> float:
    """Cross-validated balanced accuracy of a linear classifier of groups; NaN where a group has fewer than five people."""
    sizes = np.bincount(codes)
    if len(sizes) < 2 or sizes.min() < 5:
        return float("nan")
    model = LogisticRegression(max_iter=1000)
    return float(cross_val_score(model, z, codes, cv=5, scoring="balanced_accuracy").mean())
