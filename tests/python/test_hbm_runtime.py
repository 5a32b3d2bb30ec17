# SPDX-License-Identifier: Apache-2.0
"""hbm_runtime: the same numbers as pyeasy_dnn, in the forms its programs use."""

import numpy as np
import pytest

import hbm_runtime
import intarsia
from hbm_runtime import HB_HBMRuntime, QuantParams, SchedParam, hbDNNDataType, hbDNNQuantiType
from hobot_dnn import pyeasy_dnn
from test_pyeasy_dnn import frame


@pytest.fixture(scope="module")
def runtime(networks_path):
    return HB_HBMRuntime(str(networks_path))


@pytest.fixture(scope="module")
def wanted(networks_path):
    models = {m.name: m for m in pyeasy_dnn.load(networks_path)}
    return {name: {o.name: o.buffer for o in models[name].forward(frame(name))} for name in ("cam", "odd", "rgb", "gray")}


def same(got, wanted, *names):
    assert list(got) == list(names)
    for name in names:
        assert list(got[name]) == list(wanted[name])
        for output, array in got[name].items():
            np.testing.assert_array_equal(array, wanted[name][output])


def test_attributes(runtime, networks_path):
    assert HB_HBMRuntime.version.startswith("1.24.5") and runtime.version == HB_HBMRuntime.version
    assert runtime.model_names == ["cam", "odd", "rgb", "raw", "gray", "yuv"] and runtime.model_count == 6
    assert set(runtime.model_descs) == set(runtime.model_names) and list(runtime.hbm_descs) == [str(networks_path)]
    assert [runtime.input_counts[name] for name in ("cam", "raw")] == [1, 2]
    assert [runtime.output_counts[name] for name in ("cam", "raw")] == [4, 2]
    assert runtime.input_names["cam"] == ["images"] and runtime.output_names["cam"] == ["cls", "box", "proto", "part"]
    assert runtime.input_shapes["cam"]["images"] == [1, 3, 32, 64]
    assert runtime.output_shapes["odd"]["proto"] == [1, 6, 10, 6]
    assert runtime.input_dtypes["cam"]["images"] is hbDNNDataType.NV12
    assert [t.name for t in runtime.output_dtypes["cam"].values()] == ["F32", "S32", "S16", "S8"]
    assert runtime.output_strides["cam"]["box"] == [8 * 16 * 16 * 4, 16 * 16 * 4, 16 * 4, 4]
    assert runtime.input_strides["cam"]["images"] == [0, 0, 0, 0]
    assert runtime.input_descs["cam"]["images"] == "" and set(runtime.output_descs["cam"]) == set(runtime.output_names["cam"])
    with pytest.raises(AttributeError):
        runtime.model_count = 3


def dequantize(array, quant):
    """As the Model Zoo does it."""
    if getattr(quant.quant_type, "name") not in ("SCALE", "1"):
        return array
    assert quant.quant_type == 1
    shape = [1] * array.ndim
    if quant.scale.size > 1:
        shape[quant.axis] = -1
    return (array.astype(np.float32) - quant.zero_point.astype(np.float32).reshape(shape)) * quant.scale.reshape(shape)


def test_quants(runtime, networks_path):
    data = frame("cam")
    real = intarsia.load(networks_path, "cam").run(data.reshape(48, 64), order="nv12")
    outputs = runtime.run(data, model_name="cam")["cam"]
    quants = runtime.output_quants["cam"]
    assert quants["cls"].quant_type is hbDNNQuantiType.NONE and quants["cls"].scale.size == 0
    assert quants["box"].axis == 3 and quants["box"].scale.shape == quants["box"].zero_point.shape == (16,)
    assert isinstance(quants["box"], QuantParams) and quants["proto"].scale.tolist()
    for name, array in outputs.items():
        np.testing.assert_array_equal(dequantize(array, quants[name]), real[name])


def test_forms(runtime, wanted, networks_path):
    data = frame("cam")
    same(runtime.run(data, model_name="cam"), wanted, "cam")
    same(runtime.run({"images": data.reshape(1, 48, 64, 1)}, model_name="cam"), wanted, "cam")
    both = {"cam": {"images": data}, "odd": {"images": frame("odd")}}
    same(runtime.run(both), wanted, "cam", "odd")
    same(runtime.run(both, model_name="odd"), wanted, "odd")
    same(runtime.run(frame("gray").reshape(1, 1, 12, 20), model_name="gray"), wanted, "gray")
    same(runtime.run({"rgb": {"images": frame("rgb").reshape(1, 32, 64, 3)}}), wanted, "rgb")


def test_several_files(networks_path, tiny_path):
    with pytest.raises(RuntimeError):
        HB_HBMRuntime([str(networks_path), str(networks_path)])  # the same names twice
    with pytest.raises(RuntimeError):
        HB_HBMRuntime([networks_path, tiny_path])  # both have a model called raw
    assert HB_HBMRuntime([tiny_path]).model_names == ["seg", "det", "raw"]


def test_scheduling(runtime, wanted):
    runtime.set_scheduling_params(priority={"cam": 200, "odd": 3}, bpu_cores={"cam": [0, 1]}, custom_id={"cam": 1001}, device_id={"cam": 0})
    now = runtime.sched_params
    assert (now["cam"].priority, now["cam"].bpu_cores, now["cam"].customId, now["cam"].deviceId) == (200, [0, 1], 1001, 0)
    assert now["odd"].priority == 3 and now["rgb"] == SchedParam(0, 0, [-1], 0)
    same(runtime.run(frame("cam"), model_name="cam"), wanted, "cam")
    for wrong in {"priority": {"cam": 256}}, {"priority": {"cam": -1}}, {"priority": {"nothing": 1}}, {"bpu_cores": {"x": [0]}}:
        with pytest.raises(ValueError):
            runtime.set_scheduling_params(**wrong)
    assert runtime.sched_params["cam"].priority == 200
    runtime.set_scheduling_params()
    runtime.set_scheduling_params(priority={"cam": 0})


@pytest.mark.parametrize("inputs, model_name, error", [
    (frame("cam"), None, ValueError),  # which model?
    (frame("cam"), "nothing", ValueError),
    (frame("odd"), "cam", ValueError),
    (frame("cam").astype(np.float32), "cam", ValueError),
    (frame("cam"), "raw", ValueError),
    ({"images": frame("cam")}, None, ValueError),
    ({"data": frame("cam")}, "cam", ValueError),
    ({"images": None}, "cam", TypeError),
    ({}, "cam", TypeError),
    (None, "cam", TypeError),
    ({"nothing": {"images": frame("cam")}}, None, ValueError),
    ({"cam": {"images": frame("cam")}, "odd": frame("odd")}, None, TypeError),
    ({"cam": {"images": frame("cam")}}, "odd", ValueError),
    ({"cam": {}}, None, ValueError),
])
def test_refused(runtime, inputs, model_name, error):
    with pytest.raises(error):
        runtime.run(inputs, model_name=model_name)


def test_names_of_the_module():
    assert hbDNNDataType.F32.name == "F32" and hbDNNDataType(14) is hbDNNDataType.S32
    assert set(hbm_runtime.__all__) >= {"HB_HBMRuntime", "QuantParams", "SchedParam", "hbDNNDataType", "hbDNNQuantiType"}
    sched = SchedParam()
    sched.priority = {"cam": 8}
    assert sched.priority == {"cam": 8}
