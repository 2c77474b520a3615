"""People are told on their devices what has ended, and nobody else is; preferences are the account's."""

import json
import time
import urllib.parse

import pytest
from pushservice import PushService, b64
from weirtest import wait_until

PUSH, PREFERENCES = "/api/me/push", "/api/me/preferences"
PASSWORD = "correct horse battery"
WEIR_CONF = {"push": {"contact": "mailto:ops@example.net", "allow_private": "yes"}}
service = PushService()


@pytest.fixture(scope="module", autouse=True)
def maker(weir):
    """A model that makes pictures."""
    weir.weirctl("model", "add", "gpt", "--type", "image", "--input", "0", "--output", "0", "--context", "100", "--max-output", "100")
    with weir.pg() as pg:
        pg.query("SELECT model_set_base_price(id, 'image', 0) FROM llm_models WHERE name = 'gpt'")
        pg.query("UPDATE llm_models SET media = $1, sort = 1000 WHERE name = 'gpt'",
                 json.dumps({"size": {"field": "size", "values": ["1024x1024"]}, "n": {"field": "n", "max": 3}}))
        pg.query("UPDATE prices SET unit_price = 1, per = 1 WHERE meter = 'image' AND model_id = (SELECT id FROM llm_models WHERE name = 'gpt')")
    weir.weirctl("channel", "add", "gpt", "--provider", "openai-compatible", "--url", weir.demo_url, "--key-stdin", "--allow-private",
                 "--model", "gpt=demo", input="demo\n")
    time.sleep(0.6)  # until the responders know
    yield
    weir.audit()


@pytest.fixture
def user(weir):
    return weir.make_user(password=PASSWORD)


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer.json


def rows(weir, sql, *args):
    with weir.pg() as pg:
        return pg.query(sql, *args)


def jobs(weir, user):
    return rows(weir, "SELECT id, status, attempts, payload, error FROM jobs WHERE kind = 'push' AND user_id = $1 ORDER BY created_at", user.id)


def settled(weir, user, n):
    """n messages for the user's devices have been sent, or given up."""
    wait_until(lambda: [j[1] for j in jobs(weir, user)] == ["done"] * n, lambda: jobs(weir, user), timeout_s=60)


def subscribe(weir, user):
    """A browser of theirs that is told."""
    browser = service.browser(weir.get(PUSH, user).json["public_key"])
    answer = weir.post(PUSH, browser.subscription(), user)
    assert answer.status == 201, answer
    browser.id = answer.json["id"]
    return browser


def devices(weir, user):
    return weir.get(PUSH, user).json["items"]


def make(weir, user, prompt="a weir", **fields):
    answer = weir.post("/api/images/generate", {"model": "gpt", "prompt": prompt, **fields}, user)
    assert answer.status == 202, answer
    task = answer.json["task"]["id"]
    wait_until(lambda: weir.get(f"/api/tasks/{task}", user).json["status"] in ("completed", "failed"),
               lambda: weir.get(f"/api/tasks/{task}", user), timeout_s=60)
    return task


def test_subscribing(weir, user):
    first = weir.get(PUSH, user).json
    assert first["is_on"] is True and first["items"] == [] and weir.get(PUSH, weir.make_user()).json["public_key"] == first["public_key"]
    refused(weir.post(PUSH + "/test", None, user), 404, "not_found")
    good = service.browser(first["public_key"]).subscription()
    for field, value in (("endpoint", "ftp://push.example.net/x"), ("endpoint", "https://"), ("endpoint", "https://u:p@push.example.net/x"),
                         ("endpoint", "https://push.example.net/" + "x" * 2048), ("p256dh", b64(b"\4" + b"x" * 64)),
                         ("p256dh", b64(b"\5" + b"x" * 64)), ("p256dh", "!" * 87), ("auth", "x" * 21), ("auth", "x" * 23), ("auth", "x" * 21 + "B")):
        refused(weir.post(PUSH, {**good, field: value}, user), 400, "invalid_request", field)
    assert devices(weir, user) == []
    browser = subscribe(weir, user)
    (device,) = devices(weir, user)
    assert device["id"] == browser.id and device["current"] and device["last_ok_at"] is None and device["failures"] == 0
    again = subscribe(weir, user)  # the same sign-in has one
    assert [d["id"] for d in devices(weir, user)] == [again.id]
    # the same browser, somebody else: it is theirs now
    other = weir.make_user()
    assert weir.post(PUSH, again.subscription(), other).status == 201
    assert devices(weir, user) == [] and len(devices(weir, other)) == 1
    refused(weir.delete(f"{PUSH}/{devices(weir, other)[0]['id']}", user), 404, "not_found")
    assert weir.delete(f"{PUSH}/{devices(weir, other)[0]['id']}", other).status == 204 and devices(weir, other) == []
    # ten, and no more
    for _ in range(10):
        subscribe(weir, weir.sign_in(user.login, PASSWORD))
    last = refused(weir.post(PUSH, good, user), 409, "too_many_devices")
    assert last["details"]["limit"] == 10 and len(devices(weir, user)) == 10
    key = weir.post("/api/keys", {"name": "k"}, user).json["key"]
    assert weir.post(PUSH, good, key).status in (401, 403)


def test_a_private_address(weir, user):
    """Refused when it is said; and where it is there all the same, nothing is sent."""
    conf = weir.folder + "/guarded.conf"
    weir.write_conf({"push": {"contact": "mailto:ops@example.net"}}, conf)
    browser = subscribe(weir, user)
    weir.daemons.stop("worker")
    weir.start_worker(conf=conf)
    try:
        assert weir.post(PUSH + "/test", None, user).status == 202
        wait_until(lambda: jobs(weir, user) and jobs(weir, user)[0][1] == "dead", lambda: jobs(weir, user), timeout_s=60)
        # an https address whose name leads to this host
        at = urllib.parse.urlsplit(service.url)
        rows(weir, "DELETE FROM jobs WHERE user_id = $1", user.id)
        rows(weir, "UPDATE push_subscriptions SET endpoint = $2 WHERE user_id = $1", user.id, f"https://weir.localhost:{at.port}{browser.path}")
        assert weir.post(PUSH + "/test", None, user).status == 202
        wait_until(lambda: jobs(weir, user) and jobs(weir, user)[0][1] == "done", lambda: jobs(weir, user), timeout_s=60)
        assert browser.requests == [] and devices(weir, user)[0]["failures"] == 1
    finally:
        weir.daemons.stop("worker")
        weir.start_worker()


def test_a_picture(weir, user):
    """One message for each device, which it alone can read; another's device hears nothing."""
    other = weir.make_user()
    theirs, here = subscribe(weir, other), subscribe(weir, user)
    there = subscribe(weir, weir.sign_in(user.login, PASSWORD))
    task = make(weir, user, "my secret garden")
    settled(weir, user, 2)
    for browser in (here, there):
        ((status, headers, body),) = browser.requests
        assert status == 201 and headers["Content-Encoding"] == "aes128gcm" and int(headers["TTL"]) > 0
        assert headers["Urgency"] == "normal" and len(headers["Topic"]) <= 32 and b"garden" not in body
        assert browser.sender(headers)["sub"] == "mailto:ops@example.net"
        assert browser.messages() == [{"title": "Your picture is ready", "path": "/media", "tag": f"task {task}"}]
    with pytest.raises(ValueError):  # nobody else's key reads it
        there.read(here.requests[0][2])
    assert theirs.requests == [] and "garden" not in str(jobs(weir, user))
    assert [(d["failures"], d["last_ok_at"] is not None) for d in devices(weir, user)] == [(0, True)] * 2
    # in Chinese, of one that failed, in a conversation
    assert weir.patch(PREFERENCES, {"language": "zh"}, user).json["language"] == "zh"
    assert weir.get("/api/me", user).json["locale"] == "zh"
    conversation = weir.conversation(user)
    make(weir, user, "[[demo status=400]] a weir", conversation_id=conversation)
    settled(weir, user, 4)
    assert here.messages()[1]["title"] == "图片生成失败" and here.messages()[1]["path"] == f"/c/{conversation}"
    # who does not want it is not told
    assert weir.patch(PREFERENCES, {"notify_media": False}, user).json["notify_media"] is False
    make(weir, user)
    assert len(jobs(weir, user)) == 4 and len(here.requests) == 2


def test_an_answer_nobody_was_there_to_read(weir, user):
    browser = subscribe(weir, user)
    weir.chat(user, "hello")
    assert jobs(weir, user) == []  # somebody was
    conversation = weir.conversation(user)
    stream = weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "[[demo delay=500 deltas=4]] hello", "model": "demo-fast"}, user)
    task = stream.until("start")[-1].json["data"]["task_id"]
    stream.close()
    settled(weir, user, 1)
    assert browser.messages() == [{"title": "Your answer is ready", "path": f"/c/{conversation}", "tag": f"task {task}"}]
    # of what is to leave no trace nothing is said
    hidden = weir.conversation(user, temporary=True)
    stream = weir.stream(f"/api/conversations/{hidden}/messages/stream", {"content": "[[demo delay=500 deltas=4]] hello", "model": "demo-fast"}, user)
    task = stream.until("start")[-1].json["data"]["task_id"]
    stream.close()
    wait_until(lambda: rows(weir, "SELECT status FROM tasks WHERE id = $1", task) == [("completed",)], lambda: task, timeout_s=60)
    assert len(jobs(weir, user)) == 1


def test_documents(weir, user):
    """Once, when the last of them has ended."""
    browser = subscribe(weir, user)
    base = weir.post("/api/knowledge", {"name": "notes"}, user).json["id"]
    for i in range(3):
        assert weir.post(f"/api/knowledge/{base}/documents", {"text": f"# Weir {i}\n\nwater"}, user).status == 202
    wait_until(lambda: rows(weir, "SELECT count(*) FROM kb_version WHERE kb_id = $1 AND state = 'ready'", base) == [("3",)], lambda: base, timeout_s=60)
    settled(weir, user, len(jobs(weir, user)))
    messages = browser.messages()
    assert messages and all(m == {"title": "Your documents are ready", "path": f"/knowledge/{base}", "tag": f"knowledge {base}"} for m in messages)


def test_what_the_service_says(weir, user):
    """Later: again. Gone: removed. Refused: counted, and removed with the tenth."""
    browser = subscribe(weir, user)
    browser.answers = [503, 429]
    assert weir.post(PUSH + "/test", None, user).status == 202
    for n in (1, 2):
        wait_until(lambda n=n: jobs(weir, user)[0][1:3] == ("waiting", str(n)), lambda: jobs(weir, user), timeout_s=60)
        rows(weir, "UPDATE jobs SET run_at = now() WHERE kind = 'push' AND user_id = $1", user.id)
    settled(weir, user, 1)
    assert [r[0] for r in browser.requests] == [503, 429, 201]
    assert browser.messages() == [{"title": "Notifications work on this device", "path": "/settings/notifications", "tag": "test"}]
    browser.answers = [403]
    assert weir.post(PUSH + "/test", None, user).status == 202
    settled(weir, user, 2)
    assert devices(weir, user)[0]["failures"] == 1
    rows(weir, "UPDATE push_subscriptions SET failures = 9 WHERE id = $1", browser.id)
    browser.answers = [400]
    assert weir.post(PUSH + "/test", None, user).status == 202
    settled(weir, user, 3)
    assert [r[0] for r in browser.requests][3:] == [403, 400] and devices(weir, user) == []
    gone = subscribe(weir, user)
    gone.answers = [410]
    assert weir.post(PUSH + "/test", None, user).status == 202
    settled(weir, user, 4)
    assert devices(weir, user) == []


def test_signing_out(weir, user):
    other = weir.sign_in(user.login, PASSWORD)
    here, there = subscribe(weir, user), subscribe(weir, other)
    assert weir.post("/api/auth/logout", {"refresh_token": other.refresh_token}).status == 204
    assert [d["id"] for d in devices(weir, user)] == [here.id]
    make(weir, user)
    settled(weir, user, 1)
    assert len(here.requests) == 1 and there.requests == []
    # what was on its way when the account went is not sent
    assert weir.post("/api/me/delete", {"password": PASSWORD, "name": user.login}, user).status == 202
    assert rows(weir, "SELECT FROM push_subscriptions WHERE user_id = $1", user.id) == []


def test_preferences(weir, user):
    assert weir.get(PREFERENCES, user).json == {"theme": None, "language": None, "welcome_seen": False, "notify_media": True,
                                                "notify_documents": True, "notify_answers": True}
    answer = weir.patch(PREFERENCES, {"theme": "dark", "welcome_seen": True, "unknown": "x" * 3000}, user)
    assert answer.status == 200 and answer.json["theme"] == "dark" and answer.json["welcome_seen"] is True
    assert rows(weir, "SELECT preferences FROM user_preferences WHERE user_id = $1", user.id) == [('{"theme": "dark", "welcome_seen": true}',)]
    other = weir.sign_in(user.login, PASSWORD)
    assert weir.get(PREFERENCES, other).json["theme"] == "dark"
    assert weir.get(PREFERENCES, weir.make_user()).json["theme"] is None
    changed = weir.patch(PREFERENCES, {"theme": None, "notify_answers": False, "welcome_seen": None}, other).json
    assert changed["theme"] is None and changed["notify_answers"] is False and changed["welcome_seen"] is True
    for name, value in (("theme", "pink"), ("language", "fr"), ("welcome_seen", "yes"), ("notify_media", 1)):
        refused(weir.patch(PREFERENCES, {name: value}, user), 400, "invalid_request", name)


def test_export(weir, user):
    browser = subscribe(weir, user)
    weir.patch(PREFERENCES, {"theme": "light"}, user)
    assert weir.post("/api/me/export", None, user).status == 202
    wait_until(lambda: weir.get("/api/me/export", user).json["status"] == "ready", lambda: "no export", timeout_s=60)
    url = urllib.parse.urlsplit(weir.get("/api/me/export", user).json["url"])
    file = weir.get(f"{url.path}?{url.query}")
    got = json.loads(file.body)
    assert got["preferences"] == [{"theme": "light"}] and [d["id"] for d in got["devices"]] == [browser.id]
    assert browser.path not in file.text  # whoever knows it can bother them


def test_doctor(weir, user):
    subscribe(weir, user)  # there is a key
    said = weir.weirctl("doctor", check=False).stdout
    assert "ok    notifications   mailto:ops@example.net" in said, said
    conf = weir.folder + "/other.conf"
    for options, word in (({"push": {"contact": "ops@example.net"}}, "warn"), ({**WEIR_CONF, "auth": {"encryption_key": b64(bytes(32))}}, "fail"), ({}, "ok")):
        weir.write_conf(options, conf)
        (line,) = [li for li in weir.weirctl("doctor", conf=conf, check=False).stdout.splitlines() if "notifications" in li]
        assert line.startswith(word), line
