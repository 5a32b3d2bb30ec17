#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/image_vectors.h: letterbox and NV12 as OpenCV and numpy compute them.

usage: scripts/golden/image.py > tests/golden/image_vectors.h
needs: numpy, opencv-python-headless. Not part of the build.
"""
import cv2
import numpy as np

LETTERBOX = [  # in_w, in_h, out_w, out_h, channels
    (7, 5, 12, 12, 3),
    (1, 1, 8, 8, 3),
    (24, 10, 12, 12, 3),
    (9, 31, 12, 10, 1),
    (50, 41, 12, 14, 4),
    (640, 480, 640, 640, 3),
    (500, 375, 640, 640, 3),
    (427, 640, 640, 640, 3),
    (1280, 720, 640, 640, 3),
    (1281, 719, 640, 640, 3),
    (333, 500, 320, 320, 4),
    (20000, 13, 640, 640, 3),
    (3, 3000, 320, 320, 1),
    (2, 640, 640, 352, 3),
    (641, 641, 640, 640, 3),
    (100, 333, 640, 480, 3),
]
NV12 = [(6, 4), (640, 480), (2, 2), (130, 66)]


def random_bytes(seed, n):
    """xorshift of tests/unit/test.h, low bytes."""
    s, out, mask = seed, bytearray(n), (1 << 64) - 1
    for i in range(n):
        s ^= s << 13 & mask
        s ^= s >> 7
        s ^= s << 17 & mask
        out[i] = s >> 16 & 255
    return np.frombuffer(bytes(out), np.uint8)


def digest(a):
    a = np.ascontiguousarray(a).ravel().astype(np.uint64)
    weight = np.arange(1, a.size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
    return int(((a + np.uint64(1)) * weight).sum(dtype=np.uint64))


def letterbox(im, out_w, out_h):
    h, w = im.shape[:2]
    r = min(out_h / h, out_w / w)
    nw, nh = max(1, round(w * r)), max(1, round(h * r))
    dw, dh = (out_w - nw) / 2, (out_h - nh) / 2
    if (w, h) != (nw, nh):
        im = cv2.resize(im, (nw, nh), interpolation=cv2.INTER_LINEAR)
    top, left = round(dh - 0.1), round(dw - 0.1)
    out = np.full((out_h, out_w, 3), 114, np.uint8)
    out[top : top + nh, left : left + nw] = im.reshape(nh, nw, -1)[:, :, :3]
    return out


def to_nv12(rgb, video):
    f = rgb.astype(np.float32)
    R, G, B = f[..., 0], f[..., 1], f[..., 2]
    Y = 0.299 * R + 0.587 * G + 0.114 * B
    U = (B - Y) * 0.564
    V = (R - Y) * 0.713
    Yq = np.clip(np.round(Y * 219 / 255 + 16 if video else Y), 0, 255)
    scale = 224 / 255 if video else 1.0
    h, w = Y.shape
    U = U.reshape(h // 2, 2, w // 2, 2).mean((1, 3))
    V = V.reshape(h // 2, 2, w // 2, 2).mean((1, 3))
    return (
        Yq.astype(np.uint8),
        np.clip(np.round(np.stack([U, V], -1) * scale + 128), 0, 255).astype(np.uint8),
    )


def to_rgb(Y, UV, video):
    """Y, UV of one shape, one chroma pair a pixel."""
    scale = 224 / 255 if video else 1.0
    y, u, v = Y.astype(np.float32), UV[..., 0].astype(np.float32), UV[..., 1].astype(np.float32)
    u, v = (u - 128) / scale, (v - 128) / scale
    if video:
        y = (y - 16) * 255 / 219
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], -1)
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def every_yuv(video):
    """Luma 0..255 for every chroma pair: [256 U, 256 V, 256 Y]."""
    total, base = 0, 0
    for u in range(256):
        uv = np.zeros((256, 256, 2), np.uint8)
        uv[..., 0] = u
        uv[..., 1] = np.arange(256)[:, None]
        y = np.broadcast_to(np.arange(256, dtype=np.uint8), (256, 256))
        total += digest(to_rgb(y, uv, video)) * (2 * u + 1)
    return total % 2**64


def bytes_text(a):
    a = a.ravel()
    lines = [", ".join(map(str, a[i : i + 20])) for i in range(0, a.size, 20)]
    return ",\n    ".join(lines)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0\n *")
    print(" * Written by scripts/golden/image.py with OpenCV %s, numpy %s.\n */" % (cv2.__version__, np.__version__))
    print("/* clang-format off */")
    print("static const struct letterbox_vector letterbox_vectors[] = {")
    small = []
    for i, (w, h, W, H, c) in enumerate(LETTERBOX):
        out = letterbox(random_bytes(i + 1, w * h * c).reshape(h, w, c), W, H)
        print("    {%d, %d, %d, %d, %d, 0x%016xu}," % (w, h, W, H, c, digest(out)))
        if i == 0:
            small = out
    print("};\n\n/* The first of them. */\nstatic const uint8_t letterbox_bytes[] = {")
    print("    %s,\n};\n" % bytes_text(small))
    print("static const struct nv12_vector nv12_vectors[] = {")
    for i, (w, h) in enumerate(NV12):
        for video in (0, 1):
            Y, UV = to_nv12(random_bytes(i + 100, w * h * 3).reshape(h, w, 3), video)
            back = to_rgb(Y, UV.repeat(2, 0).repeat(2, 1), video)
            digests = (digest(Y), digest(UV), digest(back))
            print("    {%d, %d, %d, 0x%016xu, 0x%016xu, 0x%016xu}," % (w, h, video, *digests))
    print("};\n")
    print("static const uint64_t every_yuv[2] = {0x%016xu, 0x%016xu};" % (every_yuv(0), every_yuv(1)))
    print("/* clang-format on */")


main()
