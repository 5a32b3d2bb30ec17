# SPDX-License-Identifier: Apache-2.0
"""What the tests share: small models on random weights, the demo network compiled by the program, photos as arrays."""

import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest

import intarsia

TREE = Path(__file__).resolve().parents[2]
PHOTOS = TREE / "data/parts/val/images"


@pytest.fixture(scope="session")
def tiny_paths(tmp_path_factory):
    place = tmp_path_factory.mktemp("tiny")
    subprocess.run([os.environ["TINY_MODELS"], place / "heads.bin", place / "networks.bin"], check=True)
    return place / "heads.bin", place / "networks.bin"


@pytest.fixture(scope="session")
def tiny_path(tiny_paths):
    """A file with the models seg and det, 64 x 64 pixels, three classes, and raw, two inputs of numbers [3, 4, 4]."""
    return tiny_paths[0]


@pytest.fixture(scope="session")
def networks_path(tiny_paths):
    """A file with the models cam, 64 x 32 pixels, and odd, 20 x 12, which take NV12, rgb and yuv, 64 x 32, gray, 20 x 12, and raw, two
    inputs of numbers [3, 4, 6]. Those for pictures have outputs of floats, int32, int16, and int8 which lies in a wider buffer."""
    return tiny_paths[1]


@pytest.fixture
def tiny(tiny_path):
    return intarsia.load(tiny_path, "seg", threads=1)


def program(*arguments):
    """Runs the program and gives its standard output."""
    if "INTARSIA" not in os.environ:
        pytest.skip("the program was not built")
    done = subprocess.run([os.environ["INTARSIA"], *map(str, arguments)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    return done.stdout


@pytest.fixture(scope="session")
def parts_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("parts") / "parts.bin"
    program("build", TREE / "models/parts-seg.onnx", "--calib", TREE / "data/parts/calib/images", "--images", 4, "--effort", 0,
            "-o", path)
    return path


@pytest.fixture(scope="session")
def parts(parts_path):
    return intarsia.load(parts_path)


def read_ppm(path):
    """uint8 [h, w, 3], RGB"""
    kind, size, most, pixels = Path(path).read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    assert kind == b"P6" and most == b"255"
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


@pytest.fixture(scope="session")
def photo_path():
    return PHOTOS / "000020.jpg"


@pytest.fixture(scope="session")
def photo(photo_path, tmp_path_factory):
    if "TO_PPM" not in os.environ:
        pytest.skip("without the program there is nothing that reads JPEG")
    path = tmp_path_factory.mktemp("photo") / "photo.ppm"
    subprocess.run([os.environ["TO_PPM"], photo_path, path], check=True)
    return read_ppm(path)


@pytest.fixture
def noise():
    """uint8 [48, 80, 3]"""
    return np.random.default_rng(5).integers(0, 256, (48, 80, 3), np.uint8)


@pytest.fixture
def resident_kilobytes():
    """A function: the memory of this process."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the sanitizer keeps freed memory for a while")

    def count():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * resource.getpagesize() // 1024

    return count
