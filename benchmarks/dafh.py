"""DAFH's default fit on Adult against fairlearn's ExponentiatedGradient with demographic parity."""

import warnings

from fairlearn.reductions import DemographicParity, ExponentiatedGradient
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult
from fairlearn_fwh.exceptions import DatasetNotFoundError
from fairlearn_fwh.inprocessing import DAFHClassifier

from ._timing import seconds, show


def main() -> None:
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = seconds(lambda: DAFHClassifier(random_state=0).fit(X, y))
        reduction = ExponentiatedGradient(LogisticRegression(max_iter=2000), DemographicParity())
        theirs = seconds(lambda: reduction.fit(X, y, sensitive_features=sex))
    show(f"DAFHClassifier() / ExponentiatedGradient(LR, DP), Adult, {len(y):,} rows", ours, theirs, ">= 2")


if __name__ == "__main__":
    main()
