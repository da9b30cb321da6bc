"""Archives: PyTorch's, NumPy's, others: see make_files.py."""
import gzip
import io
import os
import pickle
import struct
import tarfile
import zipfile

import joblib
import numpy as np

from make_shared import Call, Folder
from make_torch import Parameter, Tensor, state_dict, torch, torch_dumps


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
    code = [("archive/code/__torch__.py", b"class Net(Module):\n  pass\n")]
    add("script_call.pt", torch_zip({"w": Call(os.system, "echo")}, [], code), "pickle-call", "system")
    debug = [("archive/code/__torch__.py.debug_pkl", pickle.dumps(Call(os.system, "echo")))]
    add("script_debug.pt", torch_zip({}, [], code + debug), "pickle-call", "system")
    own = b"\x80\x02c__torch__\nNet\n)R."
    add("named_like_script.pt", archive([("archive/data.pkl", own), ("archive/version", b"3\n")]), "pickle-import", "__torch__")
    longer = [("archive/data.pkl", own.replace(b"__torch__", b"__torch__x"))]
    add("longer_than_script.pt", archive(longer + code), "pickle-import", "__torch__x")
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
