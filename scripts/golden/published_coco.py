"""What faster-coco-eval expects of its evaluator, asked of Intarsia's: 36 figures. Downloads nothing.

usage: published_coco.py INTARSIA FOLDER
FOLDER: tests/dataset of https://github.com/MiXaiLL76/faster_coco_eval (Apache-2.0), with its folder cocoapi; the figures
are those of tests/test_cocoapi_fake_data.py and of test_coco_eval in tests/test_basic.py. All agreed to 1e-14 with the
files of commit 33ab6097d7983940e67591d20af1b4e9f48c4a93. test_ignore_coco_eval is left out: its images have texts as ids.
The figures of the COCO API's results are also in tests/golden/test_evaluate.c, which wants COCOAPI_RESULTS=FOLDER/cocoapi.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

KEYS = "AP AP50 AP75 AP_small AP_medium AP_large AR1 AR10 AR100 AR_small AR_medium AR_large".split()
COCOAPI = {
    "box": [0.5045806987249628, 0.6969727247299577, 0.5729816669904824, 0.5856257209410443, 0.5193996948036719]
    + [0.5013978986347466, 0.38681277964578054, 0.5936795762842003, 0.595352982877607, 0.6398109626113442]
    + [0.5664205978994309, 0.5642905982905982],
    "mask": [0.3195452758576433, 0.5622883972521636, 0.29892653412086784, 0.3873740315997838, 0.31018272403369485]
    + [0.3269339071005138, 0.2682297225711534, 0.41544868114906375, 0.4168394992198818, 0.4694498622754236]
    + [0.37675922666197265, 0.3814715099715099],
}
BASIC = [0.6947194719471946] * 3 + [-1.0, 0.7367986798679867, 0.0]
BASIC += [0.6666666666666666, 0.75, 0.75, -1.0, 0.7916666666666666, 0.0]


def differ(program, annotations, results, kind, expected):
    command = [program, "eval", "--json", "--ann", annotations, "--results", results]
    figures = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[kind]
    worst = max(abs(figures[key] - value) for key, value in zip(KEYS, expected))
    print(f"{pathlib.Path(results).name}, {kind}: {len(expected)} figures differ by {worst:.0e} at most")
    return worst


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    truth = folder / "cocoapi/instances_val2014_100.json"
    results = folder / "cocoapi"
    worst = differ(program, truth, results / "instances_val2014_fakebbox100_results.json", "box", COCOAPI["box"])
    segm = results / "instances_val2014_fakesegm100_results.json"
    worst = max(worst, differ(program, truth, segm, "mask", COCOAPI["mask"]))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as masks:  # as its test does: masks alone
        entries = json.loads((folder / "dt_dataset.json").read_text())
        json.dump([{k: v for k, v in e.items() if k not in ("bbox", "area")} for e in entries], masks)
        masks.flush()
        worst = max(worst, differ(program, folder / "gt_dataset.json", masks.name, "mask", BASIC))
    if worst > 1e-10:
        raise SystemExit("not the published figures")


if __name__ == "__main__":
    main()
