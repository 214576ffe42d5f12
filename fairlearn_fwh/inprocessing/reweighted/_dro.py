"""One model for the worst distribution near that of the data (distributionally robust optimisation)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from skorch.callbacks import Callback
from torch import nn

from ..._sklearn_compat import Interval, StrOptions
from ._classifier import ReweightedClassifier
from ._robust_weighting import RobustWeighting, ball_constant

#: Constants above this are not told from infinity in float32.
_WIDEST = 1e6


class DROClassifier(ReweightedClassifier):
    """Train one classifier for the worst group of a given size, whoever they are (DRO, CVaR).

    The risk is the worst mean of the losses over all reweightings of people in a ball that holds every group of share `alpha`; people
    with small losses get no weight. No groups are needed. It is not a method of preference: whoever gains, others may lose, which
    `preference_frame` shows against a baseline of the same architecture.

    Parameters
    ----------
    {learner}
    alpha : float
        Share of the smallest group that is protected, above 0 and at most 1.
    objective : {"chi2", "cvar"}
        Chi-square ball, or mean of the largest losses of a share alpha (conditional value at risk).
    radius : {"tight", "vfair", "hashimoto"} or float
        Of the chi-square ball, ``mean((q/p - 1)^2)``: ``1/alpha - 1``, which is the distance of a group of share alpha;
        ``(1/alpha - 1)^2``, the radius of the baseline in experiments with VFair (the method VFair itself is another one); ``2 (1/alpha - 1)^2``, as published; or
        itself, and `alpha` does not matter.
    {training}

    Attributes
    ----------
    {fitted}
    validation_history_ : list of dict
        After each epoch the mean of the validation losses (``"loss"``), that of the largest fifth (``"tail"``), and their robust risk
        (``"risk"``), by which the epoch is chosen, so that groups take no part.

    Notes
    -----
    With ``alpha=1`` (and no radius of one's own) everybody has the same weight: that is plain training, the baseline to compare with. Weights
    of rows count in the risk, and multiply those that are chosen. The threshold of the dual is found in each batch, which is a little
    biased; one for everybody, found before an epoch, is out of date after a few steps. People whose label is wrong have large losses:
    with label noise the method learns the noise.

    References
    ----------
    Hashimoto et al., "Fairness Without Demographics in Repeated Loss Minimization", ICML 2018; Rockafellar and Uryasev, "Optimization of
    Conditional Value-at-Risk", 2000.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> from fairlearn_fwh.inprocessing import DROClassifier
    >>> bunch = load_diabetes_progression()
    >>> model = DROClassifier(alpha=0.8, max_epochs=20, random_state=0).fit(bunch.data, bunch.target)
    >>> model.score(bunch.data, bunch.target) > 0.65
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **ReweightedClassifier._shared_constraints,
        "alpha": [Interval(Real, 0, 1, closed="right")],
        "objective": [StrOptions({"chi2", "cvar"})],
        "radius": [StrOptions({"tight", "vfair", "hashimoto"}), Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        alpha: float = 0.2,
        objective: str = "chi2",
        radius: str | float = "tight",
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
        self.alpha = alpha
        self.objective = objective
        self.radius = radius

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.objective == "chi2" and ball_constant(self.alpha, self.radius) > _WIDEST:
            raise ValueError(
                f"alpha={self.alpha!r} and radius={self.radius!r} make a ball in which one person may have all of the weight. {self._against_weights()}"
            )

    def _least_share(self) -> float:
        return 0.0  # how far weights may go is what the user has chosen

    def _against_weights(self) -> str:
        if self._make_weighting(0, 0, 0).is_plain:
            return ""
        return "Raise alpha." if self.objective == "cvar" or isinstance(self.radius, str) else "Lower radius."

    def _make_weighting(self, n_features: int, n_representation: int, n_outputs: int) -> RobustWeighting:
        return RobustWeighting(self.objective, self.alpha, ball_constant(self.alpha, self.radius))
