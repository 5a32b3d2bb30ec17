# SPDX-License-Identifier: Apache-2.0
"""Models and what they find."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _native
from ._picture import FORMATS, RANGES, Picture, describe
from ._text import shown

_TASKS = ("raw", "detect", "segment")  # enum itx_task
_REAL, _STORED, _SHARED = range(3)  # ORDER of enum what in native/run.c
_ORDER_OF = {number: order for order, number in FORMATS.items()}
_RANGE_OF = {number: name for name, number in RANGES.items()}


@dataclass(frozen=True)
class InputInfo:
    """One of a model's inputs.

    order: "rgb", "bgr", "nv12", "gray" or "yuv444": what the model was built for; pictures in any order are taken and converted.
        "numbers": it takes no picture but float32 [channels, height, width].
    range: "full" or "video": of the luma of NV12 and YUV444, BT.601.
    """

    name: str
    order: str
    range: str
    width: int
    height: int
    channels: int


@dataclass(frozen=True)
class OutputInfo:
    """One of a model's outputs.

    shape: (1, height, width, channels).
    dtype: of the stored numbers: int8, int16 or int32.
    scale, zero_point: float32 and int32 [1], or [channels]; real number = (stored - zero_point) * scale.
    """

    name: str
    shape: Tuple[int, int, int, int]
    dtype: np.dtype
    scale: np.ndarray
    zero_point: np.ndarray


class Result:
    """What was found in one picture, ordered by falling score. Its arrays are its own and stay valid.

    boxes: float32 [n, 4], x1 y1 x2 y2 in pixels of the picture, inside it, x1 < x2 and y1 < y2; at least one
        pixel lies in each, though its mask may have none.
    scores: float32 [n], above the conf that was asked for, at most 1.
    classes: int32 [n], indices into Model.names.
    names: their names.
    shape: (height, width) of the picture.
    milliseconds: (to prepare the picture, in the network, to decode).
    """

    def __init__(self, parts: Tuple[Any, ...], shape: Tuple[int, int], names: Sequence[str]) -> None:
        boxes, scores, classes, rects, masks, nanoseconds = parts
        self.boxes: np.ndarray = np.asarray(boxes)
        self.scores: np.ndarray = np.asarray(scores)
        self.classes: np.ndarray = np.asarray(classes)
        self.names: List[str] = [names[i] if i < len(names) else str(i) for i in self.classes.tolist()]
        self.shape: Tuple[int, int] = shape
        self.milliseconds: Tuple[float, ...] = tuple(ns / 1e6 for ns in nanoseconds)
        self._rects: List[List[int]] = np.asarray(rects).tolist()
        ends = np.cumsum(np.array([w * h for _, _, w, h in self._rects], np.int64))
        self._crops = [part.reshape(h, w).view(np.bool_)
                       for part, (_, _, w, h) in zip(np.split(np.asarray(masks), ends), self._rects)]
        self._masks: Optional[np.ndarray] = None

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<intarsia.Result of {len(self)}: {shown(', '.join(self.names[:5]))}{', ...' if len(self) > 5 else ''}>"

    def mask_crop(self, i: int) -> Tuple[int, int, np.ndarray]:
        """(x, y, mask): the mask of instance i where it can be set, bool [h, w], and where its corner lies in the picture. Much
        smaller than its share of `masks`. IndexError when there is no instance i."""
        x, y, _, _ = self._rects[i]
        return x, y, self._crops[i]

    @property
    def masks(self) -> np.ndarray:
        """bool [n, height, width] of the picture: True inside. Made when first asked for. Of a model for detection: the boxes."""
        if self._masks is None:
            masks = np.zeros((len(self), *self.shape), np.bool_)
            for mask, (x, y, w, h), crop in zip(masks, self._rects, self._crops):
                mask[y:y + h, x:x + w] = crop
            self._masks = masks
        return self._masks


class Model:
    """A network that is ready to run; made by intarsia.load.

    Any number of threads may use one model at the same time, and the interpreter's lock is released while it works. Each call
    that finds all others at work gets a session of its own, with `threads` threads and memory for its tensors, which is kept.
    A process made by fork may go on with its parent's models.

    name: of the model in its file; models: the names of all models in that file.
    names: of the classes. task: "segment", "detect", or "raw", which has no head that was recognised.
    inputs, outputs: InputInfo and OutputInfo. meta: how it was built, from the file.
    cpu: the instruction set in use, "avx512vnni"; threads: of one session.
    weight_bytes, arena_bytes, multiply_adds: sizes, and work for one picture.
    """

    def __init__(self, native: Any) -> None:
        info = native.info()
        self._native = native
        self.name: str = info["name"]
        self.models: List[str] = info["models"]
        self.names: List[str] = info["classes"]
        self.task: str = _TASKS[info["task"]]
        self.inputs: Tuple[InputInfo, ...] = tuple(self._input(i) for i in range(info["inputs"]))
        self.outputs: Tuple[OutputInfo, ...] = tuple(self._output(i) for i in range(info["outputs"]))
        self.meta: Dict[str, Any] = json.loads(info["meta"] or "{}")
        self.cpu: str
        self.threads: int
        self.cpu, self.threads = native.cpu()
        self.weight_bytes: int = info["weight_bytes"]
        self.arena_bytes: int = info["arena_bytes"]
        self.multiply_adds: int = info["multiply_adds"]

    def __repr__(self) -> str:
        of = "x".join(str(n) for n in (self.inputs[0].width, self.inputs[0].height)) if self.inputs else ""
        return f"<intarsia.Model {self.name!r}: {self.task}, {of}, {len(self.names)} classes>"

    def _input(self, i: int) -> InputInfo:
        t = self._native.input(i)
        channels, height, width = t["shape"]
        return InputInfo(t["name"], _ORDER_OF.get(t["format"], "numbers"), _RANGE_OF[t["range"]], width, height, channels)

    def _output(self, i: int) -> OutputInfo:
        t = self._native.output(i)
        return OutputInfo(t["name"], t["shape"], np.dtype(t["dtype"]), np.array(t["scale"], np.float32),
                          np.array(t["zero_point"], np.int32))

    def _picture(self, image: Picture, order: str, range: Optional[str]) -> Tuple[Any, ...]:
        return describe(image, order, range or (self.inputs[0].range if order in ("nv12", "yuv444") else "full"))

    def segment(self, image: Picture, conf: float = 0.25, iou: float = 0.7, *, order: str = "rgb",
                range: Optional[str] = None, max_det: int = 300, multi_label: bool = False) -> Result:
        """Finds the objects in a picture.

        image: numpy uint8, of any size from 1 to 65535 on a side: [h, w, 3] for order "rgb", "bgr" and "yuv444", [h, w, 4] for
            "rgba", [h, w] for "gray"; for "nv12" [h * 3 / 2, w], or luma [h, w] and chroma [h / 2, w / 2, 2]. It is read as
            it lies when its pixels follow each other in rows, as in a part of a bigger picture.
        conf: instances below this score are dropped, 0 to 1.
        iou: overlap above which the weaker of two boxes of one class is dropped, 0 to 1.
        range: "full" or "video", of the luma of nv12 and yuv444; None: what the model was built for.
        max_det: how many are kept, at most what `load` was told.
        multi_label: every class of an anchor above conf, not only the best.

        Raises TypeError and ValueError for arrays that are no such picture, IntarsiaError for thresholds out of range and for
        models that know no objects (task "raw").
        """
        picture = self._picture(image, order, range)
        parts = self._native.segment(picture, conf, iou, max_det, multi_label)
        return Result(parts, (picture[3], picture[2]), self.names)

    def run(self, image: Union[Picture, Sequence[np.ndarray]], *, order: str = "rgb", range: Optional[str] = None,
            quantized: bool = False, copy: bool = True) -> Dict[str, np.ndarray]:
        """Runs the network and returns its raw outputs, {name: array [1, h, w, c]}, in the order of `outputs`.

        image, order, range: as of `segment`. A model whose inputs are numbers takes float32 [c, h, w] or [1, c, h, w], or a
            sequence of these, one for each input.
        quantized: False: float32; True: the stored integers, of which `outputs` tells the scales.
        copy: False, with quantized: arrays that show the session's own memory, read-only. They stay valid and unchanged
            for as long as they are held, and hold the session: the next call works with another one.

        Raises as `segment`, and ValueError when copy is False for floats.
        """
        if not copy and not quantized:
            raise ValueError("only quantized outputs can be had without a copy")
        what = _REAL if not quantized else _STORED if copy else _SHARED
        if self.inputs and self.inputs[0].order == "numbers":
            blocks = self._native.run_float(self._numbers(image), what)
        else:
            blocks = self._native.run(self._picture(image, order, range), what)
        return {info.name: np.asarray(block) for info, block in zip(self.outputs, blocks)}

    def _numbers(self, inputs: Any) -> Tuple[np.ndarray, ...]:
        if isinstance(inputs, np.ndarray):
            inputs = (inputs,)
        if not isinstance(inputs, (tuple, list)):
            raise TypeError(f"{shown(self.name)} takes numpy arrays of float32, not {type(inputs).__name__}")
        arrays = []
        for i, array in enumerate(inputs):
            if not isinstance(array, np.ndarray) or array.dtype != np.float32:
                raise TypeError(f"input {i} must be a numpy array of float32")
            if array.ndim == 4 and array.shape[0] == 1:
                array = array[0]
            arrays.append(np.ascontiguousarray(array))
        return tuple(arrays)


def load(path: Union[str, "os.PathLike[str]", bytes, bytearray], name: Optional[str] = None, *, threads: int = 0,
         cpu: Optional[str] = None, max_det: int = 300) -> Model:
    """Opens a file that `intarsia build` wrote, and makes it ready.

    path: of the file, which must stay as it is while the model is in use; or its content as bytes, which are copied.
    name: of the model to take from a file with several; None: the first.
    threads: of each session, 1 to 256; 0: one for each processor that may be used.
    cpu: use instruction sets up to this one only: "scalar", "avx2", "avx512vnni"; None: all that there are.
    max_det: the most instances that can be asked for.

    Raises IntarsiaError when the file cannot be read, is no such file, or an option is out of range.
    """
    if isinstance(path, (bytes, bytearray)):
        return Model(_native.Model(b"", bytes(path), name, threads, cpu, max_det))
    text = os.fsencode(path)
    if not text:
        raise ValueError("the path is empty")
    return Model(_native.Model(text, None, name, threads, cpu, max_det))
