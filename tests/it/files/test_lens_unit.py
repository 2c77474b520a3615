"""weir-lens under the system call filter of the shipped unit of weir-worker, and without memory that is written and run: it can bind
itself, and what it starts looks at pictures and films."""

import ctypes
import json
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "parse")]
from test_previews import MARK, film, png  # noqa: E402
from test_unit import allowed, enter  # noqa: E402

PROGRAM = os.path.join(os.environ.get("WEIR_BUILD_DIR", "build"), "weir-lens")
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
pytestmark = [pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed"),
              pytest.mark.skipif(os.environ.get("WEIR_SANITIZERS", "no") != "no", reason="sanitizers call more")]


def run(tmp_path, data, *args):
    """Its answer, and what it wrote to descriptor 3."""
    calls = allowed()
    (tmp_path / "given").write_bytes(data)
    with open(tmp_path / "given", "rb") as given, open(tmp_path / "out", "w+b") as out:
        def child():
            os.dup2(out.fileno(), 3)
            os.set_inheritable(3, True)
            ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)  # kernels before 6.3 know no such thing
            enter(calls)

        done = subprocess.run([PROGRAM, *args], stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=child,
                              close_fds=False, timeout=90)
    assert done.returncode == 0, done
    return done.stdout, (tmp_path / "out").read_bytes()


def test_it_looks_at_a_picture(tmp_path):
    said, small = run(tmp_path, png(700, 300), "look", "image/png")
    assert json.loads(said) == {"width": 700, "height": 300, "duration_ms": 0, "has_small": True} and small[8:12] == b"WEBP"


def test_it_looks_at_a_film(tmp_path):
    said, small = run(tmp_path, film(tmp_path, "mp4", "-pix_fmt", "yuv420p"), "look", "video/mp4")
    assert json.loads(said)["has_small"] and json.loads(said)["width"] == 960 and small[8:12] == b"WEBP"


def test_it_marks_what_was_made(tmp_path):
    assert b"TC260:AIGC" in run(tmp_path, png(70, 30), "label", "image/png", MARK)[1]
