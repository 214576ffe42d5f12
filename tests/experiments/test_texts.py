"""Reviews in experiments: articles on one side, embeddings kept, what the table says."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.experiments import _comparison, _reviews
from fairlearn_fwh.experiments._transfer import _texts
from fairlearn_fwh.experiments._transfer._objectives import ALONE, BASE


def test_articles_are_for_the_target_the_auxiliary_or_the_test(real_data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        _texts, "_as_numbers", lambda parts, kind: [seen.append(part) or part for part in parts]
    )
    spec = _texts.TEXT_PAIRS["sentiment-topic, tfidf"]
    pair = spec.load(real_data)
    split = spec.split(pair, "age_group", test_size=0.25, random_state=0)
    target, auxiliary, test = (
        set(task.units[task.data.index.get_indexer(part.index)].tolist())
        for part, task in zip(seen, (pair.target, pair.auxiliary, pair.target), strict=True)
    )
    assert not target & test
    assert not target & auxiliary
    assert not auxiliary & test
    assert len(split.y) == len(split.auxiliary[1]) == 6000
    assert set(split.groups_test) == {"up to 34", "35 to 49", "50 and over"}


def test_the_table_says_who_pays_and_how_sure_it_is():
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": "sentiment-topic, tfidf", "split": split, "method": method, "macro_f1": f1 + 0.001 * split, "epsilon": epsilon + 0.01 * rng.random(),
            "worst_gain": -0.01, "harmed": int(method == "MTL-fair"), "worst_missed_gain": -0.02, "worst_false_alarm_gain": 0.01, "worst_cell": "0",
        }
        for split in range(3)
        for method, f1, epsilon in ((ALONE, 0.8, 0.3), (BASE, 0.79, 0.3), ("MTL-fair", 0.7, 0.1))
    ]  # fmt: skip
    text = _texts.transfer_texts_markdown(pd.DataFrame(rows))
    assert "sentiment-topic, tfidf -0.2" in text.splitlines()[2]
    fair = next(line for line in text.splitlines() if line.startswith("| MTL-fair"))
    cells = [cell.strip() for cell in fair.strip("|").split("|")]
    assert cells[4:] == ["0 %", "100 %", "-1.00", "-2.00", "+1.00", "100 %"]


def test_reviews_are_compared_on_embeddings_and_split_by_article(real_data, monkeypatch):
    monkeypatch.setattr(_reviews.SentenceEmbedder, "transform", lambda self, X: np.zeros((len(X), 3)))
    monkeypatch.setattr(_reviews, "MOST_REVIEWS", 500)
    split, attribute = _comparison.load_split(_comparison.REVIEWS, "reviews", None, real_data, 0)
    assert attribute == "age_group"
    assert split.X.shape == (len(split.y), 3)
    assert len(split.y) + len(split.y_test) == 500
    assert list(_reviews.methods_on_reviews()) == [
        "boosting, certified",
        "SelectiveExperts",
        "Graph of Gradients",
        "ARL",
    ]


def test_amounts_are_compared_in_their_own_unit():
    comparison = pytest.importorskip("fairlearn_fwh.experiments").compare_methods(
        "progression", tolerance=100.0
    )
    assert comparison.loss == "absolute"
    assert "risk" in comparison.overall
    assert comparison.by_group["certified"].all()
    assert comparison.outcomes["own, certified"] == "pooled"
    assert "points" not in comparison.explained()
