#!/usr/bin/python3
"""Whether a fit can be repeated to the byte, on every set.

    bench/automl/repeat.py BUILD/merlon [--units 3000000] [--only SET]... [--data FOLDER]

Fits each set by work units three times: with one thread and one worker, with two threads and two
workers, and by --replay of the first model. All three files must be the same. Prints a line for each
set, and ends with 1 when one differs.
"""
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from command import Failed, call
from sets import SHARED_DATA, list_sets, table_path, target_of


def fit(merlon, table, model, *arguments):
    """The bytes of the model."""
    call(merlon, "fit", table, "--out", model, "--force", "--quiet", "--no-journal", *arguments)
    return model.read_bytes()


def compare(options, name, task, scratch):
    """What differs from the first fit."""
    folder = options.data / name
    table = table_path(folder, "train")
    kind = "regression" if task == "regression" else "classification"
    asked = ["--target", target_of(folder), "--task", kind, "--units", options.units, "--seed", 1]
    one, two, again = (Path(scratch) / f"{name}.{n}.safetensors" for n in ("one", "two", "again"))
    first = fit(options.merlon, table, one, *asked, "--threads", 1, "--workers", 1)
    others = {"two workers": fit(options.merlon, table, two, *asked, "--threads", 2, "--workers", 2),
              "replay": fit(options.merlon, table, again, "--replay", one)}
    for path in (one, two, again):
        path.unlink()
    return [what for what, model in others.items() if model != first]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("merlon", type=lambda text: Path(text).resolve(), help="the built command")
    parser.add_argument("--units", type=int, default=3000000)
    parser.add_argument("--only", action="append", metavar="SET")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"skipped: there is no folder {options.data}")
    n_same, differing = 0, []
    with tempfile.TemporaryDirectory(prefix="merlon-repeat-") as scratch:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = scratch
        for name, task in list_sets(options.data):
            if options.only and name not in options.only:
                continue
            start = time.monotonic()
            try:
                differs = compare(options, name, task, scratch)
            except Failed as failure:
                differs = [str(failure)]
            print(f"{name:20} {', '.join(differs) or 'the same bytes':40} "
                  f"{time.monotonic() - start:6.1f} s", flush=True)
            n_same += not differs
            differing += [name] if differs else []
    print(f"the same bytes on {n_same} of {n_same + len(differing)} sets")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
