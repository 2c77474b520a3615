"""PostgreSQL refuses one statement of a request: the answer is a typed error, nothing was done, and the same
request works as soon as the statement does.

A right of the service's role is taken away for one request. Each row names the right, the request, and the status
it has when nothing is wrong; where something is made, changed or removed, that the second try finds everything as
it was is the proof that the first left nothing behind.
"""

import contextlib
import subprocess
import uuid

import pytest
from weirtest import wait_until

WEIR_CONF = {"auth": {"registration": "open"},
             "upstream": {"first_byte_timeout": "2s", "retries": "0"}}


class World:
    """What the rows refer to; each access makes a new one."""

    def __init__(self, weir, user, admin):
        self.weir, self.user, self.admin = weir, user, admin
        self.models = {m["name"]: m["id"] for m in weir.get("/api/admin/models", admin).json["items"]}

    def conversation(self):
        return self.weir.conversation(self.user)

    def turn(self):
        turn = self.weir.chat(self.user, "asked", model="demo-fast")
        assert turn.final["type"] == "done", turn.final
        return turn

    def task(self):
        return self.turn().events[0]["data"]["task_id"]

    def message(self):
        turn = self.turn()
        return f"/api/conversations/{turn.conversation}/messages/{turn.final['data']['assistant_message']['id']}"

    def agent(self):
        answer = self.weir.post("/api/admin/agents", {"name": str(uuid.uuid4()), "prompt": "Be short.",
                                                      "model_id": self.models["demo-fast"]}, self.admin)
        assert answer.status == 201, answer
        return answer.json["id"]

    def model(self):
        answer = self.weir.post("/api/admin/models", model_body(), self.admin)
        assert answer.status == 201, answer
        return answer.json["id"]

    def channel(self):
        answer = self.weir.post("/api/admin/channels", channel_body(self), self.admin)
        assert answer.status == 201, answer
        return answer.json["id"]

    def locked_key(self):
        key = self.key()
        assert self.weir.post(f"/api/admin/keys/{key}/lock", None, self.admin).status == 200
        return key

    def key(self):
        answer = self.weir.post("/api/keys", {"name": str(uuid.uuid4())}, self.user)
        assert answer.status == 201, answer
        return answer.json["id"]

    def upload(self):
        answer = self.weir.post("/api/uploads", GIF + uuid.uuid4().bytes, self.user, headers=BYTES)
        assert answer.status == 201, answer
        return answer.json["id"]

    def history_id(self):
        return self.weir.get("/api/me/credits/history", self.user).json["items"][0]["id"]

    def hold_id(self):
        self.turn()
        return self.weir.get("/api/me/credits/transactions", self.user).json["items"][0]["id"]

    def session_id(self):
        return self.weir.get("/api/me/sessions", self.weir.sign_in(self.user.login, self.user.password)).json["items"][0]["id"]


GIF = b"GIF89a" + b"\1\0\1\0" + b"\0" * 20
BYTES = {"Content-Type": "application/octet-stream"}


def model_body():
    return {"name": f"m-{uuid.uuid4()}", "price_input_per_mtok": 1, "price_output_per_mtok": 1, "context_tokens": 8000, "max_output_tokens": 100}


def channel_body(w):
    return {"name": f"c-{uuid.uuid4()}", "provider": "openai", "base_url": "http://127.0.0.1:1/v1", "allow_private": True,
            "models": [{"model": "demo-fast", "upstream_name": "x"}]}


def question():
    return {"content": "again", "model": "demo-fast"}


# right to take away; method; path; body; who; status when all is well
ROWS = [
    ("SELECT ON sessions", "GET", "/api/me", None, "user", 200),
    ("EXECUTE ON FUNCTION credits_held", "GET", "/api/me/credits", None, "user", 200),
    ("SELECT ON credit_transactions", "GET", "/api/me/credits/transactions", None, "user", 200),
    ("SELECT ON credit_transactions", "GET", lambda w: f"/api/me/credits/transactions?before_id={w.hold_id()}", None, "user", 200),
    ("SELECT ON credits_history", "GET", "/api/me/credits/history", None, "user", 200),
    ("SELECT ON credits_history", "GET", lambda w: f"/api/me/credits/history?before_id={w.history_id()}", None, "user", 200),
    ("SELECT ON credits_history", "GET", lambda w: f"/api/admin/users/{w.user.id}/credits/history", None, "admin", 200),
    ("EXECUTE ON FUNCTION credits_grant", "POST", lambda w: f"/api/admin/users/{w.user.id}/credits",
     lambda w: {"amount": 1, "reason": "test"}, "admin", 200),
    ("UPDATE ON users", "PATCH", "/api/me", lambda w: {"nickname": "Ann"}, "user", 200),
    ("UPDATE ON users", "PATCH", lambda w: f"/api/admin/users/{w.user.id}", lambda w: {"nickname": "Bob"}, "admin", 200),
    ("UPDATE ON sessions", "DELETE", lambda w: f"/api/me/sessions/{w.session_id()}", None, "user", 204),
    ("SELECT ON user_preferences", "GET", "/api/me/preferences", None, "user", 200),
    ("INSERT ON user_preferences", "PATCH", "/api/me/preferences", lambda w: {"theme": "dark"}, "user", 200),
    ("UPDATE ON users", "PATCH", "/api/me/preferences", lambda w: {"language": "en"}, "user", 200),
    ("SELECT ON push_subscriptions", "GET", "/api/me/push", None, "user", 200),
    ("SELECT ON api_keys", "GET", "/api/keys", None, "user", 200),
    ("SELECT ON api_keys", "GET", lambda w: f"/api/keys/{w.key()}", None, "user", 200),
    ("SELECT ON api_keys", "GET", "/api/keys/export", None, "user", 200),
    ("SELECT ON api_keys", "GET", "/api/me/quota", None, "user", 200),
    ("SELECT ON api_keys", "POST", "/api/keys", lambda w: {"name": "n"}, "user", 201),
    ("INSERT ON api_keys", "POST", "/api/keys", lambda w: {"name": "n"}, "user", 201),
    ("UPDATE ON api_keys", "PATCH", lambda w: f"/api/keys/{w.key()}", lambda w: {"name": "m"}, "user", 200),
    ("INSERT ON api_keys", "POST", lambda w: f"/api/keys/{w.key()}/rotate", lambda w: {}, "user", 201),
    ("UPDATE ON api_keys", "POST", lambda w: f"/api/keys/{w.key()}/revoke", None, "user", 200),
    ("UPDATE ON api_keys", "POST", lambda w: f"/api/keys/{w.key()}/expire", None, "user", 200),
    ("SELECT ON api_keys", "POST", lambda w: f"/api/keys/{w.key()}/collect", None, "user", 409),
    ("SELECT ON api_keys", "GET", "/api/admin/keys", None, "admin", 200),
    ("SELECT ON api_keys", "GET", "/api/admin/keys/export", None, "admin", 200),
    ("UPDATE ON api_keys", "POST", lambda w: f"/api/admin/keys/{w.key()}/lock", lambda w: {}, "admin", 200),
    ("UPDATE ON api_keys", "POST", lambda w: f"/api/admin/keys/{w.locked_key()}/unlock", None, "admin", 200),
    ("SELECT ON security_events", "GET", "/api/admin/security/events", None, "admin", 200),
    ("UPDATE ON security_events", "POST", "/api/admin/security/events/1/resolve", None, "admin", 404),
    ("EXECUTE ON FUNCTION api_keys_leaked", "POST", "/api/admin/security/leaks", lambda w: b"ab" * 32, "admin", 200),
    ("SELECT ON usage_rolled", "GET", "/api/usage", None, "user", 200),
    ("SELECT ON usage", "GET", "/api/usage/records.csv", None, "user", 200),
    ("DELETE ON api_keys", "DELETE", lambda w: f"/api/keys/{w.key()}", None, "user", 204),
    ("INSERT ON refresh_tokens", "POST", "/api/auth/login",
     lambda w: {"login": w.user.login, "password": w.user.password}, None, 200),
    ("INSERT ON sessions", "POST", "/api/auth/login",
     lambda w: {"login": w.user.login, "password": w.user.password}, None, 200),
    ("INSERT ON users", "POST", "/api/auth/register",
     lambda w: {"email": f"{uuid.uuid4()}@example.org", "password": "correct horse battery"}, None, 201),
    ("UPDATE ON users", "POST", "/api/auth/password",
     lambda w: {"current_password": w.user.password, "password": w.user.password}, "user", 204),
    ("SELECT ON conversations", "GET", "/api/conversations", None, "user", 200),
    ("SELECT ON conversations", "GET", lambda w: f"/api/conversations/{w.conversation()}", None, "user", 200),
    ("INSERT ON conversations", "POST", "/api/conversations", lambda w: {}, "user", 201),
    ("UPDATE ON conversations", "PATCH", lambda w: f"/api/conversations/{w.conversation()}", lambda w: {"title": "t"}, "user", 200),
    ("DELETE ON conversations", "DELETE", lambda w: f"/api/conversations/{w.conversation()}", None, "user", 204),
    ("SELECT ON conversation_messages", "GET", lambda w: f"/api/conversations/{w.conversation()}/messages", None, "user", 200),
    ("DELETE ON conversation_messages", "DELETE", lambda w: w.message(), None, "user", 204),
    ("SELECT ON tasks", "GET", "/api/tasks", None, "user", 200),
    ("SELECT ON tasks", "GET", lambda w: f"/api/tasks/{w.task()}", None, "user", 200),
    ("SELECT ON tasks", "POST", lambda w: f"/api/tasks/{w.task()}/abort", None, "user", 200),
    ("SELECT ON tasks", "GET", lambda w: f"/api/tasks/{w.task()}/stream", None, "user", 200),
    ("SELECT ON llm_models", "GET", "/api/models", None, "user", 200),
    ("SELECT ON llm_models", "POST", lambda w: f"/api/conversations/{w.conversation()}/messages/stream",
     lambda w: question(), "user", 200),
    ("SELECT ON conversation_messages", "POST", lambda w: f"/api/conversations/{w.conversation()}/messages/stream",
     lambda w: question(), "user", 200),
    ("SELECT ON conversation_messages", "POST", lambda w: w.message() + "/regenerate", None, "user", 200),
    ("EXECUTE ON FUNCTION turn_open", "POST", lambda w: f"/api/conversations/{w.conversation()}/messages/stream",
     lambda w: question(), "user", 200),
    ("EXECUTE ON FUNCTION turn_open", "POST", lambda w: w.message() + "/regenerate", None, "user", 200),
    ("SELECT ON agents", "GET", "/api/agents", None, "user", 200),
    ("SELECT ON agents", "GET", "/api/admin/agents", None, "admin", 200),
    ("SELECT ON agents", "GET", lambda w: f"/api/admin/agents/{w.agent()}", None, "admin", 200),
    ("INSERT ON agents", "POST", "/api/admin/agents",
     lambda w: {"name": str(uuid.uuid4()), "prompt": "p", "model_id": w.models["demo-fast"]}, "admin", 201),
    ("UPDATE ON agents", "PATCH", lambda w: f"/api/admin/agents/{w.agent()}", lambda w: {"prompt": "p"}, "admin", 200),
    ("DELETE ON agents", "DELETE", lambda w: f"/api/admin/agents/{w.agent()}", None, "admin", 204),
    ("SELECT ON agents", "POST", lambda w: f"/api/admin/agents/{w.agent()}/execution-test", lambda w: {"content": "x"}, "admin", 200),
    ("SELECT ON agents", "POST", lambda w: f"/api/admin/agents/{w.agent()}/prompt-preview", lambda w: {"content": "x"}, "admin", 200),
    ("INSERT ON admin_debug_logs", "POST", lambda w: f"/api/admin/agents/{w.agent()}/prompt-preview",
     lambda w: {"content": "x"}, "admin", 200),
    ("INSERT ON admin_debug_logs", "POST", lambda w: f"/api/admin/agents/{w.agent()}/route-test", None, "admin", 200),
    ("SELECT ON admin_debug_logs", "GET", "/api/admin/debug-logs", None, "admin", 200),
    ("SELECT ON channels", "GET", "/api/admin/channels", None, "admin", 200),
    ("SELECT ON channels", "GET", lambda w: f"/api/admin/channels/{w.channel()}", None, "admin", 200),
    ("SELECT ON channels", "POST", lambda w: f"/api/admin/channels/{w.channel()}/test", None, "admin", 200),
    ("INSERT ON channels", "POST", "/api/admin/channels", channel_body, "admin", 201),
    ("INSERT ON channel_models", "POST", "/api/admin/channels", channel_body, "admin", 201),
    ("UPDATE ON channels", "PATCH", lambda w: f"/api/admin/channels/{w.channel()}", lambda w: {"weight": 2}, "admin", 200),
    ("DELETE ON channels", "DELETE", lambda w: f"/api/admin/channels/{w.channel()}", None, "admin", 204),
    ("SELECT ON llm_models", "GET", "/api/admin/models", None, "admin", 200),
    ("SELECT ON llm_models", "GET", lambda w: f"/api/admin/models/{w.model()}", None, "admin", 200),
    ("INSERT ON llm_models", "POST", "/api/admin/models", lambda w: model_body(), "admin", 201),
    ("UPDATE ON llm_models", "PATCH", lambda w: f"/api/admin/models/{w.model()}", lambda w: {"price_input_per_mtok": 2}, "admin", 200),
    ("DELETE ON llm_models", "DELETE", lambda w: f"/api/admin/models/{w.model()}", None, "admin", 204),
    ("SELECT ON uploads", "GET", "/api/uploads", None, "user", 200),
    ("SELECT ON uploads", "GET", lambda w: f"/api/uploads/{w.upload()}", None, "user", 200),
    ("DELETE ON uploads", "DELETE", lambda w: f"/api/uploads/{w.upload()}", None, "user", 204),
    ("INSERT ON uploads", "POST", "/api/uploads", lambda w: GIF + uuid.uuid4().bytes, "user", 201),
]


@pytest.fixture(scope="module")
def world(weir, user, admin):
    return World(weir, user, admin)


def ident(row):
    path = row[2] if isinstance(row[2], str) else "…"
    return f"{row[1]} {path} without {row[0]}".replace("/", "-")


def logged(weir, *words):
    with open(weir.daemons.log("pool")) as log:
        return any(all(w in line for w in words) for line in log)


def is_refusal(answer):
    assert (answer.status, answer.code) == (500, "internal"), answer
    assert answer.json["request_id"] and "weir_service" not in answer.text and "permission" not in answer.text
    return True


@pytest.mark.parametrize("row", ROWS, ids=[ident(r) for r in ROWS])
def test_a_statement_is_refused(weir, world, row):
    right, method, path, body, who, status = row
    path = path(world) if callable(path) else path
    body = body(world) if callable(body) else body
    headers = BYTES if isinstance(body, bytes) else None
    caller = {"user": world.user, "admin": world.admin, None: None}[who]
    before = weir.balance(world.user)
    with weir.denied(right):
        assert is_refusal(weir.request(method, path, caller, body, headers))
    assert weir.balance(world.user) == before
    answer = weir.request(method, path, caller, body, headers)
    assert answer.status == status, answer


def test_the_books_are_right_after_all_of_them(weir):
    weir.audit()


def test_an_audit_row_is_worth_no_failure(weir, world):
    """What was done stays done; that it is not on record is in the log."""
    before = weir.balance(world.user)
    with weir.denied("INSERT ON audit_log"):
        answer = weir.post(f"/api/admin/users/{world.user.id}/credits", {"amount": 1, "reason": "unseen"}, world.admin)
    assert answer.status == 200 and weir.balance(world.user) == pytest.approx(before + 1)
    assert logged(weir, "audit_lost", "credits.grant")


# ---- idempotency keys: each of their statements ----------------------------------


@contextlib.contextmanager
def unanswerable(weir):
    """A key can be taken; what was answered under it cannot be kept."""
    with weir.pg() as pg:
        pg.query("CREATE FUNCTION no_answer() RETURNS trigger LANGUAGE plpgsql AS"
                 " $$ BEGIN RAISE EXCEPTION 'permission to answer denied'; END $$")
        pg.query("GRANT EXECUTE ON FUNCTION no_answer() TO weir_service")
        pg.query("CREATE TRIGGER no_answer BEFORE UPDATE ON idempotency_keys FOR EACH ROW"
                 " WHEN (new.status IS NOT NULL) EXECUTE FUNCTION no_answer()")
        try:
            yield
        finally:
            pg.query("DROP TRIGGER no_answer ON idempotency_keys")
            pg.query("DROP FUNCTION no_answer()")


@pytest.mark.parametrize("trouble", [lambda weir: weir.denied("INSERT ON idempotency_keys"), unanswerable],
                         ids=["not taken", "not answered"])
def test_a_key_that_cannot_be_noted_makes_nothing(weir, user, trouble):
    headers, body = {"Idempotency-Key": str(uuid.uuid4())}, {"title": f"only with its key {uuid.uuid4()}"}
    with trouble(weir):
        assert is_refusal(weir.post("/api/conversations", body, user, headers=headers))
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM conversations WHERE title = $1", body["title"]) == "0"
    answer = weir.post("/api/conversations", body, user, headers=headers)
    assert answer.status == 201 and "Idempotent-Replay" not in answer.headers
    again = weir.post("/api/conversations", body, user, headers=headers)
    assert again.headers["Idempotent-Replay"] == "true" and again.json == answer.json
    with weir.denied("SELECT ON idempotency_keys"):
        assert is_refusal(weir.post("/api/conversations", body, user, headers=headers))


def test_a_turn_asks_for_its_key_first(weir, user):
    path = f"/api/conversations/{weir.conversation(user)}/messages/stream"
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    with weir.denied("SELECT ON idempotency_keys"):
        assert is_refusal(weir.post(path, question(), user, headers=headers))
    assert weir.post(path, question(), user, headers=headers).status == 200


def test_a_key_of_an_error_is_free_again(weir, user):
    """What failed has no key: the same key makes it once the reason is gone."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert weir.post("/api/conversations", {"title": 7}, user, headers=headers).status == 400
    with weir.denied("INSERT ON conversations"):
        assert is_refusal(weir.post("/api/conversations", {"title": "x"}, user, headers=headers))
    assert weir.post("/api/conversations", {"title": "y"}, user, headers=headers).status == 201
    other = weir.post("/api/conversations", {"title": "z"}, user, headers=headers)
    assert (other.status, other.code) == (409, "idempotency_mismatch")
    other = weir.post("/api/uploads", GIF, user, headers={**BYTES, **headers})
    assert (other.status, other.code) == (409, "idempotency_mismatch")


def test_an_upload_with_a_key(weir, user):
    """The key of a file is bound to its bytes."""
    headers, data = {**BYTES, "Idempotency-Key": str(uuid.uuid4())}, GIF + uuid.uuid4().bytes
    first, second = (weir.post("/api/uploads", data, user, headers=headers) for _ in range(2))
    assert first.status == second.status == 201 and first.json == second.json
    assert second.headers["Idempotent-Replay"] == "true"
    other = weir.post("/api/uploads", data + b"x", user, headers=headers)
    assert (other.status, other.code) == (409, "idempotency_mismatch")


# ---- the end of a turn, when it cannot be written -------------------------------------


def test_a_settlement_waits_until_it_can_be_written(weir, user):
    before = weir.balance(user)
    path = f"/api/conversations/{weir.conversation(user)}/messages/stream"
    with weir.denied("EXECUTE ON FUNCTION turns_settle"):
        s = weir.stream(path, {"content": "wait for me [[demo deltas=3]]", "model": "demo-fast"}, user)
        seen = [e.json["type"] for e in s.until("content")]
        task = weir.get("/api/tasks", user).json["items"][0]
        wait_until(lambda: logged(weir, "settle_failed", task["id"]), "the refusal", 5)
        assert weir.get(f"/api/tasks/{task['id']}", user).json["status"] == "running"
    rest = [e.json for e in s.events() if e.json]
    s.close()
    assert seen[0] == "start" and rest[-1]["type"] == "done", rest
    assert weir.balance(user) == pytest.approx(before - rest[-1]["data"]["credits_consumed"], abs=1e-9)
    weir.audit()


def test_a_trial_waits_too(weir, world):
    path = f"/api/admin/agents/{world.agent()}/execution-test"
    with weir.denied("INSERT ON admin_debug_logs"):
        s = weir.stream(path, {"content": "try [[demo deltas=2]]"}, world.admin)
        s.until("content")
        wait_until(lambda: logged(weir, "settle_failed"), "the refusal", 5)
    rest = [e.json for e in s.events() if e.json]
    s.close()
    assert rest[-1]["type"] == "done", rest


# ---- with Redis away, PostgreSQL is the one that is asked ----------------------------------


@pytest.fixture
def no_redis(weir):
    weir.stop_redis(kill=True)
    yield
    weir.start_redis()


def test_the_duplicate_guard_without_redis(weir, no_redis):
    user = weir.make_user()
    first = weir.post("/api/conversations", {"project_id": "p"}, user)
    assert first.status == 201, first
    again = weir.post("/api/conversations", {"project_id": "p"}, user)
    assert (again.status, again.code) == (409, "duplicate_conversation")
    assert again.json["details"]["conversation_id"] == first.json["id"]
    assert weir.post("/api/conversations", {"project_id": "q"}, user).status == 201
    with weir.denied("SELECT ON conversations"):
        assert is_refusal(weir.post("/api/conversations", {"project_id": "p"}, user))


def test_slots_are_counted_without_redis(weir, user, no_redis):
    path = f"/api/conversations/{weir.conversation(user)}/messages/stream"
    with weir.stream(path, {"content": "busy [[demo delay=300]]", "model": "demo-fast"}, user) as s:
        s.until("start")
        assert weir.get("/api/tasks/limits", user).json["global"]["active"] == 1
        with weir.denied("SELECT ON tasks"):
            assert is_refusal(weir.get("/api/tasks/limits", user))
        assert [e.json for e in s.events() if e.json][-1]["type"] == "done"


def test_a_guard_that_makes_no_sense(weir):
    """What Redis keeps of a conversation is no id: PostgreSQL knows of none, so one is made."""
    user = weir.make_user()
    with weir.redis() as r:
        r.call("SET", f"weir:dup:{user.id}::p", "rubbish")
    assert weir.post("/api/conversations", {"project_id": "p"}, user).status == 201


def test_migrations_that_cannot_be_asked_for(weir):
    """Whoever starts is refused; who was let in stays ready."""
    def check():
        return subprocess.run([weir.program("weir-fcgi"), "-c", weir.conf_path, "--check"], capture_output=True, text=True)

    assert check().returncode == 0
    with weir.denied("SELECT ON schema_migrations"):
        refused_start = check()
        assert refused_start.returncode == 78 and "schema_migrations" in refused_start.stderr, refused_start
        assert weir.get("/readyz").status == 200
    assert check().returncode == 0
