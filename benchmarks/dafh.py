"""DAFH's fit: against the number of rows, a bare torch loop, more restarts, and ExponentiatedGradient on Adult."""

import resource
import subprocess
import sys
import warnings

import numpy as np
import torch
from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult, make_intersectional
from fairlearn_fwh.exceptions import DatasetNotFoundError
from fairlearn_fwh.inprocessing import DAFHClassifier
from fairlearn_fwh.inprocessing._training._trainer import train
from fairlearn_fwh.inprocessing.dafh._network import LinearHeads, RoutedHeads
from fairlearn_fwh.inprocessing.dafh._objectives import hinge

from ._timing import seconds, show

EPOCHS = 5


def growth() -> None:
    """Time and memory against the number of rows, at five epochs, each fit in a process of its own."""
    for n in (10_000, 100_000, 1_000_000):
        command = [sys.executable, "-m", "benchmarks.dafh", str(n)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        time, memory = float(told[0]), float(told[1])
        print(
            f"DAFHClassifier(max_epochs={EPOCHS}), {n:>9,} rows: {time:8.2f} s, {1e6 * time / n:6.1f} us per row, "
            f"peak memory {memory:,.0f} MB   aim: linear",
            flush=True,
        )


def one_fit(n: int) -> None:
    """Fit once and print seconds and the peak memory of the process."""
    bunch = make_intersectional(n, random_state=0)
    model = DAFHClassifier(max_epochs=EPOCHS, batch_size=1024, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        time = seconds(lambda: model.fit(bunch.data, bunch.target))
    print(time, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def against_bare_loop(n: int = 100_000, batch_size: int = 512) -> None:
    """Compare the trainer with a loop that does the same steps and nothing else."""
    X = torch.randn(n, 50)
    y = (X[:, 0] * X[:, 1] > 0).long()
    columns = {"X": X, "y": y, "pooled_loss": torch.full((n,), 0.5), "weight": torch.ones(n)}

    def module() -> RoutedHeads:
        def router() -> torch.nn.Module:
            return torch.nn.Sequential(torch.nn.Linear(50, 100), torch.nn.ReLU(), torch.nn.Linear(100, 2))

        heads = [LinearHeads(torch.randn(51, 2, 1)) for _ in range(5)]
        costs = 1.0 - np.eye(2)
        return RoutedHeads([router() for _ in range(5)], heads, None, hinge, 0.1, batch_size, 2, costs)

    def ours() -> None:
        train(
            module(),
            columns,
            lambda module: [((0.0,), {})] * 5,
            n_members=5,
            optimizer="adam",
            learning_rate=0.003,
            parameter_groups=[],
            max_epochs=3,
            batch_size=batch_size,
            patience=10,
            generator=torch.Generator().manual_seed(0),
            device="cpu",
            verbose=0,
        )

    def bare() -> None:
        net = module().train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.1)
        generator = torch.Generator().manual_seed(0)
        for _ in range(3):
            for rows in torch.randperm(n, generator=generator).split(batch_size):
                optimizer.zero_grad()
                net(**{name: column[rows] for name, column in columns.items()}).sum().backward()
                optimizer.step()

    ratio = seconds(ours, 3), seconds(bare, 3)
    show(
        f"trainer / bare loop, {n:,} rows, 3 epochs",
        *ratio,
        1 / 1.15,
    )


def against_one_restart() -> None:
    """Compare five restarts with one on generated data, at the same largest number of epochs."""
    bunch = make_intersectional(random_state=0)

    def fit(n_init: int) -> None:
        DAFHClassifier(n_init=n_init, max_epochs=30, patience=30, random_state=0).fit(
            bunch.data, bunch.target
        )

    show(
        "n_init=1 / n_init=5, 20,000 rows, 30 epochs",
        seconds(lambda: fit(5)),
        seconds(lambda: fit(1)),
        0.33,
    )


def against_exponentiated_gradient() -> None:
    """Compare a default fit on Adult with fairlearn's reduction."""
    try:
        bunch = fetch_adult(download_if_missing=False)
    except DatasetNotFoundError as error:
        print(f"DAFH on Adult is skipped: {error}")
        return
    X, y, sex = (
        default_preprocessor(bunch.data).fit_transform(bunch.data),
        bunch.target,
        bunch.sensitive_features["sex"],
    )
    ours = seconds(lambda: DAFHClassifier(random_state=0).fit(X, y))
    reduction = ExponentiatedGradient(LogisticRegression(max_iter=2000), DemographicParity())
    theirs = seconds(lambda: reduction.fit(X, y, sensitive_features=sex))
    show(f"DAFHClassifier() / ExponentiatedGradient(LR, DP), Adult, {len(y):,} rows", ours, theirs, 2)
    shares = seconds(lambda: DAFHClassifier(random_state=0, n_init=1).fit(X, y))
    show("DAFHClassifier(n_init=1) / n_init=5, Adult, until patience ends", ours, shares, 0.33)


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        against_bare_loop()
        against_one_restart()
        against_exponentiated_gradient()
    growth()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one_fit(int(sys.argv[1]))
    else:
        main()
