# SPDX-License-Identifier: Apache-2.0
"""Writes every form of Ultralytics' export that Intarsia promises to take, or to refuse, with random weights.

usage: export_forms.py FOLDER [PATTERN]     PATTERN: of the names, "v8n-seg_*"; files that are there are kept
needs torch, ultralytics, onnx, onnxslim; made with ultralytics 8.4.190. Then scripts/golden/check_forms FOLDER PHOTOS.
Names: NETWORK_OPSET_SIMPLIFIED_CLASSES_SIZE.onnx, or NETWORK_refused_WHY.onnx.
"""

import fnmatch
import os
import shutil
import sys

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")
import torch
from torch import nn
from ultralytics import YOLO
from ultralytics.nn.tasks import yaml_model_load

folder = sys.argv[1]
pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
os.makedirs(folder, exist_ok=True)


def blurred_noise():
    smooth = nn.functional.interpolate(torch.rand(2, 3, 20, 20), size=(160, 160), mode="bilinear")
    return 0.8 * smooth + 0.2 * torch.rand(2, 3, 160, 160)


def network(name, classes):
    """Random weights; batch norms have measured what they do, so that values neither vanish nor explode."""
    torch.manual_seed(1)
    yolo = YOLO(f"yolo{name}.yaml")
    if classes != 80:
        args = yolo.model.args
        yolo.model = type(yolo.model)(yaml_model_load(f"yolo{name}.yaml"), ch=3, nc=classes, verbose=False)
        yolo.model.task, yolo.model.args = yolo.task, args
    model = yolo.model
    model.names = {i: f"thing {i}" for i in range(classes)}
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = None
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0, 0.2)
        elif isinstance(m, nn.Conv2d) and m.bias is not None and m.weight.requires_grad:
            nn.init.normal_(m.weight, 0, (2 / m.weight[0].numel()) ** 0.5)
    model.train()
    with torch.no_grad():
        for _ in range(2):
            model(blurred_noise())
    model.eval()
    yolo.ckpt_path = model.pt_path = os.path.join(folder, "export.pt")
    return yolo


def export(name, file, classes=80, **args):
    path = os.path.join(folder, file + ".onnx")
    if os.path.exists(path) or not fnmatch.fnmatch(file, pattern):
        return
    try:
        shutil.move(network(name, classes).export(format="onnx", verbose=False, **args), path)
    except Exception as e:  # one form that this torch cannot make is no reason to make none
        print(f"{file}: not made: {e!r}", file=sys.stderr)


def form(name, opset=17, simplify=True, classes=80, size=(320, 320)):
    file = f"{name}_o{opset}_s{int(simplify)}_c{classes}_{size[0]}x{size[1]}"
    export(name, file, classes, opset=opset, simplify=simplify, imgsz=list(size))


for kind in ["11n-seg", "11n", "v8n-seg", "v8n"]:
    for simplify in (True, False):
        for opset in range(11, 21):
            form(kind, opset, simplify)
        for size in [(32, 32), (64, 96), (480, 640), (640, 480), (640, 640), (1280, 1280)]:
            form(kind, simplify=simplify, size=size)
    for classes in (1, 2, 8, 16, 32, 64, 365):
        form(kind, classes=classes)
    export(kind, kind + "_half", imgsz=320, half=True)
    export(kind, kind + "_refused_dynamic", imgsz=320, dynamic=True)
    export(kind, kind + "_refused_nms", imgsz=320, nms=True)
    export(kind, kind + "_refused_batch", imgsz=320, batch=2)
for kind in ["11s-seg", "11s", "v8s-seg", "v8s", "11m-seg", "v8m-seg", "v8n-p2"]:
    form(kind)
