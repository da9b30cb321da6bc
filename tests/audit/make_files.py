"""Makes the files that the tests of src/audit/ look into, in tests/audit/clean/ and hostile/.

    /usr/bin/python3 tests/audit/make_files.py

Each format has a folder in both, and for the second a table hostile/FORMAT.tsv: name of the file, kind
that must be found in it, a part of the detail. Needs numpy and joblib; what belongs to programs that are
not at hand is written byte by byte. No file does harm when it is loaded: commands only echo.
"""
import collections
import gzip
import datetime
import decimal
import fractions
import io
import json
import os
import pathlib
import pickle
import shutil
import struct
import sys
import tarfile
import types
import uuid
import zipfile
import zlib

import joblib
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent


class Folder:
    def __init__(self, name):
        self.name = name
        for kind in ("clean", "hostile"):
            shutil.rmtree(ROOT / kind / name, ignore_errors=True)
            (ROOT / kind / name).mkdir(parents=True)
        self.table = []

    def clean(self, name, data):
        (ROOT / "clean" / self.name / name).write_bytes(data)

    def hostile(self, name, data, kind, detail=""):
        (ROOT / "hostile" / self.name / name).write_bytes(data)
        self.table.append(f"{name}\t{kind}\t{detail}\n")

    def close(self):
        (ROOT / "hostile" / f"{self.name}.tsv").write_text("".join(self.table))


# ---- PyTorch's classes, by name only ----

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


# ---- Pickles ----

class Call:
    def __init__(self, function, *arguments):
        self.what = (function, arguments)

    def __reduce__(self):
        return self.what


def clean_pickles(folder):
    plain = {"a": [1, 2.5, None, True, b"xyz", (1, 2), {3, 4}], "text": "\u00e9\u4e2d", "big": 1 << 70}
    arrays = {"w": np.arange(12.0).reshape(3, 4), "s": np.float64(3), "f": np.asfortranarray(np.ones((2, 2), "f4"))}
    for protocol in range(6):
        folder.clean(f"plain_{protocol}.pkl", pickle.dumps(plain, protocol))
        folder.clean(f"arrays_{protocol}.pkl", pickle.dumps(arrays, protocol))
    times = [datetime.datetime(2024, 2, 29, 1, 2, 3), datetime.date(2024, 1, 1), datetime.timedelta(3)]
    folder.clean("times.pkl", pickle.dumps(times))
    folder.clean("numbers.pkl", pickle.dumps([decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1j, 1 << 200]))
    folder.clean("collections.pkl", pickle.dumps([
        collections.OrderedDict(a=1), collections.Counter("abca"), collections.deque([1, 2]),
        collections.defaultdict(list, a=[1]), frozenset([1]), bytearray(b"ab")]))
    folder.clean("uuid.pkl", pickle.dumps(uuid.UUID(int=5)))
    structured = np.zeros(3, dtype=[("a", "i4"), ("b", "U3")])
    folder.clean("structured.pkl", pickle.dumps(structured))
    folder.clean("objects.pkl", pickle.dumps(np.array(["a", None, [1, 2]], object)))
    shared = [1, 2]
    folder.clean("shared.pkl", pickle.dumps([shared, shared, {"s": shared}]))
    recursive = [1]
    recursive.append(recursive)
    folder.clean("recursive.pkl", pickle.dumps(recursive))
    folder.clean("two_pickles.pkl", pickle.dumps({"a": 1}) + pickle.dumps([2]))
    folder.clean("bytes_like_a_pickle.pkl", pickle.dumps([b"\x80\x04K\x01.", b"\x80\x02"]))
    with io.BytesIO() as out:
        joblib.dump({"w": np.arange(12.0), "u": np.array(["ab", "c"]), "i": np.ones((2, 2), "i2")}, out)
        folder.clean("arrays.joblib", out.getvalue())
    with io.BytesIO() as out:
        joblib.dump([np.array([1, "a", None], object), structured, {"x": 1}], out)
        folder.clean("objects.joblib", out.getvalue())
    mixed = np.zeros(2, dtype=[("a", "i4"), ("b", "O")])
    with io.BytesIO() as out:
        joblib.dump({"m": mixed}, out)
        folder.clean("mixed.joblib", out.getvalue())
    folder.clean("frombuffer.pkl", pickle.dumps(np.arange(6.0).reshape(2, 3), 5))
    folder.clean("latin1.pkl", pickle.dumps(b"\xe9\xff\x80", 2))
    folder.clean("state_dict.pt", torch_legacy(state_dict(), [("0", 6), ("1", 2)]))
    parameter = Parameter(Tensor(torch.FloatStorage("7", 4), 1, (3,), (1,)))
    folder.clean("parameter.pt", torch_legacy({"epoch": 3, "p": parameter}, [("7", 4)]))


ECHO = b"X\x04\x00\x00\x00echo"


def g(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def short(text):
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def hostile_calls(folder):
    add = folder.hostile
    for protocol in range(6):
        add(f"reduce_{protocol}.pkl", pickle.dumps([1, Call(os.system, "echo")], protocol), "pickle-call", "system")
    add("imported_only.pkl", b"\x80\x04" + short("os") + short("system") + b"\x93.", "pickle-dangerous-import", "os.system")
    add("inst.pkl", b"(S'echo'\nios\nsystem\n.", "pickle-call", "os.system")
    add("inst_without_mark.pkl", b"ios\nsystem\n.", "pickle-dangerous-import", "os.system")
    add("obj.pkl", b"\x80\x02(" + g("os", "system") + ECHO + b"o.", "pickle-call", "os.system")
    add("newobj.pkl", b"\x80\x02" + g("subprocess", "Popen") + ECHO + b"\x85\x81.", "pickle-call", "subprocess.Popen")
    add("newobj_ex.pkl", b"\x80\x04" + g("subprocess", "Popen") + ECHO + b"\x85}\x92.", "pickle-call", "subprocess.Popen")
    add("stack_global_memo.pkl", b"\x80\x04" + short("system") + b"\x94" + short("os") + b"\x94h\x01h\x00\x93" + ECHO + b"\x85R.",
        "pickle-call", "os.system")
    add("stack_global_computed.pkl", b"\x80\x04" + short("os") + g("builtins", "str") + ECHO + b"\x85R\x93.", "pickle-hidden-import")
    add("setattr_class.pkl", b"\x80\x02" + g("collections", "OrderedDict") + b"N}" + short("update") + b"N" + b"s\x86b.",
        "pickle-sets-attributes", "collections.OrderedDict")
    add("setattr_special.pkl", b"\x80\x02" + g("collections", "Counter") + b")R}" + short("__class__") + b"Nsb.",
        "pickle-sets-attributes", "collections.Counter")
    add("ext1.pkl", b"\x80\x02\x82\x07.", "pickle-extension")
    add("ext2.pkl", b"\x80\x02\x83\x07\x01.", "pickle-extension")
    add("ext4.pkl", b"\x80\x02\x84\x07\x01\x00\x00)R.", "pickle-extension")
    add("persid.pkl", b"Pthing\n.", "pickle-persistent-id")
    add("binpersid.pkl", b"\x80\x02X\x05\x00\x00\x00thingQ.", "pickle-persistent-id")
    add("getattr.pkl", b"\x80\x02" + g("builtins", "getattr") + g("collections", "OrderedDict") + short("x") + b"\x86R.",
        "pickle-dangerous-import", "builtins.getattr")
    add("old_builtin.pkl", b"c__builtin__\neval\n(S'1'\ntR.", "pickle-call", "__builtin__.eval")
    add("copyreg.pkl", b"\x80\x02" + g("copyreg", "add_extension") + b"(X\x02\x00\x00\x00osX\x06\x00\x00\x00systemK\x01tR.",
        "pickle-call", "copyreg.add_extension")
    add("partial.pkl", b"\x80\x02" + g("functools", "partial") + g("os", "system") + b"\x85R" + ECHO + b"\x85R.",
        "pickle-call", "what another call has given")
    add("methodcaller.pkl", b"\x80\x02" + g("operator", "methodcaller") + short("system") + ECHO + b"\x86R.",
        "pickle-call", "operator.methodcaller")
    add("attrgetter.pkl", b"\x80\x02" + g("operator", "attrgetter") + short("system") + b"\x85R" + g("os", "path") + b"\x85R.",
        "pickle-call", "operator.attrgetter")
    add("dotted.pkl", b"\x80\x04" + short("collections") + short("OrderedDict.fromkeys") + b"\x93)R.",
        "pickle-import", "collections.OrderedDict.fromkeys")
    add("submodule.pkl", b"\x80\x02" + g("pip._internal.cli.main", "main") + b"]\x85R.", "pickle-dangerous-import", "pip.")
    add("f2py.pkl", b"\x80\x02" + g("numpy.f2py.crackfortran", "getlincoef") + ECHO + b"}\x86R.", "pickle-call", "numpy.f2py")
    add("run_in_profile.pkl", b"\x80\x02" + g("profile", "Profile.run") + ECHO + b"\x85R.", "pickle-dangerous-import", "profile")
    add("fullwidth.pkl", b"\x80\x04" + short("\uff4f\uff53") + short("system") + b"\x93" + ECHO + b"\x85R.", "pickle-call", "system")
    add("escaped_names.pkl", b"V\\u006fs\nVsyst\\u0065m\n\x93" + ECHO + b"\x85R.", "pickle-call", "os.system")
    add("quoted_names.pkl", b"S'\\x6fs'\nS'\\163ystem'\n\x93" + ECHO + b"\x85R.", "pickle-call", "os.system")
    add("name_with_zero.pkl", b"\x80\x04" + short("collections\x00") + short("OrderedDict") + b"\x93)R.", "pickle-import", "collections")
    add("gguf_and_pickle.gguf", b"GGUF\3\0\0\0\0" + g("os", "system") + b"(S'echo'\ntR.", "polyglot", "begins as a pickle")
    name = (g("os", "system") + b"(S'echo'\ntR.").ljust(100, b"\0")
    header = (name + b"0000644\0" * 3 + b"00000000000\0" * 2 + b" " * 8 + b"0").ljust(257, b"\0") + b"ustar  \0"
    header = header.ljust(512, b"\0")
    header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
    add("tar_and_pickle.tar", header + bytes(1024), "pickle-call", "os.system")
    add("protocol_twice.pkl", b"\x80\x02" * 3 + g("os", "system") + b"(S'echo'\ntR.", "pickle-call", "os.system")
    add("number_in_base_16.pkl", b"I0x10\n0" + g("os", "system") + b"(S'echo'\ntR.", "pickle-call", "os.system")
    add("names_tensors.pkl", b"V\"data_offsets\"\n0" + g("os", "system") + b"(S'echo'\ntR.", "pickle-call", "os.system")
    add("type_call.pkl", b"\x80\x02" + g("builtins", "str") + ECHO + b"\x85R.", "pickle-arguments", "builtins.str")


def hostile_nesting(folder):
    add = folder.hostile
    inner = pickle.dumps(Call(os.system, "echo"), 4)
    add("nested_loads.pkl", pickle.dumps(Call(pickle.loads, inner)), "pickle-nested")
    add("nested_protocol_0.pkl", pickle.dumps(Call(pickle.loads, b"cos\nsystem\n(S'echo'\ntR.")), "pickle-nested")
    add("nested_constant.pkl", pickle.dumps({"weights": inner}), "pickle-call", "system")
    add("nested_latin1.pkl", pickle.dumps({"weights": inner}, 2), "pickle-nested")
    add("nested_twice.pkl", pickle.dumps([pickle.dumps([inner])]), "pickle-call", "system")
    add("second_pickle.pkl", pickle.dumps({"a": 1}) + inner, "pickle-call", "system")
    add("trailing.pkl", pickle.dumps({"a": 1}) + b"\x00\x00 and more", "trailing-data")
    add("broken_after.pkl", pickle.dumps([Call(os.system, "echo")], 2)[:-3] + b"\xff\xff", "pickle-call", "system")
    add("cut_after.pkl", inner[:-1], "pickle-call", "system")
    add("broken_second.pkl", pickle.dumps(1) + inner[:-1] + b"\xfe", "pickle-call", "system")
    add("empty_stack.pkl", b"\x80\x020)R.", "broken")
    add("frame_lies.pkl", b"\x80\x04\x95\xff\xff\xff\xff\x00\x00\x00\x00]" + b".", "broken", "frame")
    add("protocol_9.pkl", b"\x80\x09].", "broken", "protocol")
    add("unquoted.pkl", b"\x80\x02Sabc\n.", "broken", "quoted")
    laughs = b"\x80\x02]q\x00"
    for i in range(12):
        laughs += b"](" + (b"h" + bytes([i])) * 12 + b"eq" + bytes([i + 1])
    add("billion_laughs.pkl", laughs + b"\x85.", "size-bomb", "share their parts")
    doubled = b"\x80\x02K\x01\x85" + b"2\x86" * 60 + b"."
    add("dup_doubled.pkl", doubled, "size-bomb", "share their parts")
    add("deep.pkl", b"\x80\x02]" + b"\x85" * 1500 + b".", "depth")
    add("memo_bomb.pkl", b"\x80\x02]r\xff\xff\xff\x7f.", "size-bomb", "memo")
    add("digits.pkl", b"L" + b"9" * 5000 + b"L\n.", "size-bomb", "digits")
    add("bytes_bomb.pkl", b"\x80\x02" + g("builtins", "bytearray") + b"J\xff\xff\xff\x7f\x85R.", "pickle-arguments", "huge")
    add("codec.pkl", b"\x80\x02" + g("_codecs", "encode") + ECHO + short("rot13") + b"\x86R.", "pickle-arguments", "latin1")


def hostile_arrays(folder):
    add = folder.hostile
    shape = b"\x80\x02" + g("numpy.core.multiarray", "_reconstruct")
    add("array_bomb.pkl", shape + g("numpy", "ndarray") + b"J\xff\xff\xff\x7f\x85U\x01b\x87R.", "pickle-arguments", "huge array")
    add("array_class.pkl", shape + g("os", "PathLike") + b"K\x00\x85U\x01b\x87R.", "pickle-arguments", "something else")
    dtype = g("numpy", "dtype") + b"X\x01\x00\x00\x00OK\x00K\x01\x87R"
    add("scalar_address.pkl", b"\x80\x02" + g("numpy.core.multiarray", "scalar") + dtype + b"U\x08AAAAAAAA\x86R.",
        "pickle-arguments", "address")
    number = g("numpy", "dtype") + b"X\x02\x00\x00\x00f8K\x00K\x01\x87R"
    add("scalar_short.pkl", b"\x80\x02" + g("numpy.core.multiarray", "scalar") + number + b"C\x02ab\x86R.", "pickle-arguments", "fewer bytes")
    add("scalar_of_what.pkl", b"\x80\x02" + g("numpy.core.multiarray", "scalar") + b"NC\x02ab\x86R.", "pickle-arguments", "not clear")
    add("dtype_huge.pkl", b"\x80\x02" + g("numpy", "dtype") + b"X\x0b\x00\x00\x00V9999999999\x85R.", "pickle-arguments", "huge")
    add("dtype_code.pkl", b"\x80\x02" + g("numpy", "dtype") + ECHO + b"\x85R.", "pickle-arguments", "is none")
    add("buffer_of_objects.pkl", b"\x80\x05" + g("numpy.core.numeric", "_frombuffer") + b"(C\x08AAAAAAAA" + dtype + b"K\x01\x85X\x01\x00\x00\x00CtR.",
        "pickle-arguments", "addresses of objects")
    add("buffer_of_what.pkl", b"\x80\x05" + g("numpy.core.numeric", "_frombuffer") + b"(C\x08AAAAAAAANNNtR.", "pickle-arguments", "not clear")
    add("array_shape.pkl", shape + g("numpy", "ndarray") + b"X\x01\x00\x00\x00aU\x01b\x87R.", "pickle-arguments", "shape is none")
    add("reconstructor.pkl", b"\x80\x02" + g("copyreg", "_reconstructor") + g("collections", "Counter") + g("builtins", "dict") + b"}\x87R.",
        "pickle-arguments", "in a way")
    add("named_arguments.pkl", b"\x80\x04" + g("collections", "Counter") + b")}" + short("a") + b"K\x01s\x92.", "pickle-arguments", "named")
    add("out_of_band.pkl", b"\x80\x05\x97\x98" + g("os", "system") + b".", "pickle-dangerous-import", "system")
    add("build_nothing.pkl", b"\x80\x02]}b.", "pickle-sets-attributes", "not clear")
    good = io.BytesIO()
    joblib.dump({"w": np.arange(12.0)}, good)
    add("array_larger.joblib", good.getvalue().replace(b"\x05shape\x94K\x0c", b"\x05shape\x94K\xfc"), "size-bomb", "larger than the file")
    objects = io.BytesIO()
    joblib.dump([np.array([Call(os.system, "echo")], object)], objects)
    add("objects.joblib", objects.getvalue(), "pickle-call", "system")
    storage = torch.FloatStorage("0", 6)
    far = Tensor(storage, 0, (2, 3), (300, 1))
    add("strides.pt", torch_legacy({"w": far}, [("0", 6)]), "pickle-arguments", "beyond its memory")
    hooks = collections.OrderedDict(a=1)
    add("hooks.pt", torch_legacy({"w": Tensor(storage, 0, (2,), (1,), hooks)}, [("0", 6)]), "pickle-arguments", "functions")
    add("no_memory.pt", torch_legacy({"w": Tensor(None, 0, (2,), (1,))}, []), "pickle-arguments", "without memory")
    add("no_shape.pt", torch_legacy({"w": Tensor(storage, 0, (2, 3), (1,))}, [("0", 6)]), "pickle-arguments", "shape is none")
    add("no_stride.pt", torch_legacy({"w": Tensor(storage, 0, (2,), (-1,))}, [("0", 6)]), "pickle-arguments", "strides")
    add("no_parameter.pt", torch_legacy({"w": Parameter(3)}, []), "pickle-arguments", "no tensor")
    add("call.pt", torch_legacy({"w": Call(os.system, "echo")}, []), "pickle-call", "system")
    add("storage_bomb.pt", torch_legacy({"w": Tensor(torch.FloatStorage("0", 1 << 40), 0, (2,), (1,))}, [("0", 2)]), "size-bomb", "announced")
    twice = [Tensor(torch.FloatStorage("0", 6), 0, (2,), (1,)), Tensor(torch.FloatStorage("0", 5), 0, (2,), (1,))]
    add("storage_twice.pt", torch_legacy(twice, [("0", 6)]), "pickle-arguments", "two ways")
    add("behind.pt", torch_legacy(state_dict(), [("0", 6), ("1", 2)]) + b"and more", "trailing-data", "behind the tensors")


def make_pickles():
    folder = Folder("pickle")
    clean_pickles(folder)
    hostile_calls(folder)
    hostile_nesting(folder)
    hostile_arrays(folder)
    folder.close()


# ---- safetensors ----

def safetensors(header, data=b"", length=None, pad=True):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def make_safetensors():
    folder = Folder("safetensors")
    sizes = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2,
             "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8}
    for name, size in sizes.items():
        folder.clean(f"{name.lower()}.safetensors", safetensors({"w": tensor(name, [2, 3], 0, 6 * size)}, bytes(6 * size)))
    folder.clean("none.safetensors", safetensors({}))
    folder.clean("scalar.safetensors", safetensors({"s": tensor("F32", [], 0, 4)}, bytes(4)))
    folder.clean("empty_tensor.safetensors", safetensors({"e": tensor("F32", [0, 7], 0, 0)}))
    two = {"__metadata__": {"format": "pt"}, "b": tensor("I64", [2], 8, 24), "a": tensor("F32", [2], 0, 8)}
    folder.clean("two.safetensors", safetensors(two, bytes(24)))
    folder.clean("dims.safetensors", safetensors({"w": tensor("U8", [1, 1, 2, 1, 1, 3], 0, 6)}, bytes(6)))
    folder.clean("unicode.safetensors", safetensors('{"gewicht.\u00e9":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.encode(), b"\0"))
    folder.clean("many.safetensors", safetensors({f"layer.{i}.w": tensor("U8", [1], i, i + 1) for i in range(40)}, bytes(40)))
    for n in range(5):
        text = {"w": tensor("U8", [1], 0, 1), "__metadata__": {"a": "x" * (0x180 + 0x100 * n - 80)}}
        data = safetensors(text, pad=False)
        folder.clean(f"length_{n}.safetensors", safetensors(data[8:] + b" " * (0x180 + 0x100 * n - (len(data) - 8)), b"\0", pad=False))
    folder.clean("half_bytes.safetensors", safetensors({"w": tensor("F4", [4], 0, 2)}, bytes(2)))

    add = folder.hostile
    one = tensor("F32", [2], 0, 8)
    add("length_bomb.safetensors", safetensors({"w": one}, bytes(8), length=1 << 33), "size-bomb")
    add("length_lie.safetensors", safetensors({"w": one}, bytes(8), length=900), "broken", "longer than the file")
    add("not_json.safetensors", safetensors(b'{"w":}', bytes(8)), "broken")
    add("duplicate.safetensors", safetensors(b'{"w":%b,"w":%b}' % ((json.dumps(one).encode(),) * 2), bytes(8)), "broken", "two tensors")
    add("duplicate_escaped.safetensors", safetensors(b'{"w":%b,"\\u0077":%b}' % ((json.dumps(one).encode(),) * 2), bytes(8)), "broken", "two tensors")
    add("member_twice.safetensors", safetensors(b'{"w":{"dtype":"U8","shape":[1],"shape":[2],"data_offsets":[0,1]}}', b"\0"), "broken", "exactly one")
    add("extra_member.safetensors", safetensors({"w": dict(one, code="x")}, bytes(8)), "broken", "exactly one")
    add("missing_member.safetensors", safetensors({"w": {"dtype": "F32", "shape": [2]}}, bytes(8)), "broken", "exactly one")
    add("dtype.safetensors", safetensors({"w": tensor("F99", [2], 0, 8)}, bytes(8)), "broken", "element type")
    add("overflow.safetensors", safetensors({"w": tensor("F32", [1 << 40, 1 << 40], 0, 8)}, bytes(8)), "broken", "overflows")
    add("negative.safetensors", safetensors({"w": tensor("F32", [-2], 0, 8)}, bytes(8)), "broken", "shape")
    add("fraction.safetensors", safetensors({"w": tensor("F32", [2.5], 0, 8)}, bytes(8)), "broken", "shape")
    add("contradiction.safetensors", safetensors({"w": tensor("F32", [3], 0, 8)}, bytes(8)), "broken", "contradict")
    add("backwards.safetensors", safetensors({"w": tensor("F32", [2], 8, 0)}, bytes(8)), "broken", "offsets")
    add("overlap.safetensors", safetensors({"a": one, "b": tensor("F32", [2], 4, 12)}, bytes(12)), "broken", "overlaps")
    add("hole.safetensors", safetensors({"a": one, "b": tensor("F32", [2], 12, 20)}, bytes(20)), "broken", "hole")
    add("hole_in_front.safetensors", safetensors({"a": tensor("F32", [2], 64, 72)}, bytes(72)), "broken", "hole")
    add("too_short.safetensors", safetensors({"w": tensor("F32", [200], 0, 800)}, bytes(8)), "broken", "ends before")
    add("trailing.safetensors", safetensors({"w": one}, bytes(8) + b"\x80\x04cos\nsystem\n."), "trailing-data")
    add("metadata_number.safetensors", safetensors({"__metadata__": {"a": 1}, "w": one}, bytes(8)), "broken", "no text")
    add("metadata_list.safetensors", safetensors({"__metadata__": ["a"], "w": one}, bytes(8)), "broken", "no object")
    add("metadata_twice.safetensors", safetensors(b'{"__metadata__":{},"__metadata__":{}}'), "broken", "twice")
    add("not_an_object.safetensors", safetensors({"w": 5}, bytes(8)), "broken", "no object")
    add("invalid_utf8.safetensors", safetensors(b'{"\xff":{}}'), "broken")
    add("behind_header.safetensors", safetensors(b'{}x'), "broken", "spaces")
    add("deep.safetensors", safetensors(b'{"w":' + b"[" * 500 + b"]" * 500 + b"}"), "broken", "deep")
    add("merlon.safetensors", safetensors({"__metadata__": {"merlon": '{"format":1}'}, "w": one}, bytes(8)), "broken", "model of Merlon")
    add("merlon_deep.safetensors", safetensors({"__metadata__": {"merlon": "[" * 400}, "w": one}, bytes(8)), "broken", "model of Merlon")
    folder.close()


# ---- Archives: PyTorch's, NumPy's, others ----

STAMP = (2024, 1, 1, 0, 0, 0)


def archive(entries, method=zipfile.ZIP_STORED, comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_file:
        zip_file.comment = comment
        for name, data in entries:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name, STAMP)
            info.compress_type = method
            zip_file.writestr(info, data)
    return out.getvalue()


def torch_zip(thing, storages, extra=(), **options):
    entries = [("archive/data.pkl", torch_dumps(thing, False))]
    entries += [(f"archive/data/{key}", np.arange(n, dtype="f4").tobytes()) for key, n in storages]
    entries += [("archive/version", b"3\n"), ("archive/byteorder", b"little")]
    return archive(entries + list(extra), **options)


STORAGES = [("0", 6), ("1", 2)]


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def npy_header(text, data=b"", version=1):
    text = text.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data


def tar(members, kind=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar_file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 0
            if kind:
                info.type, info.size, info.linkname = kind, 0, "/etc/passwd"
            tar_file.addfile(info, io.BytesIO(data))
    return out.getvalue()


def dump(thing, compress=0):
    with io.BytesIO() as out:
        joblib.dump(thing, out, compress=compress)
        return out.getvalue()


def clean_archives(folder):
    for name, dtype in (("f8", "f8"), ("i4", "<i4"), ("bool", "?"), ("text", "U3"), ("big", ">f4")):
        folder.clean(f"{name}.npy", npy(np.zeros((2, 3), dtype)))
    folder.clean("structured.npy", npy(np.zeros(2, [("a", "i4"), ("b", "f8", (2,))])))
    folder.clean("fortran.npy", npy(np.asfortranarray(np.ones((2, 3)))))
    folder.clean("scalar.npy", npy(np.array(3.0)))
    folder.clean("version_2.npy", npy(np.arange(3), (2, 0)))
    folder.clean("objects.npy", npy(np.array(["a", 1, None], object)))
    folder.clean("times.npy", npy(np.array(["2024-01-01"], "M8[D]")))
    for name, write in (("plain", np.savez), ("deflated", np.savez_compressed)):
        out = io.BytesIO()
        write(out, w=np.arange(12.0).reshape(3, 4), names=np.array(["a", "b"]))
        folder.clean(f"{name}.npz", out.getvalue())
    folder.clean("state_dict.pt", torch_zip(state_dict(), STORAGES))
    folder.clean("deflated.pt", torch_zip(state_dict(), STORAGES, method=zipfile.ZIP_DEFLATED))
    folder.clean("parameter.pt", torch_zip([Parameter(Tensor(torch.FloatStorage("0", 6), 0, (2, 3), (3, 1)))], [("0", 6)]))
    tied = torch.FloatStorage("0", 6)
    folder.clean("tied.pt", torch_zip({"a": Tensor(tied, 0, (6,), (1,)), "b": Tensor(tied, 2, (2,), (2,))}, [("0", 6)]))
    folder.clean("no_tensors.pt", torch_zip({"epoch": 3}, []))
    folder.clean("pickles.zip", archive([("a.pkl", pickle.dumps({"a": 1})), ("b/", b""), ("b/c.npy", npy(np.ones(3)))]))
    folder.clean("inner.zip", archive([("inner.zip", archive([("a.pkl", pickle.dumps([1]))]))]))
    limit, zipfile.ZIP64_LIMIT = zipfile.ZIP64_LIMIT, 4
    folder.clean("large.zip", archive([("a.pkl", pickle.dumps([1, 2])), ("b.pkl", pickle.dumps("b"))]))
    folder.clean("large_deflated.zip", archive([("a.pkl", pickle.dumps(["text"] * 50))], zipfile.ZIP_DEFLATED))
    large = archive([("a.pkl", EVIL)])
    zipfile.ZIP64_LIMIT = limit
    folder.hostile("large.zip", large, "pickle-call", "system")
    at = large.index(b"PK\6\6")
    folder.hostile("large_far.zip", flip(large, at + 48, b"\xff" * 8), "broken", "without a directory")
    folder.hostile("large_nowhere.zip", flip(large, at, b"XXXX"), "broken")
    folder.clean("empty.zip", archive([]))
    folder.clean("zlib.joblib", dump({"w": np.arange(12.0)}, ("zlib", 3)))
    folder.clean("gzip.joblib", dump({"w": np.arange(12.0)}, ("gzip", 3)))
    folder.clean("pickle.gz", gzip.compress(pickle.dumps([1, 2]), mtime=0))
    folder.clean("data.tar", tar([("a.pkl", pickle.dumps([1]))]))
    folder.clean("checkpoint.tar", tar([("sys_info", pickle.dumps({"a": 1}, 2)), ("pickle", torch_dumps({"a": 1}, True)),
                                        ("tensors", pickle.dumps(0, 2)), ("storages", pickle.dumps(0, 2) + b"\xff\xff\xff")]))


EVIL = pickle.dumps(Call(os.system, "echo"), 2)


def flip(data, at, value):
    return data[:at] + value + data[at + len(value):]


def hostile_zips(folder):
    add = folder.hostile
    add("call.pt", torch_zip({"w": Call(os.system, "echo")}, []), "pickle-call", "system")
    add("deflated_call.pt", torch_zip({"w": Call(os.system, "echo")}, [], method=zipfile.ZIP_DEFLATED), "pickle-call", "system")
    add("other_pickle.pt", torch_zip(state_dict(), STORAGES, [("archive/extra/more.txt", EVIL)]), "pickle-call", "system")
    add("two_pickles.pt", torch_zip(state_dict(), STORAGES, [("other/data.pkl", EVIL)]), "zip-contradiction", "two entries are")
    add("storage_size.pt", torch_zip(state_dict(), [("0", 6), ("1", 1)]), "out-of-range", "another size")
    add("storage_missing.pt", torch_zip(state_dict(), [("0", 6)]), "broken", "missing")
    add("storage_unused.pt", torch_zip(state_dict(), STORAGES + [("9", 3)]), "zip-hidden", "no tensor")
    plain = archive([("a.pkl", pickle.dumps([1])), ("b.pkl", pickle.dumps([2]))])
    central = plain.index(b"PK\1\2")
    evil = archive([("a.pkl", EVIL)])
    evil_central = evil.index(b"PK\1\2")
    add("flag_encrypted.zip", flip(flip(evil, 6, b"\1\0"), evil_central + 8, b"\1\0"), "pickle-call", "system")
    add("flag_differs.zip", flip(plain, 6, b"\1\0"), "zip-contradiction", "other flags")
    add("checksum.zip", flip(flip(evil, 14, b"\0\0\0\0"), evil_central + 16, b"\0\0\0\0"), "checksum")
    add("checksum_call.zip", flip(flip(evil, 14, b"\0\0\0\0"), evil_central + 16, b"\0\0\0\0"), "pickle-call", "system")
    add("checksum_differs.zip", flip(plain, 14, b"\0\0\0\1"), "zip-contradiction", "checksum")
    add("name_differs.zip", flip(plain, 30, b"x"), "zip-contradiction", "another name")
    add("size_differs.zip", flip(plain, 18, b"\1"), "zip-contradiction", "sizes")
    add("method_differs.zip", flip(plain, 8, b"\x08"), "zip-contradiction", "method")
    add("same_names.zip", archive([("a.pkl", pickle.dumps([1])), ("a.pkl", EVIL)]), "zip-contradiction", "two entries have")
    overlap = flip(plain, plain.rindex(b"PK\1\2") + 42, struct.pack("<I", 0))
    add("overlap.zip", overlap, "zip-overlap")
    hidden = plain[:central] + EVIL + plain[central:]
    end = hidden.rindex(b"PK\5\6")
    add("hidden.zip", flip(hidden, end + 16, struct.pack("<I", central + len(EVIL))), "zip-hidden", "no entry")
    add("in_front.zip", EVIL + plain, "polyglot")
    add("behind.zip", plain + b"and more", "trailing-data")
    add("two_ends.zip", plain[:-22] + plain[-22:-2] + b"\x16\0" + plain[-22:], "zip-contradiction", "several ends")
    add("no_directory.zip", plain[:central], "broken", "without a directory")
    add("cut_directory.zip", flip(plain, len(plain) - 12, b"\x03\0"), "broken")
    add("upwards.zip", archive([("../../a.pkl", pickle.dumps([1]))]), "zip-path")
    add("absolute.zip", archive([("/etc/a.pkl", pickle.dumps([1]))]), "zip-path")
    link = zipfile.ZipInfo("link", STAMP)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    add("link.zip", archive([(link, b"/etc/passwd")]), "zip-path", "symbolic link")
    add("bomb.zip", archive([("zeros.npy", npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (100000000,), }", bytes(100000000)))],
                            zipfile.ZIP_DEFLATED), "size-bomb", "200 times")
    nested = EVIL
    for i in range(12):
        nested = archive([("inner.zip", nested)])
    add("nested.zip", nested, "depth")
    add("pickle_then_zip.pkl", pickle.dumps([1]) + evil, "polyglot")
    broken = archive([("a.pkl", pickle.dumps(list(range(100))))], zipfile.ZIP_DEFLATED)
    add("deflate_broken.zip", flip(broken, 40, b"\xff\xff\xff"), "broken")


def hostile_arrays_in_files(folder):
    add = folder.hostile
    add("objects.npy", npy(np.array([Call(os.system, "echo")], object)), "pickle-call", "system")
    out = io.BytesIO()
    np.savez(out, a=np.array([Call(os.system, "echo")], object))
    add("objects.npz", out.getvalue(), "pickle-call", "system")
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
    add("larger.npy", npy_header(head % ("<f8", "(1000000000000,)"), bytes(8)), "size-bomb", "larger")
    add("overflow.npy", npy_header(head % ("<f8", "(4294967296, 4294967296, 4294967296)"), bytes(8)), "broken")
    add("behind.npy", npy(np.ones(2)) + EVIL, "trailing-data")
    add("call_in_header.npy", npy_header("{'descr': __import__('os').system('echo'), 'fortran_order': False, 'shape': (1,), }"), "broken", "NumPy writes")
    add("key_twice.npy", npy_header("{'descr': '<f8', 'descr': '|O', 'fortran_order': False, 'shape': (0,), }"), "broken")
    add("version_9.npy", npy_header(head % ("<f8", "(0,)"), version=9), "broken", "version")
    add("header_bomb.npy", npy_header(head % ("<f8", "(0,)") + " " * 20000), "size-bomb", "header")
    fields = "{'descr': [('a', '<i4'), ('b', [('c', '|O')])], 'fortran_order': False, 'shape': (1,), }"
    add("object_in_field.npy", npy_header(fields, EVIL), "pickle-call", "system")
    add("call.joblib", dump([Call(os.system, "echo")], ("zlib", 3)), "pickle-call", "system")
    add("call.gz", gzip.compress(EVIL, mtime=0), "pickle-call", "system")
    add("behind.gz", gzip.compress(pickle.dumps([1]), mtime=0) + b"more", "trailing-data")
    add("bomb.gz", gzip.compress(gzip.compress(bytes(80000000), mtime=0), mtime=0), "size-bomb", "200 times")
    add("call.tar", tar([("sys_info", pickle.dumps({})), ("pickle", EVIL)]), "pickle-call", "system")
    add("link.tar", tar([("a", b"")], tarfile.SYMTYPE), "zip-path")
    add("upwards.tar", tar([("../a.pkl", pickle.dumps([1]))]), "zip-path")
    add("sum.tar", flip(tar([("a.pkl", pickle.dumps([1]))]), 0, b"b"), "broken")
    add("program.zip", archive([("run.so", b"\x7fELF\2\1\1")]), "program")


def make_archives():
    folder = Folder("archives")
    clean_archives(folder)
    hostile_zips(folder)
    hostile_arrays_in_files(folder)
    folder.close()


# ---- ONNX, written field by field ----

def varint(n):
    out = b""
    n &= (1 << 64) - 1
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def part(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def onnx_tensor(name="w", dims=(2, 3), kind=1, raw=None, rest=b""):
    out = b"".join(number(1, n) for n in dims) + number(2, kind)
    if raw is not None:
        out += part(9, raw)
    return out + rest + part(8, name)


def node(op, domain="", inputs=("x",), outputs=("y",), attributes=()):
    out = b"".join(part(1, x) for x in inputs) + b"".join(part(2, x) for x in outputs)
    out += part(3, "n") + part(4, op)
    if domain:
        out += part(7, domain)
    return out + b"".join(part(5, a) for a in attributes)


def attribute(name, tensor=None, graph=None, kind=0):
    out = part(1, name)
    if tensor is not None:
        out += part(5, tensor) + number(20, 4)
    if graph is not None:
        out += part(6, graph) + number(20, 5)
    return out


def onnx_graph(nodes=(), tensors=(), rest=b""):
    value = part(1, "x") + part(2, part(1, number(1, 1) + part(2, part(1, number(1, 2)))))
    return (b"".join(part(1, n) for n in nodes) + part(2, "g") + b"".join(part(5, t) for t in tensors)
            + part(11, value) + part(12, part(1, "y")) + rest)


def opset(version=17, domain=""):
    return part(8, (part(1, domain) if domain else b"") + number(2, version))


def onnx(graph, opsets=None, version=8, rest=b""):
    return number(1, version) + part(2, "merlon") + part(7, graph) + (opset() if opsets is None else opsets) + rest


def function(name, domain, nodes):
    return part(25, part(1, name) + part(10, domain) + b"".join(part(7, n) for n in nodes))


GOOD = onnx_tensor(raw=bytes(24))


def clean_onnx(folder):
    layers = ("Relu", "Gemm", "Conv", "MatMul", "Softmax", "LSTM", "Attention", "If")
    for op in layers:
        folder.clean(f"{op.lower()}.onnx", onnx(onnx_graph([node(op)], [GOOD])))
    folder.clean("two_layers.onnx", onnx(onnx_graph([node("MatMul", outputs=("a",)), node("Relu", inputs=("a",))], [GOOD])))
    floats = onnx_tensor(rest=part(4, bytes(24)))
    folder.clean("floats.onnx", onnx(onnx_graph([node("Add")], [floats])))
    folder.clean("int64s.onnx", onnx(onnx_graph([node("Reshape")], [onnx_tensor("s", (2,), 7, rest=part(7, varint(3) + varint(-1)))])))
    folder.clean("int64_raw.onnx", onnx(onnx_graph([node("Reshape")], [onnx_tensor("s", (2,), 7, bytes(16))])))
    folder.clean("strings.onnx", onnx(onnx_graph([node("LabelEncoder", "ai.onnx.ml")], [onnx_tensor("s", (2,), 8, rest=part(6, "a") + part(6, "b"))]),
                                      opset() + opset(3, "ai.onnx.ml")))
    folder.clean("trees.onnx", onnx(onnx_graph([node("TreeEnsembleClassifier", "ai.onnx.ml"), node("ZipMap", "ai.onnx.ml")]),
                                    opset() + opset(3, "ai.onnx.ml")))
    folder.clean("scalar.onnx", onnx(onnx_graph([node("Mul")], [onnx_tensor("s", (), 1, bytes(4))])))
    folder.clean("half.onnx", onnx(onnx_graph([node("Mul")], [onnx_tensor("s", (3,), 10, bytes(6))])))
    folder.clean("int4.onnx", onnx(onnx_graph([node("DequantizeLinear")], [onnx_tensor("s", (3,), 22, bytes(2))])))
    folder.clean("empty.onnx", onnx(onnx_graph([node("Concat")], [onnx_tensor("s", (0, 4), 1, b"")])))
    inner = onnx_graph([node("Constant", inputs=(), attributes=[attribute("value", GOOD)])])
    folder.clean("branches.onnx", onnx(onnx_graph([node("If", attributes=[attribute("then_branch", graph=inner), attribute("else_branch", graph=inner)])])))
    folder.clean("function.onnx", onnx(onnx_graph([node("Twice", "my.functions")]), opset() + opset(1, "my.functions"),
                                       rest=function("Twice", "my.functions", [node("Add")])))
    folder.clean("metadata.onnx", onnx(onnx_graph([node("Relu")]), rest=part(14, part(1, "author") + part(2, "somebody"))))
    sparse = part(15, part(1, onnx_tensor("v", (1,), 1, bytes(4))) + part(2, onnx_tensor("i", (1,), 7, bytes(8))) + number(3, 9))
    folder.clean("sparse.onnx", onnx(onnx_graph([node("MatMul")], rest=sparse)))


def external(path, **more):
    pairs = [("location", path), *more.items()]
    return onnx_tensor(rest=b"".join(part(13, part(1, k) + part(2, v)) for k, v in pairs) + number(14, 1))


def hostile_onnx(folder):
    add = folder.hostile

    def tensor(name, data, kind, detail=""):
        add(name, onnx(onnx_graph([node("Relu")], [data])), kind, detail)

    def op(name, data, kind, detail="", **more):
        add(name, onnx(onnx_graph([data]), **more), kind, detail)

    tensor("upwards.onnx", external("../../../etc/passwd"), "external-path", "etc/passwd")
    tensor("absolute.onnx", external("/etc/passwd"), "external-path")
    tensor("backslash.onnx", external("..\\\\secret"), "external-path")
    tensor("drive.onnx", external("C:/secret"), "external-path")
    tensor("address.onnx", external("https://example.org/w"), "external-path")
    tensor("home.onnx", external("~/secret"), "external-path")
    tensor("middle.onnx", external("data/../../secret"), "external-path")
    tensor("no_path.onnx", external(""), "external-path")
    tensor("offset.onnx", external("w.bin", offset="-1"), "out-of-range", "place in another file")
    tensor("injected.onnx", external("w.bin", __class__="x"), "external-path", "does not exist")
    inner = onnx_graph([node("Constant", attributes=[attribute("value", external("/etc/passwd"))])])
    op("in_branch.onnx", node("If", attributes=[attribute("then_branch", graph=inner)]), "external-path")
    op("custom.onnx", node("Run", "my.ops"), "custom-operator", "my.ops.Run")
    op("python.onnx", node("PyOp", "ai.onnx.contrib"), "custom-operator", "PyOp")
    op("aten.onnx", node("ATen"), "custom-operator", "ATen")
    op("in_function.onnx", node("F", "f"), "custom-operator", "my.ops.Run", rest=function("F", "f", [node("Run", "my.ops")]))
    op("shadow.onnx", node("Relu"), "custom-operator", "in the place of", rest=function("Relu", "", [node("Abs")]))
    op("recursion.onnx", node("F", "f"), "recursion", "reaches itself", rest=function("F", "f", [node("F", "f")]))
    op("mutual.onnx", node("F", "f"), "recursion", "", rest=function("F", "f", [node("G", "f")]) + function("G", "f", [node("F", "f")]))
    op("function_twice.onnx", node("F", "f"), "broken", "function is there twice", rest=function("F", "f", []) * 2)
    deep = onnx_graph([node("Relu")])
    for i in range(40):
        deep = onnx_graph([node("If", attributes=[attribute("then_branch", graph=deep)])])
    add("deep.onnx", onnx(deep), "depth")
    tensor("bomb.onnx", onnx_tensor(dims=(1 << 20, 1 << 20), raw=bytes(4)), "size-bomb")
    tensor("overflow.onnx", onnx_tensor(dims=(1 << 40, 1 << 40), raw=bytes(4)), "out-of-range", "shape is none")
    tensor("negative.onnx", onnx_tensor(dims=(-1, 4), raw=bytes(4)), "out-of-range", "shape is none")
    tensor("short_data.onnx", onnx_tensor(raw=bytes(20)), "out-of-range", "contradict")
    tensor("no_type.onnx", onnx_tensor(kind=99, raw=bytes(24)), "broken", "no type")
    tensor("data_twice.onnx", onnx_tensor(raw=bytes(24), rest=part(9, bytes(24))), "broken", "twice")
    graph = onnx_graph([node("Relu")])
    add("two_graphs.onnx", onnx(graph, rest=part(7, graph)), "broken", "exactly one graph")
    add("cut.onnx", onnx(onnx_graph([node("Relu")], [GOOD]))[:-30], "broken")
    add("no_opset.onnx", onnx(graph, opsets=b""), "broken", "set of operators")
    add("opset_9999.onnx", onnx(graph, opsets=opset(9999)), "broken", "set of operators")
    add("group.onnx", onnx(graph, rest=b"\x1b\x1c"), "broken")
    add("long_number.onnx", onnx(graph, rest=b"\x28" + b"\xff" * 11), "broken")
    add("not_utf8.onnx", onnx(onnx_graph([node(b"Re\xfflu")])), "broken", "UTF-8")
    add("operator_twice.onnx", onnx(onnx_graph([node("Relu") + part(4, "Run") + part(7, "my.ops")])), "broken", "twice")
    add("zip_behind.onnx", onnx(graph) + archive([("a.pkl", EVIL)]), "polyglot")


def make_onnx():
    folder = Folder("onnx")
    clean_onnx(folder)
    hostile_onnx(folder)
    folder.close()

# ---- MXNet ----

def mx_node(op, name="n", inputs=(), **more):
    return {"op": op, "name": name, "inputs": [list(i) for i in inputs], **more}


def mx_symbol(nodes, heads=None, **more):
    return json.dumps({"nodes": nodes, "arg_nodes": [0], "node_row_ptr": list(range(len(nodes) + 1)),
                       "heads": [[len(nodes) - 1, 0, 0]] if heads is None else heads,
                       "attrs": {"mxnet_version": ["int", 10901]}, **more}).encode()


def mx_chain(*ops):
    nodes = [mx_node("null", "data")]
    for i, op in enumerate(ops):
        nodes.append(mx_node(op, f"{op}{i}", [(i, 0, 0)], attrs={"num_hidden": "3"}))
    return mx_symbol(nodes)


def mx_shape(shape, wide):
    return struct.pack("<i", len(shape)) + b"".join(struct.pack("<q" if wide else "<I", n) for n in shape)


def mx_array(shape=(2, 3), kind=0, item=4, version=2, data=None, stype=0, device=1):
    count = 1
    for n in shape:
        count *= n
    data = bytes(count * item) if data is None else data
    head = {0: b"", 1: b"\xc8\xfa\x93\xf9", 2: b"\xc9\xfa\x93\xf9" + struct.pack("<i", stype),
            3: b"\xca\xfa\x93\xf9" + struct.pack("<i", stype)}[version]
    return head + mx_shape(shape, version > 0) + struct.pack("<iii", device, 0, kind) + data


def mx_sparse(stype, storage, shape, aux, data):
    out = b"\xc9\xfa\x93\xf9" + struct.pack("<i", stype) + mx_shape(storage, True) + mx_shape(shape, True)
    out += struct.pack("<iii", 1, 0, 0)
    for values in aux:
        out += struct.pack("<i", 6) + mx_shape((len(values),), True)
    return out + data + b"".join(struct.pack(f"<{len(values)}q", *values) for values in aux)


def mx_params(arrays, names=None, count=None):
    names = [f"arg:w{i}" for i in range(len(arrays))] if names is None else names
    out = struct.pack("<QQQ", 0x112, 0, len(arrays) if count is None else count) + b"".join(arrays)
    out += struct.pack("<Q", len(names))
    return out + b"".join(struct.pack("<Q", len(n)) + n.encode() for n in names)


ROWS = mx_sparse(1, (2, 3), (5, 3), [[1, 4]], bytes(24))
CSR = mx_sparse(2, (3,), (2, 4), [[0, 1, 3], [2, 0, 3]], bytes(12))


def make_mxnet():
    folder = Folder("mxnet")
    for ops in (["Convolution"], ["FullyConnected", "SoftmaxOutput"], ["Convolution", "BatchNorm", "Activation", "Pooling", "Flatten", "FullyConnected"],
                ["Dropout", "Concat", "clip"], ["broadcast_add", "elemwise_mul"], ["RNN"], ["Embedding"], ["LeakyReLU", "Deconvolution"]):
        folder.clean("_".join(ops).lower()[:30] + "-symbol.json", mx_chain(*ops))
    folder.clean("old-symbol.json", json.dumps({"nodes": [
        {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1, "attr": {"ctx_group": "a"}},
        {"op": "Softmax", "param": {}, "name": "s", "inputs": [[0, 0]], "backward_source_id": -1}],
        "arg_nodes": [0], "heads": [[1, 0]]}).encode())
    inner = json.loads(mx_chain("relu"))
    folder.clean("loop-symbol.json", mx_symbol([mx_node("null", "data"), mx_node("_foreach", "f", [(0, 0, 0)], subgraphs=[inner])]))
    for version in range(4):
        folder.clean(f"version_{version}.params", mx_params([mx_array(version=version), mx_array((4,), version=version)]))
    folder.clean("scalar.params", mx_params([mx_array((), version=3)]))
    folder.clean("half.params", mx_params([mx_array((3,), 2, 2)]))
    folder.clean("int64.params", mx_params([mx_array((3,), 6, 8)]))
    folder.clean("rows.params", mx_params([ROWS]))
    folder.clean("csr.params", mx_params([CSR]))
    folder.clean("no_names.params", mx_params([mx_array()], []))
    folder.clean("none.params", mx_params([]))
    folder.clean("empty.params", mx_params([mx_array((0, 3))]))

    add = folder.hostile
    for op in ("_Native", "_NDArray", "Custom", "_CachedOp"):
        add(f"{op.lower().strip('_')}-symbol.json", mx_symbol([mx_node("null"), mx_node(op, "x", [(0, 0, 0)], attrs={"info": "0x41414141"})]),
            "code-operator", op)
    add("escaped-symbol.json", mx_symbol([mx_node("null"), mx_node("X", "x", [(0, 0, 0)])]).replace(b'"X"', b'"\\u005fNative"'),
        "code-operator", "_Native")
    deep = json.loads(mx_chain("Custom"))
    add("in_loop-symbol.json", mx_symbol([mx_node("_foreach", subgraphs=[deep])]), "code-operator", "Custom")
    for i in range(12):
        deep = json.loads(mx_symbol([mx_node("_foreach", subgraphs=[deep])]))
    add("deep-symbol.json", json.dumps(deep).encode(), "depth")
    add("self-symbol.json", mx_symbol([mx_node("relu", inputs=[(0, 0, 0)])]), "recursion")
    add("forward-symbol.json", mx_symbol([mx_node("relu", inputs=[(1, 0, 0)]), mx_node("null")]), "recursion")
    add("negative-symbol.json", mx_symbol([mx_node("null"), mx_node("relu", inputs=[(-1, 0, 0)])]), "out-of-range")
    add("output-symbol.json", mx_symbol([mx_node("null"), mx_node("relu", inputs=[(0, 4000000000, 0)])]), "out-of-range", "output")
    add("head-symbol.json", mx_symbol([mx_node("null")], [[7, 0, 0]]), "out-of-range", "head")
    add("argument-symbol.json", mx_symbol([mx_node("null")], arg_nodes=[99]), "out-of-range", "head or argument")
    add("pattern-symbol.json", mx_symbol([mx_node("null"), mx_node("a" * 5000, "x")]), "broken", "operator's name")
    add("spaces-symbol.json", mx_symbol([mx_node("null"), mx_node("relu Custom", "x")]), "broken", "operator's name")
    add("attributes-symbol.json", mx_symbol([mx_node("relu", attrs={"a": {"b": 1}})]), "broken", "no text")
    add("operator_twice-symbol.json", mx_chain("relu").replace(b'"op": "relu"', b'"op": "relu", "op": "Custom"'), "code-operator")
    add("nodes_twice-symbol.json", mx_chain("relu")[:-1] + b', "nodes": []}', "broken", "twice")
    add("member-symbol.json", mx_symbol([mx_node("null", code="x")]), "broken", "do not have")
    add("cut-symbol.json", mx_chain("relu")[:-5], "broken")
    for name, text in (("nodes", '{"nodes": 5, "heads": []}'), ("node", '{"nodes": [5], "heads": []}'), ("heads", '{"nodes": [], "heads": 5}'),
                       ("inputs", '{"nodes": [{"op": "relu", "inputs": 5}], "heads": []}'),
                       ("input", '{"nodes": [{"op": "relu", "inputs": [5]}], "heads": []}'),
                       ("input_text", '{"nodes": [{"op": "relu", "inputs": [["x", {}]]}], "heads": []}'),
                       ("attributes", '{"nodes": [{"op": "relu", "attrs": 5}], "heads": []}'),
                       ("graphs", '{"nodes": [{"op": "relu", "subgraphs": 5}], "heads": []}'),
                       ("graph", '{"nodes": [{"op": "relu", "subgraphs": [5]}], "heads": []}'),
                       ("no_operator", '{"nodes": [{"name": "a"}], "heads": []}')):
        add(f"no_{name}-symbol.json", text.encode(), "broken")
    add("head_none-symbol.json", b'{"nodes": [], "heads": [1.5]}', "out-of-range")
    add("variable-symbol.json", mx_symbol([mx_node("null"), mx_node("null", "x", [(0, 0, 0)])]), "broken", "variable")

    def params(name, data, kind, detail=""):
        add(name + ".params", mx_params([data]), kind, detail)

    params("negative_dims", b"\xc9\xfa\x93\xf9" + struct.pack("<ii", 0, -1) + bytes(64), "out-of-range", "stack")
    params("negative_dims_3", b"\xca\xfa\x93\xf9" + struct.pack("<ii", 0, -1) + bytes(64), "out-of-range", "stack")
    params("many_dims", b"\xc9\xfa\x93\xf9" + struct.pack("<ii", 0, 100000) + bytes(64), "size-bomb", "dimensions")
    params("old_many_dims", struct.pack("<I", 200) + bytes(64), "size-bomb", "dimensions")
    params("huge", mx_array((1 << 30, 1 << 20), data=bytes(8)), "size-bomb", "larger than the file")
    params("overflow", mx_array((1 << 40, 1 << 40), data=bytes(8)), "out-of-range", "overflows")
    params("negative", mx_array((-5, 3), data=bytes(8)), "out-of-range", "negative")
    params("type", mx_array(kind=99), "broken", "type")
    params("storage", mx_array(stype=7), "broken", "storage")
    params("device", mx_array(device=77), "broken", "device")
    params("row_outside", mx_sparse(1, (2, 3), (5, 3), [[1, 400]], bytes(24)), "out-of-range", "indices")
    params("row_twice", mx_sparse(1, (2, 3), (5, 3), [[1, 1]], bytes(24)), "out-of-range", "indices")
    params("row_shape", mx_sparse(1, (2, 4), (5, 3), [[1, 4]], bytes(32)), "out-of-range", "parts")
    params("csr_pointer", mx_sparse(2, (3,), (2, 4), [[0, 9, 3], [2, 0, 3]], bytes(12)), "out-of-range", "indices")
    params("csr_column", mx_sparse(2, (3,), (2, 4), [[0, 1, 3], [2, 0, 9]], bytes(12)), "out-of-range", "indices")
    add("count.params", mx_params([mx_array()], count=1 << 60), "size-bomb", "announced")
    add("names.params", mx_params([mx_array()], ["a", "b"]), "out-of-range", "names")
    add("long_name.params", mx_params([mx_array()], []).replace(bytes(8), bytes(8))[:-8] + struct.pack("<QQ", 1, 1 << 60), "size-bomb", "name")
    add("cut.params", mx_params([mx_array()])[:60], "broken", "ends in the middle")
    add("behind.params", mx_params([mx_array()]) + b"and more", "trailing-data")
    folder.close()


# ---- XGBoost ----

def xgboost_model(**settings):
    import xgboost
    random = np.random.default_rng(5)
    x, y = random.normal(size=(60, 4)), random.integers(0, settings.pop("classes", 2), 60)
    rounds = settings.pop("rounds", 2)
    booster = xgboost.train({"max_depth": 2, **settings}, xgboost.DMatrix(x, y), rounds)
    return bytes(booster.save_raw("json"))


def make_xgboost():
    folder = Folder("xgboost")
    for objective in ("binary:logistic", "reg:squarederror", "reg:logistic", "count:poisson", "binary:hinge", "reg:pseudohubererror"):
        folder.clean(objective.replace(":", "_") + ".json", xgboost_model(objective=objective))
    for depth in (1, 3, 4):
        folder.clean(f"depth_{depth}.json", xgboost_model(max_depth=depth, rounds=1))
    for classes in (3, 4):
        folder.clean(f"classes_{classes}.json", xgboost_model(objective="multi:softprob", num_class=classes, classes=classes, rounds=1))
    folder.clean("dart.json", xgboost_model(booster="dart", rate_drop=0.5))
    folder.clean("linear.json", xgboost_model(booster="gblinear"))
    folder.clean("forest.json", xgboost_model(num_parallel_tree=3, subsample=0.5, rounds=1))
    folder.clean("none.json", xgboost_model(rounds=0))
    folder.clean("leaf.json", xgboost_model(gamma=1e9, rounds=1))
    folder.clean("hist.json", xgboost_model(tree_method="hist", grow_policy="lossguide", max_leaves=4))
    folder.clean("approx.json", xgboost_model(tree_method="approx"))
    folder.clean("deep.json", xgboost_model(max_depth=5, min_child_weight=0, rounds=1))
    folder.clean("spaced.json", json.dumps(json.loads(xgboost_model(rounds=1)), indent=1).encode())
    folder.clean("exact.json", xgboost_model(tree_method="exact", rounds=3))

    add = folder.hostile
    base = json.loads(xgboost_model(rounds=2))

    def changed(name, change, kind, detail=""):
        model = json.loads(json.dumps(base))
        inner = model["learner"]["gradient_booster"]["model"]
        change(model["learner"], inner, inner["trees"][0])
        add(name + ".json", json.dumps(model).encode(), kind, detail)

    def set_item(key, i, value):
        return lambda learner, inner, tree: tree[key].__setitem__(i, value)

    changed("child_outside", set_item("left_children", 0, 4000), "out-of-range", "child")
    changed("child_negative", set_item("left_children", 0, -7), "out-of-range", "child")
    changed("child_self", set_item("left_children", 0, 0), "recursion")
    changed("child_back", set_item("right_children", 1, 1), "recursion")
    changed("child_twice", lambda l, m, t: t.update(right_children=[t["left_children"][0]] + t["right_children"][1:]), "recursion", "twice")
    changed("one_child", set_item("right_children", 0, -1), "out-of-range", "one child")
    changed("feature_outside", set_item("split_indices", 0, 100000), "out-of-range", "feature")
    changed("feature_negative", set_item("split_indices", 0, -5), "out-of-range", "feature")
    changed("short_children", lambda l, m, t: t["right_children"].pop(), "out-of-range", "contradict")
    changed("short_features", lambda l, m, t: t["split_indices"].pop(), "out-of-range", "contradict")
    changed("short_weights", lambda l, m, t: t["base_weights"].pop(), "out-of-range", "contradict")
    changed("short_conditions", lambda l, m, t: t["split_conditions"].pop(), "out-of-range", "contradict")
    changed("short_defaults", lambda l, m, t: t["default_left"].pop(), "out-of-range", "contradict")
    changed("nodes_stated", lambda l, m, t: t["tree_param"].update(num_nodes="900"), "out-of-range", "contradict")
    changed("nodes_bomb", lambda l, m, t: t["tree_param"].update(num_nodes="2000000000"), "size-bomb", "nodes")
    changed("leaf_bomb", lambda l, m, t: t["tree_param"].update(size_leaf_vector="2000000000"), "size-bomb", "leaf")
    changed("trees_stated", lambda l, m, t: m["gbtree_model_param"].update(num_trees="9"), "out-of-range", "stated")
    changed("trees_negative", lambda l, m, t: m["gbtree_model_param"].update(num_trees="-1"), "broken", "count")
    changed("info_short", lambda l, m, t: m["tree_info"].pop(), "out-of-range", "each")
    changed("classes_bomb", lambda l, m, t: l["learner_model_param"].update(num_class="2147483647"), "size-bomb", "outputs")
    changed("features_bomb", lambda l, m, t: l["learner_model_param"].update(num_feature="4294967295"), "size-bomb", "features")
    changed("features_missing", lambda l, m, t: l["learner_model_param"].pop("num_feature"), "broken", "features")
    changed("categories_outside", lambda l, m, t: t.update(categories=[1], categories_nodes=[0], categories_segments=[0], categories_sizes=[50]),
            "out-of-range", "categories")
    changed("categories_bomb", lambda l, m, t: t.update(categories=[2000000000], categories_nodes=[0], categories_segments=[0], categories_sizes=[1]),
            "size-bomb", "category")
    changed("categories_short", lambda l, m, t: t.update(categories_nodes=[0]), "out-of-range", "categories")
    changed("booster", lambda l, m, t: l["gradient_booster"].update(name="python"), "broken", "booster")
    changed("no_tree", lambda l, m, t: m["trees"].__setitem__(0, 5), "broken", "no object")
    changed("text_for_number", set_item("split_indices", 0, "x"), "broken", "no number")
    text = json.dumps(base)
    add("cut.json", text[:-40].encode(), "broken")
    add("behind.json", text.encode() + b"{}", "broken", "follows")
    add("list_twice.json", text.replace('"left_children"', '"left_children": [], "left_children"', 1).encode(), "broken", "twice")
    add("deep.json", (text[:-1] + ', "x": ' + "[" * 200 + "]" * 200 + "}").encode(), "broken", "deep")
    folder.close()


# ---- LightGBM, as its writer writes ----

def lightgbm_tree(leaves=3, **changes):
    inner = leaves - 1
    lists = {"num_leaves": leaves, "num_cat": 0,
             "split_feature": [i % 3 for i in range(inner)], "split_gain": [1.5] * inner,
             "threshold": [0.25] * inner, "decision_type": [2] * inner,
             "left_child": [i + 1 if i + 1 < inner else ~0 for i in range(inner)],
             "right_child": [~(i + 1) for i in range(inner)],
             "leaf_value": [0.5] * leaves, "leaf_weight": [3] * leaves, "leaf_count": [3] * leaves,
             "internal_value": [0] * inner, "internal_weight": [0] * inner, "internal_count": [9] * inner,
             "is_linear": 0, "shrinkage": 0.1}
    lists.update(changes)
    lines = [f"{k}={' '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in lists.items() if v is not None]
    return "\n".join(lines) + "\n\n"


def lightgbm(trees, sizes=None, features=2, classes=1, version="v4", tail=True):
    texts = [f"Tree={i}\n{tree}\n" for i, tree in enumerate(trees)]
    sizes = [len(t) for t in texts] if sizes is None else sizes
    head = (f"tree\nversion={version}\nnum_class={classes}\nnum_tree_per_iteration={classes}\nlabel_index=0\n"
            f"max_feature_idx={features}\nobjective=binary sigmoid:1\nfeature_names=a b c\n"
            f"feature_infos=[0:1] [0:1] [0:1]\ntree_sizes={' '.join(map(str, sizes))}\n\n")
    end = "end of trees\n\nfeature_importances:\na=2\n\nparameters:\n[boosting: gbdt]\nend of parameters\n\npandas_categorical:null\n"
    return (head + "".join(texts) + (end if tail else "")).encode()


def make_lightgbm():
    folder = Folder("lightgbm")
    for leaves in (1, 2, 3, 4, 5, 8, 16, 31):
        folder.clean(f"leaves_{leaves}.txt", lightgbm([lightgbm_tree(leaves)]))
    for trees in (0, 2, 3, 10):
        folder.clean(f"trees_{trees}.txt", lightgbm([lightgbm_tree()] * trees))
    folder.clean("version_3.txt", lightgbm([lightgbm_tree()], version="v3"))
    folder.clean("version_2.txt", lightgbm([lightgbm_tree()], version="v2"))
    folder.clean("classes.txt", lightgbm([lightgbm_tree()] * 3, classes=3))
    categorical = lightgbm_tree(3, num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    folder.clean("categories.txt", lightgbm([categorical]))
    two = lightgbm_tree(3, num_cat=2, decision_type=[1, 1], threshold=[0, 1], cat_boundaries=[0, 1, 3], cat_threshold=[6, 0, 8])
    folder.clean("two_categories.txt", lightgbm([two]))
    folder.clean("nan.txt", lightgbm([lightgbm_tree(3, threshold=["nan", "1e-35"])]))
    folder.clean("returns.txt", lightgbm([]).replace(b"\n", b"\r\n"))
    folder.clean("balanced.txt", lightgbm([lightgbm_tree(4, left_child=[1, ~0, ~2], right_child=[2, ~1, ~3])]))
    folder.clean("infinite.txt", lightgbm([lightgbm_tree(2, threshold=["inf"])]))

    add = folder.hostile

    def tree(name, kind, detail="", leaves=3, **changes):
        add(name + ".txt", lightgbm([lightgbm_tree(leaves, **changes)]), kind, detail)

    tree("child_outside", "out-of-range", "child", left_child=[1, 900])
    tree("leaf_outside", "out-of-range", "child", right_child=[-2, -900])
    tree("child_self", "recursion", "", left_child=[0, ~0])
    tree("child_back", "recursion", "", left_child=[1, 1])
    tree("leaf_twice", "recursion", "twice", right_child=[~0, ~2])
    tree("feature_outside", "out-of-range", "feature", split_feature=[0, 50000])
    tree("feature_negative", "out-of-range", "feature", split_feature=[0, -3])
    tree("short_children", "out-of-range", "one number", left_child=[1])
    tree("long_children", "out-of-range", "one number", left_child=[1, ~0, ~0])
    tree("short_values", "out-of-range", "one number", leaf_value=[1])
    tree("short_thresholds", "out-of-range", "one number", threshold=[1])
    tree("no_features", "out-of-range", "one number", split_feature=None)
    tree("leaves_bomb", "size-bomb", "leaves", num_leaves=2000000000)
    tree("leaves_negative", "broken", "count", num_leaves=-5)
    tree("leaves_zero", "broken", "leaves", num_leaves=0)
    tree("no_leaves", "broken", "leaves", num_leaves=None)
    tree("text_for_number", "broken", "no number", threshold=["x", 1])
    tree("kind", "broken", "decision", decision_type=[99, 2])
    tree("category_outside", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[7, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    tree("boundary_outside", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 5000], cat_threshold=[6])
    tree("boundary_back", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[1, 0], cat_threshold=[6])
    tree("boundaries_short", "out-of-range", "categories", num_cat=3, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    one = lightgbm_tree()
    add("sizes_far.txt", lightgbm([one, one], [900000000, 1]), "out-of-range", "no tree begins")
    add("sizes_shifted.txt", lightgbm([one, one], [11, 400]), "out-of-range", "no tree begins")
    add("sizes_many.txt", lightgbm([one], [len(one) + 8, 5]), "out-of-range")
    add("sizes_negative.txt", lightgbm([one], [-5]), "out-of-range")
    add("classes_bomb.txt", lightgbm([one], classes=2147483647), "size-bomb", "classes")
    add("features_bomb.txt", lightgbm([one], features=2147483647), "size-bomb", "highest feature")
    add("features_negative.txt", lightgbm([one], features=-1), "broken")
    add("no_end.txt", lightgbm([one], tail=False), "broken", "end of the trees")
    add("cut.txt", lightgbm([one, one])[:-600], "broken", "end of the trees")
    add("list_twice.txt", lightgbm([one.replace("num_cat=0", "left_child=5 6\nnum_cat=0")]), "broken", "twice")
    add("leaves_twice.txt", lightgbm([one.replace("num_cat=0", "num_leaves=1\nnum_cat=0")]), "broken", "leaves")
    add("zero_byte.txt", lightgbm([one]) + b"\0", "broken", "zero byte")
    folder.close()

MAKERS = {"pickle": make_pickles, "safetensors": make_safetensors, "archives": make_archives,
          "onnx": make_onnx, "mxnet": make_mxnet, "xgboost": make_xgboost, "lightgbm": make_lightgbm}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
