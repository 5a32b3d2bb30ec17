# SPDX-License-Identifier: Apache-2.0
"""Make a large COCO set: annotations and the results of a detector that is sometimes right.

Usage: coco_set.py FOLDER [IMAGES OBJECTS DETECTIONS]

Writes instances.json (polygons, crowds as run lengths) and results.json (boxes, and masks as compressed run lengths).
The same numbers give the same bytes everywhere. Shapes come from a bank of blobs; a mask's code is that of its blob
with another beginning and end, so that half a million take seconds.
"""

import json
import math
import pathlib
import random
import sys

import numpy as np

SEED = 5
SIZES = [(480, 640), (427, 640), (640, 480), (375, 500)]  # height, width
N_CATEGORIES, N_BLOBS, N_POINTS = 80, 1500, 36


def encode(numbers):
    """The text of run lengths, as the mask API writes it, of numbers that are differences already."""
    text = []
    for v in numbers:
        more = True
        while more:
            low = v & 31
            v >>= 5
            more = v != -1 if low & 16 else v != 0
            text.append(chr(48 + (low | (32 if more else 0))))
    return "".join(text)


class Blob:
    """A closed outline around a middle, its pixels, and its code in pictures of each height."""

    def __init__(self, r):
        side = min(max(6.0, r.lognormvariate(math.log(70), 0.9)), 400.0)
        aspect = r.uniform(0.5, 2)
        w, h = min(side * math.sqrt(aspect), 360.0), min(side / math.sqrt(aspect), 360.0)
        waves = [(r.uniform(0, 0.35 / k), r.uniform(0, 2 * math.pi)) for k in range(1, 7)]
        angles = [2 * math.pi * i / N_POINTS for i in range(N_POINTS)]
        radius = [1 + sum(a * math.cos(k * t + p) for k, (a, p) in enumerate(waves, 1)) for t in angles]
        points = [(q * math.cos(t), q * math.sin(t)) for q, t in zip(radius, angles)]
        left, top = min(p[0] for p in points), min(p[1] for p in points)
        width, height = max(p[0] for p in points) - left, max(p[1] for p in points) - top
        self.points = [(round((x - left) / width * w, 1), round((y - top) / height * h, 1)) for x, y in points]
        self.w, self.h = math.ceil(w), math.ceil(h)
        self.mask = self.fill()
        self.area = int(self.mask.sum())
        self.codes = {}

    def fill(self):
        """Pixels whose middles lie inside, by the even-odd rule."""
        x = np.arange(self.w)[None, :] + 0.5
        y = np.arange(self.h)[:, None] + 0.5
        inside = np.zeros((self.h, self.w), bool)
        for (xa, ya), (xb, yb) in zip(self.points, self.points[1:] + self.points[:1]):
            if ya == yb:
                continue
            inside ^= ((ya > y) != (yb > y)) & (x < (xb - xa) / (yb - ya) * (y - ya) + xa)
        inside[self.h // 2, self.w // 2] = True
        return inside

    def runs(self, height):
        """Run lengths in a picture of this height with the blob in its corner; the rest of the picture is missing."""
        if height not in self.codes:
            canvas = np.zeros((height, self.w), np.int8)
            canvas[: self.h] = self.mask
            flat = np.concatenate([[0], canvas.ravel(order="F"), [0]])
            ends = np.flatnonzero(np.diff(flat))
            runs = [int(v) for v in np.diff(np.concatenate([[0], ends]))]
            middle = [v if i <= 2 else v - runs[i - 2] for i, v in enumerate(runs)][1:]
            self.codes[height] = runs, encode(middle)
        return self.codes[height]

    def first_last(self, x, y, height, width):
        runs, _ = self.runs(height)
        first = runs[0] + x * height + y
        return first, height * width - first - sum(runs[1:])

    def counts(self, x, y, height, width):
        first, last = self.first_last(x, y, height, width)
        runs = self.runs(height)[0]
        return [first] + runs[1:] + ([last] if last else [])

    def code(self, x, y, height, width):
        first, last = self.first_last(x, y, height, width)
        runs, middle = self.runs(height)
        tail = last - runs[-2] if len(runs) > 2 else last
        return encode([first]) + middle + (encode([tail]) if last else "")


class Maker:
    def __init__(self, n_images, n_objects, n_detections):
        r = self.r = random.Random(SEED)
        self.blobs = sorted((Blob(r) for _ in range(N_BLOBS)), key=lambda b: b.area)
        self.images = [(i + 1, *r.choice(SIZES)) for i in range(n_images)]
        self.objects = {image[0]: [] for image in self.images}
        for _ in range(n_objects):
            image = self.images[min(int(r.random() ** 1.5 * n_images), n_images - 1)]
            self.objects[image[0]].append(self.place(image, r.randrange(N_BLOBS), self.category()))
        self.n_detections = n_detections

    def category(self):
        return 1 + min(int(self.r.random() ** 2.5 * N_CATEGORIES), N_CATEGORIES - 1)  # some occur often

    def place(self, image, blob, category, x=None, y=None):
        """Blob number, category, and where: near x, y, or anywhere."""
        r, (_, height, width), b = self.r, image, self.blobs[blob]
        x = r.uniform(0, width - b.w) if x is None else x
        y = r.uniform(0, height - b.h) if y is None else y
        return blob, category, min(max(int(x), 0), width - b.w), min(max(int(y), 0), height - b.h)

    def near(self, image, thing):
        """What a detector makes of an object: somewhat aside, of nearly the same shape, mostly of its category."""
        r = self.r
        blob, category, x, y = thing
        if r.random() < 0.5:
            blob = min(max(blob + int(r.gauss(0, 12)), 0), N_BLOBS - 1)
        spread = 0.06 * self.blobs[blob].w
        if r.random() < 0.1:
            category = self.category()
        return self.place(image, blob, category, x + r.gauss(0, spread), y + r.gauss(0, spread))

    def box(self, blob, x, y, jitter):
        b, g = self.blobs[blob], self.r.gauss
        return [round(v + g(0, jitter), 2) for v in (x, y, b.w, b.h)]

    def annotations(self):
        for image in self.images:
            for blob, category, x, y in self.objects[image[0]]:
                is_crowd = self.r.random() < 0.01
                b = self.blobs[blob]
                size = list(image[1:])
                yield {
                    "image_id": image[0],
                    "category_id": category,
                    "bbox": self.box(blob, x, y, 0),
                    "area": b.area,
                    "iscrowd": int(is_crowd),
                    "segmentation": {"size": size, "counts": b.counts(x, y, *size)}
                    if is_crowd
                    else [[round(v, 1) for px, py in b.points for v in (px + x, py + y)]],
                }

    def detections(self):
        """Spread evenly over the images, the strongest of an image first."""
        r, n_images = self.r, len(self.images)
        for i, image in enumerate(self.images):
            n = self.n_detections * (i + 1) // n_images - self.n_detections * i // n_images
            things, found = self.objects[image[0]], []
            for _ in range(n):
                if things and r.random() < 0.6:
                    found.append((r.betavariate(2, 3), self.near(image, r.choice(things))))
                else:
                    category = r.choice(things)[1] if things and r.random() < 0.5 else self.category()
                    found.append((r.betavariate(1, 8), self.place(image, r.randrange(N_BLOBS), category)))
            for score, (blob, category, x, y) in sorted(found, reverse=True):
                yield image, round(score, 5), blob, category, x, y

    def write(self, folder):
        images = [
            {"id": i, "file_name": "%06d.jpg" % i, "height": h, "width": w, "license": 1} for i, h, w in self.images
        ]
        categories = [{"id": k + 1, "name": "category %d" % k, "supercategory": "thing"} for k in range(N_CATEGORIES)]
        with open(folder / "instances.json", "w") as out:
            json.dump(
                {
                    "info": {},
                    "licenses": [],
                    "images": images,
                    "categories": categories,
                    "annotations": [{"id": k + 1, **a} for k, a in enumerate(self.annotations())],
                },
                out,
            )
        with open(folder / "results.json", "w") as out:
            comma = "["
            for (image, height, width), score, blob, category, x, y in self.detections():
                out.write(
                    '%s{"image_id": %d, "category_id": %d, "bbox": %s, "score": %s, '
                    '"segmentation": {"size": [%d, %d], "counts": %s}}'
                    % (
                        comma,
                        image,
                        category,
                        self.box(blob, x, y, 1),
                        score,
                        height,
                        width,
                        json.dumps(self.blobs[blob].code(x, y, height, width)),
                    )
                )
                comma = ", "
            out.write("]")


def main():
    folder = pathlib.Path(sys.argv[1])
    numbers = [int(v) for v in sys.argv[2:]] or [5000, 36000, 500000]
    folder.mkdir(parents=True, exist_ok=True)
    Maker(*numbers).write(folder)


if __name__ == "__main__":
    main()
