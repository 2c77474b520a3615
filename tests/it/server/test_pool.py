"""The pool's master and the ways to start a responder: nothing is dropped that need not be."""

import contextlib
import grp
import json
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
import weirtest
from weirtest import Fcgi, Services, wait_until

WEIR_CONF = {"server": {"drain_timeout": "30s"}}
EXIT_CONFIG = 78


def events(sv, name, log="pool"):
    """Log lines of an event."""
    found = []
    with open(sv.daemons.log(log)) as f:
        for line in f:
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("event") == name:
                    found.append(entry)
    return found


def pool_json(sv):
    return json.loads(sv.weirctl("status", "--json", check=False).stdout)["pool"]


def ready(sv, n):
    return lambda: pool_json(sv)["ready"] == n and pool_json(sv)["starting"] == 0


def healthz(path, timeout_s=10):
    with Fcgi(path, timeout_s) as f:
        return f.request("GET", "/healthz").status


@pytest.fixture(scope="module", autouse=True)
def whole(weir):
    """Every responder of the pool is ready before the first test."""
    wait_until(lambda: weir.get("/status?json").json["pool"]["ready"] == 2, "the pool is whole")


class Load:
    """Requests from some threads until stop(); `failed` holds what was no 200."""

    def __init__(self, sv, threads=4):
        self.sv, self.count, self.failed, self.slowest = sv, 0, [], 0
        self.going = True
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def run(self):
        while self.going:
            began = time.monotonic()
            try:
                answer = self.sv.get("/healthz", timeout_s=10)
                if answer.status != 200:
                    self.failed.append(answer.status)
            except OSError as e:
                self.failed.append(repr(e))
            self.count += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

    def stop(self):
        self.going = False
        for t in self.threads:
            t.join()


class SlowStream(threading.Thread):
    """A whole turn of so many seconds on a thread; .last is the type of its last event."""

    def __init__(self, sv, user, lasts_s=10):
        super().__init__()
        self.sv, self.user, self.last, self.closed, self.text = sv, user, None, False, ""
        self.question = f"Hello [[demo deltas={lasts_s * 20} interval=50]]"
        self.conversation = sv.conversation(user)
        self.began = threading.Event()
        self.start()
        assert self.began.wait(20)

    def run(self):
        with self.sv.stream(f"/api/conversations/{self.conversation}/messages/stream",
                            {"content": self.question, "model": "demo-slow"}, self.user, timeout_s=60) as s:
            for event in s.events():
                if event.json:
                    self.last = event.json["type"]
                    if self.last == "content":
                        self.began.set()
                        self.text += event.json["data"]["text"]
                self.closed = event.data == "[DONE]"
        self.began.set()


# ---- death ------------------------------------------------------------------------


def test_killed_responders_come_back_at_once(weir):
    before = json.loads(weir.weirctl("status", "--json").stdout)
    for _ in range(5):
        pids = weir.responders()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        assert weir.get("/healthz").status == 200
        assert time.monotonic() - killed < weirtest.busy(), "the next request succeeds within a second"
        wait_until(lambda: not set(pids) & set(weir.responders()) and ready(weir, 2)(), "two new processes")
    after = json.loads(weir.weirctl("status", "--json").stdout)
    assert after["pool"]["respawns"] - before["pool"]["respawns"] == 10
    assert after["requests"]["total"] >= before["requests"]["total"] + 5, "what the dead counted is kept"
    assert all(e["signal"] == signal.SIGKILL for e in events(weir, "responder_died"))
    assert "10 processes died" in weir.weirctl("status").stdout


def test_load_survives_random_kills(weir):
    load = Load(weir)
    for i in range(15):
        time.sleep(0.1)
        alive = weir.responders()
        if alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(alive[i % len(alive)], signal.SIGKILL)
    load.stop()
    wait_until(ready(weir, 2), "the pool is whole")
    # only what the dead had in their hands failed, and nginx says 502 for it
    assert len(load.failed) <= 15 * 4 and set(load.failed) <= {502}, load.failed
    assert load.count > 100 / weirtest.busy() and load.slowest < 2 * weirtest.busy()


def test_crashes_back_off(weir):
    """A seat whose process crashes again and again is filled less and less often."""
    pauses, victim = [], weir.responders()[0]
    for _ in range(4):
        seen = len(events(weir, "responder_ready"))
        os.kill(victim, signal.SIGABRT)  # not SIGSEGV: the sanitizers would report it
        died = time.monotonic()
        wait_until(lambda: len(events(weir, "responder_ready")) > seen, "a new process")
        pauses.append(time.monotonic() - died)
        victim = events(weir, "responder_ready")[-1]["child"]
    assert pauses[0] >= 0.1 and pauses[1] >= 0.2 and pauses[2] >= 0.4 and pauses[3] >= 0.8, pauses
    assert pauses[3] < 2 * weirtest.busy() * weirtest.SLOWNESS, pauses
    wait_until(ready(weir, 2), "the pool is whole")


def test_the_pool_waits_for_its_database():
    sv = Services()
    sv.shared = None
    with sv:
        sv.up(worker=False, models=False)
        wait_until(ready(sv, 2), "the pool is whole")
        sv.stop_postgres()
        for pid in sv.responders():
            os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        assert sv.daemons.pid("pool"), "the master stays"
        sv.start_postgres()
        wait_until(ready(sv, 2), "the pool is back", 20)
        assert sv.get("/readyz").status == 200


def test_no_process_outlives_a_killed_master():
    with Services() as sv:
        sv.up(worker=False, models=False)
        wait_until(ready(sv, 2), "the pool is whole")
        pids = sv.responders()
        os.kill(sv.daemons.pid("pool"), signal.SIGKILL)
        wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in pids), "the responders are gone", 10)


# ---- reload ------------------------------------------------------------------------


def test_reload_under_load_drops_nothing(weir):
    user = weir.make_user()
    old = set(weir.responders())
    streams = [SlowStream(weir, user) for _ in range(4)]
    reloads = pool_json(weir)["reloads"]
    load = Load(weir)
    for n in range(1, 6):
        weir.reload_pool()
        wait_until(lambda: pool_json(weir)["reloads"] == reloads + n, f"reload {n}")
    time.sleep(0.3)
    load.stop()
    assert load.failed == [] and load.count > 100, load.failed
    assert load.slowest < weirtest.busy(), "no request waits for a stream to end"
    assert old & set(weir.responders()), "the old processes carry their streams"
    for s in streams:
        s.join(60)
        assert (s.last, s.closed) == ("done", True), s.last
    wait_until(lambda: len(weir.responders()) == 2 and not old & set(weir.responders()), "the old ones are gone", 20)
    wait_until(lambda: weir.weirctl("audit", "--no-wait", check=False).returncode == 0, "the ledger is proven", 40, 1)


def test_reload_takes_a_new_configuration(weir):
    try:
        weir.write_conf({"server": {"workers": "3", "drain_timeout": "30s"}})
        weir.reload_pool()
        wait_until(lambda: json.loads(weir.weirctl("status", "--json").stdout)["workers"]["total"] == 6
                   and len(weir.responders()) == 2, "three workers each")
    finally:
        weir.write_conf(WEIR_CONF)
        weir.reload_pool()
        wait_until(lambda: json.loads(weir.weirctl("status", "--json").stdout)["workers"]["total"] == 4, "two again")


def test_many_reloads_at_once_are_one_after_the_other(weir):
    for _ in range(20):
        weir.reload_pool()
    wait_until(lambda: ready(weir, 2)() and len(weir.responders()) == 2, "two processes again", 20)
    assert weir.get("/healthz").status == 200


@pytest.mark.parametrize("broken", [{"server": {"workers": "none"}}, {"log": {"level": "loud"}},
                                    {"database": {"url": "host=/nonexistent user=weir dbname=weir"}}])
def test_a_reload_that_cannot_work_leaves_the_old_ones(weir, broken):
    old, failed = set(weir.responders()), pool_json(weir)["reloads_failed"]
    try:
        weir.write_conf(broken)
        weir.reload_pool()
        # asked of /status: weirctl could not read this configuration either
        wait_until(lambda: weir.get("/status?json").json["pool"]["reloads_failed"] == failed + 1, "it failed", 20)
        assert old <= set(weir.responders())
        assert weir.get("/healthz").status == 200
        assert events(weir, "pool_reload_failed")[-1]["why"]
    finally:
        weir.write_conf(WEIR_CONF)
    weir.reload_pool()
    wait_until(lambda: not old & set(weir.responders()) and ready(weir, 2)(), "a good one works again")


# ---- stop ---------------------------------------------------------------------------


def test_stop_drains():
    with Services() as sv:
        sv.up(worker=False)
        stream = SlowStream(sv, sv.make_user(), 4)
        idle = [p for p in sv.responders()]
        sv.daemons.send("pool", signal.SIGTERM)
        wait_until(lambda: not os.path.exists(sv.fcgi_path), "the socket is gone at once", 2)
        stream.join(60)
        assert (stream.last, stream.closed) == ("done", True)
        wait_until(lambda: sv.daemons.pid("pool") is None, "the pool has ended", 10)
        assert sv.daemons.stop("pool") == 0
        assert not any(os.path.exists(f"/proc/{p}") for p in idle)
        assert events(sv, "responder_killed") == []


def test_stop_ends_streams_at_the_drain_timeout():
    with Services() as sv:
        sv.up({"server": {"drain_timeout": "1s"}}, worker=False)
        user = sv.make_user()
        stream = SlowStream(sv, user)
        began = time.monotonic()
        sv.daemons.send("pool", signal.SIGTERM)
        stream.join(30)
        wait_until(lambda: sv.daemons.pid("pool") is None, "the pool has ended", 10)
        assert time.monotonic() - began < 6 * weirtest.busy()
        assert (stream.last, stream.closed) == ("error", True), "a typed end"
        assert events(sv, "responder_killed") == []
        sv.weirctl("audit", "--no-wait")
        with sv.pg() as pg:
            assert pg.query("SELECT count(*) FROM credit_transactions WHERE status = 'pending'")[0][0] in (0, "0")


def test_what_does_not_drain_is_killed():
    with Services() as sv:
        sv.up({"server": {"drain_timeout": "0"}}, worker=False, models=False)
        wait_until(ready(sv, 2), "the pool is whole")
        for pid in sv.responders():
            os.kill(pid, signal.SIGSTOP)  # deaf to SIGTERM
        sv.daemons.send("pool", signal.SIGTERM)
        wait_until(lambda: sv.daemons.pid("pool") is None, "the pool has ended", 20)
        assert len(events(sv, "responder_killed")) == 2


# ---- start ---------------------------------------------------------------------------


@contextlib.contextmanager
def started(sv, argv, name="odd", **more):
    sv.daemons.start(name, argv, **more)
    try:
        yield
    finally:
        sv.daemons.stop(name)


def listening(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(64)
    return s


def listens(path):
    """Does anybody? (The file is there a moment earlier.)"""
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def refusal(data, *options, stdin=subprocess.DEVNULL):
    done = subprocess.run([data.program("weir-fcgi"), "-c", data.conf_path, *options], stdin=stdin, capture_output=True,
                          text=True, timeout=30)
    assert done.returncode != 0
    return done.returncode, done.stderr


def test_descriptor_0_single(data):
    path = data.sockets + "/single"
    with listening(path) as s, started(data, [data.program("weir-fcgi"), "-c", data.conf_path], stdin=s):
        assert healthz(path) == 200
        pool = pool_json(data)
        assert pool["master"] is None and pool["ready"] == 1
    assert os.path.exists(path), "whoever made the socket removes it"


def test_descriptor_0_pool_as_under_systemd(data):
    path = data.sockets + "/pool0"
    with listening(path) as s, started(data, [data.program("weir-fcgi"), "-c", data.conf_path, "--pool"], stdin=s):
        assert healthz(path) == 200
        wait_until(ready(data, 2), "[server] processes")
        # a restart of the service: connections wait at the socket meanwhile
        data.daemons.stop("odd")
        results = []
        t = threading.Thread(target=lambda: results.append(healthz(path)))
        t.start()
        time.sleep(0.2)
        data.daemons.start("odd", [data.program("weir-fcgi"), "-c", data.conf_path, "--pool=1"], stdin=s)
        t.join(20)
        assert results == [200]
        wait_until(ready(data, 1), "--pool=1")


def test_spawn_fcgi(data):
    path = data.sockets + "/spawn"
    with started(data, ["spawn-fcgi", "-n", "-s", path, "-M", "0660", "--", data.program("weir-fcgi"), "-c",
                        data.conf_path]):
        wait_until(lambda: listens(path), "the socket")
        assert healthz(path) == 200


def test_spawn_fcgi_multiwatch(data):
    path = data.sockets + "/multi"
    with started(data, ["spawn-fcgi", "-n", "-s", path, "--", "/usr/bin/multiwatch", "-f", "2", "--",
                        data.program("weir-fcgi"), "-c", data.conf_path]):
        wait_until(lambda: listens(path), "the socket")
        assert healthz(path) == 200
        wait_until(ready(data, 2), "both count on one scoreboard")
        victim = pool_json(data)["processes"][0]["pid"]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: ready(data, 2)() and victim not in [p["pid"] for p in pool_json(data)["processes"]],
                   "multiwatch started another")
        assert healthz(path) == 200
        began = time.monotonic()
        data.daemons.stop("odd")  # multiwatch passes it on as SIGUSR1
        assert time.monotonic() - began < 5 * weirtest.busy()


def test_listen_mode_and_group(data):
    path = data.sockets + "/made"
    group = grp.getgrgid(os.getgid()).gr_name
    with started(data, [data.program("weir-fcgi"), "-c", data.conf_path, "--listen", f"{path},0640,{group}"]):
        wait_until(lambda: listens(path), "the socket")
        assert healthz(path) == 200
        st = os.stat(path)
        assert stat.S_IMODE(st.st_mode) == 0o640 and st.st_gid == os.getgid()
        code, said = refusal(data, "--listen", path)
        assert code == EXIT_CONFIG and "another process listens there" in said
        assert healthz(path) == 200, "the other one was not disturbed"
    assert not os.path.exists(path)


def test_a_stale_socket_is_replaced(data):
    path = data.sockets + "/stale"
    listening(path).close()
    with started(data, [data.program("weir-fcgi"), "-c", data.conf_path, "--listen", path]):
        wait_until(lambda: listens(path), "the socket")
        assert healthz(path) == 200


@pytest.mark.parametrize("options, status, words", [
    ([], EXIT_CONFIG, "no listening socket: use --listen PATH"),
    (["--pool", "2"], EXIT_CONFIG, "no listening socket"),
    (["--pool", "0", "--listen", "/tmp/x"], 2, "0"),
    (["--pool", "many"], 2, "many"),
    (["--nonsense"], 2, "--nonsense"),
    (["--responder", "x"], 2, "pool's own use"),
    (["--check", "--pool"], 2, "go with no other option"),
    (["--listen", "/nonexistent/folder/s"], EXIT_CONFIG, "/nonexistent/folder/s"),
    (["--listen", "/etc/passwd"], EXIT_CONFIG, "no socket"),
    (["--listen", "/tmp/weir-x,9"], EXIT_CONFIG, "octal"),
    (["--listen", "/tmp/weir-x,0660,no-such-group"], EXIT_CONFIG, "no-such-group"),
    (["--listen", "/" + "x" * 120], EXIT_CONFIG, "bytes"),
])
def test_clear_refusals(data, options, status, words):
    code, said = refusal(data, *options)
    assert code == status and words in said, said
    assert said.startswith("weir-fcgi: ")


def test_a_connected_socket_on_0_is_refused(data):
    a, b = socket.socketpair()
    with a, b:
        code, said = refusal(data, stdin=a)
    assert code == EXIT_CONFIG and "no listening socket" in said


def migration_conf(data, sql):
    """The configuration of a database whose schema_migrations was changed by `sql`."""
    name = data.empty_database()
    conf = f"{data.folder}/{name}.conf"
    data.write_conf({"database": {"url": data.dsn("weir", name), "migrate_url": data.dsn("weir_owner", name)}}, conf)
    if sql is not None:
        data.weirctl("migrate", "up", conf=conf)
        with data.pg(database=name) as pg:
            pg.query(sql)
    return conf


FOREIGN = [
    ("UPDATE schema_migrations SET version = 9999, name = 'from_the_future' WHERE version = 2",
     "does not know: 9999_from_the_future"),
    ("UPDATE schema_migrations SET version = 0, name = 'other' WHERE version = 1", "does not know: 0000_other"),
    ("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1", "changed after they were applied: 0001_ground"),
]


# What waits for these, see test_upgrade.py.
@pytest.mark.parametrize("sql, words", [
    (None, "lacks migrations this build needs: 0001_ground"),
    ("DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)", "run weirctl migrate up"),
    ("UPDATE schema_functions SET checksum = 'x' WHERE area = 'task'", "has not got the functions of this build: task; run weirctl migrate up"),
    ("INSERT INTO schema_functions (area, checksum) VALUES ('future', 'x')", "has not got the functions of this build: future"),
    *FOREIGN,
])
def test_programs_refuse_another_schema(data, sql, words):
    conf = migration_conf(data, sql)
    for argv in (["weir-fcgi", "--check"], ["weir-fcgi", "--listen", data.sockets + "/never"], ["weir-worker", "--once"]):
        done = subprocess.run([data.program(argv[0]), "-c", conf, *argv[1:]], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == EXIT_CONFIG and words in done.stderr, (argv, done.stderr)
    assert words in data.weirctl("doctor", conf=conf, check=False).stdout


@pytest.mark.parametrize("sql, words", FOREIGN)
def test_a_schema_that_will_never_fit_is_not_waited_for(data, sql, words):
    conf = migration_conf(data, sql)
    for argv in (["weir-fcgi", "--listen", data.sockets + "/never", "--pool", "2"], ["weir-worker"]):
        done = subprocess.run([data.program(argv[0]), "-c", conf, *argv[1:]], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == EXIT_CONFIG and words in done.stderr, (argv, done.stderr)


def test_starts_without_a_scoreboard_file(data):
    conf = data.folder + "/noboard.conf"
    data.write_conf({"server": {"scoreboard": "/nonexistent/board"}}, conf)
    path = data.sockets + "/noboard"
    with started(data, [data.program("weir-fcgi"), "-c", conf, "--listen", path, "--pool", "2"]):
        wait_until(lambda: listens(path), "the socket")
        assert healthz(path) == 200
        with Fcgi(path) as f:
            text = f.request("GET", "/metrics").text
        assert re.search(r'^weir_processes\{state="ready"\} [12]$', text, re.M), "the pool counts all the same"
        assert events(data, "scoreboard_unnamed", "odd")
        done = data.weirctl("status", conf=conf, check=False)
        assert done.returncode == 1 and "/nonexistent/board" in done.stderr
