"""Golden vectors of the decoder: a small random head and what NumPy finds in it (tests/golden/yolo/decode_*).

usage: yolo_decode.py OUT_FOLDER          needs: numpy
Scores and boxes are computed in double and rounded to float32; suppression is written with whole-array operations,
unlike src/yolo. Tolerances of the test: scores 1e-6, boxes 1e-4 pixels; order, classes and anchors exactly.
"""

import os
import sys

import numpy as np

import manifest

SEED = 20240611
CLASSES, REG, STRIDES, INPUT = 5, 16, (8, 16, 32), 64


def make(rng):
    """Stored integers and scales: [h, w, c] int32 for each level, one float32 scale a channel."""
    levels = []
    for stride in STRIDES:
        n = INPUT // stride
        cls_scale = rng.uniform(1e-5, 4e-5, CLASSES).astype(np.float32)
        box_scale = rng.uniform(1e-5, 4e-5, 4 * REG).astype(np.float32)
        cls = rng.normal(-2.5, 2.2, (n, n, CLASSES)) / cls_scale
        peak = rng.uniform(0.5, 3.5, (n, n, 4, 1))
        box = -((np.arange(REG) - peak) ** 2) + rng.normal(0, 0.5, (n, n, 4, REG))
        box = box.reshape(n, n, 4 * REG) / box_scale
        cls, box = np.rint(cls).astype(np.int32), np.rint(box).astype(np.int32)
        if n >= 4:  # equal scores: the order of anchors decides
            cls[1, 2] = cls[0, 1]
            cls[3, 3] = cls[0, 1]
        levels.append((cls, cls_scale, box, box_scale))
    return levels


def boxes_and_scores(levels):
    all_boxes, all_scores = [], []
    for (cls, cls_scale, box, box_scale), stride in zip(levels, STRIDES):
        h, w, _ = cls.shape
        logit = (cls.astype(np.float32) * cls_scale).astype(np.float64)
        all_scores.append((1 / (1 + np.exp(-logit))).astype(np.float32).reshape(-1, CLASSES))
        d = (box.astype(np.float32) * box_scale).astype(np.float64).reshape(h * w, 4, REG)
        e = np.exp(d - d.max(2, keepdims=True))
        side = (e * np.arange(REG)).sum(2) / e.sum(2)
        y, x = np.divmod(np.arange(h * w), w)
        b = np.stack([x + 0.5 - side[:, 0], y + 0.5 - side[:, 1], x + 0.5 + side[:, 2], y + 0.5 + side[:, 3]], 1)
        all_boxes.append((b * stride).astype(np.float32))
    return np.concatenate(all_boxes), np.concatenate(all_scores)


def find(boxes, scores, conf, iou, max_det, every):
    if every:
        anchor, cls = np.nonzero(scores > np.float32(conf))
    else:
        best = scores.argmax(1)
        anchor = np.nonzero(scores[np.arange(len(scores)), best] > np.float32(conf))[0]
        cls = best[anchor]
    s = scores[anchor, cls]
    order = np.argsort(-s, kind="stable")
    anchor, cls, s = anchor[order], cls[order], s[order]
    b = boxes[anchor].astype(np.float64)
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    alive = np.ones(len(s), bool)
    kept = []
    for i in range(len(s)):
        if not alive[i]:
            continue
        kept.append(i)
        w = np.clip(np.minimum(b[:, 2], b[i, 2]) - np.maximum(b[:, 0], b[i, 0]), 0, None)
        h = np.clip(np.minimum(b[:, 3], b[i, 3]) - np.maximum(b[:, 1], b[i, 1]), 0, None)
        inter = w * h
        alive &= ~((inter / (area + area[i] - inter + 1e-9) > iou) & (cls == cls[i]))
    kept = kept[:max_det]
    return np.column_stack([b[kept], s[kept], cls[kept], anchor[kept]]).astype(np.float64)


def main():
    out = sys.argv[1]
    levels = make(np.random.default_rng(SEED))
    for i, arrays in enumerate(levels):
        for name, a in zip(("cls", "cls_scale", "box", "box_scale"), arrays):
            np.save(os.path.join(out, "decode_%s%d.npy" % (name, i)), a)
    boxes, scores = boxes_and_scores(levels)
    best = find(boxes, scores, 0.25, 0.7, 300, False)
    every = find(boxes, scores, 0.001, 0.5, 300, True)
    few = find(boxes, scores, 0.1, 0.3, 20, True)
    for name, found in (("best", best), ("every", every), ("few", few)):
        np.save(os.path.join(out, "decode_%s.npy" % name), found)
        print(name, found.shape, len(np.unique(found[:, 4])))
    manifest.write(out, "decode", "yolo_decode.py", [np], SEED, "scores 1e-6, boxes 1e-4 pixels: other exponentials")


main()
