"""Files of formats that audits recognise and do not look into, in tests/audit/other/, with the table
other.tsv: name of the file, name of its format. See make_files.py. Needs h5py, XGBoost and age, whose
files these are; GGUF and TorchScript are written as ggml and PyTorch write them.
"""
import io
import json
import pickle
import shutil
import struct
import subprocess
import zipfile

import numpy as np

from make_shared import ROOT
from make_xgboost import xgboost_train

STAMP = (2024, 1, 1, 0, 0, 0)


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(version=3):
    """One tensor of 2 x 3 and two settings."""
    settings = gguf_text("general.architecture") + struct.pack("<I", 8) + gguf_text("llama")
    settings += gguf_text("general.alignment") + struct.pack("<II", 4, 32)
    tensor = gguf_text("w") + struct.pack("<IQQIQ", 2, 3, 2, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", version, 1, 2) + settings + tensor
    return head + bytes(-len(head) % 32) + np.arange(6, dtype="<f4").tobytes()


def keras_weights(file):
    for layer in ("dense", "dense_1"):
        group = file.create_group(f"model_weights/{layer}", track_order=False)
        group.create_dataset("kernel:0", data=np.arange(6, dtype="f4").reshape(2, 3), track_times=False)
        group.create_dataset("bias:0", data=np.zeros(3, "f4"), track_times=False)


def hdf5(userblock=0, keras=True):
    import h5py
    out = io.BytesIO()
    with h5py.File(out, "w", userblock_size=userblock) as file:
        if keras:
            file.attrs["keras_version"] = "2.15.0"
            file.attrs["backend"] = "tensorflow"
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [
                {"class_name": "Lambda", "config": {"name": "lambda", "function": ["4wEAAAAAAAAA", None, None]}}]}})
            keras_weights(file)
        else:
            file.create_dataset("x", data=np.arange(3.0), track_times=False)
    return out.getvalue()


def archive(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(name, STAMP), data)
    return out.getvalue()


def torchscript():
    code = (b"class Net(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
            b"  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    return torch.relu(x)\n")
    return archive([("net/data.pkl", b"\x80\x02c__torch__\nNet\nq\x00)\x81}X\x08\x00\x00\x00trainingq\x01\x88sb."),
                    ("net/code/__torch__.py", code),
                    ("net/code/__torch__.py.debug_pkl", pickle.dumps([], 2)),
                    ("net/constants.pkl", pickle.dumps((), 2)), ("net/version", b"3\n")])


def keras_3():
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": []}}
    return archive([("metadata.json", json.dumps({"keras_version": "3.0.0"})), ("config.json", json.dumps(config)),
                    ("model.weights.h5", hdf5(keras=False))])


def sealed(*options):
    """Made anew by each run, so it has other bytes each time."""
    recipient = "age1je39q00tarxq794yqldfdzu0nuehp9pnm3ae7k0d2zx4y8wjce7s7wn7kd"
    return subprocess.run(["age", "-r", recipient, *options], input=b"words", capture_output=True, check=True).stdout


def make_other():
    folder = ROOT / "other"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [("model.gguf", "gguf", gguf()), ("model_2.gguf", "gguf", gguf(2)),
             ("keras.h5", "hdf5", hdf5()), ("plain.hdf5", "hdf5", hdf5(keras=False)),
             ("userblock_512.h5", "hdf5", hdf5(512)), ("userblock_1024.h5", "hdf5", hdf5(1024)),
             ("net.pt", "torchscript", torchscript()), ("net.keras", "zip", keras_3()),
             ("trees.ubj", "ubjson", bytes(xgboost_train(rounds=2).save_raw("ubj"))),
             ("linear.ubj", "ubjson", bytes(xgboost_train(booster="gblinear", rounds=1).save_raw("ubj"))),
             ("words.age", "age", sealed()), ("armored.age", "age", sealed("-a")),
             ("old.model", "unknown", bytes(xgboost_train(rounds=1).save_raw("deprecated")))]
    for name, _, data in files:
        (folder / name).write_bytes(data)
    (ROOT / "other.tsv").write_text("".join(f"{name}\t{format}\n" for name, format, _ in files))
