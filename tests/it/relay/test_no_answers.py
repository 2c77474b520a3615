"""Answers of 200 that hold nothing that was asked for: an error, nothing charged; and pages, which speak against who sent them."""

import http.server
import threading

import pytest

from weirstack import wait_until

TYPES = {"vectors": "embedding", "ranker": "rerank", "judge": "moderation", "painter": "image", "voice": "audio"}
EMBED, RERANK, MODERATE, DRAW = "/v1/embeddings", "/v1/rerank", "/v1/moderations", "/v1/images/generations"
SPEAK, HEAR = "/v1/audio/speech", "/v1/audio/transcriptions"
ASKS = {EMBED: {"model": "vectors", "input": "x"}, RERANK: {"model": "ranker", "query": "x", "documents": ["x"]},
        MODERATE: {"model": "judge", "input": "x"}, DRAW: {"model": "painter", "prompt": "x"},
        SPEAK: {"model": "voice", "voice": "a", "input": "x"}}
JSON, OCTETS = "application/json", "application/octet-stream"


class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        type_, body = self.server.says
        self.send_response(200)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def provider(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, kind in TYPES.items():
        weir.weirctl("model", "add", name, "--type", kind, "--input", "1000", "--output", "0", "--call", "0.5", "--context", "32000", "--max-output", "4000")
    weir.weirctl("channel", "add", "odd", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1", "--key-stdin",
                 "--allow-private", *[w for name in TYPES for w in ("--model", f"{name}=theirs")], input="k\n")
    yield server
    server.shutdown()
    server.server_close()


def ask(weir, user, path):
    if path != HEAR:
        return weir.post(path, ASKS[path], user)
    body = (b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nvoice\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
            b"Content-Type: audio/mpeg\r\n\r\nsound\r\n--x--\r\n")
    return weir.post(path, body, user, headers={"Content-Type": "multipart/form-data; boundary=x"})


def paid(weir, user):
    with weir.pg() as pg:
        return [(r[0], float(r[1])) for r in pg.query("SELECT status, cost FROM usage WHERE user_id = $1", user.id)]


@pytest.mark.parametrize("path", (EMBED, RERANK, MODERATE, DRAW, SPEAK, HEAR))
@pytest.mark.parametrize("body", (b"{}", b'{"data": null}', b'{"results": [], "data": []}', b'{"text": null, "data": "x"}', b"null"))
def test_nothing_is_no_answer(weir, provider, path, body):
    user = weir.make_user()
    provider.says = JSON, body
    answer = ask(weir, user, path)
    assert answer.status == 502 and answer.json["error"]["message"], answer
    assert paid(weir, user) == [("failed", 0)]
    weir.audit()


@pytest.mark.parametrize("path,body", (
    (EMBED, b'{"data": [{"embedding": [1, 2], "index": 0}]}'), (RERANK, b'{"results": [{"index": 0, "relevance_score": 1}]}'),
    (RERANK, b'{"data": [{"index": 0, "relevance_score": 1}]}'), (MODERATE, b'{"results": [{"flagged": false}]}'),
    (DRAW, b'{"data": [{"b64_json": "AA=="}]}'), (HEAR, b'{"text": ""}')))
def test_something_is(weir, provider, path, body):
    user = weir.make_user()
    provider.says = JSON, body
    assert ask(weir, user, path).body == body
    assert [status for status, _ in paid(weir, user)] == ["completed"]


def test_sound_of_no_type(weir, provider):
    user = weir.make_user()
    provider.says = OCTETS, b"\x00\x01sound"
    assert ask(weir, user, SPEAK).body == b"\x00\x01sound"
    assert [status for status, _ in paid(weir, user)] == ["completed"]


def test_a_page_speaks_against_its_sender(weir, admin, provider):
    (channel,) = [c["id"] for c in weir.get("/api/admin/channels?limit=100", admin).json["items"] if c["name"] == "odd"]
    blamed = lambda: weir.get(f"/api/admin/channels/{channel}/stats", admin).json["total"]["server"]  # noqa: E731
    before = blamed()
    provider.says = "text/html; charset=utf-8", b"<html>Sign in</html>"
    assert ask(weir, weir.make_user(), MODERATE).status == 502
    wait_until(lambda: blamed() > before, "the failure on record", 20, 0.2)
