"""Fits on a GPU: experts on images, DAFH, gradient-weighting methods: ``python -m benchmarks.gpu``.

Prints nothing but a reason where there is no GPU. Each line is a ratio of two times of the same run. Images are random where HAM10000 is not there.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fairlearn_fwh.exceptions import DatasetNotFoundError
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DAFHClassifier,
    GradientGraphClassifier,
    SelectiveExpertsClassifier,
    make_resnet18_encoder,
)

#: Epochs of the experts; a long fit shows what training takes, a short one what is around it.
EPOCHS = 12


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HAM10000 by sex, or as many random images."""
    from fairlearn_fwh.datasets import fetch_ham10000

    with contextlib.suppress(DatasetNotFoundError):
        bunch = fetch_ham10000()
        known = bunch.sensitive_features["sex"].notna().to_numpy()
        sex = bunch.sensitive_features["sex"].astype(str).to_numpy()
        return np.asarray(bunch.data)[known], np.asarray(bunch.target)[known], sex[known]
    rng = np.random.default_rng(0)
    X, y, sex = (
        rng.integers(0, 256, (9958, 28, 28, 3), dtype=np.uint8),
        rng.random(9958) < 0.14,
        rng.random(9958) < 0.46,
    )
    return X, y.astype(int), np.where(sex, "female", "male")


def seconds(function: Callable[[], Any]) -> float:
    """Time of a call."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def bare_loop(X: np.ndarray, y: np.ndarray, n_rows: int, epochs: int) -> None:
    """Train a ResNet-18 with a head on rows that lie on the GPU: as many steps as the two networks of a fit take, in TF32."""
    torch.backends.cuda.matmul.allow_tf32 = True
    inputs = torch.as_tensor(X[:n_rows], device="cuda").permute(0, 3, 1, 2).float().div(255)
    labels = torch.as_tensor(y[:n_rows], device="cuda")
    for _ in range(2):
        module = torch.nn.Sequential(make_resnet18_encoder((3, 28, 28)), torch.nn.Linear(512, 2)).cuda()
        module.to(memory_format=torch.channels_last)
        optimizer = torch.optim.AdamW(module.parameters())
        for _ in range(epochs):
            for rows in torch.randperm(n_rows, device="cuda").split(128):
                optimizer.zero_grad()
                batch = inputs[rows].contiguous(memory_format=torch.channels_last)
                torch.nn.functional.cross_entropy(module(batch), labels[rows]).backward()
                optimizer.step()
    torch.backends.cuda.matmul.allow_tf32 = False


def experts() -> None:
    """Experts on ResNet-18 against a bare loop of the same steps."""
    X, y, sex = images()

    def fit(**settings: Any) -> SelectiveExpertsClassifier:
        model = SelectiveExpertsClassifier(
            make_resnet18_encoder, batch_size=128, patience=10**6, device="cuda", random_state=0, **settings
        )
        return model.fit(X, y, sensitive_features=sex)

    seconds(lambda: fit(max_epochs=1))  # warm
    models: dict[str, SelectiveExpertsClassifier] = {}
    bare = seconds(lambda: bare_loop(X, y, int(0.75 * 0.8 * len(X)), EPOCHS))
    for precision in ("float32", "auto", "bfloat16"):
        taken = seconds(
            lambda precision=precision: models.update(
                {precision: fit(max_epochs=EPOCHS, precision=precision)}
            )
        )
        print(
            f"experts, {EPOCHS} epochs, {precision}: {taken:.1f} s, {taken / bare:.2f} of a bare loop in TF32 ({bare:.1f} s)",
            flush=True,
        )
    again = seconds(lambda: models.update(again=fit(max_epochs=EPOCHS)))
    apart = np.abs(
        models["again"].predict_proba(X[:500], sensitive_features=sex[:500])
        - models["auto"].predict_proba(X[:500], sensitive_features=sex[:500])
    ).max()
    print(f"experts, fitted again in {again:.1f} s: probabilities differ by {apart:.1e}", flush=True)


def dafh() -> None:
    """DAFH on 300,000 rows, on the GPU and on the CPU."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300_000, 32))
    y = (np.where(X[:, 0] > 0, X[:, 1], X[:, 2]) + 0.3 * rng.standard_normal(len(X)) > 0).astype(int)

    def fit(device: str) -> float:
        model = DAFHClassifier(max_epochs=3, batch_size=16_384, device=device, random_state=0)
        return seconds(lambda: model.fit(X, y))

    fit("cuda")
    gpu, cpu = fit("cuda"), fit("cpu")
    print(
        f"DAFH, 300,000 x 32, 3 epochs: {gpu:.1f} s on the GPU, {cpu / gpu:.2f} times as fast as {torch.get_num_threads()} threads",
        flush=True,
    )


def reweighting() -> None:
    """Graph of Gradients and ARL at a batch size of 8,192, on the GPU and on two threads."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60_000, 32)).astype(np.float32)
    y, group = (X[:, 0] + rng.standard_normal(len(X)) > 0).astype(int), rng.integers(0, 4, len(X))
    for kind in (GradientGraphClassifier, AdversarialReweightingClassifier):
        times = {}
        for device in ("cuda", "cpu"):
            threads = torch.get_num_threads()
            torch.set_num_threads(2 if device == "cpu" else threads)
            model = kind(max_epochs=4, batch_size=8192, device=device, random_state=0, patience=100)
            model.fit(X[:9000], y[:9000], sensitive_features=group[:9000])
            times[device] = seconds(lambda model=model: model.fit(X, y, sensitive_features=group))
            torch.set_num_threads(threads)
        print(
            f"{kind.__name__}: {times['cuda']:.2f} s on the GPU, {times['cpu'] / times['cuda']:.2f} times as fast as two threads",
            flush=True,
        )


def main() -> None:
    """Print every line."""
    if not torch.cuda.is_available():
        print("There is no GPU here.")
        return
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    for function in (experts, dafh, reweighting):
        function()


if __name__ == "__main__":
    main()
