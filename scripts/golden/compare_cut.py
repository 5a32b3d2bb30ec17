# SPDX-License-Identifier: Apache-2.0
"""Runs networks of one form in ONNX Runtime on noise and a gradient; prints the largest difference of each output from the first.

usage: compare_cut.py REFERENCE.onnx CUT.onnx...
"""

import sys

import numpy as np
import onnx
import onnxruntime

LIMIT = 1e-4

reference, *others = sys.argv[1:]


def run(path, x):
    onnx.checker.check_model(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return names, session.run(None, {session.get_inputs()[0].name: x})


shape = [d.dim_value for d in onnx.load(reference).graph.input[0].type.tensor_type.shape.dim]
rng = np.random.default_rng(1)
inputs = [rng.random(shape, np.float32), np.broadcast_to(np.linspace(0, 1, shape[3], dtype=np.float32), shape).copy()]
n_wrong = 0
for path in others:
    for x in inputs:
        names, wanted = run(reference, x)
        got_names, got = run(path, x)
        worst = max(float(np.abs(a - b).max()) for a, b in zip(wanted, got))
        fits = len(wanted) == len(got) and all(a.shape == b.shape for a, b in zip(wanted, got)) and worst <= LIMIT
        n_wrong += not fits or names != got_names
        print(f"{path}: {len(got)} outputs, names {'equal' if names == got_names else 'differ'}, largest difference {worst:.2g}")
sys.exit(n_wrong != 0)
