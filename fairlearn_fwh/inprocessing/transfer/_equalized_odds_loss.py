"""Differential equalized odds as a loss: soft counts that are kept up from batch to batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

CONSTRAINTS = ("equalized_odds", "demographic_parity", "equal_opportunity")


class DifferentialEqualizedOddsLoss(nn.Module):
    """How far apart groups' expected rates of answers are, given the label, as a loss for training in batches (epsilon-DEO).

    Counts of everybody are kept up from batch to batch, ``N <- (1 - decay) N + decay (n / B) N_batch``; the old ones carry no gradient.
    The gradient is therefore `decay` times that of epsilon itself: divide by `decay` to weigh epsilon against another loss.

    Parameters
    ----------
    n_groups : int
        Number of groups.
    n_classes : int
        Number of answers.
    n_labels : int, optional
        True labels; by default as many as answers.
    constraint : {"equalized_odds", "demographic_parity", "equal_opportunity"}
        Rates given the label; whatever the label; or given the last label only.
    concentration : float
        Rows that smoothing adds to every group and label.
    decay : float
        Share of a batch in the counts, above 0 and at most 1, where only the batch counts.
    temperature : float
        Of the smooth maximum over labels and answers, ``T log mean exp(. / T)``; with 0 it is the maximum.
    min_cell_size : int
        Groups with fewer people of a label have no say on it, once `start` has seen everybody.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    References
    ----------
    Aguirre and Dredze, "Transferring Fairness using Multi-Task Learning with Limited Demographic Information", arXiv 2305.12671, eq. 1 and
    section 3; stochastic counts: Foulds et al., "An Intersectional Definition of Fairness", ICDE 2020.

    Examples
    --------
    >>> import torch
    >>> from fairlearn_fwh.inprocessing import DifferentialEqualizedOddsLoss
    >>> loss = DifferentialEqualizedOddsLoss(2, 2, decay=1.0, temperature=0.0)
    >>> y, groups = torch.tensor([1, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    >>> float(loss(torch.tensor([[0.5, 0.5]] * 4), y, groups))
    0.0
    """

    def __init__(
        self,
        n_groups: int,
        n_classes: int,
        *,
        n_labels: int | None = None,
        constraint: str = "equalized_odds",
        concentration: float = 1.0,
        decay: float = 0.1,
        temperature: float = 0.05,
        min_cell_size: int = 30,
    ) -> None:
        super().__init__()
        if constraint not in CONSTRAINTS:
            raise ValueError(f"constraint must be one of {list(CONSTRAINTS)}; got {constraint!r}.")
        if not concentration > 0:
            raise ValueError(f"concentration must be above 0; got {concentration!r}.")
        if not temperature >= 0:
            raise ValueError(f"temperature must be at least 0; got {temperature!r}.")
        if not 0 < decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1; got {decay!r}.")
        self.n_groups, self.n_classes = n_groups, n_classes
        self.n_labels = n_classes if n_labels is None else n_labels
        self.constraint, self.concentration, self.decay = constraint, concentration, decay
        self.temperature, self.min_cell_size = temperature, min_cell_size
        self._counts: Tensor | None = None
        self._takes_part: Tensor | None = None
        self._n_rows = 0

    def get_extra_state(self) -> dict[str, Any]:
        """Give the counts until now, a part of `state_dict`.

        Returns
        -------
        dict from str to object
        """
        return {"counts": self._counts, "takes_part": self._takes_part, "n_rows": self._n_rows}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back counts, a part of `load_state_dict`.

        Parameters
        ----------
        state : dict from str to object
            As `get_extra_state` gives it.
        """
        self._counts, self._takes_part = state["counts"], state["takes_part"]
        self._n_rows = state["n_rows"]

    def cell_sizes(self, y: Tensor, groups: Tensor) -> Tensor:
        """Count people of every group and label that is conditioned on.

        Parameters
        ----------
        y, groups : Tensor of int, shape (n,)
            Numbers of labels and groups.

        Returns
        -------
        Tensor, shape (G, L)
        """
        return self._indicators(y, groups, torch.float64).sum(dim=0)

    def start(self, probabilities: Tensor, y: Tensor, groups: Tensor) -> None:
        """Count everybody, at the end of burn-in.

        Parameters
        ----------
        probabilities : Tensor, shape (n, C)
            Of every answer.
        y, groups : Tensor of int, shape (n,)
            Numbers of labels and groups.
        """
        self._counts = self.count(probabilities, y, groups).detach()
        self._takes_part = self.cell_sizes(y, groups) >= self.min_cell_size
        self._n_rows = len(y)

    def count(self, probabilities: Tensor, y: Tensor, groups: Tensor) -> Tensor:
        """Count answers that are expected, by group and label.

        Parameters
        ----------
        probabilities : Tensor, shape (n, C)
            Of every answer.
        y, groups : Tensor of int, shape (n,)
            Numbers of labels and groups.

        Returns
        -------
        Tensor, shape (G, L, C)
        """
        return torch.einsum("igl,ic->glc", self._indicators(y, groups, probabilities.dtype), probabilities)

    def _indicators(self, y: Tensor, groups: Tensor, dtype: torch.dtype) -> Tensor:
        """Whether a person belongs to a group and has a label, shape (n, G, L)."""
        if self.constraint == "demographic_parity":
            labels = torch.ones(len(y), 1, dtype=dtype, device=y.device)
        else:
            labels = nn.functional.one_hot(y.long(), self.n_labels).to(dtype)
            if self.constraint == "equal_opportunity":
                labels = labels[:, -1:]
        return nn.functional.one_hot(groups.long(), self.n_groups).to(dtype)[:, :, None] * labels[:, None]

    def epsilon(self, counts: Tensor) -> Tensor:
        """Give epsilon: the smooth maximum over labels and answers of the range over groups of log rates.

        Parameters
        ----------
        counts : Tensor, shape (G, L, C)
            As `count` gives them.

        Returns
        -------
        Tensor, shape ()
        """
        totals = counts.sum(dim=2)
        takes_part = totals > 0 if self._takes_part is None else self._takes_part.to(totals.device)
        log_rates = (
            (counts + self.concentration / self.n_classes) / (totals + self.concentration)[:, :, None]
        ).log()
        compared = takes_part.sum(dim=0) > 1
        if not compared.any():
            return counts.sum() * 0
        left_out = ~takes_part[:, :, None]
        highest = log_rates.masked_fill(left_out, -torch.inf).amax(dim=0)[compared]
        lowest = log_rates.masked_fill(left_out, torch.inf).amin(dim=0)[compared]
        ranges = (highest - lowest).flatten()
        if self.temperature == 0:
            return ranges.max()
        smooth = torch.logsumexp(ranges / self.temperature, dim=0) - torch.tensor(float(len(ranges))).log()
        return self.temperature * smooth

    def forward(self, probabilities: Tensor, y: Tensor, groups: Tensor) -> Tensor:
        """Epsilon of the counts after a batch.

        Parameters
        ----------
        probabilities : Tensor, shape (B, C)
            Of every answer.
        y, groups : Tensor of int, shape (B,)
            Numbers of labels and groups.

        Returns
        -------
        Tensor, shape ()
        """
        batch = self.count(probabilities, y, groups)
        if self._counts is None:
            self._counts = batch.detach()
            self._n_rows = len(y)
        counts = (1 - self.decay) * self._counts.to(batch.device) + self.decay * self._n_rows / len(y) * batch
        self._counts = counts.detach()
        return self.epsilon(counts)
