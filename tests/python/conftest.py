# SPDX-License-Identifier: Apache-2.0
"""What the tests share: small models on random weights, the demo network compiled by the program, photos as arrays."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import intarsia

TREE = Path(__file__).resolve().parents[2]
PHOTOS = TREE / "data/parts/val/images"


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory):
    """A file with the models seg and det, 64 x 64 pixels, three classes, and raw, two inputs of numbers [3, 4, 4]."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.bin"
    subprocess.run([os.environ["TINY_MODELS"], path], check=True)
    return path


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
