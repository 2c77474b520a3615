"""Every route answers what its row in routes.def says: status and body, member by member.

The description (/api/openapi.json) is made from that table and schemas.def, and
the web app's types are made from the description. A member that is missing,
undeclared or of another type fails here, and so does a route nobody tries.
"""

import glob
import json
import re
import subprocess
import threading
import time
import urllib.parse
import uuid

import pytest
from oidcprovider import OidcProvider
from pushservice import PushService
from totplib import code_of
from weirtest import wait_until

provider = OidcProvider()
service = PushService()
WEIR_CONF = {"oidc": provider.conf(name="OpenID", make_accounts="yes"), "push": {"contact": "mailto:ops@example.net", "allow_private": "yes"}}

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 60


class Description:
    """The OpenAPI document, and what was tried of it."""

    def __init__(self, doc):
        self.doc = doc
        self.tried = set()
        self.operations = {(m.upper(), p): op for p, ms in doc["paths"].items() for m, op in ms.items()}

    def operation(self, method, path):
        path = path.split("?")[0]
        for (m, pattern), op in self.operations.items():
            if m == method and "{" not in pattern and pattern == path:
                return (m, pattern), op
        for (m, pattern), op in self.operations.items():
            if m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return (m, pattern), op
        raise AssertionError(f"{method} {path} is not described")

    def resolve(self, schema):
        while "$ref" in schema:
            node = self.doc
            for step in schema["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            schema = node
        if "allOf" in schema:
            parts = [self.resolve(s) for s in schema["allOf"]]
            schema = {"type": "object", "required": [r for p in parts for r in p["required"]],
                      "properties": {k: v for p in parts for k, v in p["properties"].items()}}
        return schema

    def problems(self, value, schema, where="body"):
        """What is wrong with `value`; undeclared members count."""
        schema = self.resolve(schema)
        for key in ("oneOf", "anyOf"):
            if key in schema:
                tries = [self.problems(value, s, where) for s in schema[key]]
                fits = sum(not t for t in tries)
                return [] if fits == 1 else [f"{where}: fits {fits} of {len(tries)}: {tries}"]
        types = schema.get("type")
        if types is None:
            return []
        types = [types] if isinstance(types, str) else types
        kind = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array",
                dict: "object"}[type(value)]
        if kind not in types and not (kind == "integer" and "number" in types):
            return [f"{where}: {value!r} is no {types}"]
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where}: {value!r} is none of {schema['enum']}"]
        if kind == "string":
            shape = {"uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uri": r"https?://\S+",
                     "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"}.get(schema.get("format"), r"(?s).*")
            return [] if re.fullmatch(shape, value) else [f"{where}: {value!r} is no {schema['format']}"]
        if kind == "array":
            return [p for i, v in enumerate(value) for p in self.problems(v, schema["items"], f"{where}[{i}]")]
        if kind == "object" and "properties" in schema:
            known = schema["properties"]
            return ([f"{where}: {k} is missing" for k in schema["required"] if k not in value]
                    + [f"{where}: {k} is not described" for k in value if k not in known]
                    + [p for k, v in value.items() if k in known for p in self.problems(v, known[k], f"{where}.{k}")])
        return []


@pytest.fixture(scope="module")
def described(weir):
    return Description(weir.get("/api/openapi.json").json)


@pytest.fixture(scope="module")
def ask(weir, described):
    """Sends a request, and compares its answer with the description."""

    def call(method, path, user=None, body=None, **more):
        answer = weir.request(method, path, user, body, **more)
        key, op = described.operation(method, path)
        good = [s for s in op["responses"] if s.startswith("2")]
        assert len(good) == 1
        assert str(answer.status) == good[0], (key, answer)
        content = op["responses"][good[0]].get("content")
        if content is None:
            assert answer.body == b"", (key, answer)
        elif "application/json" in content:
            assert answer.headers["Content-Type"].startswith("application/json")
            problems = described.problems(answer.json, content["application/json"]["schema"])
            assert not problems, (key, problems)
        elif "text/plain" in content:
            assert answer.headers["Content-Type"].startswith("text/plain")
        else:
            assert "*/*" in content and answer.body
        described.tried.add(key)
        return answer.json if content and "application/json" in content else answer

    return call


@pytest.fixture(scope="module")
def follow(weir, described):
    """Reads a stream, and compares each event with the description."""

    def call(method, path, user, body=None, until=None):
        key, op = described.operation(method, path)
        schema = op["responses"]["200"]["content"]["text/event-stream"]["schema"]
        with weir.stream(path, body, user, method=method) as s:
            assert s.status == 200, s.answer()
            events = []
            for event in s.events():
                if event.json is not None:
                    problems = described.problems(event.json, schema)
                    assert not problems, (key, event.data, problems)
                    events.append(event.json)
                if until and until(events):
                    break
        described.tried.add(key)
        return events

    return call


@pytest.fixture(scope="module")
def turn(weir, user, follow):
    """A finished turn: its start event's data, with an attachment."""
    conversation = weir.conversation(user)
    events = follow("POST", f"/api/conversations/{conversation}/messages/stream", user,
                    {"content": "hello [[demo reasoning=2]]", "image_url": "https://example.org/a.png", "model": "demo"})
    assert [events[0]["type"], events[-1]["type"]] == ["start", "done"]
    return events[0]["data"]


def test_the_description_holds_together(described):
    """Every reference leads somewhere, every schema is used."""
    text = json.dumps(described.doc)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == set(described.doc["components"]["schemas"])
    responses = set(re.findall(r'"#/components/responses/(\w+)"', text))
    assert responses <= set(described.doc["components"]["responses"])


def test_the_comparison_finds_faults(described):
    rule = {"$ref": "#/components/schemas/Balance"}
    assert described.problems({"balance": 1, "held": 0.5}, rule) == []
    for wrong in ({"balance": 1}, {"balance": "1", "held": 0}, {"balance": 1, "held": 0, "more": 1}, [], None):
        assert described.problems(wrong, rule)


def test_operations(ask, admin):
    ask("GET", "/healthz")
    ask("GET", "/api/frames")
    ask("GET", "/readyz")
    ask("GET", "/metrics")
    ask("GET", "/status")
    ask("GET", "/api/openapi.json")
    assert ask("GET", "/api/admin/status", admin)["pool"]["ready"] == 2


def test_admin_status_is_for_admins(weir, user):
    assert weir.get("/api/admin/status", user).code == "forbidden"
    assert weir.get("/api/admin/status").code == "unauthenticated"


def test_accounts(weir, ask):
    login, password = f"{uuid.uuid4()}@example.org", "correct horse battery"
    ask("POST", "/api/auth/register", None, {"email": login, "password": password, "nickname": "Reply"})
    signed_in = ask("POST", "/api/auth/login", None, {"login": login, "password": password})
    signed_in = ask("POST", "/api/auth/refresh", None, {"refresh_token": signed_in["refresh_token"]})
    token = signed_in["access_token"]
    ask("GET", "/api/me", token)
    ask("PATCH", "/api/me", token, {"locale": "zh"})
    other = ask("POST", "/api/auth/login", None, {"login": login, "password": password})
    sessions = ask("GET", "/api/me/sessions", token)["items"]
    assert len(sessions) == 3  # registered, signed in and refreshed, signed in again
    ask("DELETE", f"/api/me/sessions/{next(s['id'] for s in sessions if not s['current'])}", token)
    ask("POST", "/api/me/sessions/revoke", token, {"keep_current": True})
    ask("POST", "/api/auth/password", token, {"current_password": password, "password": password + "!"})
    ask("POST", "/api/auth/forgot", None, {"email": login})
    mails = wait_until(lambda: glob.glob(weir.folder + "/mail/*.eml"), "the mail")
    with open(mails[0]) as f:
        reset = re.search(r"/reset#token=([A-Za-z0-9_-]{43})\s", f.read())
    ask("POST", "/api/auth/reset", None, {"token": reset.group(1), "password": password})
    ask("POST", "/api/auth/logout", None, {"refresh_token": other["refresh_token"]})


def test_trust(weir, ask, admin):
    password = "correct horse battery"
    user = weir.make_user(password=password)

    def code():
        return code_of(secret)

    def forget():
        with weir.pg() as pg:  # a code counts once, and the next comes in half a minute
            pg.query("UPDATE user_factors SET last_step = 0")

    ask("GET", "/api/me/factor", user)
    secret = ask("POST", "/api/me/factor", user, {"password": password})["secret"]
    ask("POST", "/api/me/factor/confirm", user, {"code": code()})
    forget()
    half = weir.post("/api/auth/login", {"login": user.login, "password": password}).json
    ask("POST", "/api/auth/code", None, {"challenge": half["details"]["challenge"], "code": code()})
    forget()
    ask("POST", "/api/me/factor/codes", user, {"password": password, "code": code()})
    forget()
    ask("POST", "/api/me/factor/remove", user, {"password": password, "code": code()})
    secret = ask("POST", "/api/me/factor", user, {"password": password})["secret"]
    ask("POST", "/api/me/factor/confirm", user, {"code": code()})
    ask("DELETE", f"/api/admin/users/{user.id}/factor", admin)

    assert ask("GET", "/api/auth/methods")["oidc"] == {"name": "OpenID"}
    provider.person = {"sub": str(uuid.uuid4()), "email": f"{uuid.uuid4()}@example.org", "email_verified": True}
    for begin, body, caller, end in (("/api/auth/oidc/start", None, None, "/api/auth/oidc/finish"),
                                     ("/api/me/identities", {"password": password}, user, "/api/auth/oidc/link")):
        answer = weir.request("POST", begin, caller, body)
        ask("POST", begin, caller, body)  # whose cookie is not kept
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.json["url"]).query))
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(provider.authorize(query)).query))
        provider.person = {**provider.person, "sub": str(uuid.uuid4())}
        ask("POST", end, caller, back, headers={"Cookie": answer.headers["Set-Cookie"].split(";")[0]})
    identity = ask("GET", "/api/me/identities", user)["items"][0]
    ask("DELETE", f"/api/me/identities/{identity['id']}", user)

    ask("GET", "/api/me/preferences", user)
    ask("PATCH", "/api/me/preferences", user, {"theme": "dark", "language": "en"})
    browser = service.browser(ask("GET", "/api/me/push", user)["public_key"])
    device = ask("POST", "/api/me/push", user, browser.subscription())
    ask("POST", "/api/me/push/test", user)
    ask("GET", "/api/me/push", user)
    ask("DELETE", f"/api/me/push/{device['id']}", user)

    ask("POST", "/api/me/export", user)
    wait_until(lambda: ask("GET", "/api/me/export", user)["status"] == "ready", "the export", timeout_s=60)
    url = urllib.parse.urlsplit(ask("GET", "/api/me/export", user)["url"])
    ask("GET", f"{url.path}?{url.query}")
    ask("POST", "/api/me/delete", user, {"password": password, "name": user.login})


def test_api_keys(weir, ask, user, admin):
    key = ask("POST", "/api/keys", user, {"name": "Reply", "scopes": ["chat"], "models": ["demo"], "rpm": 100,
                                          "allow_ips": ["127.0.0.0/8"], "budget": {"amount": 1.5, "period": "week"}})
    plain = ask("POST", "/api/keys", user, {"name": "Plain", "budget": {"amount": 1}, "auto_rotate": True, "rotate_every_days": 9})
    assert len(ask("GET", "/api/keys", user)["items"]) == 2
    ask("GET", f"/api/keys/{key['id']}", user)
    ask("PATCH", f"/api/keys/{key['id']}", user, {"name": "Changed"})
    assert len(ask("GET", "/api/me/quota", user)["keys"]) == 2
    assert len(ask("GET", "/api/me/quota", key["key"])["keys"]) == 1
    ask("POST", f"/api/keys/{key['id']}/rotate", user, {"overlap_s": 60})
    ask("GET", "/api/keys/export", user)
    assert ask("POST", f"/api/keys/{key['id']}/revoke", user)["rotated_to"]
    assert len(ask("GET", "/api/admin/keys", admin)["items"]) == 3
    ask("GET", "/api/admin/keys/export", admin)
    ask("POST", f"/api/admin/keys/{plain['id']}/lock", admin, {"reason": "why"})
    ask("POST", f"/api/admin/keys/{plain['id']}/unlock", admin)
    with weir.pg() as pg:  # as a rotation by itself leaves one
        pg.query("UPDATE api_keys SET created_at = now() - interval '10 days' WHERE id = $1", plain["id"])
    subprocess.run([weir.program("weir-worker"), "-c", weir.conf_path, "--once"], check=True, stderr=subprocess.DEVNULL)
    new = ask("GET", f"/api/keys/{plain['id']}", user)["rotated_to"]
    ask("POST", f"/api/keys/{new}/collect", user)
    leaks = ask("POST", "/api/admin/security/leaks", admin, plain["key"].encode())
    assert leaks["locked"] == 1
    event = ask("GET", "/api/admin/security/events", admin)["items"][0]
    ask("POST", f"/api/admin/security/events/{event['id']}/resolve", admin, {"note": "done"})
    ask("POST", f"/api/keys/{new}/expire", user)
    ask("DELETE", f"/api/keys/{plain['id']}", user)


def test_conversations_and_messages(weir, user, admin, ask, follow, turn):
    path = f"/api/conversations/{turn['conversation_id']}"
    assert ask("GET", "/api/conversations", user)["items"]
    ask("GET", path, user)
    ask("PATCH", path, user, {"title": "Named"})
    messages = ask("GET", path + "/messages", user)["items"]
    assert any(m["attachments"] for m in messages)
    assert ask("POST", path + "/messages", user, {"content": "at once", "model": "demo-fast"})["usage"]
    events = follow("POST", f"{path}/messages/{turn['assistant_message_id']}/regenerate", user, {})
    assert events[-1]["type"] == "done"
    failed = follow("POST", path + "/messages/stream", user, {"content": "[[demo fault=500]] no", "model": "demo-fast"})
    assert failed[-1]["type"] == "error"
    empty = ask("POST", "/api/conversations", user, {"project_id": "p", "title": "Empty"})
    ask("DELETE", f"/api/conversations/{empty['id']}", user)
    answer = f"{path}/messages/{turn['assistant_message_id']}"
    ask("POST", answer + "/activate", user)
    ask("PUT", answer + "/verdict", user, {"verdict": "down", "note": "too short"})
    assert ask("GET", "/api/admin/verdicts", admin)["items"]
    assert ask("GET", "/api/admin/verdicts/sums", admin)["items"]
    ask("DELETE", answer, user)


def test_tasks_and_credits(user, ask, follow, turn):
    assert ask("GET", "/api/tasks", user)["items"]
    ask("GET", "/api/tasks/limits", user)
    ask("GET", f"/api/tasks/{turn['task_id']}", user)
    ask("POST", f"/api/tasks/{turn['task_id']}/abort", user)
    assert follow("GET", f"/api/tasks/{turn['task_id']}/stream", user)[-1]["type"] == "done"
    ask("GET", "/api/me/credits", user)
    assert ask("GET", "/api/me/credits/history", user)["items"]
    assert ask("GET", "/api/me/credits/transactions", user)["items"]


def test_usage(ask, user, admin, turn):
    assert ask("GET", "/api/usage", user)["items"]
    assert ask("GET", "/api/usage/records", user)["items"]
    assert "request_tokens" in ask("GET", "/api/usage/records.csv", user).text
    assert ask("GET", "/api/admin/usage", admin)["items"]
    assert "setup" in ask("GET", "/api/admin/overview", admin)
    assert ask("GET", "/api/admin/usage/records", admin)["items"]
    assert "channel" in ask("GET", "/api/admin/usage/records.csv", admin).text


def test_relay(ask, user, described):
    ask("POST", "/v1/chat/completions", user, {"model": "demo-fast", "messages": [{"role": "user", "content": "hello"}]})
    ask("POST", "/v1/responses", user, {"model": "demo-fast", "input": "hello"})
    ask("POST", "/v1/responses/input_tokens", user, {"model": "demo-fast", "input": "hello"})
    for method, path in (("POST", "/v1/responses/compact"), ("GET", "/v1/responses/{response_id}"), ("DELETE", "/v1/responses/{response_id}"),
                         ("POST", "/v1/responses/{response_id}/cancel"), ("GET", "/v1/responses/{response_id}/input_items")):
        described.tried.add((method, path))  # at a provider that keeps them: tests/it/relay/test_responses_kept.py
    message = {"model": "demo-fast", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]}
    ask("POST", "/v1/messages", user, message)
    ask("POST", "/v1/messages/count_tokens", user, message)
    content = {"contents": [{"parts": [{"text": "hello"}]}]}
    for version in ("v1", "v1beta"):
        at = f"/{version}/models/demo-fast"
        ask("POST", at + ":generateContent", user, content)
        ask("POST", at + ":countTokens", user, content)
        described.tried.add(("POST", f"/{version}/models/{{model}}:streamGenerateContent"))  # a stream: tests/it/relay/test_gemini.py
        for verb in ("embedContent", "batchEmbedContents"):
            described.tried.add(("POST", f"/{version}/models/{{model}}:{verb}"))
    ask("POST", "/v1/completions", user, {"model": "demo-fast", "prompt": "hello"})
    # the provider's own answers, in shapes of its own: tests/it/relay/test_ops.py and test_embeddings.py
    described.tried |= {("POST", p) for p in (
        "/v1/embeddings", "/v1/moderations", "/v1/rerank", "/v2/rerank", "/v1/images/generations", "/v1/images/edits",
        "/v1/images/variations", "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations")}
    ask("GET", "/v1beta/models", user)
    ask("GET", "/v1beta/models/demo-fast", user)
    assert ask("GET", "/v1/models", user)["data"]
    ask("GET", "/v1/models/demo-fast", user)


def test_tools(weir, user, admin, ask, follow):
    weir.weirctl("model", "add", "with-tools", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000",
                 "--abilities", "tools")
    weir.weirctl("channel", "add", "with-tools", "--provider", "openai", "--url", weir.demo_url, "--allow-private", "--model",
                 "with-tools=demo-fast")
    server = ask("POST", "/api/admin/tool-servers", admin,
                 {"name": "demo", "url": weir.demo_url.removesuffix("/v1") + "/mcp", "allow_private": True})
    path = f"/api/admin/tool-servers/{server['id']}"
    assert ask("POST", path + "/read", admin)["tools"]
    ask("PATCH", path, admin, {"description": "Of the demo"})
    ask("GET", path, admin)
    assert ask("GET", "/api/admin/tool-servers", admin)["items"]
    assert ask("GET", "/api/tools", user)["items"]
    held = ask("POST", "/api/conversations", user, {"tool_servers": [server["id"]], "project_id": "tools"})
    messages = f"/api/conversations/{held['id']}/messages"
    first = ask("POST", messages, user, {"content": "[[demo call=demo__calculator:a=1:b=2]] add", "model": "with-tools"})
    events = follow("POST", f"{messages}/{first['assistant_message_id']}/tools", user, {"always": [0]})
    assert events[-1]["type"] == "done"
    assert ask("GET", messages, user)["items"][1]["calls"][0]["result"] == "3"
    ask("DELETE", path, admin)


def test_shares(ask, user, described):
    held = ask("POST", "/api/import/conversation", user,
               {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi", "model": "old"}]})
    share = ask("POST", f"/api/conversations/{held['id']}/share", user)
    folder = ask("POST", "/api/folders", user, {"name": "Work"})
    ask("PATCH", f"/api/folders/{folder['id']}", user, {"name": "Home", "position": 0})
    ask("POST", "/api/conversations/arrange", user, {"ids": [held["id"]], "action": "move", "folder_id": folder["id"]})
    assert ask("GET", "/api/folders", user)["items"][0]["conversations"] == 1
    assert ask("GET", f"/api/conversations?view=all&folder_id={folder['id']}", user)["items"]
    ask("POST", "/api/conversations/export", user, {"ids": [held["id"]]})
    ask("DELETE", f"/api/folders/{folder['id']}", user)
    assert ask("GET", "/api/shares", user)["items"]
    token = share["url"].rsplit("/", 1)[1]
    ask("GET", f"/api/share/{token}")
    described.tried.add(("GET", "/api/share/{token}/files/{upload_id}"))  # a file: tests/it/chat/test_shares.py
    ask("GET", f"/api/conversations/{held['id']}/export", user)
    ask("DELETE", f"/api/shares/{share['id']}", user)


def test_search(ask, user):
    ask("POST", "/api/import/conversation", user,
        {"messages": [{"role": "user", "content": "where is the sluice"}, {"role": "assistant", "content": "there", "model": "old"}]})
    wait_until(lambda: ask("GET", "/api/search?q=sluice", user)["items"], "its words", timeout_s=60, every_s=0.2)


def test_assistants(ask, user, admin, described):
    made = ask("POST", "/api/assistants", user, {"name": "Reply", "prompt": "Be brief.", "openers": ["Who?"], "share": "link"})
    path, link = f"/api/assistants/{made['id']}", "/api/assistant-links/" + made["url"].rsplit("/", 1)[1]
    ask("GET", path, user)
    ask("PATCH", path, user, {"temperature": 0.5, "share": "house"})
    assert ask("GET", "/api/assistants", user)["items"]
    ask("GET", link, admin)
    ask("POST", link, admin)
    ask("GET", path, admin)
    ask("DELETE", path + "/taken", admin)
    assert ask("GET", "/api/admin/assistants", admin)["items"]
    ask("PATCH", f"/api/admin/assistants/{made['id']}", admin, {"is_barred": True})
    described.tried.add(("GET", "/api/assistants/{assistant_id}/picture"))  # a file: tests/it/chat/test_assistants.py
    ask("DELETE", path, user)


def test_prompts(ask, user):
    made = ask("POST", "/api/prompts", user, {"name": "Reply", "text": "Say {{this}}"})
    assert ask("GET", "/api/prompts", user)["items"]
    ask("PATCH", f"/api/prompts/{made['id']}", user, {"name": "Reply again"})
    ask("GET", "/api/export/prompts", user)
    ask("POST", "/api/import/prompts", user, {"prompts": [{"name": "Another", "text": "text"}]})
    ask("DELETE", f"/api/prompts/{made['id']}", user)


def test_uploads(ask, user, described):
    kept = ask("POST", "/api/uploads", user, PNG)
    assert ask("GET", "/api/uploads", user)["items"]
    ask("GET", f"/api/uploads/{kept['id']}", user)
    ask("GET", f"/api/uploads/{kept['id']}/thumbnail", user)
    assert ask("GET", f"/api/uploads/{kept['id']}/about", user)["document"] is None
    assert ask("POST", "/api/uploads?filename=gates.txt", user, b"Gate 7 opens at 3 metres.")["document"]["state"] == "reading"
    # with a bucket: tests/it/store/test_bucket.py
    described.tried |= {("POST", p) for p in ("/api/uploads/presign", "/api/uploads/{upload_id}/complete")}
    ask("DELETE", f"/api/uploads/{kept['id']}", user)


def test_knowledge_search(weir, ask, user):
    kb, document = str(uuid.uuid4()), str(uuid.uuid4())
    with weir.pg() as pg:
        pg.query("INSERT INTO kb (id, user_id, name) VALUES ($1, $2, 'a base')", kb, user.id)
        pg.query("INSERT INTO kb_document (id, kb_id, user_id) VALUES ($1, $2, $3)", document, kb, user.id)
        pg.query("INSERT INTO kb_version (document_id, version, kb_id, user_id, title, chunks) VALUES ($1, 1, $2, $3, 'Rivers', 1)", document, kb, user.id)
        pg.query("INSERT INTO kb_chunk (kb_id, document_id, version, ord, page_from, page_to, c0, c1, heading, body, ntok, tsv, text_hash)"
                 " VALUES ($1, $2, 1, 0, 1, 1, 0, 6, 'Rivers', 'A weir', 2, ('weir ' || quote_literal(kb_lexeme($1::uuid)))::tsvector, sha256(''))", kb, document)
    found = ask("POST", f"/api/knowledge/{kb}/search", user, {"query": "weir"})
    assert [i["text"] for i in found["items"]] == ["A weir"] and found["vectors"] == "no_vectors"


def test_knowledge(weir, ask, user):
    kb = ask("POST", "/api/knowledge", user, {"name": "Reply", "chunk": {"tokens": 100}})["id"]
    weir.weirctl("job", "pause", "knowledge_parse")
    first = ask("POST", f"/api/knowledge/{kb}/documents", user, {"text": "# Weirs\n\nA weir holds water back.", "title": "Weirs"})["document"]["id"]
    assert ask("POST", f"/api/knowledge/{kb}/documents/{first}/cancel", user)["code"] == "cancelled"
    assert ask("POST", f"/api/knowledge/{kb}/documents/{first}/retry", user, {})["state"] == "pending"
    weir.weirctl("job", "resume", "knowledge_parse")
    wait_until(lambda: ask("GET", f"/api/knowledge/{kb}/documents/{first}", user)["state"] == "ready", "the document")
    assert ask("PUT", f"/api/knowledge/{kb}/documents/{first}", user, {"text": "A weir is a low dam."})["document"]["next"]
    wait_until(lambda: ask("GET", f"/api/knowledge/{kb}/documents/{first}", user)["version"] == 2, "its next version")
    assert ask("GET", "/api/knowledge", user)["items"] and ask("GET", f"/api/knowledge/{kb}/documents", user)["items"]
    ask("GET", f"/api/knowledge/{kb}", user)
    ask("PATCH", f"/api/knowledge/{kb}", user, {"description": "of rivers"})
    ask("GET", f"/api/knowledge/{kb}/stats", user)
    ask("GET", f"/api/knowledge/{kb}/documents/{first}/text", user)
    assert ask("GET", f"/api/knowledge/{kb}/documents/{first}/chunks", user)["items"]
    ask("GET", f"/api/knowledge/{kb}/documents/{first}/file", user)
    ask("DELETE", f"/api/knowledge/{kb}/documents/{first}", user)
    ask("DELETE", f"/api/knowledge/{kb}", user)


def test_media(weir, ask, user, described):
    for kind, upstream in (("image", "google/nano-banana"), ("video", "sora-2-text-to-video")):
        weir.weirctl("model", "add", upstream, "--type", kind, "--input", "0", "--output", "0", "--context", "9", "--max-output", "9", "--call", "1")
    weir.weirctl("channel", "add", "kie", "--provider", "kie", "--url", f"http://127.0.0.1:{weir.demo_port}", "--key-stdin",
                 "--allow-private", "--model", "google/nano-banana", "--model", "sora-2-text-to-video", input="demo\n")
    time.sleep(0.6)
    assert {m["type"] for m in ask("GET", "/api/models", user)["items"] if m["makes"]} == {"image", "video"}
    made = [ask("POST", "/api/images/generate", user, {"prompt": "a weir"}), ask("POST", "/api/videos/generate", user, {"prompt": "a weir"})]
    for m in made:
        wait_until(lambda m=m: ask("GET", f"/api/tasks/{m['task']['id']}", user)["status"] == "completed", "made")
    # the same shapes, with other models, and who calls back knows a token: tests/it/media/test_media.py
    described.tried |= {("POST", p) for p in ("/api/images/edit", "/api/videos/from-image", "/api/videos/storyboard",
                                              "/api/hooks/media/{provider}/{task_id}/{token}")}
    described.tried.add(("GET", "/api/hooks/media/{provider}/{task_id}/{token}/{upload_id}"))


def test_events(weir, follow, ask):
    """What a page hears while another page of the same user works."""
    user = weir.make_user()
    heard = {"task", "balance", "conversation", "message"}
    conversation = weir.chat(user, "before", model="demo-fast").conversation

    def work():
        turn = weir.chat(user, "now", conversation, model="demo-fast")
        weir.patch(f"/api/conversations/{conversation}", {"title": "T"}, user)
        message = turn.of("start")[0]["assistant_message_id"]
        weir.delete(f"/api/conversations/{conversation}/messages/{message}", user)

    timer = threading.Timer(0.5, work)
    timer.start()
    events = follow("GET", "/api/events", user, until=lambda seen: heard <= {e["type"] for e in seen})
    timer.join()
    assert {e["type"] for e in events} >= heard


def test_jobs(weir, ask, admin):
    with weir.pg() as pg:
        jobs = pg.query("SELECT job_submit(gen_random_uuid(), 'mail', '{}', NULL, NULL, NULL, 3600000, 0) FROM generate_series(1, 2)")
    assert ask("GET", "/api/admin/jobs", admin)["items"] and ask("GET", "/api/admin/queues", admin)["items"]
    ask("GET", f"/api/admin/jobs/{jobs[0][0]}", admin)
    ask("POST", f"/api/admin/jobs/{jobs[0][0]}/cancel", admin, {})
    ask("POST", f"/api/admin/jobs/{jobs[0][0]}/retry", admin, {})
    ask("POST", "/api/admin/jobs/replay", admin, {"kind": "mail", "from": "2026-01-01T00:00:00Z"})
    for verb in ("pause", "resume"):
        ask("POST", f"/api/admin/queues/mail/{verb}", admin, {})
    wait_until(lambda: ask("GET", "/api/admin/schedules", admin)["items"], lambda: "no schedules")
    ask("PATCH", "/api/admin/schedules/prune_jobs", admin, {"cron": "17 * * * *"})
    ask("POST", "/api/admin/schedules/prune_jobs/run", admin, {})


def test_models_agents_channels(weir, ask, follow, user, admin):
    assert ask("GET", "/api/models", user)["items"]
    model = ask("POST", "/api/admin/models", admin, {"name": "reply-model", "context_tokens": 1000, "type": "chat",
                                                     "max_output_tokens": 100, "price_input_per_mtok": 1.5,
                                                     "price_output_per_mtok": "2.25", "abilities": ["vision"]})
    channel = ask("POST", "/api/admin/channels", admin, {
        "name": "reply-channel", "provider": "openai", "base_url": weir.demo_url, "api_key": "k",
        "allow_private": True, "models": [{"model": "reply-model", "upstream_name": "demo-fast"}]})
    assert ask("GET", "/api/admin/providers", admin)["items"]
    ask("GET", f"/api/admin/models/{model['id']}", admin)
    ask("PATCH", f"/api/admin/models/{model['id']}", admin, {"sort": 5})
    assert any(m["channels"] for m in ask("GET", "/api/admin/models", admin)["items"])
    ask("GET", f"/api/admin/channels/{channel['id']}", admin)
    ask("PATCH", f"/api/admin/channels/{channel['id']}", admin, {"weight": 2})
    assert ask("GET", "/api/admin/channels", admin)["items"]
    assert ask("POST", f"/api/admin/channels/{channel['id']}/test", admin, {})["ok"]
    keys = ask("POST", f"/api/admin/channels/{channel['id']}/keys", admin, {"key": "another"})["keys"]
    ask("PATCH", f"/api/admin/channels/{channel['id']}/keys/{keys[1]['id']}", admin, {"enabled": False})
    ask("DELETE", f"/api/admin/channels/{channel['id']}/keys/{keys[1]['id']}", admin)
    for verb in ("disable", "enable", "fetch-models"):
        ask("POST", f"/api/admin/channels/{channel['id']}/{verb}", admin)
    assert ask("POST", f"/api/admin/channels/{channel['id']}/balance", admin)["items"]
    assert ask("POST", "/api/admin/channels/test-all", admin, {})["items"]
    with weir.pg() as pg:
        pg.query("SELECT channel_event_add('down', $1, 0, 'server', 503, 1700000000000, 'it said so', 'here')", channel["id"])
        pg.query("INSERT INTO channel_hours (channel_id, hour) VALUES ($1, date_trunc('hour', now()))", channel["id"])
    assert ask("GET", f"/api/admin/channels/events?channel_id={channel['id']}", admin)["items"]
    stats = ask("GET", f"/api/admin/channels/{channel['id']}/stats", admin)
    assert stats["hours"] and stats["keys"]
    assert ask("POST", "/api/admin/route-test", admin, {"model": "reply-model", "session": "s"})["items"]
    agent = ask("POST", "/api/admin/agents", admin, {"name": "Reply", "prompt": "Be brief.", "model_id": model["id"],
                                                     "fallback_model_id": model["id"], "temperature": 0.5})
    path = f"/api/admin/agents/{agent['id']}"
    ask("GET", path, admin)
    ask("PATCH", path, admin, {"description": "D", "temperature": None})
    assert ask("GET", "/api/admin/agents", admin)["items"]
    assert ask("GET", "/api/agents", user)["items"]
    ask("POST", path + "/prompt-preview", admin, {"content": "hello"})
    ask("POST", path + "/route-test", admin)
    assert follow("POST", path + "/execution-test", admin, {"content": "hello"})[-1]["type"] == "done"
    assert ask("GET", "/api/admin/debug-logs", admin)["items"]
    ask("DELETE", path, admin)
    ask("DELETE", f"/api/admin/channels/{channel['id']}", admin)
    ask("DELETE", f"/api/admin/models/{model['id']}", admin)


def test_prices_and_groups(weir, ask, user, admin):
    rows = [{"model": "demo-fast", "meter": "cached_input", "unit_price": "0.5", "valid_from": "2020-01-01T00:00:00Z"}]
    assert ask("PUT", "/api/admin/prices", admin, {"rows": rows})["items"]
    price = ask("GET", "/api/admin/prices?meter=cached_input", admin)["items"][0]
    ask("POST", "/api/admin/prices/quote", admin, {"model": "demo-fast", "units": {"input": 5, "cached_input": 5, "image": 0}})
    ask("POST", "/api/admin/prices/import", admin, {"format": "litellm", "dry_run": True, "prices": {
        "demo": {"input_cost_per_token": 1e-6}}})
    ask("DELETE", f"/api/admin/prices/{price['id']}", admin)
    ask("POST", "/api/admin/groups", admin, {"name": "reply", "ratio": 0.5, "budget": {"amount": 5}})
    ask("PATCH", "/api/admin/groups/reply", admin, {"budget": {"amount": 6, "period": "month"}})
    assert ask("GET", "/api/admin/groups", admin)["items"]
    key = ask("POST", "/api/keys", user, {"name": "of a group"})
    ask("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": "reply"})
    ask("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": None})
    assert ask("GET", "/api/admin/quota-history", admin)["items"]
    ask("PATCH", f"/api/admin/users/{user.id}", admin, {"budget": {"amount": 5000, "period": "day"}})
    ask("GET", "/api/me/quota", user)
    assert ask("GET", "/api/me/quota/history", user)["items"]
    ask("PATCH", f"/api/admin/users/{user.id}", admin, {"budget": None})
    ask("DELETE", "/api/admin/groups/reply", admin)


def test_users(weir, ask, user, admin):
    assert ask("GET", "/api/admin/users", admin)["items"]
    path = f"/api/admin/users/{user.id}"
    ask("GET", path, admin)
    ask("PATCH", path, admin, {"nickname": "N"})
    ask("POST", path + "/credits", admin, {"amount": 1.5, "reason": "reply"})
    assert ask("GET", path + "/credits/history", admin)["items"]


def test_every_route_was_tried(described):
    """Runs last: what is in the table and was not compared above."""
    left = set(described.operations) - described.tried
    assert not left, sorted(left)
