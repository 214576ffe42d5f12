"""One model made better for people whose gradients are alike and whose loss is high (Graph of Gradients)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from skorch.callbacks import Callback
from torch import nn

from ..._sklearn_compat import Interval, StrOptions
from .._training._layer_sizes import check_layer_sizes
from ._classifier import ReweightedClassifier
from ._gradient_graph_weighting import GradientGraphWeighting


class GradientGraphClassifier(ReweightedClassifier):
    """Train one classifier against an adversary that reweights people by a graph of their gradients.

    In every batch people are linked to those whose last-layer gradients are nearest; an adversary with a graph convolution chooses
    weights that raise the weighted loss, the learner lowers it. No groups are needed. It is not a method of preference: whoever gains,
    others may lose, which `preference_frame` shows against a baseline of the same architecture.

    Parameters
    ----------
    {learner}
    n_neighbors : int
        Neighbours of each person in the graph; fewer than `batch_size`.
    gradient : {"weights", "input"}
        By what the gradient is taken: the weights of the last layer, or (the authors' code) what enters it. With two classes the latter
        has one dimension, so that neighbours have like residuals and nothing else in common.
    graph : {"gradients", "inputs", "representation"}
        In what neighbours are alike.
    metric : {"euclidean", "cosine"}
        How distances are measured.
    n_graph_layers : int
        Graph convolutions of the adversary; with 0 there is no graph, and it looks at each person alone.
    node_features : {"inputs", "inputs_and_label", "gradients"}
        What the adversary sees of a person. Of texts, whose tokens are not features, "inputs" is what the learner makes of them: what enters
        its last layer.
    adversary_hidden_layer_sizes : sequence of int
        Layers before the graph convolutions; an empty sequence makes the adversary linear.
    weight_normalization : {"bounded", "mean", "softmax"}
        How weights are made of the adversary's scores; "mean" is the authors' code. All are kept between 0.05 and 10.
    adversary_learning_rate : float
        Of the adversary; a tenth of the learner's was best on generated data (`fairlearn-fwh reproduce gog-ablation`, other seeds).
    {training}

    Attributes
    ----------
    {fitted}
    validation_history_ : list of dict
        After each epoch the mean of the validation losses (``"loss"``), that of the largest fifth (``"tail"``), and ``"risk"``: the worst
        weighted mean by all weightings that the adversary had chosen until then, so that later ones are judged more severely.

    Notes
    -----
    What carries the effect is the adversary, if it is not linear; the graph adds 1.1 points of 14 with a linear learner and nothing that could
    be shown with others (``fairlearn-fwh reproduce gog-ablation``). The authors stop training by the worst group of the test data;
    here neither groups nor test data are looked at: an epoch takes the place of the best so far if it stands better against all weightings
    that the adversary has chosen until then. Where it sees labels (other `node_features` than "inputs"), which may be noise, it is that of the least validation loss.

    References
    ----------
    Luo, Li, Liu and Zhu, "Fairness without Demographics through Learning Graph of Gradients", KDD 2025, arXiv 2412.03706.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> from fairlearn_fwh.inprocessing import GradientGraphClassifier
    >>> bunch = load_diabetes_progression()
    >>> model = GradientGraphClassifier(max_epochs=20, random_state=0).fit(bunch.data, bunch.target)
    >>> model.score(bunch.data, bunch.target) > 0.65
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {
        **ReweightedClassifier._shared_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "gradient": [StrOptions({"weights", "input"})],
        "graph": [StrOptions({"gradients", "inputs", "representation"})],
        "metric": [StrOptions({"euclidean", "cosine"})],
        "n_graph_layers": [Interval(Integral, 0, None, closed="left")],
        "node_features": [StrOptions({"inputs", "inputs_and_label", "gradients"})],
        "adversary_hidden_layer_sizes": ["array-like"],
        "weight_normalization": [StrOptions({"bounded", "mean", "softmax"})],
        "adversary_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        n_neighbors: int = 3,
        gradient: str = "weights",
        graph: str = "gradients",
        metric: str = "euclidean",
        n_graph_layers: int = 1,
        node_features: str = "inputs",
        adversary_hidden_layer_sizes: Sequence[int] = (32,),
        weight_normalization: str = "bounded",
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
        self.n_neighbors = n_neighbors
        self.gradient = gradient
        self.graph = graph
        self.metric = metric
        self.n_graph_layers = n_graph_layers
        self.node_features = node_features
        self.adversary_hidden_layer_sizes = adversary_hidden_layer_sizes
        self.weight_normalization = weight_normalization
        self.adversary_learning_rate = adversary_learning_rate

    def _check_settings(self) -> None:
        super()._check_settings()
        check_layer_sizes("adversary_hidden_layer_sizes", self.adversary_hidden_layer_sizes)
        if self.n_neighbors >= self.batch_size:
            raise ValueError(
                f"n_neighbors must be less than batch_size={self.batch_size}, because neighbours are looked for in the batch; got "
                f"{self.n_neighbors}."
            )

    def _weighting_rate(self) -> float:
        return self.adversary_learning_rate

    def _against_weights(self) -> str:
        bounded = self.weight_normalization == "bounded"
        return f"Lower adversary_learning_rate{'' if bounded else ', or use weight_normalization=' + repr('bounded')}."

    def _make_weighting(
        self, n_features: int, n_representation: int, n_outputs: int
    ) -> GradientGraphWeighting:
        return GradientGraphWeighting(
            n_features=n_features,
            n_classes=len(self.classes_),
            n_representation=n_representation,
            n_outputs=n_outputs,
            n_neighbors=self.n_neighbors,
            n_graph_layers=self.n_graph_layers,
            gradient=self.gradient,
            graph=self.graph,
            metric=self.metric,
            node_features=self.node_features,
            weight_normalization=self.weight_normalization,
            hidden_layer_sizes=list(self.adversary_hidden_layer_sizes),
        )
