"""Pickles: see make_files.py."""
import collections
import datetime
import decimal
import fractions
import io
import os
import pickle
import uuid

import joblib
import numpy as np

from make_shared import Call, Folder
from make_torch import Parameter, Tensor, state_dict, torch, torch_legacy


ECHO = b"X\x04\x00\x00\x00echo"


def g(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def short(text):
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


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
