#!/usr/bin/python3
"""weir-demo as KIE: tasks that are made, asked after and told of, and their faults."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

PROGRAM = os.environ.get("WEIR_DEMO") or os.path.join(os.environ.get("builddir", "."), "weir-demo")


class Kie:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM, "--listen", "127.0.0.1:0", "--key", "k"], stdout=subprocess.PIPE, text=True)
        self.base = "http://127.0.0.1:" + self.process.stdout.readline().rsplit(":", 1)[1].strip()

    def get(self, path, key="k"):
        ask = urllib.request.Request(path if path.startswith("http") else self.base + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(ask, timeout=10) as got:
            return got.read()

    def make(self, prompt="a weir", model="google/nano-banana", url=None, **more):
        body = {"model": model, "input": {"prompt": prompt, **more}, **({"callBackUrl": url} if url else {})}
        ask = urllib.request.Request(self.base + "/api/v1/jobs/createTask", json.dumps(body).encode(),
                                     {"Authorization": "Bearer k", "Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=10) as got:
            return json.loads(got.read())

    def record(self, ident):
        return json.loads(self.get(f"/api/v1/jobs/recordInfo?taskId={ident}"))

    def end_of(self, ident):
        until = time.monotonic() + 5
        while time.monotonic() < until:
            data = self.record(ident)["data"]
            if data["state"] in ("success", "fail"):
                return data
            time.sleep(0.02)
        raise AssertionError(data)


@pytest.fixture(scope="module")
def kie():
    k = Kie()
    yield k
    k.process.terminate()
    assert k.process.wait(10) == 0
    k.process.stdout.close()


def test_a_picture(kie):
    before = json.loads(kie.get("/api/v1/chat/credit"))["data"]
    ident = kie.make("a weir [[demo task=60]]")["data"]["taskId"]
    assert kie.record(ident)["data"]["state"] in ("waiting", "generating")
    done = kie.end_of(ident)
    url, = json.loads(done["resultJson"])["resultUrls"]
    assert kie.get(url).startswith(b"\x89PNG") and done["creditsConsumed"] == 4
    assert json.loads(kie.get("/api/v1/chat/credit"))["data"] == before - 4


def test_a_film(kie):
    assert kie.make("a weir", "sora-2-text-to-video", n_frames=10)["code"] == 422  # a string is wanted
    ident = kie.make("a weir [[demo task=1]]", "sora-2-text-to-video", n_frames="10", upload_method="s3")["data"]["taskId"]
    url, = json.loads(kie.end_of(ident)["resultJson"])["resultUrls"]
    assert kie.get(url)[4:8] == b"ftyp"


def test_refusals(kie):
    assert json.loads(kie.get("/api/v1/chat/credit", "wrong"))["code"] == 401
    assert kie.make("")["code"] == 422 and kie.make("x", "no-such")["code"] == 422
    assert kie.make("x", "google/nano-banana-edit")["code"] == 422
    assert kie.make("x [[demo fault=429]]")["code"] == 429
    assert kie.record("task_none")["code"] == 422
    assert kie.make("x [[demo fault=455 fail=1]]")["code"] == 455 and kie.make("x [[demo fault=455 fail=1]]")["code"] == 200


@pytest.mark.parametrize("fault", ["close", "html"])
def test_a_lost_answer_has_made_the_task(kie, fault):
    before = json.loads(kie.get("/api/v1/chat/credit"))["data"]
    with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
        kie.make(f"x [[demo fault={fault}]]")
    assert json.loads(kie.get("/api/v1/chat/credit"))["data"] == before - 4


def test_ends_of_many_kinds(kie):
    ends = {word: kie.make(f"x [[demo task=1 result={word}]]")["data"]["taskId"]
            for word in ("fail", "stuck", "strange", "gone", "html", "svg", "large", "inside")}
    failed = kie.end_of(ends["fail"])
    assert (failed["failCode"], failed["creditsConsumed"]) == ("501", 0)
    assert kie.record(ends["stuck"])["data"]["state"] == "generating" and kie.record(ends["strange"])["data"]["state"] == "marinating"
    with pytest.raises(urllib.error.HTTPError):
        kie.get(json.loads(kie.end_of(ends["gone"])["resultJson"])["resultUrls"][0])
    starts = {w: kie.get(json.loads(kie.end_of(ends[w])["resultJson"])["resultUrls"][0]) for w in ("html", "svg", "large")}
    assert starts["html"][:6] == b"<html>" and starts["svg"][:4] == b"<svg" and len(starts["large"]) > 32 << 20
    assert "169.254" in kie.end_of(ends["inside"])["resultJson"]


def test_a_callback_that_is_signed(kie):
    got = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.headers, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    ident = kie.make("x [[demo task=1]]", url=f"http://127.0.0.1:{server.server_port}/hook/1")["data"]["taskId"]
    until = time.monotonic() + 5
    while not got and time.monotonic() < until:
        time.sleep(0.02)
    (path, headers, body), = got
    mac = hmac.new(b"k", f"{ident}.{headers['X-Webhook-Timestamp']}".encode(), hashlib.sha256).digest()
    assert path == "/hook/1" and body["data"]["taskId"] == ident and base64.b64decode(headers["X-Webhook-Signature"]) == mac
    server.shutdown()
    server.server_close()
