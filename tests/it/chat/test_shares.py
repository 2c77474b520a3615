"""Conversations that leave by a link or a file, and that come from one: what is shown, to whom, and until when."""

import json
import re
import struct
import uuid
import zlib

import pytest

MESSAGES = [{"role": "user", "content": "What is a weir?", "created_at": "2024-05-01T10:00:00Z"},
            {"role": "assistant", "content": "A **low dam**.\nIt raises the water.", "model": "old-model",
             "created_at": "2024-05-01T18:00:09.5+08:00"},
            {"role": "user", "content": "谢谢"},
            {"role": "assistant", "content": "不客气"}]


@pytest.fixture(scope="module")
def stranger(weir):
    return weir.make_user()


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def held(weir, user, **more):
    answer = weir.post("/api/import/conversation", {"messages": MESSAGES, **more}, user)
    assert answer.status == 201, answer
    return answer.json


def share(weir, user, conversation):
    answer = weir.post(f"/api/conversations/{conversation}/share", None, user)
    assert answer.status == 201, answer
    return answer.json


def token_of(shared):
    return shared["url"].rsplit("/s/", 1)[1]


# ---- from a file -------------------------------------------------------------


def test_import(weir, user):
    before = weir.get("/api/me/credits", user).json
    made = held(weir, user, title="Weirs", created_at="2024-05-01T10:00:00Z")
    assert (made["title"], made["message_count"], made["created_at"]) == ("Weirs", 4, "2024-05-01T10:00:00.000Z")
    items = weir.get(f"/api/conversations/{made['id']}/messages", user).json["items"]
    assert [(m["sequence"], m["role"], m["content"], m["status"], m["credits_cost"]) for m in items] == [
        (n + 1, m["role"], m["content"], "success", 0) for n, m in enumerate(MESSAGES)]
    assert [m["model"] for m in items] == [None, "old-model", None, None]
    assert [m["created_at"] for m in items] == ["2024-05-01T10:00:00.000Z", "2024-05-01T10:00:09.500Z"] + [made["created_at"]] * 2
    assert made["id"] in [c["id"] for c in weir.get("/api/conversations?limit=100", user).json["items"]]
    assert weir.get("/api/me/credits", user).json == before


def test_an_imported_conversation_goes_on(weir, user):
    made = held(weir, user)
    assert made["title"] == "What is a weir?" and made["title_is_custom"] is True
    with weir.stream(f"/api/conversations/{made['id']}/messages/stream", {"content": "and a dam?", "model": "demo-fast"}, user) as s:
        last = [e.json for e in s.events() if e.json][-1]
    assert last["type"] == "done"
    items = weir.get(f"/api/conversations/{made['id']}/messages", user).json["items"]
    assert [m["sequence"] for m in items] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("change, field", [
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": "alone"}]}, "messages"),
    ({"messages": [{"role": "assistant", "content": "x"}] * 2001}, "messages"),
    ({"messages": [*MESSAGES, {"role": "system", "content": "x"}]}, "messages/4/role"),
    ({"messages": [{"role": "user"}, *MESSAGES]}, "messages/0/content"),
    ({"messages": ["x"]}, "messages/0"),
    ({"messages": [{"role": "assistant", "content": "x", "created_at": "yesterday"}]}, "messages/0/created_at"),
    ({"messages": [{"role": "assistant", "content": "x", "model": "m" * 201}]}, "messages/0/model"),
    ({"created_at": "2999-01-01T00:00:00Z"}, "created_at"),
    ({"created_at": "soon"}, "created_at"),
    ({"title": "x" * 201}, "title"),
])
def test_import_refuses(weir, user, change, field):
    before = weir.get("/api/conversations?limit=1", user).json["items"][:1]
    answer = weir.post("/api/import/conversation", {"messages": MESSAGES, **change}, user)
    assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", field), answer
    assert weir.get("/api/conversations?limit=1", user).json["items"][:1] == before


# ---- to a file ---------------------------------------------------------------


def test_export_and_import_again(weir, user, stranger):
    made = held(weir, user, title="Weirs", created_at="2024-05-01T10:00:00Z")
    answer = weir.get(f"/api/conversations/{made['id']}/export", user)
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    assert answer.headers["content-disposition"] == 'attachment; filename="conversation.json"'
    file = answer.json
    assert (file["format"], file["version"], file["title"]) == ("weir-conversation", 1, "Weirs")
    again = weir.post("/api/import/conversation", file, stranger)
    assert again.status == 201, again
    assert weir.get(f"/api/conversations/{again.json['id']}/export", stranger).json == file


def test_export_markdown(weir, user):
    made = held(weir, user, title="Weirs")
    answer = weir.get(f"/api/conversations/{made['id']}/export?format=markdown", user)
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/markdown")
    assert answer.body.decode() == ("# Weirs\n\n## You\n\nWhat is a weir?\n\n## old-model\n\nA **low dam**.\nIt raises the water.\n"
                                    "\n## You\n\n谢谢\n\n## Assistant\n\n不客气\n")


def test_export_refuses(weir, user, stranger):
    made = held(weir, user)
    assert weir.get(f"/api/conversations/{made['id']}/export", stranger).status == 404
    assert weir.get(f"/api/conversations/{uuid.uuid4()}/export", user).status == 404
    answer = weir.get(f"/api/conversations/{made['id']}/export?format=pdf", user)
    assert (answer.status, answer.json["details"]["field"]) == (400, "format")


# ---- by a link ---------------------------------------------------------------


def test_share_is_a_snapshot(weir, user):
    made = held(weir, user, title="Weirs")
    shared = share(weir, user, made["id"])
    assert (shared["title"], shared["message_count"], shared["conversation_id"]) == ("Weirs", 4, made["id"])
    assert re.fullmatch(r"[\w-]{22}", token_of(shared))
    with weir.stream(f"/api/conversations/{made['id']}/messages/stream", {"content": "a secret", "model": "demo-fast"}, user) as s:
        assert [e.json for e in s.events() if e.json][-1]["type"] == "done"
    answer = weir.get(f"/api/share/{token_of(shared)}")
    assert answer.status == 200 and "noindex" in answer.headers["x-robots-tag"]
    assert set(answer.json) == {"title", "created_at", "messages"}
    assert [(m["role"], m["content"], m["model"]) for m in answer.json["messages"]] == [
        (m["role"], m["content"], m.get("model")) for m in MESSAGES]
    assert all(set(m) == {"role", "content", "model", "created_at", "attachments"} for m in answer.json["messages"])
    assert user.id not in json.dumps(answer.json)


def test_a_failed_answer_is_not_shared(weir, user):
    made = held(weir, user)
    with weir.pg() as pg:
        pg.query("UPDATE conversation_messages SET status = 'llm_error' WHERE conversation_id = $1 AND sequence = 4", made["id"])
    shared = share(weir, user, made["id"])
    assert [m["content"] for m in weir.get(f"/api/share/{token_of(shared)}").json["messages"]] == [m["content"] for m in MESSAGES[:3]]


def test_revoke(weir, user, stranger):
    made = held(weir, user)
    first, second = share(weir, user, made["id"]), share(weir, user, made["id"])
    assert [s["id"] for s in weir.get("/api/shares?limit=2", user).json["items"]] == [second["id"], first["id"]]
    assert weir.get("/api/shares", stranger).json["items"] == []
    assert weir.request("DELETE", f"/api/shares/{first['id']}", stranger).status == 404
    assert weir.get(f"/api/share/{token_of(first)}").status == 200
    assert weir.request("DELETE", f"/api/shares/{first['id']}", user).status == 204
    assert weir.get(f"/api/share/{token_of(first)}").status == 404
    assert weir.get(f"/api/share/{token_of(second)}").status == 200
    assert weir.request("DELETE", f"/api/shares/{first['id']}", user).status == 404


def test_a_share_goes_with_its_conversation(weir, user):
    made = held(weir, user)
    shared = share(weir, user, made["id"])
    assert weir.request("DELETE", f"/api/conversations/{made['id']}", user).status == 204
    assert weir.get(f"/api/share/{token_of(shared)}").status == 404


def test_share_refuses(weir, user, stranger):
    made = held(weir, user)
    assert weir.post(f"/api/conversations/{made['id']}/share", None, stranger).status == 404
    empty = weir.post("/api/conversations", {}, user).json
    assert (lambda a: (a.status, a.code))(weir.post(f"/api/conversations/{empty['id']}/share", None, user)) == (409, "conflict")
    for token in ("x", "x" * 22, "%27%20OR%201=1", "A" * 500):
        assert weir.get(f"/api/share/{token}").status == 404


def test_too_many_shares(weir):
    user = weir.make_user()
    made = held(weir, user)
    with weir.pg() as pg:
        pg.query("INSERT INTO conversation_shares (id, token, user_id, conversation_id, title, messages)"
                 " SELECT gen_random_uuid(), 'full' || n, $1, $2, '', '[]' FROM generate_series(1, 500) n", user.id, made["id"])
    answer = weir.post(f"/api/conversations/{made['id']}/share", None, user)
    assert (answer.status, answer.code) == (409, "conflict")


def test_pictures_are_shown_by_the_link_alone(weir, user, stranger):
    kept = weir.request("POST", "/api/uploads", user, body=png(), headers={"Content-Type": "image/png"}).json
    other = weir.request("POST", "/api/uploads", user, body=png() + b"x", headers={"Content-Type": "image/png"}).json
    foreign = weir.request("POST", "/api/uploads", stranger, body=png(), headers={"Content-Type": "image/png"}).json
    made = held(weir, user)
    with weir.pg() as pg:
        pg.query("UPDATE conversation_messages SET attachments = $2 WHERE conversation_id = $1 AND sequence = 1", made["id"],
                 json.dumps([{"type": "image", "url": kept["url"]}, {"type": "image", "url": foreign["url"]},
                             {"type": "image", "url": "https://elsewhere.example/a.png"}]))
    shared = share(weir, user, made["id"])
    urls = [a["url"] for a in weir.get(f"/api/share/{token_of(shared)}").json["messages"][0]["attachments"]]
    assert urls[0] == f"/api/share/{token_of(shared)}/files/{kept['id']}" and urls[2] == "https://elsewhere.example/a.png"
    answer = weir.get(urls[0])
    assert answer.status == 200 and answer.body == png() and answer.headers["content-type"] == "image/png"
    # the token opens what is shown, not the owner's other files, nor anybody else's
    assert weir.get(urls[1]).status == 404
    assert weir.get(f"/api/share/{token_of(shared)}/files/{other['id']}").status == 404
    assert weir.get(f"/api/uploads/{kept['id']}").status == 401
    assert weir.request("DELETE", f"/api/uploads/{kept['id']}", user).status == 204
    assert weir.get(urls[0]).status == 404


def test_a_disabled_account_shares_nothing(weir):
    user = weir.make_user()
    shared = share(weir, user, held(weir, user)["id"])
    weir.weirctl("user", "disable", user.login)
    assert weir.get(f"/api/share/{token_of(shared)}").status == 404
