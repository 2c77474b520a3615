"""?sort= of every list that has it, as /api/openapi.json tells: whole, in order, page by page, there and back."""

import uuid

import pytest


@pytest.fixture(scope="module")
def everything(weir, admin):
    """Rows of all kinds, with equal values and without any."""
    users = [weir.make_user(credits=str(n % 3)) for n in range(4)]
    with weir.pg() as pg:
        pg.query("UPDATE users SET nickname = CASE WHEN credits > 0 THEN 'Zoë' ELSE 'anna' END, last_login_at ="
                 " CASE WHEN credits > 1 THEN NULL ELSE last_login_at END")
        pg.query("INSERT INTO usage (request_id, user_id, model, op, status, request_tokens, response_tokens, cost,"
                 " latency_ms, first_token_ms) SELECT 'r' || n, $1, 'm' || n % 3, 'chat', 'completed', n % 4, 0, n % 5 / 3.0,"
                 " n, CASE WHEN n % 2 = 0 THEN n / 3 END FROM generate_series(1, 12) AS n", admin.id)
        # of version 7, as ours are: their order is that of their time
        pg.query("INSERT INTO jobs (id, kind, status, priority, created_at, ended_at) SELECT ('01900000-0000-7000-8000-00000000000' || n)::uuid,"
                 " 'k' || n % 2, 'done', n % 3, '2024-06-10T02:35:18Z', now() - n / 2 * interval '1 s' FROM generate_series(1, 8) AS n")
        pg.query("INSERT INTO security_events (kind, user_id, action, hour, resolved_at, key_id)"
                 " SELECT CASE n % 2 WHEN 0 THEN 'failures' ELSE 'new_model' END::security_kind, $1, 'tell', now(),"
                 " CASE WHEN n % 3 = 0 THEN now() END, gen_random_uuid() FROM generate_series(1, 7) AS n", admin.id)
    for n in range(5):
        answer = weir.post("/api/keys", {"name": f"{'kK'[n % 2]}ey {n // 2}", "label": "l" * (n % 2)}, admin)
        assert answer.status == 201, answer
        weir.weirctl("credits", "grant", admin.login, str(n + 1), "--reason", "test")
        weir.weirctl("channel", "add", f"{'cC'[n % 2]}hannel {n}", "--provider", "openai", "--url", weir.demo_url, "--key-stdin",
                     "--allow-private", "--model", "demo", input="demo\n")
    return users


@pytest.fixture(scope="module")
def sorts(weir):
    """{path: what its ?sort= may say} of every route."""
    found = {}
    for path, methods in weir.get("/api/openapi.json").json["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", []):
            if parameter["name"] == "sort":
                assert parameter["in"] == "query" and parameter["required"] is False
                found[path] = parameter["schema"]["enum"]
    assert len(found) >= 11, found
    return found


def pages(weir, who, path, cursor, behind=None):
    """All items, page after page, from `behind` on."""
    items, more = [], True
    while more:
        answer = weir.get(path + (f"&{cursor}={behind}" if behind else ""), who)
        assert answer.status == 200, answer
        page = answer.json["items"]
        items += page
        more = answer.json["has_more"]
        assert page or not more
        behind = page[-1]["id"] if page else None
    return items


def by(item, name):
    """What the item says of it; absent comes first, words without their case."""
    value = item.get(name)
    if name == "name" and "nickname" in item:
        value = item["nickname"] or item["email"]
    return (value is not None, value.lower() if isinstance(value, str) else value)


def test_every_list_by_everything(weir, admin, everything, sorts):
    known = {}
    for path, choices in sorts.items():
        url = path.replace("{user_id}", admin.id)
        known[path] = {i["id"] for i in pages(weir, admin, f"{url}?limit=100", "after_id" if path in (
            "/api/admin/channels", "/api/admin/models") else "before_id")}
        assert len(known[path]) >= (3 if "models" in path or "prices" in path else 5), path
        for sort in choices:
            down = sort.startswith("-")
            on, back = ("before_id", "after_id") if down else ("after_id", "before_id")
            items = pages(weir, admin, f"{url}?limit=2&sort={sort}", on)
            ids = [i["id"] for i in items]
            assert len(ids) == len(set(ids)) and set(ids) == known[path], (path, sort)
            values = [by(i, sort.lstrip("-")) for i in items]
            assert values == sorted(values, reverse=down), (path, sort, values)
            # and back: the page before the last item is what was read before it
            answer = weir.get(f"{url}?limit=2&sort={sort}&{back}={ids[-1]}", admin).json
            assert [i["id"] for i in answer["items"]] == ids[-3:-1] and answer["has_more"] is (len(ids) > 3), (path, sort)


def test_what_is_no_sort(weir, admin, sorts):
    for path in [*sorts, "/api/conversations", "/api/uploads", "/api/models", "/api/agents"]:
        for wrong in ("nonsense", "-", "", "--created_at", "created_at -created_at", "created_a", "id; DROP TABLE users"):
            answer = weir.get(path.replace("{user_id}", admin.id) + "?sort=" + wrong.replace(" ", "%20"), admin)
            assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", "sort"), (path, wrong)


def test_a_cursor_that_is_gone(weir, admin, sorts):
    for path, choices in sorts.items():
        number = path not in ("/api/admin/users", "/api/admin/keys", "/api/keys", "/api/admin/jobs")
        for sort in choices:
            gone = 10**15 if number else uuid.uuid4()
            answer = weir.get(f"{path.replace('{user_id}', admin.id)}?sort={sort}&before_id={gone}", admin)
            assert (answer.status, answer.json["details"]["field"]) == (400, "before_id"), (path, sort, answer)


def test_only_ones_own(weir, everything, sorts):
    other = everything[0]
    for path in ("/api/keys", "/api/usage/records", "/api/me/credits/history"):
        for sort in sorts[path]:
            items = weir.get(f"{path}?sort={sort}", other).json["items"]
            assert items == (weir.get(path, other).json["items"] if items else []) and len(items) <= 1, (path, sort)


def test_filters_stay(weir, admin, everything):
    items = weir.get("/api/admin/usage/records?model=m1&sort=-cost&limit=100", admin).json["items"]
    assert len(items) == 4 and {i["model"] for i in items} == {"m1"}
    items = weir.get("/api/admin/users?role=admin&sort=email", admin).json["items"]
    assert items and {u["role"] for u in items} == {"admin"}


def test_the_newest_ten_thousand_are_sorted(weir, admin, everything):
    """So much is read for a page, however large the table; by created_at the whole of it."""
    with weir.pg() as pg:
        pg.query("INSERT INTO usage (user_id, model, op, status, request_tokens, response_tokens, cost, latency_ms)"
                 " SELECT $1, 'many', 'chat', 'completed', 1, 1, CASE WHEN n = 1 THEN 99 ELSE n / 1e6 END, n"
                 " FROM generate_series(1, 10001) AS n", everything[1].id)
    path = f"/api/admin/usage/records?model=many&user_id={everything[1].id}&limit=1"
    dearest = weir.get(path + "&sort=-cost", admin).json["items"][0]
    assert dearest["latency_ms"] == 10001, dearest  # not the very first, which stands behind ten thousand
    assert weir.get(path + "&sort=created_at", admin).json["items"][0]["latency_ms"] == 1
