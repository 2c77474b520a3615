"""Groups, and budgets of users, groups and keys: who may still spend what, refusals, history, reminders."""

import email
import email.policy
import os
import queue
import threading
import time
import uuid

import pytest

from weirtest import at_once, wait_until

CHAT = "/v1/chat/completions"
MISSING = str(uuid.uuid4())
WEIR_CONF = {"limits": {"user_tasks": "50"}}


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


@pytest.fixture(scope="module")
def one():
    """A model whose every answer costs 1."""
    return "one-" + uuid.uuid4().hex[:8]


@pytest.fixture(scope="module", autouse=True)
def shop(weir, one):
    weir.weirctl("model", "add", one, "--input", "0", "--output", "0", "--call", "1", "--context", "32000", "--max-output", "100")
    with weir.pg() as pg:
        pg.query("INSERT INTO channel_models (channel_id, model_id, upstream_name)"
                 " SELECT c.id, m.id, 'demo-fast' FROM channels c, llm_models m WHERE c.name = 'demo' AND m.name = $1", one)


@pytest.fixture
def group(weir, admin):
    name = "g" + uuid.uuid4().hex[:12]
    assert weir.post("/api/admin/groups", {"name": name}, admin).status == 201
    return name


def ask(weir, who, model, content="hello", **more):
    return weir.post(CHAT, {"model": model, "messages": [{"role": "user", "content": content}], **more}, who)


def give(weir, admin, user, **budget):
    answer = weir.patch(f"/api/admin/users/{user.id}", {"budget": budget or None}, admin)
    assert answer.status == 200, answer
    return answer.json["budget"]


def audited(weir, action, object):
    with weir.pg() as pg:
        return int(pg.one("SELECT count(*) FROM audit_log WHERE action = $1 AND object = $2 AND result = 'ok'", action, object))


# ---- groups ----------------------------------------------------------------------


def test_groups(weir, admin):
    name = "g" + uuid.uuid4().hex[:12]
    made = weir.post("/api/admin/groups", {"name": name, "ratio": "0.8", "description": "friends",
                                           "budget": {"amount": 50, "period": "month"}}, admin)
    assert made.status == 201, made
    assert {k: made.json[k] for k in ("name", "ratio", "description", "users", "keys")} == {
        "name": name, "ratio": 0.8, "description": "friends", "users": 0, "keys": 0}
    assert (made.json["budget"]["amount"], made.json["budget"]["left"], made.json["budget"]["period"]) == (50, 50, "month")
    assert made.json["budget"]["resets_at"].endswith("T00:00:00.000Z")
    listed = weir.get("/api/admin/groups", admin).json["items"]
    assert made.json in listed and "default" in [g["name"] for g in listed]
    changed = weir.patch(f"/api/admin/groups/{name}", {"ratio": 0, "budget": None}, admin)
    assert changed.status == 200 and changed.json["ratio"] == 0 and changed.json["budget"] is None and changed.json["description"] == "friends"
    user = weir.make_user()
    assert weir.patch(f"/api/admin/users/{user.id}", {"group": name}, admin).json["group"] == name
    refused(weir.delete(f"/api/admin/groups/{name}", admin), 409, "conflict")
    weir.patch(f"/api/admin/users/{user.id}", {"group": "default"}, admin)
    assert weir.delete(f"/api/admin/groups/{name}", admin).status == 204
    refused(weir.delete(f"/api/admin/groups/{name}", admin), 404, "not_found")
    refused(weir.patch(f"/api/admin/groups/{name}", {"ratio": 1}, admin), 404, "not_found")
    refused(weir.delete("/api/admin/groups/default", admin), 409, "conflict")
    assert all(audited(weir, f"group.{verb}", f"group:{name}") for verb in ("create", "update", "delete"))


def test_groups_that_are_refused(weir, admin, user, group):
    refused(weir.post("/api/admin/groups", {"name": group}, admin), 409, "conflict", "name")
    for bad, field in (({"name": "Big"}, "name"), ({"name": "-x"}, "name"), ({"name": "x y"}, "name"), ({"name": ""}, "name"), ({}, "name"),
                       ({"name": "x", "ratio": -1}, "ratio"), ({"name": "x", "ratio": 1001}, "ratio"), ({"name": "x", "budget": 7}, "budget"),
                       ({"name": "x", "budget": {}}, "budget"), ({"name": "x", "budget": {"amount": 1, "period": "hour"}}, "budget")):
        refused(weir.post("/api/admin/groups", bad, admin), 400, "invalid_request", field)
    refused(weir.patch(f"/api/admin/groups/{group}", {"budget": {"amount": -1}}, admin), 400, "invalid_request", "budget")
    for name in ("none-such", "NO WAY"):
        refused(weir.patch(f"/api/admin/users/{user.id}", {"group": name}, admin), 400, "invalid_request", "group")
    refused(weir.patch(f"/api/admin/users/{user.id}", {"budget": {"amount": "x"}}, admin), 400, "invalid_request", "budget")
    refused(weir.patch(f"/api/admin/users/{MISSING}", {"budget": {"amount": 1}}, admin), 404, "not_found")
    refused(weir.request("PUT", f"/api/admin/keys/{MISSING}/group", admin, {"group": group}), 404, "not_found")
    key = weir.post("/api/keys", {"name": "k"}, weir.make_user()).json
    refused(weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": "none-such"}), 400, "invalid_request", "group")
    refused(weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": ""}), 400, "invalid_request", "group")
    assert weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": None}).json["group"] is None
    for method, path, body in (("GET", "/api/admin/groups", None), ("POST", "/api/admin/groups", {}), ("PATCH", f"/api/admin/groups/{group}", {}),
                               ("DELETE", f"/api/admin/groups/{group}", None), ("GET", "/api/admin/quota-history", None),
                               ("PUT", f"/api/admin/keys/{MISSING}/group", {"group": None})):
        refused(weir.request(method, path, user, body), 403, "forbidden")
        refused(weir.request(method, path, None, body), 401, "unauthenticated")


# ---- budgets ---------------------------------------------------------------------


def test_a_users_budget(weir, admin, one):
    user = weir.make_user()
    assert give(weir, admin, user, amount=2.5, period="day")["left"] == 2.5
    assert ask(weir, user, one).status == 200
    turn = weir.chat(user, "in a chat", model=one)
    assert turn.final["data"]["credits_consumed"] == 1
    answer = ask(weir, user, one)
    assert answer.status == 402 and answer.json["error"]["code"] == "insufficient_quota", answer
    turn = weir.chat(user, "again", model=one)
    details = refused(turn.answer, 402, "insufficient_credits").json["details"]
    assert (details["budget"], details["left"], details["required"]) == ("user", 0.5, 1) and details["resets_at"]
    assert weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"] == [], "a refused question is not kept"
    quota = weir.get("/api/me/quota", user).json
    assert {k: quota["user_budget"][k] for k in ("amount", "period", "spent", "held", "left")} == {
        "amount": 2.5, "period": "day", "spent": 2, "held": 0, "left": 0.5}
    assert (quota["group"], quota["ratio"], quota["group_budget"], quota["balance"]) == ("default", 1, None, 998)
    give(weir, admin, user, amount=3, period="month")
    assert ask(weir, user, one).status == 200, "raised"
    assert ask(weir, user, one).status == 402
    give(weir, admin, user)
    assert ask(weir, user, one).status == 200
    assert weir.get("/api/me/quota", user).json["user_budget"] is None
    history = weir.get("/api/me/quota/history", user).json["items"]
    assert [(h["reason"], h["before"], h["after"]) for h in history if h["reason"] == "budget"] == [
        ("budget", 3, None), ("budget", 2.5, 3), ("budget", None, 2.5)]
    assert {h["actor_id"] for h in history if h["reason"] == "budget"} == {admin.id}
    assert audited(weir, "user.update", f"user:{user.id}") == 3
    weir.audit()


def test_what_is_held_is_not_left(weir, admin, one):
    user = weir.make_user()
    give(weir, admin, user, amount=1)
    with weir.stream(CHAT, {"model": one, "messages": [{"role": "user", "content": "[[demo deltas=40 interval=50]] slow"}], "stream": True}, user) as s:
        next(s.events())
        budget = weir.get("/api/me/quota", user).json["user_budget"]
        assert (budget["held"], budget["left"], budget["spent"], budget["resets_at"]) == (1, 0, 0, None)
        assert ask(weir, user, one).status == 402
    wait_until(lambda: weir.get("/api/me/quota", user).json["user_budget"]["held"] == 0, "the settlement")
    weir.audit()


def test_a_groups_budget(weir, admin, group, one):
    a, b = weir.make_user(), weir.make_user()
    for member in (a, b):
        weir.patch(f"/api/admin/users/{member.id}", {"group": group}, admin)
    weir.patch(f"/api/admin/groups/{group}", {"budget": {"amount": 2, "period": "week"}}, admin)
    assert ask(weir, a, one).status == ask(weir, b, one).status == 200
    assert ask(weir, a, one).status == 402
    details = refused(weir.chat(b, "no", model=one).answer, 402, "insufficient_credits").json["details"]
    assert (details["budget"], details["left"]) == ("group", 0)
    assert weir.get("/api/me/quota", a).json["group_budget"]["spent"] == 2
    (found,) = [g for g in weir.get("/api/admin/groups", admin).json["items"] if g["name"] == group]
    assert (found["users"], found["budget"]["left"]) == (2, 0)
    kinds = weir.get(f"/api/admin/quota-history?kind=group&subject={group}", admin).json["items"]
    assert [(h["reason"], h["percent"]) for h in kinds] == [("reminder", 95), ("budget", None)]
    weir.audit()


def test_a_keys_budget_says_so(weir, one):
    user = weir.make_user()
    key = weir.post("/api/keys", {"name": "k", "budget": {"amount": 1, "period": "day"}}, user).json
    assert ask(weir, key["key"], one).status == 200
    answer = ask(weir, key["key"], one)
    assert answer.status == 402 and "key" in answer.json["error"]["message"], answer
    assert weir.patch(f"/api/keys/{key['id']}", {"budget": {"amount": 1, "period": "month"}}, user).json["budget"]["left"] == 0
    assert ask(weir, key["key"], one).status == 402, "another period forgets nothing"
    assert weir.patch(f"/api/keys/{key['id']}", {"budget": {"amount": 3, "period": "day"}}, user).json["budget"]["left"] == 2
    history = weir.get(f"/api/me/quota/history?kind=key&subject={key['id']}", user).json["items"]
    assert [(h["reason"], h["before"], h["after"]) for h in history] == [("budget", 1, 3), ("budget", 1, 1), ("reminder", None, 1)]
    first = weir.get("/api/me/quota/history?limit=1", user).json
    assert first["has_more"] is True
    other = weir.make_user()
    assert weir.get("/api/me/quota/history", other).json["items"] == []
    refused(weir.get(f"/api/me/quota/history?before_id={first['items'][0]['id']}", other), 400, "invalid_request", "before_id")


@pytest.mark.parametrize("whose", ["user", "group"])
def test_many_at_the_edge(weir, admin, group, one, whose):
    """With a budget for seven, of thirty at once exactly seven are answered, through all processes."""
    user = weir.make_user()
    if whose == "user":
        give(weir, admin, user, amount=7, period="month")
    else:
        weir.patch(f"/api/admin/users/{user.id}", {"group": group}, admin)
        weir.patch(f"/api/admin/groups/{group}", {"budget": {"amount": 7, "period": "month"}}, admin)
    statuses = at_once(30, lambda n: ask(weir, user, one, f"number {n}").status, threads=10)
    assert sorted(statuses) == [200] * 7 + [402] * 23
    assert weir.get("/api/me/quota", user).json[f"{whose}_budget"]["left"] == 0
    weir.audit()


def busy(weir, key, model):
    """Ask until allowances serve the key."""
    def served():
        at_once(16, lambda n: ask(weir, key["key"], model, f"warm {n}"), threads=8)
        with weir.pg() as pg:
            return int(pg.one("SELECT count(*) FROM usage u JOIN api_keys k ON k.id = u.key_id"
                              " WHERE k.id = $1 AND u.allowance_id IS NOT NULL", key["id"])) > 0
    wait_until(served, "an allowance")


@pytest.mark.parametrize("how", ["user", "group", "moved", "key moved"])
def test_a_budget_while_an_allowance_lives(weir, admin, group, one, how):
    """What was set aside before there was a budget is not spent past it."""
    user = weir.make_user(credits=100000)
    key = weir.post("/api/keys", {"name": "k"}, user).json
    other = weir.post("/api/keys", {"name": "other"}, user).json
    if how == "group":
        weir.patch(f"/api/admin/users/{user.id}", {"group": group}, admin)
    elif how != "user":
        weir.patch(f"/api/admin/groups/{group}", {"budget": {"amount": 0}}, admin)
    busy(weir, key, one)
    if how == "user":
        give(weir, admin, user, amount=0)
    elif how == "group":
        weir.patch(f"/api/admin/groups/{group}", {"budget": {"amount": 0}}, admin)
    elif how == "moved":
        weir.patch(f"/api/admin/users/{user.id}", {"group": group}, admin)
    else:
        weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": group})
    # a process hears of it when a round of its is over: until then those that are on their way at the same time go through
    wait_until(lambda: ask(weir, key["key"], one).status == 402, "the first refusal", timeout_s=3)
    free = how == "key moved"
    statuses = at_once(80, lambda n: (n % 2, ask(weir, (key, other)[n % 2]["key"], one, f"number {n}").status), threads=8)
    assert [s for which, s in statuses if which == 0].count(200) <= 8 // 2, statuses
    assert {s for which, s in statuses if which == 1} <= ({200} if free else {200, 402}), statuses
    assert ask(weir, key["key"], one).status == 402
    weir.audit()


# ---- reminders -------------------------------------------------------------------


def mails_to(weir, address):
    found, folder = [], weir.folder + "/mail"
    for name in sorted(os.listdir(folder)):
        if name.endswith(".eml"):
            with open(os.path.join(folder, name), "rb") as f:
                message = email.message_from_binary_file(f, policy=email.policy.default)
            if message["To"] == address:
                found.append(message)
    return found


def test_reminders_once(weir, admin, one):
    user = weir.make_user()
    give(weir, admin, user, amount=20, period="month")
    told = queue.Queue()
    stream = weir.stream("/api/events", user=user, method="GET", timeout_s=60)

    def listen():
        try:
            for event in stream.events():
                if event.json["type"] == "quota":
                    told.put(event.json["data"])
        except (OSError, ValueError, AttributeError):
            pass

    threading.Thread(target=listen, daemon=True).start()
    for n in range(20):
        assert ask(weir, user, one, f"number {n}").status == 200
    news = [told.get(timeout=20) for _ in range(2)]
    stream.close()
    assert [(n["kind"], n["percent"], n["budget"], n["spent"]) for n in news] == [("user", 80, 20, 16), ("user", 95, 20, 19)]
    wait_until(lambda: len(mails_to(weir, user.login)) >= 2, "two mails")
    assert "19 of 20" in mails_to(weir, user.login)[1].get_content() or "19 of 20" in mails_to(weir, user.login)[0].get_content()
    time.sleep(6)  # another round of the sweep
    assert told.empty() and len(mails_to(weir, user.login)) == 2


# ---- weirctl -------------------------------------------------------------------------


def wrong(weir, *words, status=1):
    done = weir.weirctl(*words, check=False)
    assert done.returncode == status and done.stderr, done
    return done.stderr


def test_weirctl_groups(weir, admin):
    name, user = "c" + uuid.uuid4().hex[:12], weir.make_user()
    ctl = lambda *words: weir.weirctl("group", *words).stdout  # noqa: E731
    of = lambda: next((g for g in weir.get("/api/admin/groups", admin).json["items"] if g["name"] == name), None)  # noqa: E731
    assert "added" in ctl("add", name, "--ratio", "0.25", "--description", "some of us", "--budget", "9.5", "--period", "week")
    made = of()
    assert (made["ratio"], made["description"], made["budget"]["amount"], made["budget"]["period"]) == (0.25, "some of us", 9.5, "week")
    (row,) = [line for line in ctl("list").splitlines() if line.startswith(name)]
    assert "0.25" in row and "9.5 of 9.5 (week)" in row and "some of us" in row
    assert f'"{name}"' in ctl("list", "--json")
    ctl("set", name, "--budget", "3")
    assert (of()["budget"]["amount"], of()["ratio"]) == (3, 0.25)
    ctl("set", name, "--no-budget", "--ratio", "2")
    assert (of()["budget"], of()["ratio"]) == (None, 2)
    assert "is in group" in ctl("join", name, user.login) and of()["users"] == 1
    assert "somebody is in" in wrong(weir, "group", "remove", name)
    ctl("join", "default", user.login)
    ctl("remove", name)
    assert of() is None
    assert audited(weir, "group.create", f"group:{name}") == audited(weir, "group.delete", f"group:{name}") == 1
    assert audited(weir, "group.update", f"group:{name}") == 2 and audited(weir, "user.update", f"user:{user.id}") == 2
    assert "name" in wrong(weir, "group", "add", "No Name") and "ratio" in wrong(weir, "group", "add", name, "--ratio", "x")
    assert "amount" in wrong(weir, "group", "add", name, "--budget", "-1") and "period" in wrong(weir, "group", "add", name, "--budget", "1", "--period", "year")
    for words in (("set", name, "--ratio", "1"), ("remove", name), ("join", name, user.login), ("join", "default", "nobody@example.org")):
        wrong(weir, "group", *words)
    for words in ((), ("add",), ("set", "default"), ("set", "default", "--period", "day"), ("set", "default", "--budget", "1", "--no-budget"), ("list", "x")):
        wrong(weir, "group", *words, status=2)
    assert of() is None


def test_weirctl_budgets(weir, admin):
    user = weir.make_user()
    ctl = lambda *words: weir.weirctl("budget", *words).stdout  # noqa: E731
    of = lambda: weir.get(f"/api/admin/users/{user.id}", admin).json["budget"]  # noqa: E731
    ctl("set", user.login, "12.25", "--period", "day")
    assert (of()["amount"], of()["period"]) == (12.25, "day")
    head, row = ctl("show", user.login).splitlines()
    assert row.split()[:3] == ["user", "12.25", "day"] and "LEFT" in head
    ctl("set", user.login, "5")
    assert (of()["amount"], of()["period"]) == (5, "none")
    ctl("remove", user.login)
    assert of() is None and len(ctl("show", user.login).splitlines()) == 1
    assert len(ctl("history", user.login).splitlines()) >= 3 and len(ctl("history", "--limit", "1").splitlines()) == 2
    assert audited(weir, "user.update", f"user:{user.id}") == 3
    for words in (("set", user.login, "-1"), ("set", user.login, "much"), ("set", user.login, "1", "--period", "year"), ("set", "nobody@example.org", "1"),
                  ("show", "nobody@example.org"), ("remove", "nobody@example.org"), ("history", "--limit", "0")):
        wrong(weir, "budget", *words)
    for words in ((), ("set", user.login), ("show",), ("show", "a", "b"), ("remove",)):
        wrong(weir, "budget", *words, status=2)
    assert of() is None
