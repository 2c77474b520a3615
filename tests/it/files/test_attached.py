"""Documents attached to questions: read in the sandbox, whole in the prompt, for the questions that follow too; never cut without a word."""

import http.server
import json
import os
import threading

import pytest
from weirtest import wait_until

FILES = os.path.join(os.environ["srcdir"], "tests/data/kbfiles")
WEIR_CONF = {"uploads": {"max_bytes": "1m", "previews": "no"}, "chat": {"files_tokens": "2000"}, "knowledge": {"parse_memory": "256m"},
             "server": {"frames_url": "https://frames.example"}}
RAW = {"Content-Type": "application/octet-stream"}


class Recorder(http.server.BaseHTTPRequestHandler):
    """A provider that keeps what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        piece = {"choices": [{"index": 0, "delta": {"content": "seen"}}]}
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in (json.dumps(piece), json.dumps(last), "[DONE]"):
            self.wfile.write(f"data: {event}\n\n".encode())
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def seer(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, context in (("seer", "32000"), ("narrow", "1500")):
        weir.weirctl("model", "add", name, "--input", "1", "--output", "2", "--context", context, "--max-output", "200")
    weir.weirctl("channel", "add", "seer", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1", "--key-stdin",
                 "--allow-private", "--model", "seer", "--model", "narrow", input="k\n")
    admin = weir.make_user()
    wait_until(lambda: {"seer", "narrow"} <= {m["name"] for m in weir.get("/api/models?limit=100", admin).json["items"]}, "the models", timeout_s=60)
    yield server
    server.shutdown()
    server.server_close()
    weir.audit()


@pytest.fixture
def user(weir, seer):
    return weir.make_user()


def send(weir, user, body, name, lang="en"):
    return weir.post(f"/api/uploads?filename={name}", body, user, headers={**RAW, "Accept-Language": lang})


def sample(name):
    with open(f"{FILES}/{name}", "rb") as f:
        return f.read()


def about(weir, user, upload, **more):
    answer = weir.get(f"/api/uploads/{upload['id']}/about", user, **more)
    assert answer.status == 200, answer
    return answer.json


def read(weir, user, body, name, state="ready"):
    """An upload that has been read, or could not be."""
    answer = send(weir, user, body, name)
    assert answer.status == 201, answer
    assert answer.json["document"]["state"] in ("reading", "ready", "failed")
    wait_until(lambda: about(weir, user, answer.json)["document"]["state"] != "reading", name, timeout_s=60)
    got = about(weir, user, answer.json)
    assert got["document"]["state"] == state, got
    return got


def system_of(request):
    return "".join(m["content"] for m in request["messages"] if m["role"] == "system")


def words(n, word):
    return ("\n\n".join(f"{word} number {i} is opened by hand." for i in range(n)) + "\n").encode()


def ask(weir, user, content, conversation=None, **more):
    turn = weir.chat(user, content, conversation, **{"model": "seer", **more})
    assert turn.status == 200 and turn.final["type"] == "done", (turn.answer if turn.status != 200 else turn.events)
    return turn


def test_a_document_goes_along_now_and_later(weir, user, seer):
    pdf = read(weir, user, sample("two-different-pages.pdf"), "..%2Ftwo%20pages.pdf")
    assert (pdf["filename"], pdf["content_type"], pdf["document"]["kind"], pdf["document"]["pages"]) == ("two pages.pdf", "application/pdf", "pdf", 2)
    docx = read(weir, user, sample("blk-paras-and-tables.docx"), "tables.docx")
    assert docx["document"]["kind"] == "docx" and docx["document"]["tokens"] > 0 and docx["document"]["message"] is None
    turn = ask(weir, user, "What do they say?", file_urls=[pdf["url"], docx["url"]])
    prompt, question = system_of(seer.asked[-1]), seer.asked[-1]["messages"][-1]["content"]
    with weir.pg() as pg:
        kept = pg.one("SELECT count(*) FROM upload_texts t JOIN objects o ON o.id = t.object_id WHERE t.upload_id IN ($1, $2) AND o.uses > 0",
                      pdf["id"], docx["id"])
    assert int(kept) == 2
    assert '<document number="1" name="two pages.pdf" pages="2">' in prompt and '<document number="2" name="tables.docx"' in prompt
    assert question == 'What do they say?\n\n[Attached: document 1, "two pages.pdf"; document 2, "tables.docx"]'
    messages = weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"]
    assert messages[0]["content"] == "What do they say?"
    assert [(a["type"], a["name"], a["kind"], a["pages"]) for a in messages[0]["attachments"]] == [("file", "two pages.pdf", "pdf", 2), ("file", "tables.docx", "docx", None)]
    assert messages[0]["attachments"] == [e for e in turn.events if e["type"] == "start"][0]["data"]["user_message"]["attachments"]
    # and with the next question, and when that is made again
    ask(weir, user, "And then?", turn.conversation)
    assert system_of(seer.asked[-1]) == prompt
    last = weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"][-1]
    with weir.stream(f"/api/conversations/{turn.conversation}/messages/{last['id']}/regenerate", {}, user) as s:
        assert [e for e in s.events() if e.json][-1].json["type"] == "done"
    assert system_of(seer.asked[-1]) == prompt
    # one that is removed is named, and the rest stays
    assert weir.delete(f"/api/uploads/{pdf['id']}", user).status == 204
    ask(weir, user, "Once more?", turn.conversation)
    assert "was removed by the user" in system_of(seer.asked[-1]) and '<document number="2" name="tables.docx"' in system_of(seer.asked[-1])


def test_the_file_itself_comes_back_under_its_name(weir, user):
    body = "第一行\n第二行，水闸。\n".encode("gb18030")
    answer = weir.post("/api/uploads?filename=%E8%AE%B0%E5%BD%95.txt", body, user, headers={**RAW, "Accept-Language": "zh"})
    assert answer.status == 201 and answer.json["content_type"] == "application/octet-stream"
    back = weir.get(f"/api/uploads/{answer.json['id']}", user)
    assert back.body == body and back.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E8%AE%B0%E5%BD%95.txt"
    assert weir.get(f"/api/uploads/{answer.json['id']}/about", weir.make_user()).status == 404
    listed = weir.get("/api/uploads", user).json["items"][0]
    assert listed["filename"] == "记录.txt" and "message" in listed["document"]
    assert send(weir, user, b"x", "a" * 256).json["details"]["field"] == "filename"
    assert weir.post("/api/uploads", b"just words", user, headers=RAW).status == 415  # nobody said it is a document


@pytest.mark.parametrize("name, code", [("made-zip-bomb.docx", "too_large"), ("encrypted-40-bit-R3.pdf", "encrypted"),
                                        ("imagemagick-CCITTFaxDecode.pdf", "no_text_layer")])
def test_what_cannot_be_read_says_why(weir, user, seer, name, code):
    got = read(weir, user, sample(name), name, "failed")
    assert got["document"]["code"] == code and got["document"]["message"]
    zh = about(weir, user, got, headers={"Accept-Language": "zh-CN"})["document"]["message"]
    assert zh != got["document"]["message"]
    conversation, before = weir.conversation(user), len(seer.asked)
    refused = weir.chat(user, "Read it", conversation, model="seer", file_urls=[got["url"]])
    assert (refused.status, refused.answer.json["code"], refused.answer.json["details"]["code"]) == (400, "file_unreadable", code)
    assert refused.answer.json["message"] == got["document"]["message"]
    assert len(seer.asked) == before and weir.get(f"/api/conversations/{conversation}/messages", user).json["items"] == []


def test_a_program_is_no_document(weir, user):
    assert read(weir, user, b"\x7fELF\2\1\1\0" + os.urandom(4000), "run.bin", "failed")["document"]["code"] == "unsupported_type"


def test_too_long_is_refused_and_what_has_no_room_is_told(weir, user, seer):
    long = read(weir, user, words(400, "Gate"), "long.txt")
    assert long["document"]["tokens"] > 2000
    refused = weir.chat(user, "Read it", model="seer", file_urls=[long["url"]])
    assert (refused.status, refused.answer.json["code"]) == (413, "files_too_long")
    assert refused.answer.json["details"]["room_tokens"] == 2000 < refused.answer.json["details"]["tokens"]
    first, second = read(weir, user, words(100, "Gate"), "first.txt"), read(weir, user, words(110, "Lock"), "second.txt")
    turn = ask(weir, user, "One", file_urls=[first["url"]])
    turn = ask(weir, user, "Two", turn.conversation, file_urls=[second["url"]])
    start = next(e for e in turn.events if e["type"] == "start")["data"]
    assert start["left_out"] == ["first.txt"]
    items = weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"]
    assert [m["left_out"] for m in items] == [None, None, None, ["first.txt"]], "also later"
    assert "Lock number 109" in system_of(seer.asked[-1]) and "Gate number 1 " not in system_of(seer.asked[-1])
    assert 'Document 1, "first.txt", is not shown' in system_of(seer.asked[-1])
    # a model with less room than the site grants
    refused = weir.chat(user, "Read it", model="narrow", file_urls=[first["url"], second["url"]])
    assert (refused.status, refused.answer.json["code"]) == (413, "files_too_long") and refused.answer.json["details"]["room_tokens"] < 2000
    # the same file twice is one
    turn = ask(weir, user, "Again", file_urls=[first["url"], first["url"]])
    assert system_of(seer.asked[-1]).count("<document ") == 1


def test_only_ones_own(weir, user, seer):
    theirs = read(weir, weir.make_user(), words(2, "Secret"), "secret.txt")
    for urls in ([theirs["url"]], ["https://example.org/a.txt"], ["no address"], [7], [theirs["url"]] * 11, "x"):
        refused = weir.chat(user, "Read it", model="seer", file_urls=urls)
        assert (refused.status, refused.answer.json["details"]["field"]) == (400, "file_urls"), urls
    picture = weir.post("/api/uploads?filename=a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 30, user, headers=RAW).json
    assert picture["content_type"] == "image/png" and picture["document"] is None
    refused = weir.chat(user, "Read it", model="seer", file_urls=[picture["url"]])
    assert (refused.status, refused.answer.json["details"]["field"]) == (400, "file_urls")


def test_one_that_is_being_read_is_waited_for(weir, user):
    upload = read(weir, user, words(2, "Gate"), "gate.txt")
    with weir.pg() as pg:
        pg.query("UPDATE upload_texts SET state = 'reading', object_id = NULL WHERE upload_id = $1", upload["id"])
    refused = weir.chat(user, "Read it", model="seer", file_urls=[upload["url"]])
    assert (refused.status, refused.answer.json["code"]) == (409, "file_not_ready")


def test_where_pages_are_shown_from(weir):
    assert weir.get("/api/frames").json == {"url": "https://frames.example"}
    for path in ("/frames/artifact.html", "/frames/diagram.html", "/frames/diagram.js"):
        policy = weir.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("sandbox allow-scripts; default-src 'none';") and "allow-same-origin" not in policy and "connect-src" not in policy
    assert "script-src 'self';" in weir.get("/").headers["Content-Security-Policy"]
