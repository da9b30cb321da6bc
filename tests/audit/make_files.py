"""Makes the files that the tests of src/audit/ look into, in tests/audit/clean/ and hostile/.

    /usr/bin/python3 tests/audit/make_files.py [FORMAT...]

Each format has a folder in both, and for the second a table hostile/FORMAT.tsv: name of the file, kind
that must be found in it, a part of the detail. Needs numpy, joblib and XGBoost; what belongs to programs
that are not at hand is written byte by byte. No file does harm when it is loaded: commands only echo.
"""
import sys

from make_archives import make_archives
from make_lightgbm import make_lightgbm
from make_mxnet import make_mxnet
from make_onnx import make_onnx
from make_other import make_other
from make_pickle import make_pickles
from make_safetensors import make_safetensors
from make_xgboost import make_xgboost

MAKERS = {"pickle": make_pickles, "safetensors": make_safetensors, "archives": make_archives,
          "onnx": make_onnx, "mxnet": make_mxnet, "xgboost": make_xgboost, "lightgbm": make_lightgbm,
          "other": make_other}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
