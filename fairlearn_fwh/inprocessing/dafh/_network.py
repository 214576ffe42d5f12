"""DAFH's network: a router and K heads, for several restarts (members) at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import embedding_bag

from .._training import _processes
from ._objectives import Objective
from ._router import Bins

#: Batches with fewer rows per group than this are too small to tell the shares of the groups.
_ROWS_PER_GROUP = 50


class LinearHeads(nn.Module):
    """K linear heads.

    Parameters
    ----------
    start : Tensor, shape (d + 1, K, O)
        Where they start, the last row being the intercepts; O is 1 for two classes, else their number.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.shape = start.shape[1:]
        self.weight = nn.Parameter(start[:-1].flatten(1).contiguous())
        self.bias = nn.Parameter(start[-1].flatten().clone())

    def forward(self, X: Tensor) -> Tensor:
        """Outputs, shape (B, K, O)."""
        return (X @ self.weight + self.bias).unflatten(-1, self.shape)


class ModuleHeads(nn.ModuleList):
    """K heads that are modules, each of which maps (B, d) to (B, O)."""

    def forward(self, X: Tensor) -> Tensor:
        """Outputs, shape (B, K, O)."""
        return torch.stack([head(X) for head in self], dim=-2)


class RoutedHeads(nn.Module):
    """R independent pairs of a router and K heads.

    Parameters
    ----------
    routers : sequence of R modules
        Each maps (B, d + T) to (B, K).
    heads : sequence of R modules
        Each maps (B, d) to (B, K, O).
    bins : Bins or None
        What the router sees beside the features.
    objective : callable
        See `_objectives`.
    balance : float
        Weight of the divergence of the groups' shares from equal shares.
    batch_size : int
        Rows of a batch.
    n_groups : int
    costs : ndarray, shape (C, C)
        Cost of each decision (columns) for each class (rows), at most 1.

    Raises
    ------
    ValueError
        If a module has buffers, whose updates (as those of batch normalisation) members could not keep apart.
    """

    running_shares: Tensor

    def __init__(
        self,
        routers: Sequence[nn.Module],
        heads: Sequence[nn.Module],
        bins: Bins | None,
        objective: Objective,
        balance: float,
        batch_size: int,
        n_groups: int,
        costs: np.ndarray,
    ) -> None:
        super().__init__()
        # Kept in a tuple, so that their own parameters are not registered: those of all members are, stacked.
        self._skeletons = (routers[0], heads[0])
        self.router, self.head = _stacked(routers, "router"), _stacked(heads, "heads")
        self.objective = objective
        self.balance = balance
        self.running_weight = min(1.0, batch_size / (_ROWS_PER_GROUP * n_groups))
        self.register_buffer("running_shares", torch.full((len(routers), n_groups), 1 / n_groups))
        self.register_buffer("costs", torch.as_tensor(costs, dtype=torch.float32))
        if bins is not None:
            self.register_buffer("bin_offsets", torch.as_tensor(bins.offsets))
            self.register_buffer("bin_mean", torch.as_tensor(bins.mean))
            self.register_buffer("bin_scale", torch.as_tensor(bins.scale))

    def train(self, mode: bool = True) -> RoutedHeads:
        """Switch between training and evaluation."""
        for skeleton in self._skeletons:
            skeleton.train(mode)
        return super().train(mode)

    def assignment_logits(self, X: Tensor, bins: Tensor | None = None) -> Tensor:
        """Router outputs, shape (R, B, K)."""
        skeleton = self._skeletons[0]
        if bins is None or not bins.shape[1] or not starts_linearly(skeleton):
            return _ask_members(skeleton, self.router, self._router_inputs(X, bins))
        hidden, rest = self._first_layer(X, bins), cast(nn.Sequential, skeleton)[1:]
        # Parts of a chain keep their names.
        others = {name: value for name, value in self.router.items() if not name.startswith("0/")}
        return _ask_members(rest, others, hidden, each=True)

    def _first_layer(self, X: Tensor, bins: Tensor) -> Tensor:
        """Outputs of the routers' first layers, shape (R, B, H), which look bins up instead of multiplying indicators, nearly all of which are 0."""
        weight, bias = self.router["0/weight"], self.router["0/bias"]
        members, n_hidden, _ = weight.shape
        d = X.shape[1]
        table = (weight[:, :, d:] / self.bin_scale).permute(2, 0, 1)
        found = embedding_bag(bins.long() + self.bin_offsets, table.flatten(1).contiguous(), mode="sum")
        intercept = bias - torch.einsum("t,trh->rh", self.bin_mean, table)
        found = found.unflatten(1, (members, n_hidden)).transpose(0, 1)
        return torch.einsum("bd,rhd->rbh", X, weight[:, :, :d]) + found + intercept[:, None]

    def decisions(self, X: Tensor) -> Tensor:
        """Head outputs, shape (R, B, K, O)."""
        return _ask_members(self._skeletons[1], self.head, X)

    def _router_inputs(self, X: Tensor, bins: Tensor | None) -> Tensor:
        if bins is None:
            return X
        indicators = X.new_zeros(len(X), len(self.bin_mean))
        indicators.scatter_(1, bins.long() + self.bin_offsets, 1.0)
        return torch.cat([X, (indicators - self.bin_mean) / self.bin_scale], dim=1)

    def losses(self, X: Tensor, y: Tensor) -> Tensor:
        """Soft costs of every head, shape (R, B, K): ``sum_c p_c cost[y, c]``.

        With equal costs that is the soft 0-1 loss ``1 - p_y``: the margin loss ``sigmoid(-s z)`` for two classes, and
        for more ``sigmoid(log sum_{c != y} exp z_c - z_y)``.
        """
        z = self.decisions(X)
        if z.shape[-1] == 1:
            cost = self.costs[y, 1 - y][:, None]
            return cost * torch.sigmoid(z[..., 0] * (1 - 2 * y)[:, None])
        return (torch.softmax(z, dim=-1) * self.costs[y][:, None]).sum(dim=-1)

    def forward(
        self, X: Tensor, y: Tensor, pooled_loss: Tensor, weight: Tensor, bins: Tensor | None = None
    ) -> Tensor:
        """Cost of each member on a batch (or on this process's part of one), shape (R,)."""
        assignment = torch.softmax(self.assignment_logits(X, bins), dim=-1)
        costs = self.objective(assignment, self.losses(X, y), pooled_loss)
        if costs.shape != assignment.shape[:-1]:
            expected, got = tuple(assignment.shape[:-1]), tuple(costs.shape)
            raise ValueError(
                f"objective must return one cost per restart and row, shape {expected}; got {got}."
            )
        share = weight / _processes.total(weight.sum())
        imbalance = self._imbalance(_processes.total((assignment * share[:, None]).sum(dim=-2)))
        return (costs * share).sum(dim=-1) + self.balance * imbalance / _processes.count()

    def _imbalance(self, batch_shares: Tensor) -> Tensor:
        """Divergence KL(shares || uniform) of the running shares, with the gradient of the batch's."""
        running = torch.lerp(self.running_shares, batch_shares.detach(), self.running_weight)
        self.running_shares.copy_(running)
        shares = running + batch_shares - batch_shares.detach()
        return (shares * torch.log(shares.clamp(min=1e-12) * shares.shape[-1])).sum(dim=-1)

    def member_state(self, member: int) -> dict[str, np.ndarray]:
        """Copy of a member's parameters."""
        return {name: value[member].detach().cpu().numpy().copy() for name, value in self.named_parameters()}

    def keep_buffers(self, members: list[int]) -> None:
        """Drop what is remembered of the other members."""
        self.running_shares = self.running_shares[members]

    def modules_of(self, state: dict[str, np.ndarray]) -> tuple[nn.Module, nn.Module]:
        """Router and heads with the parameters of a member's state, on the CPU."""
        router, heads = (copy.deepcopy(skeleton).cpu().eval() for skeleton in self._skeletons)
        load_state(router, heads, state)
        return router, heads


def load_state(router: nn.Module, heads: nn.Module, state: dict[str, np.ndarray]) -> None:
    """Give a router and heads the parameters of a member's state."""
    for part, module in (("router", router), ("head", heads)):
        module.load_state_dict(
            {
                name.removeprefix(f"{part}.").replace("/", "."): torch.as_tensor(value)
                for name, value in state.items()
                if name.startswith(f"{part}.")
            }
        )


def starts_linearly(router: nn.Module) -> bool:
    """Whether a router is a chain that begins with a linear layer with a bias."""
    if type(router) is not nn.Sequential or len(router) < 2:
        return False
    first = router[0]
    return type(first) is nn.Linear and first.bias is not None


def _stacked(modules: Sequence[nn.Module], parameter: str) -> nn.ParameterDict:
    parameters, buffers = stack_module_state(list(modules))
    if buffers:
        raise ValueError(
            f"The modules of {parameter} must have no buffers, as batch normalisation has; got {sorted(buffers)}."
        )
    return nn.ParameterDict(
        {name.replace(".", "/"): nn.Parameter(value.detach()) for name, value in parameters.items()}
    )


def _ask_members(
    skeleton: nn.Module, parameters: Mapping[str, Tensor], inputs: Tensor, *, each: bool = False
) -> Tensor:
    """Outputs of all members, shape (R, B, ...), for the same inputs or, shape (R, B, ...), for those of `each`."""

    def ask(member: dict[str, Tensor], mine: Tensor) -> Tensor:
        return functional_call(skeleton, member, (mine,))

    stacked = {name.replace("/", "."): value for name, value in parameters.items()}
    return vmap(ask, in_dims=(0, 0 if each else None), randomness="different")(stacked, inputs)
