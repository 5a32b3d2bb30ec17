# SPDX-License-Identifier: Apache-2.0
"""Arrays as pictures: what the C interface's struct itx_image says, from numpy arrays, copied only where rows cannot be read
as they lie."""

from __future__ import annotations

from typing import Sequence, Tuple, Union

import numpy as np

# enum itx_image_format and what an order is called here; enum itx_range
FORMATS = {"rgb": 1, "bgr": 2, "nv12": 3, "gray": 4, "rgba": 5, "yuv444": 6}
RANGES = {"full": 0, "video": 1}
_PIXEL_BYTES = {"rgb": 3, "bgr": 3, "rgba": 4, "yuv444": 3}

Picture = Union[np.ndarray, Sequence[np.ndarray]]
NativePicture = Tuple[object, ...]


def _bytes(array: object, what: str) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} must be a numpy array, not {type(array).__name__}")
    if array.dtype != np.uint8:
        raise TypeError(f"{what} must be of uint8, not {array.dtype}")
    return array


def _in_rows(array: np.ndarray) -> np.ndarray:
    """The array itself when only its rows have gaps between them, else a copy."""
    step = 1
    for size, stride in zip(array.shape[:0:-1], array.strides[:0:-1]):
        if size > 1 and stride != step:
            return np.ascontiguousarray(array)
        step *= size
    return array if array.strides[0] >= step or array.shape[0] == 1 else np.ascontiguousarray(array)


def _planes(image: Picture) -> Tuple[np.ndarray, np.ndarray]:
    """Luma [h, w] and chroma [(h + 1) / 2, w rounded up to even] of an NV12 picture."""
    if isinstance(image, np.ndarray):
        stacked = _bytes(image, "an NV12 picture")
        if stacked.ndim == 3 and stacked.shape[2] == 1:
            stacked = stacked[:, :, 0]
        if stacked.ndim != 2 or stacked.shape[0] % 3 != 0 or stacked.shape[1] % 2 != 0:
            raise ValueError(
                f"an NV12 picture is [h * 3 / 2, w] with h and w even, or (luma, chroma), not {list(image.shape)}")
        height = stacked.shape[0] // 3 * 2
        return stacked[:height], stacked[height:]
    if not isinstance(image, (tuple, list)) or len(image) != 2:
        raise TypeError("an NV12 picture is one numpy array, or two: luma and chroma")
    luma, chroma = _bytes(image[0], "luma"), _bytes(image[1], "chroma")
    if luma.ndim != 2:
        raise ValueError(f"luma is [h, w], not {list(luma.shape)}")
    rows, row = (luma.shape[0] + 1) // 2, (luma.shape[1] + 1) // 2 * 2
    if chroma.shape not in ((rows, row), (rows, row // 2, 2)):
        raise ValueError(f"chroma of this luma is [{rows}, {row // 2}, 2], not {list(chroma.shape)}")
    return luma, chroma


def describe(image: Picture, order: str, range_: str) -> NativePicture:
    """The picture as intarsia._native takes it. TypeError for what is no array of uint8, ValueError for a wrong shape."""
    if order not in FORMATS:
        raise ValueError(f"order {order!r}: one of {', '.join(FORMATS)} is possible")
    if range_ not in RANGES:
        raise ValueError(f"range {range_!r}: full or video is possible")
    if order == "nv12":
        planes = tuple(_in_rows(p) for p in _planes(image))
    else:
        array = _bytes(image, "the picture")
        wanted = _PIXEL_BYTES.get(order)
        if array.ndim != (2 if wanted is None else 3) or (wanted is not None and array.shape[2] != wanted):
            shape = "[h, w]" if wanted is None else f"[h, w, {wanted}]"
            raise ValueError(f"a picture of order {order!r} is {shape}, not {list(array.shape)}")
        planes = (_in_rows(array),) if array.size else (array,)
    height, width = planes[0].shape[:2]
    if height < 1 or width < 1:
        raise ValueError(f"a picture of {width}x{height}")
    return (FORMATS[order], RANGES[range_], width, height, *planes)
