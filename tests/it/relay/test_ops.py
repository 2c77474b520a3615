"""Rankings, judgements, pictures, speech and its words, as clients of OpenAI's, Jina's and Cohere's SDKs ask for them: answers,
errors, money, keys, and answers that break off."""

import base64
import http.client
import json
import os
import signal
import struct
import threading
import time

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1", "max_body_bytes": "256k"},
             "stream": {"disconnect_grace": "0"}}
TYPES = {"ranker": "rerank", "judge": "moderation", "painter": "image", "voice": "audio"}
IMAGES, EDITS, VARIATIONS = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
SPEECH, TRANSCRIBE, TRANSLATE = "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    for name, kind in TYPES.items():
        weir.weirctl("model", "add", name, "--type", kind, "--input", "1000", "--output", "0", "--call", "0.5",
                     "--context", "32000", "--max-output", "4000")
    weir.weirctl("channel", "add", "media", "--provider", "openai", "--url", weir.demo_url.removesuffix("/v1"), "--key-stdin", "--allow-private",
                 *[w for name in TYPES for w in ("--model", f"{name}=demo-fast")], input="demo\n")
    weir.weirctl("model", "add", "elsewhere", "--type", "image", "--input", "1", "--output", "0", "--context", "100", "--max-output", "100")
    weir.weirctl("channel", "add", "anthropic-media", "--provider", "anthropic", "--url", weir.demo_url, "--key-stdin", "--allow-private",
                 "--model", "elsewhere=demo-fast", input="demo\n")


@pytest.fixture
def user(weir):
    return weir.make_user()


def used(weir, user):
    """(status, op, request_tokens, response_tokens, cost, metadata) of the user's calls, oldest first."""
    with weir.pg() as pg:
        rows = pg.query("SELECT status, op, request_tokens, response_tokens, cost, metadata, estimated FROM usage"
                        " WHERE user_id = $1 ORDER BY id", user.id)
    beside = lambda metadata: {k: v for k, v in json.loads(metadata).items() if k not in ("lines", "tries")}  # noqa: E731
    return [(r[0], r[1], int(r[2]), int(r[3]), float(r[4]), beside(r[5]), r[6]) for r in rows]


def used_soon(weir, user, n=1):
    for _ in range(200):
        if len(rows := used(weir, user)) >= n:
            return rows
        time.sleep(0.05)
    raise AssertionError(f"{len(rows)} usage rows")


def error(answer, code_, **wanted):
    assert answer.status == code_, answer
    found = answer.json["error"]
    assert {k: found.get(k) for k in wanted} == wanted and found["message"], found


def form(weir, path, user, *fields, boundary="xXx", **more):
    """A form of (name, value) and (name, file name, type, bytes)."""
    body = b""
    for f in fields:
        name, *file, data = f
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file:
            body += f'; filename="{file[0]}"\r\nContent-Type: {file[1]}'.encode()
        body += b"\r\n\r\n" + (data if isinstance(data, bytes) else data.encode()) + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return weir.post(path, body, user, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}, **more)


def wav(seconds, rate=8000):
    data = bytes(seconds * rate)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8) + b"data" + struct.pack("<I", len(data)) + data


# ---- rankings ------------------------------------------------------------------------------

DOCUMENTS = ["a mill", "a weir holds water", {"text": "the weir"}]


@pytest.mark.parametrize("path", ("/v1/rerank", "/v2/rerank"))
def test_rerank(weir, user, path):
    answer = weir.post(path, {"model": "ranker", "query": "weir", "documents": DOCUMENTS, "top_n": 2, "return_documents": True}, user)
    assert answer.status == 200, answer
    assert [r["index"] for r in answer.json["results"]] == [1, 2] and answer.json["results"][0]["document"]["text"] == DOCUMENTS[1]
    (row,) = used(weir, user)
    assert row[:2] == ("completed", "rerank") and row[5] == {"queries": 1} and row[4] >= 0.5
    if path == "/v1/rerank":
        assert answer.json["model"] == "ranker" and row[2] == answer.json["usage"]["total_tokens"]
    weir.audit()


def test_rerank_counts_searches(weir, user):
    assert weir.post("/v2/rerank", {"model": "ranker", "query": "weir", "documents": ["x"] * 250}, user).status == 200
    (row,) = used(weir, user)
    assert row[5] == {"queries": 3} and row[4] == pytest.approx(1.5, abs=0.5)


def test_rerank_refuses(weir, user):
    good = {"model": "ranker", "query": "weir", "documents": ["x"]}
    for change, field in (({"query": ""}, "query"), ({"query": 7}, "query"), ({"documents": []}, "documents"), ({"documents": "x"}, "documents"),
                          ({"model": 7}, "model"), ({"model": "judge"}, "model"), ({"documents": ["x"] * 10001}, "documents")):
        error(weir.post("/v1/rerank", {**good, **change}, user), 400, param=field)
    error(weir.post("/v2/rerank", {**good, "model": "nobody"}, user), 404, param="model", code="model_not_found")
    error(weir.post("/v2/rerank", good), 401)
    error(weir.post("/v2/nowhere", good, user), 404)
    assert used(weir, user) == []


# ---- judgements ----------------------------------------------------------------------------


def test_moderation(weir, user):
    answer = weir.post("/v1/moderations", {"input": ["peace", "violent words"]}, user)
    assert answer.status == 200 and [r["flagged"] for r in answer.json["results"]] == [False, True], answer
    assert answer.json["model"] == "judge", "the site's own, where none is named"
    (row,) = used(weir, user)
    assert row[:2] == ("completed", "moderations") and row[2] > 0 and row[6] == "t"
    error(weir.post("/v1/moderations", {"model": "judge"}, user), 400, param="input")
    error(weir.post("/v1/moderations", {"model": "judge", "input": "x"}), 401)
    weir.audit()


# ---- pictures ------------------------------------------------------------------------------


def test_pictures(weir, user):
    before = weir.balance(user)
    answer = weir.post(IMAGES, {"model": "painter", "prompt": "a weir", "n": 3, "size": "1024x1024"}, user)
    assert answer.status == 200 and len(answer.json["data"]) == 3, answer
    assert base64.b64decode(answer.json["data"][0]["b64_json"]).startswith(b"\x89PNG")
    (row,) = used(weir, user)
    assert row[:2] == ("completed", "images.generations") and row[5] == {"images": 3}
    assert row[2] == answer.json["usage"]["input_tokens"] and row[3] == answer.json["usage"]["output_tokens"]
    assert row[4] == pytest.approx(1.5 + row[2] * 0.001) and before - weir.balance(user) == pytest.approx(row[4])
    weir.audit()


def test_pictures_of_pictures(weir, user):
    answer = form(weir, EDITS, user, ("prompt", "brighter"), ("image[]", "a.png", "image/png", PNG), ("image[]", "b.png", "image/png", PNG),
                  ("mask", "m.png", "image/png", PNG), ("model", "painter"), ("n", "2"))
    assert answer.status == 200 and len(answer.json["data"]) == 2, answer
    varied = form(weir, VARIATIONS, user, ("image", "a.png", "image/png", PNG), ("model", "painter"))
    assert varied.status == 200 and len(varied.json["data"]) == 1, varied
    assert [r[:2] for r in used(weir, user)] == [("completed", "images.edits"), ("completed", "images.variations")]
    weir.audit()


def test_a_picture_as_it_comes(weir, user):
    with weir.stream(IMAGES, {"model": "painter", "prompt": "a weir", "stream": True, "partial_images": 1}, user) as s:
        assert s.status == 200
        events = list(s.events())
    assert [e.json["type"] for e in events] == ["image_generation.partial_image", "image_generation.completed"]
    (row,) = used_soon(weir, user)
    assert row[:2] == ("completed", "images.generations") and row[5] == {"images": 1}
    assert row[3] == events[-1].json["usage"]["output_tokens"], "what the stream says of itself"
    weir.audit()


def test_pictures_refuse(weir, user):
    good = {"model": "painter", "prompt": "a weir"}
    for change, field in (({"prompt": ""}, "prompt"), ({"prompt": None}, "prompt"), ({"n": 0}, "n"), ({"n": 11}, "n"), ({"n": "2"}, "n"),
                          ({"stream": "yes"}, "stream"), ({"model": "ranker"}, "model"), ({"model": "elsewhere"}, "model")):
        error(weir.post(IMAGES, {**good, **change}, user), 400, param=field)
    error(weir.post(IMAGES, good), 401)
    error(form(weir, EDITS, user, ("prompt", "x"), ("model", "painter")), 400, param="image")
    error(form(weir, EDITS, user, ("image", "a.png", "image/png", PNG), ("n", "99"), ("model", "painter")), 400, param="n")
    error(form(weir, EDITS, user, ("image", "a.png", "image/png", PNG), ("n", "2 "), ("model", "painter")), 400, param="n")
    for field, first, second in (("n", "10", "1"), ("stream", "true", "false")):
        error(form(weir, EDITS, user, ("image", "a.png", "image/png", PNG), ("model", "painter"), (field, first), (field, second)), 400, param=field)
    error(form(weir, EDITS, user, ("image", "a.png", "image/png", PNG), ("model", "painter" * 40)), 400, param="model")
    error(form(weir, EDITS, user, ("image", "a.png", "image/png", PNG), ("model", "nobody")), 404, param="model")
    error(form(weir, EDITS, None, ("image", "a.png", "image/png", PNG), ("model", "painter")), 401)
    error(form(weir, VARIATIONS, None, ("image", "a.png", "image/png", PNG), ("model", "painter")), 401)
    error(form(weir, VARIATIONS, user, ("model", "painter")), 400, param="image")
    error(weir.post(EDITS, good, user), 400, param="body")
    cut = weir.post(EDITS, b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nab', user, headers={"Content-Type": "multipart/form-data; boundary=x"})
    error(cut, 400, param="body")
    assert used(weir, user) == []
    poor = weir.make_user(credits="0.6")
    error(weir.post(IMAGES, {**good, "n": 2}, poor), 402, code="insufficient_quota")
    weir.audit()


@pytest.mark.parametrize("fault,status", (("500", 502), ("429", 502), ("reset", 502), ("cut", 502), ("html-200", 502), ("error-200", 502), ("filter", 400)))
def test_what_fails_costs_nothing(weir, user, fault, status):
    before = weir.balance(user)
    error(weir.post(IMAGES, {"model": "painter", "prompt": f"[[demo fault={fault} fail=9]] never"}, user), status)
    (row,) = used(weir, user)
    assert row[:2] == ("failed", "images.generations") and row[4] == 0 and weir.balance(user) == before
    weir.audit()


def test_an_answer_that_was_cut_is_asked_for_again(weir, user):
    assert weir.post(IMAGES, {"model": "painter", "prompt": "[[demo fault=cut fail=1]] twice"}, user).status == 200
    assert [r[0] for r in used(weir, user)] == ["completed"]


def test_who_leaves_before_the_answer_pays_nothing(weir, user):
    conn = http.client.HTTPConnection("127.0.0.1", weir.port)
    conn.request("POST", IMAGES, json.dumps({"model": "painter", "prompt": "[[demo delay=1500]] slow"}),
                 {"Content-Type": "application/json", "Authorization": "Bearer " + user.token})
    time.sleep(0.5)
    conn.close()
    rows = used_soon(weir, user)
    assert rows[0][0] == "cancelled" and rows[0][4] == 0
    weir.audit()


# ---- speech --------------------------------------------------------------------------------


def sound(n):
    return bytes((i * 7) & 255 for i in range(n * 32))


@pytest.mark.parametrize("kind,type_", (("mp3", "audio/mpeg"), ("wav", "audio/wav"), (None, "audio/mpeg")))
def test_speech(weir, user, kind, type_):
    words = "The weir keeps its level. 水"
    answer = weir.post(SPEECH, {"model": "voice", "voice": "alloy", "input": words, **({"response_format": kind} if kind else {})}, user)
    assert answer.status == 200 and answer.headers["Content-Type"] == type_
    assert answer.body == sound(len(words.encode())), "byte for byte"
    (row,) = used_soon(weir, user)
    assert row[:2] == ("completed", "audio.speech") and row[5] == {"characters": len(words)} and row[2] == 0
    assert row[4] == pytest.approx(0.5 + len(words) * 0.001)
    weir.audit()


def speak(weir, user, words):
    conn = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=20)
    conn.request("POST", SPEECH, json.dumps({"model": "voice", "voice": "alloy", "input": words}),
                 {"Content-Type": "application/json", "Authorization": "Bearer " + user.token})
    return conn, conn.getresponse()


def test_speech_comes_as_it_is_made(weir, user):
    words = "[[demo fault=stall-after stall=1500]] slowly now " + "and on " * 60
    conn, answer = speak(weir, user, words)
    begun = time.monotonic()
    first = answer.read1(65536)
    assert first and time.monotonic() - begun < 1.2, "before the rest was made"
    assert first + answer.read() == sound(len(words))
    conn.close()
    weir.audit()


def test_speech_larger_than_what_is_kept(weir, user):
    words = "many words " * 1000
    assert weir.post(SPEECH, {"model": "voice", "voice": "a", "input": words[:7000]}, user).body == sound(7000)


@pytest.mark.parametrize("fault", ("cut", "reset"))
def test_speech_that_breaks_off_is_no_whole_answer(weir, user, fault):
    before = weir.balance(user)
    conn, answer = speak(weir, user, f"[[demo fault={fault} fail=9]] half " + "and on " * 60)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        assert answer.status == 200
        answer.read()
    conn.close()
    (row,) = used_soon(weir, user)
    assert row[0] == "failed" and row[4] == 0 and weir.balance(user) == before
    weir.audit()


def test_speech_that_is_left_costs_what_was_asked(weir, user):
    conn, answer = speak(weir, user, "[[demo fault=stall-after stall=3000]] left " + "and on " * 60)
    answer.read1(100)
    answer.close()
    conn.close()
    (row,) = used_soon(weir, user)
    assert row[0] == "cancelled" and row[4] > 0.5 and row[5]["characters"] > 400
    weir.audit()


def test_the_same_key_twice_is_one_charge(weir, user):
    key = {"Idempotency-Key": "speech-once"}
    ask = {"model": "voice", "voice": "a", "input": "once"}
    assert weir.post(SPEECH, ask, user, headers=key).body == sound(4)
    again = weir.post(SPEECH, ask, user, headers=key)
    error(again, 409)
    assert len(used(weir, user)) == 1


def test_speech_in_events(weir, user):
    with weir.stream(SPEECH, {"model": "voice", "voice": "alloy", "input": "events", "stream_format": "sse"}, user) as s:
        events = [e.json for e in s.events()]
    assert base64.b64decode(events[0]["audio"]) == sound(6) and events[-1]["type"] == "speech.audio.done"
    (row,) = used_soon(weir, user)
    assert row[2] == events[-1]["usage"]["input_tokens"] and row[3] == events[-1]["usage"]["output_tokens"]


def test_speech_refuses(weir, user):
    error(weir.post(SPEECH, {"model": "voice", "voice": "a"}, user), 400, param="input")
    error(weir.post(SPEECH, {"model": "voice", "voice": "a", "input": 3}, user), 400, param="input")
    error(weir.post(SPEECH, {"model": "voice", "voice": "a", "input": "x"}), 401)
    error(weir.post(SPEECH, {"model": "voice", "voice": "a", "input": "[[demo fault=html-200 fail=9]] x"}, user), 502)
    error(weir.post(SPEECH, {"model": "voice", "input": "no voice"}, user), 400)
    error(weir.post(SPEECH, {"model": "voice", "voice": "a", "input": "x" * (1 << 20)}, user), 413)


# ---- its words -----------------------------------------------------------------------------


@pytest.mark.parametrize("path,op", ((TRANSCRIBE, "audio.transcriptions"), (TRANSLATE, "audio.translations")))
def test_its_words(weir, user, path, op):
    answer = form(weir, path, user, ("file", "a.wav", "audio/wav", wav(3)), ("model", "voice"), ("response_format", "json"))
    assert answer.status == 200 and answer.json["text"] == "24044 bytes of sound", answer
    (row,) = used(weir, user)
    assert row[:2] == ("completed", op) and row[5] == {"seconds": 4} and row[4] == pytest.approx(2.0), "begun seconds"
    weir.audit()


def test_words_in_other_forms(weir, user):
    file = ("file", "a.txt", "audio/mpeg", "said so")
    for kind, text in (("text", "said so\n"), ("srt", "1\n00:00"), ("vtt", "WEBVTT")):
        answer = form(weir, TRANSCRIBE, user, file, ("model", "voice"), ("response_format", kind))
        assert answer.status == 200 and answer.text.startswith(text) and answer.headers["Content-Type"].startswith("text/plain")
    assert form(weir, TRANSCRIBE, user, file, ("model", "voice"), ("response_format", "verbose_json")).json["duration"] == 0
    rows = used(weir, user)
    assert len(rows) == 4 and all(r[5] == {"seconds": 1} for r in rows) and rows[0][6] == "t"
    weir.audit()


def test_words_as_they_come(weir, user):
    answer = form(weir, TRANSCRIBE, user, ("file", "a.txt", "audio/mpeg", "said so"), ("model", "voice"), ("stream", "true"))
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    assert '"transcript.text.done"' in answer.text
    (row,) = used_soon(weir, user)
    assert row[0] == "completed" and row[3] > 0
    weir.audit()


def test_a_form_is_read_once_and_written_anew(weir, user):
    """A second model hidden in the form reaches nobody, wherever it stands and however it is spelt."""
    tricks = [("model", "voice"), ("Model", "voice"), ("MODEL", "voice")]
    assert form(weir, TRANSCRIBE, user, ("file", "a.txt", "audio/mpeg", '--xXx-no\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt'), *tricks).status == 200
    error(form(weir, TRANSCRIBE, user, ("file", "a.txt", "audio/mpeg", "x"), ("model", "voice"), ("model", "nobody")), 404, param="model")


def test_words_refuse(weir, user):
    error(form(weir, TRANSCRIBE, user, ("model", "voice")), 400, param="file")
    error(form(weir, TRANSLATE, user, ("file", "a.wav", "audio/wav", b""), ("model", "voice")), 400, param="file")
    error(form(weir, TRANSCRIBE, None, ("file", "a.wav", "audio/wav", wav(1)), ("model", "voice")), 401)
    error(form(weir, TRANSLATE, None, ("file", "a.wav", "audio/wav", wav(1)), ("model", "voice")), 401)
    error(form(weir, TRANSCRIBE, user, ("file", "a.wav", "audio/wav", wav(1)), ("model", "voice"), ("response_format", "poem")), 400)
    error(form(weir, TRANSCRIBE, user, ("file", "a.wav", "audio/wav", b"x" * (27 << 20)), ("model", "voice"), timeout_s=60), 413)


def test_a_large_recording(weir, user):
    """Larger than a request's memory."""
    answer = form(weir, TRANSCRIBE, user, ("file", "a.wav", "audio/wav", wav(25, rate=1 << 20)), ("model", "voice"), timeout_s=60)
    assert answer.status == 200 and answer.json["text"].startswith(str(25 << 20)[:4]), answer


def test_nobody_is_asked_for_nobody(weir):
    for answer in (weir.post("/v1/embeddings", {}), weir.post("/v1/moderations", {}), weir.post("/v1/rerank", {}),
                   weir.post("/v2/rerank", {}), weir.post("/v1/completions", {}),
                   weir.post("/v1/images/generations", {}), weir.post("/v1/images/edits", {}),
                   weir.post("/v1/images/variations", {}), weir.post("/v1/audio/speech", {}),
                   weir.post("/v1/audio/transcriptions", {}), weir.post("/v1/audio/translations", {})):
        error(answer, 401, code="invalid_api_key")
    for answer in (weir.post("/v1beta/models/m:embedContent", {}), weir.post("/v1beta/models/m:batchEmbedContents", {}),
                   weir.post("/v1/models/m:embedContent", {}), weir.post("/v1/models/m:batchEmbedContents", {})):
        error(answer, 401, status="UNAUTHENTICATED")


# ---- keys, death ----------------------------------------------------------------------------


def test_keys_are_for_what_their_scopes_say(weir, user):
    asks = {"images": (IMAGES, {"prompt": "x"}), "moderation": ("/v1/moderations", {"input": "x"}),
            "rerank": ("/v1/rerank", {"query": "x", "documents": ["x"]}), "audio": (SPEECH, {"voice": "a", "input": "x"})}
    for scope in asks:
        key = weir.post("/api/keys", {"name": scope, "scopes": [scope]}, user).json["key"]
        for other, (path, body) in asks.items():
            assert weir.post(path, body, key).status == (200 if other == scope else 403), (scope, other)


def test_too_large_an_answer_is_none(weir, user):
    big = "word " * 30000
    answer = weir.post("/v1/rerank", {"model": "ranker", "query": "x", "documents": [big] * 2, "return_documents": True}, user)
    error(answer, 502)
    assert used(weir, user)[-1][4] == 0


def test_a_process_that_dies_charges_nothing(weir, user):
    before = weir.balance(user)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(weir.post(IMAGES, {"model": "painter", "prompt": "[[demo delay=60000]] never"}, user, timeout_s=70)))
    waiting.start()
    time.sleep(1)
    with weir.pg() as pg:
        assert pg.query("SELECT count(*) FROM tasks WHERE user_id = $1 AND status = 'running'", user.id)[0][0] == "1"
    for pid in weir.responders():
        os.kill(pid, signal.SIGKILL)
    waiting.join()
    with weir.pg() as pg:  # taken for dead at once
        pg.query("UPDATE processes SET heartbeat_at = now() - interval '1 minute' WHERE id IN (SELECT owner FROM tasks WHERE user_id = $1)", user.id)
    assert answers[0].status in (502, 504)
    for _ in range(450):
        if rows := used(weir, user):
            break
        time.sleep(0.1)
    assert rows[0][0] == "failed" and rows[0][4] == 0 and weir.balance(user) == before
    weir.audit()
