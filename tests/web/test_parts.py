#!/usr/bin/python3
"""The web app's own tests (web/test, Vitest): stores, stream reader, grouping, conflict rules. Prints TAP."""

import os
import shutil
import subprocess
import sys

WEB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "web")
VITEST = os.path.join(WEB, "node_modules", "vitest", "vitest.mjs")


def main():
    if not shutil.which("node"):
        print("1..0 # SKIP no node: install nodejs")
        return 0
    if not os.path.exists(VITEST):
        print("1..0 # SKIP web/node_modules is not there: ./dev build")
        return 0
    done = subprocess.run(["node", VITEST, "run", "--reporter=tap-flat"], cwd=WEB, env={**os.environ, "NO_COLOR": "1"})
    # Failed tests are reported line by line; another status is a fault of the harness.
    return 0 if done.returncode in (0, 1) else done.returncode


sys.exit(main())
