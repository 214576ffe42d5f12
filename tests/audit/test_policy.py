"""Policies: what a file may say, and what is refused."""

import numpy as np
import pytest

from fairlearn_fwh.audit import Policy, find_policy, read_policy
from fairlearn_fwh.metrics import PreferenceFrame

TABLE = "[tool.fairlearn-fwh.audit]\n"


def write(folder, text, name="pyproject.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_table_of_a_project_and_a_file_of_its_own(tmp_path):
    text = 'y-true = "y"\nsensitive = ["race", "sex"]\ntolerance = 0.02\nrequired-groups = [["a", "f"], "b"]\n[smallest-sizes]\nb = 100\n'
    of_project = read_policy(
        write(tmp_path, TABLE + text.replace("[smallest", "[tool.fairlearn-fwh.audit.smallest"))
    )
    alone = read_policy(write(tmp_path, text, "policy.toml"))
    assert (
        of_project.settings
        == alone.settings
        == {"y-true": "y", "sensitive": ["race", "sex"], "tolerance": 0.02}
    )
    assert alone.required_groups == (("a", "f"), "b")
    assert alone.smallest_sizes == {"b": 100}
    assert alone.to_dict()["required-groups"] == ["a x f", "b"]
    assert find_policy(tmp_path).settings == of_project.settings


def test_no_policy_is_an_empty_one(tmp_path):
    assert find_policy(tmp_path) == Policy()
    write(tmp_path, "[project]\nname = 'x'\n")
    assert find_policy(tmp_path) == Policy()
    assert Policy().to_dict() == {}


def test_a_policy_is_found_from_every_folder_of_the_repository(tmp_path):
    below = tmp_path / "team" / "reports"
    below.mkdir(parents=True)
    write(tmp_path, TABLE + "tolerance = 0.02\n")
    assert find_policy(below) == Policy()  # not a repository: nobody knows where the project begins
    (tmp_path / ".git").mkdir()
    assert find_policy(below).to_dict() == {"file": "../../pyproject.toml", "tolerance": 0.02}
    write(tmp_path / "team", "[project]\nname = 'x'\n")
    assert find_policy(below).settings == {"tolerance": 0.02}
    write(tmp_path / "team", TABLE + "tolerance = 0.01\n")
    assert find_policy(below).to_dict() == {"file": "../pyproject.toml", "tolerance": 0.01}
    (tmp_path / "team" / ".git").mkdir()
    write(tmp_path / "team", "[project]\nname = 'x'\n")
    assert find_policy(below) == Policy()  # the policy of another repository around this one


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tolerence = 0.1\n", "'tolerence' is not a key of a policy; did you mean 'tolerance'"),
        ("tolerance = '1'\n", "tolerance must be a number; got '1'"),
        ("tolerance = true\n", "tolerance must be a number; got True"),
        ("margins = 1\n", "margins must be true or false"),
        ("sensitive = 3\n", "sensitive must be text or a list"),
        ("required-groups = [1]\n", "required-groups must be a list of groups as text"),
        ("smallest-sizes = -1\n", "smallest-sizes must be whole numbers"),
        ("= 3\n", "cannot be read as TOML"),
        ('sensitive = ["g", ["h"]]\n', "sensitive must be a list of texts"),
        ("null = [1]\n", "null must be a list of texts"),
        ('cost = [["1", "0", true]]\n', r"cost must be a list of \[truth, predicted, cost\]"),
        ("required-groups = [[]]\n", "required-groups must be a list of groups as text"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_policy(write(tmp_path, TABLE + text))


def test_files_without_a_policy(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no policy"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(ValueError, match=r"has no table \[tool.fairlearn-fwh.audit\]"):
        read_policy(write(tmp_path, "[project]\n"))
    with pytest.raises(ValueError, match="must be a table"):
        read_policy(write(tmp_path, "[tool.fairlearn-fwh]\naudit = 3\n"))


def frame_of(**sizes):
    groups = np.repeat(list(sizes), list(sizes.values()))
    y = np.ones(len(groups), int)
    return PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=groups)


def test_groups_that_must_be_there():
    frame = frame_of(a=50, b=7)
    Policy("p.toml", required_groups=("a", "b"), smallest_sizes={"a": 50}).check_groups(frame, 10)
    with pytest.raises(ValueError, match=r"1 of 2 groups that p.toml requires are missing: \['c'\]"):
        Policy("p.toml", required_groups=("a", "c")).check_groups(frame, 10)
    with pytest.raises(ValueError, match="'a' has 50 people, and must have 60"):
        Policy("p.toml", smallest_sizes={"a": 60}).check_groups(frame, 10)
    with pytest.raises(
        ValueError, match="1 of 2 groups are smaller .* one has fewer than 10 people, and must have 20"
    ):
        Policy("p.toml", smallest_sizes=20).check_groups(frame, 10)
    # A size below the smallest that is shown would tell how many people a small group has.
    for size in (2, 6, 9):
        with pytest.raises(ValueError, match="one has fewer than 10 people, and must have 10"):
            Policy("p.toml", smallest_sizes=size).check_groups(frame, 10)
    with pytest.raises(ValueError, match=r"are missing: \['c'\]; there are \['a'\]\.$"):
        Policy("p.toml", required_groups=("c",)).check_groups(frame, 10)
    with pytest.raises(ValueError, match="which are not groups here"):
        Policy("p.toml", smallest_sizes={"x": 1}).check_groups(frame, 10)


@pytest.mark.parametrize(
    "name",
    [
        "tool.fairlearn_fwh.audit",
        "tool.fairlearn-fwh",
        "tool.fairlearn-fwh.policy",
        "tool.Fairlearn-FWH.audit",
    ],
)
def test_a_table_whose_name_is_nearly_right_is_refused(tmp_path, name):
    path = write(tmp_path, f'[{name}]\nfail-on = "undecided"\n')
    with pytest.raises(ValueError, match=r"a policy is the table \[tool.fairlearn-fwh.audit\]"):
        find_policy(path.parent)
