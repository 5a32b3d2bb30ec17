# SPDX-License-Identifier: Apache-2.0
"""Time Intarsia and other engines on one network, one after the other, in one process.

Usage: bench/peers --onnx best.onnx --bin best.bin [options]

Prints the machine and a table in Markdown. Every round, every engine has its turn: a pause until the threads of the one
before have fallen asleep, one call that is not timed, then a few that are. The order turns with the rounds. What depends
on the picture, segment(), sees all photos, some in each round; the others one a round.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import functools
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time
import typing

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
WINDOW_S, WINDOWS = 0.02, 25  # of the pause before a turn: it ends after two windows without work, or after them all
CALLS = 3  # timed ones in a turn
RAW, INSTANCES = "raw", "instances"
NETWORK, RUN = "Intarsia int8, network", "Intarsia int8, run()"
DENSE, SEGMENT = "Intarsia int8, run() and decode()", "Intarsia int8, segment()"
BASES = {NETWORK: "against network", DENSE: "against dense", SEGMENT: "against segment()"}  # what rows are compared with


@dataclasses.dataclass
class Engine:
    """`prepare` takes a letterboxed photo, uint8 [height, width, 3] RGB, and is not timed.
    `run` makes one call and returns {row of the table: milliseconds}; `rows` says what each row gives.
    `all_photos`: its time depends on the photo."""

    rows: dict
    prepare: typing.Callable
    run: typing.Callable
    all_photos: bool = False

    def turn(self, canvases):
        """{row: milliseconds of each call}, for the photos of a round."""
        calls = []
        for canvas in canvases if self.all_photos else canvases[:1]:
            self.prepare(canvas)
            if not calls:
                settle()
            self.run()
            calls += [self.run() for _ in range(1 if self.all_photos else CALLS)]
        return {row: [call[row] for call in calls] for row in self.rows}


def timed(name, call):
    def run():
        start = time.perf_counter()
        call()
        return {name: 1e3 * (time.perf_counter() - start)}

    return run


def planes(canvas):
    """float [1, 3, height, width], 0..1"""
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]).astype(np.float32) / 255


def answer(shapes, width, height):
    """RAW when an output has a value for every anchor or is a map; INSTANCES when the graph suppresses by itself."""
    anchors = width * height * 21 // 1024
    lists = [shape for shape in shapes if len(shape) == 3]
    return INSTANCES if lists and not any(anchors in shape for shape in lists) else RAW


# --- Intarsia, through its shared library; the structures are those of include/intarsia/intarsia.h ---


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 500)]


class ModelInfo(ctypes.Structure):
    _fields_ = (
        [("name", ctypes.c_char_p), ("meta", ctypes.c_char_p)]
        + [(name, ctypes.c_int) for name in "task input_format input_range width height channels".split()]
        + [(name, ctypes.c_int) for name in "n_inputs n_outputs n_steps n_tensors n_classes".split()]
        + [(name, ctypes.c_uint64) for name in "weight_bytes arena_bytes multiply_adds".split()]
    )


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("n_threads", ctypes.c_int),
        ("cpu", ctypes.c_char_p),
        ("conf", ctypes.c_float),
        ("iou", ctypes.c_float),
    ] + [(name, ctypes.c_int) for name in "max_det multi_label profile via via_range keep_tensors".split()]


class Image(ctypes.Structure):
    _fields_ = [
        ("format", ctypes.c_int),
        ("range", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("plane", ctypes.c_void_p * 2),
        ("stride", ctypes.c_size_t * 2),
    ]


class Timing(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("prepare_ns", "network_ns", "decode_ns", "multiply_adds")]


class Intarsia:
    IMAGE_RGB, TASK_RAW = 1, 0

    def __init__(self, library, path, cpu):
        self.lib, self.level = ctypes.CDLL(str(library)), cpu
        self.lib.itx_session_cpu.restype = ctypes.c_char_p
        self.model, self.info = ctypes.c_void_p(), ModelInfo()
        self.call("itx_model_open", ctypes.byref(self.model), os.fsencode(path), None)
        self.call("itx_model_get_info", self.model, ctypes.byref(self.info))
        if self.info.width < 1 or self.info.height < 1:
            raise ValueError("its input is no picture")

    def call(self, function, *arguments):
        error = Error()
        if getattr(self.lib, function)(*arguments, ctypes.byref(error)) < 0:
            raise RuntimeError(error.text.decode())

    def options(self, threads):
        level = self.level.encode() if self.level else None
        return Options(ctypes.sizeof(Options), threads, level, 0.25, 0.7, 300)

    def session(self, threads):
        session = ctypes.c_void_p()
        self.call("itx_session_create", ctypes.byref(session), self.model, ctypes.byref(self.options(threads)))
        return session

    def cpu(self):
        """The highest instruction set that it uses here."""
        session = self.session(1)
        name = self.lib.itx_session_cpu(session).decode()
        self.lib.itx_session_destroy(ctypes.byref(session))
        return name

    def engines(self, threads):
        """All outputs, and the instances alone, by one session."""
        session, image, timing = self.session(threads), Image(), Timing()
        found, n_found, kept = ctypes.c_void_p(), ctypes.c_int(), []
        gives_instances = self.info.task != self.TASK_RAW
        answer = [ctypes.byref(found), ctypes.byref(n_found)]

        def prepare(canvas):
            kept[:] = [canvas]  # the library borrows the pixels
            image.format, image.height, image.width = self.IMAGE_RGB, *canvas.shape[:2]
            image.plane[0], image.stride[0] = canvas.ctypes.data, canvas.strides[0]

        def dense():
            start = time.perf_counter()
            self.call("itx_session_run", session, ctypes.byref(image))
            times = {RUN: 1e3 * (time.perf_counter() - start)}
            self.call("itx_session_timing", session, ctypes.byref(timing))
            times[NETWORK] = timing.network_ns / 1e6
            if gives_instances:
                start = time.perf_counter()
                self.call("itx_session_decode", session, ctypes.byref(self.options(threads)), *answer)
                times[DENSE] = times[RUN] + 1e3 * (time.perf_counter() - start)
            return times

        def segment():
            self.call("itx_session_segment", session, ctypes.byref(image), *answer)

        rows = {NETWORK: RAW, RUN: RAW}
        if not gives_instances:
            return [Engine(rows, prepare, dense)]
        made = Engine(rows | {DENSE: INSTANCES}, prepare, dense)
        return [made, Engine({SEGMENT: INSTANCES}, prepare, timed(SEGMENT, segment), all_photos=True)]


# --- The other engines: each takes a file, a number of threads and the size (width, height) ---


def onnxruntime(name, path, threads, size):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {}

    def prepare(canvas):
        feed[session.get_inputs()[0].name] = planes(canvas)

    prepare(np.zeros((size[1], size[0], 3), np.uint8))
    shapes = [output.shape for output in session.run(None, feed)]
    return Engine({name: answer(shapes, *size)}, prepare, timed(name, lambda: session.run(None, feed)))


def openvino(name, path, threads, size):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    if model.is_dynamic():
        model.reshape([1, 3, size[1], size[0]])
    config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    request = core.compile_model(model, "CPU", config).create_infer_request()
    int8 = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    name = f"{name} {'int8' if int8 else 'float'}"
    feed = []

    def prepare(canvas):
        feed[:] = [openvino.Tensor(planes(canvas))]

    shapes = [tuple(output.partial_shape.to_shape()) for output in model.outputs]

    def call():
        request.infer(feed, share_inputs=True, share_outputs=True)

    return Engine({name: answer(shapes, *size)}, prepare, timed(name, call))


def quantise(onnx, canvases):
    """The network in int8 as NNCF makes it by default for activations of both signs; kept beside the environment."""
    import nncf
    import openvino

    photos = canvases[:10]
    directory = ROOT / "build-bench"
    directory.mkdir(exist_ok=True)
    path = directory / f"{onnx.stem}_int8.xml"
    data = nncf.Dataset([planes(canvas) for canvas in photos])
    with contextlib.redirect_stdout(sys.stderr):  # its progress
        model = nncf.quantize(
            openvino.Core().read_model(onnx), data, preset=nncf.QuantizationPreset.MIXED, subset_size=len(photos)
        )
    openvino.save_model(model, path)
    return path


def litert(name, path, threads, size):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]
    int8 = any(tensor["dtype"] == np.int8 for tensor in interpreter.get_tensor_details())
    name = f"{name} {'int8' if int8 else 'float'}"
    feed = []

    def prepare(canvas):
        values = planes(canvas)
        if taken["shape"][-1] == 3:
            values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
        if taken["dtype"] != np.float32:
            scale, zero = taken["quantization"]
            limits = np.iinfo(taken["dtype"])
            values = np.clip(np.rint(values / scale) + zero, limits.min, limits.max).astype(taken["dtype"])
        feed[:] = [values]

    def call():
        interpreter.set_tensor(taken["index"], feed[0])
        interpreter.invoke()

    shapes = [tuple(output["shape"]) for output in interpreter.get_output_details()]
    return Engine({name: answer(shapes, *size)}, prepare, timed(name, call))


def ncnn(name, path, threads, size):
    import ncnn

    params, weights = (next(iter(sorted(path.glob(f"*.{end}"))), None) for end in ("param", "bin"))
    if not params or not weights:
        raise ValueError("no *.param and *.bin in the folder")
    int8 = re.search(r"^Convolution\s.* 8=[1-9]", params.read_text(), re.MULTILINE)
    name = f"{name} {'int8' if int8 else 'float'}"
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    if net.load_param(str(params)) or net.load_model(str(weights)):
        raise ValueError("it cannot be loaded")
    feed = []

    def prepare(canvas):
        feed[:] = [ncnn.Mat(planes(canvas)[0]).clone()]

    def call():
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], feed[0])
        outputs = [extractor.extract(output) for output in net.output_names()]
        if any(status for status, _ in outputs):
            raise RuntimeError("extraction failed")
        return [(1, *np.array(output).shape) for _, output in outputs]

    prepare(np.zeros((size[1], size[0], 3), np.uint8))
    return Engine({name: answer(call(), *size)}, prepare, timed(name, call))


# --- The measurement ---


def engines(args, intarsia, threads, size, skipped):
    """Those whose package and file are there and that run; the others go to `skipped`, {name: why}."""
    makers = [
        ("LiteRT", "--tflite", args.tflite, litert),
        ("OpenVINO", "--openvino", args.openvino, openvino),
        ("ONNX Runtime int8", "--ort-int8", args.ort_int8, onnxruntime),
        ("OpenVINO", "--onnx", args.onnx, openvino),
        ("ONNX Runtime float", "--onnx", args.onnx, onnxruntime),
        ("ncnn", "--ncnn", args.ncnn, ncnn),
    ]
    if intarsia:
        makers.insert(0, ("Intarsia", "--bin", args.bin, lambda name, path, threads, size: intarsia.engines(threads)))
    made = []
    for name, option, path, make in makers:
        try:
            if path is None:
                raise FileNotFoundError("not given")
            if not path.exists():
                raise FileNotFoundError(f"{path} is not there")
            several = make(name, path, threads, size)
            several = several if isinstance(several, list) else [several]
            for engine in several:
                engine.prepare(np.zeros((size[1], size[0], 3), np.uint8))
                engine.run()
            made += several
        except Exception as error:  # an engine that fails is left out, whatever it throws
            skipped[f"{name} ({option})"] = " ".join(str(error).split())[:200]
    return made


def settle():
    """Waits until no thread of the process works any more: idle ones spin, some engines' for 50 ms and longer."""
    idle, before = 0, time.process_time()
    for _ in range(WINDOWS):
        time.sleep(WINDOW_S)
        now = time.process_time()
        idle = idle + 1 if now - before < 0.05 * WINDOW_S else 0
        before = now
        if idle == 2:
            return


def measure(made, canvases, rounds):
    """{row: [[milliseconds of each call] of each round]}"""
    times = {row: [] for engine in made for row in engine.rows}
    each = -(-len(canvases) // rounds)  # photos a round, so that all are seen
    for number in range(rounds):
        part = [canvases[(number * each + i) % len(canvases)] for i in range(each)]
        first = number % len(made)
        for engine in made[first:] + made[:first]:
            for row, calls in engine.turn(part).items():
                times[row].append(calls)
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times


def summary(made, times):
    """One record for each row, the fastest first. Ratios are of the medians of a turn; then the median over rounds."""
    gives = {row: kind for engine in made for row, kind in engine.rows.items()}
    middle = {row: np.median(np.array(values), axis=1) for row, values in times.items()}
    records = []
    for row, values in times.items():
        low, median, high = (float(value) for value in np.percentile(values, (10, 50, 90)))
        record = {"name": row, "gives": gives[row], "minimum_ms": float(np.min(values)), "median_ms": median}
        record |= {"p10_ms": low, "p90_ms": high, "ratios": {}, "calls_ms": values}
        for base in (base for base in BASES if base in middle):
            record["ratios"][base] = {
                "rounds": float(np.median(middle[row] / middle[base])),
                "minima": float(np.min(values) / np.min(times[base])),
            }
        records.append(record)
    return sorted(records, key=lambda record: record["median_ms"])


def table(records):
    bases = list(records[0]["ratios"])
    heads = ["engine", "gives", "minimum ms", "median", "p10 to p90"] + [BASES[base] for base in bases]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for record in records:
        cells = [record["name"], record["gives"], f"{record['minimum_ms']:.1f}", f"{record['median_ms']:.1f}"]
        cells.append(f"{record['p10_ms']:.1f} to {record['p90_ms']:.1f}")
        ratios = [record["ratios"][base] for base in bases]
        cells += [f"{ratio['rounds']:.2f} ({ratio['minima']:.2f})" for ratio in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# --- The machine ---


def vector_units(flags):
    wanted = "sse4_1 avx2 fma avx_vnni avx512f avx512bw avx512_vnni avx512_bf16 amx_int8 asimd asimddp i8mm sve"
    return [flag for flag in wanted.split() if flag in flags]


def clock_ghz(program, path):
    """Of one core, measured by the program with a chain of dependent operations; None without it."""
    try:
        command = [program, "perf", path, "--layers", "--json", "--threads", "1", "--runs", "1", "--warmup", "5"]
        # without the preloaded library of --cpu: it is not needed there
        clean = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        return json.loads(subprocess.run(command, capture_output=True, check=True, env=clean).stdout)["clock_ghz"]
    except (OSError, TypeError, subprocess.CalledProcessError):
        return None


def machine(cpu):
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    fields = dict(re.findall(r"^([\w ]+?)\s*:\s*(.*)$", text, re.MULTILINE))
    return {
        "restricted_to": cpu,
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "vector_units": vector_units((fields.get("flags") or fields.get("Features") or "").split()),
        "virtual": "hypervisor" in fields.get("flags", "").split(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
    }


def letterbox(path, size):
    """The photo as uint8 [height, width, 3] RGB, scaled to fit, centred, the border 114."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise SystemExit(f"peers: {path} is no photo that can be read")
    scale = min(size[0] / photo.shape[1], size[1] / photo.shape[0])
    width, height = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
    canvas = np.full((size[1], size[0], 3), 114, np.uint8)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    canvas[y : y + height, x : x + width] = cv2.resize(photo, (width, height))[:, :, ::-1]
    return canvas


def versions():
    found = {}
    for package in ("ai-edge-litert", "ncnn", "onnxruntime", "openvino"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def print_machine(report):
    facts = report["machine"]
    clock = f"{facts['clock_ghz']:.2f} GHz measured" if facts["clock_ghz"] else "clock not measured"
    kind = " (virtual)" * facts["virtual"]
    print(f"{facts['cpu']}{kind}, {facts['processors']} processors, {clock}, {facts['system']}")
    used = f"; Intarsia uses {facts['intarsia_uses']}" if facts["intarsia_uses"] else ""
    used = f"; no engine is told of more than {facts['restricted_to']}" * bool(facts["restricted_to"]) + used
    print(f"vector units: {' '.join(facts['vector_units'])}{used}; load before: {facts['load']}")
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()))


def parse(argv):
    parser = argparse.ArgumentParser(prog="bench/peers", description=__doc__.splitlines()[0])
    file = functools.partial(parser.add_argument, type=pathlib.Path)
    file("--onnx", metavar="FILE", help="the float network, for ONNX Runtime and OpenVINO")
    file("--bin", metavar="FILE", help="the same, built by intarsia")
    file("--tflite", metavar="FILE", help="the same for LiteRT")
    file("--openvino", metavar="FILE.xml", help="the same for OpenVINO, quantised")
    file("--ort-int8", metavar="FILE", help="the same for ONNX Runtime, quantised")
    file("--ncnn", metavar="DIR", help="the same for ncnn: a folder with a .param and a .bin")
    file("--photo", metavar="FILE|DIR", default=ROOT / "data/parts/val/images", help="one, or one for each round")
    parser.add_argument("--nncf", action="store_true", help="quantise --onnx for OpenVINO with NNCF and the photos first")
    parser.add_argument("--cpu", choices=["avx2"], help="no engine uses more than this (Linux, x86-64)")
    file("--build", metavar="DIR", default=ROOT / "build", help="where Intarsia was built (default: build)")
    file("--json", metavar="FILE", help="also write everything there")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each engine (default: 30)")
    args = parser.parse_args(argv)
    args.threads = [int(number) for number in args.threads.split(",")]
    if args.rounds < 1 or min(args.threads) < 1:
        parser.error("rounds and threads start at 1")
    if args.nncf and args.onnx is None:
        parser.error("--nncf needs --onnx")
    return args


def main():
    args, skipped, intarsia = parse(sys.argv[1:]), {}, None
    report = {"machine": machine(args.cpu), "versions": versions(), "results": []}
    try:
        if args.bin is None:
            raise FileNotFoundError("not given")
        libraries = [path for end in ("so", "dylib") for path in (args.build / "src/api").glob(f"libintarsia.{end}")]
        if not libraries:
            raise FileNotFoundError(f"no shared library in {args.build}/src/api: build Intarsia there first")
        intarsia = Intarsia(libraries[0], args.bin, args.cpu)
    except (OSError, ValueError, RuntimeError) as error:
        skipped["Intarsia (--bin)"] = str(error)
    size = (intarsia.info.width, intarsia.info.height) if intarsia else (640, 640)
    report["machine"]["clock_ghz"] = clock_ghz(args.build / "src/cmd/intarsia", args.bin) if intarsia else None
    report["machine"]["intarsia_uses"] = intarsia.cpu() if intarsia else None
    photos = [path for path in sorted(args.photo.iterdir()) if path.is_file()] if args.photo.is_dir() else [args.photo]
    canvases = [letterbox(path, size) for path in photos]

    if args.nncf:
        args.openvino = quantise(args.onnx, canvases)
    print_machine(report)
    for threads in args.threads:
        made = engines(args, intarsia, threads, size, skipped)
        if not made:
            break
        records = summary(made, measure(made, canvases, args.rounds))
        del made  # the next engines are not to share the machine with these
        report["results"].append({"threads": threads, "photos": len(canvases), "rows": records})
        heading = f"{threads} thread{'s' * (threads > 1)}, {size[0]}x{size[1]}, {args.rounds} rounds of {CALLS} calls"
        print(f"\n{heading}, {len(canvases)} photo{'s' * (len(canvases) > 1)}\n\n{table(records)}", flush=True)
    report["skipped"] = skipped
    if skipped:
        print("\nskipped:\n\n" + "\n".join(f"- {name}: {why}" for name, why in skipped.items()))
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["results"] else 1


if __name__ == "__main__":
    sys.exit(main())
