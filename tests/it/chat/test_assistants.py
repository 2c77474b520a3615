"""Assistants that users make and share, what a conversation sets for itself, and prompts that are kept: what goes upstream, and who may."""

import http.server
import json
import struct
import threading
import uuid
import zlib

import pytest

ALL = {"name": " Tutor ", "description": "Explains.", "avatar": "🦊", "prompt": "You are a fox.", "model": "demo-fast", "temperature": 0.25,
       "top_p": 0.5, "max_tokens": 77, "context_messages": 2, "openers": ["What is a weir?", " ", "为什么？"], "knowledge_mode": "off",
       "share": "private"}
PUBLIC = {"id", "name", "description", "avatar", "has_picture", "openers", "own", "share", "model"}


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


class Supplier(http.server.BaseHTTPRequestHandler):
    """Answers chats with one word, and keeps what it was asked."""

    asked = []

    def do_POST(self):
        Supplier.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        body = (b'data: {"choices":[{"delta":{"content":"hello"},"finish_reason":"stop"}],'
                b'"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\ndata: [DONE]\n\n')
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module", autouse=True)
def supplier(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Supplier)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "keeper", "--input", "1", "--output", "1", "--context", "8000", "--max-output", "1000")
    weir.weirctl("channel", "add", "keeper", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1",
                 "--allow-private", "--model", "keeper=x")
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def user(weir):
    return weir.make_user()


@pytest.fixture(scope="module")
def other(weir):
    return weir.make_user()


def make(weir, user, **more):
    answer = weir.post("/api/assistants", {"name": "Tutor", "model": "keeper", **more}, user)
    assert answer.status == 201, answer
    return answer.json


def ask(weir, user, conversation, content="hello?"):
    """What went upstream for it."""
    n = len(Supplier.asked)
    turn = weir.chat(user, content, conversation)
    assert turn.status == 200 and turn.final["type"] == "done", turn.events
    assert len(Supplier.asked) == n + 1
    return Supplier.asked[-1]


def said(body):
    return [(m["role"], m["content"]) for m in body["messages"]]


def names(weir, user, scope=""):
    return [a["name"] for a in weir.get(f"/api/assistants?limit=100{scope}", user).json["items"]]


# ---- one's own ---------------------------------------------------------------


def test_make_change_delete(weir, user, other):
    made = weir.post("/api/assistants", ALL, user)
    assert made.status == 201, made
    want = ALL | {"name": "Tutor", "openers": ["What is a weir?", "为什么？"], "own": True, "has_picture": False, "picture_id": None,
                  "url": None, "is_barred": False, "knowledge_ids": []}
    assert {k: made.json[k] for k in want} == want
    path = f"/api/assistants/{made.json['id']}"
    assert weir.get(path, user).json == made.json
    assert set(weir.get("/api/assistants", user).json["items"][0]) == PUBLIC
    changed = weir.patch(path, {"name": "Fox", "temperature": None, "model": None, "openers": []}, user)
    assert changed.status == 200 and changed.json == made.json | {
        "name": "Fox", "temperature": None, "model": None, "openers": [], "updated_at": changed.json["updated_at"]}

    for answer in (weir.get(path, other), weir.patch(path, {"name": "Mine"}, other), weir.delete(path, other),
                   weir.get(path + "/picture", other), weir.delete(path + "/taken", other),
                   weir.get(f"/api/assistants/{uuid.uuid4()}", user)):
        assert (answer.status, answer.code) == (404, "not_found"), answer
    refused = weir.post("/api/conversations", {"assistant_id": made.json["id"]}, other)
    assert (refused.status, refused.json["details"]["field"]) == (400, "assistant_id")
    assert names(weir, other) == [] and names(weir, user) == ["Fox"]
    assert weir.get(path, user).json == changed.json

    assert weir.delete(path, user).status == 204
    assert weir.get(path, user).status == 404 and weir.delete(path, user).status == 404 and names(weir, user) == []


@pytest.mark.parametrize("change, field", [
    ({"name": " "}, "name"), ({"name": "x" * 101}, "name"), ({"description": "x" * 2001}, "description"), ({"avatar": "x" * 17}, "avatar"),
    ({"prompt": "x" * 32001}, "prompt"), ({"model": "none-such"}, "model"), ({"temperature": 2.5}, "temperature"),
    ({"temperature": "hot"}, "temperature"), ({"top_p": 1.5}, "top_p"), ({"max_tokens": 0}, "max_tokens"),
    ({"context_messages": -1}, "context_messages"), ({"context_messages": 1.5}, "context_messages"), ({"openers": ["x"] * 7}, "openers"),
    ({"openers": ["x" * 256]}, "openers"), ({"openers": [1]}, "openers"), ({"knowledge_ids": [str(uuid.uuid4())]}, "knowledge_ids"),
    ({"knowledge_mode": "often"}, "knowledge_mode"), ({"share": "world"}, "share"), ({"picture_id": "x"}, "picture_id"),
    ({"picture_id": str(uuid.uuid4())}, "picture_id")])
def test_bad_values_change_nothing(weir, other, change, field):
    mine = weir.make_user()
    made = make(weir, mine)
    for answer in (weir.post("/api/assistants", {"name": "x", **change}, mine),
                   weir.patch(f"/api/assistants/{made['id']}", {"description": "changed", **change}, mine)):
        assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", field), answer
    assert weir.get(f"/api/assistants/{made['id']}", mine).json == made and len(names(weir, mine)) == 1


def test_so_many_and_no_more(weir, user):
    with weir.pg() as pg:
        pg.query("INSERT INTO assistants (id, user_id, name) SELECT gen_random_uuid(), $1, 'n' || i FROM generate_series(1, 100) i", user.id)
        refused = weir.post("/api/assistants", {"name": "one more"}, user)
        assert (refused.status, refused.code) == (409, "conflict") and "assistants" in refused.json["message"]
        assert "助手" in weir.post("/api/assistants", {"name": "one more"}, user, headers={"Accept-Language": "zh"}).json["message"]
        assert len(names(weir, user)) == 100
        one = weir.get("/api/assistants", user).json["items"][0]["id"]
        assert weir.patch(f"/api/assistants/{one}", {"name": "changed"}, user).status == 200
        assert weir.delete(f"/api/assistants/{one}", user).status == 204
        assert weir.post("/api/assistants", {"name": "one more"}, user).status == 201


# ---- what it is asked with -----------------------------------------------------


def test_a_turn_is_asked_as_it_says(weir, user):
    made = make(weir, user, **{k: ALL[k] for k in ("prompt", "temperature", "top_p", "max_tokens", "context_messages")})
    conversation = weir.post("/api/conversations", {"assistant_id": made["id"]}, user)
    assert conversation.status == 201 and conversation.json["assistant_name"] == "Tutor" and not conversation.json["assistant_gone"]
    conversation = conversation.json["id"]
    first = ask(weir, user, conversation, "one")
    assert said(first) == [("system", "You are a fox."), ("user", "one")]
    assert (first["temperature"], first["top_p"]) == (0.25, 0.5) and 77 in (first.get("max_tokens"), first.get("max_completion_tokens"))
    ask(weir, user, conversation, "two")
    assert [c for _, c in said(ask(weir, user, conversation, "three"))] == ["You are a fox.", "two", "hello", "three"]

    weir.patch(f"/api/assistants/{made['id']}", {"context_messages": 0, "temperature": None, "prompt": "You are an owl."}, user)
    body = ask(weir, user, conversation, "four")
    assert said(body) == [("system", "You are an owl."), ("user", "four")] and "temperature" not in body
    weir.audit()


def test_what_a_conversation_sets_for_itself(weir, user, other):
    made = make(weir, user, prompt="You are a fox.", temperature=0.25, top_p=0.5, context_messages=0)
    conversation = weir.conversation(user, assistant_id=made["id"], temperature=1.5)
    path = f"/api/conversations/{conversation}"
    assert weir.get(path, user).json["temperature"] == 1.5
    ask(weir, user, conversation, "one")
    changed = weir.patch(path, {"prompt": "", "temperature": 0, "top_p": 1, "context_messages": 40}, user)
    assert changed.status == 200
    assert {k: changed.json[k] for k in ("prompt", "temperature", "top_p", "context_messages")} == {
        "prompt": "", "temperature": 0, "top_p": 1, "context_messages": 40}
    body = ask(weir, user, conversation, "two")
    assert said(body) == [("user", "one"), ("assistant", "hello"), ("user", "two")] and (body["temperature"], body["top_p"]) == (0, 1)

    before = weir.get(path, user).json
    for change, field in (({"temperature": 3}, "temperature"), ({"top_p": -1}, "top_p"), ({"prompt": "x" * 32001}, "prompt"),
                          ({"context_messages": 1001}, "context_messages"), ({"prompt": 7}, "prompt")):
        refused = weir.patch(path, {"title": "changed", **change}, user)
        assert (refused.status, refused.json["details"]["field"]) == (400, field), refused
    assert weir.patch(path, {"temperature": 1}, other).status == 404
    assert weir.get(path, user).json == before

    assert weir.patch(path, {"title": "Kept"}, user).json["temperature"] == 0, "what is not named stays"
    reset = weir.patch(path, {"prompt": None, "temperature": None, "top_p": None, "context_messages": None}, user).json
    assert [reset[k] for k in ("prompt", "temperature", "top_p", "context_messages")] == [None] * 4
    body = ask(weir, user, conversation, "three")
    assert said(body) == [("system", "You are a fox."), ("user", "three")] and body["temperature"] == 0.25


def test_settings_without_an_assistant(weir, user):
    conversation = weir.conversation(user, model="keeper", prompt="Be brief.", context_messages=0)
    ask(weir, user, conversation, "one")
    body = ask(weir, user, conversation, "two")
    assert said(body) == [("system", "Be brief."), ("user", "two")] and "temperature" not in body and "top_p" not in body
    answer = weir.get(f"/api/conversations/{conversation}", user).json
    assert (answer["assistant_id"], answer["assistant_name"], answer["assistant_gone"]) == (None, None, False)


def test_of_a_deleted_one_the_conversation_goes_on_and_says_so(weir, user):
    made = make(weir, user, prompt="You are a fox.")
    conversation = weir.conversation(user, assistant_id=made["id"], model="keeper")
    ask(weir, user, conversation, "one")
    assert weir.delete(f"/api/assistants/{made['id']}", user).status == 204
    answer = weir.get(f"/api/conversations/{conversation}", user).json
    assert (answer["assistant_id"], answer["assistant_name"], answer["assistant_gone"]) == (made["id"], "Tutor", True)
    assert said(ask(weir, user, conversation, "two")) == [("user", "one"), ("assistant", "hello"), ("user", "two")]


def test_its_model_may_go(weir, user, admin):
    weir.weirctl("model", "add", "fleeting", "--input", "1", "--output", "1", "--context", "8000", "--max-output", "1000")
    made = make(weir, user, model="fleeting")
    model = next(m["id"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"] if m["name"] == "fleeting")
    assert weir.delete(f"/api/admin/models/{model}", admin).status == 204
    assert weir.get(f"/api/assistants/{made['id']}", user).json["model"] is None
    turn = weir.chat(user, "hello", weir.conversation(user, assistant_id=made["id"]))
    assert turn.final["data"]["assistant_message"]["model"] == "demo", "the default one"


def test_not_together_with_an_agent(weir, user, admin):
    model = weir.get("/api/admin/models?limit=1", admin).json["items"][0]["id"]
    agent = weir.post("/api/admin/agents", {"name": "House", "model_id": model}, admin).json["id"]
    refused = weir.post("/api/conversations", {"assistant_id": make(weir, user)["id"], "agent_id": agent}, user)
    assert (refused.status, refused.json["details"]["field"]) == (400, "assistant_id")


# ---- shared ---------------------------------------------------------------------


def test_by_a_link(weir, user, other):
    made = make(weir, user, name="Linked", prompt="You are a secret.", openers=["Who?"])
    path = f"/api/assistants/{made['id']}"
    shared = weir.patch(path, {"share": "link"}, user).json
    assert shared["url"].startswith(f"http://127.0.0.1:{weir.port}/a/")
    link = "/api/assistant-links/" + shared["url"].rsplit("/", 1)[1]
    assert weir.get(path, other).status == 404, "who has not its link"
    seen = weir.get(link, other)
    assert seen.status == 200 and set(seen.json) == PUBLIC and seen.json["openers"] == ["Who?"] and seen.json["own"] is False
    assert names(weir, other, "&scope=taken") == []

    for _ in range(2):
        assert weir.post(link, None, other).json == seen.json
    assert names(weir, other, "&scope=taken") == ["Linked"] and names(weir, other, "&scope=own") == []
    assert weir.get(path, other).json == seen.json
    assert weir.patch(path, {"name": "Mine"}, other).status == 404 and weir.delete(path, other).status == 404

    owner, guest = weir.balance(user), weir.balance(other)
    conversation = weir.conversation(other, assistant_id=made["id"])
    assert said(ask(weir, other, conversation, "who?"))[0] == ("system", "You are a secret.")
    assert weir.balance(user) == owner and weir.balance(other) < guest, "who asks pays"
    answer = weir.get(f"/api/conversations/{conversation}", other).json
    assert answer["prompt"] is None and "secret" not in json.dumps(answer)

    assert weir.patch(path, {"share": "private"}, user).json["url"] is None
    assert weir.get(link, other).status == 404 and weir.post(link, None, other).status == 404 and weir.get(path, other).status == 404
    assert names(weir, other, "&scope=taken") == []
    assert weir.get(f"/api/conversations/{conversation}", other).json["assistant_gone"] is True
    weir.patch(f"/api/conversations/{conversation}", {"model": "keeper"}, other)
    assert said(ask(weir, other, conversation, "again"))[0][0] == "user"
    again = weir.patch(path, {"share": "link"}, user).json
    assert again["url"] != shared["url"] and names(weir, other, "&scope=taken") == [], "another link, and nobody has taken it"
    weir.audit()


def test_put_away(weir, user, other):
    made = make(weir, user, name="Put away", share="link")
    link = "/api/assistant-links/" + made["url"].rsplit("/", 1)[1]
    assert weir.post(link, None, user).status == 200, "one's own"
    assert weir.delete(f"/api/assistants/{made['id']}/taken", user).status == 404
    assert weir.post(link, None, other).status == 200
    assert weir.delete(f"/api/assistants/{made['id']}/taken", other).status == 204
    assert weir.delete(f"/api/assistants/{made['id']}/taken", other).status == 404
    with weir.pg() as pg:
        pg.query("INSERT INTO assistants (id, user_id, name, share, token) SELECT gen_random_uuid(), $1, 'many', 'link', 'many-' || i"
                 " FROM generate_series(1, 100) i", user.id)
        pg.query("INSERT INTO assistant_keeps (assistant_id, user_id) SELECT id, $1 FROM assistants WHERE name = 'many'", other.id)
    assert weir.post(link, None, other).status == 409
    with weir.pg() as pg:
        pg.query("DELETE FROM assistants WHERE name = 'many'")


def test_for_everybody_until_an_admin_takes_it_back(weir, user, other, admin):
    made = make(weir, user, name="For all", share="house")
    path, bar = f"/api/assistants/{made['id']}", f"/api/admin/assistants/{made['id']}"
    assert "For all" in names(weir, other, "&scope=house") and "For all" not in names(weir, user, "&scope=house")
    conversation = weir.conversation(other, assistant_id=made["id"])
    listed = {a["id"]: a for a in weir.get("/api/admin/assistants", admin).json["items"]}
    assert listed[made["id"]]["user_id"] == user.id and "prompt" not in listed[made["id"]]
    assert weir.get("/api/admin/assistants", other).status == 403 and weir.patch(bar, {"is_barred": True}, other).status == 403
    assert weir.patch(bar, {}, admin).status == 400

    assert weir.patch(bar, {"is_barred": True}, admin).json["is_barred"] is True
    assert "For all" not in names(weir, other) and weir.get(path, other).status == 404
    assert weir.get(f"/api/conversations/{conversation}", other).json["assistant_gone"] is True
    assert weir.get(path, user).json["is_barred"] is True and "For all" in names(weir, user), "its owner has it as before"
    for share in ("link", "house"):
        token = weir.patch(path, {"share": share}, user).json["url"].rsplit("/", 1)[1]
        assert weir.get(f"/api/assistant-links/{token}", other).status == 404 and weir.get(path, other).status == 404
        assert weir.post(f"/api/assistant-links/{token}", None, other).status == 404

    assert weir.patch(bar, {"is_barred": False}, admin).status == 200
    assert weir.get(path, other).status == 200
    assert weir.get(f"/api/conversations/{conversation}", other).json["assistant_gone"] is False
    private = make(weir, user)
    assert weir.patch(f"/api/admin/assistants/{private['id']}", {"is_barred": True}, admin).status == 404
    assert weir.patch(f"/api/admin/assistants/{uuid.uuid4()}", {"is_barred": True}, admin).status == 404


def test_a_picture(weir, user, other):
    picture = weir.post("/api/uploads", png(), user, headers={"Content-Type": "image/png"}).json["id"]
    foreign = weir.post("/api/uploads", png(), other, headers={"Content-Type": "image/png"}).json["id"]
    made = make(weir, user, picture_id=picture, share="house")
    assert made["has_picture"] and made["picture_id"] == picture
    refused = weir.patch(f"/api/assistants/{made['id']}", {"picture_id": foreign}, user)
    assert (refused.status, refused.json["details"]["field"]) == (400, "picture_id")
    path = f"/api/assistants/{made['id']}/picture"
    for who in (user, other):
        shown = weir.get(path, who)
        assert shown.status == 200 and shown.headers["content-type"].startswith("image/")
    weir.patch(f"/api/assistants/{made['id']}", {"share": "private"}, user)
    assert weir.get(path, other).status == 404 and weir.get(path, user).status == 200
    assert weir.delete(f"/api/uploads/{picture}", user).status == 204
    assert weir.get(path, user).status == 404 and weir.get(f"/api/assistants/{made['id']}", user).json["has_picture"] is False


# ---- prompts ----------------------------------------------------------------------


def kept(weir, user):
    return [(p["name"], p["text"]) for p in weir.get("/api/prompts?limit=100", user).json["items"]]


def test_prompts(weir, user, other):
    made = weir.post("/api/prompts", {"name": " Translate ", "text": "Translate into {{language}}:\n{{text}}"}, user)
    assert made.status == 201 and made.json["name"] == "Translate"
    again = weir.post("/api/prompts", {"name": "Translate", "text": made.json["text"]}, user)
    assert again.status == 201 and again.json["id"] == made.json["id"]
    path = f"/api/prompts/{made.json['id']}"
    assert weir.patch(path, {"name": "Into"}, user).json["name"] == "Into"
    for answer in (weir.patch(path, {"name": "Mine"}, other), weir.delete(path, other), weir.patch(f"/api/prompts/{uuid.uuid4()}", {"name": "x"}, user)):
        assert (answer.status, answer.code) == (404, "not_found")
    for body, field in (({"name": ""}, "name"), ({"name": "x" * 101}, "name"), ({"text": ""}, "text"), ({"text": "x" * 16001}, "text")):
        for answer in (weir.post("/api/prompts", {"name": "n", "text": "t", **body}, user), weir.patch(path, body, user)):
            assert (answer.status, answer.json["details"]["field"]) == (400, field), answer
    assert kept(weir, user) == [("Into", made.json["text"])] and kept(weir, other) == []
    assert weir.delete(path, user).status == 204 and weir.delete(path, user).status == 404 and kept(weir, user) == []


def test_prompts_to_a_file_and_back(weir, user):
    mine, rows = [("a", "one"), ("b", "{{two}}"), ("三", "叁")], []
    for name, text in mine:
        rows.append(weir.post("/api/prompts", {"name": name, "text": text}, user).json)
    answer = weir.get("/api/export/prompts", user)
    assert answer.headers["content-disposition"] == 'attachment; filename="prompts.json"'
    assert answer.json == {"format": "weir-prompts", "version": 1, "prompts": [{"name": n, "text": t} for n, t in mine]}
    new = weir.make_user()
    assert weir.post("/api/import/prompts", answer.json, new).json == {"added": 3}
    assert weir.post("/api/import/prompts", {"prompts": answer.json["prompts"] + [{"name": "a", "text": "another"}] * 2}, new).json == {"added": 1}
    assert sorted(kept(weir, new)) == sorted([*mine, ("a", "another")])
    for prompts, field in (([], "prompts"), (["x"], "prompts/0"), ([{"name": "x", "text": "y"}, {"name": "x"}], "prompts/1/text"),
                           ([{"name": "", "text": "y"}], "prompts/0/name"), ([{"name": "x", "text": "y"}] * 501, "prompts")):
        refused = weir.post("/api/import/prompts", {"prompts": prompts}, new)
        assert (refused.status, refused.json["details"]["field"]) == (400, field), refused
    refused = weir.post("/api/import/prompts", {"prompts": [{"name": f"n{i}", "text": "t"} for i in range(497)]}, new)
    assert (refused.status, refused.code) == (409, "conflict")
    assert len(kept(weir, new)) == 4, "all or none"
    assert weir.post("/api/import/prompts", {"prompts": [{"name": f"n{i}", "text": "t"} for i in range(496)]}, new).json == {"added": 496}
    assert weir.post("/api/prompts", {"name": "one", "text": "more"}, new).status == 409
