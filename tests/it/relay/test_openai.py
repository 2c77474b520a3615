"""POST /v1/chat/completions and GET /v1/models, as clients of OpenAI's SDKs send them: answers, errors, money."""

import datetime
import http.server
import json
import threading
import uuid

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}
PATH = "/v1/chat/completions"


@pytest.fixture
def user(weir):
    return weir.make_user()


def body(content, **more):
    return {"model": "demo-fast", "messages": [{"role": "user", "content": content}], **more}


def chunks(weir, user, content, **more):
    """(status, the chunks, how it ended): [DONE], an error's chunk, or None."""
    with weir.stream(PATH, body(content, stream=True, **more), user) as s:
        if s.status != 200:
            return s.status, [], s.answer().json
        events = list(s.events())
    last = events[-1].data if events else None
    return s.status, [e.json for e in events if e.json], last


def text_of(parts):
    return "".join(c["delta"].get("content") or "" for p in parts for c in p.get("choices", ()))


def used(weir, user):
    """The usage rows of the user's relayed calls, oldest first."""
    with weir.pg() as pg:
        return pg.query("SELECT u.status, u.error_code, u.request_tokens, u.response_tokens, u.cost, u.model, u.channel"
                        " FROM usage u WHERE u.user_id = $1 ORDER BY u.id", user.id)


def test_whole(weir, user):
    before = weir.balance(user)
    answer = weir.post(PATH, body("Tell me about weirs"), user)
    assert answer.status == 200, answer
    got = answer.json
    assert got["object"] == "chat.completion" and got["model"] == "demo-fast" and got["id"].startswith("chatcmpl-")
    choice = got["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
    assert "Tell me about weirs" in choice["message"]["content"]
    assert got["usage"]["total_tokens"] == got["usage"]["prompt_tokens"] + got["usage"]["completion_tokens"] > 0
    (row,) = used(weir, user)
    assert row[0] == "completed" and int(row[2]) == got["usage"]["prompt_tokens"] and int(row[3]) == got["usage"]["completion_tokens"]
    assert before - weir.balance(user) == pytest.approx(float(row[4])) and float(row[4]) > 0
    weir.audit()


def test_streamed_says_the_same(weir, user):
    whole = weir.post(PATH, body("The same twice", seed=1), user).json["choices"][0]["message"]["content"]
    status, parts, last = chunks(weir, user, "The same twice", seed=1, stream_options={"include_usage": True})
    assert (status, last) == (200, "[DONE]")
    assert text_of(parts) == whole
    assert parts[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [p["choices"][0]["finish_reason"] for p in parts if p["choices"]][-1] == "stop"
    assert parts[-1]["choices"] == [] and parts[-1]["usage"]["completion_tokens"] > 0
    assert len({p["id"] for p in parts}) == 1 and all(p["object"] == "chat.completion.chunk" for p in parts)
    _, quiet, _ = chunks(weir, user, "No usage asked for")
    assert not any(p.get("usage") for p in quiet)


def test_refusals_in_their_shape(weir, user):
    def error(answer, status, **wanted):
        assert answer.status == status, answer
        found = answer.json["error"]
        assert {k: found[k] for k in wanted} == wanted and found["message"], found

    error(weir.post(PATH, body("x")), 401, code="invalid_api_key")
    error(weir.post(PATH, b"no json", user, headers={"Content-Type": "application/json"}), 400, type="invalid_request_error")
    error(weir.post(PATH, {"model": "demo-fast"}, user), 400, param="messages")
    error(weir.post(PATH, {**body("x"), "model": "none-such"}, user), 404, code="model_not_found", param="model")
    error(weir.post(PATH, body("x", n=2), user), 400, param="n")
    error(weir.post(PATH, {**body("x"), "messages": "hello"}, user), 400, param="messages")
    error(weir.request("GET", PATH, user), 405)
    error(weir.get("/v1/nowhere", user), 404)
    assert used(weir, user) == []
    poor = weir.make_user(credits="0.000001")
    error(weir.post(PATH, body("x"), poor), 402, code="insufficient_quota")
    weir.audit()


def test_what_fails_before_the_answer_has_its_status(weir, user):
    """No 200 that turns into an error: SDKs decide by the status whether to try again."""
    status, parts, error = chunks(weir, user, "[[demo fault=500 fail=9]] never")
    assert status == 502 and parts == [] and error["error"]["message"]
    status, _, error = chunks(weir, user, "[[demo fault=filter]] never")
    assert status != 200 and error["error"]["code"] == "content_policy_violation"
    status, _, error = chunks(weir, user, "[[demo fault=context]] too much")
    assert status == 413 and "context" in error["error"]["message"], "the provider's own words"
    rows = used(weir, user)
    assert [r[0] for r in rows] == ["failed"] * 3 and all(float(r[4]) == 0 for r in rows)
    weir.audit()


def test_what_fails_within_is_told_and_never_done(weir, user):
    status, parts, last = chunks(weir, user, "[[demo fault=reset-mid deltas=40]] cut")
    assert status == 200 and text_of(parts)
    assert last != "[DONE]" and "error" in json.loads(last)
    (row,) = used(weir, user)
    assert row[0] == "failed" and int(row[3]) > 0 and float(row[4]) > 0, "what was delivered is charged"
    weir.audit()


def test_the_shorter_limit_holds(weir, user):
    assert weir.post(PATH, body("limits", max_tokens=7), user).json["choices"][0]["finish_reason"] == "length"
    (row,) = used(weir, user)
    assert int(row[3]) <= 7


def test_a_reader_who_leaves_pays_for_what_came(weir, user):
    with weir.stream(PATH, body("[[demo deltas=100 interval=50]] leave", stream=True), user) as s:
        for _ in zip(range(5), s.events()):
            pass
    for _ in range(100):
        if rows := used(weir, user):
            break
        threading.Event().wait(0.05)
    assert rows[0][0] == "cancelled" and 0 < int(rows[0][3]) < 100
    weir.audit()


def test_a_key_used_twice_is_one_charge(weir, user):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = weir.post(PATH, body("once"), user, headers=key)
    assert first.status == 200
    again = weir.post(PATH, body("once"), user, headers=key)
    assert again.status == 200, again
    (said,), (before,) = again.json["choices"], first.json["choices"]
    assert said["message"]["content"] == before["message"]["content"] and said["finish_reason"] == before["finish_reason"]
    assert again.json["usage"].items() >= {k: v for k, v in first.json["usage"].items() if isinstance(v, int)}.items(), "more in test_replay.py"
    assert weir.post(PATH, body("other"), user, headers=key).status == 409
    assert len(used(weir, user)) == 1
    weir.audit()


def test_models_in_three_shapes(weir, user):
    listed = weir.get("/v1/models", user).json
    assert listed["object"] == "list" and "demo-fast" in [m["id"] for m in listed["data"]]
    assert weir.get("/v1/models/demo-fast", user).json["object"] == "model"
    assert weir.get("/v1/models/none-such", user).json["error"]["code"] == "model_not_found"
    anthropic = weir.get("/v1/models", user, headers={"anthropic-version": "2023-06-01"}).json
    assert anthropic["data"][0]["type"] == "model" and anthropic["has_more"] is False
    assert anthropic["first_id"] == anthropic["data"][0]["id"]
    gemini = weir.get("/v1/models", user, headers={"x-goog-api-key": "unused"}).json
    assert gemini["models"][0]["name"].startswith("models/")
    for path in ("/v1/models/none-such", "/v1/nowhere"):
        refused = weir.get(path, user, headers={"x-goog-api-client": "google-genai-sdk/3.6.1"})
        assert refused.status == 404 and refused.json["error"]["status"] == "NOT_FOUND", "refused in the shape of who asks"


# ---- through an API key ---------------------------------------------------------------


def key(weir, user, **limits):
    answer = weir.post("/api/keys", {"name": "test", **limits}, user)
    assert answer.status == 201, answer
    return answer.json


def test_a_key_stands_for_its_user(weir, user):
    made = key(weir, user)
    for headers in ({"Authorization": f"Bearer {made['key']}"}, {"x-api-key": made["key"]}, {"x-goog-api-key": made["key"]},
                    {"api-key": made["key"]}):
        assert weir.post(PATH, body("by key"), headers=headers).status == 200
    other = key(weir, user)["key"]
    for headers in ({"x-api-key": other}, {"x-goog-api-key": other}, {"api-key": other}):
        assert weir.post(PATH, body("by two keys"), made["key"], headers=headers).json["error"]["code"] == "invalid_api_key"
    assert weir.post(PATH + "?key=" + other, body("by two keys"), made["key"]).status == 401
    assert weir.get("/api/me", made["key"]).status == 401, "no session route takes it"
    assert weir.post(PATH, body("by key"), made["key"][:-1] + ("x" if made["key"][-1] != "x" else "y")).json["error"]["code"] == "invalid_api_key"
    assert len(used(weir, user)) == 4
    told = weir.get(f"/api/keys/{made['id']}", user).json
    assert told["spent"] == pytest.approx(sum(float(r[4]) for r in used(weir, user)))
    assert [r["key_id"] for r in weir.get("/api/usage/records", user).json["items"]] == [made["id"]] * 4
    assert weir.get("/api/usage?group_by=key", user).json["items"][0]["name"] == made["id"]
    assert weir.post(f"/api/keys/{made['id']}/revoke", {}, user).status == 200
    assert weir.post(PATH, body("by key"), made["key"]).status == 401
    weir.audit()


def test_what_is_left_is_told_in_each_dialect(weir, user):
    """Of our own limits: a key's, where it is the tightest."""
    made = key(weir, user, rpm=2)["key"]
    message = {"model": "demo-fast", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    first, second = weir.post(PATH, body("x"), made), weir.post("/v1/messages", message, made)
    third = weir.post("/v1/messages", message, made)
    assert (first.status, second.status, third.status) == (200, 200, 429)
    names = [f"x-ratelimit-{n}-requests" for n in ("limit", "remaining")]
    assert [first.headers[n] for n in names] == ["2", "1"] and 0 < int(first.headers["x-ratelimit-reset-requests"].rstrip("s")) <= 60
    for answer, left in ((second, "0"), (third, "0")):
        assert [answer.headers[f"anthropic-ratelimit-requests-{n}"] for n in ("limit", "remaining")] == ["2", left]
        reset = datetime.datetime.fromisoformat(answer.headers["anthropic-ratelimit-requests-reset"].replace("Z", "+00:00"))
        assert 0 < (reset - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= 121 and "x-ratelimit-limit-requests" not in answer.headers
    assert third.headers["retry-after"] and third.headers["request-id"] == third.headers["x-request-id"]
    gemini = weir.post("/v1beta/models/demo-fast:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}, user)
    assert gemini.status == 200 and not [n for n in gemini.headers if "ratelimit-" in n.lower() and "-requests" in n.lower()]
    with weir.stream(PATH, body("x", stream=True), user) as s:
        assert int(s.headers["x-ratelimit-remaining-requests"]) > 0 and s.answer().status == 200


def test_a_key_is_bound_to_its_models(weir, user):
    made = key(weir, user, models=["demo"])
    assert weir.post(PATH, body("by key"), made["key"]).json["error"]["code"] == "model_not_found"
    assert weir.post(PATH, {**body("by key"), "model": "demo"}, made["key"]).status == 200
    assert [m["id"] for m in weir.get("/v1/models", made["key"]).json["data"]] == ["demo"]


def test_a_key_is_bound_to_its_scopes(weir, user):
    refused = weir.post(PATH, body("by key"), key(weir, user, scopes=["embeddings", "rerank"])["key"])
    assert refused.status == 403 and "calls of this kind" in refused.json["error"]["message"]
    assert weir.post(PATH, body("by key"), key(weir, user, scopes=["rerank", "chat"])["key"]).status == 200
    assert weir.post(PATH, body("signed in"), user).status == 200


def test_tokens_per_minute_of_a_key(weir, user):
    made = key(weir, user, tpm=5)
    assert weir.post(PATH, body("first"), made["key"]).status == 200
    refused = weir.post(PATH, body("second"), made["key"])
    assert refused.status == 429 and refused.json["error"]["code"] == "rate_limit_exceeded", refused
    assert int(refused.headers["Retry-After"]) > 0
    assert weir.post(PATH, body("third"), key(weir, user)["key"]).status == 200
    weir.audit()


def test_a_budget_ends(weir, user):
    made = key(weir, user, budget={"amount": 0.000001, "period": "day"})
    refused = weir.post(PATH, body("by key"), made["key"])
    assert refused.status == 402 and refused.json["error"]["code"] == "insufficient_quota" and "budget" in refused.json["error"]["message"]
    assert used(weir, user) == []


def test_so_many_at_once_with_one_key(weir, user):
    made = key(weir, user, max_concurrent=1)
    with weir.stream(PATH, body("[[demo deltas=100 interval=30]] long", stream=True), made["key"]) as s:
        next(s.events())
        assert weir.post(PATH, body("second"), made["key"]).status == 429
    weir.audit()


def test_a_revoked_key_ends_what_runs(weir, user):
    made = key(weir, user)
    with weir.stream(PATH, body("[[demo deltas=150 interval=100]] long", stream=True), made["key"]) as s:
        events = s.events()
        next(events)
        assert weir.post(f"/api/keys/{made['id']}/revoke", {}, user).status == 200
        last = list(events)[-1].data
    assert "error" in json.loads(last)
    weir.audit()


# ---- own words --------------------------------------------------------------------------


class Recorder(http.server.BaseHTTPRequestHandler):
    """A provider that keeps what it was asked, and answers with more than Weir knows of."""

    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        made = {"id": "cmpl-theirs", "object": "chat.completion.chunk", "created": 1, "model": "theirs-2026", "system_fingerprint": "fp_1"}
        pieces = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
                  {"choices": [{"index": 0, "delta": {"content": "Hel", "annotations": [1]}, "finish_reason": None, "odd": {"a": [None]}}]},
                  {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]},
                  {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "service_tier": "flex"},
                  {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}]
        text = "".join(f"data: {json.dumps(made | piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def recorder(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "ours", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
    weir.weirctl("channel", "add", "theirs", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1",
                 "--key-stdin", "--allow-private", "--model", "ours=theirs-2026", input="k\n")
    yield server
    server.shutdown()
    server.server_close()


def test_what_we_do_not_know_passes(weir, user, recorder):
    """Same wire in and out: members nobody here has heard of arrive, and come back."""
    odd = {"top_k": 7, "chat_template_kwargs": {"enable_thinking": False, "x": [1, "\u00e9"]}, "logit_bias": {"5": -1}}
    status, parts, last = chunks(weir, user, "own words", model="ours", max_tokens=50, metadata={"a": "b"}, **odd)
    assert (status, last) == (200, "[DONE]")
    asked = recorder.asked[-1]
    assert {k: asked[k] for k in odd} == odd and asked["metadata"] == {"a": "b"}
    assert asked["model"] == "theirs-2026" and asked["max_tokens"] == 50 and asked["stream_options"] == {"include_usage": True}
    assert text_of(parts) == "Hello"
    assert {p["model"] for p in parts} == {"ours"} and {p["system_fingerprint"] for p in parts} == {"fp_1"}
    assert parts[1]["choices"][0]["odd"] == {"a": [None]} and parts[1]["choices"][0]["delta"]["annotations"] == [1]
    assert parts[-1]["service_tier"] == "flex" and not any(p.get("usage") for p in parts)
    _, parts, _ = chunks(weir, user, "with usage", model="ours", stream_options={"include_usage": True})
    assert parts[-1]["usage"]["total_tokens"] == 5 and parts[-1]["choices"] == []
    whole = weir.post(PATH, {**body("whole"), "model": "ours"}, user).json
    assert whole["choices"][0]["message"]["content"] == "Hello" and whole["usage"]["total_tokens"] == 5
    assert [(r[2], r[3]) for r in used(weir, user)] == [("3", "2")] * 3
    weir.audit()


def test_our_words_are_not_said_by_the_client(weir, user):
    """The model and the cap are Weir's to say, however their names are written; what passes must mean one thing."""
    def asked(text):
        before = len(weir.demo_requests())
        answer = weir.post(PATH, text.encode(), user, headers={"Content-Type": "application/json"})
        return answer, weir.demo_requests()[before:]

    messages = '"messages":[{"role":"user","content":"mine"}]'
    answer, (seen,) = asked('{"mod\\u0065l":"demo-fast","max_tok\\u0065ns":3,' + messages + "}")
    assert answer.status == 200 and seen["model"] == "demo-fast" and seen["completion_tokens"] == 3, "read, and said by us"
    for twice in ('"mod\\u0065l":"demo-slow","model":"demo-fast",', '"model":"demo-fast","max_tokens":3,"max_tokens":9,'):
        answer, seen = asked("{" + twice + messages + "}")
        assert answer.status == 400 and seen == [], answer


def test_usage_is_what_is_charged(weir, user):
    """In the provider's words, which say more, unless they are not what is charged, or there are none."""
    for way in ("ok", "wrong", "huge", "zero", "none", "negative", "string"):
        _, parts, last = chunks(weir, user, f"[[demo usage={way} deltas=5]] counted", stream_options={"include_usage": True})
        assert last == "[DONE]" and parts[-1]["choices"] == [] and sum(1 for p in parts if p.get("usage")) == 1, way
        usage, row = parts[-1]["usage"], used(weir, user)[-1]
        assert [usage["prompt_tokens"], usage["completion_tokens"]] == [int(row[2]), int(row[3])], way
        assert ("audio_tokens" in usage["prompt_tokens_details"]) == (way == "ok"), way
    _, parts, _ = chunks(weir, user, "[[demo deltas=5]] not asked for")
    assert not any(p.get("usage") for p in parts)
