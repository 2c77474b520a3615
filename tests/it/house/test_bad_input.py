"""Bad input: every route, taken from its own description, is called with what it must refuse.

Each refusal is the documented one, is never a 5xx, and changes nothing.
"""

import base64
import json
import uuid

import pytest
from weirtest import Fcgi, fcgi_params

# Every table that a request may change and that a refused one must not.
TABLES = ("users", "conversations", "conversation_messages", "tasks", "credit_transactions", "credits_history",
          "llm_models", "channels", "channel_models", "agents", "admin_debug_logs", "invitations", "usage",
          "idempotency_keys")
# Texts that people paste: control characters are dropped there and refused everywhere else.
PASTED = {"content", "prompt"}
PASTED_TEXT = ("/api/prompts",)  # where "text" is as well
# What a list cannot be asked for without.
ASKS = {"/api/search": "?q=x"}
PUBLIC = {"/api/frames", "/healthz", "/readyz", "/metrics", "/status", "/api/openapi.json"}


@pytest.fixture(scope="module")
def routes(weir):
    """[(method, path, operation)] of the site's own description; what speaks a vendor's dialect is tried in tests/it/relay."""
    paths = weir.get("/api/openapi.json").json["paths"]
    found = [(m.upper(), p, op) for p, methods in paths.items() for m, op in methods.items()
             if not p.startswith(("/v1", "/v2"))]
    assert len(found) > 40
    return found


@pytest.fixture(scope="module")
def theirs(weir):
    """Somebody else, with one of everything: path parameter -> id."""
    stranger = weir.make_user()
    turn = weir.chat(stranger, "mine", model="demo-fast")
    start = turn.of("start")[0]
    with weir.pg() as pg:
        session = pg.query("SELECT id FROM sessions WHERE user_id = $1 LIMIT 1", stranger.id)[0][0]
    return {"conversation_id": turn.conversation, "message_id": start["assistant_message_id"],
            "task_id": start["task_id"], "session_id": session}


@pytest.fixture
def unchanged(weir):
    """What the test does leaves no trace."""
    def state():
        with weir.pg() as pg:
            return [pg.query(f"SELECT count(*), coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '')"
                             f" FROM {table} t")[0] for table in TABLES]

    before = state()
    yield
    assert dict(zip(TABLES, state())) == dict(zip(TABLES, before))


def needs_token(op):
    return {"bearer": []} in op.get("security", [])


def is_admin(path):
    return path.startswith("/api/admin/")


def schema(op):
    content = op.get("requestBody", {}).get("content", {}).get("application/json")
    return content and content["schema"]


def kinds(rule):
    kind = rule.get("type", [])
    return [kind] if isinstance(kind, str) else kind


def valid(rule):
    """Something the rule allows."""
    if "enum" in rule:
        return rule["enum"][0]
    for kind in kinds(rule):
        if kind == "string":
            plain = {"uuid": str(uuid.uuid4()), "uri": "https://example.org/x", "email": "nobody@example.org"}
            return plain.get(rule.get("format"), "x" * max(1, rule.get("minLength", 1)))
        if kind in ("integer", "number"):
            return max(1, rule.get("minimum", 1))
        if kind == "boolean":
            return False
        if kind == "array":
            return []
        if kind == "object":
            return {}
    raise AssertionError(f"unknown rule {rule}")


def smallest(op):
    """The smallest valid body, or None."""
    rules = schema(op)
    if rules is None:
        return b"x" if "*/*" in op.get("requestBody", {}).get("content", {}) else None
    return {name: valid(rules["properties"][name]) for name in rules.get("required", [])}


def wrong(rule, pasted=False):
    """Things the rule does not allow."""
    known = kinds(rule)
    bad = [v for kind, v in (("string", "certainly not"), ("number", 3.25), ("boolean", True), ("array", ["x", 1]),
                             ("object", {"x": 1}))
           if kind not in known and not (kind == "number" and "integer" in known and False)]
    if "number" in known or "integer" in known:
        bad += [1e308, -1e308, "NaN", "1e5", "0x10", ""]
    if "integer" in known:
        bad += [1.5]
        bad += [rule["minimum"] - 1] if "minimum" in rule else []
        bad += [rule["maximum"] + 1] if rule.get("maximum", 2**63) < 2**53 else []
    if "string" in known:
        bad += ["x" * (rule["maxLength"] + 1)] if rule.get("maxLength", 10**9) < 100000 else []
        bad += [""] if rule.get("minLength", 0) > 0 else []
        if not pasted:
            bad += ["a\u0001b"] if "enum" not in rule else ["no such choice"]
        elif rule.get("minLength", 0) > 0:
            bad += ["\u0001\f\u001b"]
        if rule.get("format") == "uuid":
            bad += ["7", "00000000-0000-0000-0000-00000000000g", "{01890f5e-0000-7000-8000-000000000000}"]
        if rule.get("format") == "uri":
            bad += ["javascript:alert(1)", "//example.org", "http://", "ftp://example.org/x", "http:/example.org",
                    "https://exa mple.org/", "https://example.org/\n", "data:image/png;base64,AAAA", "http://:80/"]
    return bad


def fill(path, ids):
    for name, value in ids.items():
        path = path.replace("{" + name + "}", str(value))
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = path[:start] + str(uuid.uuid4()) + path[end + 1:]
    return path


def caller(path, op, user, admin):
    return (admin if is_admin(path) else user) if needs_token(op) else None


def token(claims, header=None, signature=b"x" * 32):
    parts = [json.dumps(header or {"alg": "HS256", "typ": "JWT", "kid": "k1"}).encode(), json.dumps(claims).encode(),
             signature]
    return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)


# ---- who may ---------------------------------------------------------------------


def test_without_a_token(weir, routes, theirs, unchanged):
    checked = 0
    for method, path, op in routes:
        if not needs_token(op):
            assert path in PUBLIC or path.startswith(("/api/account-exports/", "/api/auth/", "/api/hooks/", "/api/share/")), f"{method} {path} is open to anyone"
            continue
        answer = weir.request(method, fill(path, theirs), None, smallest(op))
        assert (answer.status, answer.code) == (401, "unauthenticated"), (method, path, answer)
        checked += 1
    assert checked > 30


def test_with_a_bad_token(weir, routes, user, unchanged):
    claims = {"sub": user.id, "sid": user.id, "iss": "weir", "aud": "weir", "exp": 4102444800, "nbf": 0, "role": "admin"}
    bad = ["x", "a.b.c", ".", "..", "a" * 4000, token(claims), token(claims, {"alg": "none"}, b""),
           token(claims, {"alg": "RS256", "kid": "k1"}), token([]), token({}), user.token[:-2], user.token + "A",
           user.token.replace(".", ""), "wk-" + "0" * 32, "\u00e9".encode().decode("latin-1")]
    for text in bad:
        for path in ("/api/me", "/api/conversations", "/api/admin/users"):
            answer = weir.request("GET", path, None, headers={"Authorization": "Bearer " + text})
            assert answer.status == 401, (text, path, answer)
    for header in ("", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token " + user.token, user.token):
        answer = weir.request("GET", "/api/me", None, headers={"Authorization": header})
        assert answer.status == 401, (header, answer)


def test_users_are_no_admins(weir, routes, user, unchanged):
    for method, path, op in routes:
        if is_admin(path):
            answer = weir.request(method, fill(path, {}), user, smallest(op))
            assert (answer.status, answer.code) == (403, "forbidden"), (method, path, answer)


def test_other_peoples_ids(weir, routes, theirs, user, unchanged):
    checked = []
    for method, path, op in routes:
        if "{" not in path or is_admin(path):
            continue
        answer = weir.request(method, fill(path, theirs), user, smallest(op))
        assert (answer.status, answer.code) == (404, "not_found"), (method, path, answer)
        checked.append(path)
    assert len(checked) >= 10, checked


def test_other_peoples_ids_as_input(weir, theirs, user, unchanged):
    mine = weir.get(f"/api/tasks/limits?conversation_id={theirs['conversation_id']}", user)
    assert mine.status == 404 or mine.json["conversation"]["active"] == 0
    for path, field in ((f"/api/conversations?before_id={theirs['conversation_id']}", "before_id"),
                        (f"/api/tasks?after_id={theirs['task_id']}", "after_id")):
        answer = weir.get(path, user)
        assert answer.status == 400 and answer.json["details"]["field"] == field, answer


def test_ids_nobody_has(weir, routes, user, admin, unchanged):
    values = (str(uuid.uuid4()), "nonsense", "0", "-1", "99999999999999999999", "%20", "%F0%9F%92%A9", "1e3", "null",
              "'%20OR%201=1--", "x" * 300)
    for method, path, op in routes:
        if "{" not in path:
            continue
        for value in values:
            where = path
            while "{" in where:
                where = where[:where.index("{")] + value + where[where.index("}") + 1:]
            answer = weir.request(method, where, caller(path, op, user, admin), smallest(op))
            assert (answer.status, answer.code) == (404, "not_found"), (method, where, answer)


@pytest.mark.parametrize("value", ["%00", "%zz", "%ff", "%c0%af", "%"])
def test_ids_that_are_no_text(weir, user, value, unchanged):
    with Fcgi(weir.fcgi_path) as f:
        answer = f.request("GET", f"/api/conversations/{value}", headers={"Authorization": "Bearer " + user.token})
        assert answer.status == 400 and answer.code == "invalid_request", answer


# ---- what they may send ------------------------------------------------------------


def body_routes(routes):
    found = [(m, p, op) for m, p, op in routes if schema(op) is not None]
    assert len(found) > 15
    return found


def send(weir, method, path, who, raw, **headers):
    return weir.request(method, path, who, raw, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize("raw", [
    b"{", b"nonsense", b'{"a":1,}', b"{'a':1}", b'{"a":NaN}', b'{"a":1e999}', b'"\xff"', b'{"content":"\xc3\x28"}',
    b'{"content":"\xed\xa0\x80"}', b'{"content":"\\ud800"}', b'{"content":"\\u0000"}', b'{"a":1}{"b":2}',
    b"[" * 3000, b'{"a":' * 700, b"[]", b"7", b"null", b'"text"', b"\xef\xbb\xbf{}", b"{}\0", b" ",
], ids=range(21))
def test_what_is_no_json_object(weir, routes, user, admin, raw, unchanged):
    for method, path, op in body_routes(routes):
        answer = send(weir, method, fill(path, {}), caller(path, op, user, admin), raw)
        assert (answer.status, answer.code) == (400, "invalid_request"), (method, path, raw[:30], answer)
        assert answer.json["details"]["field"] == "body", (method, path, answer)


def test_no_body_where_one_is_needed(weir, routes, user, admin, unchanged):
    for method, path, op in body_routes(routes):
        if op["requestBody"]["required"]:
            answer = send(weir, method, fill(path, {}), caller(path, op, user, admin), b"",
                          Content_Type="application/json")
            assert (answer.status, answer.code) == (400, "invalid_request"), (method, path, answer)


def test_other_types_of_body(weir, routes, user, admin, unchanged):
    for method, path, op in body_routes(routes):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json",
                     "application/jsonx"):
            answer = send(weir, method, fill(path, {}), caller(path, op, user, admin), b'{"a":1}', Content_Type=kind)
            assert (answer.status, answer.code) == (415, "unsupported_media_type"), (method, path, kind, answer)


def test_bodies_that_are_too_large(weir, routes, user, admin, unchanged):
    caps = {tuple(r.split()[:2]): r.split()[4] for r in weir.weirctl("routes").stdout.splitlines()}
    for method, path, op in body_routes(routes):
        size = max(900_000, int(caps[method, path]) + 1)
        answer = send(weir, method, fill(path, {}), caller(path, op, user, admin), b'{"a":"' + b"x" * size + b'"}')
        assert (answer.status, answer.code) == (413, "too_large"), (method, path, answer)


@pytest.fixture(scope="module")
def bodiless(weir, routes):
    """[(method, path, operation)] of the route table's rows that take no body."""
    described = {(m, p): op for m, p, op in routes}
    rows = [r.split() for r in weir.weirctl("routes").stdout.splitlines()]
    found = [(r[0], r[1], described[r[0], r[1]]) for r in rows if (r[0], r[1]) in described
             and "requestBody" not in described[r[0], r[1]]]
    assert len([r for r in rows if not r[1].startswith(("/v1", "/v2"))]) == len(routes) and len(found) > 40
    return found


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"reason":"enough"}', b"null", b"x=1", b"\0" * 4096],
                         ids=("empty", "object", "fields", "null", "form", "most"))
def test_a_body_where_none_is_taken(weir, bodiless, user, admin, raw, unchanged):
    """Read and forgotten: the answer is that of the request without it. Clients send {} with every POST."""
    for method, path, op in bodiless:
        where, who = fill(path, {}) + ASKS.get(path, ""), caller(path, op, user, admin)
        if path == "/api/events":
            continue  # does not end; the same stage answers it
        headers = {"Content-Length": str(len(raw))}
        bare = weir.request(method, where, who)
        answer = weir.request(method, where, who, raw, headers=headers)
        assert (answer.status, answer.code) == (bare.status, bare.code), (method, path, bare, answer)
        assert answer.status in (200, 202, 204, 404), (method, path, answer)


def test_a_large_body_where_none_is_taken(weir, bodiless, user, admin, unchanged):
    for method, path, op in bodiless:
        answer = weir.request(method, fill(path, {}), caller(path, op, user, admin), b"x" * 4097)
        assert (answer.status, answer.code) == (413, "too_large"), (method, path, answer)
        assert answer.json["details"]["limit"] == 4096, (method, path, answer)


def longest(name, rule):
    """The bytes of the longest thing the rule allows, every character written as two escapes (\\ud83d\\ude00)."""
    if "string" in kinds(rule):
        chars = max(map(lambda v: len(v or ""), rule["enum"])) if "enum" in rule else rule.get("maxLength", 50)
    elif "array" in kinds(rule):
        chars = rule.get("maxItems", 0) * (rule.get("items", {}).get("maxLength", 0) + 1)
    else:
        chars = 2
    return len(name) + 6 + 12 * chars


def test_what_the_fields_allow_fits_into_the_body(weir, routes):
    caps = {tuple(r.split()[:2]): r.split()[4] for r in weir.weirctl("routes").stdout.splitlines()}
    for method, path, op in body_routes(routes):
        need = 2 + sum(longest(n, r) for n, r in schema(op)["properties"].items())
        assert int(caps[method, path]) >= need, (method, path, caps[method, path], need)


def test_the_longest_message_written_as_escapes(weir, admin):
    """32,000 characters of 12 bytes each: what JSON makes of emoji where it keeps to ASCII."""
    body = json.dumps({"content": "\U0001f600" * 32000}).encode()
    assert len(body) > 384_000
    conversation = weir.conversation(admin)
    answer = weir.post(f"/api/conversations/{conversation}/messages", body, admin)
    assert answer.status == 200, answer


def test_every_field_of_every_route(weir, routes, theirs, user, admin, unchanged):
    """Wrong types, out of bounds, missing: 400 that names the field, before anything is looked up."""
    checked = 0
    for method, path, op in body_routes(routes):
        rules, who = schema(op), caller(path, op, user, admin)
        base = smallest(op)
        for name, rule in rules["properties"].items():
            values = wrong(rule, name in PASTED or name == "text" and path.startswith(PASTED_TEXT))
            if name in rules.get("required", []):
                values.append(None)
                left_out = {k: v for k, v in base.items() if k != name}
                answer = weir.request(method, fill(path, {}), who, left_out)
                assert answer.status == 400 and answer.json["details"]["field"] == name, (method, path, name, answer)
            for value in values:
                answer = weir.request(method, fill(path, {}), who, {**base, name: value})
                assert (answer.status, answer.code) == (400, "invalid_request"), (method, path, name, value, answer)
                assert answer.json["details"]["field"] in (name, "body"), (method, path, name, value, answer)
                checked += 1
    assert checked > 300


def test_lists_with_bad_pages(weir, routes, user, admin, unchanged):
    plain = {"/api/admin/keys/export", "/api/admin/usage", "/api/admin/usage/records.csv", "/api/events", "/api/keys/export", "/api/me/export", "/api/tasks/limits", "/api/usage", "/api/usage/records.csv", "/api/admin/verdicts/sums"} | PUBLIC
    lists = [(p, op) for m, p, op in routes if m == "GET" and "{" not in p and p not in plain]
    checked = 0
    for path, op in lists:
        who = caller(path, op, user, admin)
        asks = ASKS.get(path, "?")
        good = weir.get(path + asks, who)
        assert good.status == 200, (path, good)
        if "items" not in good.json or path in ("/api/me/identities", "/api/me/push", "/api/me/sessions", "/api/folders", "/api/tools", "/api/admin/tool-servers", "/api/admin/groups", "/api/admin/providers",
                                                "/api/admin/queues", "/api/admin/schedules"):
            continue
        for query in ("limit=0", "limit=101", "limit=-5", "limit=ten", "limit=1e1", "limit=0x10", "limit=",
                      "limit=99999999999999999999", "before_id=%27", "before_id=-1", "after_id=x",
                      "before_id=99999999999999999999", "limit=%zz", "limit=%00", "x=%ff"):
            answer = weir.get(f"{path}{asks}&{query}" if asks != "?" else f"{path}?{query}", who)
            assert (answer.status, answer.code) == (400, "invalid_request"), (path, query, answer)
            checked += 1
    assert checked > 80


def test_messages_are_checked_before_anything_is_held(weir, user, unchanged):
    with weir.pg() as pg:
        conversation = pg.query("SELECT id FROM conversations WHERE user_id = $1 LIMIT 1", user.id)
    conversation = conversation[0][0] if conversation else str(uuid.uuid4())
    for path in (f"/api/conversations/{conversation}/messages/stream", f"/api/conversations/{conversation}/messages"):
        for body, field in (({"content": ""}, "content"), ({"content": "x" * 32001}, "content"),
                            ({"content": "\u597d" * 32001}, "content"), ({"content": ["x"]}, "content"),
                            ({"content": "x", "image_url": "https://example.org/" + "x" * 2048}, "image_url"),
                            ({"content": "x", "video_url": "file:///etc/passwd"}, "video_url"),
                            ({"content": "x", "audio_url": "gopher://example.org/"}, "audio_url"),
                            ({"content": "x", "model": 5}, "model")):
            answer = weir.post(path, body, user)
            assert answer.status == 400 and answer.json["details"]["field"] == field, (body, answer)


def test_odd_idempotency_keys(weir, user, unchanged):
    for key in ("x" * 256, "a\tb", "\u00e9\u00ff", ""):
        with Fcgi(weir.fcgi_path) as f:
            params = fcgi_params("POST", "/api/conversations", b"{}", {"Authorization": "Bearer " + user.token})
            params["HTTP_IDEMPOTENCY_KEY"] = key
            f.begin()
            answer = raw_request(f, params, b"{}", key)
        assert (answer.status, answer.code) == (400, "invalid_request"), (key, answer)


def raw_request(f, params, body, key):
    """As Fcgi.request(), but the key goes as latin-1: bytes that are no UTF-8."""
    import weirtest

    pairs = b"".join(weirtest.fcgi_pair(k.encode(), v.encode("latin-1")) for k, v in params.items())
    f.send(weirtest.fcgi_record(weirtest.PARAMS, pairs) + weirtest.fcgi_record(weirtest.PARAMS))
    f.send(weirtest.fcgi_record(weirtest.STDIN, body) + weirtest.fcgi_record(weirtest.STDIN))
    return f.answer()


# ---- the request itself --------------------------------------------------------------


def test_unknown_paths(weir, user, unchanged):
    for path in ("/api/", "/api/nothing", "/api/conversations/", "/api//conversations", "/api/me/",
                 "/API/me", "/api/tasks/a/b/c/d", "/api/../etc/passwd", "/api/%2e%2e/", "/api/conversations/a%2fb"):
        answer = weir.get(path, user)
        if path in ("/API/me", "/api/../etc/passwd", "/api/%2e%2e/") and answer.status == 200:
            # outside the API: the web app, where it is built, says what it does not know
            assert answer.headers["Content-Type"].startswith("text/html")
            continue
        assert answer.status in (400, 404), (path, answer)


def test_methods_that_are_not_there(weir, routes, user, unchanged):
    known = {}
    for method, path, _ in routes:
        known.setdefault(path, set()).add(method)
    # as the id of a key or conversation, which takes a body
    shadowed = {("PATCH", "/api/keys/export"), ("PATCH", "/api/conversations/arrange"), ("PATCH", "/api/conversations/export")}
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"} - methods:
            body = {} if (method, path) in shadowed else None
            answer = weir.request(method, fill(path, {}), user, body)
            if answer.status in (403, 404):  # another row has this shape
                continue
            if path in ("/api/admin/channels/test-all", "/api/admin/channels/events", "/api/admin/jobs/replay") and answer.status == 403:  # as an id, for admins
                continue
            assert (answer.status, answer.code) == (405, "method_not_allowed"), (method, path, answer)
            assert methods <= set(answer.headers["Allow"].split(", ")), (path, answer.headers["Allow"])


def test_an_address_that_is_too_long(weir, user, unchanged):
    with Fcgi(weir.fcgi_path) as f:
        answer = f.request("GET", "/api/models?q=" + "x" * 9000, headers={"Authorization": "Bearer " + user.token})
        assert (answer.status, answer.code) == (414, "uri_too_long"), answer


def test_headers_that_are_too_large(weir, user, unchanged):
    with Fcgi(weir.fcgi_path) as f:
        answer = f.request("GET", "/api/models", headers={"Authorization": "Bearer " + user.token, "X-Big": "x" * 40000})
        assert (answer.status, answer.code) == (431, "headers_too_large"), answer


def test_request_ids(weir, unchanged):
    assert weir.get("/healthz", headers={"X-Request-Id": "sane-id.123"}).headers["X-Request-Id"] == "sane-id.123"
    for odd in ("short", "x" * 65, "with space in it", "quote\"quote\"", "sl/ash/sl/ash", "{$jndi:x}xxxxx"):
        answer = weir.get("/healthz", headers={"X-Request-Id": odd})
        assert answer.status == 200 and uuid.UUID(answer.headers["X-Request-Id"]), odd
