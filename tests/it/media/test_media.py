"""Pictures and films: made once, charged once, kept by us; whatever their provider does."""

import base64
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from weirtest import wait_until

IMAGE, EDIT, VIDEO = "/api/images/generate", "/api/images/edit", "/api/videos/generate"
STORY, FROM_IMAGE = "/api/videos/storyboard", "/api/videos/from-image"
PNG = b"\x89PNG\r\n\x1a\n"
MODELS = {  # ours: type, the provider's, meter, price
    "banana": ("image", "google/nano-banana", "image", "5"),
    "banana-edit": ("image", "google/nano-banana-edit", "image", "6"),
    "banana-2": ("image", "nano-banana-2", "image", "8"),
    "sora": ("video", "sora-2-text-to-video", "second", "3"),
    "sora-image": ("video", "sora-2-image-to-video", "second", "3"),
    "sora-story": ("video", "sora-2-pro-storyboard", "second", "9"),
}

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
GPT = {"size": {"field": "size", "values": ["1024x1024"]}, "n": {"field": "n", "max": 3}, "images": {"field": "image", "max": 16},
       "resolution": {"field": "quality", "default": "medium", "values": {"medium": 1, "high": 4}}}
OTHERS = {  # ours: provider, the provider's name of the model, price, how it is asked
    "gpt": ("openai-compatible", "demo", "7", GPT),
    "flux": ("fal", "fal-ai/flux/dev", "3", {"n": {"field": "num_images"}}),
}


def add_models(weir):
    names = []
    with weir.pg() as pg:
        for name, (kind, upstream, meter, price) in MODELS.items():
            weir.weirctl("model", "add", name, "--type", kind, "--input", "0", "--output", "0", "--context", "100", "--max-output", "100")
            pg.query("SELECT model_set_base_price(id, $2, 0) FROM llm_models WHERE name = $1", name, meter)
            pg.query("UPDATE prices SET unit_price = $3, per = 1 WHERE meter = $2 AND model_id = (SELECT id FROM llm_models WHERE name = $1)",
                     name, meter, price)
            names += ["--model", f"{name}={upstream}"]
    weir.weirctl("channel", "add", "kie", "--provider", "kie", "--url", f"http://127.0.0.1:{weir.demo_port}", "--key-stdin",
                 "--allow-private", *names, input="demo\n")
    time.sleep(0.6)  # until the responders know


def add_others(weir):
    for name, (provider, upstream, price, media) in OTHERS.items():
        weir.weirctl("model", "add", name, "--type", "image", "--input", "0", "--output", "0", "--context", "100", "--max-output", "100")
        with weir.pg() as pg:
            pg.query("SELECT model_set_base_price(id, 'image', 0) FROM llm_models WHERE name = $1", name)
            pg.query("UPDATE llm_models SET media = $2, sort = 1000 WHERE name = $1", name, json.dumps(media))
            pg.query("UPDATE prices SET unit_price = $2, per = 1 WHERE meter = 'image' AND model_id = (SELECT id FROM llm_models WHERE name = $1)",
                     name, price)
        weir.weirctl("channel", "add", name, "--provider", provider, "--url", f"http://127.0.0.1:{weir.demo_port}", "--key-stdin",
                     "--allow-private", "--model", f"{name}={upstream}", input="demo\n")


def worker(weir):
    """One that does not wait long for providers."""
    conf = weir.folder + "/impatient.conf"
    weir.write_conf({"upstream": {"first_byte_timeout": "3s"}, "server": {"base_url": f"http://127.0.0.1:{weir.port}"}}, conf)
    weir.start_worker(conf=conf)


@pytest.fixture(scope="module", autouse=True)
def kie(weir):
    add_others(weir)
    add_models(weir)
    weir.daemons.stop("worker")
    worker(weir)
    yield
    weir.audit()


@pytest.fixture
def user(weir):
    return weir.make_user(credits="1000")


def make(weir, user, prompt="a weir", path=IMAGE, status=202, headers=None, **more):
    answer = weir.post(path, {"prompt": prompt, **more}, user, headers=headers)
    assert answer.status in (status, 200), answer  # 200: it has ended already
    return answer.json["task"]


def task(weir, user, ident):
    answer = weir.get(f"/api/tasks/{ident}", user)
    assert answer.status == 200, answer
    return answer.json


def ended(weir, user, ident, status="completed", timeout_s=20):
    wait_until(lambda: task(weir, user, ident)["status"] not in ("pending", "running"), lambda: f"{task(weir, user, ident)}",
               timeout_s=timeout_s)
    t = task(weir, user, ident)
    assert t["status"] == status, t
    return t


def submits(weir, since):
    return [r for r in weir.demo_requests()[since:] if r["path"] == "/api/v1/jobs/createTask"]


def state(weir, ident):
    with weir.pg() as pg:
        (row,) = pg.dicts("SELECT * FROM media_submits WHERE task_id = $1", ident)
        return row


# ---- pictures ----------------------------------------------------------------------


def test_a_picture_is_made_charged_and_kept(weir, user):
    t = make(weir, user)
    assert t["type"] == "image" and t["credits_locked"] == 5 and t["status"] in ("pending", "running")
    t = ended(weir, user, t["id"])
    assert t["progress"] == 100 and t["credits_used"] == 5 and weir.balance(user) == 995
    (file,) = t["result"]["files"]
    assert file["content_type"] == "image/png" and file["url"].endswith("/api/uploads/" + file["id"])
    got = weir.get("/api/uploads/" + file["id"], user)
    assert got.status == 200 and got.body.startswith(PNG) and len(got.body) == file["size_bytes"]
    assert weir.get("/api/uploads/" + file["id"], weir.make_user()).status == 404
    assert [u["id"] for u in weir.get("/api/uploads", user).json["items"]] == [file["id"]]
    with weir.pg() as pg:
        rows = pg.query("SELECT op, cost, status, metadata FROM usage WHERE task_id = $1", t["id"])
        kinds = pg.query("SELECT change_type, change_amount::int FROM credits_history WHERE task_id = $1 AND change_amount < 0", t["id"])
    assert [r[0] for r in rows] == ["images.generate"] and float(rows[0][1]) == 5 and rows[0][2] == "completed"
    assert json.loads(rows[0][3]) == {"units": {"image": 1}}
    assert kinds
    assert state(weir, t["id"])["provider_cost"] == "4.000000"


def test_it_waits_when_asked_to(weir, user):
    t = make(weir, user, wait=True, status=200)
    assert t["status"] == "completed" and t["result"]["files"]


def test_each_way_to_ask(weir, user):
    """The least that each route takes."""
    picture = "https://example.org/a.png"
    for answer in (
        weir.post("/api/images/generate", {"prompt": "a weir"}, user),
        weir.post("/api/images/edit", {"prompt": "brighter", "image_urls": [picture]}, user),
        weir.post("/api/videos/generate", {"prompt": "a weir"}, user),
        weir.post("/api/videos/from-image", {"prompt": "it flows", "image_url": picture}, user),
        weir.post("/api/videos/storyboard", {"shots": [{"scene": "a weir", "duration": 15}]}, user),
    ):
        assert answer.status == 202, answer
        ended(weir, user, answer.json["task"]["id"])


def test_what_fails_costs_nothing(weir, user):
    t = ended(weir, user, make(weir, user, "[[demo result=fail]] a weir")["id"], "failed")
    assert t["credits_used"] == 0 and weir.balance(user) == 1000 and t["error_message"]


@pytest.mark.parametrize("status", [402, 422, 451, 501, 505])
def test_what_is_refused_costs_nothing(weir, user, status):
    since = len(weir.demo_requests())
    ended(weir, user, make(weir, user, f"[[demo fault={status}]] a weir")["id"], "failed")
    assert weir.balance(user) == 1000 and len(submits(weir, since)) == 1


def test_an_edit_and_a_resolution(weir, user):
    t = ended(weir, user, make(weir, user, path=EDIT, image_urls=["https://example.org/a.png"], model="banana-edit")["id"])
    assert t["credits_used"] == 6
    t = ended(weir, user, make(weir, user, model="banana-2", resolution="4K")["id"])
    assert t["credits_used"] == 18


def test_bad_input_changes_nothing(weir, user):
    before = weir.balance(user)
    for path, body, field in (
        (IMAGE, {}, "prompt"), (IMAGE, {"prompt": ""}, "prompt"), (IMAGE, {"prompt": "x", "model": "nobody"}, "model"),
        (IMAGE, {"prompt": "x", "model": "demo"}, "model"), (IMAGE, {"prompt": "x", "model": "banana", "size": "7:1"}, "size"),
        (IMAGE, {"prompt": "x" * 5001, "model": "banana"}, "prompt"), (IMAGE, {"prompt": "x", "model": "banana-edit"}, "model"),
        (IMAGE, {"prompt": "x", "model": "banana", "resolution": "2K"}, "resolution"),
        (EDIT, {"prompt": "x"}, "image_urls"), (EDIT, {"prompt": "x", "image_urls": ["ftp://a/b"]}, "image_urls"),
        (EDIT, {"prompt": "x", "image_urls": [7]}, "image_urls"), (EDIT, {"prompt": "x", "image_urls": ["https://a/b"] * 11}, "image_urls"),
        (VIDEO, {"prompt": "x", "n_frames": "11"}, "n_frames"), (VIDEO, {"prompt": "x", "model": "banana"}, "model"),
        (FROM_IMAGE, {"prompt": "x"}, "image_url"), (STORY, {}, "shots"), (STORY, {"shots": [{"scene": "a"}]}, "shots"),
        (STORY, {"shots": [{"scene": "a", "duration": 3}]}, "shots"),
    ):
        answer = weir.post(path, body, user)
        assert answer.status == 400 and answer.json["details"]["field"] == field, (path, body, answer)
    assert weir.post(IMAGE, {"prompt": "x"}).status == 401
    assert weir.post(IMAGE, {"prompt": "x", "conversation_id": weir.conversation(weir.make_user())}, user).status == 404
    assert weir.balance(user) == before and weir.get("/api/tasks", user).json["items"] == []


def test_without_credits_nothing_begins(weir):
    poor = weir.make_user(credits="4")
    since = len(weir.demo_requests())
    answer = weir.post(IMAGE, {"prompt": "x"}, poor)
    assert answer.status == 402 and answer.json["details"] == {"balance": 4, "required": 5}
    assert not submits(weir, since)


def test_a_key_that_is_used_again_gets_the_same_task(weir, user):
    key = {"Idempotency-Key": "once"}
    first = make(weir, user, headers=key)
    ended(weir, user, first["id"])
    again = weir.post(IMAGE, {"prompt": "a weir"}, user, headers=key)
    assert again.status == 200 and again.json["task"]["id"] == first["id"]
    assert weir.post(IMAGE, {"prompt": "another"}, user, headers=key).status == 409
    assert weir.balance(user) == 995


def test_in_a_conversation_it_becomes_messages(weir, user):
    conversation = weir.conversation(user)
    with weir.stream("/api/events", user=user, method="GET") as s:
        t = make(weir, user, "a weir\nat dawn", conversation_id=conversation)
        ended(weir, user, t["id"])
        seen = []
        for e in s.events():
            if e.json["type"] == "task":
                seen.append((e.json["data"]["status"], e.json["data"]["progress"]))
                assert e.json["data"]["conversation_id"] == conversation and e.json["data"]["message_id"]
                if e.json["data"]["status"] == "completed":
                    break
    assert seen[0] == ("pending", 0) and seen[-1] == ("completed", 100)
    assert [p for _, p in seen] == sorted(p for _, p in seen)
    asked, got = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]
    assert asked["role"] == "user" and asked["content"] == "a weir\nat dawn"
    assert got["status"] == "success" and got["task_id"] == t["id"] and got["credits_cost"] == 5
    (file,) = task(weir, user, t["id"])["result"]["files"]
    (attachment,) = got["attachments"]
    assert attachment["type"] == "image" and attachment["url"] == file["url"] and attachment["is_ai_made"] is True
    assert attachment["thumbnail_url"] == file["thumbnail_url"] == file["url"] + "/thumbnail"
    assert weir.get(f"/api/conversations/{conversation}", user).json["title"] == "a weir"
    assert weir.chat(user, "and now words", conversation).final["type"] == "done"


def followed(weir, user, ident):
    """The events of its stream, which a page reads that opens its conversation meanwhile."""
    with weir.stream(f"/api/tasks/{ident}/stream", user=user, method="GET") as s:
        return [e.json for e in s.events() if e.data != "[DONE]"] if s.status == 200 else s.status


@pytest.mark.parametrize("result, end", [("ok", "done"), ("fail", "error")])
def test_it_can_be_followed(weir, user, result, end):
    conversation = weir.conversation(user)
    ident = make(weir, user, f"[[demo task=1500 result={result}]] a weir", conversation_id=conversation)["id"]
    for _ in range(2):  # while it runs, and when it has ended
        first, last = followed(weir, user, ident)
        assert first["type"] == "start" and first["data"]["task_id"] == ident
        assert last["type"] == end and last["data"]["credits_consumed"] == (5 if result == "ok" else 0)
        assert len(last["data"]["assistant_message"]["attachments"]) == (1 if result == "ok" else 0)
    ident = make(weir, user, "[[demo task=1500]] a weir")["id"]
    assert [e["type"] for e in followed(weir, user, ident)] == ["start", "done"]
    assert followed(weir, weir.make_user(), ident) == 404


def test_a_failure_in_a_conversation_is_told_there(weir, user):
    conversation = weir.conversation(user)
    ended(weir, user, make(weir, user, "[[demo result=fail]] x", conversation_id=conversation)["id"], "failed")
    got = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"][1]
    assert got["is_error"] and got["error_display"] and got["attachments"] == []


def test_what_was_asked_is_kept(weir, user):
    conversation = weir.conversation(user)
    t = make(weir, user, "[[demo task=1500]] a weir", model="banana", size="16:9", conversation_id=conversation)
    assert t["asked"] == {"op": "images.generate", "model": "banana", "prompt": "[[demo task=1500]] a weir", "size": "16:9"}
    pictures = ["https://example.org/a.png", "https://example.org/b.png"]
    edit = make(weir, user, "mend it", path=EDIT, model="banana-edit", image_urls=pictures, conversation_id=conversation)
    shots = [{"scene": "a weir", "duration": 5}, {"scene": "its water", "duration": 10}]
    story = weir.post(STORY, {"shots": shots, "n_frames": "15", "conversation_id": conversation}, user).json["task"]
    assert story["asked"]["shots"] == shots
    said = [m for m in weir.get(f"/api/conversations/{conversation}/messages", user).json["items"] if m["role"] == "user"]
    assert [m["attachments"] for m in said] == [[], [{"type": "image", "url": u} for u in pictures], []]
    assert said[2]["content"] == "1. a weir (5 s)\n2. its water (10 s)"
    for one in (t, edit, story):
        ended(weir, user, one["id"])


def test_tasks_are_listed_by_type_and_conversation(weir, user):
    conversation = weir.conversation(user)
    weir.chat(user, "hi", conversation)
    inside = ended(weir, user, make(weir, user, conversation_id=conversation)["id"])["id"]
    apart = ended(weir, user, make(weir, user, path=VIDEO)["id"])["id"]

    def listed(query):
        return {t["id"] for t in weir.get(f"/api/tasks?{query}", user).json["items"]}
    assert listed("type=image") == {inside} and listed("type=video") == {apart} and listed("type=image,video") == {inside, apart}
    assert len(listed(f"conversation_id={conversation}")) == 2 and len(listed("")) == 3
    assert listed(f"type=video&conversation_id={conversation}") == set()
    for bad in ("type=cake", "type=image,", "type=", "conversation_id=x"):
        assert weir.get(f"/api/tasks?{bad}", user).status == 400, bad
    # what is removed is not shown any more
    (file,) = task(weir, user, inside)["result"]["files"]
    assert weir.delete("/api/uploads/" + file["id"], user).status == 204
    assert task(weir, user, inside)["result"]["files"] == []


def test_models_say_what_they_make(weir, user):
    models = {m["name"]: m["makes"] for m in weir.get("/api/models?limit=100", user).json["items"]}
    assert models["demo-fast"] is None
    assert models["banana"]["ops"] == ["images.generate"] and models["banana-edit"]["ops"] == ["images.edit"]
    assert models["banana-2"]["ops"] == ["images.generate", "images.edit"] and models["banana-2"]["resolution"] == "1K"
    assert {"value": "4K", "factor": 2.25} in models["banana-2"]["resolutions"] and models["banana-2"]["images_max"] == 14
    assert models["sora"]["ops"] == ["videos.generate"] and models["sora"]["length"] == "10" and models["sora"]["has_watermark"]
    assert [s["value"] for s in models["sora-story"]["seconds"]] == ["10", "15", "25"]
    assert models["sora-story"]["ops"] == ["videos.storyboard"] and models["sora-image"]["images_min"] == 1


# ---- what a provider may do -----------------------------------------------------------


def test_without_a_callback_it_is_asked_after(weir, user):
    ended(weir, user, make(weir, user, "[[demo silent=1]] a weir")["id"])


@pytest.mark.parametrize("fault", ["close", "stall-before", "html"])
def test_an_answer_that_is_lost_is_made_good_by_the_callback(weir, user, fault):
    since = len(weir.demo_requests())
    t = ended(weir, user, make(weir, user, f"[[demo fault={fault} task=1500]] a weir")["id"], timeout_s=90)
    assert t["credits_used"] == 5 and weir.balance(user) == 995 and len(submits(weir, since)) == 1


def test_what_nobody_knows_is_never_sent_again_and_given_back(weir, user):
    since = len(weir.demo_requests())
    ident = make(weir, user, "[[demo fault=close silent=1]] a weir")["id"]
    wait_until(lambda: state(weir, ident)["state"] == "unknown", lambda: state(weir, ident))
    with weir.pg() as pg:
        job = pg.one("SELECT job_id FROM tasks WHERE id = $1", ident)
        pg.query("SELECT job_wake($1)", job)
        time.sleep(0.5)
        assert state(weir, ident)["state"] == "unknown"
        pg.query("UPDATE media_submits SET sent_at = now() - interval '31 minutes' WHERE task_id = $1", ident)
        pg.query("SELECT job_wake($1)", job)
    ended(weir, user, ident, "failed")
    assert weir.balance(user) == 1000 and len(submits(weir, since)) == 1 and state(weir, ident)["is_unconfirmed"] == "t"


def unclear(weir, user, prompt="[[demo fault=close silent=1]] a weir", **more):
    ident = make(weir, user, prompt, **more)["id"]
    wait_until(lambda: state(weir, ident)["state"] == "unknown", lambda: f"{state(weir, ident)}")
    return ident


def test_an_operator_names_what_a_provider_made(weir, user):
    ident, other = unclear(weir, user), ended(weir, user, make(weir, user)["id"])["id"]
    assert ident in weir.weirctl("task", "unclear").stdout
    taken = state(weir, other)["external_id"]
    for words, why in (((ident, taken), "another task"), ((ident, "a b"), "no id"), ((other, "x"), "is over"), (("x", "y"), "no id"),
                       ((other[:-4] + "0000", "x"), "Not found")):
        refused = weir.weirctl("task", "adopt", *words, check=False)
        assert refused.returncode == 1 and why in refused.stderr, (words, refused)
    # it is asked after by that name from now on, which its provider does not know
    weir.weirctl("task", "adopt", ident, "task_of_which_nobody_heard")
    assert state(weir, ident)["external_id"] == "task_of_which_nobody_heard" and task(weir, user, ident)["status"] == "running"
    assert weir.weirctl("task", "fail", ident, check=False).returncode == 1
    # and it is made good when the right one is known
    ident = unclear(weir, user)
    with weir.pg() as pg:
        pg.query("UPDATE media_submits SET external_id = NULL WHERE task_id = $1", other)
    weir.weirctl("task", "adopt", ident, taken)
    assert ended(weir, user, ident)["credits_used"] == 5
    assert audited(weir, "task.adopt")


def audited(weir, action):
    with weir.pg() as pg:
        return pg.one("SELECT count(*) > 0 FROM audit_log WHERE action = $1", action) == "t"


def test_an_operator_gives_up(weir, user):
    ident = unclear(weir, user)
    weir.weirctl("task", "fail", ident)
    t = task(weir, user, ident)
    assert t["status"] == "failed" and t["credits_used"] == 0 and weir.balance(user) == 1000 and state(weir, ident)["is_unconfirmed"] == "t"
    assert weir.get("/api/tasks/limits", user).json["global"]["active"] == 0 and audited(weir, "task.fail")
    for words in (("fail", ident), ("adopt", ident, "x"), ("fail", "x")):
        assert weir.weirctl("task", *words, check=False).returncode == 1
    assert weir.weirctl("task", "adopt", ident, check=False).returncode == 2
    gpt = unclear(weir, user, "[[demo fault=close]] a weir", model="gpt")
    assert "cannot be asked" in weir.weirctl("task", "adopt", gpt, "x", check=False).stderr
    weir.weirctl("task", "fail", gpt)


@pytest.mark.parametrize("result", ["gone", "html", "svg", "redirect", "inside", "large"])
def test_a_result_that_is_none_costs_nothing(weir, user, result):
    t = ended(weir, user, make(weir, user, f"[[demo result={result}]] a weir")["id"], "failed")
    assert weir.balance(user) == 1000 and t["result"] is None and weir.get("/api/uploads", user).json["items"] == []
    assert state(weir, t["id"])["is_unconfirmed"] == "t" and state(weir, t["id"])["provider_cost"] == "4.000000"


def test_a_state_that_nobody_knows_goes_on(weir, user):
    t = make(weir, user, "[[demo result=strange task=100]] a weir")
    wait_until(lambda: task(weir, user, t["id"])["progress"] > 0, lambda: task(weir, user, t["id"]))
    assert task(weir, user, t["id"])["status"] == "running"
    weir.post(f"/api/tasks/{t['id']}/abort", None, user)


def test_a_callback_needs_its_token(weir, user):
    t = make(weir, user, "[[demo result=stuck]] a weir")
    wait_until(lambda: state(weir, t["id"])["external_id"], "accepted")
    body = {"data": {"taskId": "task_other", "state": "success"}}
    zeros = "0" * 64
    assert weir.post(f"/api/hooks/media/kie/{t['id']}/{zeros}", body).status == 404
    assert weir.post(f"/api/hooks/media/nobody/{t['id']}/{zeros}", body).status == 404
    assert weir.post(f"/api/hooks/media/kie/{t['id']}/x", body).status == 404
    assert weir.post("/api/hooks/media/kie/x/y", body).status == 404
    assert state(weir, t["id"])["external_id"] != "task_other"
    weir.post(f"/api/tasks/{t['id']}/abort", None, user)


# ---- ending it -------------------------------------------------------------------------


def test_what_a_provider_has_taken_on_is_paid_when_it_is_stopped(weir, user):
    ident = make(weir, user, "[[demo result=stuck]] a weir")["id"]
    wait_until(lambda: state(weir, ident)["state"] == "accepted", "accepted")
    answer = weir.post(f"/api/tasks/{ident}/abort", None, user)
    assert answer.status == 200 and answer.json["status"] == "cancelled" and answer.json["credits_used"] == 5
    assert weir.post(f"/api/tasks/{ident}/abort", None, weir.make_user()).status == 404


def test_what_was_not_sent_is_stopped_for_nothing(weir, user):
    weir.daemons.stop("worker")
    try:
        ident = make(weir, user)["id"]
        assert weir.post(f"/api/tasks/{ident}/abort", None, user).json["status"] == "pending"
    finally:
        worker(weir)
    ended(weir, user, ident, "cancelled")
    assert weir.balance(user) == 1000


def test_slots_are_kept_and_given_back(weir, user):
    conversation = weir.conversation(user)
    idents = [make(weir, user, "[[demo result=stuck]] x", conversation_id=conversation)["id"] for _ in range(5)]
    assert weir.post(IMAGE, {"prompt": "x", "conversation_id": conversation}, user).code == "conversation_queue_full"
    assert weir.get("/api/tasks/limits?conversation_id=" + conversation, user).json["conversation"]["active"] == 5
    weir.audit()  # which compares them with the tasks
    for ident in idents:
        weir.post(f"/api/tasks/{ident}/abort", None, user)
    assert weir.get("/api/tasks/limits", user).json["global"]["active"] == 0


def test_the_hold_lives_as_long_as_its_job(weir, user):
    ident = make(weir, user, "[[demo result=stuck]] x")["id"]
    wait_until(lambda: state(weir, ident)["state"] == "accepted", "accepted")
    with weir.pg() as pg:
        over = "UPDATE credit_transactions SET expires_at = now() - interval '5 s' WHERE task_id = $1 AND status = 'pending'"
        pg.query(over, ident)
        assert pg.one("SELECT credits_expire(10)") == "0"
        wait_until(lambda: pg.one("SELECT expires_at > now() FROM credit_transactions WHERE task_id = $1", ident) == "t", "extended")
        assert task(weir, user, ident)["status"] == "running"
        # an operator ends the job: nobody is left to end the task
        wait_until(lambda: pg.one("SELECT j.status FROM job_cancel((SELECT job_id FROM tasks WHERE id = $1)) AS j", ident) == "cancelled", "cancelled")
        pg.query(over, ident)
    ended(weir, user, ident, "failed")
    assert weir.balance(user) == 1000


# ---- films -------------------------------------------------------------------------------


def test_a_film_costs_by_the_second(weir, user):
    t = ended(weir, user, make(weir, user, path=VIDEO, n_frames="15", aspect_ratio="portrait", remove_watermark=True)["id"])
    assert t["type"] == "video" and t["credits_used"] == 45
    (file,) = t["result"]["files"]
    assert file["content_type"] == "video/mp4"
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM credits_history WHERE task_id = $1 AND change_type = 'video_generation_cost'", t["id"]) != "0"
        assert json.loads(pg.one("SELECT input FROM media_submits WHERE task_id = $1", t["id"])) == {
            "prompt": "a weir", "n_frames": "15", "aspect_ratio": "portrait", "remove_watermark": True, "upload_method": "s3"}


def test_a_film_of_a_picture_and_one_of_shots(weir, user):
    t = ended(weir, user, make(weir, user, path=FROM_IMAGE, image_url="https://example.org/a.png", conversation_id=weir.conversation(user))["id"])
    assert t["credits_used"] == 30
    shots = [{"scene": "a weir", "duration": 5}, {"scene": "its water", "duration": 10}]
    answer = weir.post(STORY, {"shots": shots, "n_frames": "15"}, user)
    assert answer.status == 202, answer
    assert ended(weir, user, answer.json["task"]["id"])["credits_used"] == 135


# ---- pictures that are lent ----------------------------------------------------------------


class Fetching(http.server.BaseHTTPRequestHandler):
    """A provider like KIE that fetches what goes with a task, and has made nothing yet."""

    def answer(self, data):
        body = json.dumps({"code": 200, "msg": "ok", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        self.answer({"taskId": f"lent-{len(self.server.asked)}"})

    def do_GET(self):
        self.answer({"taskId": "x", "state": self.server.state, "failCode": "501", "failMsg": "no"})

    def log_message(self, *args):
        pass


def fetched(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, None


def test_an_upload_is_lent_to_the_provider_of_its_task(weir, user):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fetching)
    server.asked, server.state = [], "generating"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "lent", "--type", "image", "--input", "0", "--output", "0", "--context", "100", "--max-output", "100", "--call", "4")
    weir.weirctl("channel", "add", "lent", "--provider", "kie", "--url", f"http://127.0.0.1:{server.server_port}", "--key-stdin",
                 "--allow-private", "--model", "lent=google/nano-banana-edit", input="demo\n")
    time.sleep(0.6)
    picture, other = (weir.post("/api/uploads", PIXEL + more, user, headers={"Content-Type": "image/png"}).json for more in (b"", b"2"))
    t = make(weir, user, path=EDIT, model="lent", image_urls=[picture["url"], "https://example.org/b.png"])
    wait_until(lambda: server.asked, "it is asked")
    (first, second) = server.asked[0]["input"]["image_urls"]
    assert second == "https://example.org/b.png" and first.startswith(server.asked[0]["callBackUrl"])
    assert fetched(first) == (200, PIXEL)
    # with that token nothing else is read, and with another nothing
    assert fetched(first.replace(picture["id"], other["id"]))[0] == 404
    parts = first.split("/")
    assert fetched("/".join(parts[:-2] + ["0" * 64] + parts[-1:]))[0] == 404
    assert fetched(first.replace("/kie/", "/fal/"))[0] == 404
    # nor after the end
    server.state = "fail"
    ended(weir, user, t["id"], "failed")
    assert fetched(first)[0] == 404
    # and what is somebody else's is not lent
    stranger = weir.make_user(credits="100")
    ended(weir, stranger, make(weir, stranger, path=EDIT, model="lent", image_urls=[picture["url"]])["id"], "failed")
    assert len(server.asked) == 1 and weir.balance(stranger) == 100
    server.shutdown()
    server.server_close()


# ---- OpenAI: the answer is the picture ---------------------------------------------------


def asked(weir, since, path):
    return [r for r in weir.demo_requests()[since:] if r["path"] == path]


def unmarked(png):
    """Without what says that a model made it, which has to be there."""
    at, chunks = len(PNG), [PNG]
    marks = 0
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at:at + 4], "big")
        if png[at + 4:at + 8] == b"iTXt":
            marks += b"TC260:AIGC" in png[at:end] and b"trainedAlgorithmicMedia" in png[at:end]
        else:
            chunks.append(png[at:end])
        at = end
    assert marks == 1
    return b"".join(chunks)


def kept(weir, user, t):
    (file,) = t["result"]["files"]
    assert file["content_type"] == "image/png"
    return weir.get("/api/uploads/" + file["id"], user).body


def test_a_picture_that_is_in_the_answer(weir, user):
    since = len(weir.demo_requests())
    t = ended(weir, user, make(weir, user, model="gpt", size="1024x1024", resolution="high")["id"])
    assert t["credits_used"] == 28 and weir.balance(user) == 972 and unmarked(kept(weir, user, t)) == PIXEL
    assert len(asked(weir, since, "/v1/images/generations")) == 1
    row = state(weir, t["id"])
    assert row["state"] == "over" and row["model"] == "demo" and row["is_unconfirmed"] == "f"


def test_an_edit_sends_the_picture_itself(weir, user):
    since = len(weir.demo_requests())
    upload = weir.post("/api/uploads", PIXEL, user, headers={"Content-Type": "image/png"}).json
    url = upload["url"] if upload["url"].startswith("http") else f"http://127.0.0.1:{weir.port}" + upload["url"]
    t = ended(weir, user, make(weir, user, path=EDIT, model="gpt", image_urls=[url, url])["id"])
    assert t["credits_used"] == 7 and unmarked(kept(weir, user, t)) == PIXEL
    assert len(asked(weir, since, "/v1/images/edits")) == 1
    # of others, and of nowhere: nothing is sent
    other = weir.make_user(credits="1000")
    for who, picture in ((other, url), (user, "https://127.0.0.1/a.png"), (user, f"http://127.0.0.1:{weir.demo_port}/a.png")):
        ended(weir, who, make(weir, who, path=EDIT, model="gpt", image_urls=[picture])["id"], "failed")
    assert weir.balance(other) == 1000 and weir.balance(user) == 993 and len(asked(weir, since, "/v1/images/edits")) == 1


def test_several_pictures_of_one_task(weir, user):
    since = len(weir.demo_requests())
    conversation = weir.conversation(user)
    t = make(weir, user, model="gpt", n=3, conversation_id=conversation)
    assert t["credits_locked"] == 21
    t = ended(weir, user, t["id"])
    assert t["credits_used"] == 21 and weir.balance(user) == 979 and len(asked(weir, since, "/v1/images/generations")) == 1
    assert len({f["id"] for f in t["result"]["files"]}) == 3
    assert {u["id"] for u in weir.get("/api/uploads", user).json["items"]} == {f["id"] for f in t["result"]["files"]}
    got = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"][1]
    assert [a["url"] for a in got["attachments"]] == [f["url"] for f in t["result"]["files"]]
    with weir.pg() as pg:
        assert json.loads(pg.one("SELECT metadata FROM usage WHERE task_id = $1", t["id"])) == {"units": {"image": 3}}
    # edits too
    upload = weir.post("/api/uploads", PIXEL, user, headers={"Content-Type": "image/png"}).json
    t = ended(weir, user, make(weir, user, path=EDIT, model="gpt", image_urls=[upload["url"]], n=2)["id"])
    assert t["credits_used"] == 14 and len(t["result"]["files"]) == 2


def test_of_several_pictures_those_that_came_are_paid(weir, user):
    """fal of the demo gives one, whatever it is asked for."""
    t = make(weir, user, model="flux", n=4)
    assert t["credits_locked"] == 12
    t = ended(weir, user, t["id"])
    assert t["credits_used"] == 3 and weir.balance(user) == 997 and len(t["result"]["files"]) == 1


@pytest.mark.parametrize("model,n", [("banana", 2), ("gpt", 4), ("gpt", 5), ("gpt", 0), ("gpt", "2"), ("flux", 5)])
def test_more_pictures_than_a_model_makes(weir, user, model, n):
    answer = weir.post(IMAGE, {"prompt": "a weir", "model": model, "n": n}, user)
    assert answer.status == 400 and answer.json["details"]["field"] == "n", answer
    assert weir.balance(user) == 1000 and weir.get("/api/tasks", user).json["items"] == []


def test_one_picture_may_be_asked_for_of_any(weir, user):
    assert make(weir, user, model="banana", n=1, wait=True, status=200)["credits_used"] == 5


@pytest.mark.parametrize("status", [400, 402])
def test_what_openai_refuses_costs_nothing(weir, user, status):
    since = len(weir.demo_requests())
    ident = make(weir, user, f"[[demo fault={status}]] a weir", model="gpt")["id"]
    ended(weir, user, ident, "failed")
    assert weir.balance(user) == 1000 and len(asked(weir, since, "/v1/images/generations")) == 1
    assert state(weir, ident)["is_unconfirmed"] == "f"


@pytest.mark.parametrize("fault", ["fault=close", "fault=500"])
def test_an_answer_of_openai_that_is_lost_is_not_asked_for_again(weir, user, fault):
    since = len(weir.demo_requests())
    ident = make(weir, user, f"[[demo {fault}]] a weir", model="gpt")["id"]
    wait_until(lambda: state(weir, ident)["state"] == "unknown", lambda: f"{state(weir, ident)}", timeout_s=10)
    with weir.pg() as pg:
        pg.query("UPDATE media_submits SET sent_at = now() - interval '31 minutes' WHERE task_id = $1", ident)
        pg.query("SELECT job_wake(job_id) FROM tasks WHERE id = $1", ident)
    ended(weir, user, ident, "failed")
    assert weir.balance(user) == 1000 and len(asked(weir, since, "/v1/images/generations")) == 1
    assert state(weir, ident)["is_unconfirmed"] == "t"


def test_what_is_stopped_while_openai_makes_it_is_kept_and_paid(weir, user):
    ident = make(weir, user, "[[demo delay=1200]] a weir", model="gpt")["id"]
    wait_until(lambda: task(weir, user, ident)["status"] == "running", lambda: f"{state(weir, ident)}", timeout_s=10)
    assert weir.post(f"/api/tasks/{ident}/abort", None, user).status == 200
    t = ended(weir, user, ident)
    assert t["credits_used"] == 7 and weir.balance(user) == 993 and unmarked(kept(weir, user, t)) == PIXEL
    assert weir.get("/api/tasks/limits", user).json["global"]["active"] == 0


def test_without_weir_lens_it_is_made_all_the_same(weir, user, tmp_path):
    """A program that is missing costs the mark and the small picture, and nothing else."""
    for name in ("weir-worker", "weirctl"):
        shutil.copy(weir.program(name), tmp_path / name)
    doctor = subprocess.run([tmp_path / "weirctl", "-c", weir.conf_path, "doctor"], stdout=subprocess.PIPE, text=True).stdout
    (line,) = [li for li in doctor.splitlines() if "previews" in li]
    assert line.startswith("warn") and "weir-lens is missing" in line
    weir.daemons.stop("worker")
    weir.daemons.start("worker", [str(tmp_path / "weir-worker"), "-c", weir.folder + "/impatient.conf"])
    try:
        since = os.path.getsize(weir.daemons.log("worker"))
        for _ in range(2):
            t = ended(weir, user, make(weir, user, model="gpt")["id"])
            (file,) = t["result"]["files"]
            assert kept(weir, user, t) == PIXEL and file["width"] is None and file["is_ai_made"] is True
            assert weir.get(f"/api/uploads/{file['id']}/thumbnail", user).body == PIXEL
        assert weir.balance(user) == 986
        with open(weir.daemons.log("worker")) as f:
            f.seek(since)
            log = f.read()
        assert log.count('"no_previews"') == 1 and log.count('"media_not_labelled"') == 2, log
    finally:
        weir.daemons.stop("worker")
        worker(weir)


# ---- fal: tasks that differ by their words alone -------------------------------------------


@pytest.mark.parametrize("words", ["silent=1", "task=300"])
def test_a_picture_of_fal(weir, user, words):
    since = len(weir.demo_requests())
    t = ended(weir, user, make(weir, user, f"[[demo {words}]] a weir", model="flux")["id"])
    assert t["credits_used"] == 3 and weir.balance(user) == 997 and kept(weir, user, t).startswith(PNG)
    assert len(asked(weir, since, "/fal-ai/flux/dev")) == 1
    ident = state(weir, t["id"])["external_id"]
    assert len(asked(weir, since, f"/fal-ai/flux/requests/{ident}")) == 1


@pytest.mark.parametrize("words", ["result=fail", "fault=403", "fault=422"])
def test_what_fal_refuses_or_fails_costs_nothing(weir, user, words):
    since = len(weir.demo_requests())
    ended(weir, user, make(weir, user, f"[[demo {words}]] a weir", model="flux")["id"], "failed")
    assert weir.balance(user) == 1000 and len(asked(weir, since, "/fal-ai/flux/dev")) == 1


def test_an_answer_of_fal_that_is_lost_is_made_good_by_the_callback(weir, user):
    since = len(weir.demo_requests())
    t = ended(weir, user, make(weir, user, "[[demo fault=close task=600]] a weir", model="flux")["id"])
    assert t["credits_used"] == 3 and len(asked(weir, since, "/fal-ai/flux/dev")) == 1


# ---- a worker that dies ---------------------------------------------------------------------


def test_a_worker_that_is_killed_while_it_sends(weir, user):
    since = len(weir.demo_requests())
    ident = make(weir, user, "[[demo fault=stall-before task=2500]] a weir")["id"]
    wait_until(lambda: state(weir, ident)["state"] == "sent", "sent")
    time.sleep(0.3)
    weir.daemons.send("worker", signal.SIGKILL)
    weir.daemons.stop("worker")
    worker(weir)
    t = ended(weir, user, ident, timeout_s=60)
    assert t["credits_used"] == 5 and weir.balance(user) == 995 and len(submits(weir, since)) == 1
