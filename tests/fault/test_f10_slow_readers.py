"""F10: a thousand readers that read nothing, and half-open connections: others hardly notice."""

import contextlib
import os
import resource
import socket
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import (MANY, PATIENCE_S, Pings, live_tasks, p99, post_bytes, prove, quiesce, resident_bytes, scale,  # noqa: E402
                      script, send)
from weirtest import fcgi_record, wait_until  # noqa: E402

READERS = scale(200, 1000)
HALF_OPEN = scale(200, 1000)
NOISE_S = 0.02
MANY_BYTES = "deltas=400 bytes=2000 interval=10"  # 800 KB: more than all buffers on the way hold
CUT_OFF_S = scale(20, 60)
WEIR_CONF = {**MANY, "chat": {"disconnect_grace": "0", "idle_timeout": "10m"},
             "server": {"send_timeout": f"{CUT_OFF_S}s", "read_timeout": "5s", "workers": "4", "queue": "4096"}}


@pytest.fixture(scope="module", autouse=True)
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


def slow_reader(weir, user, conversation):
    """A stream whose client takes the beginning and then nothing."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(PATIENCE_S)
    s.connect(("127.0.0.1", weir.port))
    s.sendall(post_bytes(f"/api/conversations/{conversation}/messages/stream",
                         {"content": script("much", MANY_BYTES), "model": "demo-fast"}, user))
    return s


def half_open(weir, user, kind):
    """A connection whose peer went away in the middle of a request."""
    if kind % 3 == 2:  # a web server that died: half a FastCGI record
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(weir.fcgi_path)
        s.sendall(fcgi_record(1, b"\0\1\1\0\0\0\0\0") + fcgi_record(4, b"x" * 100)[:40])
        return s
    s = socket.create_connection(("127.0.0.1", weir.port), PATIENCE_S)
    request = post_bytes("/api/conversations", {"title": "t" * 200}, user)
    s.sendall(request[:-100] if kind % 3 == 1 else request[:60])
    return s


def test_others_hardly_notice(weir):
    crowd, other = weir.make_user(credits="100000"), weir.make_user()
    place = weir.conversation(other)
    pings = Pings(weir, other)
    pings.measure(30)
    before = min(p99(pings.measure(scale(150, 1000))) for _ in range(2))
    memory = resident_bytes(weir.responders())
    conversation = weir.conversation(crowd)
    with contextlib.ExitStack() as open_sockets:
        for _ in range(READERS):
            open_sockets.enter_context(slow_reader(weir, crowd, conversation))
        wait_until(lambda: live_tasks(weir) == READERS, lambda: f"{live_tasks(weir)} streams are open", PATIENCE_S, 0.2)
        for kind in range(HALF_OPEN):
            open_sockets.enter_context(half_open(weir, crowd, kind))
        during = []
        for _ in range(3):  # another user of this machine may spoil one measurement, not three
            during.append(p99(pings.measure(scale(150, 1000))))
            if during[-1] <= 2 * before + NOISE_S:
                break
        assert during[-1] <= 2 * before + NOISE_S, (during, before)
        turn = send(weir, other, place, "and a chat")
        assert turn.done
        # the provider is paused: what nobody reads is not piled up
        grown = resident_bytes(weir.responders()) - memory
        assert grown < READERS * (400 << 10), f"{grown >> 20} MiB for {READERS} readers"
        # a reader that takes nothing is cut off, and pays for what was on its way to it
        wait_until(lambda: live_tasks(weir) == 0, lambda: f"{live_tasks(weir)} streams still open", CUT_OFF_S * 2 + PATIENCE_S, 0.5)
    quiesce(weir)
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM tasks WHERE user_id = $1 AND credits_used = 0", crowd.id) == "0"
        assert pg.one("SELECT count(*) FROM tasks WHERE user_id = $1", crowd.id) == str(READERS)
    prove(weir)


def test_half_requests_are_given_up(weir):
    """Connections with half a request do not stay: read_timeout."""
    user = weir.make_user()
    sockets = [half_open(weir, user, 2) for _ in range(50)]
    for s in sockets:
        assert s.recv(1000)[:0] == b""
        s.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError):
            while s.recv(4096):
                pass
        s.close()
    assert weir.get("/api/me", user).status == 200
