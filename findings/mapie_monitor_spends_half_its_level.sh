#!/usr/bin/env bash
# MAPIE 1.6.0: a RiskMonitoring whose threshold is given, so that nothing is estimated from reference data, still spends half of test_level on them. With
# test_level=0.05 the stream is judged at .025: a detector that is promised 5 % false alarms has at most half of that, and needs more people to find a harm.
#
# What follows for us: our monitor is compared with it at twice the level (tests/metrics/test_monitor.py), and gives all of alpha to the people that it sees.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check MAPIE==1.6.0
cat > "$folder/see.py" <<'PYTHON'
import importlib.metadata

import numpy as np
from mapie.exchangeability_testing import RiskMonitoring
from mapie.exchangeability_testing.bounds import conjugate_mixture_empirical_bernstein_bound

rng = np.random.default_rng(0)
y = rng.integers(0, 2, 2000)
y_pred = np.where(rng.random(2000) < 0.2, 1 - y, y)
monitor = RiskMonitoring(risk="accuracy", threshold=0.1, test_level=0.05, warn=False).update(y, y_pred)
seen = monitor.online_risk_lower_bound_latest
bounds = {
    level: conjugate_mixture_empirical_bernstein_bound(
        monitor.online_risk_sequence_history, v_opt=1, alpha=level, bound_side="lower"
    )[-1]
    for level in (0.05, 0.025)
}
print("MAPIE", importlib.metadata.version("mapie"))
print(f"lower bound of the risk with threshold=0.1, test_level=0.05: {seen:.5f}; at level .05 it is {bounds[0.05]:.5f}, at .025 {bounds[0.025]:.5f}")
assert np.isclose(seen, bounds[0.025])
assert not np.isclose(seen, bounds[0.05], atol=1e-4)
PYTHON
"$folder/venv/bin/python" "$folder/see.py"
