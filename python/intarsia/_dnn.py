# SPDX-License-Identifier: Apache-2.0
"""What hobot_dnn and hbm_runtime share: tensors as libdnn describes them, memory for them, and running a model."""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, List, Sequence, Tuple, Union

import numpy as np

from . import _native
from ._text import shown

# hbDNNDataType, with the kind of numpy's array that holds it; pictures are bytes
TYPES: Dict[int, Tuple[str, str]] = {
    0: ("Y", "uint8"), 1: ("NV12", "uint8"), 2: ("NV12_SEPARATE", "uint8"), 3: ("YUV444", "uint8"), 4: ("RGB", "uint8"),
    5: ("BGR", "uint8"), 8: ("S8", "int8"), 9: ("U8", "uint8"), 10: ("F16", "float16"), 11: ("S16", "int16"),
    12: ("U16", "uint16"), 13: ("F32", "float32"), 14: ("S32", "int32"), 15: ("U32", "uint32"), 16: ("F64", "float64"),
    17: ("S64", "int64"), 18: ("U64", "uint64"),
}
LAYOUTS: Dict[int, str] = {0: "NHWC", 2: "NCHW", 255: "NONE"}
FIRST_TENSOR_TYPE = 6  # of hbDNNDataType: pictures are below
SCALE = 2  # hbDNNQuantiType

Path = Union[str, "os.PathLike[str]"]

_tasks = threading.BoundedSemaphore(32)  # as many as libdnn has alive at a time


class Tensor:
    """One input or output of a model, as hbDNNTensorProperties describes it."""

    def __init__(self, described: Dict[str, Any]) -> None:
        self.name: str = described["name"]
        self.type: int = described["type"]
        self.type_name, self.dtype = TYPES[self.type]
        self.layout: str = LAYOUTS[described["layout"]]
        self.valid_shape: Tuple[int, ...] = described["valid_shape"]
        self.aligned_shape: Tuple[int, ...] = described["aligned_shape"]
        self.stride: Tuple[int, ...] = described["stride"]
        self.bytes: int = described["bytes"]
        self.quanti_type: int = described["quanti_type"]
        self.axis: int = described["axis"]
        self.scale = np.array([scale for scale, _ in described["scale"]], np.float32)
        self.zero_point = np.array([zero for _, zero in described["scale"]], np.int32)

    @property
    def is_picture(self) -> bool:
        return self.type < FIRST_TENSOR_TYPE

    def _picture_bytes(self, shape: Sequence[int]) -> int:
        count = int(np.prod(shape))
        return {"NV12": count // 2, "NV12_SEPARATE": count // 2, "Y": count // shape[1] if self.layout == "NCHW" else count
                }.get(self.type_name, count)

    def accept(self, array: object) -> np.ndarray:
        """The array's bytes, one after the other, copied only where there are gaps. ValueError for an array of another type or size."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"input {shown(self.name)} must be a numpy array, not {type(array).__name__}")
        if array.dtype != self.dtype and not (self.is_picture and array.dtype == np.int8):
            raise ValueError(f"input {shown(self.name)} is an array of {array.dtype}, the model takes {self.dtype}")
        if self.is_picture:
            sizes = {self._picture_bytes(self.valid_shape), self.bytes}
        else:
            sizes = {int(np.prod(self.valid_shape)) * np.dtype(self.dtype).itemsize}
        if array.nbytes not in sizes:
            raise ValueError(f"input {shown(self.name)} has {array.nbytes} bytes in the shape {list(array.shape)}, the model takes "
                             f"{' or '.join(str(n) for n in sorted(sizes))}")
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def list_of_paths(files: Union[Path, Sequence[Path]]) -> List[Path]:
    return [files] if isinstance(files, (str, os.PathLike)) else list(files)


def memory_of(size: int) -> np.ndarray:
    """So many bytes, aligned so that the network writes integers there itself."""
    room = np.empty(size + 63, np.uint8)
    start = -room.__array_interface__["data"][0] % 64
    return room[start:start + size]


class Packed:
    """All models of some files. Any number of threads may run them; a task takes the processors that others leave."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._native = _native.Packed(tuple(os.fsencode(path) for path in paths))
        self.names: List[str] = self._native.names()
        self.tensors: Dict[str, Tuple[List[Tensor], List[Tensor]]] = {}
        for name in self.names:
            inputs, outputs = self._native.tensors(name)
            self.tensors[name] = [Tensor(t) for t in inputs], [Tensor(t) for t in outputs]

    def run(self, name: str, arrays: Sequence[object], core: int = 0, priority: int = 0, custom_id: int = 0) -> List[np.ndarray]:
        """Outputs in arrays of their own, which nothing overwrites."""
        inputs, outputs = self.tensors[name]
        if len(arrays) != len(inputs):
            raise ValueError(f"{len(arrays)} inputs: model {shown(name)} has {len(inputs)}")
        taken = tuple(tensor.accept(array) for tensor, array in zip(inputs, arrays))
        memory = tuple(memory_of(tensor.bytes) for tensor in outputs)
        with _tasks:
            self._native.run(name, taken, memory, core, priority, custom_id)
        return [np.ndarray(t.valid_shape, t.dtype, bytes_, strides=t.stride) for t, bytes_ in zip(outputs, memory)]
