"""Real data sets in every form they may have on disk, and what happens when they are not there."""

import gzip
import hashlib
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh import datasets
from fairlearn_fwh.datasets import _adult as adult_module
from fairlearn_fwh.datasets import _bank as bank_module
from fairlearn_fwh.datasets import _compas as compas_module
from fairlearn_fwh.datasets import _files as files_module
from fairlearn_fwh.datasets import _german as german_module
from fairlearn_fwh.datasets import (
    fetch_adult,
    fetch_arrest,
    fetch_bank_marketing,
    fetch_german_credit,
    fetch_ham10000,
    fetch_violent,
)
from fairlearn_fwh.exceptions import DatasetNotFoundError, InvalidDataFileError

#: rows, features, positives, sensitive features (data README)
FACTS = {
    fetch_adult: (48_842, 11, 11_687, {"race": 5, "sex": 2}),
    fetch_arrest: (7_214, 6, 3_251, {"race": 6, "sex": 2, "age_group": 3}),
    fetch_violent: (4_743, 6, 775, {"race": 6, "sex": 2, "age_group": 3}),
    fetch_german_credit: (1_000, 18, 700, {"sex": 2, "age_group": 2}),
    fetch_bank_marketing: (45_211, 14, 5_289, {"age_group": 3}),
}
FETCHERS = [*FACTS, fetch_ham10000]

IDENTIFYING = {"name", "first", "last", "dob", "c_case_number", "r_case_number", "vr_case_number", "id"}
LEAKING = {
    "is_recid",
    "violent_recid",
    "event",
    "start",
    "end",
    "decile_score",
    "score_text",
    "duration_of_call",
}


def content(path):
    return gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("fetch", FACTS)
def test_facts(fetch, real_data):
    n, d, positives, sensitive = FACTS[fetch]
    bunch = fetch(data_home=real_data)
    assert bunch.data.shape == (n, d)
    assert bunch.feature_names == list(bunch.data.columns)
    assert bunch.target.sum() == positives
    assert set(bunch.target.unique()) == {0, 1}
    assert len(bunch.target_names) == 2
    assert bunch.sensitive_features.nunique().to_dict() == sensitive
    assert not bunch.data.isna().any(axis=None)
    assert not bunch.sensitive_features.isna().any(axis=None)
    allowed = {"race", "sex"} if fetch in (fetch_arrest, fetch_violent) else {"race", "sex", "age_group"}
    assert not set(bunch.data.columns) & (allowed | IDENTIFYING | LEAKING)
    assert "Source:" in bunch.DESCR
    assert f"{n:,}" in bunch.DESCR


@pytest.mark.parametrize("fetch", FACTS)
def test_features_and_labels_alone(fetch, real_data):
    X, y = fetch(data_home=real_data, return_X_y=True)
    assert len(X) == len(y) == FACTS[fetch][0]


def test_details_that_are_documented(real_data):
    assert fetch_adult(data_home=real_data).data["workclass"].eq("?").sum() == 2_799
    arrest = fetch_arrest(data_home=real_data)
    assert "age" in arrest.data
    assert arrest.sensitive_features["race"].eq("African-American").sum() == 3_696
    german = fetch_german_credit(data_home=real_data).sensitive_features
    assert german["sex"].value_counts().to_dict() == {"male": 690, "female": 310}
    assert german["age_group"].eq("over 25").sum() == 810
    bank = fetch_bank_marketing(data_home=real_data)
    assert bank.sensitive_features["age_group"].eq("25 to 60").sum() == 43_214
    assert not {"age", "duration"} & set(bank.data)
    assert "duration" in fetch_bank_marketing(data_home=real_data, include_leakage=True).data


def test_ham10000(real_data):
    bunch = fetch_ham10000(data_home=real_data)
    assert bunch.data.shape == (10_015, 28, 28, 3)
    assert bunch.data.dtype == np.uint8
    assert bunch.target.sum() == 1_440
    assert bunch.lesion_id.nunique() == 7_470
    assert bunch.sensitive_features.isna().sum().to_dict() == {"sex": 57, "age_group": 57}
    assert bunch.sensitive_features.notna().all(axis=1).sum() == 9_948
    X, y = fetch_ham10000(data_home=real_data, return_X_y=True)
    assert len(X) == len(y)


# --- where files are looked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetch", FETCHERS)
def test_without_file_and_network_the_error_says_what_to_do(fetch, no_data):
    with pytest.raises(DatasetNotFoundError) as caught:
        fetch(data_home=no_data / "nowhere", download_if_missing=False)
    message = str(caught.value)
    assert "Looked for" in message
    assert str(no_data / "nowhere") in message
    assert str(no_data / "cache") in message
    assert "FAIRLEARN_FWH_DATA" in message
    assert "Get " in message


def test_the_environment_variable_names_a_folder(real_data, no_data, monkeypatch):
    monkeypatch.setenv("FAIRLEARN_FWH_DATA", str(real_data))
    assert len(fetch_german_credit(download_if_missing=False).target) == 1_000


def test_data_home_comes_first(real_data, no_data, monkeypatch):
    """A damaged file in data_home is reported, not passed over for another folder."""
    monkeypatch.setenv("FAIRLEARN_FWH_DATA", str(real_data))
    (no_data / "german.csv.gz").write_bytes(b"not a gzip file")
    with pytest.raises(InvalidDataFileError, match="damaged or cut off"):
        fetch_german_credit(data_home=no_data)


def test_ham10000_without_pictures(real_data, no_data):
    shutil.copy(real_data / "HAM10000_metadata.csv.gz", no_data)
    with pytest.raises(DatasetNotFoundError, match="never downloaded. Looked for ham10000_28x28_rgb.npz"):
        fetch_ham10000(data_home=no_data)
    (no_data / "ham10000_28x28_rgb.npz").write_bytes(b"something else")
    with pytest.raises(InvalidDataFileError, match="not the published file"):
        fetch_ham10000(data_home=no_data)


# --- wrong files ---------------------------------------------------------------------------------------------------


def test_a_wrong_column_is_named(real_data, no_data):
    changed = content(real_data / "german.csv.gz").replace(b"savings", b"sparen", 1)
    (no_data / "german.csv.gz").write_bytes(gzip.compress(changed))
    with pytest.raises(InvalidDataFileError, match=r"lacks the column\(s\) \['savings'\]"):
        fetch_german_credit(data_home=no_data)


def test_a_wrong_checksum_is_said(real_data, no_data):
    changed = content(real_data / "german.csv.gz").replace(b"A11", b"A12", 1)
    (no_data / "german.csv.gz").write_bytes(gzip.compress(changed))
    with pytest.raises(
        InvalidDataFileError, match=f"sha256 {hashlib.sha256(changed).hexdigest()}, expected e42bc973"
    ):
        fetch_german_credit(data_home=no_data)


def test_a_file_that_is_cut_off_is_said(real_data, no_data):
    (no_data / "adult.csv.gz").write_bytes((real_data / "adult.csv.gz").read_bytes()[:5000])
    with pytest.raises(InvalidDataFileError, match="damaged or cut off"):
        fetch_adult(data_home=no_data)


# --- the publishers' own forms -------------------------------------------------------------------------------------


def adult_originals(real_data):
    rows = content(real_data / "adult.csv.gz").decode().splitlines()[1:]
    training = "".join(", ".join(row.split(",")) + "\n" for row in rows[:32_561]) + "\n"
    test = (
        "|1x3 Cross validator\n" + "".join(", ".join(row.split(",")) + ".\n" for row in rows[32_561:]) + "\n"
    )
    return {"adult.data": training.encode(), "adult.test": test.encode()}


def german_original(real_data):
    rows = content(real_data / "german.csv.gz").decode().splitlines()[1:]
    return {"german.data": "".join(" ".join(row.split(",")) + "\n" for row in rows).encode()}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("fetch", "originals"),
    [
        (fetch_adult, adult_originals),
        (fetch_german_credit, german_original),
        (fetch_bank_marketing, lambda folder: {"bank-full.csv": content(folder / "bank-full.csv.gz")}),
    ],
)
def test_original_files_give_the_same_data(fetch, originals, real_data, no_data):
    for name, original in originals(real_data).items():
        (no_data / name).write_bytes(original)
    ours, original = fetch(data_home=real_data), fetch(data_home=no_data)
    pd.testing.assert_frame_equal(ours.data, original.data)
    pd.testing.assert_series_equal(ours.target, original.target)
    pd.testing.assert_frame_equal(ours.sensitive_features, original.sensitive_features)


def with_people(real_data):
    """A file like ProPublica's original, with columns that identify people."""
    table = pd.read_csv(real_data / "compas-scores-two-years.csv.gz", keep_default_na=False, na_values=[""])
    return table.assign(name="Jane Doe", first="Jane", last="Doe", dob="1970-01-01", c_case_number="1")


def test_what_identifies_people_is_dropped_on_loading_and_not_kept(real_data, no_data, monkeypatch):
    served = no_data / "served.csv"
    with_people(real_data).to_csv(served, index=False)

    def retrieve(url, sha256, folder, name):
        assert "propublica/compas-analysis" in url
        shutil.copy(served, folder / name)
        return folder / name

    monkeypatch.setattr(compas_module, "retrieve", retrieve)
    home = no_data / "home"
    downloaded = fetch_arrest(data_home=home)
    pd.testing.assert_frame_equal(downloaded.data, fetch_arrest(data_home=real_data).data)
    assert os.listdir(home) == ["compas-scores-two-years.anonymous.csv"]
    assert b"Jane" not in (home / "compas-scores-two-years.anonymous.csv").read_bytes()
    monkeypatch.setattr(compas_module, "retrieve", None)  # the second time nothing is downloaded
    pd.testing.assert_frame_equal(fetch_arrest(data_home=home).data, downloaded.data)


# --- downloads -----------------------------------------------------------------------------------------------------


def openml(frame, target):
    from sklearn.utils import Bunch

    return lambda **arguments: Bunch(data=frame, target=target)


def test_adult_comes_through_openml(real_data, no_data, monkeypatch):
    raw = pd.read_csv(real_data / "adult.csv.gz", keep_default_na=False)
    features = raw.drop(columns="income").replace("?", np.nan).astype({"workclass": "category"})
    monkeypatch.setattr(adult_module, "fetch_from_openml", openml(features, raw["income"].astype("category")))
    downloaded = fetch_adult(data_home=no_data)
    expected = fetch_adult(data_home=real_data)
    assert (downloaded.data.astype(str) == expected.data.astype(str)).all(axis=None)
    assert (downloaded.target == expected.target).all()


@pytest.mark.long
@pytest.mark.slow
def test_bank_comes_through_openml_under_any_column_names(real_data, no_data, monkeypatch):
    raw = pd.read_csv(real_data / "bank-full.csv.gz", sep=";")
    features = raw.drop(columns="y").set_axis([f"V{i}" for i in range(1, 17)], axis=1)
    monkeypatch.setattr(
        bank_module, "fetch_from_openml", openml(features, raw["y"].map({"no": "1", "yes": "2"}))
    )
    downloaded = fetch_bank_marketing(data_home=no_data)
    pd.testing.assert_frame_equal(downloaded.data, fetch_bank_marketing(data_home=real_data).data)
    assert downloaded.target.sum() == 5_289


def test_german_is_downloaded_with_its_checksum(real_data, no_data, monkeypatch):
    def retrieve(url, sha256, folder, name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(german_original(real_data)[name])
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        return folder / name

    monkeypatch.setattr(german_module, "retrieve", retrieve)
    assert len(fetch_german_credit(data_home=no_data / "home").target) == 1_000


def test_a_download_that_fails_is_a_missing_data_set(no_data, monkeypatch):
    def fail(**arguments):
        raise OSError("no route to host")

    monkeypatch.setattr(adult_module, "fetch_from_openml", fail)
    with pytest.raises(DatasetNotFoundError, match=r"the download failed \(no route to host\)"):
        fetch_adult(data_home=no_data)


def test_a_download_with_another_checksum_is_refused(no_data, monkeypatch):
    def mismatch(*args, **kwargs):
        raise ValueError("SHA256 hash of downloaded file does not match")

    monkeypatch.setattr(files_module.pooch, "retrieve", mismatch)
    with pytest.raises(InvalidDataFileError, match="not the one that was expected: SHA256"):
        fetch_german_credit(data_home=no_data)


def test_all_public_names_exist():
    assert all(callable(getattr(datasets, name)) for name in datasets.__all__)
