# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of this folder with pytest and ends with the line that scripts/count_tests reads. Exit 77, "skipped", where
numpy or pytest is not installed. usage: run.py TINY [PROGRAM TO_PPM], with PYTHONPATH at the packages to test."""

import os
import sys


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def pytest_runtest_logreport(self, report):
        self.skipped += report.skipped
        self.failed += report.failed
        self.passed += report.passed and report.when == "call"

    def pytest_collectreport(self, report):
        self.failed += report.failed


def main():
    try:
        import pytest
        __import__("numpy")
    except ImportError as missing:
        print(f"skipped: {missing}")
        return 77
    tools = dict(zip(("TINY_MODELS", "INTARSIA", "TO_PPM"), sys.argv[1:]))
    os.environ.update({name: os.path.realpath(path) for name, path in tools.items()})
    here = os.path.dirname(os.path.realpath(__file__))
    counts = Counts()
    status = pytest.main(["-q", "-p", "no:cacheprovider", here], plugins=[counts])
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return int(status)


sys.dont_write_bytecode = True
sys.exit(main())
