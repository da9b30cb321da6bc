"""PyTorch's classes, by name only, and its files of before version 1.6."""
import collections
import io
import pickle
import struct
import sys
import types

import numpy as np

def fake_torch():
    class Storage:
        def __init__(self, key, n):
            self.key, self.n = key, n

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(torch, name, type(name, (Storage,), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        pass

    def _rebuild_parameter():
        pass

    for function in (_rebuild_tensor_v2, _rebuild_parameter):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(utils, function.__name__, function)
    sys.modules["torch"], sys.modules["torch._utils"] = torch, utils
    return torch, utils


torch, torch_utils = fake_torch()


class Tensor:
    def __init__(self, storage, offset, size, stride, hooks=None):
        self.made_of = (storage, offset, size, stride, False,
                        collections.OrderedDict() if hooks is None else hooks)

    def __reduce__(self):
        return torch_utils._rebuild_tensor_v2, self.made_of


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return torch_utils._rebuild_parameter, (self.tensor, True, collections.OrderedDict())


def torch_dumps(thing, legacy, protocol=2):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if type(value).__module__ == "torch":
                id = ("storage", type(value), value.key, "cpu", value.n)
                return id + (None,) if legacy else id
            return None

    out = io.BytesIO()
    Pickler(out, protocol).dump(thing)
    return out.getvalue()


def torch_legacy(thing, storages, magic=0x1950A86A20F9469CFC6C):
    out = b"".join(pickle.dumps(x, 2) for x in (magic, 1001, {"little_endian": True}))
    out += torch_dumps(thing, True)
    out += pickle.dumps([key for key, n in storages], 2)
    for key, n in storages:
        out += struct.pack("<q", n) + np.arange(n, dtype="f4").tobytes()
    return out


def state_dict():
    weight = torch.FloatStorage("0", 6)
    bias = torch.FloatStorage("1", 2)
    return collections.OrderedDict(
        weight=Tensor(weight, 0, (2, 3), (3, 1)), bias=Tensor(bias, 0, (2,), (1,)))
