# SPDX-License-Identifier: Apache-2.0
"""The board's hbm_runtime, on CPUs.

    from hbm_runtime import HB_HBMRuntime

    runtime = HB_HBMRuntime("yolo11n-seg_nv12.bin")
    name = runtime.model_names[0]
    outputs = runtime.run(nv12)[name]                      # {output: numpy array}

Programs for the board run unchanged with a file that Intarsia compiled; docs/python.md says what differs.
"""

from __future__ import annotations

import enum
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

import numpy as np

from intarsia import _native
from intarsia._dnn import SCALE, TYPES, Packed, Path, Tensor, list_of_paths
from intarsia._text import shown

__all__ = ["HB_HBMRuntime", "QuantParams", "SchedParam", "hbDNNDataType", "hbDNNQuantiType"]

T = TypeVar("T")
Inputs = Mapping[str, np.ndarray]

hbDNNDataType = enum.IntEnum("hbDNNDataType", {  # type: ignore[misc]
    **{name: number for number, (name, _) in TYPES.items()}, "S4": 6, "U4": 7, "MAX": 19})


class hbDNNQuantiType(enum.IntEnum):
    """Numbers as Python programs for the boards expect them; the C interface's are others."""

    NONE = 0
    SCALE = 1


@dataclass
class QuantParams:
    """real number = (stored - zero_point) * scale, for each index of `axis`, or one for all. scale: float32; zero_point: int32;
    both of length 0 when quant_type is NONE."""

    scale: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    zero_point: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    quant_type: hbDNNQuantiType = hbDNNQuantiType.NONE
    axis: int = 0


@dataclass
class SchedParam:
    """priority: 0 to 255, more is sooner. customId: less is sooner, among one priority. bpu_cores: [-1] means any; without effect
    here, as deviceId."""

    priority: int = 0
    customId: int = 0
    bpu_cores: List[int] = field(default_factory=lambda: [-1])
    deviceId: int = 0


def _quant(tensor: Tensor) -> QuantParams:
    if tensor.quanti_type != SCALE:
        return QuantParams()
    return QuantParams(tensor.scale, tensor.zero_point, hbDNNQuantiType.SCALE, tensor.axis)


class HB_HBMRuntime:
    """Models of one file or several, by name.

    model_names, model_count; model_descs {model: str}; hbm_descs {path: str}; and for inputs and outputs alike: input_counts
    {model: int}, input_names {model: [str]}, and {model: {tensor: ...}} of input_descs (str), input_shapes ([int]), input_dtypes
    (hbDNNDataType), input_quants (QuantParams), input_strides ([int], bytes; 0 for pictures of planes). All are read-only.

    Raises RuntimeError with libdnn's code when a file cannot be read or is none of Intarsia's.
    """

    version: str = _native.dnn_version

    def __init__(self, model_files: Union[Path, Sequence[Path]]) -> None:
        paths = list_of_paths(model_files)
        self._packed = Packed(paths)
        self._paths = [os.fspath(path) for path in paths]
        self._sched = {name: SchedParam() for name in self._packed.names}

    @property
    def model_names(self) -> List[str]:
        return list(self._packed.names)

    @property
    def model_count(self) -> int:
        return len(self._packed.names)

    @property
    def model_descs(self) -> Dict[str, str]:
        return {name: "" for name in self._packed.names}

    @property
    def hbm_descs(self) -> Dict[str, str]:
        return {path: "" for path in self._paths}

    def _tensors(self, side: int, of: Callable[[Tensor], T]) -> Dict[str, Dict[str, T]]:
        return {name: {t.name: of(t) for t in self._packed.tensors[name][side]} for name in self._packed.names}

    @property
    def input_counts(self) -> Dict[str, int]:
        return {name: len(tensors[0]) for name, tensors in self._packed.tensors.items()}

    @property
    def output_counts(self) -> Dict[str, int]:
        return {name: len(tensors[1]) for name, tensors in self._packed.tensors.items()}

    @property
    def input_names(self) -> Dict[str, List[str]]:
        return {name: [t.name for t in tensors[0]] for name, tensors in self._packed.tensors.items()}

    @property
    def output_names(self) -> Dict[str, List[str]]:
        return {name: [t.name for t in tensors[1]] for name, tensors in self._packed.tensors.items()}

    @property
    def input_descs(self) -> Dict[str, Dict[str, str]]:
        return self._tensors(0, lambda t: "")

    @property
    def output_descs(self) -> Dict[str, Dict[str, str]]:
        return self._tensors(1, lambda t: "")

    @property
    def input_shapes(self) -> Dict[str, Dict[str, List[int]]]:
        return self._tensors(0, lambda t: list(t.valid_shape))

    @property
    def output_shapes(self) -> Dict[str, Dict[str, List[int]]]:
        return self._tensors(1, lambda t: list(t.valid_shape))

    @property
    def input_dtypes(self) -> Dict[str, Dict[str, hbDNNDataType]]:
        return self._tensors(0, lambda t: hbDNNDataType(t.type))

    @property
    def output_dtypes(self) -> Dict[str, Dict[str, hbDNNDataType]]:
        return self._tensors(1, lambda t: hbDNNDataType(t.type))

    @property
    def input_quants(self) -> Dict[str, Dict[str, QuantParams]]:
        return self._tensors(0, _quant)

    @property
    def output_quants(self) -> Dict[str, Dict[str, QuantParams]]:
        return self._tensors(1, _quant)

    @property
    def input_strides(self) -> Dict[str, Dict[str, List[int]]]:
        return self._tensors(0, lambda t: list(t.stride))

    @property
    def output_strides(self) -> Dict[str, Dict[str, List[int]]]:
        return self._tensors(1, lambda t: list(t.stride))

    @property
    def sched_params(self) -> Dict[str, SchedParam]:
        return dict(self._sched)

    def set_scheduling_params(self, priority: Optional[Dict[str, int]] = None, bpu_cores: Optional[Dict[str, List[int]]] = None,
                              custom_id: Optional[Dict[str, int]] = None, device_id: Optional[Dict[str, int]] = None) -> None:
        """For the runs that follow, of the models named. ValueError for a model that is not there and a priority that is not 0 to
        255; then nothing is changed."""
        given: Sequence[Optional[Mapping[str, object]]] = (priority, bpu_cores, custom_id, device_id)
        for names in given:
            for name in names or {}:
                self._check_name(name)
        for value in (priority or {}).values():
            if not 0 <= value <= 255:
                raise ValueError(f"priority {value}: 0 to 255 is possible")
        for name, sched in self._sched.items():
            sched.priority = (priority or {}).get(name, sched.priority)
            sched.bpu_cores = (bpu_cores or {}).get(name, sched.bpu_cores)
            sched.customId = (custom_id or {}).get(name, sched.customId)
            sched.deviceId = (device_id or {}).get(name, sched.deviceId)

    def _check_name(self, name: str) -> None:
        if name not in self._sched:
            raise ValueError(f"there is no model {name!r}, only {shown(', '.join(self._sched))}")

    def _only_model(self, name: Optional[str]) -> str:
        if name is None and len(self._sched) > 1:
            raise ValueError(f"model_name is needed, there are {shown(', '.join(self._sched))}")
        name = self._packed.names[0] if name is None else name
        self._check_name(name)
        return name

    def _run_model(self, name: str, inputs: Inputs) -> Dict[str, np.ndarray]:
        wanted, outputs = self._packed.tensors[name]
        names = [t.name for t in wanted]
        if set(inputs) != set(names):
            raise ValueError(f"inputs {shown(', '.join(map(str, inputs)))}: model {shown(name)} has {shown(', '.join(names))}")
        sched = self._sched[name]
        arrays = self._packed.run(name, [inputs[n] for n in names], 0, sched.priority, sched.customId)
        return {tensor.name: array for tensor, array in zip(outputs, arrays)}

    def _requests(self, inputs: object, model_name: Optional[str]) -> List[Tuple[str, Inputs]]:
        if isinstance(inputs, np.ndarray):
            name = self._only_model(model_name)
            wanted = self._packed.tensors[name][0]
            if len(wanted) != 1:
                raise ValueError(f"one array for {len(wanted)} inputs: give {{input: array}}")
            return [(name, {wanted[0].name: inputs})]
        if not isinstance(inputs, Mapping) or not inputs:
            raise TypeError("run takes a numpy array, {input: array} or {model: {input: array}}")
        if not any(isinstance(value, Mapping) for value in inputs.values()):
            return [(self._only_model(model_name), inputs)]
        for name, value in inputs.items():
            self._check_name(name)
            if not isinstance(value, Mapping):
                raise TypeError(f"of model {shown(name)} there is no {{input: array}}")
        if model_name is not None and model_name not in inputs:
            raise ValueError(f"there are no inputs of model {model_name!r}")
        return [(name, value) for name, value in inputs.items() if model_name in (None, name)]

    def run(self, inputs: Union[np.ndarray, Inputs, Mapping[str, Inputs]],
            model_name: Optional[str] = None) -> Dict[str, Dict[str, np.ndarray]]:
        """Runs one model, or several at the same time, and waits, with the interpreter's lock released.

        inputs: an array for a model with one input, {input: array} for one model, {model: {input: array}} for some. An array may
            have any shape with as many bytes as the input: an NV12 picture has h * w * 3 / 2. Gaps are copied away.
        model_name: which model, needed for the first two forms when there are several.
        Returns {model: {output: array}}; the arrays belong to the caller and stay as they are.

        Raises ValueError for an array of another type or size and for unknown names, TypeError for what is no array, RuntimeError
        with the code for what libdnn refuses.
        """
        requests = self._requests(inputs, model_name)
        if len(requests) == 1:
            return {name: self._run_model(name, arrays) for name, arrays in requests}
        with ThreadPoolExecutor(len(requests)) as pool:
            results = pool.map(lambda request: self._run_model(*request), requests)
            return {name: result for (name, _), result in zip(requests, results)}
