"""A CSV file keeps to the dialect, or is refused with its line; no engine is asked."""

import gzip

import pytest

from fairlearn_fwh.files import Dialect
from fairlearn_fwh.files import _form as form_module
from fairlearn_fwh.files._form import check_form


@pytest.fixture(params=[None, 1, 3, 7], ids=["one block", "blocks of 1", "blocks of 3", "blocks of 7"])
def check(request, tmp_path, monkeypatch):
    """Check a file whose blocks end anywhere."""
    if request.param:
        monkeypatch.setattr(form_module, "_BLOCK", request.param)

    def check(data, dialect=None, name="t.csv"):
        dialect = dialect or Dialect()
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return check_form(path, dialect, len(dialect.header(path)))

    return check


@pytest.mark.parametrize(
    ("data", "n_rows"),
    [
        ("a,b\n1,2\n", 1),
        ("a,b\n1,2", 1),
        ("a,b", 0),
        ("a,b\n", 0),
        ("a,b\r\n1,2\r\n3,4\r\n", 2),
        ("a,b\r\n1,2\n3,4\r\n", 2),
        ('a,b\n"1","2"\n', 1),
        ('a,b\n"1,\n2","x""y"\n', 1),
        ('a,b\n"",""\n,\n', 2),
        ('a,b\n"""",""""""\n', 1),
        ('a,b\n1,"x\ry"\n', 1),
        ('"a\na",b\n1,2\n', 1),
        ("\ufeffa,b\n1,é\n", 1),
        ("a\n1\n\n2\n", 3),
        ("a,b\n1,2 \n", 1),
        ("a,b\n#1,'2'\n", 1),
    ],
)
def test_rows_of_the_dialect_are_counted(check, data, n_rows):
    assert check(data) == n_rows
    assert check(gzip.compress(data.encode()), name="t.csv.gz") == n_rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a,b\n1,2\n3\n4,5\n", "line 3: this line is blank or has one field; the header has 2"),
        ("a,b\n1,2\n\n4,5\n", "line 3: this line is blank"),
        ("a,b\n1,2\n\n", "line 3: this line is blank"),
        ("a,b\n1,2,3\n", "line 2: this row has 3 fields; the header has 2"),
        ("a,b\n1,2,\n", "line 2: this row has 3 fields"),
        ("a,b\n1,2\n3", "line 3: this line is blank or has one field"),
        ('a,b\n"1\n\n2",2\n3\n', "line 5: this line is blank or has one field"),
        ('a,b\n1,x"y\n', r"line 2: a quote \(\"\) stands within a field"),
        ('a,b\n1,"x"y\n', "line 2: a quote .* stands within a field"),
        ('a,b\n1, "x"\n', "line 2: a quote .* stands within a field"),
        ('a,b\n1,2\n1,"x\n', "a quote is opened and never closed"),
        ("a,b\n1,x\ry\n", "line 2: a carriage return is not a line end by itself"),
        (b"a,b\n1,2\n1,\xe9\n", "line 3: this is not UTF-8"),
        (b"a,b\n1,2\n1,\0\n", "line 3: there is a NUL character"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_line(check, data, message):
    with pytest.raises(ValueError, match=message):
        check(data)


def test_other_delimiters_and_quotes(check):
    assert check("a;b\n1;'x;y'\n", Dialect(delimiter=";", quote="'")) == 1
    with pytest.raises(ValueError, match="line 2: this row has 3 fields"):
        check('a;b\n1;"x;y"\n', Dialect(delimiter=";", quote="'"))


def test_a_cut_archive_is_refused(check):
    with pytest.raises(ValueError, match="it is cut off, or not a gzip file"):
        check(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-9], name="t.csv.gz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delimiter": ",,"}, "delimiter must be one ASCII character"),
        ({"delimiter": "1"}, "delimiter must be one ASCII character"),
        ({"quote": ""}, "quote must be one ASCII character"),
        ({"quote": ","}, "delimiter and quote must differ"),
        ({"null": "NA"}, "null must be a tuple of texts"),
    ],
)
def test_bad_dialects_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dialect(**arguments)


def test_a_file_that_ends_within_a_character_is_refused(check):
    with pytest.raises(ValueError, match="the file ends within a character of UTF-8; it is cut"):
        check(b"a,b\n1,2\n1,\xc3")
    with pytest.raises(ValueError, match="it is cut off, or not a gzip file"):
        check(gzip.compress(b"a,b\n1,2\n")[:12], name="t.csv.gz")
