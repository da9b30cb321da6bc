"""ONNX models, written field by field: see make_files.py."""
from make_archives import EVIL, archive
from make_shared import Folder


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
