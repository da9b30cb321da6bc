"""Whether pandas reads the same table out of two CSV files: numbers to the last bit."""
import sys

import pandas

options = dict(float_precision="round_trip", keep_default_na=False, na_values=[""], dtype={"big": "Int64", "small": "Int64"})
first, second = (pandas.read_csv(path, **options) for path in sys.argv[1:3])
for table in (first, second):
    table["moment"] = pandas.to_datetime(table["moment"], utc=True)
pandas.testing.assert_frame_equal(first, second, check_exact=True)
print(f"pandas: {len(first)} rows, {len(first.columns)} columns, the same")
