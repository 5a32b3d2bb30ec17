# SPDX-License-Identifier: Apache-2.0
"""hobot_dnn.pyeasy_dnn gives what libintarsia gives for the same bytes, in arrays as programs for the board expect them."""

import ctypes
import gc
import os
import threading

import numpy as np
import pytest

import intarsia
from hobot_dnn import pyeasy_dnn as dnn

SIZES = {"cam": (64, 32), "odd": (20, 12), "rgb": (64, 32), "gray": (20, 12), "yuv": (64, 32)}
BYTES = {"cam": 1.5, "odd": 1.5, "rgb": 3, "gray": 1, "yuv": 3}  # of a pixel


@pytest.fixture(scope="module")
def models(networks_path):
    return {model.name: model for model in dnn.load(str(networks_path))}


def frame(name, seed=1):
    width, height = SIZES[name]
    return np.random.default_rng(seed).integers(0, 256, int(height * width * BYTES[name]), np.uint8)


def truth(path, name, data):
    """{output: array} as pyeasy_dnn should give it: the first as floats, of the others, whose dequantise node was taken off, the integers."""
    width, height = SIZES[name]
    model = intarsia.load(path, name, threads=1)
    shape = (height, width, 3) if BYTES[name] == 3 else (-1, width)
    real, stored = (model.run(data.reshape(shape), order=model.inputs[0].order, quantized=quantized) for quantized in (False, True))
    return {out: real[out] if i == 0 else stored[out] for i, out in enumerate(real)}, model.outputs


def test_properties(models):
    assert list(models) == ["cam", "odd", "rgb", "raw", "gray", "yuv"]
    (given,) = models["cam"].inputs
    assert given.name == "images" and given.buffer is None
    p = given.properties
    assert (p.dtype, p.tensor_type, p.layout, p.shape) == ("uint8", "NV12", "NCHW", (1, 3, 32, 64))
    assert models["odd"].inputs[0].properties.alignedShape == (1, 3, 12, 32)
    assert models["odd"].inputs[0].properties.validShape == (1, 3, 12, 20)
    p = models["rgb"].inputs[0].properties
    assert (p.dtype, p.tensor_type, p.layout, p.shape) == ("uint8", "RGB", "NHWC", (1, 32, 64, 3))
    assert [models[n].inputs[0].properties.tensor_type for n in ("gray", "yuv")] == ["Y", "YUV444"]
    p = models["raw"].inputs[1].properties
    assert (p.dtype, p.tensor_type, p.layout, p.shape) == ("float32", "float32", "NCHW", (1, 3, 4, 6))
    outputs = models["cam"].outputs
    assert [o.name for o in outputs] == ["cls", "box", "proto", "part"]
    assert [o.properties.dtype for o in outputs] == ["float32", "int32", "int16", "int8"]
    assert [o.properties.tensor_type for o in outputs] == [o.properties.dtype for o in outputs]
    assert [len(o.properties.scale_data) for o in outputs] == [0, 16, 1, 1]
    assert outputs[1].properties.scale_data.dtype == np.float32
    assert [o.properties.shape for o in outputs] == [(1, 8, 16, 5), (1, 8, 16, 16), (1, 16, 32, 6), (1, 8, 16, 8)]
    h, w = given.properties.shape[2:4]
    assert (h, w) == (32, 64)


class TensorShape(ctypes.Structure):
    _fields_ = [("dimensionSize", ctypes.c_int * 8), ("numDimensions", ctypes.c_int)]


def test_shapes_cast_to_c(models):
    """As programs do it that hand tensors to a C library; the shape lives as long as its tensor."""
    tensor = models["odd"].forward(frame("odd"))[2]
    shape = ctypes.cast(tensor.properties.validShape, ctypes.POINTER(TensorShape)).contents
    gc.collect()
    assert list(shape.dimensionSize) == [1, 6, 10, 6, 0, 0, 0, 0] and shape.numDimensions == 4
    given = ctypes.cast(models["odd"].inputs[0].properties.alignedShape, ctypes.POINTER(TensorShape)).contents
    assert list(given.dimensionSize)[:4] == [1, 3, 12, 32]
    address = ctypes.cast(tensor.buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_int16)), ctypes.c_void_p)
    assert address.value == tensor.buffer.ctypes.data
    assert tensor.properties.scale_data.ctypes.data_as(ctypes.POINTER(ctypes.c_float))[0] == tensor.properties.scale_data[0]


@pytest.mark.parametrize("name", list(SIZES))
def test_forward(models, networks_path, name):
    data = frame(name)
    wanted, infos = truth(networks_path, name, data)
    outputs = models[name].forward(data)
    assert isinstance(outputs, tuple) and [o.name for o in outputs] == list(wanted)
    for output, info in zip(outputs, infos):
        assert output.buffer.dtype == output.properties.dtype and output.buffer.shape == output.properties.shape
        assert output.buffer.flags.c_contiguous and output.buffer.flags.writeable
        assert output.buffer.ctypes.data % 64 == 0  # where the network can write itself
        np.testing.assert_array_equal(output.buffer, wanted[output.name])
        if len(output.properties.scale_data):
            np.testing.assert_array_equal(output.properties.scale_data, info.scale)


def test_ways_to_give_a_picture(models):
    data = frame("cam")
    wanted = models["cam"].forward(data)[0].buffer
    for same in ([data], (data,), data.reshape(48, 64), data.reshape(1, 48, 64, 1), np.repeat(data, 3)[::3]):
        np.testing.assert_array_equal(models["cam"].forward(same, core_id=1, priority=255)[0].buffer, wanted)
    np.testing.assert_array_equal(models["cam"].forward(data, 2, 7)[0].buffer, wanted)
    data.flags.writeable = False
    np.testing.assert_array_equal(models["cam"].forward(data)[0].buffer, wanted)


def test_padded_rows(models):
    """20 pixels a row may have 32 bytes, as alignedShape says, or 20."""
    data = frame("odd").reshape(18, 20)
    padded = np.full((18, 32), 99, np.uint8)
    padded[:, :20] = data
    for name, rows in ("odd", 18), ("gray", 12):
        for a, b in zip(models[name].forward(data[:rows]), models[name].forward(padded[:rows])):
            np.testing.assert_array_equal(a.buffer, b.buffer)


def test_numbers(models, networks_path):
    rng = np.random.default_rng(2)
    a, b = (rng.normal(size=(1, 3, 4, 6)).astype(np.float32) for _ in range(2))
    native = intarsia.load(networks_path, "raw", threads=1)._native
    outputs = models["raw"].forward([a, b])
    wanted = [np.asarray(block) for block in native.run_float((a[0], b[0]), 0)]
    assert len(outputs) == 2
    for output, values in zip(outputs, wanted):
        np.testing.assert_array_equal(output.buffer, values)


@pytest.mark.parametrize("inputs, error", [
    (None, TypeError),
    ([None], TypeError),
    (b"\0" * 3072, TypeError),
    (np.zeros(3071, np.uint8), ValueError),
    (np.zeros(0, np.uint8), ValueError),
    (np.zeros(6144, np.uint8), ValueError),
    (np.zeros(3072, np.float32), ValueError),
    (np.zeros(1536, np.uint16), ValueError),
    ([], ValueError),
    ([np.zeros(3072, np.uint8)] * 2, ValueError),
])
def test_refused(models, inputs, error):
    with pytest.raises(error):
        models["cam"].forward(inputs)


def test_library_refuses(models, tmp_path):
    for wrong in {"core_id": 3}, {"core_id": -1}, {"priority": 256}, {"priority": -1}:
        with pytest.raises(RuntimeError, match="HB_DNN_INVALID_ARGUMENT"):
            models["cam"].forward(frame("cam"), **wrong)
    with pytest.raises(RuntimeError, match="HB_DNN_CAN_NOT_OPEN_FILE"):
        dnn.load(tmp_path / "no-such.bin")
    (tmp_path / "text.bin").write_text("no model")
    with pytest.raises(RuntimeError, match="HB_DNN_INVALID_MODEL"):
        dnn.load(tmp_path / "text.bin")
    for wrong in (None,), (3,), ([None],):
        with pytest.raises(TypeError):
            dnn.load(*wrong)
    with pytest.raises(RuntimeError):
        dnn.load([])


def test_outputs_stay(networks_path):
    """A result is not touched by later runs and outlives its model."""
    model = dnn.load(networks_path, anything=1)[0]
    first = model.forward(frame("cam", 1))
    copies = [o.buffer.copy() for o in first]
    others = [model.forward(frame("cam", seed)) for seed in range(2, 6)]
    assert any((others[0][i].buffer != copies[i]).any() for i in range(4))
    del model, others
    gc.collect()
    for output, copy in zip(first, copies):
        np.testing.assert_array_equal(output.buffer, copy)
    part = first[0].buffer[0, 2]
    del first, output
    gc.collect()
    np.testing.assert_array_equal(part, copies[0][0, 2])


def test_more_threads_than_tasks(models):
    """libdnn has at most 32 tasks alive; more callers wait for their turn."""
    wanted = {seed: [o.buffer for o in models["cam"].forward(frame("cam", seed))] for seed in range(5)}
    wrong = []

    def work(first):
        try:
            for i in range(20):
                seed = (first + i) % 5
                outputs = models["cam"].forward(frame("cam", seed), priority=first % 256)
                if not all((o.buffer == w).all() for o, w in zip(outputs, wanted[seed])):
                    wrong.append(seed)
        except Exception as error:  # pylint: disable=broad-except
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_fork_is_refused(networks_path):
    model = dnn.load(networks_path)[0]
    model.forward(frame("cam"))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            model.forward(frame("cam"))
        except RuntimeError as error:
            status = 0 if "forked" in str(error) else 2
        finally:
            del model
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    model.forward(frame("cam"))


def test_nothing_leaks(networks_path, resident_kilobytes):
    def work(n):
        for _ in range(n):
            cam = dnn.load(networks_path)[0]
            cam.forward(frame("cam"))
            with pytest.raises(ValueError):
                cam.forward(frame("odd"))
            with pytest.raises(RuntimeError):
                cam.forward(frame("cam"), core_id=9)

    work(30)
    gc.collect()
    before = resident_kilobytes()
    work(200)
    gc.collect()
    assert resident_kilobytes() - before < 2000
