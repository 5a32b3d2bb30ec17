"""Writes beside a case's files who made them: FOLDER/PREFIX_manifest.json."""

import hashlib
import json
import os


def write(folder, prefix, generator, modules, seed, tolerance):
    name = prefix + "_manifest.json"
    files = sorted(f for f in os.listdir(folder) if f.startswith(prefix) and f != name)
    digest = lambda f: hashlib.sha256(open(os.path.join(folder, f), "rb").read()).hexdigest()
    about = {
        "generator": generator,
        "versions": {m.__name__: getattr(m, "__version__", "unknown") for m in modules},
        "seed": seed,
        "tolerance": tolerance,
        "sha256": {f: digest(f) for f in files},
    }
    with open(os.path.join(folder, name), "w") as out:
        json.dump(about, out, indent=1)
        out.write("\n")
