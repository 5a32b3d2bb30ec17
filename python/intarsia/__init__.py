# SPDX-License-Identifier: Apache-2.0
"""Runs Intarsia's int8 networks, NAME.bin, on CPUs.

    import intarsia

    model = intarsia.load("best.bin")
    found = model.segment(photo)               # numpy uint8 [h, w, 3], RGB
    for box, score, name, mask in zip(found.boxes, found.scores, found.names, found.masks):
        print(name, score, box, mask.sum())

Files are made with the program `intarsia build`. The same file and picture give the same bytes on every CPU and with any
number of threads.
"""

from ._model import InputInfo, Model, OutputInfo, Result, load
from ._native import IntarsiaError
from ._native import version as __version__

__all__ = ["InputInfo", "IntarsiaError", "Model", "OutputInfo", "Result", "__version__", "load"]
