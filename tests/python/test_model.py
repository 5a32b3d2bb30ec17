# SPDX-License-Identifier: Apache-2.0
"""Opening models, what they refuse, how long memory lives, threads, processes, leaks."""

import gc
import os
import sys
import threading
import weakref

import numpy as np
import pytest

import intarsia
from conftest import TREE


def test_open(tiny_path):
    first = intarsia.load(tiny_path)
    assert first.name == "seg" and first.models == ["seg", "det", "raw"] and first.names == ["bolt", "nut", "washer"]
    det = intarsia.load(str(tiny_path), "det", threads=1, cpu="scalar")
    assert det.task == "detect" and det.cpu == "scalar" and det.threads == 1
    assert intarsia.load(tiny_path.read_bytes(), "raw").task == "raw"
    assert "det" in repr(det) and "64x64" in repr(det)


@pytest.mark.parametrize("arguments, code", [
    (("no-such.bin",), "ITX_E_IO"),
    ((b"not a model", None), "ITX_E_FORMAT"),
    ((b"",), "ITX_E_FORMAT"),
])
def test_open_refused(arguments, code):
    with pytest.raises(intarsia.IntarsiaError) as caught:
        intarsia.load(*arguments)
    assert caught.value.code == code and str(caught.value)
    assert isinstance(caught.value, RuntimeError)


def test_odd_files_are_refused(tmp_path, tiny_path):
    """Nothing is waited for, and a file that was read may be shortened or written to."""
    fifo = tmp_path / "fifo.bin"
    os.mkfifo(fifo)
    for path, text in (fifo, "is a FIFO, not a file"), ("/dev/zero", "is a character device"), ("-", "not supported"):
        with pytest.raises(intarsia.IntarsiaError, match=text):
            intarsia.load(path)
    copy = tmp_path / "copy.bin"
    copy.write_bytes(tiny_path.read_bytes())
    model = intarsia.load(copy)
    frame = np.full((64, 64, 3), 90, np.uint8)
    before = len(model.segment(frame))
    os.truncate(copy, 0)
    assert len(intarsia.load(tiny_path).segment(frame)) == before == len(model.segment(frame))


def test_options_refused(tiny_path):
    for options in {"name": "nothing"}, {"threads": -1}, {"threads": 257}, {"cpu": "mmx"}, {"max_det": 0}:
        with pytest.raises(intarsia.IntarsiaError):
            intarsia.load(tiny_path, **options)
    for wrong in (3,), (None,), (tiny_path, 5), ([tiny_path],):
        with pytest.raises(TypeError):
            intarsia.load(*wrong)
    with pytest.raises(ValueError):
        intarsia.load("")
    with pytest.raises(ValueError):
        intarsia.load("a\0b")


def test_messages_show_names_harmlessly():
    evil = intarsia.load(TREE / "tests/cli/networks/names.bin")
    assert "\u202e" in evil.name and "\x9b" in evil.name  # data stay what they are
    found = evil.segment(np.zeros((8, 8, 3), np.uint8), conf=0.01)
    for text in (repr(evil), repr(found)):
        assert text.isprintable()
    with pytest.raises(intarsia.IntarsiaError) as raised:
        intarsia.load(TREE / "tests/cli/networks/names.bin", "another")
    assert str(raised.value).isprintable() and "C1?" in str(raised.value)
    from intarsia._text import shown
    assert shown("a\x9bb\u202ec\n\u00e4") == "a?b?c?\u00e4"


@pytest.mark.parametrize("first, message", [
    (b"PK\3\4" + bytes(26) + b"best/data.pkl", "looks like a PyTorch checkpoint: export it first with `yolo export"),
    (b"\x08\x08\x12\x07pytorch", "looks like an ONNX network: compile it first with `intarsia build`"),
    (b"\xff\xd8\xff\xe0", "looks like a JPEG picture"),
    (b"\x1c\0\0\0TFL3", "looks like a TensorFlow Lite model: export the original network as ONNX"),
])
def test_wrong_kind_of_file(tmp_path, first, message):
    path = tmp_path / "best.bin"
    path.write_bytes(first)
    with pytest.raises(intarsia.IntarsiaError) as raised:
        intarsia.load(path)
    assert f"best.bin: not an Intarsia file: {message}" in str(raised.value)
    with pytest.raises(intarsia.IntarsiaError, match="looks like|not an Intarsia"):
        intarsia.load(first)
    with pytest.raises(intarsia.IntarsiaError, match="is a folder, a file is needed: name best.bin in it"):
        intarsia.load(tmp_path)


def test_error_names_the_file():
    with pytest.raises(intarsia.IntarsiaError, match="no-such.bin"):
        intarsia.load("no-such.bin")


def test_thresholds(tiny, noise):
    low = tiny.segment(noise, 0.01)
    high = tiny.segment(noise, 0.3, max_det=5)
    assert len(low) > len(high) > 0 and len(high) <= 5
    np.testing.assert_array_equal(high.scores, low.scores[:len(high)])
    assert (np.diff(low.scores) <= 0).all() and low.scores.min() >= 0.01
    assert len(tiny.segment(noise, 1.0)) == 0 and tiny.segment(noise, 1.0).masks.shape == (0, 48, 80)
    assert len(tiny.segment(noise, 0.01, multi_label=True)) >= len(low)
    assert len(tiny.segment(noise, 0.01, 0.0)) < len(tiny.segment(noise, 0.01, 1.0))
    for wrong in {"conf": 1.5}, {"conf": float("nan")}, {"iou": -1}, {"max_det": 301}, {"max_det": 0}:
        with pytest.raises(intarsia.IntarsiaError) as caught:
            tiny.segment(noise, **wrong)
        assert caught.value.code == "ITX_E_RANGE"
    with pytest.raises(TypeError):
        tiny.segment(noise, "0.5")


def test_result(tiny, noise):
    found = tiny.segment(noise, 0.01)
    n = len(found)
    assert found.boxes.shape == (n, 4) and found.boxes.dtype == np.float32
    assert found.scores.dtype == np.float32 and found.classes.dtype == np.int32
    assert found.masks.shape == (n, 48, 80) and found.masks.dtype == np.bool_ and found.masks is found.masks
    assert found.names == [tiny.names[c] for c in found.classes]
    assert (found.boxes[:, 0] >= 0).all() and (found.boxes[:, 2] <= 80).all() and (found.boxes[:, 3] <= 48).all()
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert all(0 <= ms < 60000 for ms in found.milliseconds) and len(found.milliseconds) == 3
    for i in range(n):
        x, y, crop = found.mask_crop(i)
        assert crop.sum() == found.masks[i].sum()
        np.testing.assert_array_equal(found.masks[i, y:y + crop.shape[0], x:x + crop.shape[1]], crop)
    with pytest.raises(IndexError):
        found.mask_crop(n)


def test_raw_model(tiny_path, noise):
    raw = intarsia.load(tiny_path, "raw", threads=1)
    assert [i.order for i in raw.inputs] == ["numbers"] * 2 and (raw.inputs[0].channels, raw.inputs[0].height) == (3, 4)
    a = np.random.default_rng(1).normal(size=(3, 4, 4)).astype(np.float32)
    b = np.zeros((1, 3, 4, 4), np.float32)
    out = raw.run((a, b))
    assert [v.shape for v in out.values()] == [(1, 4, 4, 8)] * 2
    flipped = raw.run((np.asfortranarray(a), b))
    assert all((flipped[name] == out[name]).all() for name in out)
    assert (raw.run((b, b))["out"] != out["out"]).any()
    for wrong, error in ((a,), ValueError), ((a, b, b), ValueError), ((a, b[:, :2]), ValueError), (a, ValueError), (
            (a, None), TypeError), ((a.astype(np.float64), b), TypeError), (None, TypeError), (noise, TypeError):
        with pytest.raises(error):
            raw.run(wrong)
    with pytest.raises(intarsia.IntarsiaError) as caught:
        raw.segment(noise)
    assert caught.value.code == "ITX_E_UNSUPPORTED"


def test_results_outlive_their_model(tiny_path, noise):
    model = intarsia.load(tiny_path, "seg", threads=2)
    found = model.segment(noise, 0.01)
    shared = model.run(noise, quantized=True, copy=False)
    wanted = model.run(noise, quantized=True)
    boxes = found.boxes.copy()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    np.testing.assert_array_equal(found.boxes, boxes)
    for name, array in shared.items():
        np.testing.assert_array_equal(array, wanted[name])
    part = shared["cls"][0, 3]
    row = wanted["cls"][0, 3].copy()
    del shared, wanted, array
    gc.collect()
    np.testing.assert_array_equal(part, row)


def test_shared_outputs_do_not_change(tiny, noise):
    first = tiny.run(noise, quantized=True, copy=False)
    copies = {name: array.copy() for name, array in first.items()}
    assert tiny._native.n_idle == 0
    second = tiny.run(255 - noise, quantized=True, copy=False)
    tiny.segment(255 - noise)
    assert any((second[name] != first[name]).any() for name in first)
    for name in first:
        np.testing.assert_array_equal(first[name], copies[name])
        with pytest.raises(ValueError):
            first[name][0, 0, 0, 0] = 1
    n_idle = tiny._native.n_idle
    del first, second
    assert tiny._native.n_idle == n_idle + 2
    with pytest.raises(ValueError):
        tiny.run(noise, copy=False)


def test_threads(tiny_path):
    model = intarsia.load(tiny_path, "seg", threads=1)
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 256, (40 + i, 50, 3), np.uint8) for i in range(8)]
    wanted = [(model.segment(f, 0.01), model.run(f)) for f in frames]
    wrong = []

    def work(first):
        for i in range(40):
            k = (first + i) % len(frames)
            found, outputs = model.segment(frames[k], 0.01), model.run(frames[k])
            if not ((found.masks == wanted[k][0].masks).all() and (found.scores == wanted[k][0].scores).all() and
                    all((outputs[name] == wanted[k][1][name]).all() for name in outputs)):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert 1 <= model._native.n_idle <= 9


def test_lock_is_released(parts, photo):
    """While the network runs, other Python code does."""
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(1)
            done.wait(0.0005)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)  # who holds the lock keeps it
    try:
        other = threading.Thread(target=tick)
        other.start()
        before = len(ticks)
        for _ in range(5):
            parts.segment(photo)
        during = len(ticks) - before
        done.set()
        other.join()
    finally:
        sys.setswitchinterval(interval)
    assert during >= 5


def test_fork(tiny_path, noise):
    model = intarsia.load(tiny_path, "seg", threads=2)
    wanted = model.run(noise)
    held = model.run(noise, quantized=True, copy=False)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            again = model.run(noise)
            status = 0 if all((again[name] == wanted[name]).all() for name in wanted) else 2
            del held, model
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert (model.run(noise)["cls"] == wanted["cls"]).all() and held


def test_nothing_leaks(tiny_path, noise, resident_kilobytes):
    data = tiny_path.read_bytes()

    def work(n):
        for i in range(n):
            model = intarsia.load(data, "seg", threads=1 + i % 2)
            model.segment(noise, 0.01).masks.sum()
            model.run(noise)
            model.run(noise, quantized=True, copy=False)
            for call in (lambda: model.segment(noise, 2.0), lambda: model.segment(noise[0]), lambda: intarsia.load(b"x")):
                with pytest.raises((ValueError, RuntimeError)):
                    call()

    work(50)
    gc.collect()
    before = resident_kilobytes()
    work(300)
    gc.collect()
    assert resident_kilobytes() - before < 2000  # one session alone takes more than 100
