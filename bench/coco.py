# SPDX-License-Identifier: Apache-2.0
"""Time Intarsia's COCO evaluation and others' on one set, each as a command of its own, one after the other.

Usage: bench/coco [--images 5000 --objects 36000 --detections 500000] [--rounds 5] [--cpus 2] [--json FILE]

Prints the machine and a table in Markdown. A command reads both files, evaluates boxes and masks, and prints the twelve
figures of each; the table says how long that took from its start to its end, so that Python's start and the libraries'
imports count too. Also said: the time without them, and whether all give the same figures.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS, TOLERANCE = "Intarsia", 1e-9
KINDS = ("bbox", "segm")


# --- what is timed ---


def evaluate(name, folder):
    """As a command: the figures and the seconds of load and evaluation, as JSON."""
    if name == "hotcoco":
        from hotcoco import COCO, COCOeval
    else:
        from faster_coco_eval import COCO, COCOeval_faster as COCOeval
    start = time.perf_counter()
    truth = COCO(str(folder / "instances.json"))
    found = (truth.loadRes if hasattr(truth, "loadRes") else truth.load_res)(str(folder / "results.json"))
    loaded = time.perf_counter()
    figures = {}
    for kind in KINDS:
        run = COCOeval(truth, found, kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
        figures[kind] = [float(v) for v in run.stats[:12]]
    end = time.perf_counter()
    print("\nRESULT " + json.dumps({"figures": figures, "load_s": loaded - start, "evaluate_s": end - loaded}))


def read_ours(text):
    answer = json.loads(text)
    return {"figures": {kind: list(answer[key].values()) for kind, key in zip(KINDS, ("box", "mask"))}}


def read_theirs(text):
    return json.loads(re.search(r"^RESULT (.*)$", text, re.M).group(1))


def commands(args):
    folder = args.folder
    program = args.build / "src/cmd/intarsia"
    files = ["--ann", folder / "instances.json", "--results", folder / "results.json"]
    yield OURS, [program, "eval", *files, "--json", "--threads", str(args.cpus)], read_ours
    for name, package in (("hotcoco", "hotcoco"), ("faster-coco-eval", "faster_coco_eval")):
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name}: not installed", file=sys.stderr)
            continue
        yield name, [sys.executable, __file__, "--one", name, "--folder", folder], read_theirs


def run(command, read):
    before = os.times()
    start = time.perf_counter()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wall = time.perf_counter() - start
    after = os.times()
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-500:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall_s": wall, "cpu_s": cpu, **read(done.stdout)}


# --- the whole ---


def machine(args):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model.group(1) if model else platform.processor(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
        "set": [args.images, args.objects, args.detections],
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("hotcoco", "faster-coco-eval", "numpy")
            if any(d.metadata["Name"].replace("_", "-") == name for d in importlib.metadata.distributions())
        },
    }


def worst_difference(figures, others):
    return max(abs(a - b) for kind in KINDS for a, b in zip(figures[kind], others[kind]))


def report(args, facts, runs):
    lines = [
        f"{facts['cpu']}, {len(facts['cpus'])} CPUs, load {facts['load']:.1f}; "
        f"{args.images} photos, {args.objects} objects, {args.detections} detections; "
        f"best and median of {args.rounds}, alternately",
        "",
        "| evaluator | whole command, s | median | CPU time, s | against Intarsia: whole command | CPU time |",
        "|---|---|---|---|---|---|",
    ]
    best = {name: min(r["wall_s"] for r in list_) for name, list_ in runs.items()}
    cpu = {name: min(r["cpu_s"] for r in list_) for name, list_ in runs.items()}
    for name, list_ in runs.items():
        median = statistics.median(r["wall_s"] for r in list_)
        ratio = statistics.median(r["wall_s"] / o["wall_s"] for r, o in zip(list_, runs[OURS]))
        title = name + (" " + facts["versions"][name] if name in facts["versions"] else "")
        lines.append(
            f"| {title} | {best[name]:.2f} | {median:.2f} | {cpu[name]:.2f} | {ratio:.2f} | {cpu[name] / cpu[OURS]:.2f} |"
        )
    lines.append("")
    for name, list_ in runs.items():
        if name != OURS:
            difference = worst_difference(list_[0]["figures"], runs[OURS][0]["figures"])
            loading = min(r["load_s"] for r in list_)
            evaluating = min(r["evaluate_s"] for r in list_)
            lines.append(
                f"{name}: load {loading:.2f} s, evaluate {evaluating:.2f} s, without Python's start; "
                f"figures differ by {difference:.0e} at most"
            )
    print("\n".join(lines))
    same = all(
        worst_difference(r["figures"], runs[OURS][0]["figures"]) <= TOLERANCE for list_ in runs.values() for r in list_
    )
    if not same:
        raise SystemExit("the evaluators do not agree")


def make_set(args):
    stamp = args.folder / "complete"
    numbers = f"{args.images} {args.objects} {args.detections}"
    if stamp.exists() and stamp.read_text() == numbers:
        return
    print(f"making the set in {args.folder}", file=sys.stderr)
    maker = [sys.executable, str(ROOT / "bench/coco_set.py"), str(args.folder), *numbers.split()]
    subprocess.run(maker, check=True)
    stamp.write_text(numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--objects", type=int, default=36000)
    parser.add_argument("--detections", type=int, default=500000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpus", type=int, default=2, help="CPUs that every command is held to")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="where Intarsia was built")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build-bench/coco-set", help="of the set")
    parser.add_argument("--json", type=pathlib.Path, help="every single time, there")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        evaluate(args.one, args.folder)
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.cpus])
    make_set(args)
    facts = machine(args)
    runs = {}
    table = list(commands(args))
    for turn in range(args.rounds + 1):  # the first fills the caches
        for k in range(len(table)):
            name, command, read = table[(k + turn) % len(table)]
            result = run(command, read)
            if turn > 0:
                runs.setdefault(name, []).append(result)
    runs = {name: runs[name] for name, _, _ in table}
    if args.json:
        args.json.write_text(json.dumps({"machine": facts, "runs": runs}, indent=1) + "\n")
    report(args, facts, runs)


if __name__ == "__main__":
    main()
