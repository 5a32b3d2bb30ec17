# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/onnx (tiny models the importer must read) and tests/golden/refused (files it must refuse).

usage: onnx_models.py TESTS_GOLDEN_FOLDER     needs onnx and numpy; made with onnx 1.23.2
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as H
from onnx import numpy_helper as NH

root = sys.argv[1]
good = os.path.join(root, "onnx")
bad = os.path.join(root, "refused")
os.makedirs(good, exist_ok=True)
os.makedirs(bad, exist_ok=True)


def info(name, shape, dtype=T.FLOAT):
    return H.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, inits=(), opset=17, ir=8, domains=()):
    graph = H.make_graph(nodes, "g", inputs, outputs, list(inits))
    opsets = [H.make_opsetid("", opset)] + [H.make_opsetid(d, 1) for d in domains]
    m = H.make_model(graph, opset_imports=opsets, producer_name="")
    m.ir_version = ir
    return m


def save(folder, name, m, check=True):
    if check:
        checked = onnx.ModelProto()
        checked.CopyFrom(m)
        for o in checked.graph.output:
            o.type.tensor_type.shape.SetInParent()  # must be there, but is not looked at
        onnx.checker.check_model(checked)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(m.SerializeToString(deterministic=True))


def node(op, ins, outs, name=None, **attrs):
    return H.make_node(op, ins.split(",") if ins else [], outs.split(","), name=name or outs.split(",")[0], **attrs)


x134 = [info("x", [1, 3, 4])]
out = [info("y", None)]

# --- read ---

# what converters append to a file's end
save(good, "order.onnx", model([node("Add", "b,x", "y"), node("Neg", "a", "b"), node("Relu", "x", "a")], x134, out), check=False)

rng = np.random.default_rng(1)
w = np.round(rng.standard_normal((2, 3, 3, 3)), 2).astype(np.float32)
m = model(
    [
        node("Conv", "x,w,b", "c", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        node("Sigmoid", "c", "s"),
        node("Mul", "c,s", "y"),
    ],
    [info("x", [1, 3, 8, 8])],
    [info("y", [1, 2, 4, 4])],
    [NH.from_array(w, "w"), NH.from_array(np.array([0.5, -0.25], np.float32), "b")],
)
H.set_model_props(m, {"task": "segment", "names": "{0: 'bolt'}"})
save(good, "conv.onnx", m)

# attributes that are inputs today, each in the last opset that had them
for name, opset, n in [
    ("squeeze11", 11, node("Squeeze", "x", "y", axes=[0])),
    ("squeeze_all11", 11, node("Squeeze", "x", "y")),
    ("unsqueeze11", 11, node("Unsqueeze", "x", "y", axes=[0, 2])),
    ("slice9", 9, node("Slice", "x", "y", axes=[1, 2], starts=[0, 1], ends=[2, 3])),
    ("clip10", 10, node("Clip", "x", "y", min=0.0, max=6.0)),
    ("clip_max10", 10, node("Clip", "x", "y", max=6.0)),
    ("pad10", 10, node("Pad", "x", "y", mode="constant", pads=[0, 1, 0, 0, 1, 0], value=2.5)),
    ("reduce_sum11", 11, node("ReduceSum", "x", "y", axes=[1], keepdims=0)),
    ("reduce_max17", 17, node("ReduceMax", "x", "y", axes=[-1])),
    ("split11", 11, node("Split", "x", "y,z", axis=2, split=[1, 3])),
    ("split_equal11", 11, node("Split", "x", "y,z", axis=2)),
    ("upsample7", 7, node("Upsample", "x", "y", mode="nearest", scales=[1.0, 2.0, 2.0])),
    ("dropout11", 11, node("Dropout", "x", "y,mask", ratio=0.5)),
    ("cast9", 9, node("Cast", "x", "y", to=T.INT64)),
    ("cast_half", 13, node("Cast", "x", "y", to=T.FLOAT16)),
    ("softmax_last11", 11, node("Softmax", "x", "y", axis=2)),
    ("softmax_flat11", 11, node("Softmax", "x", "y", axis=1)),
    ("max_pool_indices", 12, node("MaxPool", "x", "y,i", kernel_shape=[2], strides=[2])),
    ("add6", 6, node("Add", "x,x", "y", broadcast=1)),
    ("sum3", 8, node("Sum", "x,x,x", "y")),
]:
    outs = [info(o, None, T.INT64 if name == "cast9" else T.FLOAT16 if name == "cast_half" else T.FLOAT) for o in n.output if o not in ("mask", "i")]
    save(good, name + ".onnx", model([n], x134, outs, opset=opset))
save(good, "half_input.onnx", model([node("Relu", "x", "y")], [info("x", [1, 3, 4], T.FLOAT16)], [info("y", None, T.FLOAT16)]))
scales = NH.from_array(np.array([1, 2, 2], np.float32), "s")
save(good, "upsample9.onnx", model([node("Upsample", "x,s", "y", mode="linear")], x134, out, [scales], opset=9))
save(good, "resize10.onnx", model([node("Resize", "x,s", "y")], x134, out, [scales], opset=10))
sizes = [
    NH.from_array(np.zeros(0, np.float32), "roi"),
    NH.from_array(np.zeros(0, np.float32), "none"),
    NH.from_array(np.array([1, 6, 8], np.int64), "sizes"),
]
save(
    good,
    "resize11.onnx",
    model([node("Resize", "x,roi,none,sizes", "y", mode="nearest")], x134, out, sizes, opset=11),
)
save(
    good,
    "constant_of_shape.onnx",
    model(
        [
            node("Shape", "x", "s"),
            node("ConstantOfShape", "s", "y", value=NH.from_array(np.array([7], np.int64))),
            node("ConstantOfShape", "s", "z"),
        ],
        x134,
        [info("y", None, T.INT64), info("z", None)],
    ),
)
save(
    good,
    "batch_norm7.onnx",
    model(
        [node("BatchNormalization", "x,s,b,m,v", "y", epsilon=0.01, momentum=0.9)],
        x134,
        out,
        [NH.from_array(np.array(v, np.float32), k) for k, v in dict(s=[1, 2, 3], b=[4, 5, 6], m=[7, 8, 9], v=[1, 1, 1]).items()],
        opset=7,
    ),
)

# every form of a constant; every element type, as bytes and in typed fields
consts = [
    node("Constant", "", "c0", value=NH.from_array(np.array([1, 2], np.float32))),
    node("Constant", "", "c1", value_float=1.5),
    node("Constant", "", "c2", value_floats=[2.5, 3.5]),
    node("Constant", "", "c3", value_int=-4),
    node("Constant", "", "c4", value_ints=[5, -6]),
]
values = [
    (T.FLOAT, np.float32, [1.5, -2.5]),
    (T.UINT8, np.uint8, [0, 255]),
    (T.INT8, np.int8, [-128, 127]),
    (T.INT16, np.int16, [-32768, 32767]),
    (T.INT32, np.int32, [-(2**31), 2**31 - 1]),
    (T.INT64, np.int64, [-(2**63), 2**63 - 1]),
    (T.BOOL, np.bool_, [False, True]),
    (T.DOUBLE, np.float64, [0.1, -1e300]),
]
inits = []
for t, dt, v in values:
    a = np.array(v, dt)
    inits.append(H.make_tensor(f"raw{t}", t, [2], a.tobytes(), raw=True))
    inits.append(H.make_tensor(f"field{t}", t, [2], a))
half = np.array([1.5, -2.5, 65504, 6e-8, np.inf, 6.1e-5], np.float16)
inits.append(H.make_tensor("raw10", T.FLOAT16, [6], half.tobytes(), raw=True))
inits.append(H.make_tensor("field10", T.FLOAT16, [6], half))
inits.append(H.make_tensor("raw16", T.BFLOAT16, [2], b"\xc0\x3f\x20\xc0", raw=True))
save(
    good,
    "constants.onnx",
    model(
        consts + [node("Identity", "x", "y")],
        x134,
        out + [info(n.output[0], None, T.FLOAT if n.output[0] < "c3" else T.INT64) for n in consts]
        + [info(i.name, None, i.data_type) for i in inits],
        inits,
    ),
)

# constants that are listed as inputs too, as ir versions before 4 wanted
save(
    good,
    "ir3.onnx",
    model([node("Add", "x,w", "y")], x134 + [info("w", [4])], out, [NH.from_array(np.arange(4, dtype=np.float32), "w")], opset=8, ir=3),
)


def external(location, **extra):
    t = T(name="w", data_type=T.FLOAT, dims=[4], data_location=T.EXTERNAL)
    for k, v in dict(location=location, **extra).items():
        t.external_data.add(key=k, value=str(v))
    return model([node("Add", "x,w", "y")], x134, out, [t])


with open(os.path.join(good, "external.bin"), "wb") as f:
    f.write(b"\0" * 8 + np.arange(1, 5, dtype="<f4").tobytes())
save(good, "external.onnx", external("external.bin", offset=8, length=16), check=False)

# --- refused ---

refused = {}


def refuse(name, data, message):
    if isinstance(data, onnx.ModelProto):
        data = data.SerializeToString(deterministic=True)
    with open(os.path.join(bad, name), "wb") as f:
        f.write(data)
    refused[name] = message


def refuse_node(name, n, message, opset=17, domains=(), inputs=None, inits=(), outputs=None):
    refuse(name, model([n], inputs or x134, outputs or out, inits, opset=opset, domains=domains), f"node '{n.name}' ({n.op_type}): {message}")


unsupported = "this operator is not supported: "
refuse("empty.onnx", b"", "not an ONNX file: it is empty")
refuse("checkpoint.pt", b"PK\x03\x04" + bytes(range(40)), "not an ONNX file: looks like a zip archive or a PyTorch checkpoint: unpack it, or export it with `yolo export model=X.pt format=onnx`")
refuse("old_checkpoint.pt", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "not an ONNX file: looks like an old PyTorch checkpoint: export it first with `yolo export model=X.pt format=onnx`")
refuse("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not an ONNX file: looks like a PNG picture: the model comes first, then the photos")
refuse("picture.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "not an ONNX file: looks like a JPEG picture: the model comes first, then the photos")
refuse("model.tflite", b"\x1c\0\0\0TFL3\x14\0 \0", "not an ONNX file: looks like a TensorFlow Lite model: export the original network as ONNX")
refuse("model.xml", b'<?xml version="1.0"?><net name="g" version="11"/>', "not an ONNX file: looks like an OpenVINO model: export the original network as ONNX")
refuse("pointer.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "not an ONNX file: looks like a Git LFS pointer: fetch the file itself with `git lfs pull`")
refuse("packed.onnx.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "not an ONNX file: looks like a gzip archive: unpack it first")
refuse("text.onnx", b"this is no model\n", "not an ONNX file")
refuse("random.onnx", rng.bytes(200), "not an ONNX file")
whole = open(os.path.join(good, "conv.onnx"), "rb").read()
refuse("cut.onnx", whole[: len(whole) // 2], f"not a whole ONNX file: it begins like one, but is cut short or damaged ({len(whole) // 2} bytes)")
refuse("no_graph.onnx", onnx.ModelProto(ir_version=8).SerializeToString(), "not an ONNX model: it holds no graph")

identity = [node("Identity", "x", "y")]
fixed = "export with fixed sizes (dynamic=False)"
refuse("dynamic.onnx", model(identity, [info("x", ["batch", 3, "height", "width"])], out), f"input 'x' has dynamic shape [batch, 3, height, width]: {fixed}")
refuse("dynamic_unnamed.onnx", model(identity, [info("x", [None, 3])], out), f"input 'x' has dynamic shape [?, 3]: {fixed}")
refuse("no_shape.onnx", model(identity, [info("x", None)], out), f"input 'x' has no shape: {fixed}")
refuse("double_input.onnx", model(identity, [info("x", [2], T.DOUBLE)], out), "input 'x' is float64, which is not supported: export the model in float32")
refuse("text_input.onnx", model(identity, [info("x", [2], T.STRING)], out), "input 'x': its element type is string (type 8), which is not supported")
refuse("sequence_input.onnx", model(identity, [H.make_tensor_sequence_value_info("x", T.FLOAT, [2])], out), "input 'x' is no tensor")
refuse("rank9.onnx", model(identity, [info("x", [1] * 9)], out), "input 'x' has 9 dimensions, at most 8 are supported")
refuse("opset5.onnx", model(identity, x134, out, opset=5), "operator set 5 is not supported, only 6 to 21: export with opset=17")
refuse("opset22.onnx", model(identity, x134, out, opset=22), "operator set 22 is not supported, only 6 to 21: export with opset=17")
refuse("no_output.onnx", model(identity, x134, []), "malformed ONNX: the model has no output")
refuse("nothing_produces.onnx", model(identity, x134, [info("z", None)]), "malformed ONNX: nothing produces the output 'z'")
refuse("cycle.onnx", model([node("Add", "a,x", "y"), node("Relu", "y", "a")], x134, out), "node 'a' (Relu): malformed ONNX: its input 'y' is produced by no node before it")
refuse("no_producer.onnx", model([node("Relu", "a", "y")], x134, out), "node 'y' (Relu): malformed ONNX: its input 'a' is produced by no node before it")
refuse("twice.onnx", model([node("Relu", "x", "y"), node("Abs", "x", "y")], x134, out), "node 'y' (Abs): malformed ONNX: 'y' is produced twice")

refuse_node("domain.onnx", H.make_node("Gelu", ["x"], ["y"], name="gelu", domain="com.microsoft"), "operators of domain 'com.microsoft' are not supported: export with ONNX's own operators", domains=["com.microsoft"])
refuse_node("unknown_op.onnx", node("Det", "x", "y"), unsupported + "export the network without it")
refuse_node("ours.onnx", node("Silu", "x", "y"), unsupported + "export the network without it")
refuse_node("top_k.onnx", node("TopK", "x,x", "y,i"), unsupported + "export without the end-to-end head (end2end=False)")
refuse_node("nms.onnx", node("NonMaxSuppression", "x,x", "y"), unsupported + "export without nms=")
refuse("nms_around.onnx", model([node("ArgMax", "x", "a"), node("NonMaxSuppression", "x,x", "y")], x134, out), "node 'a' (ArgMax): " + unsupported + "export without nms=")
branch = H.make_graph([node("Identity", "x", "b")], "branch", [], [info("b", None)])
refuse_node("if.onnx", node("If", "c", "y", then_branch=branch, else_branch=branch), unsupported + "export with fixed sizes (dynamic=False, simplify=True)", inputs=x134 + [info("c", [1], T.BOOL)])
s1 = NH.from_array(np.array(0.1, np.float32), "s")
refuse_node("quantised.onnx", node("MatMulInteger", "x,s", "y"), unsupported + "the model is quantised already, give the float one", inits=[s1])
quantised = ": the model is quantised already, give the float one"
refuse_node("quantised_block.onnx", node("DequantizeLinear", "q,s", "y", axis=1, block_size=3), "attribute 'block_size' is not supported" + quantised, opset=21,
            inputs=[info("q", [4, 3], T.INT8)], inits=[NH.from_array(np.ones((4, 1), np.float32), "s")])
refuse_node("quantised_type.onnx", node("QuantizeLinear", "x,s", "y", output_dtype=T.UINT8), "attribute 'output_dtype' is not supported" + quantised, opset=21,
            inits=[NH.from_array(np.float32(1), "s")])
refuse_node("quantised_domain.onnx", H.make_node("QLinearAdd", ["x"] * 8, ["y"], name="y", domain="com.microsoft"),
            "operators of domain 'com.microsoft' are not supported: export with ONNX's own operators" + quantised, domains=["com.microsoft"])
refuse("quantised_16.onnx", model([node("DequantizeLinear", "q,s,z", "y")], [info("q", [4], T.UINT16)], out, [NH.from_array(np.float32(1), "s"), NH.from_array(np.uint16(1), "z")], opset=21),
       "initializer 'z': its element type is uint16 (type 4), which is not supported" + quantised)
refuse("quantised_4.onnx", model([node("DequantizeLinear", "q,s", "y")], [], out, [NH.from_array(np.float32(1), "s"), H.make_tensor("q", T.INT4, [4], [1, 2, 3, 4])], opset=21),
       "initializer 'q': its element type is int4 (type 22), which is not supported" + quantised)
refuse("quantised_8.onnx", model([node("QuantizeLinear", "x,s,z", "y")], x134, out, [NH.from_array(np.float32(1), "s"), H.make_tensor("z", T.FLOAT8E4M3FN, [], [0.0])], opset=19),
       "initializer 'z': its element type is float8 (type 17), which is not supported" + quantised)
refuse_node("indices.onnx", node("MaxPool", "x", "y,i", kernel_shape=[2]), "its output 2 ('i') is not supported", outputs=out + [info("i", None, T.INT64)])
refuse_node("attribute.onnx", node("Relu", "x", "y", colour=1), "attribute 'colour' is not supported")
refuse_node("attribute_type.onnx", node("Softmax", "x", "y", axis=1.5), "attribute 'axis' has type 1, it should be 2")
refuse_node("antialias.onnx", node("Resize", "x,,s", "y", antialias=1), "attribute 'antialias' is not supported", opset=18, inits=[scales])
refuse_node("arity.onnx", node("Add", "x", "y"), "1 inputs are given, at least 2 are needed")
refuse_node("arity_more.onnx", node("Relu", "x,x", "y"), "2 inputs are given, at most 1 are known")
refuse_node("left_out.onnx", node("Add", ",x", "y"), "its input 0 is left out")
refuse_node("cast_text.onnx", node("Cast", "x", "y", to=T.STRING), "the type it casts to is string (type 8), which is not supported")
refuse_node("training.onnx", node("Dropout", "x,,t", "y"), "it is in training mode: export the model for inference", inits=[NH.from_array(np.array(True), "t")])
refuse_node("training_batch_norm.onnx", node("BatchNormalization", "x,x,x,x,x", "y,p,q,r,t"), "it is in training mode: export the model for inference", opset=7)
refuse_node("both.onnx", node("Squeeze", "x,a", "y", axes=[0]), "input 1 is given as an attribute too", inits=[NH.from_array(np.array([0]), "a")])


w1 = NH.from_array(np.ones(3, np.float32), "w")
refuse_node("broadcast6.onnx", node("Add", "x,w", "y", broadcast=1, axis=1), "attribute 'axis' is not supported", opset=6, inits=[w1])
refuse_node("prelu6.onnx", node("PRelu", "x,w", "y"), "a slope for each channel is not supported before opset 7", opset=6, inits=[w1])


def refuse_tensor(name, t, message):
    refuse(name, model(identity, x134, out, [t]), f"initializer 'w': {message}")


refuse_tensor("short_data.onnx", T(name="w", data_type=T.FLOAT, dims=[4], raw_data=b"\0" * 12), "has 12 bytes of data, its shape needs 16")
refuse_tensor("short_field.onnx", T(name="w", data_type=T.INT64, dims=[2], int64_data=[1]), "has 1 elements, its shape needs 2")
refuse_tensor("huge.onnx", T(name="w", data_type=T.FLOAT, dims=[1 << 20, 1 << 20]), "has more than 2147483648 elements")
refuse_tensor("negative_dim.onnx", T(name="w", data_type=T.FLOAT, dims=[-1]), "has the dimension -1")
refuse_tensor("text_tensor.onnx", T(name="w", data_type=T.STRING, dims=[0]), "its element type is string (type 8), which is not supported")
for name, location in [("above", "../w.bin"), ("hidden_above", "a/../../w.bin"), ("absolute", "/etc/passwd")]:
    refuse(f"external_{name}.onnx", external(location), f"initializer 'w': its elements are outside the model's folder: '{location}'")
refuse("external_short.onnx", external("text.onnx", offset=8), "initializer 'w': external data: 16 bytes at 8 of 'text.onnx' are needed, 16 given, the file has 17")
refuse("external_number.onnx", external("text.onnx", offset="-8"), "initializer 'w': external data has the offset '-8', not a number")

# read, but refused by the compiler
batch = model([node("Relu", "images", "y")], [info("images", [2, 3, 64, 64])], out)
save(os.path.join(root, "../cli/networks"), "batch.onnx", batch)

with open(os.path.join(bad, "expected.txt"), "w") as f:
    for name in sorted(refused):
        f.write(f"{name}\t{refused[name]}\n")
