"""What no web server sends: a raw FastCGI client against the responder's socket."""

import contextlib
import json
import os
import socket
import struct
import threading
import time

import pytest
from weirtest import wait_until

WEIR_CONF = {"server": {"read_timeout": "1s", "workers": "2", "queue": "4", "max_streams": "3", "max_header_bytes": "8k",
                        "max_url_bytes": "1k", "cors_origins": "https://app.example.org"}}

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, GET_VALUES, GET_VALUES_RESULT = 1, 2, 3, 4, 5, 6, 9, 10


def record(kind, content=b"", ident=1):
    return struct.pack("!BBHHBx", 1, kind, ident, len(content), 0) + content


def pair(name, value):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack("!I", n | 0x80000000)

    name, value = name.encode(), value.encode() if isinstance(value, str) else value
    return length(len(name)) + length(len(value)) + name + value


def begin(keep=False, ident=1):
    return record(BEGIN, struct.pack("!HB5x", 1, 1 if keep else 0), ident)


def request(path, method="GET", body=b"", keep=False, ident=1, **params):
    env = {"REQUEST_METHOD": method, "REQUEST_URI": path, "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": str(len(body)), **params}
    data = b"".join(pair(k, v) for k, v in env.items())
    out = begin(keep, ident)
    for i in range(0, len(data), 65535):
        out += record(PARAMS, data[i:i + 65535], ident)
    out += record(PARAMS, b"", ident)
    for i in range(0, len(body), 65535):
        out += record(STDIN, body[i:i + 65535], ident)
    return out + record(STDIN, b"", ident)


@contextlib.contextmanager
def connect(weir, timeout_s=10):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout_s)
        s.connect(weir.fcgi_path)
        yield s


def read_record(s):
    head = b""
    while len(head) < 8:
        got = s.recv(8 - len(head))
        if not got:
            return None
        head += got
    _, kind, ident, length, padding = struct.unpack("!BBHHBx", head)
    body = b""
    while len(body) < length + padding:
        got = s.recv(length + padding - len(body))
        if not got:
            return None
        body += got
    return kind, ident, body[:length]


def answer(s):
    """The whole response: (status, headers, body), or None when the connection was closed without one."""
    out = b""
    while True:
        got = read_record(s)
        if got is None:
            return None
        kind, _, content = got
        if kind == STDOUT:
            out += content
        elif kind == END:
            break
    head, _, body = out.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(headers["Status"].split()[0]), headers, body


def ask(weir, path, **more):
    with connect(weir) as s:
        s.sendall(request(path, **more))
        return answer(s)


def healthy(weir):
    assert ask(weir, "/healthz")[0] == 200


def test_plain(weir):
    status, headers, body = ask(weir, "/healthz")
    assert status == 200 and headers["X-Request-Id"] and headers["Cache-Control"] == "no-store"
    assert int(headers["Content-Length"]) == len(body)


def test_keep_connection(weir):
    """One connection, many requests; without the flag the responder closes."""
    with connect(weir) as s:
        for n in range(5):
            s.sendall(request("/healthz", keep=True, ident=n + 1))
            assert answer(s)[0] == 200
        s.sendall(request("/healthz"))
        assert answer(s)[0] == 200
        assert s.recv(1) == b""


def test_many_idle_connections_hold_no_worker(weir):
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(weir))
        healthy(weir)


def test_byte_by_byte(weir):
    with connect(weir) as s:
        for b in request("/healthz"):
            s.sendall(bytes([b]))
        assert answer(s)[0] == 200


@pytest.mark.parametrize("junk", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 64, b"\xff" * 64, os.urandom(512), begin() + b"\x02" * 100,
    begin() + record(PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xff"), begin() + record(PARAMS, pair("A", "B"))[:-1],
    record(STDIN, b"x"), record(ABORT), begin() + record(ABORT), struct.pack("!BBHHBx", 9, BEGIN, 1, 8, 0) + b"x" * 8,
])
def test_nonsense_is_dropped(weir, junk):
    """Nothing sensible, then silence: the connection goes within read_timeout and no worker is lost."""
    began = time.monotonic()
    with connect(weir) as s:
        with contextlib.suppress(OSError):
            s.sendall(junk)
        with contextlib.suppress(OSError):
            while s.recv(4096):
                pass
    assert time.monotonic() - began < 6
    healthy(weir)


def test_half_a_request_then_silence(weir):
    """read_timeout frees the worker; others are served meanwhile as long as one worker is left."""
    with connect(weir) as slow:
        slow.sendall(request("/healthz")[:60])
        healthy(weir)
        assert answer(slow) is None
    healthy(weir)


def test_body_that_never_comes(weir, user):
    with connect(weir) as s:
        whole = request("/api/conversations", "POST", b"{}", CONTENT_TYPE="application/json",
                        HTTP_AUTHORIZATION="Bearer " + user.token)
        s.sendall(whole[:whole.index(record(STDIN, b"{}"))])
        assert answer(s) is None
    healthy(weir)


def test_get_values(weir):
    """Management records are libfcgi's business; the request after them is served."""
    with connect(weir) as s:
        s.sendall(record(GET_VALUES, pair("FCGI_MPXS_CONNS", ""), 0) + request("/healthz"))
        kinds = []
        while (got := read_record(s)) is not None:
            kinds.append(got[0])
            if got[0] == END:
                break
        assert END in kinds


def test_caps(weir, user):
    assert ask(weir, "/healthz", HTTP_X_LONG="x" * 9000)[0] == 431
    status, _, body = ask(weir, "/" + "x" * 1100)
    assert (status, json.loads(body)["code"]) == (414, "uri_too_long")
    status, _, body = ask(weir, "/api/auth/login", method="POST", body=b"x" * 2_000_000, CONTENT_TYPE="application/json")
    assert (status, json.loads(body)["code"]) == (413, "too_large")
    healthy(weir)


def test_odd_requests(weir):
    assert ask(weir, "/healthz", method="DELETE")[0] == 405
    assert ask(weir, "/healthz", method="DELETE")[1]["Allow"] == "GET"
    assert ask(weir, "/nowhere")[0] == 404
    assert ask(weir, "/api/%ff")[0] in (400, 404)
    assert ask(weir, "/api/tasks/%00")[0] in (400, 401)
    status, headers, body = ask(weir, "/healthz", method="HEAD")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 0
    with connect(weir) as s:  # no REQUEST_URI at all
        s.sendall(begin() + record(PARAMS, pair("REQUEST_METHOD", "GET")) + record(PARAMS) + record(STDIN))
        assert answer(s)[0] == 400


def test_request_id_and_trace(weir):
    assert ask(weir, "/healthz", HTTP_X_REQUEST_ID="abc-123.DEF_9")[1]["X-Request-Id"] == "abc-123.DEF_9"
    for bad in ("x", "a b c d e f g", "x" * 65, "evil\r\nSet-Cookie: a=b"):
        assert ask(weir, "/healthz", HTTP_X_REQUEST_ID=bad)[1]["X-Request-Id"] != bad


def test_cors(weir):
    status, headers, _ = ask(weir, "/api/models", method="OPTIONS", HTTP_ORIGIN="https://app.example.org",
                             HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    assert status == 204 and headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    _, headers, _ = ask(weir, "/healthz", HTTP_ORIGIN="https://evil.example")
    assert "Access-Control-Allow-Origin" not in headers


def chat_request(weir, user, words, **more):
    conversation = weir.conversation(user)
    body = json.dumps({"content": f"raw [[demo {words}]]", "model": "demo-fast"}).encode()
    return request(f"/api/conversations/{conversation}/messages/stream", "POST", body, CONTENT_TYPE="application/json",
                   HTTP_AUTHORIZATION="Bearer " + user.token, **more)


def test_headers_and_comment_leave_together(weir, user):
    with connect(weir) as s:
        s.sendall(chat_request(weir, user, "delay=300 deltas=2"))
        kind, _, content = read_record(s)
        assert kind == STDOUT and content.startswith(b"Status: 200 OK\r\n") and b"X-Accel-Buffering: no\r\n" in content
        assert content.endswith(b"\r\n\r\n: ok\n\n")
        while read_record(s)[0] != END:
            pass


def test_abort_record_stops_a_stream(weir, user):
    """Section 5.4 of the specification; with the default grace the turn itself goes on."""
    with connect(weir) as s:
        s.sendall(chat_request(weir, user, "deltas=200 interval=20"))
        read_record(s)
        s.sendall(record(ABORT))
        with contextlib.suppress(OSError):
            while read_record(s) is not None:
                pass
    task = weir.get("/api/tasks?limit=1", user).json["items"][0]
    assert task["status"] == "running"
    weir.post(f"/api/tasks/{task['id']}/abort", None, user)


def test_stream_then_next_request_on_one_connection(weir, user):
    with connect(weir) as s:
        s.sendall(chat_request(weir, user, "deltas=3", keep=True))
        assert b'"type":"done"' in answer(s)[2]
        s.sendall(request("/healthz"))
        assert answer(s)[0] == 200


def test_too_many_streams(weir):
    """max_streams is 3 per process: the rest get 503 and nothing is opened for them."""
    user = weir.make_user()
    with contextlib.ExitStack() as stack:
        statuses = []
        for _ in range(12):
            s = stack.enter_context(connect(weir))
            s.sendall(chat_request(weir, user, "delay=1500 deltas=1"))
            statuses.append(int(read_record(s)[2].split()[1]))
    assert statuses.count(200) <= 6 and set(statuses) == {200, 503}
    with weir.pg() as pg:
        assert int(pg.one("SELECT count(*) FROM tasks WHERE user_id = $1", user.id)) == statuses.count(200)


def test_overload(weir, user):
    """2 workers and a queue of 4 per process: a burst is served or refused with 503, never lost."""
    outcomes, lock, wanted = [], threading.Lock(), {(200, None), (503, "overloaded")}

    def one():
        got = ask(weir, "/api/me", HTTP_AUTHORIZATION="Bearer " + user.token)
        with lock:
            outcomes.append((got[0], json.loads(got[2]).get("code")) if got else None)

    with weir.pg() as pg:  # the workers wait, so that the burst is dense on any machine
        pg.query("BEGIN")
        pg.query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        threads = [threading.Thread(target=one) for _ in range(80)]
        [t.start() for t in threads]
        wait_until(lambda: (503, "overloaded") in outcomes, "refused", 8)
        pg.query("COMMIT")
    [t.join() for t in threads]
    assert len(outcomes) == 80 and set(outcomes) == wanted, set(outcomes)
    healthy(weir)


def test_gone_before_it_was_served(weir):
    """A client that left while it waited is looked at before anything is charged."""
    user = weir.make_user()
    for _ in range(5):
        with connect(weir) as s:
            s.sendall(chat_request(weir, user, "deltas=1"))
    time.sleep(0.5)
    with weir.pg() as pg:
        live = int(pg.one("SELECT count(*) FROM tasks WHERE user_id = $1 AND completed_at IS NULL", user.id))
    assert live == 0 or weir.get("/api/tasks?active=true", user).status == 200
    weir.audit()
