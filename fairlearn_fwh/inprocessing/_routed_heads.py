"""DAFH's network: a router and K linear heads, for several restarts (members) at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ._objectives import Objective

#: Batches with fewer rows per group than this are too small to tell the shares of the groups (spec 1.4 C).
_ROWS_PER_GROUP = 50


class RoutedHeads(nn.Module):
    """R independent pairs of a router (MLP) and K linear heads.

    Parameters
    ----------
    heads : Tensor, shape (R, d + 1, K, O)
        Where the heads start, the last row being the intercepts; O is 1 for two classes, else their number.
    hidden_layer_sizes : sequence of int
        Hidden layers of the router.
    objective : callable
        See `_objectives`.
    balance : float
        Weight of the divergence of the groups' shares from equal shares.
    batch_size : int
        Rows of a batch.
    generator : torch.Generator
        Draws the router's weights.
    """

    def __init__(
        self,
        heads: Tensor,
        hidden_layer_sizes: Sequence[int],
        objective: Objective,
        balance: float,
        batch_size: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        members, inputs, n_groups, _ = heads.shape
        sizes = [inputs - 1, *hidden_layer_sizes, n_groups]
        self.router_weights, self.router_biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True):
            limit = fan_in**-0.5  # torch's own default for linear layers
            weight, bias = torch.empty(members, fan_in, fan_out), torch.empty(members, 1, fan_out)
            self.router_weights.append(nn.Parameter(weight.uniform_(-limit, limit, generator=generator)))
            self.router_biases.append(nn.Parameter(bias.uniform_(-limit, limit, generator=generator)))
        self.head_weights = nn.Parameter(heads[:, :-1].flatten(2).contiguous())
        self.head_biases = nn.Parameter(heads[:, -1:].flatten(2).contiguous())
        self.head_shape = heads.shape[2:]
        self.objective = objective
        self.balance = balance
        self.running_weight = min(1.0, batch_size / (_ROWS_PER_GROUP * n_groups))
        self.register_buffer("running_shares", torch.full((members, n_groups), 1 / n_groups))

    def assignment_logits(self, X: Tensor) -> Tensor:
        """Router outputs, shape (R, B, K)."""
        hidden = X
        for layer, (weight, bias) in enumerate(zip(self.router_weights, self.router_biases, strict=True)):
            hidden = torch.matmul(torch.relu(hidden) if layer else hidden, weight) + bias
        return hidden

    def decisions(self, X: Tensor) -> Tensor:
        """Head outputs, shape (R, B, K, O)."""
        return (torch.matmul(X, self.head_weights) + self.head_biases).unflatten(-1, self.head_shape)

    def losses(self, X: Tensor, y: Tensor) -> Tensor:
        """Soft 0-1 loss ``1 - p_y`` of every head, shape (R, B, K); ``sigmoid(-s z)`` for two classes (spec 1.4, A3)."""
        z = self.decisions(X)
        if self.head_shape[-1] == 1:
            return torch.sigmoid(z[..., 0] * (1 - 2 * y)[:, None])
        index = y[:, None, None].expand(*z.shape[:-1], 1)
        return 1 - torch.softmax(z, dim=-1).gather(-1, index)[..., 0]

    def forward(self, X: Tensor, y: Tensor, pooled_loss: Tensor, weight: Tensor) -> Tensor:
        """Cost of each member on a batch, shape (R,)."""
        assignment = torch.softmax(self.assignment_logits(X), dim=-1)
        costs = self.objective(assignment, self.losses(X, y), pooled_loss)
        if costs.shape != assignment.shape[:-1]:
            expected, got = tuple(assignment.shape[:-1]), tuple(costs.shape)
            raise ValueError(
                f"objective must return one cost per restart and row, shape {expected}; got {got}."
            )
        share = weight / weight.sum()
        return (costs * share).sum(dim=-1) + self.balance * self._imbalance(
            (assignment * share[:, None]).sum(dim=-2)
        )

    def _imbalance(self, batch_shares: Tensor) -> Tensor:
        """Divergence KL(shares || uniform) of the running shares, with the gradient of the batch's (spec 1.4 B, C)."""
        running = torch.lerp(self.running_shares, batch_shares.detach(), self.running_weight)
        self.running_shares.copy_(running)
        shares = running + batch_shares - batch_shares.detach()
        return (shares * torch.log(shares.clamp(min=1e-12) * shares.shape[-1])).sum(dim=-1)

    def member_state(self, member: int) -> dict[str, np.ndarray]:
        """Copy of a member's parameters."""
        return {name: value[member].detach().cpu().numpy().copy() for name, value in self.named_parameters()}
