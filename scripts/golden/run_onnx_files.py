# SPDX-License-Identifier: Apache-2.0
"""Runs the four ONNX files of a build in ONNX Runtime, without its graph optimisations and with them, and compares: the float ones
with the network they were made from, the quantised one with the outputs of the compiled model.

usage: run_onnx_files.py NETWORK.onnx FOLDER     FOLDER: as `golden_onnx_files NETWORK PHOTOS COUNT EFFORT FOLDER` filled it
Needs onnx, onnxruntime and numpy. Ends with status 1 when a bound is not kept.
"""

import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort

FLOAT_LIMIT = 1e-4  # of the largest magnitude of an output
CALIBRATED_COSINE = 0.95  # median over the photos of the worst output: rounding to 8 bits is no small change
QUANTIZED_COSINE, QUANTIZED_RANGE = 0.9999, 0.02

network, folder = sys.argv[1:]
n_wrong = 0


def path(form):
    return os.path.join(folder, f"net_{form}_model.onnx")


def open_session(file, level):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run(session, x):
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, {session.get_inputs()[0].name: x})))


def cosine(a, b):
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def judge(what, ok, text):
    global n_wrong
    n_wrong += not ok
    print(f"{'ok   ' if ok else 'WRONG'} {what}: {text}")


for form in ("original_float", "optimized_float", "calibrated", "quantized"):
    model = onnx.load(path(form))
    onnx.checker.check_model(model, full_check=True)
    domains = {n.domain for n in model.graph.node} - {"", "ai.onnx"}
    opset = {o.domain: o.version for o in model.opset_import}
    judge(form, not domains, f"opset {opset.get('')}, {len(model.graph.node)} nodes, {os.path.getsize(path(form))} bytes")

photos = sorted(glob.glob(os.path.join(folder, "*_input.u8")))
shape = [d.dim_value for d in onnx.load(path("quantized")).graph.input[0].type.tensor_type.shape.dim]
levels = {"plain": ort.GraphOptimizationLevel.ORT_DISABLE_ALL, "optimised": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}
reference = open_session(network, levels["plain"])
for level, value in levels.items():
    sessions = {form: open_session(path(form), value) for form in ("original_float", "optimized_float", "calibrated", "quantized")}
    worst = {form: 0.0 for form in ("original_float", "optimized_float")}
    calibrated, lowest = [], 1.0
    largest, n_differ, n_all = 0.0, 0, 0
    for photo in photos:
        pixels = np.fromfile(photo, np.uint8).reshape(shape)
        x = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        wanted = run(reference, x)
        calibrated.append(1.0)
        for form in ("original_float", "optimized_float", "calibrated"):
            got = run(sessions[form], x)
            if got.keys() != wanted.keys():
                judge(form, False, f"outputs {list(got)}")
                continue
            for name, a in wanted.items():
                if form == "calibrated":
                    calibrated[-1] = min(calibrated[-1], cosine(a, got[name]))
                else:
                    worst[form] = max(worst[form], float(np.abs(a - got[name]).max() / np.abs(a).max()))
        for i, (name, y) in enumerate(run(sessions["quantized"], pixels).items()):
            a = np.fromfile(photo.replace("_input.u8", f"_{i}.f32"), np.float32).reshape(y.shape)
            lowest = min(lowest, cosine(a, y))
            largest = max(largest, float(np.abs(a - y).max() / max(a.max() - a.min(), 1e-30)))
            n_differ += int((a != y).sum())
            n_all += a.size
    for form in worst:
        judge(f"{level}: {form}", worst[form] <= FLOAT_LIMIT, f"largest difference {worst[form]:.2g} of the largest output")
    median = float(np.median(calibrated))
    judge(f"{level}: calibrated", median >= CALIBRATED_COSINE, f"cosine {median:.5f}")
    judge(
        f"{level}: quantized",
        lowest >= QUANTIZED_COSINE and largest <= QUANTIZED_RANGE,
        f"lowest cosine {lowest:.7f}, largest difference {100 * largest:.3g} % of the output's range, "
        f"{n_differ} of {n_all} numbers differ",
    )
print(f"{len(photos)} photos, {n_wrong} wrong")
sys.exit(n_wrong != 0 or not photos)
