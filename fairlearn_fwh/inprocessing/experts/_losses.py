"""Losses that keep groups and classes apart in a representation (FairSDE, arXiv 2511.06293)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus


def centre_similarities(z: Tensor, centres: Tensor) -> Tensor:
    """Cosines of representations and virtual centres.

    Parameters
    ----------
    z : Tensor, shape (B, m)
        Representations of length 1.
    centres : Tensor, shape (A, m, C)
        One centre for each group and class.

    Returns
    -------
    Tensor, shape (B, A, C)
    """
    n_groups, _, n_classes = centres.shape
    columns = normalize(centres, dim=1).transpose(0, 1).flatten(1)
    return (z @ columns).unflatten(1, (n_groups, n_classes))


def centre_losses(similarities: Tensor, y: Tensor, group: Tensor, temperature: float) -> Tensor:
    """Loss of each person: is it near the centre of its class among those of its group?

    Parameters
    ----------
    similarities : Tensor, shape (B, A, C)
    y, group : Tensor of int, shape (B,)
    temperature : float

    Returns
    -------
    Tensor, shape (B,)
        ``-log softmax_c(S[a_i, i, c] / temperature)[y_i]``.
    """
    # Gathering and selecting have faster gradients than indexing.
    n_classes = similarities.shape[2]
    own = similarities.gather(1, group[:, None, None].expand(-1, 1, n_classes)).squeeze(1)
    return cross_entropy(own / temperature, y, reduction="none")


def draw_partners(y: Tensor, group: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw for each person another one of the same class and group, and one of the same class and another group.

    Parameters
    ----------
    y, group : Tensor of int, shape (B,)
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    alike, unlike : Tensor of int, shape (B,)
        Rows of the batch, each uniform over those that qualify; -1 where nobody does.
    """
    n, device = len(y), y.device
    draws = torch.rand(2, n, generator=generator, dtype=torch.float64).to(device)
    cell = y * (group.max() + 1) + group
    order = torch.argsort(cell, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(n, device=device)
    cell_size, cell_start = _sizes_and_starts(cell)
    class_size, class_start = _sizes_and_starts(y)
    # In this order the people of a cell follow each other, and so do the cells of a class: step on from oneself within
    # the cell, or from the end of one's cell within the class, and begin again at the end.
    step = 1 + (draws[0] * (cell_size - 1)).long()
    alike = order[cell_start + (place - cell_start + step) % cell_size]
    others = class_size - cell_size
    step = cell_size + (draws[1] * others).long()
    unlike = order[class_start + (cell_start - class_start + step) % class_size]
    return torch.where(cell_size > 1, alike, -1), torch.where(others > 0, unlike, -1)


def _sizes_and_starts(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Size of each row's kind, and where the kind begins in the order of kinds, shape (B,) each."""
    sizes = torch.bincount(codes)
    return sizes[codes], (sizes.cumsum(0) - sizes)[codes]


def diversity_losses(
    z: Tensor,
    similarities: Tensor,
    y: Tensor,
    group: Tensor,
    alike: Tensor,
    unlike: Tensor,
    temperature: float,
    form: str = "stable",
) -> Tensor:
    """Loss of each person: is it nearer to its cell (a partner, its centre) than to other groups and centres?

    Parameters
    ----------
    z : Tensor, shape (B, m)
        Representations of length 1.
    similarities : Tensor, shape (B, A, C)
        As `centre_similarities` returns them.
    y, group : Tensor of int, shape (B,)
    alike, unlike : Tensor of int, shape (B,)
        As `draw_partners` returns them; terms of partners that are not there are left out.
    temperature : float
    form : {"stable", "published"}
        With P the terms of the own cell and Q all others, ``-log(P / (P + Q))`` with all similarities divided by the
        temperature, or as in the authors' code ``-log(P / Q)``, where those of centres in Q are ``exp(S) / temperature``.

    Returns
    -------
    Tensor, shape (B,)
    """
    cell = (group * similarities.shape[2] + y)[:, None]
    own_centre = similarities.flatten(1).gather(1, cell).squeeze(1)
    other_centres = similarities.flatten(1).scatter(1, cell, -torch.inf)
    nobody = torch.tensor(-torch.inf, dtype=z.dtype, device=z.device)
    to_alike = torch.where(alike >= 0, _cosines(z, alike) / temperature, nobody)
    to_unlike = torch.where(unlike >= 0, _cosines(z, unlike) / temperature, nobody)
    positive = torch.logaddexp(to_alike, own_centre / temperature)
    if form == "published":
        centres = torch.logsumexp(other_centres, dim=1) - torch.log(torch.tensor(temperature, dtype=z.dtype))
        return torch.logaddexp(to_unlike, centres) - positive
    negative = torch.logaddexp(to_unlike, torch.logsumexp(other_centres / temperature, dim=1))
    return softplus(negative - positive)


def _cosines(z: Tensor, partners: Tensor) -> Tensor:
    """Cosine of everybody and its partner; anything where there is none."""
    return (z * z.index_select(0, partners.clamp(min=0))).sum(1)
