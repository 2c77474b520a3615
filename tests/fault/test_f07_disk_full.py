"""F7: the disk is full: PostgreSQL's data, its log of writes, our logs, Redis.

A typed error, nothing half-written, and recovery without help once there is room. The small disk is a tmpfs in a mount
namespace of this test's own, so that nothing is left behind and nobody else sees it. Uploads on a full disk are in
tests/it/files/test_uploads.py.
"""

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import PATIENCE_S, Load, prove, script, send  # noqa: E402
from weirtest import PgError, Services, wait_until  # noqa: E402

CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC, MNT_DETACH = 0x20000, 0x10000000, 1 << 18, 16384, 2
DATA_BYTES, WAL_BYTES = 64 << 20, 64 << 20
libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result != 0:
        pytest.skip(f"{what}: {os.strerror(ctypes.get_errno())}: no mount namespaces for this user here")


@pytest.fixture(scope="module")
def namespace():
    """This process, and what it starts, sees mounts of its own."""
    uid, gid = os.geteuid(), os.getegid()
    must(libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid else 0)), "unshare")
    if uid:
        for path, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open("/proc/self/" + path, "w") as f:
                f.write(text)
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")


class Disk:
    """A tmpfs of so many bytes; fill() leaves no room but a little."""

    def __init__(self, path, size_bytes, owner):
        os.makedirs(path, exist_ok=True)
        must(libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, f"size={size_bytes},mode=0755".encode()), "mount tmpfs")
        self.path, self.ballast = path, path + "/ballast"
        os.makedirs(path + "/data")
        os.chmod(path + "/data", 0o700)
        if owner is not None:
            os.chown(path + "/data", *owner)

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as f:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while f.write(b"x" * size) == size:
                        pass

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ballast)

    def remove(self):
        libc.umount2(self.path.encode(), MNT_DETACH)
        os.rmdir(self.path)


@pytest.fixture(scope="module")
def weir(namespace):
    """A Weir whose database lies on a small disk of its own, and whose write-ahead log on another."""
    sv = Services()
    sv.shared = None
    owner = (pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid) if sv.as_root else None
    with sv:
        sv.data_disk = Disk(sv.folder + "/small", DATA_BYTES, owner)
        sv.wal_disk = Disk(sv.folder + "/smallwal", WAL_BYTES, owner)
        with sv.pg() as pg:
            pg.query(f"CREATE TABLESPACE small LOCATION '{sv.data_disk.path}/data'")
        with sv.pg(database="postgres") as pg:
            pg.query(f'ALTER DATABASE "{sv.database}" SET TABLESPACE small')
        sv.stop_postgres()
        wal = sv.pg_home + "/pg_wal"
        os.rename(wal, sv.pg_home + "/pg_wal.old")
        shutil.copytree(sv.pg_home + "/pg_wal.old", sv.wal_disk.path + "/data", dirs_exist_ok=True)
        if owner:
            for folder, _, names in os.walk(sv.wal_disk.path + "/data"):
                for name in [folder] + [os.path.join(folder, n) for n in names]:
                    os.chown(name, *owner)
        os.symlink(sv.wal_disk.path + "/data", wal)
        sv.start_postgres()
        sv.up({"limits": {"slot_lease": "4s"}})
        yield sv
    sv.data_disk.remove()
    sv.wal_disk.remove()
    os.rmdir(sv.folder)  # which they kept from being removed


def rows(weir):
    with weir.pg() as pg:
        return pg.query("SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM conversation_messages),"
                        " (SELECT count(*) FROM credits_history), (SELECT sum(credits) FROM users)")


def test_no_room_for_data(weir):
    """Questions so long that each needs new pages: refused with a typed error, and not a row of them is left."""
    user = weir.make_user()
    conversation = weir.conversation(user)
    content = "long " + os.urandom(4500).hex()
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": script("under way", "deltas=60 interval=50 bytes=2000"), "model": "demo-fast"}, user,
                     timeout_s=PATIENCE_S) as s:
        s.until("content")
        weir.data_disk.fill()
        try:
            refused = []
            for _ in range(100):
                turn = send(weir, user, conversation, content)
                if turn.status != 200:
                    refused.append(turn)
                    if len(refused) == 3:
                        break
            assert [(t.status, t.code) for t in refused] == [(503, "unavailable")] * 3, refused
            before = rows(weir)
            assert send(weir, user, conversation, content).status == 503
            assert rows(weir) == before, "nothing half-written"
            assert weir.get("/api/me", user).status == 200, "what needs no room works"
        finally:
            weir.data_disk.free()
        events = [e.json for e in s.events() if e.json]
    assert events[-1]["type"] == "done", "a settlement waits for room and takes place then"
    assert send(weir, user, conversation, content).done
    prove(weir)


def test_no_room_for_the_write_ahead_log(weir):
    """PostgreSQL itself goes down with that; when it is back (here as systemd would start it), so are we."""
    user = weir.make_user()
    conversation = weir.conversation(user)
    load = Load(weir, threads=3)

    def refused():
        """Writes until the log has no room: PostgreSQL then panics, and may find room again when it restarts."""
        weir.wal_disk.fill()
        with contextlib.suppress(PgError), weir.pg() as pg:
            pg.query("CREATE TABLE IF NOT EXISTS filler (t text)")
            pg.query("INSERT INTO filler SELECT repeat(md5(i::text), 60) FROM generate_series(1, 5000) i")
            pg.query("TRUNCATE filler")
        answer = weir.get("/api/me", user, timeout_s=PATIENCE_S)
        assert answer.status == 200 or (answer.status, answer.code) == (503, "unavailable"), answer
        return answer.status == 503

    try:
        wait_until(refused, "requests are refused", PATIENCE_S)
    finally:
        weir.wal_disk.free()

    def up():
        if not weir.daemons.pid("postgres"):
            weir.start_postgres()
        with contextlib.suppress(PgError), weir.pg() as pg:
            return pg.one("SELECT 1") == "1"

    wait_until(up, "PostgreSQL", PATIENCE_S, 0.2)
    wait_until(lambda: send(weir, user, conversation, "back").done, "turns succeed again", PATIENCE_S, 0.1)
    turns = load.stop()
    odd = [t for t in turns if t.status not in (None, 200, 503) or (t.status == 503 and t.code != "unavailable")]
    assert odd == [], odd[:3]
    prove(weir)


def lost_lines(weir):
    return float(re.search(r"^weir_log_lines_lost_total (\S+)", weir.get("/metrics").text, re.M)[1])


def test_no_room_for_logs(weir):
    """Standard error on a full device: requests are served all the same, and the lost lines are counted."""
    weir.daemons.stop("pool")
    weir.daemons.stop("worker")
    for name, argv in (("pool", ["weir-fcgi", "-c", weir.conf_path, "--listen", weir.fcgi_path, "--pool", "2"]),
                       ("worker", ["weir-worker", "-c", weir.conf_path])):
        weir.daemons.start(name, ["/bin/sh", "-c", 'exec "$@" 2>/dev/full', "sh", weir.program(argv[0]), *argv[1:]])
    user = patient_user(weir)
    conversation = weir.conversation(user)
    assert all(send(weir, user, conversation, "unlogged").done for _ in range(10))
    # the gauge is copied to the scoreboard once a second
    wait_until(lambda: lost_lines(weir) >= 10, "the lost lines are counted", 20, 0.2)
    assert "log" in weir.weirctl("status").stdout
    prove(weir)


def patient_user(weir):
    """A user, as soon as the pool serves."""
    wait_until(lambda: weir.get("/healthz").status == 200, "the pool", PATIENCE_S)
    return weir.make_user()


def test_no_room_in_redis(weir):
    """Redis refuses to store: as if it were not there, and nothing is lost."""
    with weir.redis() as redis:
        redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.call("CONFIG", "SET", "maxmemory", "1")
        user = patient_user(weir)
        conversation = weir.conversation(user)
        try:
            turns = [send(weir, user, conversation, script("cramped", "deltas=20 interval=5")) for _ in range(5)]
            assert all(t.done for t in turns), turns
        finally:
            redis.call("CONFIG", "SET", "maxmemory", "0")
    wait_until(lambda: all(weir.get("/readyz").json["status"] == "ok" for _ in range(4)), "Redis is used again", 30, 0.2)
    assert send(weir, user, conversation, "roomy").done
    time.sleep(0.1)
    prove(weir)
