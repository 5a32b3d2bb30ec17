# SPDX-License-Identifier: Apache-2.0
"""The module finds what the program finds."""

import json

import numpy as np
import pytest

from conftest import program


def decode_rle(rle):
    """COCO's compressed run lengths: 6 bits a character, the differences to the count before the last; columns first."""
    counts, at = [], 0
    text = rle["counts"].encode()
    while at < len(text):
        value = shift = 0
        while True:
            c = text[at] - 48
            at += 1
            value |= (c & 31) << shift
            shift += 5
            if not c & 32:
                break
        if c & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    pixels = np.repeat(np.arange(len(counts)) % 2, counts)
    height, width = rle["size"]
    return pixels.reshape(width, height).T.astype(bool)


@pytest.mark.parametrize("conf, iou", [(0.25, 0.7), (0.6, 0.3)])
def test_same_instances(parts, parts_path, photo, photo_path, tmp_path, conf, iou):
    program("segment", parts_path, photo_path, "--conf", conf, "--iou", iou, "--json", tmp_path / "found.json")
    wanted = json.loads((tmp_path / "found.json").read_text())["photos"][0]["instances"]
    found = parts.segment(photo, conf, iou)
    assert len(found) == len(wanted) > 3
    assert found.classes.tolist() == [w["class_id"] for w in wanted]
    assert found.names == [w["class"] for w in wanted]
    np.testing.assert_array_equal(found.scores, np.array([w["score"] for w in wanted], np.float32))
    np.testing.assert_array_equal(found.boxes, np.array([w["box"] for w in wanted], np.float32))
    for mask, w in zip(found.masks, wanted):
        np.testing.assert_array_equal(mask, decode_rle(w["segmentation"]))


def test_same_outputs(parts, parts_path, photo_path, photo, tmp_path):
    program("hrt_model_exec", "infer", "--model_file", parts_path, "--input_file", photo_path, "--enable_dump", "--dump_path", tmp_path)
    stored = parts.run(photo, quantized=True)
    real = parts.run(photo)
    assert list(stored) == list(real) == [info.name for info in parts.outputs]
    for i, info in enumerate(parts.outputs):
        (path,) = tmp_path.glob(f"model_infer_output_{i}_*.bin")
        dumped = np.fromfile(path, np.float32).reshape(info.shape)
        np.testing.assert_array_equal(real[info.name], dumped)
        assert stored[info.name].dtype == info.dtype
        scaled = (stored[info.name].astype(np.int64) - info.zero_point).astype(np.float32) * info.scale
        np.testing.assert_array_equal(real[info.name], scaled)


def test_info(parts, parts_path):
    said = json.loads(program("info", parts_path, "--json"))
    assert (parts.name, parts.models, parts.names) == (said["name"], said["models"], said["classes"])
    (given,) = parts.inputs
    assert {"format": given.order, "range": given.range, "width": given.width, "height": given.height,
            "channels": given.channels} == said["input"]
    assert parts.task == "segment"
    assert parts.multiply_adds == said["multiply_adds"] and parts.weight_bytes == said["weight_bytes"]
    assert [o.name for o in parts.outputs] == [o["name"] for o in said["outputs"]]
    assert [list(o.shape[1:]) for o in parts.outputs] == [o["shape"] for o in said["outputs"]]
    assert [len(o.scale) for o in parts.outputs] == [o["n_scales"] for o in said["outputs"]]
    assert parts.meta["producer"]
