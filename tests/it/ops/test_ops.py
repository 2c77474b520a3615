"""What an operator sees: health, readiness, metrics, status, the API's description, and weirctl's part of it."""

import gzip
import json
import os
import re
import signal
import stat
import subprocess

import pytest
import weirtest
from weirtest import Fcgi, Services, fcgi_params, wait_until

WEIR_CONF = {"server": {"ops_token": "let-me-see", "slow_request": "1s"}}


@pytest.fixture(scope="module", autouse=True)
def whole(weir):
    """Every responder of the pool is ready before the first test."""
    wait_until(lambda: weir.get("/status?json").json["pool"]["ready"] == 2, "the pool is whole")


@pytest.fixture(scope="module")
def own():
    """A whole Weir with a PostgreSQL of its own, which may be stopped."""
    sv = Services()
    sv.shared = None
    with sv:
        sv.up()
        yield sv


def sample_lines(text):
    """Prometheus text as {name: {"type", "help", "samples": {labels: value}}}; asserts its grammar."""
    families, last = {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP (weir_\w+) (.+)", line):
            assert match[1] not in families, f"{match[1]} described twice"
            families[match[1]] = {"help": match[2], "samples": {}}
            last = match[1]
        elif match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)", line):
            assert match[1] == last, line
            families[last]["type"] = match[2]
        else:
            match = re.fullmatch(r'(\w+)(?:\{(\w+="[^"\\]*"(?:,\w+="[^"\\]*")*)\})? (-?[0-9.e+]+)', line)
            assert match, f"not a sample: {line}"
            family = re.sub(r"_(bucket|sum|count)$", "", match[1]) if families[last]["type"] == "histogram" else match[1]
            assert family == last, f"{line} stands under {last}"
            assert (match[1], match[2]) not in families[last]["samples"], f"twice: {line}"
            families[last]["samples"][match[1], match[2]] = float(match[3])
    return families


def metrics(sv):
    answer = sv.get("/metrics")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return sample_lines(answer.text)


def value(families, name, labels=None):
    family = name if name in families else re.sub(r"_(bucket|sum|count)$", "", name)
    return families[family]["samples"][name, labels]


def requests_total(families, route):
    return sum(n for (_, labels), n in families["weir_requests_total"]["samples"].items() if f'route="{route}"' in labels)


# ---- health --------------------------------------------------------------------


def test_healthz(weir):
    answer = weir.get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert weir.request("HEAD", "/healthz").status == 200
    assert weir.post("/healthz").status == 405


def test_readyz(weir):
    answer = weir.get("/readyz")
    assert answer.status == 200 and answer.json["status"] == "ok", answer
    assert set(answer.json["checks"]) == {"postgresql", "migrations", "redis"}
    for check in answer.json["checks"].values():
        assert check["status"] == "ok" and check["ms"] >= 0


def test_readyz_without_redis_is_degraded(own):
    own.stop_redis()
    try:
        answer = own.get("/readyz")
        assert answer.status == 200 and answer.json["status"] == "degraded", answer
        assert answer.json["checks"]["redis"]["status"] == "failed"
        wait_until(lambda: own.get("/readyz") and value(metrics(own), "weir_redis_breaker") > 0, "the breaker shows")
        assert "breaker" in own.weirctl("status").stdout.split("advice:", 1)[1]
    finally:
        own.start_redis()
    wait_until(lambda: own.get("/readyz").json["status"] == "ok", "ready again", 30)
    wait_until(lambda: value(metrics(own), "weir_redis_breaker") == 0, "the breaker is closed", 10)


def test_readyz_without_postgresql_is_down(own):
    own.get("/readyz")
    own.stop_postgres()
    try:
        answer = own.get("/readyz")
        assert answer.status == 503 and answer.json["status"] == "down", answer
        assert answer.json["checks"]["postgresql"]["status"] == "failed"
        assert own.get("/healthz").status == 200
        failed = own.weirctl("doctor", check=False)
        assert failed.returncode == 1 and re.search(r"^fail  postgresql ", failed.stdout, re.M), failed.stdout
        assert "weirctl doctor" in own.weirctl("audit", check=False).stderr
    finally:
        own.start_postgres()
    wait_until(lambda: own.get("/readyz").status == 200, "ready again", 30)
    # by the worker that had a connection before, whichever that is
    wait_until(lambda: own.get("/readyz") and value(metrics(own), "weir_postgres_reconnects_total") > 0, "the loss is counted")


# ---- metrics and status ----------------------------------------------------------


def test_metrics_are_well_formed(weir):
    weir.get("/healthz")
    families = metrics(weir)
    for name, family in families.items():
        assert family["type"] and family["help"].endswith("."), name
        assert (family["type"] == "counter") == name.endswith("_total"), name
        if family["type"] == "histogram":
            by_labels = {}
            for (sample, labels), n in family["samples"].items():
                rest = ",".join(p for p in (labels or "").split(",") if p and not p.startswith("le="))
                by_labels.setdefault(rest, []).append((sample, labels, n))
            for rest, samples in by_labels.items():
                buckets = [n for sample, _, n in samples if sample.endswith("_bucket")]
                count = [n for sample, _, n in samples if sample.endswith("_count")]
                assert buckets == sorted(buckets) and buckets[-1] == count[0], f"{name} {rest}"
                assert any(labels and 'le="+Inf"' in labels for _, labels, _ in samples)
    assert value(families, "weir_processes", 'state="ready"') == 2
    assert value(families, "weir_workers") == 4
    assert value(families, "weir_listen_backlog") == 1024
    assert value(families, "weir_start_time_seconds") > 1.7e9


def test_metrics_count_over_all_processes(weir):
    before = metrics(weir)
    first, second = weir.responders()
    for asleep in (first, second):  # each has to serve some
        os.kill(asleep, signal.SIGSTOP)
        try:
            for _ in range(20):
                with Fcgi(weir.fcgi_path) as f:
                    assert f.request("GET", "/healthz").status == 200
        finally:
            os.kill(asleep, signal.SIGCONT)
    assert weir.get("/api/no-such-path").status == 404
    after = metrics(weir)
    assert requests_total(after, "h_ops_healthz") - requests_total(before, "h_ops_healthz") == 40
    assert value(after, "weir_requests_total", 'route="none",status="4xx"') >= 1
    status = weir.get("/status?json").json
    assert [p["requests"] >= 20 for p in status["pool"]["processes"]] == [True, True]
    assert status["requests"]["total"] >= 40
    wait_until(lambda: weir.get("/status?json").json["requests"]["per_s"] > 0, "a rate, once the second is over", 3)


def test_metrics_count_a_turn(weir):
    before = metrics(weir)
    turn = weir.chat(weir.make_user(), "Hello", model="demo-fast")
    assert turn.final["type"] == "done", turn.final
    wait_until(lambda: value(metrics(weir), "weir_streams_completed_total")
               == value(before, "weir_streams_completed_total") + 1, "the turn is counted")
    after = metrics(weir)
    assert value(after, "weir_tokens_output_total") > value(before, "weir_tokens_output_total")
    assert value(after, "weir_first_token_seconds_count") == value(before, "weir_first_token_seconds_count") + 1
    assert value(after, "weir_upstream_requests_total") == value(before, "weir_upstream_requests_total") + 1
    for gauge in ("weir_streams_open", "weir_holds_open", "weir_upstream_open"):
        assert value(after, gauge) == 0, gauge


def test_open_streams_show(weir):
    user = weir.make_user()
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": "Hello", "model": "demo-slow"}, user) as s:
        s.until("content")
        status = weir.get("/status?json").json
        assert status["streams"]["open"] == 1 and status["holds_open"] == 1 and status["upstream"]["open"] == 1
        assert "open streams:          1\n" in weir.get("/status").text
    wait_until(lambda: weir.get("/status?json").json["connections"]["open"] <= 3, "the reader is gone")


def test_status_page(weir):
    answer = weir.get("/status")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    for label in ("accepted conn:", "listen queue:", "max listen queue:", "listen queue len:", "idle workers:",
                  "active workers:", "slow requests:", "redis breaker:", "tokens/s:", "holds alive:", "advice:"):
        assert label in answer.text, label
    status = weir.get("/status?json").json
    assert status["workers"]["total"] == 4 and status["workers"]["busy"] >= 1
    assert status["listen_queue"]["backlog"] == 1024
    assert status["redis"]["breaker"] == "closed"
    assert {p["state"] for p in status["pool"]["processes"]} == {"ready"}
    assert status["pool"]["master"] == weir.daemons.pid("pool")


def test_weirctl_status_reads_the_same(weir):
    text = weir.weirctl("status").stdout
    assert "process manager:       static pool\n" in text and "advice:" in text
    seen = json.loads(weir.weirctl("status", "--json").stdout)
    page = weir.get("/status?json").json
    assert set(seen) == set(page)
    assert {p["pid"] for p in seen["pool"]["processes"]} == set(weir.responders())
    assert page["requests"]["total"] >= seen["requests"]["total"] > 0


def test_advice_when_workers_are_few(weir):
    # one worker per process, held up by password checks: the others have to wait
    with Services() as sv:
        sv.up({"server": {"workers": "1"}}, processes=1, worker=False, models=False)
        weirtest.at_once(30, lambda i: sv.post("/api/auth/login", {"login": "x@example.org", "password": "y" * 9}),
                         threads=10)
        n = value(metrics(sv), "weir_workers_all_busy_total")
        assert n > 0
        assert re.search(r"advice: all workers were busy \d+ times: raise \[server\] workers \(now 1 per process\)",
                         sv.weirctl("status").stdout)


def test_slow_requests_are_counted(weir):
    with Services() as sv:
        sv.up({"server": {"slow_request": "1ms"}}, processes=1, worker=False, models=False)
        sv.post("/api/auth/login", {"login": "x@example.org", "password": "y" * 9})  # Argon2id takes longer
        assert value(metrics(sv), "weir_slow_requests_total") >= 1
        with open(sv.daemons.log("pool")) as f:
            assert any('"event":"slow_request"' in line for line in f)


# ---- who may look -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/metrics", "/status", "/status?json"])
def test_only_loopback_or_the_token(weir, path):
    def from_afar(**headers):
        with Fcgi(weir.fcgi_path) as f:
            return f.request("GET", path, params=fcgi_params("GET", path, headers=headers, address="192.0.2.1"))

    assert weir.get(path).status == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert weir.get(path, headers={header: "127.0.0.1"}).status == 401, header
    assert (from_afar().status, from_afar().code) == (401, "unauthenticated")
    assert from_afar(Authorization="Bearer wrong").status == 401
    assert from_afar(Authorization="Bearer let-me-see").status == 200
    assert weir.get(path, headers={"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer let-me-see"}).status == 200


def test_without_a_token_nobody_from_afar(own):
    with Fcgi(own.fcgi_path) as f:
        answer = f.request("GET", "/metrics", params=fcgi_params("GET", "/metrics", address="192.0.2.1"))
    assert (answer.status, answer.code) == (403, "forbidden")
    with Fcgi(own.fcgi_path) as f:
        answer = f.request("GET", "/metrics", params=fcgi_params("GET", "/metrics", address="192.0.2.1",
                                                                 headers={"Authorization": "Bearer "}))
    assert answer.status == 403


# ---- the API's description ----------------------------------------------------------


def test_openapi_is_kept_and_compressed(weir):
    path = "/api/openapi.json"
    plain = weir.get(path)
    etag = plain.headers["ETag"]
    assert plain.headers["Content-Encoding"] is None and plain.headers["Cache-Control"] == "public, no-cache"
    assert "Accept-Encoding" in plain.headers["Vary"] and etag.startswith('W/"')
    for accepted in ("gzip", "br, gzip", "deflate, GZIP;q=0.5, *;q=0", "gzip;q=1.0"):
        packed = weir.get(path, headers={"Accept-Encoding": accepted})
        assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["ETag"] == etag, accepted
        assert gzip.decompress(packed.body) == plain.body and len(packed.body) < len(plain.body) / 5
    for accepted in ("", "identity", "br", "gzip;q=0", "gzip; q=0.0", "xgzip", "gzipped"):
        answer = weir.get(path, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] is None and answer.body == plain.body, accepted
    for known in (etag, etag[2:], f'"other", {etag}', "*"):
        for accepted in ("gzip", "identity"):
            answer = weir.get(path, headers={"If-None-Match": known, "Accept-Encoding": accepted})
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag), (known, answer)
    for known in ('W/"0123456789abcdef"', "", etag[3:-1]):
        assert weir.get(path, headers={"If-None-Match": known}).status == 200, known


def test_openapi(weir):
    answer = weir.get("/api/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
    doc = answer.json
    assert doc["openapi"] == "3.1.0" and doc["info"]["version"]
    operations = {(m.upper(), p): op for p, methods in doc["paths"].items() for m, op in methods.items()}
    rows = [line.split()[:2] for line in weir.weirctl("routes").stdout.splitlines()]
    assert {(m, p) for m, p in rows} == set(operations), "every route is described, and nothing else"

    def resolve(ref):
        at = doc
        for part in ref.removeprefix("#/").split("/"):
            at = at[part]
        return at

    def refs(at):
        if isinstance(at, dict):
            for key, inner in at.items():
                if key == "$ref":
                    assert resolve(inner)
                else:
                    refs(inner)
        elif isinstance(at, list):
            for inner in at:
                refs(inner)

    refs(doc)
    assert len({op["operationId"] for op in operations.values()}) == len(operations)
    for (method, path), op in operations.items():
        declared = {p["name"] for p in op["parameters"] if p["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path)), path
        assert op["summary"] and op["tags"] and "500" in op["responses"]
        if "application/json" in op.get("requestBody", {}).get("content", {}):  # others take files, forms, anything
            schema = op["requestBody"]["content"]["application/json"]["schema"]
            assert schema["type"] == "object" and isinstance(schema.get("properties"), dict), path
        if path.startswith("/api/admin/"):
            assert op["security"] == [{"bearer": []}]
    login = operations["POST", "/api/auth/login"]
    assert login["security"] == []
    assert set(login["requestBody"]["content"]["application/json"]["schema"]["required"]) >= {"password"}
    codes = set(doc["components"]["schemas"]["Error"]["properties"]["code"]["enum"])
    assert {"invalid_request", "unauthenticated", "insufficient_credits", "task_queue_full", "overloaded"} <= codes
    described = " ".join(r["description"] for r in doc["components"]["responses"].values())
    assert all(f"`{code}`" in described for code in codes)


# ---- weirctl: doctor, audit, setup, config --------------------------------------------


def test_doctor(weir):
    done = weir.weirctl("doctor")
    lines = {line[6:20].strip(): line[:4].strip() for line in done.stdout.splitlines()}
    for what in ("configuration", "signing keys", "encryption key", "postgresql", "clock", "roles", "migrations",
                 "models", "notifications", "weir-worker", "redis", "documents", "previews", "responders", "socket", "connections"):
        assert lines[what] == "ok", f"{what}: {done.stdout}"
    assert "fail" not in lines.values()


def test_doctor_finds_what_is_wrong(weir):
    conf = weir.folder + "/broken.conf"
    weir.write_conf({"auth": {"jwt_keys": "k1:short", "encryption_key": "short"},
                     "redis": {"address": weir.folder + "/nobody"}, "server": {"scoreboard": weir.folder + "/none"},
                     "knowledge": {"parser": weir.folder + "/weir-parse"},
                     "database": {"url": weir.dsn("weir_owner")}}, conf)
    done = weir.weirctl("doctor", conf=conf, check=False)
    assert done.returncode == 1
    lines = {line[6:20].strip(): line[:4].strip() for line in done.stdout.splitlines()}
    assert lines["signing keys"] == "fail" and lines["encryption key"] == "fail"
    assert lines["redis"] == "warn" and lines["responders"] == "warn"
    assert lines["documents"] == "fail" and weir.folder + "/weir-parse" in done.stdout
    assert lines["roles"] in ("warn", "fail"), "the owner is no service login"


def test_audit_is_clean_and_finds_what_is_not(weir):
    user = weir.make_user()
    weir.chat(user, "Hello", model="demo-fast")
    text = weir.weirctl("audit").stdout
    for invariant in ("I1", "I2", "I3", "I4", "I5", "I6", "I8", "I9", "I10", "I11", "I14"):
        assert re.search(rf"^{invariant}  ok ", text, re.M), text

    ghost = "00000000-0000-7000-8000-000000000001"
    with weir.redis() as redis:
        redis.call("ZADD", f"weir:task:global:{user.id}", "99999999999999", ghost)
    try:
        done = weir.weirctl("audit", "--no-wait", check=False)
        assert done.returncode == 1 and f'"task_id": "{ghost}"' in done.stdout and "I8  BROKEN" in done.stdout
    finally:
        with weir.redis() as redis:
            redis.call("ZREM", f"weir:task:global:{user.id}", ghost)

    with weir.pg() as pg:
        pg.query("UPDATE users SET credits = credits + 1 WHERE id = $1", user.id)
    try:
        done = weir.weirctl("audit", "--no-wait", check=False)
        assert done.returncode == 1 and "I1  BROKEN" in done.stdout and user.id in done.stdout, done.stdout
        assert "I3  ok" in done.stdout
    finally:
        with weir.pg() as pg:
            pg.query("UPDATE users SET credits = credits - 1 WHERE id = $1", user.id)
    weir.weirctl("audit", "--no-wait")


def test_setup_makes_keys_once(data, tmp_path):
    conf = str(tmp_path / "weir.conf")
    first = data.weirctl("setup", conf=conf)
    secrets = tmp_path / "secrets.conf"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o640
    assert "Next:" in first.stdout and (tmp_path / "weir.conf").exists()
    kept = secrets.read_text()
    assert re.search(r"^jwt_keys = [0-9a-f]{8}:[\w-]{43}$", kept, re.M)
    assert re.search(r"^encryption_key = [\w-]{43}$", kept, re.M)
    again = data.weirctl("setup", conf=conf)
    assert secrets.read_text() == kept and "kept" in again.stdout
    # a key that is missing is added, the other one stays
    secrets.write_text("\n".join(line for line in kept.splitlines() if not line.startswith("encryption_key")) + "\n")
    data.weirctl("setup", conf=conf)
    assert re.search(r"^jwt_keys = .*", kept, re.M)[0] in secrets.read_text()
    assert "encryption_key = " in secrets.read_text()
    assert "(set)" in data.weirctl("config", "show", conf=conf).stdout


def test_setup_makes_roles_and_database(data, tmp_path):
    conf, name = str(tmp_path / "weir.conf"), f"setup{os.getpid()}"
    url = data.dsn("postgres", "postgres")
    try:
        for made in (True, False):
            done = data.weirctl("setup", "--superuser", url, "--database", name, conf=conf)
            assert (f"made  database {name}" in done.stdout) == made, done.stdout
        (tmp_path / "weir.conf").write_text(f"[database]\nurl = {data.dsn('weir', name)}\nmigrate_url = {url} dbname={name}\n")
        # the superuser steps down: the tables are the owner's
        data.weirctl("migrate", "up", conf=conf)
        with data.pg(database=name) as pg:
            owners = pg.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert [list(r) for r in owners] == [["weir_owner"]]
        assert "ok    roles" in data.weirctl("doctor", conf=conf, check=False).stdout
    finally:
        with data.pg(database="postgres") as pg:
            pg.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def test_config(data, tmp_path):
    assert "good" in data.weirctl("config", "check").stdout
    shown = data.weirctl("config", "show").stdout
    assert data.secret("jwt") not in shown and "jwt_keys = (set)" in shown
    bad = tmp_path / "bad.conf"
    bad.write_text("[server]\nworkers = many\nno_such = 1\n")
    done = data.weirctl("config", "check", conf=str(bad), check=False)
    assert done.returncode == 1 and "workers" in done.stderr and "no_such" in done.stderr
    sample = tmp_path / "sample.conf"
    sample.write_text(data.weirctl("config", "doc", "--sample").stdout)
    data.weirctl("config", "check", conf=str(sample))


@pytest.mark.parametrize("words", [[], ["no-such"], ["migrate"], ["migrate", "down", "x"], ["audit", "x"], ["status", "x"],
                                   ["config"], ["setup", "--what"], ["routes", "x"], ["doctor", "x"]])
def test_wrong_usage_is_status_2(data, words):
    done = data.weirctl(*words, check=False)
    assert done.returncode == 2 and done.stderr, words


def test_versions_and_help(data):
    for program in ("weirctl", "weir-fcgi"):
        for option in ("--version", "--help"):
            done = subprocess.run([data.program(program), option], capture_output=True, text=True)
            assert done.returncode == 0 and program in done.stdout
