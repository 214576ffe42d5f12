"""`assert_no_harm`, the fixture with the policy, in a test suite of somebody else."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.audit import Audit, read_policy
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.testing import assert_no_harm

pytest_plugins = ["pytester"]

POLICY = """
[tool.fairlearn-fwh.audit]
y-true = "y"
y-pred = "new"
pooled = "old"
sensitive = ["g"]
tolerance = 0.05
required-groups = ["a", "b"]
"""


def table(n_lost, n=400):
    y = np.ones(n, dtype=int)
    return pd.DataFrame(
        {"y": y, "new": np.where(np.arange(n) < n_lost, 0, 1), "old": y, "g": np.repeat(["a", "b"], n // 2)}
    )


def frame_of(data):
    return PreferenceFrame(
        y_true=data["y"], y_pred=data["new"], y_pred_pooled=data["old"], sensitive_features={"g": data["g"]}
    )


def test_harm_fails_with_headline_and_table():
    with pytest.raises(AssertionError) as failure:
        assert_no_harm(frame_of(table(30)))
    lines = str(failure.value).splitlines()
    assert lines[0].startswith("Harm found: ")
    assert lines[2].split()[:3] == ["group", "people", "result"]
    assert lines[3].split()[:4] == ["a", "200", "worse", "off"]


def test_what_passes_is_given_back():
    audit = assert_no_harm(frame_of(table(0)), tolerance=0.05, fail_on="undecided")
    assert isinstance(audit, Audit)
    assert audit.certified
    assert assert_no_harm(audit) is audit
    with pytest.raises(AssertionError, match="Undecided"):
        assert_no_harm(frame_of(table(0, 60)), fail_on="undecided")


def test_a_file_and_a_policy(tmp_path):
    (tmp_path / "pyproject.toml").write_text(POLICY)
    policy = read_policy(tmp_path / "pyproject.toml")
    path = tmp_path / "p.csv"
    table(0).to_csv(path, index=False)
    assert assert_no_harm(path, policy=policy).tolerance == 0.05
    assert assert_no_harm(path, policy=policy, tolerance=0.1).tolerance == 0.1
    table(30).to_csv(path, index=False)
    with pytest.raises(AssertionError, match="new is worse than old for a"):
        assert_no_harm(path, policy=policy)
    table(0).query("g == 'a'").to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"1 of 2 groups that pyproject.toml requires are missing: \['b'\]"):
        assert_no_harm(path, policy=policy)


def test_what_does_not_apply_is_refused(tmp_path):
    frame = frame_of(table(0))
    with pytest.raises(ValueError, match="tolerance does not apply to an Audit"):
        assert_no_harm(Audit(frame), tolerance=0.1)
    with pytest.raises(ValueError, match="y_true does not apply to a PreferenceFrame"):
        assert_no_harm(frame, y_true="y")
    (tmp_path / "p.toml").write_text('loss = "error,missed"\n')
    with pytest.raises(ValueError, match="has loss, which is for the command"):
        assert_no_harm(tmp_path / "p.csv", policy=read_policy(tmp_path / "p.toml"))
    with pytest.raises(ValueError, match="fail_on must be one of"):
        assert_no_harm(frame, fail_on="gain")


@pytest.mark.slow
def test_the_plugin_has_the_policy_of_the_project(pytester):
    pytester.makepyprojecttoml(POLICY)
    table(30).to_csv(pytester.path / "worse.csv", index=False)
    table(0).to_csv(pytester.path / "same.csv", index=False)
    pytester.makepyfile(
        """
        import pytest
        from fairlearn_fwh.testing import assert_no_harm

        @pytest.mark.parametrize("name", ["worse", "same"])
        def test_release(no_harm_policy, name):
            assert_no_harm(f"{name}.csv", policy=no_harm_policy)
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*Harm found: new is worse than old for a (1 of 2 groups)*", "*a * 200 *worse off*"]
    )


def test_frames_and_audits_that_contradict_the_policy_are_refused(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text(
        POLICY.replace('sensitive = ["g"]\n', 'sensitive = ["g"]\nloss = ["missed"]\npos-label = "1"\n')
    )
    policy, frame = read_policy(path), frame_of(table(0))
    with pytest.raises(ValueError, match=r"asks about the losses \['missed'\]; the frame has \['zero_one'\]"):
        assert_no_harm(frame, policy=policy)
    path.write_text(POLICY)
    with pytest.raises(ValueError, match="The Audit has tolerance=0.2, and .* asks for 0.05"):
        assert_no_harm(Audit(frame, tolerance=0.2), policy=read_policy(path))
    path.write_text(POLICY + 'unit = "patient"\n')
    with pytest.raises(ValueError, match="has unit, and the frame was measured without units"):
        assert_no_harm(frame, policy=read_policy(path))
