"""Conversations, messages, tasks, models and agents: what a signed-in user may read and change."""

import json
import threading
import time
import uuid

import pytest
from weirtest import busy, quote, wait_until

MESSAGE_KEYS = {"id", "conversation_id", "sequence", "role", "content", "status", "is_error", "error_message",
                "error_display", "model", "input_tokens", "output_tokens", "credits_cost", "attachments", "citations", "searched", "calls", "task_id",
                "created_at", "updated_at", "parent_id", "versions", "finish", "verdict", "first_token_ms", "left_out"}
TASK_KEYS = {"id", "type", "status", "progress", "conversation_id", "credits_locked", "credits_used", "asked", "result",
             "error_message", "created_at", "started_at", "completed_at"}
CONVERSATION_KEYS = {"id", "agent_id", "assistant_id", "assistant_name", "assistant_gone", "prompt", "temperature", "top_p",
                     "context_messages", "project_id", "model", "title", "title_is_custom", "message_count",
                     "total_tokens", "knowledge_ids", "knowledge_mode", "knowledge_rewrite", "tool_servers", "tools_always", "created_at", "updated_at",
                     "folder_id", "pinned", "archived", "temporary_until"}


@pytest.fixture(scope="module")
def stranger(weir):
    return weir.make_user()


@pytest.fixture
def agent(weir):
    name = f"agent {uuid.uuid4()}"
    weir.weirctl("agent", "add", name, "--model", "demo-fast", "--prompt", "Be brief.", "--description", "For tests.")
    with weir.pg() as pg:
        return pg.query("SELECT id FROM agents WHERE name = $1", name)[0][0]


def seed(weir, user, count, title="seeded", messages=2, status="success"):
    """Conversations with finished messages, oldest first; returns their ids, newest first."""
    with weir.pg() as pg:
        rows = pg.query("""
            WITH c AS (
                INSERT INTO conversations (id, user_id, title, message_count, last_sequence, updated_at)
                SELECT gen_random_uuid(), $1::uuid, $3 || ' ' || n, $4::int, $4::int, now() - make_interval(secs => n)
                FROM generate_series(1, $2::int) n RETURNING id, user_id, updated_at
            ), m AS (
                INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status)
                SELECT gen_random_uuid(), c.id, c.user_id, s, CASE s % 2 WHEN 1 THEN 'user' ELSE 'assistant' END,
                    'text ' || s, CASE s % 2 WHEN 1 THEN 'success' ELSE $5 END
                FROM c, generate_series(1, $4::int) s
            )
            SELECT id FROM c ORDER BY updated_at DESC""", user.id, str(count), title, str(messages), status)
        pg.query("UPDATE conversation_messages m SET parent_id = b.id FROM conversation_messages b WHERE m.user_id = $1"
                 " AND b.conversation_id = m.conversation_id AND b.sequence = m.sequence - 1", user.id)
        return [r[0] for r in rows]


def ids(answer):
    assert answer.status == 200, answer
    return [item["id"] for item in answer.json["items"]]


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.json["request_id"] and answer.json["message"]
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


class Running:
    """A slow answer being streamed on a thread of its own."""

    def __init__(self, weir, user, conversation):
        self.events, self.started = [], threading.Event()
        self.thread = threading.Thread(target=self.run, args=(weir, user, conversation))
        self.thread.start()
        assert self.started.wait(10)
        self.task = self.events[0]["data"]["task_id"]
        self.message = self.events[0]["data"]["assistant_message_id"]

    def run(self, weir, user, conversation):
        with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                         {"content": "slowly, please", "model": "demo-slow"}, user) as s:
            assert s.status == 200
            for event in s.events():
                if event.json:
                    self.events.append(event.json)
                    if event.json["type"] == "content":
                        self.started.set()

    def final(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.events[-1]


# ---- create ------------------------------------------------------------------


def test_create(weir, user):
    answer = weir.post("/api/conversations", {}, user)
    assert answer.status == 201
    made = answer.json
    assert set(made) == CONVERSATION_KEYS
    assert made["title"] == "" and made["title_is_custom"] is False and made["message_count"] == 0
    assert made["agent_id"] is None and made["project_id"] is None and made["model"] is None
    assert made["created_at"].endswith("Z") and uuid.UUID(made["id"]).version == 7
    assert weir.get(f"/api/conversations/{made['id']}", user).json == made


def test_create_without_a_body(weir, user):
    assert weir.request("POST", "/api/conversations", user).status == 201


def test_create_with_everything(weir, user, agent):
    answer = weir.post("/api/conversations", {"agent_id": agent, "project_id": "p-1", "model": "demo-fast",
                                              "title": "  Mine 你好  ", "unknown": [1]}, user)
    assert answer.status == 201
    assert answer.json["agent_id"] == agent and answer.json["project_id"] == "p-1"
    assert answer.json["model"] == "demo-fast"
    assert answer.json["title"] == "Mine 你好" and answer.json["title_is_custom"] is True


@pytest.mark.parametrize("body, field", [
    ({"agent_id": str(uuid.uuid4())}, "agent_id"),
    ({"agent_id": "nonsense"}, "agent_id"),
    ({"agent_id": 7}, "agent_id"),
    ({"model": "no such model"}, "model"),
    ({"model": ""}, "model"),
    ({"project_id": ""}, "project_id"),
    ({"project_id": "x" * 201}, "project_id"),
    ({"title": "x" * 201}, "title"),
    ({"title": "two\nlines"}, "title"),
])
def test_create_refuses(weir, user, body, field):
    refused(weir.post("/api/conversations", body, user), 400, "invalid_request", field)


def test_create_refuses_what_is_disabled(weir, user, agent):
    with weir.pg() as pg:
        pg.query("UPDATE agents SET enabled = false WHERE id = $1", agent)
    refused(weir.post("/api/conversations", {"agent_id": agent}, user), 400, "invalid_request", "agent_id")
    weir.weirctl("model", "add", "off", "--input", "1", "--output", "1", "--context", "100", "--max-output", "10",
                 "--disabled")
    refused(weir.post("/api/conversations", {"model": "off"}, user), 400, "invalid_request", "model")


def test_duplicates_within_the_window(weir, user, stranger, agent):
    body = {"agent_id": agent, "project_id": "same"}
    first = weir.post("/api/conversations", body, user)
    assert first.status == 201
    again = refused(weir.post("/api/conversations", body, user), 409, "duplicate_conversation")
    assert again.json["details"]["conversation_id"] == first.json["id"]
    assert weir.post("/api/conversations", {**body, "project_id": "other"}, user).status == 201
    assert weir.post("/api/conversations", body, stranger).status == 201
    assert weir.delete(f"/api/conversations/{first.json['id']}", user).status == 204
    assert weir.post("/api/conversations", body, user).status == 201


def test_create_honours_idempotency_key(weir, user):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = weir.post("/api/conversations", {"title": "once"}, user, headers=key)
    again = weir.post("/api/conversations", {"title": "once"}, user, headers=key)
    assert first.status == again.status == 201 and first.json["id"] == again.json["id"]
    refused(weir.post("/api/conversations", {"title": "else"}, user, headers=key), 409, "idempotency_mismatch")


# ---- change and delete ---------------------------------------------------------


def test_patch(weir, user):
    conversation = weir.conversation(user)
    path = f"/api/conversations/{conversation}"
    changed = weir.patch(path, {"title": "New", "model": "demo-fast"}, user)
    assert changed.status == 200
    assert changed.json["title"] == "New" and changed.json["title_is_custom"] is True
    assert changed.json["model"] == "demo-fast"
    assert weir.patch(path, {}, user).json["title"] == "New"
    back = weir.patch(path, {"title": "", "model": None}, user).json
    assert back["title"] == "" and back["title_is_custom"] is False and back["model"] is None


@pytest.mark.parametrize("body, field", [
    ({"title": 5}, "title"), ({"title": "x" * 201}, "title"), ({"model": "nope"}, "model"), ({"model": 1}, "model"),
])
def test_patch_refuses(weir, user, body, field):
    conversation = weir.conversation(user, title="kept")
    refused(weir.patch(f"/api/conversations/{conversation}", body, user), 400, "invalid_request", field)
    assert weir.get(f"/api/conversations/{conversation}", user).json["title"] == "kept"


def test_delete_takes_the_messages_along(weir, user):
    conversation = seed(weir, user, 1)[0]
    assert weir.delete(f"/api/conversations/{conversation}", user).status == 204
    refused(weir.get(f"/api/conversations/{conversation}", user), 404, "not_found")
    refused(weir.delete(f"/api/conversations/{conversation}", user), 404, "not_found")
    with weir.pg() as pg:
        assert pg.query("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1",
                        conversation)[0][0] == "0"


def test_other_peoples_conversations_are_not_there(weir, user, stranger):
    theirs = seed(weir, stranger, 1)[0]
    message = weir.get(f"/api/conversations/{theirs}/messages", stranger).json["items"][0]["id"]
    for answer in (weir.get(f"/api/conversations/{theirs}", user),
                   weir.patch(f"/api/conversations/{theirs}", {"title": "stolen"}, user),
                   weir.delete(f"/api/conversations/{theirs}", user),
                   weir.get(f"/api/conversations/{theirs}/messages", user),
                   weir.delete(f"/api/conversations/{theirs}/messages/{message}", user)):
        refused(answer, 404, "not_found")
    assert weir.get(f"/api/conversations/{theirs}", stranger).json["title"] == "seeded 1"
    assert len(ids(weir.get(f"/api/conversations/{theirs}/messages", stranger))) == 2


def test_other_pages_are_told(weir, user):
    conversation = seed(weir, user, 1)[0]
    message = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"][1]["id"]
    with weir.stream("/api/events", None, user, method="GET") as s:
        assert s.status == 200
        events = (e.json for e in s.events() if e.json and e.json["type"] in ("conversation", "message"))
        with weir.redis() as r:
            wait_until(lambda: int(r.call("PUBSUB", "NUMSUB", f"weir:user:{user.id}")[1]) > 0, "the subscription")
        weir.patch(f"/api/conversations/{conversation}", {"title": "told"}, user)
        weir.delete(f"/api/conversations/{conversation}/messages/{message}", user)
        weir.delete(f"/api/conversations/{conversation}", user)
        assert next(events) == {"type": "conversation", "data": {"id": conversation, "action": "updated"}}
        assert next(events) == {"type": "message", "data": {"id": message, "conversation_id": conversation,
                                                            "action": "deleted"}}
        assert next(events) == {"type": "conversation", "data": {"id": conversation, "action": "deleted"}}


# ---- the list ------------------------------------------------------------------


def test_list_shows_only_what_was_answered(weir):
    user = weir.make_user()
    assert weir.get("/api/conversations", user).json == {"items": [], "has_more": False}
    weir.conversation(user, title="empty")
    seed(weir, user, 1, "failed", status="llm_error")
    seed(weir, user, 1, "unanswered", messages=1)
    assert weir.get("/api/conversations", user).json["items"] == []
    good = seed(weir, user, 1, "good")
    listed = weir.get("/api/conversations", user).json
    assert [c["id"] for c in listed["items"]] == good and set(listed["items"][0]) == CONVERSATION_KEYS


def test_list_pages_both_ways(weir):
    user = weir.make_user()
    all_ids = seed(weir, user, 7)
    page = weir.get("/api/conversations?limit=3", user)
    assert ids(page) == all_ids[:3] and page.json["has_more"] is True
    page = weir.get(f"/api/conversations?limit=3&before_id={all_ids[2]}", user)
    assert ids(page) == all_ids[3:6] and page.json["has_more"] is True
    page = weir.get(f"/api/conversations?limit=3&before_id={all_ids[5]}", user)
    assert ids(page) == all_ids[6:] and page.json["has_more"] is False
    page = weir.get(f"/api/conversations?limit=3&after_id={all_ids[5]}", user)
    assert ids(page) == all_ids[2:5] and page.json["has_more"] is True
    page = weir.get(f"/api/conversations?limit=3&after_id={all_ids[2]}", user)
    assert ids(page) == all_ids[:2] and page.json["has_more"] is False


def test_activity_moves_a_conversation_up(weir):
    user = weir.make_user()
    old = seed(weir, user, 3)[-1]
    assert weir.chat(user, "hello", old, model="demo-fast").final["type"] == "done"
    assert ids(weir.get("/api/conversations", user))[0] == old


def test_list_searches_titles(weir):
    user = weir.make_user()
    seed(weir, user, 2, "Apple pie")
    seed(weir, user, 1, "100% 苹果_")
    assert len(ids(weir.get("/api/conversations?q=apple", user))) == 2
    assert len(ids(weir.get("/api/conversations?q=" + quote("苹果"), user))) == 1
    assert len(ids(weir.get("/api/conversations?q=" + quote("%"), user))) == 1
    assert len(ids(weir.get("/api/conversations?q=" + quote("p_e"), user))) == 0
    assert len(ids(weir.get("/api/conversations?q=", user))) == 3


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=99999999999999999999", "limit"),
    ("before_id=7", "before_id"), ("after_id=" + str(uuid.uuid4()), "after_id"),
    ("before_id=" + str(uuid.uuid4()), "before_id"), ("q=" + "x" * 201, "q"), ("q=%ff%fe", "query"), ("limit=%zz", "query"), ("q=a%00b", "query"),
])
def test_list_refuses(weir, user, query, field):
    refused(weir.get("/api/conversations?" + query, user), 400, "invalid_request", field)


def test_a_cursor_of_somebody_else_is_stale(weir, user, stranger):
    theirs = seed(weir, stranger, 1)[0]
    refused(weir.get(f"/api/conversations?before_id={theirs}", user), 400, "invalid_request", "before_id")
    mine = seed(weir, user, 1)[0]
    refused(weir.get(f"/api/conversations?before_id={mine}&after_id={mine}", user), 400, "invalid_request", "after_id")
    assert weir.delete(f"/api/conversations/{mine}", user).status == 204
    refused(weir.get(f"/api/conversations?before_id={mine}", user), 400, "invalid_request", "before_id")


# ---- titles --------------------------------------------------------------------


def test_first_message_makes_the_title(weir, user):
    conversation = weir.conversation(user)
    weir.chat(user, "How do rivers begin?", conversation, model="demo-fast")
    made = weir.get(f"/api/conversations/{conversation}", user).json
    assert made["title"].startswith("How do rivers") and made["title_is_custom"] is False
    assert made["message_count"] == 2 and made["total_tokens"] > 0
    weir.chat(user, "And end?", conversation, model="demo-fast")
    assert weir.get(f"/api/conversations/{conversation}", user).json["title"] == made["title"]


@pytest.mark.parametrize("content, title", [
    ("\n\n \t\r\n  Where it begins \t\nand goes on", "Where it begins"),
    ("\u3000\u3000\n\u3000河流从哪里来？\n第二行", "河流从哪里来？"),
    ("\f\x1b\n\ufeff\u00a0first", "first"),
    ("\n" + "x" * 60, "x" * 40 + "…"),
    (" \n\t", ""),
], ids=("blank", "wide", "controls", "long", "nothing"))
def test_the_title_is_the_first_line_that_says_anything(weir, user, content, title):
    conversation = weir.conversation(user)
    weir.chat(user, content, conversation, model="demo-fast")
    assert weir.get(f"/api/conversations/{conversation}", user).json["title"] == title


def test_pasted_control_characters_are_dropped(weir, user):
    conversation = weir.conversation(user)
    weir.chat(user, "\x1b[1mbold\x1b[0m\tand\r\n\fa new\x0b page\x7f\x01", conversation, model="demo-fast")
    kept = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]
    assert [m["content"] for m in kept if m["role"] == "user"] == ["[1mbold[0m\tand\r\na new page"]


def test_a_custom_title_stays(weir, user):
    conversation = weir.conversation(user, title="Rivers")
    weir.chat(user, "How do rivers begin?", conversation, model="demo-fast")
    assert weir.get(f"/api/conversations/{conversation}", user).json["title"] == "Rivers"


# ---- messages ------------------------------------------------------------------


def test_messages_of_a_chat(weir, user):
    turn = weir.chat(user, "one question", model="demo-fast")
    items = weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"]
    assert [m["role"] for m in items] == ["user", "assistant"]
    assert all(set(m) == MESSAGE_KEYS for m in items)
    asked, answered = items
    assert answered["sequence"] == asked["sequence"] + 1
    assert asked["content"] == "one question" and answered["content"] == turn.text
    assert answered["status"] == "success" and answered["is_error"] is False and answered["error_display"] is None
    told = turn.final["data"]["assistant_message"]
    assert {name: answered[name] for name in told} == told


def test_messages_page(weir, user):
    conversation = seed(weir, user, 1, messages=10)[0]
    path = f"/api/conversations/{conversation}/messages"

    def sequences(answer):
        assert answer.status == 200, answer
        return [m["sequence"] for m in answer.json["items"]]

    everything = weir.get(path, user)
    assert sequences(everything) == list(range(1, 11)) and everything.json["has_more"] is False
    by_sequence = {m["sequence"]: m["id"] for m in everything.json["items"]}
    newest = weir.get(path + "?limit=4", user)
    assert sequences(newest) == [7, 8, 9, 10] and newest.json["has_more"] is True
    older = weir.get(f"{path}?limit=4&before_id={by_sequence[7]}", user)
    assert sequences(older) == [3, 4, 5, 6] and older.json["has_more"] is True
    oldest = weir.get(f"{path}?limit=4&before_id={by_sequence[3]}", user)
    assert sequences(oldest) == [1, 2] and oldest.json["has_more"] is False
    assert sequences(weir.get(f"{path}?before_id={by_sequence[1]}", user)) == []
    newer = weir.get(f"{path}?limit=4&after_id={by_sequence[2]}", user)
    assert sequences(newer) == [3, 4, 5, 6] and newer.json["has_more"] is True
    assert sequences(weir.get(f"{path}?after_id={by_sequence[10]}", user)) == []
    assert sequences(weir.get(path + "?limit=4&offset=4", user)) == [3, 4, 5, 6]
    assert sequences(weir.get(path + "?offset=10", user)) == []


@pytest.mark.parametrize("query, field", [
    ("limit=-1", "limit"), ("offset=-1", "offset"), ("offset=99999999999", "offset"), ("before_id=x", "before_id"),
    ("before_id=" + str(uuid.uuid4()), "before_id"), ("after_id=" + str(uuid.uuid4()), "after_id"),
])
def test_messages_refuse(weir, user, query, field):
    conversation = seed(weir, user, 1)[0]
    refused(weir.get(f"/api/conversations/{conversation}/messages?{query}", user), 400, "invalid_request", field)


def test_a_message_of_another_conversation_is_no_cursor(weir, user):
    one, other = seed(weir, user, 2)
    message = weir.get(f"/api/conversations/{other}/messages", user).json["items"][0]["id"]
    refused(weir.get(f"/api/conversations/{one}/messages?before_id={message}", user), 400, "invalid_request",
            "before_id")


@pytest.mark.parametrize("status", ["error", "insufficient_balance", "content_violation", "llm_error"])
def test_failures_speak_the_readers_language(weir, user, status):
    conversation = seed(weir, user, 1, status=status)[0]
    path = f"/api/conversations/{conversation}/messages"
    texts = []
    for language in ("en", "zh-CN,zh;q=0.9"):
        failed = weir.get(path, user, headers={"Accept-Language": language}).json["items"][1]
        assert failed["status"] == status and failed["is_error"] is True
        texts.append(failed["error_display"])
    assert texts[0].isascii() and not texts[1].isascii()


def test_what_is_too_long_says_so_in_the_readers_language(weir, user):
    turn = weir.chat(user, "[[demo fault=context]] on and on", model="demo-fast")
    told = turn.final["data"]["assistant_message"]
    assert "too long for this model" in told["error_display"] and "again" not in told["error_display"]
    path = f"/api/conversations/{turn.conversation}/messages"
    chinese = weir.get(path, user, headers={"Accept-Language": "zh"}).json["items"][-1]
    assert "上下文" in chinese["error_display"] and not chinese["error_message"].isascii()


def test_delete_a_message(weir, user):
    conversation = seed(weir, user, 1, messages=4)[0]
    path = f"/api/conversations/{conversation}/messages"
    items = weir.get(path, user).json["items"]
    assert weir.delete(f"/api/conversations/{conversation}/messages/{items[3]['id']}", user).status == 204
    assert ids(weir.get(path, user)) == [m["id"] for m in items[:3]]
    assert weir.get(f"/api/conversations/{conversation}", user).json["message_count"] == 3
    refused(weir.delete(f"{path}/{items[3]['id']}", user), 404, "not_found")
    refused(weir.delete(f"{path}/nonsense", user), 404, "not_found")
    turn = weir.chat(user, "next", conversation, model="demo-fast")
    assert turn.of("start")[0]["user_message"]["sequence"] == 5


def test_an_old_answer_made_again_answers_the_old_question(weir, user):
    conversation = weir.conversation(user)
    first, _ = (weir.chat(user, q, conversation, model="demo-fast").of("start")[0] for q in ("first", "second"))
    target = first["assistant_message_id"]
    for sequence in (5, 6):  # the second time, the answer that stands at the end is made again
        with weir.stream(f"/api/conversations/{conversation}/messages/{target}/regenerate", {}, user) as s:
            events = [e.json for e in s.events() if e.json]
        assert events[-1]["type"] == "done", events[-1]
        assert events[0]["data"]["user_message"]["id"] == first["user_message"]["id"]
        answer = events[-1]["data"]["assistant_message"]
        assert answer["sequence"] == sequence and "first" in answer["content"]
        target = answer["id"]


# ---- running answers -----------------------------------------------------------


def test_abort_stops_a_running_task(weir, user):
    conversation = weir.conversation(user)
    running = Running(weir, user, conversation)
    task = weir.get(f"/api/tasks/{running.task}", user).json
    assert set(task) == TASK_KEYS and task["status"] == "running" and task["conversation_id"] == conversation
    assert running.task in ids(weir.get("/api/tasks?active=true", user))
    began = time.monotonic()
    answer = weir.post(f"/api/tasks/{running.task}/abort", {}, user)  # as many clients send it
    took = time.monotonic() - began
    assert answer.status == 200 and answer.json["status"] == "cancelled", answer
    assert took < busy(), took
    assert running.final()["type"] == "cancelled"
    assert running.task not in ids(weir.get("/api/tasks?active=true", user))
    again = weir.post(f"/api/tasks/{running.task}/abort", None, user)
    assert again.status == 200 and again.json == answer.json


def test_deleting_a_conversation_stops_its_answer_and_settles(weir):
    user = weir.make_user()
    conversation = weir.conversation(user)
    running = Running(weir, user, conversation)
    assert weir.delete(f"/api/conversations/{conversation}", user).status == 204
    assert running.final()["type"] == "cancelled"
    task = wait_until(lambda: (t := weir.get(f"/api/tasks/{running.task}", user).json)["completed_at"] and t, "the end")
    assert task["status"] == "cancelled" and task["conversation_id"] is None
    assert 0 < task["credits_used"] < task["credits_locked"]
    assert weir.balance(user) == pytest.approx(1000 - task["credits_used"], abs=1e-6)
    weir.audit()


def test_deleting_a_message_being_written_stops_it(weir, user):
    conversation = weir.conversation(user)
    running = Running(weir, user, conversation)
    assert weir.delete(f"/api/conversations/{conversation}/messages/{running.message}", user).status == 204
    assert running.final()["type"] == "cancelled"
    assert len(ids(weir.get(f"/api/conversations/{conversation}/messages", user))) == 1
    weir.audit()


def test_other_peoples_tasks_are_not_there(weir, user, stranger):
    running = Running(weir, stranger, weir.conversation(stranger))
    refused(weir.get(f"/api/tasks/{running.task}", user), 404, "not_found")
    refused(weir.post(f"/api/tasks/{running.task}/abort", None, user), 404, "not_found")
    refused(weir.get(f"/api/tasks?before_id={running.task}", user), 400, "invalid_request", "before_id")
    assert running.task not in ids(weir.get("/api/tasks", user))
    assert weir.post(f"/api/tasks/{running.task}/abort", None, stranger).json["status"] == "cancelled"
    running.final()


def test_tasks_page(weir):
    user = weir.make_user()
    conversation = weir.conversation(user)
    made = [weir.chat(user, f"{n}", conversation, model="demo-fast").of("start")[0]["task_id"] for n in range(4)][::-1]
    assert ids(weir.get("/api/tasks", user)) == made
    page = weir.get("/api/tasks?limit=2", user)
    assert ids(page) == made[:2] and page.json["has_more"] is True
    assert ids(weir.get(f"/api/tasks?before_id={made[1]}", user)) == made[2:]
    assert ids(weir.get(f"/api/tasks?limit=1&after_id={made[2]}", user)) == made[1:2]
    assert ids(weir.get("/api/tasks?active=true", user)) == []
    done = weir.get(f"/api/tasks/{made[0]}", user).json
    assert done["status"] == "completed" and done["progress"] == 100 and done["credits_used"] > 0
    aborted = weir.post(f"/api/tasks/{made[0]}/abort", None, user)
    assert aborted.status == 200 and aborted.json["status"] == "completed"


# ---- models and agents -----------------------------------------------------------


def test_models_on_offer(weir, user):
    items = weir.get("/api/models", user).json["items"]
    demo = {m["name"]: m for m in items}["demo"]
    assert demo == {"id": demo["id"], "name": "demo", "display_name": "demo", "type": "chat", "context_tokens": 32000,
                    "max_output_tokens": 4000, "abilities": ["vision", "reasoning"], "price_input_per_mtok": 1,
                    "price_output_per_mtok": 2, "price_per_call": 0, "is_default": True, "ratio": 1,
                    "makes": None, "prices": [{"meter": "input", "min_context": 0, "unit_price": 1, "per": 1000000},
                               {"meter": "output", "min_context": 0, "unit_price": 2, "per": 1000000}]}
    assert isinstance(demo["id"], int)
    assert weir.get("/api/models?type=image", user).json["items"] == []
    assert len(ids(weir.get("/api/models?type=chat&limit=1", user))) == 1


def test_models_that_nothing_serves_are_not_on_offer(weir, user):
    weir.weirctl("model", "add", "alone", "--input", "1", "--output", "1", "--context", "100", "--max-output", "10")
    assert "alone" not in [m["name"] for m in weir.get("/api/models", user).json["items"]]
    refused(weir.get("/api/models?before_id=999999", user), 400, "invalid_request", "before_id")


def test_agents_on_offer(weir, user, agent):
    items = {a["id"]: a for a in weir.get("/api/agents", user).json["items"]}
    assert items[agent]["description"] == "For tests." and items[agent]["model"] == "demo-fast"
    assert "Be brief." not in json.dumps(items), "the prompt is the operator's"
    with weir.pg() as pg:
        pg.query("UPDATE agents SET enabled = false WHERE id = $1", agent)
    assert agent not in ids(weir.get("/api/agents", user))
    refused(weir.get(f"/api/agents?after_id={agent}", user), 400, "invalid_request", "after_id")
