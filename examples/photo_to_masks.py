# SPDX-License-Identifier: Apache-2.0
"""One photo to masks. usage: photo_to_masks.py MODEL.bin PHOTO.ppm

The photo is a binary PPM (P6, 8 bits), so that the example needs no picture library: djpeg photo.jpg > photo.ppm
(djpeg is in Debian's package libjpeg-turbo-progs).
With OpenCV it is cv2.imread(path), and order="bgr"; with Pillow numpy.asarray(Image.open(path).convert("RGB")).
"""

import sys

import numpy as np

import intarsia


def read_ppm(path):
    with open(path, "rb") as f:
        if f.readline() != b"P6\n":
            raise ValueError(f"{path}: not a PPM picture")
        width, height = map(int, f.readline().split())
        f.readline()
        return np.fromfile(f, np.uint8, height * width * 3).reshape(height, width, 3)


def main(model_path, photo_path):
    model = intarsia.load(model_path)
    found = model.segment(read_ppm(photo_path))
    for box, score, name, mask in zip(found.boxes, found.scores, found.names, found.masks):
        x1, y1, x2, y2 = box
        print(f"{name} {score:.2f}, box {x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f}, mask of {mask.sum()} pixels")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    try:
        main(*sys.argv[1:])
    except (intarsia.IntarsiaError, OSError, ValueError) as error:
        sys.exit(str(error))
