"""The main journey through every web server we ship a file for, from those very files.

nginx, Apache with mod_proxy_fcgi, Apache with mod_fcgid, lighttpd: sign in
(POST with a body), an authorized GET, an error, and a stream that must arrive
piece by piece and be charged.
"""

import gzip
import time

import pytest
import weirtest

SERVERS = ("nginx", "apache", "fcgid", "lighttpd")


@pytest.fixture(scope="module", params=SERVERS)
def front(request, weir):
    """(name, port) of each front end in turn, on the same pool."""
    if request.param == "nginx":
        yield request.param, weir.port
        return
    port = weirtest.free_port()
    daemon = "lighttpd" if request.param == "lighttpd" else "apache"
    if daemon == "lighttpd":
        weir.start_lighttpd(port)
    else:
        weir.start_apache(port, fcgid=request.param == "fcgid")
    yield request.param, port
    weir.daemons.stop(daemon)


def test_sign_in_and_me(weir, user, front):
    _, port = front
    answer = weir.post("/api/auth/login", {"login": user.login, "password": user.password}, port=port)
    assert answer.status == 200, answer
    me = weir.get("/api/me", answer.json["access_token"], port=port)
    assert me.status == 200, me
    assert me.json["id"] == user.id
    assert me.headers["X-Request-Id"]


def test_no_token_is_401_in_json(weir, front):
    answer = weir.get("/api/me", port=front[1])
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_operations_paths(weir, front):
    for path in ("/healthz", "/readyz"):
        answer = weir.get(path, port=front[1])
        assert answer.status == 200, (path, answer)


def test_unknown_path_under_api(weir, front):
    answer = weir.get("/api/no/such/path", port=front[1])
    assert (answer.status, answer.code) == (404, "not_found")


def test_the_description_is_compressed_and_kept(weir, front):
    """85 KB once, a few of them compressed, and none where the reader still has it."""
    _, port = front
    plain = weir.get("/api/openapi.json", port=port)
    packed = weir.get("/api/openapi.json", port=port, headers={"Accept-Encoding": "gzip"})
    assert packed.status == 200 and packed.headers["Content-Encoding"] == "gzip", packed
    assert 5 * len(packed.body) < len(plain.body) and gzip.decompress(packed.body) == plain.body
    kept = weir.get("/api/openapi.json", port=port,
                    headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (kept.status, kept.body) == (304, b""), kept
    assert kept.headers["ETag"] == packed.headers["ETag"] and kept.headers["Cache-Control"] == "public, no-cache"


def test_escaped_path_reaches_the_router_as_sent(weir, user, front):
    answer = weir.get("/api/conversations/%2e%2e%2fme", user, port=front[1])
    assert answer.status in (400, 404), answer


def test_stream_arrives_piece_by_piece(weir, user, front):
    """20 deltas 50 ms apart: a front end that buffers delivers them in one lump."""
    name, port = front
    before = weir.balance(user)
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": f"[[demo interval=50 deltas=20]] through {name}", "model": "demo-fast"}, user,
                     port=port) as stream:
        assert stream.status == 200, stream.answer()
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        events = list(stream.events())
    content = [e for e in events if e.json and e.json["type"] == "content"]
    assert 15 <= len(content) <= 20  # what a busy machine lets come together leaves together
    gaps = sorted(b.at - a.at for a, b in zip(content, content[1:]))
    assert content[-1].at - content[0].at > 0.8, "the pieces came together"
    assert gaps[len(gaps) // 2] > 0.03, gaps
    assert [e.json and e.json["type"] for e in events[-2:]] == ["done", None]
    assert events[-1].data == "[DONE]"
    assert weir.balance(user) < before


def test_first_comment_comes_at_once(weir, user, front):
    """Headers and the first comment leave together: the client sees them long before the first content."""
    conversation = weir.conversation(user)
    began = time.monotonic()
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": "[[demo first=1500 deltas=2]] slow to start", "model": "demo-fast"}, user,
                     port=front[1]) as stream:
        first_line = stream.resp.readline()
        waited = time.monotonic() - began
        assert first_line.startswith(b":"), first_line
        assert waited < 1.0 * weirtest.busy(), waited
        assert list(stream.events())[-1].data == "[DONE]"


def test_an_upload_is_sent_by_the_web_server(weir, user, front):
    """2 MB there and back; what the owner check and the type rest on comes through every front end."""
    name, port = front
    data = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8192
    kept = weir.post("/api/uploads", data, user, headers={"Content-Type": "image/png"}, port=port)
    assert kept.status == 201, kept
    path = f"/api/uploads/{kept.json['id']}"
    back = weir.get(path, user, port=port)
    assert (back.status, back.headers["Content-Type"], len(back.body)) == (200, "image/png", len(data)), back
    assert back.body == data
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert back.headers["Cache-Control"] == "private, no-cache"
    assert "X-Sendfile" not in back.headers and "X-Accel-Redirect" not in back.headers
    assert weir.get(path, weir.make_user(), port=port).code == "not_found"
    assert weir.get(path, port=port).status == 401
    assert weir.delete(path, user, port=port).status == 204
    assert weir.get(path, user, port=port).code == "not_found"


def test_the_web_app_and_its_frames(weir, front):
    """The page at each of its addresses, by its own rules; what models wrote, by stricter ones."""
    name, port = front
    if name == "fcgid":
        return  # its file serves the API alone
    for path in ("/", "/index.html", "/c/01a228f3-893d-7857-9b8e-0206045621c6", "/settings/keys"):
        page = weir.get(path, port=port)
        assert page.status == 200 and "<!doctype html>" in page.text.lower(), (path, page)
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy, (path, policy)
        assert page.headers["Cache-Control"] == "no-cache" and page.headers["Referrer-Policy"] == "no-referrer"
    frame = weir.get("/frames/artifact.html", port=port)
    assert frame.status == 200 and len(frame.headers.get_all("Content-Security-Policy")) == 1, frame
    policy = frame.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none';") and "allow-same-origin" not in policy and "connect-src" not in policy
    assert weir.get("/frames/none.html", port=port).status == 404 and weir.get("/assets/none.js", port=port).status == 404
    if name != "nginx":  # whose web app is the built one
        asset = weir.get("/assets/a-12345678.js", port=port)
        assert asset.status == 200 and "immutable" in asset.headers["Cache-Control"], asset
    assert weir.get("/api/me", port=port).headers["Content-Security-Policy"] != policy


def test_nginx_keeps_connections_to_the_pool(weir, user):
    """fastcgi_keep_conn is on and safe: many requests, few connections, none hangs."""
    def accepted():
        answer = weir.get("/status?json")
        assert answer.status == 200, answer
        return answer.json["connections"]["accepted"]

    before = accepted()
    for _ in range(100):
        assert weir.get("/api/me", user).status == 200
    assert accepted() - before < 20
    assert weirtest.at_once(200, lambda i: weir.get("/api/me", user).status, threads=32) == [200] * 200


def test_the_books_balance(weir):
    weir.audit()
