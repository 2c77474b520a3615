"""F10: a thousand readers that read nothing, and half-open connections: others hardly notice."""

import contextlib
import os
import resource
import socket
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import (LONG, MANY, PATIENCE_S, SANITIZED, SLOWER, Pings, dechunk, events_of, live_tasks, p99, post_bytes, prove, quiesce,  # noqa: E402
                      renew_pool, resident_bytes, scale, script, send)
from weirtest import Services, at_once, busy, fcgi_record, free_port, wait_until  # noqa: E402

READERS = scale(150, 1000)
HALF_OPEN = scale(200, 1000)
NOISE_S = 0.02
LENGTH = 1_200_000  # more than all buffers on the way hold
MANY_BYTES = f"deltas=400 bytes={LENGTH // 400} interval={scale(10, 50)}"  # what the demo can write at all
CUT_OFF_S = scale(15, 60)
MEASURE_S = CUT_OFF_S / 4
IDLE_S = scale(3, 5)
WEIR_CONF = {**MANY, "stream": {"disconnect_grace": "0"}, "upstream": {"idle_timeout": f"{IDLE_S}s"},
             "server": {"send_timeout": f"{CUT_OFF_S}s", "read_timeout": "1s", "workers": "4", "queue": "4096"}}


@pytest.fixture(scope="module", autouse=True)
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


@pytest.fixture(scope="module")
def narrow(weir):
    """A port of a web server whose kernel buffers do not swallow whole answers."""
    port = free_port()
    weir.start_nginx(free_port(), more=f"\t\tlisten 127.0.0.1:{port} sndbuf=32768 backlog=4096;\n", name="nginx2")
    return port


def slow_reader(weir, port, user, conversation, words=MANY_BYTES):
    """A stream whose client takes nothing."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(PATIENCE_S)
    s.connect(("127.0.0.1", port))
    s.sendall(post_bytes(f"/api/conversations/{conversation}/messages/stream",
                         {"content": script("much", words), "model": "demo-fast"}, user))
    return s


def half_open(weir, user, kind):
    """A connection whose peer went away in the middle of a request."""
    s = socket.create_connection(("127.0.0.1", weir.port), PATIENCE_S)
    request = post_bytes("/api/conversations", {"title": "t" * 200}, user)
    s.sendall(request[:-100] if kind % 2 else request[:60])
    return s


def ended_tasks(weir, user):
    """How tasks of `user` ended, after how many seconds and with how much of an answer."""
    with weir.pg() as pg:
        return pg.query("SELECT t.status, t.error_code, extract(epoch FROM t.completed_at - t.started_at), length(m.content)"
                        " FROM tasks t JOIN conversation_messages m ON m.id = t.message_id"
                        " WHERE t.user_id = $1 AND t.completed_at IS NOT NULL", user.id)


@pytest.fixture(scope="module")
def beside():
    """A Weir without a crowd: what is slow there too is this machine, which runs other tests meanwhile."""
    if LONG:
        yield None
        return
    with Services() as quiet:
        quiet.up()
        yield Pings(quiet, quiet.make_user())


def measured(pings, beside, before):
    """The p99 with the crowd there, and the one without it that it is held against."""
    n = scale(150, 1000)
    if beside is None:  # the long form has the machine for itself
        return p99(pings.measure(n)), before
    here, there = [], []
    for _ in range(n):
        here += pings.measure(1)
        there += beside.measure(1)
    return p99(sorted(here)), max(before, p99(sorted(there)))


def test_others_hardly_notice(weir, narrow, beside):
    crowd, other = weir.make_user(credits="100000"), weir.make_user()
    place = weir.conversation(other)
    pings = Pings(weir, other)
    pings.measure(30)
    before = min(p99(pings.measure(scale(150, 1000))) for _ in range(2))
    memory = resident_bytes(weir.responders())
    conversation = weir.conversation(crowd)
    with contextlib.ExitStack() as open_sockets:
        for _ in range(READERS):
            open_sockets.enter_context(slow_reader(weir, narrow, crowd, conversation))
        wait_until(lambda: live_tasks(weir) == READERS, lambda: f"{live_tasks(weir)} streams are open", PATIENCE_S, 0.2)
        for kind in range(HALF_OPEN):
            open_sockets.enter_context(half_open(weir, crowd, kind))
        # Another user of this machine may spoil a measurement or several; a crowd that is noticed spoils all of them.
        pairs, until, unnoticed = [], time.monotonic() + MEASURE_S, False
        while not unnoticed and (not pairs or time.monotonic() < until):
            pairs.append(measured(pings, beside, before))
            during, quiet = pairs[-1]
            unnoticed = during <= 2 * quiet + NOISE_S * SLOWER
        assert unnoticed, pairs
        assert ended_tasks(weir, crowd) == [], "all were there while it was measured"
        turn = send(weir, other, place, "and a chat")
        assert turn.done
        kept = (resident_bytes(weir.responders()) - memory) // READERS
        # a reader that takes nothing is cut off, and pays for what was on its way to it
        wait_until(lambda: live_tasks(weir) == 0, lambda: f"{live_tasks(weir)} streams still open", CUT_OFF_S * 2 + PATIENCE_S, 0.5)
    quiesce(weir)
    with weir.pg() as pg:
        longest, ends = pg.query("SELECT max(length(content)), array_agg(DISTINCT t.status || coalesce(' ' || t.error_code, '')) FROM conversation_messages m"
                                 " JOIN tasks t ON t.message_id = m.id WHERE t.user_id = $1", crowd.id)[0]
        # the provider is paused: the answer so far is kept for the settlement, what nobody reads is not piled up
        assert ends == "{\"cancelled cancelled\"}" and (SANITIZED or kept < 3 * int(longest) + (256 << 10)), (ends, kept, longest)
        assert int(longest) < LENGTH, "the provider was paused"
        assert pg.one("SELECT count(*) FROM tasks WHERE user_id = $1 AND credits_used = 0", crowd.id) == "0"
        assert pg.one("SELECT count(*) FROM tasks WHERE user_id = $1", crowd.id) == str(READERS)
    prove(weir)


def finish(s):
    """Reads a slow reader's stream to its end; returns the type and data of the last event."""
    out = b""
    with contextlib.suppress(ConnectionResetError):
        while got := s.recv(65536):
            out += got
    events = events_of(dechunk(out.partition(b"\r\n\r\n")[2]))
    assert events[-1] == "[DONE]", out[-300:]
    return events[-2]["type"], events[-2]["data"]


def test_a_reader_that_pauses_is_not_taken_for_a_silent_provider(weir, narrow):
    """Nobody reads for longer than a provider may be silent; then all of it is read."""
    user = weir.make_user(credits="100000")
    conversation = weir.conversation(user)
    with contextlib.ExitStack() as open_sockets:
        # of different lengths, so that what waits in our own buffer differs too
        readers = [open_sockets.enter_context(slow_reader(
            weir, narrow, user, conversation, f"deltas=100 bytes={3000 + 500 * i} interval=2")) for i in range(20)]
        time.sleep(IDLE_S + 1)
        ends = at_once(len(readers), lambda i: finish(readers[i]))
    assert [kind for kind, _ in ends] == ["done"] * 20, [d.get("code") for k, d in ends if k != "done"]
    prove(weir)


def test_a_silent_provider_is_noticed_after_a_pause(weir, narrow):
    user = weir.make_user(credits="100000")
    conversation = weir.conversation(user)
    with slow_reader(weir, narrow, user, conversation, "deltas=400 bytes=2000 interval=0 fault=stall-after at=350") as s:
        time.sleep(IDLE_S + 1)
        began = time.monotonic()
        kind, data = finish(s)
    assert (kind, data["code"]) == ("error", "upstream_timeout") and data["credits_consumed"] > 0
    assert time.monotonic() - began < (IDLE_S + 10) * busy()
    prove(weir)


def test_half_requests_are_given_up(weir):
    """A web server that died in the middle of a request holds nothing for longer than read_timeout."""
    user = weir.make_user()
    sockets = []
    for _ in range(16):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(weir.fcgi_path)
        s.sendall(fcgi_record(1, b"\0\1\1\0\0\0\0\0") + fcgi_record(4, b"x" * 100)[:40])
        sockets.append(s)
    for s in sockets:
        with contextlib.suppress(ConnectionResetError):
            while s.recv(4096):
                pass
        s.close()
    assert weir.get("/api/me", user).status == 200


def test_a_reader_that_leaves_after_a_pause_leaves_the_provider_its_time(weir, narrow):
    """Readers pause for longer than a provider may be silent, and leave: only now is the provider waited for."""
    idle_s, readers = 5, 30
    renew_pool(weir, {"upstream": {"idle_timeout": f"{idle_s}s"}, "stream": {"disconnect_grace": "10m"}, **MANY})
    user = weir.make_user(credits="100000")
    conversation = weir.conversation(user)
    with contextlib.ExitStack() as open_sockets:
        for i in range(readers):  # of different lengths, so that some have nothing left to read when they go on
            words = f"deltas=4000 bytes=500 interval=0 fault=stall-after at={900 + 7 * i}"
            open_sockets.enter_context(slow_reader(weir, narrow, user, conversation, words))
        wait_until(lambda: live_tasks(weir) == readers, "all streams are open", PATIENCE_S)
        time.sleep(idle_s + 1)
        assert ended_tasks(weir, user) == []
    time.sleep(0.5)
    assert ended_tasks(weir, user) == []
    wait_until(lambda: live_tasks(weir) == 0, "the silence was noticed", PATIENCE_S)
    assert {status for status, *_ in ended_tasks(weir, user)} == {"failed"}
    prove(weir)
