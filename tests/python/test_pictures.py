# SPDX-License-Identifier: Apache-2.0
"""The same picture in any order and memory layout is the same picture; what is no picture is refused."""

import numpy as np
import pytest

import intarsia


def same(a, b):
    assert len(a) == len(b) > 0
    for x, y in zip((a.boxes, a.scores, a.classes, a.masks), (b.boxes, b.scores, b.classes, b.masks)):
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def wanted(tiny, noise):
    return tiny.segment(noise, 0.01)


def test_orders(tiny, noise, wanted):
    alpha = np.full((48, 80, 1), 9, np.uint8)
    same(tiny.segment(np.ascontiguousarray(noise[..., ::-1]), 0.01, order="bgr"), wanted)
    same(tiny.segment(np.concatenate([noise, alpha], 2), 0.01, order="rgba"), wanted)


def test_memory_layouts(tiny, noise, wanted):
    frame = np.zeros((100, 200, 3), np.uint8)
    frame[20:68, 30:110] = noise
    same(tiny.segment(frame[20:68, 30:110], 0.01), wanted)  # in place
    same(tiny.segment(noise[::-1].copy()[::-1], 0.01), wanted)  # upside down in memory
    same(tiny.segment(noise[..., ::-1].copy()[..., ::-1], 0.01), wanted)
    same(tiny.segment(np.asfortranarray(noise), 0.01), wanted)
    same(tiny.segment(np.repeat(noise, 2, 1)[:, ::2], 0.01), wanted)
    noise.flags.writeable = False
    same(tiny.segment(noise, 0.01), wanted)


def test_gray(tiny, noise):
    gray = noise[:, :, 0]
    assert not gray.flags.c_contiguous
    same(tiny.segment(gray, 0.01, order="gray"), tiny.segment(np.stack([gray] * 3, 2), 0.01))


def nv12_to_rgb(luma, chroma, video):
    """The formula of docs/arithmetic.md, with floats: within 1 of it."""
    y = luma.astype(float)
    u, v = (np.repeat(np.repeat(chroma[..., i].astype(float) - 128, 2, 0), 2, 1) for i in range(2))
    if video:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], 2)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("range_", ["full", "video"])
def test_nv12(tiny, range_):
    rng = np.random.default_rng(8)
    luma = rng.integers(16, 236, (64, 64), np.uint8)
    chroma = rng.integers(100, 156, (32, 32, 2), np.uint8)
    rgb = nv12_to_rgb(luma, chroma, range_ == "video")
    pair = tiny.run((luma, chroma), order="nv12", range=range_)
    stacked = tiny.run(np.concatenate([luma, chroma.reshape(32, 64)]), order="nv12", range=range_)
    wanted = tiny.run(rgb)
    for name in wanted:
        np.testing.assert_array_equal(pair[name], stacked[name])
        spread = np.abs(wanted[name]).max()
        assert np.abs(pair[name] - wanted[name]).max() < 0.02 * spread
    other = tiny.run((luma, chroma), order="nv12", range="full" if range_ == "video" else "video")
    assert any((pair[name] != other[name]).any() for name in wanted)
    default = tiny.run((luma, chroma), order="nv12")
    full = pair if range_ == "full" else other
    assert all((default[name] == full[name]).all() for name in wanted)  # the model was built for RGB


def test_sizes(tiny):
    for width, height in (1, 1), (1, 50), (64, 64), (65, 63), (999, 3):
        found = tiny.segment(np.full((height, width, 3), 200, np.uint8), 0.0)
        assert found.shape == (height, width) and found.masks.shape == (len(found), height, width)
        odd = tiny.segment((np.full((height, width), 99, np.uint8),
                            np.full(((height + 1) // 2, (width + 1) // 2, 2), 128, np.uint8)), 0.0, order="nv12")
        assert odd.shape == (height, width)


@pytest.mark.parametrize("image, order, error", [
    (None, "rgb", TypeError),
    ([[1, 2, 3]], "rgb", TypeError),
    (b"123", "rgb", TypeError),
    (np.zeros((4, 4, 3), np.float32), "rgb", TypeError),
    (np.zeros((4, 4, 3), np.int8), "rgb", TypeError),
    (np.zeros((4, 4), np.uint8), "rgb", ValueError),
    (np.zeros((4, 4, 4), np.uint8), "rgb", ValueError),
    (np.zeros((3, 4, 4), np.uint8), "bgr", ValueError),
    (np.zeros((1, 4, 4, 3), np.uint8), "rgb", ValueError),
    (np.zeros((0, 4, 3), np.uint8), "rgb", ValueError),
    (np.zeros((4, 0, 3), np.uint8), "rgb", ValueError),
    (np.zeros(12, np.uint8), "rgb", ValueError),
    (np.zeros((4, 4, 3), np.uint8), "rgba", ValueError),
    (np.zeros((4, 4, 3), np.uint8), "gray", ValueError),
    (np.zeros((4, 4, 3), np.uint8), "RGB", ValueError),
    (np.zeros((4, 4, 3), np.uint8), "nv12", ValueError),
    (np.zeros((4, 4), np.uint8), "nv12", ValueError),
    (np.zeros((6, 5), np.uint8), "nv12", ValueError),
    (np.zeros(96, np.uint8), "nv12", ValueError),
    ((np.zeros((4, 4), np.uint8),), "nv12", TypeError),
    ((np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8)), "nv12", ValueError),
    ((np.zeros((4, 4), np.uint8), np.zeros((2, 2, 2), np.int16)), "nv12", TypeError),
    ((np.zeros((4, 4, 1), np.uint8), np.zeros((2, 2, 2), np.uint8)), "nv12", ValueError),
    (np.zeros((1, 65536, 3), np.uint8), "rgb", intarsia.IntarsiaError),
])
def test_refused(tiny, image, order, error):
    for call in tiny.segment, tiny.run:
        with pytest.raises(error):
            call(image, order=order)


def test_refused_range(tiny, noise):
    with pytest.raises(ValueError, match="full or video"):
        tiny.segment(noise, range="limited")


def test_native_checks_too(tiny, noise):
    """What reaches the C side wrongly ends in an exception, not in memory that is not there."""
    native = tiny._native
    for picture in ((1, 0, 80, 49, noise), (1, 0, 81, 48, noise), (4, 0, 80, 48, noise), (3, 0, 80, 48, noise),
                    (0, 0, 80, 48, noise), (99, 0, 80, 48, noise), (1, 0, 80, 48, noise[:, ::-1]),
                    (1, 0, 80, 48, noise[::-1]), (1, 0, -80, -48, noise), (1, 0, 240, 48, noise.reshape(48, 240))):
        with pytest.raises((ValueError, intarsia.IntarsiaError)):
            native.run(picture, 0)
    for thing in None, 3, "array", b"x" * 80 * 48 * 3, noise.astype(np.int8), noise.astype(np.uint16):
        with pytest.raises(TypeError):
            native.run((1, 0, 80, 48, thing), 0)
    for what in -1, 3:
        with pytest.raises(ValueError):
            native.run((1, 0, 80, 48, noise), what)
