"""Jobs through a real worker: mail that is tried again, a worker that is killed, what operators see and do."""

import json
import signal
import time
import uuid

import pytest
from mailserver import MailServer
from weirtest import Fcgi, busy, wait_until


@pytest.fixture(scope="module", autouse=True)
def no_other_worker(weir):
    weir.daemons.stop("worker")


def worker(weir, name, server, **more):
    conf = f"{weir.folder}/{name}.conf"
    weir.write_conf({"mail": {"smtp_url": f"smtp://127.0.0.1:{server.port}", "from": "weir@mail.test"}, **more}, conf)
    weir.start_worker(conf=conf, name=name)
    return name


def submit(weir, to, kind="mail", **columns):
    """A mail as the program queues it, but for its sealed text, which only the program can make."""
    ident = str(uuid.uuid4())
    with weir.pg() as pg:
        pg.query("SELECT job_submit($1, $2, $3, NULL, $4, NULL, $5, 0)", ident, kind, json.dumps({"to": to, "subject": "s"}),
                 columns.get("key"), columns.get("delay_ms", 0))
    return ident


def forgot(weir, user):
    assert weir.post("/api/auth/forgot", {"email": user.login}).status == 202
    with weir.pg() as pg:
        return pg.one("SELECT id FROM jobs WHERE kind = 'mail' AND payload ->> 'to' = $1 ORDER BY id DESC LIMIT 1", user.login)


def job(weir, admin, ident):
    answer = weir.get(f"/api/admin/jobs/{ident}", admin)
    assert answer.status == 200, answer
    return answer.json


def wait_for(weir, admin, ident, status, timeout_s=15):
    wait_until(lambda: job(weir, admin, ident)["status"] == status, lambda: f"job is {job(weir, admin, ident)}", timeout_s=timeout_s)
    return job(weir, admin, ident)


def test_a_mail_is_sent_soon_and_forgotten_after(weir, admin):
    user = weir.make_user()
    with MailServer() as server:
        name = worker(weir, "sends", server)
        time.sleep(1.2)  # it waits to be told
        at = time.monotonic()
        ident = forgot(weir, user)
        wait_until(lambda: server.got, lambda: "no mail")
        assert time.monotonic() - at < 0.9  # by NOTIFY, not by looking each second
        done = wait_for(weir, admin, ident, "done")
        weir.daemons.stop(name)
    assert (done["attempts"], done["error"], done["has_secret"]) == (1, None, False)
    assert done["payload"] == {"to": user.login, "subject": "Set a new password"}
    assert "token" not in json.dumps(done)


def test_a_mail_server_that_is_away(weir, admin):
    user = weir.make_user()
    with MailServer(refuse=True) as server:
        name = worker(weir, "refuses", server)
        ident = forgot(weir, user)
        wait_until(lambda: job(weir, admin, ident)["attempts"] >= 2, lambda: "it was not tried again")
        waiting = job(weir, admin, ident)
        assert waiting["error"] and "token" not in waiting["error"]
        server.refuse = False
        assert weir.post(f"/api/admin/jobs/{ident}/retry", {}, admin).status in (200, 409)
        wait_for(weir, admin, ident, "done")
        assert len(server.got) == 1
        weir.daemons.stop(name)


def test_a_worker_that_is_killed(weir, admin):
    """F12: the job is taken up by another, and done once."""
    user = weir.make_user()
    with MailServer(hang=True) as silent, MailServer() as server:
        first = worker(weir, "killed", silent)
        ident = forgot(weir, user)
        wait_for(weir, admin, ident, "running")
        weir.daemons.send(first, signal.SIGKILL)
        second = worker(weir, "takes-over", server)
        at = time.monotonic()
        done = wait_for(weir, admin, ident, "done", timeout_s=35)
        assert time.monotonic() - at < 35 * busy() and len(server.got) == 1 and done["attempts"] == 2
        weir.daemons.stop(second)


def test_a_stop_waits_for_what_runs(weir, admin):
    user = weir.make_user()
    with MailServer(slow_s=1.5) as server:
        name = worker(weir, "stops", server)
        ident = forgot(weir, user)
        wait_for(weir, admin, ident, "running")
        weir.daemons.stop(name)
        assert len(server.got) == 1 and job(weir, admin, ident)["status"] == "done"


def test_what_cannot_be_done_is_dead_at_once_and_can_be_replayed(weir, admin):
    with MailServer() as server:
        name = worker(weir, "dead", server)
        ident = submit(weir, "a@example.org")  # without a text
        dead = wait_for(weir, admin, ident, "dead")
        assert dead["attempts"] == 1 and "without address" in dead["error"]
        assert [j["id"] for j in weir.get("/api/admin/jobs?status=dead&kind=mail", admin).json["items"]] == [ident]
        assert weir.post("/api/admin/jobs/replay", {"kind": "mail", "from": dead["ended_at"]}, admin).json == {"replayed": 1}
        wait_until(lambda: job(weir, admin, ident)["status"] == "dead" and job(weir, admin, ident)["ended_at"] != dead["ended_at"],
                   lambda: "it did not run again")
        weir.daemons.stop(name)


def test_pause_and_resume(weir, admin):
    user = weir.make_user()
    with MailServer() as server:
        name = worker(weir, "paused", server)
        queue = weir.post("/api/admin/queues/mail/pause", {}, admin).json
        assert (queue["kind"], queue["paused"], queue["known"]) == ("mail", True, True)
        ident = forgot(weir, user)
        time.sleep(1.5)
        assert job(weir, admin, ident)["status"] == "waiting" and not server.got
        queues = weir.get("/api/admin/queues", admin).json["items"]
        assert {q["kind"]: q["waiting"] for q in queues}["mail"] >= 1
        assert weir.post("/api/admin/queues/mail/resume", {}, admin).json["paused"] is False
        wait_for(weir, admin, ident, "done")
        weir.daemons.stop(name)
    metrics = metrics_of(weir)
    assert 'weir_jobs_waiting{kind="mail"}' in metrics and 'weir_jobs_done_total{kind="mail"}' in metrics
    assert weir.post("/api/admin/queues/nothing/pause", {}, admin).status == 404


def metrics_of(weir):
    with Fcgi(weir.fcgi_path) as f:
        return f.request("GET", "/metrics").text


def test_cancel_and_retry(weir, admin):
    ident = submit(weir, "b@example.org", delay_ms=3600000)
    assert weir.post(f"/api/admin/jobs/{ident}/cancel", {}, admin).json["status"] == "cancelled"
    again = weir.post(f"/api/admin/jobs/{ident}/cancel", {}, admin)
    assert again.status == 200 and again.json["status"] == "cancelled"
    assert weir.post(f"/api/admin/jobs/{ident}/retry", {}, admin).json["status"] == "waiting"
    assert weir.post(f"/api/admin/jobs/{uuid.uuid4()}/retry", {}, admin).status == 404
    assert weir.post("/api/admin/jobs/nonsense/cancel", {}, admin).status == 404
    with weir.pg() as pg:
        pg.query("UPDATE jobs SET status = 'done', ended_at = now() WHERE id = $1", ident)
    for verb in ("cancel", "retry"):
        refused = weir.post(f"/api/admin/jobs/{ident}/{verb}", {}, admin)
        assert (refused.status, refused.code, refused.json["details"]["status"]) == (409, "conflict", "done")
    with weir.pg() as pg:
        actions = pg.query("SELECT action FROM audit_log WHERE object = $1 ORDER BY id", "job:" + ident)
    assert [a for (a,) in actions] == ["job.cancel", "job.cancel", "job.retry"]


def test_bad_questions(weir, admin):
    assert weir.get("/api/admin/jobs?status=odd", admin).json["details"]["field"] == "status"
    for body, field in (({}, "kind"), ({"kind": "mail"}, "from"), ({"kind": "mail", "from": "yesterday"}, "from")):
        refused = weir.post("/api/admin/jobs/replay", body, admin)
        assert (refused.status, refused.json["details"]["field"]) == (400, field)
    user = weir.make_user()
    for path in ("/api/admin/jobs", "/api/admin/queues", "/api/admin/schedules"):
        assert weir.get(path, user).status == 403 and weir.get(path).status == 401


def test_the_calendar(weir, admin):
    with MailServer() as server:
        name = worker(weir, "calendar", server)
        wait_until(lambda: weir.get("/api/admin/schedules", admin).json["items"], lambda: "the worker made no schedules")
        weir.daemons.stop(name)
    path = "/api/admin/schedules/prune_jobs"
    changed = weir.patch(path, {"cron": "30 2 * * *", "time_zone": "Asia/Shanghai"}, admin).json
    assert (changed["kind"], changed["enabled"], changed["next_at"][11:16]) == ("prune_jobs", True, "18:30")
    for body, field in (({"cron": "61 * * * *"}, "cron"), ({"cron": "0 0 31 2 *"}, "cron"), ({"time_zone": "Mars/Olympus"}, "time_zone")):
        refused = weir.patch(path, body, admin)
        assert (refused.status, refused.json["details"]["field"]) == (400, field), refused
    assert [s["cron"] for s in weir.get("/api/admin/schedules", admin).json["items"] if s["name"] == "prune_jobs"] == ["30 2 * * *"]
    assert weir.patch(path, {"enabled": False}, admin).json["enabled"] is False
    first = weir.post(path + "/run", {}, admin)
    assert first.status == 202 and first.json["kind"] == "prune_jobs"
    assert weir.post(path + "/run", {}, admin).json["id"] == first.json["id"]
    assert weir.patch("/api/admin/schedules/none", {"enabled": True}, admin).status == 404
    assert weir.post("/api/admin/schedules/none/run", {}, admin).status == 404


def test_weirctl_try(weir):
    assert weir.weirctl("job", "try", check=False).returncode == 1
    with MailServer() as server:
        name = worker(weir, "tried", server)
        assert "took a job after" in weir.weirctl("job", "try").stdout
        weir.daemons.stop(name)


def test_weirctl(weir):
    assert "mail" in weir.weirctl("job", "queues").stdout and "prune_jobs" in weir.weirctl("job", "schedules").stdout
    ident = submit(weir, "c@example.org", delay_ms=3600000)
    assert ident in weir.weirctl("job", "list", "--status", "waiting", "--kind", "mail").stdout
    assert "cancelled" in weir.weirctl("job", "cancel", ident).stdout
    assert "waiting" in weir.weirctl("job", "retry", ident).stdout
    assert "paused" in weir.weirctl("job", "pause", "mail").stdout
    assert "on" in weir.weirctl("job", "resume", "mail").stdout
    assert "0 jobs" in weir.weirctl("job", "replay", "mail", "2030-01-01T00:00:00Z").stdout
    assert "due next" in weir.weirctl("job", "schedule", "prune_jobs", "--cron", "5 * * * *", "--on").stdout
    assert weir.weirctl("job", "schedule", "prune_jobs", "--cron", "5 * *", check=False).returncode == 1
    assert weir.weirctl("job", "retry", "x", check=False).returncode == 1
    assert weir.weirctl("job", "odd", check=False).returncode == 2
