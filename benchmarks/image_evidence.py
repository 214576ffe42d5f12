"""Experts on images at the paper's budget: ``python -m benchmarks.image_evidence [FILE.csv] [--epochs 60] [--splits 10] [--device cuda] [--seconds 420]``.

HAM10000 by sex and by age (60 and over), ResNet-18, splits by lesion; pooled network and experts are trained for as many epochs and kept at their best one, and choose with a
certificate. Several fits share a GPU. A few minutes on a fast one; without one try ``--epochs 1 --splits 1 --device cpu``.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from fairlearn_fwh.datasets import fetch_ham10000
from fairlearn_fwh.inprocessing import SelectiveExpertsClassifier, make_resnet18_encoder
from fairlearn_fwh.metrics import PreferenceFrame

ATTRIBUTES = ("sex", "age")


def read(attribute: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, whether malignant, group, and lesion of the images whose group is known."""
    bunch = fetch_ham10000()
    column = "sex" if attribute == "sex" else "age_group"
    values = bunch.sensitive_features[column]
    if attribute == "age":
        age = pd.to_numeric(bunch.metadata["age"], errors="coerce")
        values = pd.Series(
            np.where(age.isna(), None, np.where(age >= 60, "60 and over", "under 60")), dtype=object
        )
    known = values.notna().to_numpy()
    return (
        np.asarray(bunch.data)[known],
        np.asarray(bunch.target)[known],
        values[known].astype(str).to_numpy(),
        bunch.lesion_id.to_numpy()[known],
    )


def fit_one(attribute: str, split: int, epochs: int, device: str) -> list[dict[str, Any]]:
    """Fit on some lesions and measure on the others: a row per group."""
    torch.set_num_threads(2)
    warnings.simplefilter("ignore")
    X, y, group, lesion = read(attribute)
    rest, test = next(GroupShuffleSplit(1, test_size=0.25, random_state=split).split(X, y, lesion))
    start = time.perf_counter()
    model = SelectiveExpertsClassifier(
        make_resnet18_encoder,
        max_epochs=epochs,
        patience=epochs,
        batch_size=256,
        device=device,
        random_state=split,
    )
    model.fit(X[rest], y[rest], sensitive_features=group[rest], units=lesion[rest])
    seconds = time.perf_counter() - start
    by_model = {"pooled": model.pooled_estimator_.predict_proba(X[test])[:, 1]}
    own = by_model["pooled"].copy()
    for label, expert in model.experts_.items():
        mine = group[test] == label
        own[mine] = expert.predict_proba(X[test][mine])[:, 1]
    frame = PreferenceFrame(
        y_true=y[test], y_pred=(own > 0.5).astype(int), y_pred_pooled=(by_model["pooled"] > 0.5).astype(int),
        sensitive_features=group[test], units=lesion[test], labels=[0, 1],
    )  # fmt: skip
    tests = frame.harm_tests(correction=None).set_index("group")
    certificate = frame.certify(tolerance=0.0).set_index("group")
    choice = model.selection_table_.set_index("group")["choice"]
    rows = []
    for label in frame.by_group.index:
        mine = group[test] == label
        epochs_of = {
            name: int(np.argmin([epoch["loss"] for epoch in history])) + 1
            for name, history in model.validation_history_.items()
        }
        rows.append(
            {
                "attribute": attribute, "split": split, "group": label, "n": int(mine.sum()),
                "pooled": 1 - frame.by_group.loc[label, "pooled_risk"], "gain": frame.by_group.loc[label, "rationality_gain"],
                "auc_pooled": roc_auc_score(y[test][mine], by_model["pooled"][mine]), "auc_gain": roc_auc_score(y[test][mine], own[mine]) - roc_auc_score(y[test][mine], by_model["pooled"][mine]),
                "kept": choice[label] == "own", "p_harm": tests.loc[label, "p_value"], "better": bool(certificate.loc[label, "certified"]),
                "best_pooled": epochs_of["pooled"], "best_experts": epochs_of["experts"], "seconds": seconds,
            }
        )  # fmt: skip
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over splits, in points of accuracy and of AUC, with the lowest and highest gain, and how often experts were kept, better or worse on new lesions."""
    by = rows.groupby(["attribute", "group"])
    table = pd.DataFrame(
        {
            "splits": by.size(),
            "people": by["n"].mean(),
            "pooled accuracy": 100 * by["pooled"].mean(),
            "gain": 100 * by["gain"].mean(),
            "lowest": 100 * by["gain"].min(),
            "highest": 100 * by["gain"].max(),
            "pooled AUC": 100 * by["auc_pooled"].mean(),
            "gain in AUC": 100 * by["auc_gain"].mean(),
            "kept": by["kept"].sum(),
            "significantly worse": by["p_harm"].apply(lambda p: int((p < 0.05).sum())),
            "certified better": by["better"].sum(),
            "best epoch, pooled": by["best_pooled"].mean(),
            "best epoch, experts": by["best_experts"].mean(),
        }
    )
    return table.round(2)


def main() -> None:
    """Fit side by side; write a row per fit and group as they come, and print the summary."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=420.0, help="no fit begins later than this")
    parser.add_argument("--jobs", type=int, default=5)
    given = parser.parse_args()
    start, rows = time.perf_counter(), []
    waiting = [(attribute, split) for split in range(given.splits) for attribute in ATTRIBUTES]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        running: set[concurrent.futures.Future[list[dict[str, Any]]]] = set()
        while waiting or running:
            while waiting and len(running) < given.jobs and time.perf_counter() - start < given.seconds:
                running.add(pool.submit(fit_one, *waiting.pop(0), given.epochs, given.device))
            if not running:
                break
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                rows += future.result()
                print(
                    f"{time.perf_counter() - start:.0f} s: {rows[-1]['attribute']}, split {rows[-1]['split']}, {rows[-1]['seconds']:.0f} s",
                    flush=True,
                )
                if given.file:
                    pd.DataFrame(rows).to_csv(given.file, index=False)
    print(summary(pd.DataFrame(rows)).T.to_string())


if __name__ == "__main__":
    main()
