"""Checks of an installation without extras; run by .ci/run outside the source tree, not by pytest."""

import importlib
import subprocess
import sys
from pathlib import Path

ABSENT = ("torch", "skorch", "aif360", "matplotlib", "click")

for name in ABSENT:
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    sys.exit(f"{name} is installed: this environment cannot show what works without extras")

import fairlearn_fwh  # noqa: E402
from fairlearn_fwh.audit import Audit  # noqa: E402
from fairlearn_fwh.datasets import load_diabetes_progression  # noqa: E402
from fairlearn_fwh.decoupling import DecoupledClassifier  # noqa: E402
from fairlearn_fwh.metrics import PreferenceFrame  # noqa: E402
from fairlearn_fwh.postprocessing import NoHarmSelector  # noqa: E402
from fairlearn_fwh.reductions import NoHarmReduction  # noqa: E402

bunch = load_diabetes_progression()
model = DecoupledClassifier().fit(
    bunch.data, bunch.target, sensitive_features=bunch.sensitive_features["sex"]
)
frame = model.preference_frame(bunch.data, bunch.target, sensitive_features=bunch.sensitive_features["sex"])
assert isinstance(frame, PreferenceFrame)
assert len(frame.certify(tolerance=0.05)) == 2
chosen = NoHarmSelector(model, prefit=True).fit(
    bunch.data, bunch.target, sensitive_features=bunch.sensitive_features["sex"]
)
assert len(chosen.selection_table_) == 2
assert NoHarmReduction().get_params()["tolerance"] == 0.0
assert Audit(frame).to_json().startswith("{")
for name in ("py.typed", "audit/report.html.jinja", "audit/audit.schema.json"):
    assert (Path(fairlearn_fwh.__file__).parent / name).is_file(), f"{name} is not in the wheel"


def says(command: list[str], sentence: str) -> None:
    """Check that a command fails with one clear sentence."""
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0, f"{command} works without its extra"
    last = result.stderr.strip().splitlines()[-1]
    assert sentence in last, f"{command} says {last!r}"


says([sys.executable, "-c", "import fairlearn_fwh.inprocessing"], "pip install 'fairlearn-fwh[torch]'")
says([sys.executable, "-c", "import fairlearn_fwh.experiments"], "pip install 'fairlearn-fwh[torch]'")
says([str(Path(sys.executable).parent / "fairlearn-fwh"), "demo"], "pip install 'fairlearn-fwh[cli]'")
print(
    f"fairlearn_fwh {fairlearn_fwh.__version__} works without extras from {Path(fairlearn_fwh.__file__).parent}"
)
