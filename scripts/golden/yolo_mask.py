"""Golden vectors of masks, their run-length codes and outlines' counts (tests/golden/yolo/mask_*).

usage: yolo_mask.py OUT_FOLDER          needs: numpy, scipy, opencv-python-headless, pycocotools
Random prototypes, coefficients and boxes. The masks are the signs of the summed prototypes, interpolated linearly by
scipy.ndimage.map_coordinates where the letterbox put each of the photo's pixels; cv2.remap, which keeps five bits of a
coordinate's fraction, must agree but for a few pixels at outlines. The codes are pycocotools'. The test allows no
differing pixel: the seed gives no logit near zero.
"""

import os
import sys

import cv2
import numpy as np
import pycocotools.mask
import scipy
import scipy.ndimage

import manifest

SEED = 20240624
COEFS = 12
N = 5
# name, input width and height, prototype width and height, photo sizes
HEADS = (
    ("square", (64, 64), (16, 16), ((64, 64), (61, 40), (37, 90), (300, 131), (9, 7), (128, 128), (33, 200), (85, 128))),
    ("wide", (96, 64), (24, 16), ((96, 64), (50, 50), (211, 60), (600, 40))),
)


def letterbox(photo, size):
    """left, top, and the photo's size in the input; all in whole pixels."""
    (w, h), (iw, ih) = photo, size
    r = min(iw / w, ih / h)
    nw, nh = round(w * r), round(h * r)
    return round((iw - nw) / 2 - 0.1), round((ih - nh) / 2 - 0.1), nw, nh


def smooth(rng, h, w, c):
    a = rng.normal(0, 1, (h // 4 + 2, w // 4 + 2, c)).astype(np.float32)
    return np.stack([cv2.resize(a[:, :, k], (w, h), interpolation=cv2.INTER_CUBIC) for k in range(c)], 2)


def cells_of(n, border, new, cells, size):
    """Where the centres of a photo's n pixels lie in the prototypes."""
    return ((border + (np.arange(n) + 0.5) * (new / n)) * (cells / size) - 0.5).astype(np.float32)


def enlarge(logits, fit, size, photo):
    left, top, nw, nh = fit
    x = cells_of(photo[0], left, nw, logits.shape[1], size[0])
    y = cells_of(photo[1], top, nh, logits.shape[0], size[1])
    grid = np.meshgrid(y, x, indexing="ij")
    big = scipy.ndimage.map_coordinates(logits.astype(np.float64), grid, order=1, mode="nearest")
    other = cv2.remap(np.ascontiguousarray(logits), *np.meshgrid(x, y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(big).min() > 1e-6 * np.abs(logits).max(), "a logit near zero: take another seed"
    assert ((big > 0) != (other > 0)).mean() < 0.02
    return big


def mask_of(logits, box, fit, size, photo):
    left, top, nw, nh = fit
    w, h = photo
    big = enlarge(logits, fit, size, photo)
    b = (box.astype(np.float64) - [left, top, left, top]) / [nw / w, nh / h, nw / w, nh / h]
    b[0::2] = b[0::2].clip(0, w)
    b[1::2] = b[1::2].clip(0, h)
    x1, y1, x2, y2 = (int(np.ceil(v)) for v in b)
    full = np.zeros((h, w), np.uint8)
    full[y1:y2, x1:x2] = big[y1:y2, x1:x2] > 0
    return full, b, (x1, y1, max(x2 - x1, 0), max(y2 - y1, 0))


def components(full):
    """Outlines of 8-connected parts and of the holes in them."""
    found, tree = cv2.findContours(full, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if tree is None:
        return 0, 0
    holes = int((tree[0, :, 3] >= 0).sum())
    return len(found) - holes, holes


def main():
    out = sys.argv[1]
    rng = np.random.default_rng(SEED)
    for name, size, (pw, ph), photos in HEADS:
        proto_scale = np.float32(0.0011)
        proto = np.rint(smooth(rng, ph, pw, COEFS) * 0.8 / proto_scale).astype(np.int16)
        coef_scale = rng.uniform(1e-5, 4e-5, COEFS).astype(np.float32)
        coef = np.rint(rng.normal(0, 1, (N, COEFS)) / coef_scale).astype(np.int32)
        logits = (proto.astype(np.float32) * proto_scale) @ (coef.astype(np.float32) * coef_scale).T
        corner = rng.uniform(-0.1, 0.6, (N, 2))
        box = np.concatenate([corner, corner + rng.uniform(0.1, 0.6, (N, 2))], 1).astype(np.float32)
        box[0] = (-0.1, -0.1, 1.2, 1.2)  # the whole photo
        box[1, 2:] = box[1, :2] + np.float32(0.01)  # a pixel or none
        box *= np.array(size * 2, np.float32)
        fits, boxes, rects, bits, codes, counts = [], [], [], [], [], []
        for photo in photos:
            fit = letterbox(photo, size)
            fits.append(fit + size + photo)
            for i in range(N):
                full, b, rect = mask_of(logits[:, :, i], box[i], fit, size, photo)
                boxes.append(b)
                rects.append(rect)
                x, y, w, h = rect
                bits.append(full[y : y + h, x : x + w].ravel())
                code = pycocotools.mask.encode(np.asfortranarray(full))
                codes.append(code["counts"])
                counts.append(components(full) + (int(pycocotools.mask.area(code)),) +
                              tuple(int(v) for v in pycocotools.mask.toBbox(code)))
        save = lambda what, a: np.save(os.path.join(out, "mask_%s_%s.npy" % (name, what)), a)
        save("proto", proto)
        save("proto_scale", np.array([proto_scale]))
        save("coef", coef)
        save("coef_scale", coef_scale)
        save("box", box)
        save("fit", np.array(fits, np.int32))
        save("photo_box", np.array(boxes, np.float64))
        save("rect", np.array(rects, np.int32))
        save("bits", np.packbits(np.concatenate(bits)))
        save("rle", np.frombuffer(b"\n".join(codes) + b"\n", np.uint8))
        save("counts", np.array(counts, np.int32))  # outer outlines, holes, area, x, y, w, h of the pixels
        print(name, counts)
    manifest.write(out, "mask", "yolo_mask.py", [np, scipy, cv2], SEED, "none")


main()
