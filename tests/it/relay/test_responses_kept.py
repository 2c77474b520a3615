"""Accounts that speak the Responses API: own words pass, what they keep is reached at the account that has it, by its owner alone."""

import http.server
import json
import threading

import pytest

PATH = "/v1/responses"


def event(kind, **data):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"


class Account(http.server.BaseHTTPRequestHandler):
    """An account that keeps what it answered, and knows nothing of others'."""

    def do(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path, _, query = self.path.partition("?")
        self.server.asked.append((self.command, self.path, body, self.headers.get("Authorization")))
        if self.command == "POST" and path == "/v1/responses":
            return self.create(body)
        if path == "/v1/responses/input_tokens":
            return self.say(200, {"object": "response.input_tokens", "input_tokens": 77})
        if path == "/v1/responses/compact":
            return self.say(200, {"id": "resp_cmp", "object": "response.compaction", "output": [{"type": "compaction"}], "usage": {
                "input_tokens": 9, "output_tokens": 2}})
        found = self.server.kept.get(path.split("/")[3])
        if found is None:
            return self.say(404, {"error": {"message": "No such response", "type": "invalid_request_error", "code": None}})
        if self.command == "DELETE":
            self.server.kept.pop(found["id"])
            return self.say(200, {"id": found["id"], "object": "response", "deleted": True})
        if path.endswith("/input_items"):
            return self.say(200, {"object": "list", "data": [{"type": "message", "query": query}], "has_more": False})
        if path.endswith("/cancel"):
            return self.say(400, {"error": {"message": "Only background responses can be cancelled", "type": "invalid_request_error"}})
        return self.say(200, found)

    do_POST = do_GET = do_DELETE = do

    def say(self, status, data):
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def create(self, body):
        before = body.get("previous_response_id")
        if before is not None and before not in self.server.kept:
            return self.say(400, {"error": {"message": "Previous response not found", "code": "previous_response_not_found"}})
        id = f"resp_{self.server.name}_{len(self.server.asked)}"
        items = [{"type": "web_search_call", "id": "ws_1", "status": "completed"},
                 {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hello", "odd": 1}]}]
        whole = {"id": id, "object": "response", "status": "completed", "model": "theirs-2026", "output": items, "odd": {"a": [None]},
                 "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 2, "total_tokens": 7,
                           "output_tokens_details": {"reasoning_tokens": 1}}}
        self.server.kept[id] = whole
        if not body.get("stream"):
            return self.say(200, whole)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        told = [event("response.created", response={**whole, "status": "in_progress", "output": [], "usage": None}, sequence_number=0),
                event("response.web_search_call.searching", item_id="ws_1", output_index=0, sequence_number=1),
                event("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta="Hello", sequence_number=2),
                event("response.output_item.done", output_index=1, item=items[1], sequence_number=3)]
        if "fail" in json.dumps(body["input"]):
            told.append(event("response.failed", response={**whole, "status": "failed", "error": {"code": "server_error", "message": "Oh"}}))
        else:
            told.append(event("response.completed", response=whole, sequence_number=4))
        self.wfile.write("".join(told).encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def accounts(weir):
    """Two accounts of one model, and one that speaks nothing but this."""
    weir.weirctl("model", "add", "kept", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
    weir.weirctl("model", "add", "alone", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
    found = []
    for name, provider, options in (("a", "openai", ["--responses"]), ("b", "openai", ["--responses"]), ("c", "responses", [])):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Account)
        server.asked, server.kept, server.name = [], {}, name
        threading.Thread(target=server.serve_forever, daemon=True).start()
        weir.weirctl("channel", "add", name, "--provider", provider, "--url", f"http://127.0.0.1:{server.server_port}/v1", "--key-stdin",
                     "--allow-private", *options, "--model", ("alone" if name == "c" else "kept") + "=theirs-2026", input=f"key-{name}\n")
        found.append(server)
    yield found
    for server in found:
        server.shutdown()
        server.server_close()


def ask(weir, user, **more):
    answer = weir.post(PATH, {"model": "kept", "input": "hello", **more}, user)
    assert answer.status == 200, answer
    return answer.json


def who_has(accounts, id):
    return next(a for a in accounts if id in a.kept)


def test_own_words_pass_whole_and_streamed(weir, accounts):
    user = weir.make_user()
    body = {"model": "kept", "input": "hello", "stream": True, "tools": [{"type": "mcp", "server_label": "x"}], "service_tier": "priority",
            "odd": None, "store": True}
    with weir.stream(PATH, body, user) as s:
        assert s.status == 200, s.answer()
        events = [e.json for e in s.events()]
    account = who_has(accounts, events[0]["response"]["id"])
    _, path, asked, key = account.asked[-1]
    assert path == PATH and key == f"Bearer key-{account.name}"
    assert asked == {"model": "theirs-2026", "max_output_tokens": 400, "input": "hello", "tools": [{"type": "mcp", "server_label": "x"}], "odd": None,
                     "store": True, "stream": True}
    assert [e["type"] for e in events] == ["response.created", "response.web_search_call.searching", "response.output_text.delta",
                                           "response.output_item.done", "response.completed"]
    assert events[0]["response"]["model"] == events[-1]["response"]["model"] == "kept" and events[-1]["response"]["odd"] == {"a": [None]}
    whole = ask(weir, user, tools=[{"type": "mcp", "server_label": "x"}, {"type": "web_search", "external_web_access": False}])
    assert who_has(accounts, whole["id"]).asked[-1][2]["tools"] == [{"type": "mcp", "server_label": "x"}]
    assert whole["output"][0]["type"] == "web_search_call" and whole["model"] == "kept" and whole["id"].startswith("resp_")
    rows = [(r["status"], r["request_tokens"], r["response_tokens"], r["cached_tokens"])
            for r in weir.get("/api/usage/records", user).json["items"]]
    assert rows == [("completed", 5, 2, 2)] * 2
    weir.audit()


def test_what_follows_reaches_the_account_that_has_it(weir, accounts):
    user, other = weir.make_user(), weir.make_user()
    for _ in range(6):
        first = ask(weir, user)
        account = who_has(accounts, first["id"])
        second = ask(weir, user, previous_response_id=first["id"])
        assert who_has(accounts, second["id"]) is account
    refused = weir.post(PATH, {"model": "kept", "input": "x", "previous_response_id": first["id"]}, other)
    assert refused.status == 404, "another user's is none"
    assert weir.post(PATH, {"model": "kept", "input": "x", "previous_response_id": "resp_none"}, user).status == 404
    got = weir.post(PATH, {"model": "demo-fast", "input": "x", "previous_response_id": first["id"]}, user)
    assert got.status == 400 and got.json["error"]["code"] == "unsupported_parameter"
    weir.audit()


def test_the_hold_counts_what_is_read_again(weir, accounts):
    user = weir.make_user()
    first = ask(weir, user)
    with weir.pg() as pg:
        pg.query("UPDATE response_pins SET tokens = 20000 WHERE id = $1", first["id"])
        ask(weir, user, previous_response_id=first["id"])
        ((tokens,),) = pg.query("SELECT max(prompt_tokens) FROM tasks WHERE user_id = $1", user.id)
    assert int(tokens) >= 20000


def test_kept_answers_are_read_and_deleted_by_their_owner(weir, accounts):
    user, other = weir.make_user(), weir.make_user()
    id = ask(weir, user)["id"]
    balance = weir.balance(user)
    for path, method in ((f"/v1/responses/{id}", "GET"), (f"/v1/responses/{id}/input_items", "GET"), (f"/v1/responses/{id}", "DELETE"),
                         (f"/v1/responses/{id}/cancel", "POST")):
        assert weir.request(method, path).status == 401
        assert weir.request(method, path, other).status == 404, (method, path)
    got = weir.get(f"/v1/responses/{id}", user)
    assert got.status == 200 and got.json["id"] == id and got.json["model"] == "kept" and got.json["output"][1]["content"][0]["text"] == "Hello"
    assert weir.get(f"/v1/responses/{id}?stream=true", user).status == 400
    items = weir.get(f"/v1/responses/{id}/input_items?limit=7&after=msg_1&order=asc&odd=1", user).json
    assert items["data"][0]["query"] == "limit=7&after=msg_1&order=asc"
    assert weir.get(f"/v1/responses/{id}/input_items?limit=0", user).status == 400
    assert weir.get(f"/v1/responses/{id}/input_items?after=a%26b", user).status == 400
    cancelled = weir.post(f"/v1/responses/{id}/cancel", None, user)
    assert cancelled.status == 400 and "background" in cancelled.json["error"]["message"], "the provider's own words"
    gone = weir.request("DELETE", f"/v1/responses/{id}", user)
    assert gone.status == 200 and gone.json["deleted"]
    assert weir.get(f"/v1/responses/{id}", user).status == 404 and weir.get("/v1/responses/resp_none", user).status == 404
    assert weir.balance(user) == balance
    weir.audit()


def test_a_channel_that_is_away(weir, accounts):
    user = weir.make_user()
    id = ask(weir, user)["id"]
    name = who_has(accounts, id).name
    weir.weirctl("channel", "disable", name)
    try:
        assert weir.get(f"/v1/responses/{id}", user).status == 503
        assert weir.post(PATH, {"model": "kept", "input": "x", "previous_response_id": id}, user).status == 503
        assert ask(weir, user)["status"] == "completed", "what follows nothing goes elsewhere"
    finally:
        weir.weirctl("channel", "enable", name)


def test_an_answer_stays_with_its_key(weir, accounts):
    user = weir.make_user()
    weir.weirctl("channel-key", "add", "c", "--name", "second", "--key-stdin", input="key-other\n")
    ids = []
    for _ in range(4):
        ids.append(weir.post(PATH, {"model": "alone", "input": "x"}, user).json["id"])
    keys = {id: asked[3] for asked, id in zip(accounts[2].asked[-4:], ids)}
    assert set(keys.values()) == {"Bearer key-c", "Bearer key-other"}, "they take turns"
    for id in ids:
        assert weir.post(PATH, {"model": "alone", "input": "x", "previous_response_id": id}, user).status == 200
        assert accounts[2].asked[-1][3] == keys[id]
        assert weir.get(f"/v1/responses/{id}", user).status == 200 and accounts[2].asked[-1][3] == keys[id]
    weir.weirctl("channel-key", "remove", "c", "--name", "second")
    lost = next(id for id in ids if keys[id] == "Bearer key-other")
    for got in (weir.get(f"/v1/responses/{lost}", user), weir.post(PATH, {"model": "alone", "input": "x", "previous_response_id": lost}, user)):
        assert got.status == 409 and got.json["error"]["code"] == "route_gone", got
    weir.audit()


def test_counting_and_compacting(weir, accounts):
    user = weir.make_user()
    balance = weir.balance(user)
    counted = weir.post("/v1/responses/input_tokens", {"model": "kept", "input": "hello"}, user)
    assert counted.status == 200 and counted.json == {"object": "response.input_tokens", "input_tokens": 77}
    ours = weir.post("/v1/responses/input_tokens", {"model": "demo-fast", "input": "hello"}, user).json
    assert ours["object"] == "response.input_tokens" and 0 < ours["input_tokens"] < 77
    assert weir.post("/v1/responses/input_tokens", {"model": "kept"}, user).status == 400
    assert weir.balance(user) == balance
    compact = weir.post("/v1/responses/compact", {"model": "kept", "input": [{"role": "user", "content": "hello"}]}, user)
    assert compact.status == 200 and compact.json["object"] == "response.compaction" and compact.json["output"] == [{"type": "compaction"}]
    assert weir.balance(user) < balance, "it is a model that does it"
    refused = weir.post("/v1/responses/compact", {"model": "demo-fast", "input": "hello"}, user)
    assert refused.status == 400 and refused.json["error"]["code"] == "unsupported_parameter"
    weir.audit()


def test_a_failure_is_told_with_the_provider_s_id(weir, accounts):
    user = weir.make_user()
    with weir.stream(PATH, {"model": "kept", "input": "fail", "stream": True}, user) as s:
        events = [e.json for e in s.events()]
    assert [e["type"] for e in events][-2:] == ["response.failed", "error"]
    assert events[-2]["response"]["id"] == events[0]["response"]["id"] and events[-2]["response"]["error"]["code"] == "server_error"
    weir.audit()


@pytest.mark.parametrize("path, body", [
    ("/v1/chat/completions", {"messages": [{"role": "system", "content": "Be"}, {"role": "user", "content": "hello"}]}),
    ("/v1/messages", {"max_tokens": 50, "system": "Be", "messages": [{"role": "user", "content": "hello"}]}),
    (PATH, {"input": "hello", "instructions": "Be"})])
def test_an_account_that_speaks_nothing_else_serves_all(weir, accounts, path, body):
    user = weir.make_user()
    answer = weir.post(path, {"model": "alone", **body}, user)
    assert answer.status == 200 and "Hello" in json.dumps(answer.json), answer
    asked = accounts[2].asked[-1][2]
    assert asked["model"] == "theirs-2026" and asked.get("stream", False) == (path != PATH), "own words are asked as they are"
    if path != PATH:
        assert asked["input"][0] == {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be"}]}
        assert asked["store"] is False
    assert [r["request_tokens"] for r in weir.get("/api/usage/records", user).json["items"]] == [5]
    weir.audit()


def test_pins_live_for_thirty_days(weir, accounts):
    user = weir.make_user()
    id = ask(weir, user)["id"]
    with weir.pg() as pg:
        pg.query("UPDATE response_pins SET created_at = now() - interval '31 days' WHERE id = $1", id)
        assert ("response_pins", "1") in [tuple(map(str, r)) for r in pg.query("SELECT what, removed FROM prune_expired(1000)")]
    assert weir.get(f"/v1/responses/{id}", user).status == 404
