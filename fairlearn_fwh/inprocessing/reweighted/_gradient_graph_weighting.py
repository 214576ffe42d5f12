"""A graph of people whose gradients are alike, and an adversary that looks at neighbours (Graph of Gradients)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._weighting import Batch, Weighting, make_adversary, normalize_weights, of_order_one


def gradient_distances(representation: Tensor, residuals: Tensor, metric: str = "euclidean") -> Tensor:
    """Distances between last-layer gradients ``r h^T``, which are never made.

    ``|G_i - G_j|^2 = |r_i|^2 |h_i|^2 + |r_j|^2 |h_j|^2 - 2 (r_i . r_j)(h_i . h_j)``.

    Parameters
    ----------
    representation : Tensor, shape (B, m)
        What enters the last layer.
    residuals : Tensor, shape (B, O)
        Gradients of the losses by the scores.
    metric : {"euclidean", "cosine"}
        Squared Euclidean distances, or one minus cosines.

    Returns
    -------
    Tensor, shape (B, B)
    """
    return _distances((residuals @ residuals.T) * (representation @ representation.T), metric)


def vector_distances(vectors: Tensor, metric: str = "euclidean") -> Tensor:
    """Squared Euclidean distances between rows, or one minus cosines, shape (B, B)."""
    return _distances(vectors @ vectors.T, metric)


def _distances(products: Tensor, metric: str) -> Tensor:
    """Distances of vectors whose inner products these are."""
    squares = products.diagonal()
    if metric == "cosine":
        lengths = squares.clamp(min=0).sqrt().clamp(min=torch.finfo(products.dtype).tiny ** 0.5)
        return 1 - products / (lengths[:, None] * lengths[None])
    return (squares[:, None] + squares[None] - 2 * products).clamp(min=0)


def nearest_neighbors(distances: Tensor, n_neighbors: int) -> Tensor:
    """Positions of everybody's nearest others, shape (B, min(k, B - 1)); oneself is none, whatever the ties."""
    others = distances.clone()
    others.fill_diagonal_(torch.inf)
    return others.topk(min(n_neighbors, len(others) - 1), largest=False).indices


class GraphConvolution(nn.Module):
    """A graph convolution over oneself and one's neighbours.

    Everybody has as many neighbours, so that ``D^-1/2 (A + I) D^-1/2`` (Kipf and Welling 2017) is a mean.

    Parameters
    ----------
    n_inputs, n_outputs : int
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_inputs, n_outputs)

    def forward(self, X: Tensor, neighbors: Tensor) -> Tensor:
        """Outputs, shape (B, n_outputs); neighbours have shape (B, k)."""
        own = X @ self.linear.weight.T
        return (own + own[neighbors].sum(dim=1)) / (1 + neighbors.shape[1]) + self.linear.bias


class GradientGraphWeighting(Weighting):
    """An adversary on a graph of the batch; see `GradientGraphClassifier` for the parameters.

    Parameters
    ----------
    n_features, n_classes, n_representation, n_outputs : int
    n_neighbors, n_graph_layers : int
        Without layers there is no graph.
    gradient, graph, metric, node_features, weight_normalization : str
    hidden_layer_sizes : sequence of int
    """

    def __init__(
        self,
        *,
        n_features: int,
        n_classes: int,
        n_representation: int,
        n_outputs: int,
        n_neighbors: int,
        n_graph_layers: int,
        gradient: str,
        graph: str,
        metric: str,
        node_features: str,
        weight_normalization: str,
        hidden_layer_sizes: Sequence[int],
    ) -> None:
        super().__init__()
        self.n_classes, self.n_neighbors = n_classes, n_neighbors
        self.gradient, self.graph, self.metric = gradient, graph, metric
        self.node_features, self.weight_normalization = node_features, weight_normalization
        self.judges_epochs = node_features == "inputs"
        n_gradient = n_representation * (n_outputs if gradient == "weights" else 1)
        n_inputs = {
            "inputs": n_features,
            "inputs_and_label": n_features + n_classes,
            "gradients": n_gradient,
        }[node_features]
        self.body, n_hidden = make_adversary(n_inputs, hidden_layer_sizes)
        sizes = [n_hidden] * n_graph_layers
        self.convolutions = nn.ModuleList(
            GraphConvolution(size, outputs)
            for size, outputs in zip(sizes, [*sizes[1:], 1] if sizes else [], strict=True)
        )
        self.last = nn.Linear(n_hidden, 1) if not sizes else None

    def forward(self, batch: Batch) -> Tensor:
        """Weights, shape (B,)."""
        scores = self.body(self._nodes(batch))
        if self.last is not None:
            return normalize_weights(self.last(scores)[:, 0], self.weight_normalization)
        neighbors = nearest_neighbors(self._distances(batch), self.n_neighbors)
        for i, convolution in enumerate(self.convolutions):
            scores = convolution(torch.relu(scores) if i else scores, neighbors)
        return normalize_weights(scores[:, 0], self.weight_normalization)

    def _nodes(self, batch: Batch) -> Tensor:
        if self.node_features == "inputs":
            return batch.X
        if self.node_features == "inputs_and_label":
            return batch.with_label(self.n_classes)
        if self.gradient == "input":
            gradients = batch.residuals @ batch.last_weight
        else:
            gradients = (batch.residuals[:, :, None] * batch.representation[:, None]).flatten(1)
        return of_order_one(gradients)

    def _distances(self, batch: Batch) -> Tensor:
        if self.graph == "inputs":
            return vector_distances(batch.X, self.metric)
        if self.graph == "representation":
            return vector_distances(batch.representation, self.metric)
        if self.gradient == "input":
            return vector_distances(batch.residuals @ batch.last_weight, self.metric)
        return gradient_distances(batch.representation, batch.residuals, self.metric)
