#!/usr/bin/python3
"""The comparison of pictures that ./dev screens trusts (pictures.mjs): it finds what moved, and not how letters are drawn. Prints TAP."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]

import weblib  # noqa: E402


def main():
    why = weblib.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    done = subprocess.run(["node", os.path.join(HERE, "pictures.check.mjs")], env={**os.environ, "WEIR_CHROMIUM": weblib.CHROMIUM})
    # Failed lines are reported one by one; another status is a fault of the harness.
    return 0 if done.returncode in (0, 1) else done.returncode


sys.exit(main())
