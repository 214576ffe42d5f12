"""Transformers that are trained along, on reviews: ``python -m benchmarks.text_training [FILE.csv] [--texts 20000] [--epochs 3] [--splits 2] [--device cuda] [--seconds 420]``.

The MiniLM that the extra `text` brings is trained under fairness transfer (target: recommended or not, auxiliary: department, whose ages are known), experts by age band, Graph of
Gradients and ARL, and under everybody alike; a quarter of the articles is for testing. Made for a GPU, on which it has not been run yet; prints a reason where there is none. Without one try
``--device cpu --texts 600 --epochs 1 --splits 1``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupShuffleSplit
from tqdm import tqdm

from fairlearn_fwh.datasets import fetch_clothing_reviews
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DROClassifier,
    GradientGraphClassifier,
    MultiTaskTransferClassifier,
    SelectiveExpertsClassifier,
    make_transformer_encoder,
    tokenize_texts,
)
from fairlearn_fwh.metrics import PreferenceFrame, differential_equalized_odds

#: Tokens of a review; none has more.
LENGTH = 160

#: Numbers that the MiniLM makes of a text.
WIDTH = 384


def learner(n_features: int, n_outputs: int) -> torch.nn.Module:
    """Make a transformer with a linear head."""
    return torch.nn.Sequential(make_transformer_encoder()((2, LENGTH)), torch.nn.Linear(WIDTH, n_outputs))


def methods(settings: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], np.ndarray]]]:
    """Name every method, with what fits it on a split and answers for the test people."""
    encoder = make_transformer_encoder()

    def transfer(weight: float) -> Callable[[dict[str, Any]], np.ndarray]:
        def run(split: dict[str, Any]) -> np.ndarray:
            model = MultiTaskTransferClassifier(encoder, fairness_weight=weight, **settings)
            return model.fit(split["X"], split["y"], auxiliary=split["auxiliary"]).predict(split["X_test"])

        return run

    def experts(split: dict[str, Any]) -> np.ndarray:
        model = SelectiveExpertsClassifier(encoder, **settings)
        model.fit(split["X"], split["y"], sensitive_features=split["ages"], units=split["units"])
        return model.predict(split["X_test"], sensitive_features=split["ages_test"])

    def reweighted(method: Any, **more: Any) -> Callable[[dict[str, Any]], np.ndarray]:
        return lambda split: (
            method(learner, **settings, **more).fit(split["X"], split["y"]).predict(split["X_test"])
        )

    yield "everybody alike", reweighted(DROClassifier, alpha=1.0, warmup_epochs=0)
    yield "MTL-base", transfer(0.0)
    yield "MTL-fair", transfer(0.3)
    yield "experts, selected", experts
    yield "GoG", reweighted(GradientGraphClassifier, warmup_epochs=1)
    yield "ARL", reweighted(AdversarialReweightingClassifier, warmup_epochs=1)


def read(n_texts: int) -> dict[str, Any]:
    """Tokens, both labels, age bands and articles of reviews that have both labels."""
    reviews, topics = (fetch_clothing_reviews(target=name) for name in ("recommended", "department"))
    both = reviews.data.index.intersection(topics.data.index)
    both = np.random.default_rng(0).permutation(both)[:n_texts]
    rows, rows_of_topics = (task.data.index.get_indexer(both) for task in (reviews, topics))
    return {
        "X": tokenize_texts(reviews.data.iloc[rows], max_length=LENGTH),
        "y": reviews.target.to_numpy()[rows],
        "topic": topics.target.to_numpy()[rows_of_topics],
        "ages": reviews.sensitive_features["age_group"].astype(str).to_numpy()[rows],
        "units": np.asarray(reviews.units)[rows],
    }  # fmt: skip


def split_by_article(reviews: dict[str, Any], seed: int) -> dict[str, Any]:
    """Three parts that have no article in common: for the target, for the auxiliary, for testing."""
    X, y, ages, units = (reviews[name] for name in ("X", "y", "ages", "units"))
    rest, test = next(GroupShuffleSplit(1, test_size=0.25, random_state=seed).split(X, groups=units))
    first, second = next(
        GroupShuffleSplit(1, test_size=0.5, random_state=seed).split(rest, groups=units[rest])
    )
    target, other = rest[first], rest[second]
    return {
        "X": X[target], "y": y[target], "ages": ages[target], "units": units[target], "auxiliary": (X[other], reviews["topic"][other], ages[other]),
        "X_test": X[test], "y_test": y[test], "ages_test": ages[test], "units_test": units[test],
    }  # fmt: skip


def measure(split: dict[str, Any], answers: np.ndarray, alike: np.ndarray) -> dict[str, Any]:
    """How good a method is, how fair, and who loses against everybody alike."""
    y, ages = split["y_test"], split["ages_test"]
    frame = PreferenceFrame(
        y_true=y, y_pred=answers, y_pred_pooled=alike, sensitive_features=ages, units=split["units_test"], labels=[0, 1]
    )  # fmt: skip
    return {
        "accuracy": float((y == answers).mean()),
        "macro F1": float(f1_score(y, answers, average="macro")),
        "epsilon": differential_equalized_odds(y, answers, sensitive_features=ages),
        "least gain": float(frame.by_group["rationality_gain"].min()),
        "bands harmed": len(frame.violations()),
    }


def main() -> None:
    """Fit one method after the other; write a row for each as it comes, and print means over splits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?")
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=420.0, help="no fit begins later than this")
    given = parser.parse_args()
    if given.device != "cpu" and not torch.cuda.is_available():
        print("There is no GPU; --device cpu takes hours for all texts.")
        return
    start, rows = time.perf_counter(), []
    reviews = read(given.texts)
    settings = {
        "learning_rate": 0.001, "encoder_learning_rate": 2e-5, "batch_size": 64, "max_epochs": given.epochs, "precision": "bfloat16", "device": given.device,
    }  # fmt: skip
    warnings.simplefilter("ignore")
    for seed in tqdm(range(given.splits), unit="split"):
        split, answers = split_by_article(reviews, seed), {}
        for name, run in methods(settings | {"random_state": seed}):
            if time.perf_counter() - start > given.seconds:
                break
            begun = time.perf_counter()
            answers[name] = run(split)
            seconds = time.perf_counter() - begun
            figures = measure(split, answers[name], answers["everybody alike"])
            rows.append({"method": name, "split": seed, **figures, "seconds": seconds})
            if given.file:
                pd.DataFrame(rows).to_csv(given.file, index=False)
    print(pd.DataFrame(rows).drop(columns="split").groupby("method", sort=False).mean().round(3).to_string())


if __name__ == "__main__":
    main()
