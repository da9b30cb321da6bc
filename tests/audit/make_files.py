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


MAKERS = {"pickle": make_pickles, "safetensors": make_safetensors, "archives": make_archives}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        MAKERS[name]()
