"""safetensors: see make_files.py."""
import json
import struct

from make_shared import Folder


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
