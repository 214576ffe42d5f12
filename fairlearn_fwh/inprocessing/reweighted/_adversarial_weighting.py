"""An adversary that looks at each person alone (ARL)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ._weighting import Batch, Weighting, make_adversary, normalize_weights


class AdversarialWeighting(Weighting):
    """Weights ``1 + s / mean(s)`` by an adversary's s = sigmoid of features and label (Lahoti et al. 2020, eq. 4).

    Parameters
    ----------
    n_features, n_classes : int
    hidden_layer_sizes : sequence of int
        None make it linear, as published.
    """

    def __init__(self, n_features: int, n_classes: int, hidden_layer_sizes: Sequence[int]) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.body, n_hidden = make_adversary(n_features + n_classes, hidden_layer_sizes)
        self.last = nn.Linear(n_hidden, 1)

    def forward(self, batch: Batch) -> Tensor:
        """Weights, shape (B,)."""
        scores = self.last(self.body(batch.with_label(self.n_classes)))[:, 0]
        return normalize_weights(scores, "bounded")
