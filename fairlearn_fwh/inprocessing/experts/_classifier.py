"""One expert per group on a representation that keeps groups apart, chosen where it harms nobody (FairSDE)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils import check_random_state
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

from ..._sklearn_compat import HasMethods, Interval, StrOptions
from ...base._fitting import fit_context
from ...base._group_routed import GroupRoutedClassifier
from ...base._samples import Sample
from ...base._units import first_rows, read_units
from ...metrics._core._groups import Groups, find_groups
from ...postprocessing import NoHarmSelector
from ...postprocessing._guarantees import Guarantee
from ...postprocessing._scores import resolve_score
from .._training._asking import asking
from .._training._callbacks import check_callbacks
from .._training._checkpoints import check_checkpoint_dir
from .._training._devices import check_device, torch_device
from .._training._encoders import make_encoder
from .._training._images import DatasetImages, has_groups, read_dataset, read_labels
from .._training._inputs import KINDS, check_row_shape, check_table_or_images, example_of, make_inputs
from .._training._layer_sizes import check_layer_sizes
from .._training._parameters import ENCODER_TRAINING
from .._training._seeding import seeded
from ._learner import EXPERTS, POOLED, REFITTED, REPRESENTATION, ExpertLearner, Training
from ._network import ExpertWeights
from ._network_classifiers import MixtureClassifier, NetworkClassifier
from ._representation import HasExperts, ShowsRepresentation
from ._resuming import fingerprint_of_training
from ._selection import MOST_SEPARATED, select_experts, separability, why_no_experts
from ._splitting import split_by_units

#: What `predict_group` says of people whose group was inferred.
INFERRED = "inferred"


class SelectiveExpertsClassifier(ShowsRepresentation, GroupRoutedClassifier):
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
    strategy, guarantee, tolerance, alpha, scoring : as of `NoHarmSelector`
        Which chooses.
    min_group_size : int
        Fewest people of a group (among those for fitting; with units, fewest units) that an expert is trained for.
    validation_fraction : float
        Share of the rows that are not for choosing on which the best epoch is found.
    selection_fraction : float
        Share of all rows on which pooled network and experts are compared.
    learning_rate : float
        Of AdamW.
    encoder_learning_rate : float, optional
        Of the encoder; by default `learning_rate`. One that was trained before, such as a transformer, needs a small one (2e-5).
    batch_size, max_epochs, patience : int
        `patience` is the number of epochs without improvement after which training stops.
    gradient_accumulation_steps : int
        Batches whose gradients are averaged for a step: memory is needed for one of them. Partners are drawn within a batch.
    augmentation : callable (images) -> images, optional
        Changes the images of every training batch: a tensor (B, channels, height, width) in the units of X, and as many back. It should
        draw from torch's generator.
    precision : {"auto", "float32", "bfloat16"}
        How precisely encoders multiply in training. "auto" is float32, on a GPU with ten bits of mantissa (TF32); "float32" has all 23
        bits; "bfloat16" has seven, on any device.
    num_workers : int
        Processes that read and change the images of training batches; 0 for none.
    checkpoint_dir : path-like, optional
        Folder in which the state of training is kept after every epoch, one file per network, without any data. A fit that was stopped
        goes on from there; one of other data or settings of training is refused, so that a search needs a folder for each candidate. Of
        functions the code is compared. Needs an integer `random_state`.
    handle_unknown : {"pooled", "error", "infer"}
        Who serves people of groups that did not occur in `fit`: the pooled network; nobody; or the mixture of all groups' classifiers
        by the probabilities of the discriminator, for which no guarantee is given. Without groups everybody gets the mixture if
        "infer", else the pooled network.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them the group ``"missing"``.
    callbacks : list of skorch callbacks, optional
        What else is to happen in the training of every network. They are used as they are given; the figures of an epoch stand in
        ``net.history`` as ``"valid_loss"`` and so on.
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
        The pooled network, trained on the rows for choosing as well once they have chosen.
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
        Cross-validated accuracy, balanced over groups, of a linear classifier of groups on the representation of at most 1,000 selection rows.
    validation_history_ : dict from {"pooled", "representation", "experts", "refitted"} to list of dict
        Validation losses after each epoch: ``"loss"``, by which the epoch is chosen, and ``"groups"``, a dict of each group's.
        ``"representation"`` is there with `two_stage` only.

    Notes
    -----
    Losses are those of the authors' code, in a form that cannot overflow; partners are drawn within the batch, for all people at
    once. Rows for fitting, for the best epoch and for choosing are different. Without `sensitive_features` there is the pooled
    network alone. Networks of images are torch modules, which pickle and joblib can write, but not skops.

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
        **ENCODER_TRAINING,
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
        "selection_fraction": [Interval(Real, 0, 1, closed="neither")],
        "augmentation": [callable, None],
        "num_workers": [Interval(Integral, 0, None, closed="left")],
        "handle_unknown": [StrOptions({"pooled", "error", "infer"})],
        "missing_group": [StrOptions({"error", "separate"})],
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
        encoder_learning_rate: float | None = None,
        batch_size: int = 256,
        max_epochs: int = 60,
        patience: int = 10,
        gradient_accumulation_steps: int = 1,
        augmentation: Callable[[Any], Any] | None = None,
        precision: str = "auto",
        num_workers: int = 0,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        handle_unknown: str = "pooled",
        missing_group: str = "error",
        callbacks: Sequence[Callback] | None = None,
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
        self.encoder_learning_rate = encoder_learning_rate
        self.batch_size = batch_size
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.max_epochs = max_epochs
        self.patience = patience
        self.augmentation = augmentation
        self.precision = precision
        self.num_workers = num_workers
        self.checkpoint_dir = checkpoint_dir
        self.handle_unknown = handle_unknown
        self.missing_group = missing_group
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    _shape: tuple[int, ...]

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        sample_weight: Any = None,
        units: Any = None,
    ) -> Self:
        """Train the pooled network and the experts, and choose between them.

        Parameters
        ----------
        X : array-like, shape (n, d), (n, height, width, channels) or (n, channels, height, width), or torch Dataset
            Features, or images. A Dataset yields (image, label, group); its images are read again in every epoch.
        y : array-like, shape (n,)
            Labels; none with a Dataset.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups; several columns are intersected. None with a Dataset, whose groups may be tuples.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        units : array-like, shape (n,), optional
            What belongs together, such as images of one lesion: all rows of a unit are on one side of every split, and the tests of the
            choice count units.

        Returns
        -------
        SelectiveExpertsClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, features are not numbers, images have no axis of 1, 3 or 4 channels or several shapes, the encoder does not
            return (n, m), y has one class, a Dataset does not yield three parts, `checkpoint_dir` holds another training, or a
            parameter is out of range.
        TypeError
            If a Dataset has no length.
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
        if isinstance(X, Dataset):
            X, y, sensitive_features = read_dataset(X, y, sensitive_features, self.num_workers)
        sample = self._check_fit_input(X, y, sample_weight)
        self._check_settings(sample)
        groups = self._read_groups(sensitive_features, len(sample))
        if groups is not None and self.handle_unknown == "infer" and INFERRED in groups.labels:
            raise ValueError(
                f"A group of sensitive_features is named {INFERRED!r}, which with handle_unknown='infer' means an inferred one; rename it."
            )
        sample = replace(sample, units=read_units(units, len(sample)))
        if not sample.present().all():
            groups = None if groups is None else groups.take(sample.present())
            sample = sample.take(sample.present())
        seed = check_random_state(self.random_state)
        fitting, validation, selecting = self._split(sample, groups, seed)
        self._inputs = make_inputs(sample.take(fitting).X, self.num_workers)
        training = self._training(sample, groups)
        learner = ExpertLearner(
            sample=sample,
            groups=groups,
            fitting=fitting,
            validation=validation,
            inputs=self._inputs,
            classes=self.classes_,
            new_encoder=self._new_encoder,
            training=training,
            seed=seed,
        )
        self.validation_history_ = learner.history
        self.pooled_estimator_ = learner.learn_pooled()
        self.fallback_groups_, self.group_estimators_, self.group_sizes_ = {}, {}, {}
        self.experts_: dict[Any, NetworkClassifier] = {}
        self.selection_table_: Any = None
        self.separability_ = float("nan")
        for of_experts in ("discriminator_", "_encoder", "preference_frame_", "verdict_"):
            self.__dict__.pop(of_experts, None)  # of an earlier fit
        if groups is not None:
            self._fit_groups(sample, groups, learner, selecting)
        return self

    def _check_settings(self, sample: Sample) -> None:
        check_device(self.device)
        check_callbacks(self.callbacks)
        guarantee = Guarantee(self.guarantee, self.tolerance, self.alpha)
        resolve_score(self.scoring).check(guarantee, self.classes_, sample)
        check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes, at_least=1)
        if self.augmentation is not None and len(self._shape) != 3:
            raise ValueError(
                f"augmentation changes images, but X is {KINDS[len(self._shape)]}; leave it out."
            )
        check_checkpoint_dir(self.checkpoint_dir, self.random_state)

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        checked = check_table_or_images(self, X, reset=reset, num_workers=self.num_workers)
        if reset:
            self._shape = checked.shape[1:]
        else:
            check_row_shape(self._shape, checked)
        return checked

    def _split(
        self, sample: Sample, groups: Groups | None, seed: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows for fitting, for the best epoch, and for choosing."""
        return split_by_units(
            np.searchsorted(self.classes_, sample.y),
            np.zeros(len(sample), dtype=int) if groups is None else groups.codes,
            sample.units,
            selection_fraction=0.0 if groups is None else self.selection_fraction,
            validation_fraction=self.validation_fraction,
            seed=seed,
        )

    def _new_encoder(self, seed: int) -> tuple[nn.Module, int]:
        with seeded(seed):
            return make_encoder(
                self.encoder, self._inputs.shape, list(self.hidden_layer_sizes), example_of(self._inputs)
            )

    def _training(self, sample: Sample, groups: Groups | None) -> Training:
        """How networks are trained; raises ValueError if `checkpoint_dir` holds another training."""
        parameters, known_by = self.get_params(deep=False), ""
        if self.checkpoint_dir is not None:
            encoder, _ = self._new_encoder(0)
            known_by = fingerprint_of_training(parameters, encoder, self._inputs, sample, groups)
        training = Training.of(parameters, known_by)
        for name in (POOLED, REPRESENTATION, EXPERTS, REFITTED):
            if checkpoint := training.checkpoint(name):
                checkpoint.check(self.max_epochs)
        return training

    def _fit_groups(
        self,
        sample: Sample,
        groups: Groups,
        learner: ExpertLearner,
        selecting: np.ndarray,
    ) -> None:
        self.group_sizes_ = dict(
            zip(groups.labels, np.bincount(groups.codes, minlength=len(groups)).tolist(), strict=True)
        )
        counted = first_rows(learner.fitting, sample.units)
        self.fallback_groups_ = why_no_experts(
            sample, groups, counted, self.min_group_size, interrupted=learner.interrupted
        )
        labels = [label for label in groups.labels if label not in self.fallback_groups_]
        self.group_estimators_ = dict.fromkeys(groups.labels, self.pooled_estimator_)
        if labels:
            self._learn_experts(labels, learner)
            with self._asking_networks():
                self._measure_separability(sample, groups, labels, selecting)
                self._select(sample, groups, labels, selecting, learner.seed)
        if len(selecting) and not learner.interrupted:
            self._serve_by(learner.learn_pooled_again(selecting) or self.pooled_estimator_)
        if labels and self.handle_unknown == "infer":
            served = {label: self.group_estimators_[label] for label in labels}
            self.group_estimators_[INFERRED] = MixtureClassifier(self.discriminator_, served)
        self._warn_of_fallback()

    def _serve_by(self, pooled: NetworkClassifier) -> None:
        """Let another pooled network serve those whom the pooled one serves."""
        before, self.pooled_estimator_ = self.pooled_estimator_, pooled
        self.group_estimators_ |= {k: pooled for k, own in self.group_estimators_.items() if own is before}

    def _asking_networks(self) -> AbstractContextManager[None]:
        """Ask networks on the device of the fit, as precisely as they will be asked afterwards."""
        classifiers = [self.pooled_estimator_, *self.experts_.values(), self.discriminator_]
        networks = [*(classifier.network for classifier in classifiers), self._encoder]
        return asking(networks, torch_device(self.device))

    def _learn_experts(self, labels: list[Any], learner: ExpertLearner) -> None:
        weights = ExpertWeights.of(self.get_params(deep=False))
        learned = learner.learn_experts(labels, weights, two_stage=self.two_stage)
        self.experts_, self.discriminator_ = learned.experts, learned.discriminator
        self._encoder = learned.encoder

    def _measure_separability(
        self, sample: Sample, groups: Groups, labels: list[Any], selecting: np.ndarray
    ) -> None:
        position = {label: k for k, label in enumerate(labels)}
        codes = np.array([position.get(label, -1) for label in groups.labels])[groups.codes[selecting]]
        some = np.flatnonzero(codes >= 0)
        # Evenly over the rows, which may be sorted by group.
        some = some[np.linspace(0, len(some) - 1, min(len(some), MOST_SEPARATED)).astype(int)]
        if len(some):
            represented = self._represent(sample.take(selecting[some]).X)
            self.separability_ = separability(represented, codes[some])

    def _select(
        self, sample: Sample, groups: Groups, labels: list[Any], rows: np.ndarray, seed: np.random.RandomState
    ) -> None:
        """Choose between the pooled network and the experts."""
        names = ("strategy", "guarantee", "tolerance", "alpha", "scoring")
        selector = select_experts(
            self.pooled_estimator_,
            self.experts_,
            sample,
            groups,
            rows,
            **{name: getattr(self, name) for name in names},
            random_state=seed.randint(2**31),
        )
        self.selection_table_, self.preference_frame_ = selector.selection_table_, selector.preference_frame_
        self.verdict_ = selector.verdict_
        chosen = selector.fallback_groups_
        self.group_estimators_ |= {label: self.experts_[label] for label in labels if label not in chosen}
        self.fallback_groups_ |= {label: reason for label, reason in chosen.items() if label in labels}

    def _route(self, X: Any, sensitive_features: Any) -> tuple[np.ndarray, Sequence[tuple[Any, Any]]]:
        if sensitive_features is None and isinstance(X, DatasetImages) and has_groups(X.dataset):
            _, sensitive_features = read_labels(X.dataset, self.num_workers)
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


if TYPE_CHECKING:

    def _has_experts(model: SelectiveExpertsClassifier) -> HasExperts:
        return model
