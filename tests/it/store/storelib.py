"""An S3-compatible store that checks signatures, and a proxy before it that makes faults."""

import contextlib
import fcntl
import hashlib
import http.client
import http.server
import os
import socket
import subprocess
import sys
import threading
import time

from weirstack import build_dir, free_port, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = os.path.join(build_dir(), "tests", "bucket")
KEY, SECRET = "weirs-own", "s3cret/of+tests"


class Missing(Exception):
    """Why there is no store here."""


def fetch_store():
    """The program, fetched once by pip into a venv of the build."""
    program = os.path.join(PLACE, "bin", "nanio")
    with open(os.path.join(HERE, "requirements.txt"), "rb") as f:
        stamp = hashlib.sha256(f.read() + sys.version.encode()).hexdigest()
    os.makedirs(PLACE, exist_ok=True)
    note = os.path.join(PLACE, ".made")
    with open(PLACE + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError), open(note) as f:
            if f.read() == stamp:
                return program
        for command in ([sys.executable, "-m", "venv", "--clear", PLACE],
                        [PLACE + "/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                         os.path.join(HERE, "requirements.txt")]):
            done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            if done.returncode:
                raise Missing("the store could not be fetched: " + done.stdout.strip()[-200:])
        with open(note, "w") as f:
            f.write(stamp)
    return program


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on, with the fault of the moment: server.fault(handler) may answer instead and return True."""

    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        if self.server.delay_s:
            time.sleep(self.server.delay_s)
        conn = http.client.HTTPConnection("127.0.0.1", self.server.store_port, timeout=30)
        try:
            conn.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                conn.putheader(name, value)
            conn.endheaders(body)
            answer = conn.getresponse()
            data = answer.read()
        finally:
            conn.close()
        status, headers = answer.status, answer.getheaders()
        if self.server.fault:
            status, headers, data, cut = self.server.fault(self, status, headers, data)
        else:
            cut = len(data)
        self.send_response(status)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[:cut])
        if cut < len(data):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

    def handle(self):
        with contextlib.suppress(ConnectionError):
            super().handle()

    def log_message(self, *args):
        pass


class Bucket:
    """A store with the bucket "files", and the proxy at .port before it."""

    def __init__(self, folder):
        self.program, self.folder = fetch_store(), folder
        self.port, self.store_port = free_port(), free_port()
        self.proxy = self.store = None

    def __enter__(self):
        os.mkdir(self.folder + "/files")
        self.store = subprocess.Popen(
            [self.program, "serve", "--data-dir", self.folder, "--host", "127.0.0.1", "--port", str(self.store_port),
             "--no-access-log", "--log-level", "error"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, NANIO_ACCESS_KEY=KEY, NANIO_SECRET_KEY=SECRET))
        wait_until(self.answers, "the store to answer", 20)
        self.up()
        return self

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.store_port), timeout=1):
            return True
        return False

    def up(self):
        self.proxy = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Proxy)
        self.proxy.store_port, self.proxy.asked, self.proxy.fault, self.proxy.delay_s = self.store_port, [], None, 0
        self.proxy.daemon_threads = True
        threading.Thread(target=self.proxy.serve_forever, args=(0.05,), daemon=True).start()

    def down(self):
        """Connections are refused."""
        self.proxy.shutdown()
        self.proxy.server_close()

    def __exit__(self, *exc):
        self.down()
        self.store.kill()
        self.store.wait()

    @property
    def asked(self):
        return self.proxy.asked

    @contextlib.contextmanager
    def fault(self, fault):
        self.proxy.fault = fault
        try:
            yield
        finally:
            self.proxy.fault = None

    def conf(self, **more):
        return {"driver": "s3", "endpoint": f"http://127.0.0.1:{self.port}", "bucket": "files", "access_key": KEY,
                "secret_key": SECRET, "prefix": "site/", **more}

    def names(self):
        """What is in it."""
        top = self.folder + "/files"
        return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top)
                      for name in names if "/." not in os.path.join(folder, name)[len(top):])

    def file(self, name):
        return f"{self.folder}/files/{name}"


def fails(times, status, code):
    """A fault: the first so many requests fail."""
    left = [times]

    def fault(handler, got, headers, data):
        if left[0] == 0:
            return got, headers, data, len(data)
        left[0] -= 1
        text = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>not now</Message></Error>".encode()
        return status, [("Content-Type", "application/xml")], text, len(text)

    return fault
