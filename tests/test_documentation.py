"""The examples of README, CONTRIBUTING and the site print what they say; pictures and pages are there; every public name is in the reference."""

import json
import re
import warnings
from pathlib import Path

import pytest
import torch
from sklearn.utils.estimator_checks import check_estimator

from fairlearn_fwh._methods import METHODS
from fairlearn_fwh.inprocessing.reweighted._weighting import Batch

from .test_package import MODULES

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    sorted(ROOT.glob("*.md"))
    + sorted((ROOT / "docs").glob("*.md"))
    + sorted((ROOT / "docs").glob("[!_]*/*.md"))
)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


#: Packages in the order in which the reference shows them.
REFERENCE = (
    "metrics", "audit", "files", "testing", "datasets", "decoupling", "postprocessing", "reductions", "inprocessing", "aif360", "aif360.sklearn",
    "experiments", "exceptions",
)  # fmt: skip


def name_of(path):
    return str(path.relative_to(ROOT))


def examples(page):
    """Code and, where it is printed right below, output."""
    return re.findall(
        r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", page.read_text(encoding="utf-8"), re.DOTALL
    )


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name_of)
def test_examples_print_what_they_say(page, monkeypatch, capsys, request):
    if "fetch_" in "".join(code for code, _ in examples(page)):
        monkeypatch.setenv("FAIRLEARN_FWH_DATA", str(request.getfixturevalue("real_data")))
    names = {"__name__": "page"}
    for code, output in examples(page):
        with warnings.catch_warnings():
            exec(compile(code, name_of(page), "exec"), names)
        assert capsys.readouterr().out.split() == output.split()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if target.startswith("http") or "/generated/" in target:
            continue
        target = target.replace("tutorials/0", "../notebooks/0")  # copied there when the site is built
        assert (page.parent / target).exists(), target


def test_the_reference_has_every_module():
    text = (ROOT / "docs" / "reference" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^   fairlearn_fwh\.(\S+)$", text, re.MULTILINE) == list(REFERENCE)
    assert set(REFERENCE) == set(MODULES)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_has_a_page_and_a_row_in_the_chooser(method):
    page = (ROOT / "docs" / "methods" / f"{method.page}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {method.name}\n")
    assert f"generated/fairlearn_fwh.{method.room}.{method.name}.rst" in page
    chooser = (ROOT / "docs" / "guide" / "which_method.md").read_text(encoding="utf-8")
    assert f"[`{method.name}`](../methods/{method.page}.md)" in chooser


def test_the_guide_finds_the_pages_of_all_methods():
    toctree = (ROOT / "docs" / "guide" / "index.md").read_text(encoding="utf-8")
    assert ":glob:" in toctree
    assert "\n../methods/*\n" in toctree


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_notebooks_are_kept_without_outputs_and_say_what_they_do_not_show(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert "?" in "".join(cells[0]["source"]).splitlines()[0], "the title is a question"
    assert "".join(cells[-1]["source"]).startswith("## What this does not show")


def test_notebooks_are_in_the_tutorials():
    text = (ROOT / "docs" / "tutorials" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^(\d\d_\S+)$", text, re.MULTILINE) == [path.stem for path in NOTEBOOKS]


def test_the_weighting_of_the_example_weighs_by_losses():
    names = {"__name__": "page"}
    code, _ = examples(ROOT / "CONTRIBUTING.md")[1]
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    weighting, people = names["FocalWeighting"](2.0), torch.full((4,), 0.25)
    certain, doubtful = torch.zeros(4), torch.tensor([0.1, 0.1, 1.0, 3.0])
    assert weighting(batch_of(certain)).tolist() == [0.0] * 4
    weights = weighting(batch_of(doubtful))
    assert weights.mean().item() == pytest.approx(1)
    assert weights[0] < weights[2] < weights[3]
    p = torch.exp(-doubtful)
    assert weighting.risk(doubtful, people).item() == pytest.approx(
        (-((1 - p) ** 2) * torch.log(p)).mean().item()
    )


def batch_of(losses):
    nothing = torch.zeros(len(losses))
    return Batch(
        X=nothing,
        y=nothing,
        weight=nothing,
        losses=losses,
        representation=nothing,
        residuals=nothing,
        last_weight=nothing,
    )


def test_the_method_of_the_example_keeps_the_conventions_of_scikit_learn():
    names = {"__name__": "page"}
    code, _ = examples(ROOT / "CONTRIBUTING.md")[0]
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks = check_estimator(names["SignClassifier"](), on_fail=None)
    failed = {check["check_name"] for check in checks if check["status"] == "failed"}
    # It takes no sparse features, and what is defined in a page cannot be pickled.
    assert failed <= {
        "check_estimator_sparse_tag", "check_estimator_sparse_array", "check_estimator_sparse_matrix", "check_estimators_pickle",
    }  # fmt: skip
