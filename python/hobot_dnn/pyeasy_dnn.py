# SPDX-License-Identifier: Apache-2.0
"""The board's pyeasy_dnn, on CPUs.

    from hobot_dnn import pyeasy_dnn as dnn

    models = dnn.load("yolo11n-seg_nv12.bin")
    outputs = models[0].forward(nv12)                      # numpy uint8, h * w * 3 / 2 bytes
    for output in outputs:
        print(output.name, output.properties.shape, output.buffer.dtype)

Programs for the board run unchanged with a file that Intarsia compiled; docs/python.md says what differs.
"""

from __future__ import annotations

import ctypes
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from intarsia._dnn import SCALE, Packed, Path, Tensor, list_of_paths

__all__ = ["Model", "Shape", "TensorProperties", "load", "pyDNNTensor"]


class Shape(Tuple[int, ...]):
    """A tensor's dimensions, which ctypes.cast also takes as a pointer to an hbDNNTensorShape: eight int32, and how many of
    them count. The memory lives as long as the shape."""

    _as_parameter_: Any

    def __new__(cls, sizes: Sequence[int]) -> "Shape":
        shape = super().__new__(cls, sizes)
        shape._as_parameter_ = (ctypes.c_int32 * 9)(*sizes, *[0] * (8 - len(sizes)), len(sizes))
        return shape


class TensorProperties:
    """What is known about an input or output.

    dtype: of the array, "uint8" for pictures, "float32", "int32", "int16" or "int8".
    tensor_type: "NV12" and the like for pictures, else as dtype.
    layout: "NHWC" or "NCHW"; outputs called NCHW lie as NHWC too, as `shape` says.
    shape: tuple; of an NV12 picture (1, 3, h, w).
    scale_data: float32 [1] or [channels], real number = stored * scale; of length 0 when the numbers are real already.
    validShape, alignedShape: what means something, and what is in memory, see Shape.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._scale_data = tensor.scale if tensor.quanti_type == SCALE else np.empty(0, np.float32)
        self._valid_shape = Shape(tensor.valid_shape)
        self._aligned_shape = Shape(tensor.aligned_shape)

    @property
    def dtype(self) -> str:
        return self._tensor.dtype

    @property
    def tensor_type(self) -> str:
        return self._tensor.type_name if self._tensor.is_picture else self._tensor.dtype

    @property
    def layout(self) -> str:
        return self._tensor.layout

    @property
    def shape(self) -> Tuple[int, ...]:
        return self._tensor.valid_shape

    @property
    def scale_data(self) -> np.ndarray:
        return self._scale_data

    @property
    def validShape(self) -> Shape:
        return self._valid_shape

    @property
    def alignedShape(self) -> Shape:
        return self._aligned_shape


class pyDNNTensor:
    """An input or output. name: str; properties: TensorProperties; buffer: of what `forward` returned, the values, a numpy array
    of the properties' dtype and shape which belongs to the caller and stays as it is; else None."""

    def __init__(self, name: str, properties: TensorProperties, buffer: Optional[np.ndarray] = None) -> None:
        self._name = name
        self._properties = properties
        self._buffer = buffer

    @property
    def name(self) -> str:
        return self._name

    @property
    def properties(self) -> TensorProperties:
        return self._properties

    @property
    def buffer(self) -> Optional[np.ndarray]:
        return self._buffer


class Model:
    """One model of a file. Any number of threads may call `forward` at the same time."""

    def __init__(self, packed: Packed, name: str) -> None:
        self._packed = packed
        self._name = name
        self._inputs, self._outputs = (
            tuple(pyDNNTensor(t.name, TensorProperties(t)) for t in side) for side in packed.tensors[name])

    @property
    def name(self) -> str:
        return self._name

    @property
    def inputs(self) -> Tuple[pyDNNTensor, ...]:
        return self._inputs

    @property
    def outputs(self) -> Tuple[pyDNNTensor, ...]:
        return self._outputs

    def forward(self, inputs: Union[np.ndarray, Sequence[np.ndarray]], core_id: int = 0,
                priority: int = 0) -> Tuple[pyDNNTensor, ...]:
        """Runs the network and waits for it, with the interpreter's lock released.

        inputs: a numpy array of any shape with as many bytes as the input, or a sequence of one for each input. An NV12 picture
            has h * w * 3 / 2 bytes of uint8, rows of Y and then of U, V. It is read where it lies when it has no gaps.
        core_id: 0, 1 or 2, without effect here. priority: 0 to 255, which of waiting calls begins first.

        Raises ValueError and TypeError for arrays that do not fit, RuntimeError with the code for what libdnn refuses.
        """
        arrays = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        buffers = self._packed.run(self._name, arrays, core_id, priority)
        return tuple(pyDNNTensor(t.name, t.properties, buffer) for t, buffer in zip(self._outputs, buffers))

    def __repr__(self) -> str:
        return f"<hobot_dnn.pyeasy_dnn.Model {self._name!r}>"


def load(model_path: Union[Path, Sequence[Path]], **kwargs: Any) -> List[Model]:
    """Loads all models of a file, or of several. Keywords that the board knows are taken and have no effect.
    Raises RuntimeError with libdnn's code when a file cannot be read or is none of Intarsia's."""
    packed = Packed(list_of_paths(model_path))
    return [Model(packed, name) for name in packed.names]
