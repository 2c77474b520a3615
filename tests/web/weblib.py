"""What the suites of the web app need of the machine."""

import os
import shutil

import weirstack

CHROMIUM = os.environ.get("WEIR_CHROMIUM", "/usr/bin/chromium")


def missing():
    """Why the web app cannot be looked at here, or None."""
    if not shutil.which("node"):
        return "no node: install nodejs"
    if not os.path.exists(CHROMIUM):
        return "no Chromium: install chromium"
    if not os.path.isdir(os.path.join(weirstack.SRC, "web", "node_modules", "playwright-core")):
        return "web/node_modules is not there: ./dev build"
    if not os.path.exists(os.path.join(weirstack.SRC, "web", "dist", "index.html")):
        return "web/dist is not built: ./dev build"
    return None
