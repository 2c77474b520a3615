"""An upgrade with a pending migration: the old responders go on before it, through it and after it, until the reload."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
import weirstack
from weirtest import Services, busy, wait_until

EXIT_CONFIG = 78

# The next release expands: columns that may be NULL in every table that turns touch, and a function with one more
# argument beside the old one.
NEXT_UP = "".join(f"ALTER TABLE {table} ADD COLUMN next text;\nCOMMENT ON COLUMN {table}.next IS 'Of the next release.';\n"
                  for table in ("users", "sessions", "refresh_tokens", "processes", "credits_history", "credit_transactions",
                                "llm_models", "channels", "tasks", "task_journal", "usage", "conversations",
                                "conversation_messages"))
NEXT_DOWN = "".join(f"ALTER TABLE {line.split()[2]} DROP COLUMN next;\n" for line in NEXT_UP.splitlines()[::2])
NEXT_FUNCTION = """
CREATE OR REPLACE FUNCTION json_time(p_at timestamptz, p_next text) RETURNS text
	LANGUAGE sql STABLE RETURN json_time(p_at) || p_next;
"""


class Release(Services):
    """A Weir run from a copy of the program and of the migrations, which install_next() puts the next release's in
    the place of, as dpkg does: file by file, under what runs."""

    def __enter__(self):
        super().__enter__()
        self.release = self.folder + "/release"
        self.migrations = self.release + "/migrations"
        os.makedirs(self.release)
        shutil.copy(super().program("weir-fcgi"), self.release + "/weir-fcgi")
        shutil.copytree(weirstack.SRC + "/migrations", self.migrations)
        self.write_conf({})
        return self

    def program(self, name):
        return self.release + "/weir-fcgi" if name == "weir-fcgi" and hasattr(self, "release") else super().program(name)

    def base_conf(self):
        conf = super().base_conf()
        if hasattr(self, "release"):
            conf["database"]["migrations"] = self.migrations
        conf["server"]["drain_timeout"] = "30s"
        return conf

    def put(self, path, text):
        weirstack.Stack.write_private(f"{self.migrations}/{path}", text)

    def install_next(self):
        shutil.copy(super().program("weir-fcgi"), self.release + "/weir-fcgi.dpkg-new")
        os.replace(self.release + "/weir-fcgi.dpkg-new", self.release + "/weir-fcgi")
        self.put("9000_next.up.sql", NEXT_UP)
        self.put("9000_next.down.sql", NEXT_DOWN)
        with open(self.migrations + "/functions/ground.sql") as f:
            text = f.read()
        self.put("functions/ground.sql", text + NEXT_FUNCTION)

    def migrate(self, *words, check=True):
        done = subprocess.run([self.program("weirctl"), "-c", self.conf_path, "--migrations", self.migrations, "migrate", *words],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or not check, done.stderr
        return done

    def events(self, name, log="pool"):
        with open(self.daemons.log(log)) as f:
            lines = [json.loads(line) for line in f if line.startswith("{")]
        return [e for e in lines if e.get("event") == name]

    def complaints(self):
        """What the log says of requests that failed."""
        with open(self.daemons.log("pool")) as f:
            return [line for line in f if '"level":"error"' in line or '"status":50' in line][-5:]

    def pool(self):
        return self.get("/status?json").json["pool"]

    def whole(self):
        pool = self.pool()
        return pool["ready"] == 2 and pool["starting"] == 0 and len(self.responders()) == 2

    def ages(self):
        """Of each responder: does it run a program that is no longer on disk?"""
        return {os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)") for pid in self.responders()}


class Load:
    """Users who chat, read and change things until the end of the block; .failed says what did not go well."""

    def __init__(self, sv, users):
        self.sv, self.failed, self.turns, self.others, self.going = sv, [], 0, 0, True
        self.threads = [threading.Thread(target=self.run, args=(work, user)) for user in users for work in (self.turn, self.other)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        self.sees(2)
        return self

    def __exit__(self, *exc):
        self.going = False
        for t in self.threads:
            t.join()

    def run(self, work, user):
        while self.going:
            try:
                work(user)
            except Exception as e:  # whatever it is, the test tells of it
                self.failed.append(repr(e))

    def turn(self, user):
        turn = self.sv.chat(user, "Hello [[demo deltas=5 interval=10]]", model="demo")
        if turn.status != 200 or turn.final["type"] != "done" or not turn.closed:
            self.failed.append((turn.status, turn.final, turn.answer))
        self.turns += 1

    def other(self, user):
        for answer in (self.sv.get("/healthz"), self.sv.get("/readyz"), self.sv.get("/api/me", user),
                       self.sv.get("/api/me/credits", user), self.sv.get("/api/conversations", user),
                       self.sv.get("/api/models", user), self.sv.patch("/api/me", {"nickname": "Somebody"}, user),
                       self.sv.post("/api/auth/login", {"login": user.login, "password": user.password})):
            if answer.status != 200:
                self.failed.append(answer)
        self.others += 1

    def sees(self, rounds=3):
        """Some more turns and other requests, begun and ended from now on."""
        turns, others = self.turns + rounds + len(self.threads), self.others + rounds + len(self.threads)
        wait_until(lambda: self.failed or (self.turns >= turns and self.others >= others), "the load goes on", 60)
        assert self.failed == [], self.sv.complaints()


@pytest.fixture
def release():
    with Release() as sv:
        yield sv


def replace_one(sv, how):
    """End a responder; another takes its seat."""
    victim = sv.responders()[0]
    os.kill(victim, how)
    wait_until(lambda: victim not in sv.responders() and sv.whole(), "another took its seat", 20)


def test_upgrade_under_load_fails_no_request(release):
    sv = release
    sv.up()
    wait_until(sv.whole, "the pool is whole")
    users = [sv.make_user() for _ in range(3)]
    old = set(sv.responders())
    with Load(sv, users) as load:
        sv.install_next()
        load.sees()
        # before the migration: the old set is whole and stays so, a reload is refused and says why
        replace_one(sv, signal.SIGTERM)
        assert sv.ages() == {True}
        sv.reload_pool()
        wait_until(lambda: sv.pool()["reloads_failed"] == 1, "the reload is refused", 20)
        wait_until(lambda: sv.ages() == {True}, "who looked at the new one is gone", 5)
        assert old & set(sv.responders())
        assert "refused the configuration or the database" in sv.events("pool_reload_failed")[-1]["why"]
        with open(sv.daemons.log("pool")) as f:
            assert "the database lacks migrations this build needs: 9000_next; run weirctl migrate up" in f.read()
        said = subprocess.run([sv.program("weir-fcgi"), "-c", sv.conf_path, "--check"], capture_output=True, text=True)
        assert said.returncode == EXIT_CONFIG and "9000_next; run weirctl migrate up" in said.stderr
        load.sees()
        # through it
        done = sv.migrate("up").stdout
        assert "9000_next" in done and "functions/ground" in done
        load.sees()
        # after it: the old ones do not know, and are replaced all the same
        replace_one(sv, signal.SIGTERM)
        assert sv.ages() == {True}
        load.sees()
        subprocess.run([sv.program("weir-fcgi"), "-c", sv.conf_path, "--check"], check=True)
        reloads, before = sv.pool()["reloads"], set(sv.responders())
        sv.reload_pool()
        wait_until(lambda: sv.pool()["reloads"] == reloads + 1, "the reload", 20)
        load.sees()
    wait_until(lambda: sv.whole() and not before & set(sv.responders()), "the old ones are gone", 60)
    assert sv.ages() == {False} and load.failed == []
    assert sv.migrate("status").returncode == 0
    replace_one(sv, signal.SIGTERM)
    assert sv.ages() == {False}, "the reload's program is that of the set now"
    wait_until(lambda: sv.weirctl("audit", "--no-wait", check=False).returncode == 0, "the ledger is proven", 40, 1)


@pytest.mark.parametrize("migrated", [False, True])
def test_a_killed_responder_is_replaced_by_its_like(release, migrated):
    sv = release
    sv.up(worker=False)
    wait_until(sv.whole, "the pool is whole")
    user = sv.make_user()
    sv.install_next()
    if migrated:
        sv.migrate("up")
    for _ in range(3):
        replace_one(sv, signal.SIGKILL)
        assert sv.ages() == {True}
        assert sv.chat(user, "Hello").final["type"] == "done"
        assert sv.get("/readyz").status == 200, "of the release that runs"
    for pid in sv.responders():
        with open(f"/proc/{pid}/comm") as f:
            assert f.read() == "weir-fcgi\n"
    sv.audit()


def test_a_start_waits_for_the_migration(release):
    sv = release
    sv.up()
    wait_until(sv.whole, "the pool is whole")
    sv.daemons.stop("pool")
    sv.daemons.stop("worker")
    sv.install_next()
    sv.start_pool()
    sv.start_worker()
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(sv.get("/readyz", timeout_s=60).status)) for _ in range(8)]
    for t in waiting:
        t.start()
    for log in ("pool", "worker"):
        wait_until(lambda log=log: sv.events("schema_awaited", log), f"the {log} says what it waits for", 20)
        assert "9000_next; run weirctl migrate up" in sv.events("schema_awaited", log)[0]["why"]
    time.sleep(2.5)
    assert answers == [] and sv.daemons.pid("pool") and sv.daemons.pid("worker")
    assert len(sv.events("schema_awaited", "worker")) == 1, "it says so once a minute, not at each look"
    sv.migrate("up")
    for t in waiting:
        t.join(60)
    assert answers == [200] * 8
    wait_until(sv.whole, "the pool is whole")
    wait_until(lambda: sv.events("started", "worker")[1:], "the worker works")


def test_a_stop_ends_the_wait(release):
    sv = release
    sv.install_next()
    sv.write_conf({})
    sv.start_pool()
    sv.start_worker()
    for log in ("pool", "worker"):
        wait_until(lambda log=log: sv.events("schema_awaited", log), f"the {log} waits", 20)
        began = time.monotonic()
        assert sv.daemons.stop(log) == 0
        assert time.monotonic() - began < 5 * busy()
    said = subprocess.run([sv.program("weir-worker"), "-c", sv.conf_path, "--once"], capture_output=True, text=True, timeout=30)
    assert said.returncode == EXIT_CONFIG and "9000_next; run weirctl migrate up" in said.stderr


def test_an_old_program_starts_on_the_next_schema(release):
    """Another host, not upgraded yet; or the package of before, put back."""
    sv = release
    kept = sv.folder + "/kept"
    shutil.copytree(sv.migrations, kept)
    sv.install_next()
    sv.migrate("up")
    shutil.rmtree(sv.migrations)
    os.rename(kept, sv.migrations)
    sv.up()
    wait_until(sv.whole, "the pool is whole")
    assert "ahead of this build, by 9000_next" in sv.events("schema_ahead")[0]["why"]
    wait_until(lambda: sv.events("schema_ahead", "worker"), "the worker says so, too", 60)
    assert sv.chat(sv.make_user(), "Hello").final["type"] == "done"
    assert sv.get("/readyz").status == 200
    assert "warn" in next(line for line in sv.weirctl("doctor", check=False).stdout.splitlines() if "9000_next" in line).lower()
    done = sv.migrate("up", check=False)
    assert done.returncode == 1 and "does not know: 9000_next" in done.stderr, "it does not put its functions back"
    sv.audit()
