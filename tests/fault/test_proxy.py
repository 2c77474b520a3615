"""The fault proxy itself: what it is told to do is what happens, or the other tests prove nothing."""

import os
import socket
import sys
import threading
import time
import types

import pytest
from weirtest import StackError, wait_until

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import Proxy  # noqa: E402


class Echo:
    """Answers each chunk with itself; .gone counts the connections that ended."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.gone = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        with conn:
            while True:
                try:
                    data = conn.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    self.gone += 1
                    return
                conn.sendall(data)


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("px"))
    server = Echo(folder + "/echo")
    with Proxy(types.SimpleNamespace(sockets=folder)) as px:
        px(f"add wire {folder}/wire {folder}/echo")
        yield px, folder + "/wire", server


@pytest.fixture
def wire(echo):
    px, path, server = echo
    px("clear wire")
    px("cut wire")
    wait_until(lambda: px.stat("wire")["open"] == 0, "a quiet wire")

    def connect():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(path)
        return s

    return px, connect, server


def exactly(s, n):
    out = b""
    while len(out) < n:
        got = s.recv(n - len(out))
        if not got:
            return out
        out += got
    return out


def silent(s, seconds=0.3):
    s.settimeout(seconds)
    try:
        return s.recv(1) is None
    except TimeoutError:
        return True
    finally:
        s.settimeout(10)


def test_passes_everything(wire):
    px, connect, _ = wire
    data = os.urandom(3_000_000)
    with connect() as s:
        threading.Thread(target=s.sendall, args=(data,)).start()
        assert exactly(s, len(data)) == data
    wait_until(lambda: px.stat("wire")["open"] == 0, "its end")


def test_delay_and_rate(wire):
    px, connect, _ = wire
    with connect() as s:
        px("set wire down delay=200")
        began = time.monotonic()
        s.sendall(b"x")
        assert exactly(s, 1) == b"x" and 0.19 < time.monotonic() - began < 5
        px("set wire down delay=0")
        px("set wire up rate=10000")
        began = time.monotonic()
        s.sendall(b"y" * 5000)
        assert exactly(s, 5000) == b"y" * 5000 and 0.4 < time.monotonic() - began < 10


def test_slices_and_drops(wire):
    px, connect, _ = wire
    with connect() as s:
        px("set wire down slice=1")
        data = os.urandom(20000)
        s.sendall(data)
        first = s.recv(len(data))
        assert len(first) < 1000 and first + exactly(s, len(data) - len(first)) == data
        px("set wire up drop=3")
        s.sendall(b"abcdef")
        assert exactly(s, 3) == b"def"


def test_stall_and_hold(wire):
    px, connect, _ = wire
    with connect() as s:
        px("set wire up stall=1")
        s.sendall(b"a")
        assert silent(s)
        px("set wire up stall=0")
        assert exactly(s, 1) == b"a"
        px("set wire up hold=1")
        s.sendall(b"b")
        assert exactly(s, 1) == b"b"
        s.sendall(b"c")
        wait_until(lambda: px.stat("wire")["up_stalled"] == 1, "the hold")
        assert silent(s)
        px("clear wire")
        assert exactly(s, 1) == b"c"


def test_cut_after_bytes(wire):
    px, connect, _ = wire
    with connect() as s:
        px("set wire down cut=4")
        s.sendall(b"abcdef")
        assert exactly(s, 6) == b"abcd"
    with connect() as s:
        s.sendall(b"again")
        assert exactly(s, 5) == b"again", "once"


def test_traps(wire):
    px, connect, server = wire
    with connect() as s:
        px("trap wire before secret")
        s.sendall(b"plain")
        assert exactly(s, 5) == b"plain"
        s.sendall(b"the secret word")
        assert exactly(s, 1) == b""
    passed = px.stat("wire")["up"]
    with connect() as s:
        px("trap wire after secret")
        s.sendall(b"the secret word")
        assert exactly(s, 1) == b"", "the answer is lost"
    assert px.stat("wire")["up"] == passed + 15, "but it was asked"
    assert px.stat("wire")["trapped"] == 2
    with connect() as s:
        px("trap wire stall secret")
        s.sendall(b"the secret word")
        assert silent(s)
        px("clear wire")
        assert exactly(s, 15) == b"the secret word"


def test_ends(wire):
    px, connect, server = wire
    before = None  # the ends of earlier tests' connections may still be on their way
    while before != server.gone:
        before = server.gone
        time.sleep(0.5)
    gone = server.gone
    s = connect()
    s.sendall(b"a")
    exactly(s, 1)
    px("set wire both fin=0")
    s.close()
    time.sleep(0.2)
    assert server.gone == gone, "half-open: the other end does not know"
    px("clear wire")
    wait_until(lambda: server.gone == gone + 1, "now it does")
    with connect() as s:
        s.sendall(b"a")
        exactly(s, 1)
        px("cut wire")
        assert exactly(s, 1) == b""


def test_modes(wire):
    px, connect, _ = wire
    px("mode wire hole")
    with connect() as s:
        s.sendall(b"a")
        assert silent(s)
    px("mode wire refuse")
    with connect() as s:
        with _either():
            s.sendall(b"a")
            assert s.recv(1) == b""


class _either:
    """A connection that is refused ends with or without an error."""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is not None and issubclass(kind, OSError)


def test_tcp_reset(echo):
    px, path, _ = echo
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    px(f"add tcp{port} 127.0.0.1:{port} {path}")
    px("clear wire")
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(b"a")
        assert exactly(s, 1) == b"a"
        px(f"reset tcp{port}")
        with pytest.raises(ConnectionResetError):
            s.recv(1)


def test_mistakes_are_told(wire):
    px, _, _ = wire
    for wrong in ("add x", "set wire sideways stall=1", "set wire up speed=1", "mode wire shut", "trap wire never x",
                  "cut nothing", "dance wire"):
        with pytest.raises(StackError):
            px(wrong)
