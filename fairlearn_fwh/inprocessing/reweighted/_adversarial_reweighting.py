"""One model against an adversary that reweights people by their features and labels (ARL)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from skorch.callbacks import Callback
from torch import nn

from ..._sklearn_compat import Interval
from .._training._layer_sizes import check_layer_sizes
from ._adversarial_weighting import AdversarialWeighting
from ._classifier import ReweightedClassifier


class AdversarialReweightingClassifier(ReweightedClassifier):
    """Train one classifier against an adversary that reweights people by their features and labels (ARL).

    The adversary raises the weighted loss, the learner lowers it. No groups are needed. It is not a method of preference: whoever gains,
    others may lose, which `preference_frame` shows against a baseline of the same architecture.

    Parameters
    ----------
    {learner}
    adversary_hidden_layer_sizes : sequence of int
        Layers of the adversary; an empty sequence makes it linear, as published.
    adversary_learning_rate : float
        Of the adversary; a tenth of the learner's was best on generated data (`fairlearn-fwh reproduce gog-ablation`, other seeds).
    {training}

    Attributes
    ----------
    {fitted}
    validation_history_ : list of dict
        After each epoch the mean of the validation losses (``"loss"``), by which the epoch is chosen (``"risk"``), so that groups take no
        part, and the mean of the largest fifth (``"tail"``).

    Notes
    -----
    Of texts, whose tokens are not features, the adversary sees the label and what the learner makes of them: what enters its last layer.
    By default the adversary is not linear, unlike the published one; which of them helps a hidden minority more depends on the learner
    (``fairlearn-fwh reproduce gog-ablation``). Optimiser and choice of the epoch are not the authors'.

    References
    ----------
    Lahoti et al., "Fairness without Demographics through Adversarially Reweighted Learning", NeurIPS 2020, arXiv 2006.13114.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> from fairlearn_fwh.inprocessing import AdversarialReweightingClassifier
    >>> bunch = load_diabetes_progression()
    >>> model = AdversarialReweightingClassifier(max_epochs=20, random_state=0).fit(bunch.data, bunch.target)
    >>> model.score(bunch.data, bunch.target) > 0.65
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **ReweightedClassifier._shared_constraints,
        "adversary_hidden_layer_sizes": ["array-like"],
        "adversary_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        adversary_hidden_layer_sizes: Sequence[int] = (32,),
        adversary_learning_rate: float = 0.0003,
        warmup_epochs: int = 3,
        validation_fraction: float = 0.2,
        learning_rate: float = 0.003,
        encoder_learning_rate: float | None = None,
        batch_size: int = 256,
        max_epochs: int = 50,
        patience: int = 10,
        gradient_accumulation_steps: int = 1,
        precision: str = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        keep_weights: bool = False,
        callbacks: Sequence[Callback] | None = None,
        device: str = "cpu",
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            module,
            hidden_layer_sizes=hidden_layer_sizes,
            warmup_epochs=warmup_epochs,
            validation_fraction=validation_fraction,
            learning_rate=learning_rate,
            encoder_learning_rate=encoder_learning_rate,
            batch_size=batch_size,
            max_epochs=max_epochs,
            patience=patience,
            gradient_accumulation_steps=gradient_accumulation_steps,
            precision=precision,
            checkpoint_dir=checkpoint_dir,
            keep_weights=keep_weights,
            callbacks=callbacks,
            device=device,
            verbose=verbose,
            random_state=random_state,
        )
        self.adversary_hidden_layer_sizes = adversary_hidden_layer_sizes
        self.adversary_learning_rate = adversary_learning_rate

    def _check_settings(self) -> None:
        super()._check_settings()
        check_layer_sizes("adversary_hidden_layer_sizes", self.adversary_hidden_layer_sizes)

    def _weighting_rate(self) -> float:
        return self.adversary_learning_rate

    def _against_weights(self) -> str:
        return "Lower adversary_learning_rate."

    def _make_weighting(self, n_features: int, n_representation: int, n_outputs: int) -> AdversarialWeighting:
        return AdversarialWeighting(n_features, len(self.classes_), list(self.adversary_hidden_layer_sizes))
