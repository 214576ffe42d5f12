#!/usr/bin/env bash
# AIF360 0.6.1: EqOddsPostprocessing.predict starts from unfavorable labels and fills in those of the privileged and of the unprivileged group; people who are in
# neither keep the unfavorable one, whatever the classifier said. And dataset.copy() is shallow: labels written into the copy are written into the original.
#
# What follows for us: PreferenceMetric refuses both, and says what to do.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aif360==0.6.1 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1
cat > "$folder/see.py" <<'PYTHON'
import logging

logging.disable(logging.WARNING)
import importlib.metadata

import numpy as np
import pandas as pd
from aif360.algorithms.postprocessing import EqOddsPostprocessing
from aif360.datasets import BinaryLabelDataset

rng = np.random.default_rng(0)
table = pd.DataFrame(
    {"x": rng.standard_normal(300), "race": np.arange(300) % 3.0, "y": rng.integers(0, 2, 300).astype(float)}
)
truth = BinaryLabelDataset(df=table, label_names=["y"], protected_attribute_names=["race"])
predicted = truth.copy(deepcopy=True)
predicted.labels = np.where(rng.random((300, 1)) < 0.2, 1 - truth.labels, truth.labels)
method = EqOddsPostprocessing([{"race": 0.0}], [{"race": 1.0}], seed=0).fit(truth, predicted)
processed = method.predict(predicted)
by_race = {
    race: [float(d.labels[truth.protected_attributes == race].mean()) for d in (predicted, processed)] for race in (0, 1, 2)
}
shallow = truth.copy()
shallow.labels[:] = 1.0
print(importlib.metadata.version("aif360"), "favorable before and after, by race:", by_race, "; truth after writing into a copy:", truth.labels.mean())
assert by_race[2][0] > 0.3
assert by_race[2][1] == 0.0
assert min(by_race[0][1], by_race[1][1]) > 0.1
assert truth.labels.mean() == 1.0
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py"
