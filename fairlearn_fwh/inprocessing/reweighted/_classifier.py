"""What all classifiers without demographics share: a learner, somebody who reweights people, a choice of the epoch without groups."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from ..._sklearn_compat import HasMethods, Interval
from ...base._features import check_numbers
from ...base._fitting import fit_context
from ...base._samples import Sample, check_labels
from ...base._single_model import SingleModelClassifier
from ...base._splits import hold_out
from ...base._weights import check_weights
from .._training._batches import TensorTable, shuffled
from .._training._callbacks import check_callbacks
from .._training._checkpoints import check_checkpoint_dir, make_checkpoint
from .._training._devices import check_device, torch_device
from .._training._inputs import TokenInputs, are_tokens, check_tokens, example_of, make_inputs
from .._training._layer_sizes import check_layer_sizes
from .._training._learners import make_learner, two_columns
from .._training._networks import as_precise_network
from .._training._parameters import ENCODER_TRAINING, rates
from .._training._precision import multiplying
from .._training._seeding import seeded
from .._training._trainer import train
from ._epoch_choice import LeastRisk, LeastWorstWeighting
from ._network import Epochs, ReweightedNetwork, all_losses, all_weights
from ._robust_weighting import conditional_value_at_risk
from ._step import Step
from ._texts import with_shared_texts
from ._weighting import Weighting
from ._weights_plot import plot_weights

#: Parameters that change nothing of what is learned; the module is known by the network that is made of it, and more epochs may be asked for.
_NOT_OF_TRAINING = {"module", "callbacks", "checkpoint_dir", "device", "verbose", "max_epochs"}

#: Of the validation losses the mean of this share of the largest is reported.
_TAIL = 0.2

#: Below this effective share of the sample weights have collapsed.
_COLLAPSE = 0.3

#: From this share of the loss of a constant prediction on a classifier has learned nothing.
_AS_GOOD_AS_NOTHING = 0.995


class ReweightedClassifier(SingleModelClassifier, ABC):
    """Base of classifiers that are trained on weighted people; a subclass makes the weighting."""

    def __init__(
        self,
        module: Any,
        *,
        hidden_layer_sizes: Sequence[int],
        warmup_epochs: int,
        validation_fraction: float,
        learning_rate: float,
        encoder_learning_rate: float | None,
        batch_size: int,
        max_epochs: int,
        patience: int,
        gradient_accumulation_steps: int,
        precision: str,
        checkpoint_dir: str | os.PathLike[str] | None,
        keep_weights: bool,
        callbacks: Sequence[Callback] | None,
        device: str,
        verbose: int,
        random_state: Any,
    ) -> None:
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.warmup_epochs = warmup_epochs
        self.validation_fraction = validation_fraction
        self.learning_rate = learning_rate
        self.encoder_learning_rate = encoder_learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.keep_weights = keep_weights
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if cls.__doc__:
            cls.__doc__ = with_shared_texts(cls.__doc__)

    __metadata_request__fit = {"sensitive_features": True}

    #: Of the parameters that all have.
    _shared_constraints: dict[str, list[Any]] = {
        **ENCODER_TRAINING,
        "module": [HasMethods(["forward"]), callable, None],
        "hidden_layer_sizes": ["array-like"],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        "keep_weights": ["boolean"],
    }

    @abstractmethod
    def _make_weighting(self, n_features: int, n_representation: int, n_outputs: int) -> Weighting:
        """Make the weighting; torch's global generator has been seeded."""

    def _make_step(self) -> Step:
        """Make what moves the learner by a batch; a method that changes the gradient has a step of its own."""
        return Step()

    def _weighting_rate(self) -> float | None:
        """Learning rate of the weighting, if it learns."""
        return None

    def _check_settings(self) -> None:
        """Raise ValueError for settings that do not fit together."""
        check_device(self.device)
        check_layer_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        check_callbacks(self.callbacks)
        check_checkpoint_dir(self.checkpoint_dir, self.random_state)
        if self.warmup_epochs >= self.max_epochs:
            raise ValueError(
                f"warmup_epochs must be less than max_epochs={self.max_epochs}, or nobody is ever reweighted; got {self.warmup_epochs}."
            )

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, *, sensitive_features: Any = None, sample_weight: Any = None) -> Self:
        """Train the classifier.

        Parameters
        ----------
        X : array-like, shape (n, d), or ndarray of int, shape (n, 2, L)
            Features, numbers; or texts as tokens and mask (`tokenize_texts`).
        y : array-like, shape (n,)
            Labels.
        sensitive_features : ignored
            For scikit-learn's conventions; groups take no part.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows, which multiply those that are chosen. The scales of features and the mean to which an adversary's weights
            are normalised do not know them.

        Returns
        -------
        classifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If lengths differ, features are not numbers, y has one class, the learner does not end in a linear layer, or a parameter is
            out of range.
        FloatingPointError
            If the loss is not finite from the first epoch on; later the best state before is kept, with a ConvergenceWarning.

        Warns
        -----
        ConvergenceWarning
            If few people have nearly all of the weight in an epoch, if nothing was learned that is better than the shares of the classes,
            or if training was interrupted; the best state so far is kept.
        """
        self._check_settings()
        X = self._check_features(X, reset=True)
        labels = check_labels(y, X.shape[0], type(self).__name__)
        sample = Sample(X, labels, check_weights(sample_weight, X))
        self.classes_ = np.unique(labels)
        if not sample.has_several_classes():
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in y, among rows of weight above 0; got one class: "
                f"{np.unique(labels[sample.present()])[:1].tolist()!r}."
            )
        present = np.flatnonzero(sample.present())
        seed = check_random_state(self.random_state)
        codes = np.searchsorted(self.classes_, labels[present])
        fitting, validation = hold_out(codes, np.zeros_like(codes), self.validation_fraction, seed)
        fitting, validation = present[fitting], present[validation if len(validation) else fitting]
        self._inputs = make_inputs(sample.take(fitting).X)
        network = self._make_network(len(fitting), seed)
        self._train(network, sample, fitting, validation, seed)
        self._network = as_precise_network(network.learner.module)
        self.effective_shares_ = network.effective_shares[: len(self.validation_history_)]
        if self.keep_weights:
            self.sample_weights_ = np.full(len(labels), np.nan)
            self.sample_weights_[fitting] = network.kept_weights
        else:
            self.__dict__.pop("sample_weights_", None)  # of an earlier fit
        self._warn_of_collapse()
        self._warn_of_nothing_learned(sample.take(fitting), sample.take(validation))
        return self

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        if are_tokens(X):
            return check_tokens(self, X, reset=reset)
        return check_numbers(self, X, reset=reset)

    def _make_network(self, n_rows: int, seed: np.random.RandomState) -> ReweightedNetwork:
        n_features, n_classes = self._inputs.shape[0], len(self.classes_)
        n_outputs = 1 if n_classes == 2 else n_classes
        with seeded(seed.randint(2**31)):
            learner = make_learner(
                self.module, n_features, n_outputs, list(self.hidden_layer_sizes), example_of(self._inputs)
            )
            n_represented = learner.weight.shape[1]
            n_seen = n_represented if isinstance(self._inputs, TokenInputs) else n_features
            weighting = self._make_weighting(n_seen, n_represented, n_outputs)
        kept = n_rows if self.keep_weights else 0
        in_bfloat16 = self.precision == "bfloat16"
        return ReweightedNetwork(
            learner, weighting, self.warmup_epochs, kept, self._make_step(), in_bfloat16=in_bfloat16
        )

    def _train(
        self,
        network: ReweightedNetwork,
        sample: Sample,
        fitting: np.ndarray,
        validation: np.ndarray,
        seed: np.random.RandomState,
    ) -> None:
        """Train the network and load its best state."""
        device = torch_device(self.device)
        table = TensorTable(self._columns(sample, validation), device)
        shares = table.columns["weight"] / table.columns["weight"].sum()
        weighting = network.weighting
        # In random batches, as in training: rows may be in the order of who they are.
        batches = shuffled(len(table), self.batch_size, torch.Generator().manual_seed(seed.randint(2**31)))
        choice = LeastWorstWeighting() if weighting.judges_epochs else LeastRisk(weighting)
        rate = self._weighting_rate()

        def validate(module: ReweightedNetwork) -> list[Any]:
            losses = all_losses(module, table)
            weights = all_weights(module, table, batches) if weighting.judges_epochs else shares
            key, risk = choice.judge(losses, shares, weights)
            tail = float(conditional_value_at_risk(losses, shares, _TAIL))
            return [(key, {"loss": float(shares @ losses), "tail": tail, "risk": risk})]

        with seeded(seed.randint(2**31)), multiplying(self.precision, device):
            generator = torch.Generator().manual_seed(seed.randint(2**31))
            checkpoint = make_checkpoint(
                self.get_params(deep=False),
                _NOT_OF_TRAINING,
                network,
                (sample.X, sample.y, sample.weights),
                remembering=(generator, network, choice),
            )
            history = train(
                network,
                self._columns(sample, fitting),
                validate,
                n_members=1,
                optimizer="adam",
                parameter_groups=[
                    *([] if rate is None else [("weighting.*", {"lr": rate, "weight_decay": 0.0})]),
                    (f"learner.{network.learner.last_parameters}", {}),  # at the learning rate
                    *rates(self.encoder_learning_rate, "learner.*"),
                ],
                learning_rate=self.learning_rate,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                gradient_accumulation_steps=self.gradient_accumulation_steps,
                patience=self.patience,
                warmup_epochs=self.warmup_epochs,
                generator=generator,
                device=device,
                checkpoint=checkpoint,
                callbacks=[Epochs(), *check_callbacks(self.callbacks)],
                verbose=self.verbose,
            )
        _, self.best_epoch_, state = history.best[0]
        network.load_arrays(state)
        network.cpu().eval()
        self.validation_history_ = [epoch[0] for epoch in history.figures]

    def _columns(self, sample: Sample, rows: np.ndarray) -> dict[str, Any]:
        part = sample.take(rows)
        weights = np.ones(len(rows)) if part.weights is None else part.weights
        return {
            "X": self._inputs.column(part.X),
            "y": np.searchsorted(self.classes_, part.y),
            "weight": (weights / weights.mean()).astype(np.float32),
            "row": np.arange(len(rows)),
        }

    def _warn_of_collapse(self) -> None:
        lowest = min(self.effective_shares_, default=1.0)
        if lowest < self._least_share():
            warnings.warn(
                f"In an epoch the weights were worth only {100 * lowest:.0f} % of the sample (see effective_shares_): few people had "
                f"nearly all of the weight. {self._against_weights()}",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _warn_of_nothing_learned(self, fitting: Sample, validation: Sample) -> None:
        """Say so if the kept state is no better than everybody's getting the shares of the classes as probabilities."""
        shares, validated = (
            np.bincount(np.searchsorted(self.classes_, rows.y), rows.weights, len(self.classes_))
            for rows in (fitting, validation)
        )
        entropy = float(-special.xlogy(validated, shares / shares.sum()).sum() / validated.sum())
        loss = self.validation_history_[self.best_epoch_ - 1]["loss"]
        if loss >= _AS_GOOD_AS_NOTHING * entropy:
            warnings.warn(
                f"The classifier is no better than the shares of the classes (validation loss {loss:.4f}, theirs {entropy:.4f}): the features may "
                "say nothing about the labels, training may be too short or too fast (max_epochs, learning_rate), or weight may go to people "
                f"whose labels are noise. {self._against_weights()}".rstrip(),
                ConvergenceWarning,
                stacklevel=3,
            )

    def _least_share(self) -> float:
        """Effective share of the sample below which the weights have collapsed."""
        return _COLLAPSE

    @abstractmethod
    def _against_weights(self) -> str:
        """Say what to change where few people get too much weight; nothing where everybody has the same weight."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n, n_classes)
            Columns in the order of `classes_`.
        """
        check_is_fitted(self)
        X = self._check_features(X, reset=False)
        scores = np.concatenate([self._network(batch) for batch in self._inputs.batches(X)])
        return special.softmax(two_columns(scores).astype(float), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Features.

        Returns
        -------
        ndarray, shape (n,)
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def plot_weights(self, sensitive_features: Any, ax: Any = None) -> Any:
        """Plot whose weight the last epoch raised or lowered, by group; groups of fewer than 10 people are left out.

        Parameters
        ----------
        sensitive_features : array-like, shape (n,), DataFrame or dict
            Groups of the rows of `fit`.
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If the weights were not kept (``keep_weights=True``), lengths differ, or no group has 10 people.
        MissingExtraError
            If matplotlib is not installed.
        """
        check_is_fitted(self)
        if not hasattr(self, "sample_weights_"):
            raise ValueError("No weights were kept; fit with keep_weights=True.")
        return plot_weights(self.sample_weights_, sensitive_features, ax)
