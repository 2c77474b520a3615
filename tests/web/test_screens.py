#!/usr/bin/python3
"""Pictures of the main screens (screens.mjs), compared with those in tests/web/screens, through a Weir of their own.

usage: test_screens.py [--update] [--serve] [part of a screen's name]

--update keeps the new pictures in the tree; --serve only starts it all, and prints its environment. New pictures, and
beside each that differs what has changed, are kept in tests/web/screens of the build. Prints TAP.
"""

import datetime
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]

import seed  # noqa: E402
import weblib  # noqa: E402
import weirstack  # noqa: E402
import weirtest  # noqa: E402

CONF = {"auth": {"registration": "open", "secure_cookie": "no"}, "general": {}}


def main():
    why = weblib.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    with weirtest.Services() as sv:
        sv.up({"auth": CONF["auth"]})
        env = {"WEIR_URL": f"http://127.0.0.1:{sv.port}", "WEIR_SEED": json.dumps({**seed.Seed(sv).all(), "day": day}),
               "WEIR_SHOTS": os.path.join(weirstack.build_dir(), "tests", "web", "screens"), "WEIR_CHROMIUM": weblib.CHROMIUM}
        if "--serve" in sys.argv:
            print("\n".join(f"export {k}='{v}'" for k, v in env.items()), flush=True)
            signal.sigwait([signal.SIGTERM, signal.SIGINT])
            return 0
        done = subprocess.run(["node", os.path.join(HERE, "screens.mjs"), *sys.argv[1:]], env={**os.environ, **env})
        # Pictures that differ are reported line by line; another status is a fault of the harness.
        return 0 if done.returncode in (0, 1) else done.returncode


sys.exit(main())
