# SPDX-License-Identifier: Apache-2.0
"""The examples find what the packages find."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from conftest import TREE
from hobot_dnn import pyeasy_dnn

EXAMPLES = TREE / "examples"


def run(example, *arguments):
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("a second interpreter under the sanitizer takes long")
    return subprocess.run([sys.executable, EXAMPLES / example, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)


def test_photo_to_masks(parts, parts_path, photo, tmp_path):
    path = tmp_path / "photo.ppm"
    path.write_bytes(b"P6\n%d %d\n255\n" % (photo.shape[1], photo.shape[0]) + photo.tobytes())
    found = parts.segment(photo)
    done = run("photo_to_masks.py", parts_path, path)
    lines = done.stdout.splitlines()
    assert len(lines) == len(found) > 3 and done.returncode == 0
    for line, name, score, mask in zip(lines, found.names, found.scores, found.masks):
        match = re.fullmatch(r"(\w+) (0\.\d\d), box [\d. ]+, mask of (\d+) pixels", line)
        assert match.groups() == (name, f"{score:.2f}", str(mask.sum()))
    for arguments, text in ((parts_path, tmp_path / "no.ppm"), "no.ppm"), ((tmp_path / "no.bin", path), "no.bin"), ((), "usage"):
        done = run("photo_to_masks.py", *arguments)
        assert done.returncode == 1 and text in done.stderr and "Traceback" not in done.stderr


def test_forward(networks_path, tmp_path):
    frame = np.random.default_rng(4).integers(0, 256, 64 * 32 * 3 // 2, np.uint8)
    frame.tofile(tmp_path / "frame.nv12")
    done = run("dnn/forward.py", networks_path, tmp_path / "frame.nv12")
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first == "images: NV12, 64x32"
    outputs = pyeasy_dnn.load(networks_path)[0].forward(frame)
    for line, output in zip(others, outputs):
        scale = output.properties.scale_data if len(output.properties.scale_data) else np.float32(1)
        values = output.buffer * scale
        assert line == f"{output.name} {output.properties.shape}: {values.min():.3f} to {values.max():.3f}"
    assert len(others) == 4
