"""MXNet's symbols and parameters: see make_files.py."""
import json
import struct

from make_shared import Folder


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
