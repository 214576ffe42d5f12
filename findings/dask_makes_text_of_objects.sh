#!/usr/bin/env bash
# Dask 2026.8.0, from_pandas: a column of objects becomes text, whatever the objects are. Dates are no dates afterwards, the number 1 and the text "1" are
# one value, and a tuple is its representation. Nothing is said; the option is dataframe.convert-string.
#
# What follows for us: groups that are dates in pandas are text in Dask; the guide says so, and tests of Dask switch it off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dask[dataframe]==2026.8.0' pandas==3.1.1 pyarrow==26.0.1
cat > "$folder/see.py" <<'PYTHON'
import datetime

import dask
import dask.dataframe as dd
import pandas as pd

frame = pd.DataFrame(
    {
        "day": pd.Series([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], dtype=object),
        "mixed": pd.Series([1, "1"], dtype=object),
        "pair": pd.Series([("a", 1), ("b", 2)], dtype=object),
    }
)
seen = dd.from_pandas(frame, npartitions=1).compute()
print(dask.__version__, pd.__version__, seen.to_dict("list"))
assert seen["day"].tolist() == ["2020-01-01", "2021-01-01"]
assert frame["mixed"].nunique() == 2
assert seen["mixed"].nunique() == 1
assert seen["pair"].tolist() == ["('a', 1)", "('b', 2)"]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/see.py"
