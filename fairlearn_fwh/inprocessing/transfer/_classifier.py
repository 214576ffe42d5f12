"""Fairness that is carried over from a task whose groups are known to one whose are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Self, cast

import narwhals as nw
import numpy as np
import torch
from scipy import sparse, special
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import nn

from ..._sklearn_compat import HasMethods, Interval, StrOptions
from ...base._fitting import fit_context
from ...base._routed import Sample, check_labels, check_weights
from ...base._single_model import SingleModelClassifier
from ...metrics._core._groups import Groups
from ...metrics._core._names import group_name
from .._training._devices import check_device, torch_device
from .._training._encoders import make_encoder
from .._training._inputs import TableInputs, make_inputs
from .._training._layer_sizes import check_layer_sizes
from .._training._learners import two_columns
from .._training._networks import as_precise_network
from .._training._numeric import check_numeric
from .._training._seeding import seeded
from ._equalized_odds_loss import CONSTRAINTS, DifferentialEqualizedOddsLoss
from ._learner import LEAST_SHARE_OF_F1, TransferLearner
from ._network import FAIRNESS_PATHS, TARGET, FairnessTerm, TransferNetwork
from ._report import TransferReport
from ._task_reading import TARGET_NAME, Task, read_auxiliary_tasks, read_groups_or_missing, read_task
from ._tasks import TASK_SAMPLINGS, TaskSampler


class MultiTaskTransferClassifier(SingleModelClassifier):
    """Carry fairness over from a related task whose groups are known to a target whose are not (multi-task learning, epsilon-DEO).

    An encoder is shared by the target and auxiliary tasks; on tasks with known groups a loss makes differential equalized odds small.
    Fairness here is parity (equalized odds), no preference: who may lose by it is shown by `compare_with_single_task` and
    `preference_frame`. That it is carried over is an empirical regularity without guarantee.

    The objectives of the paper are settings: STL-base is a fit without `auxiliary` and groups, STL-fair one with
    `sensitive_features` alone, MTL-base one with `auxiliary` and ``fairness_weight=0``, MTL-fair one with the groups of the auxiliary,
    MTL-inter one with other groups of both.

    Parameters
    ----------
    encoder : torch module or callable (input_shape) -> torch module, optional
        Shared by all tasks: maps features (n, d) to a representation (n, m); by default layers of `hidden_layer_sizes`. Modules of one's
        own can be pickled, but skops may not write them.
    hidden_layer_sizes : sequence of int
        Layers of the default encoder, each rectified.
    input_modules : dict from task to torch module, optional
        By which the features of a task enter the encoder; then tasks may have different features. Copies are trained, from the weights
        that are given on. The target is named "target", the auxiliary by its name, or "auxiliary".
    fairness_weight : float
        Of epsilon against the mean loss. In the published loss a weight w at decay r is one of w * r here, because only a share r of its
        running counts has a gradient.
    decay : float
        Share of a batch in the running counts, above 0 and at most 1.
    burn_in : int
        Epochs at the start without fairness.
    epsilon_target : float
        Below this epsilon nothing is to be gained.
    constraint : {"equalized_odds", "demographic_parity", "equal_opportunity"}
        Whether rates of answers are compared given the label, whatever the label, or given the last class only.
    fairness_path : {"encoder", "target_head", "auxiliary_head"}
        What answers are made fair, and what learns from it: the auxiliary's, by the encoder alone; those of the target's head on people
        of the auxiliary, by the encoder alone; or the auxiliary's, by encoder and head, as published, which on tables makes the
        auxiliary's head fair and carries nothing over (``fairlearn-fwh reproduce transfer-synthetic``).
    fairness_tasks : sequence of str, optional
        Tasks that are to be fair; by default all whose groups are known.
    task_sampling : {"proportional", "uniform", "dynamic"}
        Whether batches are drawn from tasks by their size, alike, or more often from those whose validation loss falls behind what
        it is when they are learned alone.
    concentration : float
        Rows that smoothing adds to every group and label.
    validation_fraction : float
        Share of the rows of every task by which the epoch is chosen.
    learning_rate : float
        Of AdamW, with weight decay 0.1.
    batch_size, max_epochs, patience : int
        `patience` is the number of epochs without improvement after which training without fairness stops; with it all epochs are run,
        because fairness is carried over slowly.
    device : str
        "cpu", "cuda", "cuda:<number>" or "auto".
    verbose : int
        0: silent; above: a progress bar.
    random_state : int, RandomState or None
        Seeds splits, networks and batches.

    Attributes
    ----------
    classes_ : ndarray
        Classes of the target.
    classes_by_task_ : dict from str to ndarray
    single_task_estimator_ : MultiTaskTransferClassifier
        The same network, learned on the target alone and without fairness; only where there is an auxiliary or a fairness term.
    best_epoch_ : int
        The epoch whose state was kept, from 1 on.
    validation_history_ : list of dict
        After each epoch, on validation rows: ``"loss"`` and ``"macro_f1"`` of the target, ``"objective"`` (losses of all tasks and
        fairness terms), and ``"epsilon"`` of the target if `validation_sensitive_features` were given.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Without a fairness term the epoch is that of the least validation loss of the target. With one, epochs with at least 95 % of the macro F1
    of the single task come first, among them those after burn-in, among them that of the least epsilon on the target's validation rows if
    groups are given (as in the paper), else the last, with a warning: without groups nobody can see whether fairness was carried over. If no
    epoch is good enough it is that of the largest macro F1.

    References
    ----------
    Aguirre and Dredze, "Transferring Fairness using Multi-Task Learning with Limited Demographic Information", arXiv 2305.12671.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> from fairlearn_fwh.inprocessing import MultiTaskTransferClassifier
    >>> bunch = load_diabetes_progression()
    >>> X, sex = bunch.data, bunch.sensitive_features["sex"]
    >>> high_pressure = (X["bp"] > X["bp"].median()).astype(int)
    >>> model = MultiTaskTransferClassifier(max_epochs=10, random_state=0)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     model = model.fit(X, bunch.target, auxiliary=(X, high_pressure, sex))
    >>> model.score(X, bunch.target) > 0.65
    True
    """

    __metadata_request__fit = {
        "sensitive_features": True,
        "auxiliary": True,
        "validation_sensitive_features": True,
    }

    _parameter_constraints: dict[str, list[Any]] = {
        "encoder": [HasMethods(["forward"]), callable, None],
        "hidden_layer_sizes": ["array-like"],
        "input_modules": [dict, None],
        "fairness_weight": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, 1, closed="right")],
        "burn_in": [Interval(Integral, 0, None, closed="left")],
        "epsilon_target": [Interval(Real, 0, None, closed="left")],
        "constraint": [StrOptions(set(CONSTRAINTS))],
        "fairness_path": [StrOptions(set(FAIRNESS_PATHS))],
        "fairness_tasks": ["array-like", None],
        "task_sampling": [StrOptions(set(TASK_SAMPLINGS))],
        "concentration": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        encoder: nn.Module | Callable[[tuple[int, ...]], nn.Module] | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        input_modules: Mapping[str, nn.Module] | None = None,
        fairness_weight: float = 0.3,
        decay: float = 0.1,
        burn_in: int = 1,
        epsilon_target: float = 0.0,
        constraint: str = "equalized_odds",
        fairness_path: str = "encoder",
        fairness_tasks: Sequence[str] | None = None,
        task_sampling: str = "proportional",
        concentration: float = 1.0,
        validation_fraction: float = 0.2,
        learning_rate: float = 0.001,
        batch_size: int = 256,
        max_epochs: int = 50,
        patience: int = 10,
        device: str = "cpu",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.encoder = encoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.input_modules = input_modules
        self.fairness_weight = fairness_weight
        self.decay = decay
        self.burn_in = burn_in
        self.epsilon_target = epsilon_target
        self.constraint = constraint
        self.fairness_path = fairness_path
        self.fairness_tasks = fairness_tasks
        self.task_sampling = task_sampling
        self.concentration = concentration
        self.validation_fraction = validation_fraction
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sensitive_features: Any = None,
        auxiliary: Any = None,
        sample_weight: Any = None,
        validation_sensitive_features: Any = None,
    ) -> Self:
        """Train on the target and, if there are any, auxiliary tasks.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features of the target; numbers.
        y : array-like, shape (n,)
            Labels of the target.
        sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups of the target, if they are known: it is to be fair, too, and the epoch is chosen by them if no others are given.
        auxiliary : tuple (X, y, sensitive_features) or dict from str to such a tuple, optional
            Other people with labels of other tasks; groups may be None. Features are those of the target, in any order if they have names,
            unless `input_modules` says otherwise.
        sample_weight : array-like, shape (n,), optional
            Weights of the target's rows.
        validation_sensitive_features : array-like, shape (n,), DataFrame or dict, optional
            Groups of the target's people, by which the epoch is chosen; those of the rows to learn from are not looked at. Missing values
            are people whose group is not known.

        Returns
        -------
        MultiTaskTransferClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths or features differ, features are no numbers, a task has no rows or one class, a task that is to be fair has no
            groups or one, or a parameter is out of range.
        FloatingPointError
            If the loss is not finite from the first epoch on; later the best state before is kept, with a ConvergenceWarning.

        Warns
        -----
        UserWarning
            If groups of fewer than 30 people with a label have no say, if no groups are known though fairness is asked for, if the epoch is
            chosen without groups of the target, or if the target has become worse than when learned alone.
        """
        self._check_settings()
        X = self._check_features(X, reset=True)
        labels = check_labels(y, X.shape[0], type(self).__name__)
        seed = check_random_state(self.random_state)
        # Drawn first, so that the network of the single task is validated on the same rows.
        own_seed = seed.randint(2**31)
        sample = Sample(X, labels, check_weights(sample_weight, X))
        target = read_task(TARGET_NAME, sample, sensitive_features, self.validation_fraction, own_seed)
        tasks = [
            target,
            *read_auxiliary_tasks(auxiliary, self, self._input_modules(), self.validation_fraction, seed),
        ]
        losses = self._fairness_losses(tasks)
        groups = self._validation_groups(validation_sensitive_features, target, losses)
        self.classes_ = target.classes
        self.classes_by_task_ = {task.name: task.classes for task in tasks}
        self._task_features = {task.name: task.features for task in tasks if task.features is not None}
        inputs = self._make_inputs(tasks)
        with seeded(own_seed):
            network = self._make_network(tasks, inputs, losses)
        self.__dict__.pop("single_task_estimator_", None)  # of an earlier fit
        if len(tasks) > 1 or losses:
            self.single_task_estimator_ = self._fit_alone(target, own_seed)
        if losses and groups is None:
            warnings.warn(
                "The epoch is chosen without groups of the target, so that nobody can see whether fairness was carried over; give "
                "validation_sensitive_features if they are known for some people.",
                UserWarning,
                stacklevel=2,
            )
        self._train(network, tasks, inputs, groups, own_seed, seed)
        self._warn_of_harm()
        return self

    def _check_settings(self) -> None:
        check_device(self.device)
        check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        for name, module in self._input_modules().items():
            if not isinstance(module, nn.Module):
                raise ValueError(
                    f"input_modules[{name!r}] must be a torch module; got {type(module).__name__}."
                )
        if self.fairness_weight > 0 and self.burn_in >= self.max_epochs:
            raise ValueError(
                f"burn_in must be less than max_epochs={self.max_epochs}, or fairness never counts; got {self.burn_in}."
            )

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        check_numeric(X, type(self).__name__)
        checked = validate_data(self, X, reset=reset, dtype="numeric", accept_sparse="csr")
        is_frame = isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)
        return X if is_frame else checked

    def _fairness_losses(self, tasks: list[Task]) -> dict[int, DifferentialEqualizedOddsLoss]:
        """Make the losses of tasks that are to be fair.

        Raises
        ------
        ValueError
            If such a task is unknown, has no groups, or one.
        """
        names = [task.name for task in tasks]
        asked = self.fairness_tasks
        if asked is not None and (unknown := [name for name in asked if name not in names]):
            raise ValueError(f"fairness_tasks must be among {names}; got {unknown}.")
        if self.fairness_weight == 0:
            return {}
        if asked is None and len(tasks) > 1 and all(task.groups is None for task in tasks):
            warnings.warn(
                f"fairness_weight is {self.fairness_weight}, but no task has sensitive_features: nothing is made fair.",
                UserWarning,
                stacklevel=4,
            )
        losses = {}
        for number, task in enumerate(tasks):
            if task.name not in (names if asked is None else asked) or (
                asked is None and task.groups is None
            ):
                continue
            if task.groups is None:
                raise ValueError(f"fairness_tasks names {task.name!r}, which has no sensitive_features.")
            if len(task.groups) < 2:
                raise ValueError(
                    f"The task {task.name!r} has one group, {task.groups.labels[0]!r}; fairness needs at least 2 to compare."
                )
            if self.constraint == "equal_opportunity" and len(task.classes) > 2:
                raise ValueError(
                    f"constraint='equal_opportunity' needs two classes; the task {task.name!r} has {len(task.classes)}."
                )
            answers = tasks[0].classes if self.fairness_path == "target_head" else task.classes
            loss = DifferentialEqualizedOddsLoss(
                len(task.groups),
                len(answers),
                n_labels=len(task.classes),
                constraint=self.constraint,
                concentration=self.concentration,
                decay=self.decay,
            )
            if self._warn_of_small_cells(task, loss):
                losses[number] = loss
        return losses

    def _warn_of_small_cells(self, task: Task, loss: DifferentialEqualizedOddsLoss) -> bool:
        """Say which groups have no say; whether there is anything to compare."""
        assert task.groups is not None
        rows = [torch.as_tensor(values[task.fitting]) for values in (task.codes, task.groups.codes)]
        sizes = loss.cell_sizes(*rows).numpy()
        small = np.argwhere(sizes < loss.min_cell_size)
        compared = bool(((sizes >= loss.min_cell_size).sum(axis=0) > 1).any())
        if not len(small):
            return compared
        named = {
            "equalized_odds": [repr(label) for label in task.classes.tolist()],
            "equal_opportunity": [repr(task.classes.tolist()[-1])],
            "demographic_parity": ["any"],
        }[self.constraint]
        cells = ", ".join(f"{group_name(task.groups.labels[g])} with label {named[y]}" for g, y in small[:5])
        warnings.warn(
            f"In the task {task.name!r} {len(small)} of {sizes.size} groups by label have fewer than {loss.min_cell_size} people to learn "
            f"from and no say in its fairness: {cells}{', ...' if len(small) > 5 else ''}."
            + ("" if compared else " Nothing is left to compare: it is not made fair."),
            UserWarning,
            stacklevel=5,
        )
        return compared

    def _fit_alone(self, task: Task, seed: int) -> MultiTaskTransferClassifier:
        """Learn one task alone, without fairness, from the same rows."""
        modules = self._input_modules()
        alone = clone(self).set_params(
            fairness_weight=0.0,
            fairness_tasks=None,
            task_sampling="proportional",
            input_modules={TARGET_NAME: modules[task.name]} if task.name in modules else None,
            random_state=seed,
        )
        alone.fit(
            task.sample.X, task.sample.y, sensitive_features=task.groups, sample_weight=task.sample.weights
        )
        if alone._interrupted:  # what was asked for has not begun
            raise KeyboardInterrupt
        return alone

    def _input_modules(self) -> dict[str, nn.Module]:
        return dict(self.input_modules or {})

    def _validation_groups(
        self, sensitive_features: Any, target: Task, losses: dict[int, DifferentialEqualizedOddsLoss]
    ) -> Groups | None:
        """Groups of the target's validation rows, -1 for those that are missing; those by which it is to be fair if no others are given."""
        name = "validation_sensitive_features"
        if sensitive_features is None:
            groups = target.groups if TARGET in losses else None
        elif len(target.validation) == len(target.fitting) and (target.validation == target.fitting).all():
            raise ValueError(
                f"{name} needs validation rows, of which there are none; validation_fraction is {self.validation_fraction}."
            )
        else:
            groups = read_groups_or_missing(sensitive_features, name, len(target.sample))
        if groups is None:
            return None
        codes = groups.codes[target.validation]
        if sensitive_features is not None and len(np.unique(codes[codes >= 0])) < 2:
            raise ValueError(
                f"{name} has fewer than 2 groups among the validation rows; nothing can be compared."
            )
        return Groups(codes, groups.labels, groups.names)

    def _train(
        self,
        network: TransferNetwork,
        tasks: list[Task],
        inputs: list[TableInputs],
        groups: Groups | None,
        own_seed: int,
        seed: np.random.RandomState,
    ) -> None:
        alone = getattr(self, "single_task_estimator_", None)
        fitting, validation = (
            [task.rows(mine, getattr(task, part)) for task, mine in zip(tasks, inputs, strict=True)]
            for part in ("fitting", "validation")
        )
        learner = TransferLearner(
            network,
            fitting,
            validation,
            groups,
            self._losses_alone(tasks, seed) if self.task_sampling == "dynamic" and len(tasks) > 1 else None,
            0.0 if alone is None else LEAST_SHARE_OF_F1 * alone._kept()["macro_f1"],
            TaskSampler([len(rows.y) for rows in fitting], self.task_sampling),
        )
        with seeded(own_seed):
            self.best_epoch_, self.validation_history_, self._interrupted = learner.train(
                device=torch_device(self.device),
                learning_rate=self.learning_rate,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                patience=self.patience,
                generator=torch.Generator().manual_seed(own_seed),
                verbose=self.verbose,
            )
        self._inputs = dict(zip(self.classes_by_task_, inputs, strict=True))
        self._networks = {
            task.name: as_precise_network(_chain(network.inputs[i], network.encoder, network.heads[i]))
            for i, task in enumerate(tasks)
        }

    def _make_inputs(self, tasks: list[Task]) -> list[TableInputs]:
        """Learn how features are standardised, together where tasks have the same."""
        own = self._input_modules()
        parts = {task.name: task.sample.take(task.fitting).numbers() for task in tasks}
        shared = [part for name, part in parts.items() if name not in own]
        together = make_inputs(_stack(shared)) if shared else None
        return [
            cast(TableInputs, make_inputs(parts[task.name]) if task.name in own else together)
            for task in tasks
        ]

    def _make_network(
        self, tasks: list[Task], inputs: list[TableInputs], losses: dict[int, DifferentialEqualizedOddsLoss]
    ) -> TransferNetwork:
        modules, widths = zip(
            *(self._make_input(task.name, mine.shape) for task, mine in zip(tasks, inputs, strict=True)),
            strict=True,
        )
        if len(set(widths)) > 1:
            raise ValueError(
                f"input_modules must give the encoder as many features for every task; they give {dict(zip(self.classes_by_task_, widths, strict=True))}."
            )
        encoder, width = make_encoder(self.encoder, (widths[0],), list(self.hidden_layer_sizes))
        heads = [nn.Linear(width, 1 if len(task.classes) == 2 else len(task.classes)) for task in tasks]
        term = FairnessTerm(self.fairness_weight, self.epsilon_target, self.fairness_path, self.burn_in)
        return TransferNetwork(modules, encoder, heads, losses, term)

    def _make_input(self, name: str, shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        own = self._input_modules().get(name)
        try:
            return make_encoder(nn.Identity() if own is None else own, shape, ())
        except ValueError as error:
            raise ValueError(f"input_modules[{name!r}]: {str(error).removeprefix('encoder ')}") from error

    def _losses_alone(self, tasks: list[Task], seed: np.random.RandomState) -> np.ndarray:
        """Validation losses of all tasks when they are learned alone, shape (T,)."""
        others = [self._fit_alone(task, seed.randint(2**31)) for task in tasks[1:]]
        return np.array([model._kept()["loss"] for model in (self.single_task_estimator_, *others)])

    def _kept(self) -> dict[str, Any]:
        """Validation figures of the epoch that was kept."""
        return self.validation_history_[self.best_epoch_ - 1]

    def _warn_of_harm(self) -> None:
        if not hasattr(self, "single_task_estimator_"):
            return
        own, alone = (model._kept()["macro_f1"] for model in (self, self.single_task_estimator_))
        if own < LEAST_SHARE_OF_F1 * alone:
            warnings.warn(
                f"The target has become worse: macro F1 {own:.3f} on validation rows, {alone:.3f} when learned alone "
                "(single_task_estimator_). Lower fairness_weight, or use another auxiliary.",
                UserWarning,
                stacklevel=3,
            )

    def predict_proba(self, X: Any, task: str | None = None) -> np.ndarray:
        """Predict probabilities of the classes of a task.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features.
        task : str, optional
            Name of an auxiliary task; by default the target.

        Returns
        -------
        ndarray, shape (n, n_classes)
            Columns in the order of ``classes_by_task_[task]``.

        Raises
        ------
        ValueError
            If there is no such task, or features differ from those of the fit.
        """
        check_is_fitted(self)
        name = TARGET_NAME if task is None else task
        if name not in self._networks:
            raise ValueError(f"task must be one of {list(self._networks)}; got {task!r}.")
        if name in self._task_features:
            X = self._task_features[name].check(X, reset=False)
        else:
            X = self._check_features(X, reset=False)
        inputs = self._inputs[name]
        scores = np.concatenate([self._networks[name](batch) for batch in inputs.batches(X)])
        return special.softmax(two_columns(scores).astype(float), axis=1)

    def predict(self, X: Any, task: str | None = None) -> np.ndarray:
        """Predict labels of a task.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features.
        task : str, optional
            Name of an auxiliary task; by default the target.

        Returns
        -------
        ndarray, shape (n,)
        """
        answers = self.predict_proba(X, task).argmax(axis=1)
        return self.classes_by_task_[TARGET_NAME if task is None else task][answers]

    def compare_with_single_task(
        self, X: Any, y: Any, *, sensitive_features: Any, sample_weight: Any = None
    ) -> TransferReport:
        """Say whether the target has become fairer than when learned alone, and who is worse off by it.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Features of people who took no part in the fit.
        y : array-like, shape (n,)
            Labels of the target.
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Their groups.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.

        Returns
        -------
        TransferReport
            Epsilon and macro F1 of both, the `PreferenceFrame` of the change, and what it means in words.

        Raises
        ------
        ValueError
            If the model itself was learned on the target alone.
        """
        check_is_fitted(self)
        if sensitive_features is None:
            raise ValueError("sensitive_features is None; fairness is compared between groups.")
        if not hasattr(self, "single_task_estimator_"):
            raise ValueError("There was no auxiliary and no fairness term: this is the single task.")
        frame = self.preference_frame(
            X,
            y,
            baseline=self.single_task_estimator_,
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
        )
        return TransferReport.of(
            frame,
            np.asarray(y),
            self.predict(X),
            self.single_task_estimator_.predict(X),
            sensitive_features=sensitive_features,
            sample_weight=sample_weight,
        )


def _stack(parts: list[Any]) -> Any:
    return sparse.vstack(parts, format="csr") if any(map(sparse.issparse, parts)) else np.vstack(parts)


def _chain(*modules: nn.Module) -> nn.Module:
    """One module after the other; chains are joined, so that plain ones can be kept without torch."""
    layers: list[nn.Module] = []
    for module in modules:
        layers += list(module) if type(module) is nn.Sequential else [module]
    return nn.Sequential(*(layer for layer in layers if type(layer) is not nn.Identity))
