"""Small COCO data sets with every rule of the evaluation, and pycocotools' numbers for them: tests/golden/coco.

usage: coco_eval.py FOLDER
A case is eval_NAME_instances.json, _results.json and _expected.json: the twelve numbers for boxes and masks, and
sums over precision of each category (area, limit), so that a wrong entry that the twelve do not hold is seen as well;
"agreement" are the figures of the results with those in _reference.json. In case kept, "kept" says how much of the
reference's AP the results keep, and between which bounds, by evaluating every resampled set of images anew.
needs: pip install numpy pycocotools
"""

import contextlib
import copy
import importlib.metadata
import io
import json
import os
import random
import sys
import types

import numpy as np
import pycocotools.mask as M
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import manifest

SEED = 20


def text_rle(rle):
    return {"size": [int(v) for v in rle["size"]], "counts": rle["counts"].decode()}


def number_rle(rle):
    bits = M.decode(rle).ravel(order="F")
    ends = np.flatnonzero(np.diff(bits)) + 1
    runs = np.diff(np.concatenate([[0], ends, [bits.size]]))
    return {"size": list(rle["size"]), "counts": ([0] if bits[0] else []) + [int(r) for r in runs]}


def polygons(r, image):
    """Some polygons around one place; parts of them outside the picture."""
    x, y = r.uniform(0, image["width"]), r.uniform(0, image["height"])
    size = r.choice([8, 20, 50, 100]) * r.uniform(0.6, 1.2)
    part = lambda: [
        round(c + r.uniform(-size, size), r.choice([0, 1, 2])) for _ in range(r.randint(3, 6)) for c in (x, y)
    ]
    return [part() for _ in range(r.choice([1, 1, 2]))]


def to_rle(parts, image):
    return M.merge(M.frPyObjects(parts, image["height"], image["width"]))


def annotation(r, image, categories):
    parts = polygons(r, image)
    rle = to_rle(parts, image)
    form = r.choice(["polygons", "polygons", "text", "numbers"])
    area = float(M.area(rle))
    return parts, {
        "image_id": image["id"],
        "category_id": r.choice(categories)["id"],
        "bbox": [float(v) for v in M.toBbox(rle)],
        "area": r.choice([0.0, 1024.0, 9216.0]) if r.random() < 0.1 else area,  # the ranges' ends
        "iscrowd": int(r.random() < 0.15),
        "segmentation": parts if form == "polygons" else text_rle(rle) if form == "text" else number_rle(rle),
    }


def result(r, image, category_id, parts, shift):
    rle = to_rle([[round(v + r.gauss(0, shift), 1) for v in part] for part in parts], image)
    return {
        "image_id": image["id"],
        "category_id": category_id,
        "bbox": [round(float(v) + r.gauss(0, shift), 1) for v in M.toBbox(rle)],
        "score": r.choice([round(r.random(), 1), round(r.random(), 4)]),  # with ties
        "segmentation": text_rle(rle),
    }


def make(r, n_images, n_objects, n_false):
    images = [
        # ids do not rise with the names
        {"id": 900 - 7 * k, "file_name": "%d.jpg" % k, "height": r.randint(60, 200), "width": r.randint(60, 200)}
        for k in range(n_images)
    ]
    categories = [{"id": 3 * k + 1, "name": "category %d" % k} for k in range(4)]
    truths, results = [], []
    for image in images:
        for _ in range(n_objects):
            parts, truth = annotation(r, image, categories[:3])  # the last category has nothing to find
            truths.append({"id": len(truths) + 1, **truth})
            for _ in range(r.choice([0, 1, 1, 2])):
                category_id = truth["category_id"] if r.random() < 0.9 else r.choice(categories)["id"]
                results.append(result(r, image, category_id, parts, r.choice([0, 0.5, 2, 5])))
    for _ in range(n_false):
        results.append(result(r, images[0], categories[0]["id"], polygons(r, images[0]), 0))
    r.shuffle(results)
    return {"images": images, "categories": categories, "annotations": truths}, results


def evaluate(truth, results, kind):
    run = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), kind)
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run


def agreement(instances, reference, results):
    truth = COCO()
    truth.dataset = {
        **instances,
        "annotations": [
            {**r, "id": k + 1, "area": float(M.area(r["segmentation"])), "iscrowd": 0}
            for k, r in enumerate(r for r in reference if r["score"] > 0.25)
        ],
    }
    truth.createIndex()
    figures = {}
    for kind in ("bbox", "segm"):
        run = evaluate(truth, results, kind)
        precision = run.eval["precision"][:, :, :, 0, 2]
        weight = np.array([len(truth.getAnnIds(catIds=[c])) for c in run.params.catIds], float)
        figures[kind] = [
            float((rows.mean((0, 1)) * weight)[weight > 0].sum() / weight.sum())
            for rows in (precision, precision[:1], precision[5:6])
        ]
    return figures


def expect(instances, results, reference):
    truth = COCO()
    truth.dataset = copy.deepcopy(instances)
    truth.createIndex()
    expected = {}
    for kind in ("bbox", "segm"):
        run = evaluate(truth, results, kind)
        expected[kind] = {
            "stats": [float(v) for v in run.stats],
            "precision": run.eval["precision"].sum((0, 1)).tolist(),  # [category][area][limit]
            "recall": run.eval["recall"].sum(0).tolist(),
        }
    expected["agreement"] = agreement(instances, reference, results)
    return expected


def draw(seed, index, n):
    """Image numbers of one draw, as src/coco/kept.h says."""
    mask = (1 << 64) - 1
    state = (seed + (index << 32)) & mask
    for _ in range(n):
        state = z = (state + 0x9E3779B97F4A7C15) & mask
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        yield ((z ^ (z >> 31)) * n) >> 64


def copied(entries, copies):
    """Every entry once for each copy of its image; copies have ids of their own."""
    return [
        {**e, "image_id": e["image_id"] * 1000 + c} for e in entries for c in range(copies.get(e["image_id"], 0))
    ]


def resampled(instances, lists, ids):
    """Average precision of the lists of results on these images, which may repeat, for boxes and masks."""
    copies = {i: ids.count(i) for i in ids}
    truth = COCO()
    truth.dataset = {
        **instances,
        "images": [
            {**image, "id": image["id"] * 1000 + c}
            for image in instances["images"]
            for c in range(copies.get(image["id"], 0))
        ],
        "annotations": [{**a, "id": k + 1} for k, a in enumerate(copied(instances["annotations"], copies))],
    }
    truth.createIndex()
    return {
        kind: [float(evaluate(truth, copied(results, copies), kind).stats[0]) for results in lists]
        for kind in ("bbox", "segm")
    }


def kept(instances, results, reference, seed=7, n_draws=40):
    ids = sorted(image["id"] for image in instances["images"])
    lists = (results, reference)
    whole = resampled(instances, lists, ids)
    drawn = [resampled(instances, lists, [ids[k] for k in draw(seed, i, len(ids))]) for i in range(n_draws)]
    expected = {"seed": seed, "draws": n_draws}
    for kind, (candidate, other) in whole.items():
        shares = [d[kind][0] / d[kind][1] for d in drawn if d[kind][1] > 0]
        low, high = np.percentile(shares, [2.5, 97.5])
        expected[kind] = [candidate, other, candidate / other, float(low), float(high), len(shares)]
    return expected


def make_kept():
    """Images of which some have nothing to find; scores differ, so that the order of copies says nothing."""
    r = random.Random("kept")
    instances, results = make(r, 14, 4, 30)
    empty = {image["id"] for image in instances["images"][::5]}
    instances["annotations"] = [a for a in instances["annotations"] if a["image_id"] not in empty]
    reference = [result(r, i, e["category_id"], polygons(r, i), 0) for e in results[:20] for i in instances["images"][:1]]
    reference += [copy.deepcopy(e) for e in results if r.random() < 0.8]
    for entry in results + reference:
        entry["score"] = round(r.random(), 9)
    return instances, results, reference


def without(results, key):
    return [{k: v for k, v in r.items() if k != key} for r in results]


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    r = random.Random(SEED)
    cases = {"mixed": make(r, 6, 8, 0), "many": make(r, 2, 5, 150)}
    instances, results = make(r, 3, 6, 10)
    cases["masks_only"] = instances, without(results, "bbox")
    instances, results = make(r, 3, 6, 10)
    cases["boxes_only"] = instances, without(results, "segmentation")
    sets = {}
    for name, (instances, results) in cases.items():
        reference = make(random.Random(name), 6, 8, 0)[1]
        for entry in reference:
            image = r.choice(instances["images"])
            parts = polygons(r, image)
            entry.update(result(r, image, entry["category_id"], parts, 0))
        reference += [e for e in results if "bbox" in e and "segmentation" in e and r.random() < 0.7]
        sets[name] = instances, results, reference
    sets["kept"] = make_kept()
    for name, (instances, results, reference) in sets.items():
        with contextlib.redirect_stdout(io.StringIO()):
            expected = expect(instances, results, reference)
            if name == "kept":
                expected["kept"] = kept(instances, results, reference)
        for what, value in (
            ("instances", instances),
            ("results", results),
            ("reference", reference),
            ("expected", expected),
        ):
            with open(os.path.join(folder, "eval_%s_%s.json" % (name, what)), "w") as out:
                json.dump(value, out)
                out.write("\n")
    tools = types.SimpleNamespace(__name__="pycocotools", __version__=importlib.metadata.version("pycocotools"))
    manifest.write(folder, "eval", "coco_eval.py", [np, tools], SEED, "1e-12: sums in another order")


if __name__ == "__main__":
    main()
