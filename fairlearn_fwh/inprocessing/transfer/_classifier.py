"""Fairness that is carried over from a task whose groups are known to one whose are not."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from scipy import special
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback
from torch import nn

from ..._sklearn_compat import HasMethods, Interval, StrOptions
from ...base._features import check_numbers
from ...base._fitting import fit_context
from ...base._samples import Sample, check_labels
from ...base._single_model import SingleModelClassifier
from ...base._weights import check_weights
from ...metrics._core._groups import Groups
from .._training._callbacks import check_callbacks
from .._training._checkpoints import Checkpoint, check_checkpoint_dir, make_checkpoint
from .._training._devices import check_device, torch_device
from .._training._inputs import TableInputs, TokenInputs, are_tokens, check_tokens
from .._training._layer_sizes import check_layer_sizes
from .._training._learners import two_columns
from .._training._networks import as_precise_network
from .._training._parameters import ENCODER_TRAINING
from .._training._seeding import seeded
from ._building import chain, make_network, make_task_inputs
from ._equalized_odds_loss import CONSTRAINTS
from ._fairness_losses import fairness_losses
from ._learner import LEAST_SHARE_OF_F1, TransferLearner
from ._network import FAIRNESS_PATHS, TARGET, FairnessTerm, TransferNetwork
from ._resuming import NOT_OF_TRAINING, folder_alone, known_by
from ._single_task import ComparesWithSingleTask, HasSingleTask
from ._task_reading import (
    TARGET_NAME,
    Task,
    read_auxiliary_tasks,
    read_task,
    read_validation_groups,
)
from ._tasks import TASK_SAMPLINGS, TaskSampler


class MultiTaskTransferClassifier(ComparesWithSingleTask, SingleModelClassifier):
    """Carry fairness over from a related task whose groups are known to a target whose groups are not (multi-task learning, epsilon-DEO).

    An encoder is shared by the target and auxiliary tasks; on tasks with known groups a loss makes differential equalized odds small.
    Fairness here is parity (equalized odds), no preference: who may lose by it is shown by `compare_with_single_task` and
    `preference_frame`. That it is carried over is an empirical regularity without guarantee.

    The objectives of the paper are settings: STL-base is a fit without `auxiliary` and groups, STL-fair one with
    `sensitive_features` alone, MTL-base one with `auxiliary` and ``fairness_weight=0``, MTL-fair one with the groups of the auxiliary,
    MTL-inter one with other groups of both.

    Parameters
    ----------
    encoder : torch module or callable (input_shape) -> torch module, optional
        Shared by all tasks: maps features (n, d), or texts as tokens (n, 2, L), to a representation (n, m); by default layers of `hidden_layer_sizes`, which
        texts do not have (`make_transformer_encoder`). Modules of one's own can be pickled, but skops may not write them.
    hidden_layer_sizes : sequence of int
        Layers of the default encoder, each rectified.
    input_modules : dict from task to torch module, optional
        By which the features of a task enter the encoder; then tasks may have different features. Copies are trained, starting from the
        given weights. The target is named "target", the auxiliary by its name, or "auxiliary".
    fairness_weight : float
        Of epsilon against the mean loss. In the published loss a weight w at decay r is one of w * r here, because only a share r of its
        running counts has a gradient.
    decay : float
        Share of a batch in the running counts, above 0 and at most 1.
    burn_in : int
        Epochs at the start without fairness.
    epsilon_target : float
        Below this epsilon the fairness term is 0.
    constraint : {"equalized_odds", "demographic_parity", "equal_opportunity"}
        Whether rates of answers are compared given the label, whatever the label, or given the last class only.
    fairness_path : {"encoder", "target_head", "auxiliary_head"}
        Which answers are made fair, and what learns it. "encoder": those of the auxiliary's head, by the encoder; "target_head": the
        target's about the auxiliary's people; "auxiliary_head": as "encoder", by the head, too (as published; carries nothing over).
    fairness_tasks : sequence of str, optional
        Tasks that are to be fair; by default all whose groups are known.
    task_sampling : {"proportional", "uniform", "dynamic"}
        Whether batches are drawn from tasks by size, alike, or more often where the validation loss lags behind that of the task alone.
    concentration : float
        Rows that smoothing adds to every group and label.
    validation_fraction : float
        Share of the rows of every task by which the epoch is chosen.
    learning_rate : float
        Of AdamW, with weight decay 0.1.
    encoder_learning_rate : float, optional
        Of encoder and input modules; by default `learning_rate`. A transformer that was trained before needs a small one (2e-5).
    batch_size, max_epochs, patience : int
        `patience` is the number of epochs without improvement after which training without fairness stops; with fairness all epochs are run,
        because fairness is carried over slowly.
    gradient_accumulation_steps : int
        Batches whose gradients are averaged for a step, from any task: memory is needed for one of them.
    precision : {"auto", "float32", "bfloat16"}
        How precisely encoders multiply in training. "auto" is float32, on a GPU with ten bits of mantissa (TF32); "float32" has all 23
        bits; "bfloat16" has seven, on any device.
    checkpoint_dir : path-like, optional
        Folder in which the state of training is kept after every epoch, without any data; tasks that are learned alone have folders in it.
        A stopped fit goes on from there; one of other data or settings is refused. Needs an integer `random_state`.
    callbacks : list of skorch callbacks, optional
        What else is to happen in the training of every network, the single task's too. They are used as they are given; the figures of
        an epoch stand in ``net.history`` as ``"valid_loss"`` and so on.
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
        **ENCODER_TRAINING,
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
        encoder_learning_rate: float | None = None,
        batch_size: int = 256,
        max_epochs: int = 50,
        patience: int = 10,
        gradient_accumulation_steps: int = 1,
        precision: str = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Callback] | None = None,
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
        self.encoder_learning_rate = encoder_learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.callbacks = callbacks
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
            If lengths or features differ, features are not numbers, a task has no rows or one class, a task that is to be fair has no
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
        losses = fairness_losses(
            tasks,
            fairness_tasks=self.fairness_tasks,
            fairness_weight=self.fairness_weight,
            fairness_path=self.fairness_path,
            constraint=self.constraint,
            concentration=self.concentration,
            decay=self.decay,
        )
        groups = read_validation_groups(
            validation_sensitive_features, target, self.validation_fraction, target_is_fair=TARGET in losses
        )
        self.classes_ = target.classes
        self.classes_by_task_ = {task.name: task.classes for task in tasks}
        self._task_features = {task.name: task.features for task in tasks if task.features is not None}
        inputs = make_task_inputs(tasks, self._input_modules())
        with seeded(own_seed):
            network = make_network(
                tasks,
                inputs,
                self._input_modules(),
                self.encoder,
                self.hidden_layer_sizes,
                losses,
                FairnessTerm(self.fairness_weight, self.epsilon_target, self.fairness_path, self.burn_in),
                in_bfloat16=self.precision == "bfloat16",
            )
        sampler = TaskSampler([len(task.fitting) for task in tasks], self.task_sampling)
        generator = torch.Generator().manual_seed(own_seed)
        settings, memories = self.get_params(deep=False), (generator, sampler, network)
        checkpoint = make_checkpoint(settings, NOT_OF_TRAINING, network, known_by(tasks, groups), memories)
        self.__dict__.pop("single_task_estimator_", None)  # of an earlier fit
        if len(tasks) > 1 or losses:
            self.single_task_estimator_ = self._fit_alone(tasks, TARGET, own_seed)
        if losses and groups is None:
            warnings.warn(
                "The epoch is chosen without groups of the target, so nobody can see whether fairness was carried over; give "
                "validation_sensitive_features if they are known for some people.",
                UserWarning,
                stacklevel=2,
            )
        self._train(network, tasks, inputs, groups, sampler, generator, checkpoint, seed)
        self._warn_of_harm()
        return self

    def _check_settings(self) -> None:
        check_device(self.device)
        check_callbacks(self.callbacks)
        check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        check_checkpoint_dir(self.checkpoint_dir, self.random_state)
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
        if are_tokens(X):
            return check_tokens(self, X, reset=reset)
        return check_numbers(self, X, reset=reset, accept_sparse="csr")

    def _fit_alone(self, tasks: Sequence[Task], position: int, seed: int) -> MultiTaskTransferClassifier:
        """Learn one task alone, without fairness, from the same rows."""
        task, modules = tasks[position], self._input_modules()
        alone = clone(self).set_params(
            fairness_weight=0.0,
            fairness_tasks=None,
            task_sampling="proportional",
            input_modules={TARGET_NAME: modules[task.name]} if task.name in modules else None,
            random_state=seed,
            callbacks=self.callbacks,
            checkpoint_dir=folder_alone(self.checkpoint_dir, position),
        )
        alone.fit(
            task.sample.X, task.sample.y, sensitive_features=task.groups, sample_weight=task.sample.weights
        )
        if alone._interrupted:  # what was asked for has not begun
            raise KeyboardInterrupt
        return alone

    def _input_modules(self) -> dict[str, nn.Module]:
        return dict(self.input_modules or {})

    def _train(
        self,
        network: TransferNetwork,
        tasks: list[Task],
        inputs: list[TableInputs | TokenInputs],
        groups: Groups | None,
        sampler: TaskSampler,
        generator: torch.Generator,
        checkpoint: Checkpoint | None,
        seed: np.random.RandomState,
    ) -> None:
        alone: Any = getattr(self, "single_task_estimator_", None)
        fitting, validation = (
            [task.rows(mine, getattr(task, part)) for task, mine in zip(tasks, inputs, strict=True)]
            for part in ("fitting", "validation")
        )
        losses_alone = None
        if self.task_sampling == "dynamic" and len(tasks) > 1:
            others = [self._fit_alone(tasks, t, seed.randint(2**31)) for t in range(1, len(tasks))]
            losses_alone = np.array([model._kept()["loss"] for model in (alone, *others)])
        learner = TransferLearner(
            network=network,
            fitting=fitting,
            validation=validation,
            target_groups=groups,
            alone=losses_alone,
            least_f1=0.0 if alone is None else LEAST_SHARE_OF_F1 * alone._kept()["macro_f1"],
            sampler=sampler,
        )
        with seeded(generator.initial_seed()):
            self.best_epoch_, self.validation_history_, self._interrupted = learner.train(
                device=torch_device(self.device),
                precision=self.precision,
                learning_rate=self.learning_rate,
                encoder_learning_rate=self.encoder_learning_rate,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                patience=self.patience,
                checkpoint=checkpoint,
                callbacks=check_callbacks(self.callbacks),
                generator=generator,
                verbose=self.verbose,
            )
        self._inputs = dict(zip(self.classes_by_task_, inputs, strict=True))
        self._networks = {
            task.name: as_precise_network(chain(network.inputs[i], network.encoder, network.heads[i]))
            for i, task in enumerate(tasks)
        }

    def _kept(self) -> dict[str, Any]:
        """Validation figures of the epoch that was kept."""
        return self.validation_history_[self.best_epoch_ - 1]

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


if TYPE_CHECKING:

    def _has_single_task(model: MultiTaskTransferClassifier) -> HasSingleTask:
        return model
