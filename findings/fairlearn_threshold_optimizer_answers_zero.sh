#!/usr/bin/env bash
# fairlearn 0.15.0, ThresholdOptimizer.predict: everybody of a group that was not in the fit gets 0, and nothing is said. The same codes as text are such groups;
# so are two columns whose integers have become floats, because several columns are joined as text.
#
# What follows for us: NoHarmSelector asks a fitted one about groups that it knows, and refuses one that knows the groups in another type.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fairlearn==0.15.0 scikit-learn==1.9.1 pandas==3.1.1
cat > "$folder/see.py" <<'PYTHON'
import fairlearn
import numpy as np
import pandas as pd
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
X, codes = rng.standard_normal((400, 3)), rng.integers(0, 2, 400)
y = (X[:, 0] > 0).astype(int)


def shares(fitted, **asked):
    model = ThresholdOptimizer(
        estimator=LogisticRegression(), constraints="demographic_parity", predict_method="predict_proba"
    ).fit(X, y, sensitive_features=fitted)
    return {name: float(model.predict(X, sensitive_features=s, random_state=0).mean()) for name, s in asked.items()}


pair = pd.DataFrame({"a": codes, "b": 1 - codes})
one = shares(codes, integers=codes, floats=codes.astype(float), text=codes.astype(str), others=codes + 5)
two = shares(pair, integers=pair, floats=pair.astype(float))
print(fairlearn.__version__, "share of 1:", one, two)
assert one["integers"] == one["floats"] > 0.4
assert one["text"] == one["others"] == 0.0
assert two["integers"] > 0.4
assert two["floats"] == 0.0
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py"
