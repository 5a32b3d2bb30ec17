# SPDX-License-Identifier: Apache-2.0
"""The smallest right program with the boards' Python interface. usage: forward.py MODEL.bin FRAME.nv12

The frame is raw: h rows of Y, then h / 2 rows of U and V, of the size that the model takes, as a camera of the board gives it.
"""

import sys

import numpy as np
from hobot_dnn import pyeasy_dnn as dnn


def main(model_path, frame_path):
    model = dnn.load(model_path)[0]
    height, width = model.inputs[0].properties.shape[2:4]
    print(f"{model.inputs[0].name}: {model.inputs[0].properties.tensor_type}, {width}x{height}")
    frame = np.fromfile(frame_path, np.uint8, height * width * 3 // 2)
    for output in model.forward(frame):
        values = output.buffer.astype(np.float32)
        if len(output.properties.scale_data) > 0:  # integers, one scale for all or one for each channel
            values *= output.properties.scale_data
        print(f"{output.name} {output.properties.shape}: {values.min():.3f} to {values.max():.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    main(*sys.argv[1:])
