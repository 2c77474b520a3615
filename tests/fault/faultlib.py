"""What the fault tests share: load, the proxy, the proof afterwards.

Every fault has a short form, part of make check, and a long one (WEIR_LONG=1,
./dev faults): `scale(short, long)` picks the number. After a fault, prove(weir)
waits until every turn has ended and looks at the invariants: weirctl audit for
I1-I6, I8, I9, and here I7, the demo provider's log against the ledger.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

import weirstack
from weirtest import PgError, StackError, wait_until

LONG = os.environ.get("WEIR_LONG", "") not in ("", "0")
# Under a sanitizer all is slower and larger: times and memory are then not what is looked at.
SANITIZED = os.environ.get("WEIR_SANITIZERS", "") not in ("", "no", "none")
SLOWER = 5 if SANITIZED else 1
SETTLED_WITHIN_S = 35
PATIENCE_S = 90  # for what is not being measured, on a machine that others use too

# Options for tests whose crowd is one user: turns that died hold their slots until they are settled.
# The short lease of a slot keeps the audit from waiting half a minute for one whose owner died before the turn opened.
MANY = {"limits": {"user_tasks": "100000", "conversation_tasks": "100000", "slot_lease": "30s" if LONG else "4s"}}


def scale(short, long):
    return long if LONG else short


def seed():
    """The seed of this run's dice: printed, and given back by WEIR_SEED."""
    value = int(os.environ.get("WEIR_SEED") or random.randrange(1 << 30))
    print(f"WEIR_SEED={value}")
    return value


def script(text, words):
    """A question that scripts the demo provider."""
    return f"{text} [[demo {words}]]"


# ---- what is alive -------------------------------------------------------------


def live_tasks(weir):
    with weir.pg() as pg:
        return int(pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL"))


def bury(weir):
    """Makes the last heartbeat of dead processes old, so that the short form need not wait 20 s for each.

    The wait itself is part of the long form, and of tests/it/engine/test_kill.py.
    """
    if LONG:
        return
    with weir.pg() as pg:
        dead = [row[0] for row in pg.query("SELECT id, pid FROM processes") if not os.path.exists(f"/proc/{row[1]}")]
        for process in dead:
            pg.query("UPDATE processes SET heartbeat_at = now() - interval '21 s' WHERE id = $1"
                     " AND heartbeat_at > now() - interval '21 s'", process)


def live_flights(weir):
    """Live calls and allowances of processes that are dead: what their flight records still hold."""
    with weir.pg() as pg:
        owners = pg.query("SELECT DISTINCT a.owner, p.pid FROM allowances a JOIN processes p ON p.id = a.owner WHERE a.ended_at IS NULL")
    return sum(not os.path.exists(f"/proc/{pid}") for _, pid in owners)


def quiesce(weir, within_s=SETTLED_WITHIN_S + 10):
    """Waits until no turn is under way; what dead processes left is settled by the worker."""
    def ended():
        with contextlib.suppress(PgError):
            bury(weir)
            return live_tasks(weir) == 0 and live_flights(weir) == 0

    wait_until(ended, lambda: f"{live_tasks(weir)} turns and the flights of {live_flights(weir)} dead end", within_s, 0.1)


# ---- the proof -------------------------------------------------------------------


def prove(weir):
    """All invariants; raises with what breaks one."""
    quiesce(weir)
    weir.audit()
    agree(weir)


def agree(weir):
    """I7: the demo provider's log and the ledger tell the same story."""
    asked = {}
    for entry in weir.demo_requests():
        if "task" in entry:
            asked.setdefault(entry["task"], []).append(entry)
    with weir.pg() as pg:
        tasks = {t["id"]: t for t in pg.dicts(
            "SELECT t.id, t.status, t.credits_used::float8 AS used, t.prev_message IS NOT NULL AS again, m.content <> '' AS has_text,"
            " m.reasoning IS NOT NULL AS has_thoughts, u.response_tokens AS tokens, u.estimated, u.cost::float8 AS cost,"
            " (SELECT count(*) FROM usage x WHERE x.task_id = t.id) AS usages,"
            " (SELECT count(*) FROM credits_history h WHERE h.task_id = t.id AND h.change_type::text LIKE '%\\_cost') AS charges"
            " FROM tasks t LEFT JOIN conversation_messages m ON m.id = t.message_id AND m.task_id = t.id"
            " LEFT JOIN usage u ON u.task_id = t.id")}
        # calls that took from an allowance have no task: what is on record of them is their one usage row
        tasks.update({c["id"]: c for c in pg.dicts(
            "SELECT u.task_id AS id, u.status, u.cost::float8 AS used, 'f' AS again, NULL AS has_text, NULL AS has_thoughts,"
            " u.response_tokens AS tokens, u.estimated, u.cost::float8 AS cost, count(*) OVER (PARTITION BY u.task_id) AS usages,"
            " (u.cost > 0)::int AS charges FROM usage u WHERE u.allowance_id IS NOT NULL")})
    wrong = []
    for task, entries in asked.items():
        if task not in tasks:
            wrong.append((task, "a generation without a task", entries))
    for task, t in tasks.items():
        flushed = [e for e in asked.get(task, []) if e["deltas_flushed"] + e["reasoning_flushed"] > 0]
        kept = "t" in (t["has_text"], t["has_thoughts"])
        used = float(t["used"])
        if int(t["usages"]) != 1 or int(t["charges"]) != (used > 0):
            wrong.append((task, "not exactly one end", t))
        if used > 0 and not flushed:
            wrong.append((task, "charged for what nobody sent", t))
        if kept and used == 0:
            wrong.append((task, "delivered, but not charged", t))
        if used > 0 and not kept and t["again"] == "f" and t["has_text"] is not None:
            wrong.append((task, "charged for what is not kept", t))
        # of several tries only the last can have been delivered whole
        if t["status"] == "completed" and t["estimated"] == "f" and int(t["tokens"]) not in {
                e["completion_tokens"] for e in flushed[-1:]}:
            wrong.append((task, "another number of tokens than were sent", t, flushed))
    assert wrong == [], wrong[:5]


# ---- load -----------------------------------------------------------------------------


class Turn:
    """What one send came to, as its client saw it."""

    __slots__ = ("began", "ended", "status", "code", "task", "text", "final", "cut", "credits", "started")

    def __init__(self):
        self.began, self.ended, self.started = time.monotonic(), None, None
        self.status = self.code = self.task = self.final = self.credits = None
        self.text, self.cut = "", False

    @property
    def done(self):
        return self.final == "done"

    def __repr__(self):
        return f"<turn {self.task} {self.status} {self.code} final={self.final} cut={self.cut} text={len(self.text)}>"


def send(weir, user, conversation, content, model="demo-fast", key=None, timeout_s=PATIENCE_S):
    """One send, whatever happens to it; never raises."""
    turn = Turn()
    headers = {"Idempotency-Key": key} if key else None
    try:
        with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": content, "model": model},
                         user, headers=headers, timeout_s=timeout_s) as s:
            turn.status = s.status
            turn.started = time.monotonic()
            if s.status != 200:
                turn.code = s.answer().code
            else:
                _read(turn, s)
    except (OSError, http.client.HTTPException, ValueError) as e:
        turn.cut, turn.code = True, turn.code or type(e).__name__
    turn.ended = time.monotonic()
    return turn


def _read(turn, stream):
    last = None
    for event in stream.events():
        last = event.data
        if event.json is None:
            continue
        kind, data = event.json["type"], event.json["data"]
        if kind == "start":
            turn.task = data["task_id"]
        elif kind == "content":
            turn.text += data["text"]
        else:
            turn.final, turn.code, turn.credits = kind, data.get("code"), data.get("credits_consumed")
    turn.cut = last != "[DONE]"


class Load:
    """Chats from some threads until stop(); each with a user and a conversation of its own.

    .turns: what they came to, by thread. More load options: question(i) and model.
    """

    def __init__(self, weir, threads=6, question=None, model="demo-fast", users=None, pause_s=0.0):
        self.weir, self.model, self.pause_s = weir, model, pause_s
        self.question = question or (lambda n: script(f"load {n}", "deltas=8 interval=10"))
        self.users = users or [weir.make_user(credits="100000") for _ in range(min(threads, 3))]
        self.going = True
        self.turns = [[] for _ in range(threads)]
        places = [(self.users[i % len(self.users)], None) for i in range(threads)]
        places = [(u, weir.conversation(u)) for u, _ in places]
        self.threads = [threading.Thread(target=self._run, args=(i, *places[i]), daemon=True) for i in range(threads)]
        for t in self.threads:
            t.start()

    def _run(self, i, user, conversation):
        n = 0
        while self.going:
            n += 1
            self.turns[i].append(send(self.weir, user, conversation, self.question(n), self.model))
            if self.pause_s:
                time.sleep(self.pause_s)

    def all(self):
        return [t for thread in self.turns for t in thread]

    def stop(self):
        self.going = False
        for t in self.threads:
            t.join(PATIENCE_S)
            assert not t.is_alive(), "a client hangs"
        return self.all()


class Pings:
    """Times of one small request, again and again; p99() of what was measured."""

    def __init__(self, weir, user, path="/api/me"):
        self.weir, self.user, self.path = weir, user, path

    def measure(self, n):
        times, failed = [], []
        for _ in range(n):
            began = time.monotonic()
            answer = self.weir.get(self.path, self.user, timeout_s=PATIENCE_S)
            times.append(time.monotonic() - began)
            if answer.status != 200:
                failed.append(answer)
        assert failed == [], failed[:3]
        return sorted(times)


def p99(times):
    return times[min(len(times) - 1, int(len(times) * 0.99))]


# ---- a thousand at once -----------------------------------------------------------------


def post_bytes(path, body, user, headers=None):
    """A POST as it goes over the wire; HTTP/1.1, closed after the answer."""
    payload = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", "Content-Type: application/json",
             f"Content-Length: {len(payload)}", f"Authorization: Bearer {user.token}"]
    lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


async def _exchange(port, request, gate, timeout_s):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await gate.wait()
        writer.write(request)
        raw = await asyncio.wait_for(reader.read(-1), timeout_s)
    except (OSError, asyncio.TimeoutError) as e:
        return 0, type(e).__name__.encode()
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        body = dechunk(body)
    return (int(head.split(None, 2)[1]) if head.startswith(b"HTTP/") else 0), body


def dechunk(body):
    out = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        n = int(size or b"0", 16)
        if n == 0:
            break
        out.append(rest[:n])
        body = rest[n + 2:]
    return b"".join(out)


def simultaneous(port, requests, timeout_s=PATIENCE_S):
    """Sends all these requests at once, each on a connection made before; returns (status, body) in order."""
    async def run():
        gate = asyncio.Event()
        tasks = [asyncio.create_task(_exchange(port, r, gate, timeout_s)) for r in requests]
        await asyncio.sleep(0.2)
        gate.set()
        return await asyncio.gather(*tasks)

    return asyncio.run(run())


def events_of(body):
    """The events of a whole SSE body; the last is "[DONE]" when it ended in order."""
    out = []
    for block in body.decode().split("\n\n"):
        data = "\n".join(line[5:].strip() for line in block.splitlines() if line.startswith("data:"))
        if data:
            out.append(data if data == "[DONE]" else json.loads(data))
    return out


def code_of(body):
    with contextlib.suppress(ValueError, AttributeError):
        return json.loads(body).get("code")


# ---- processes ---------------------------------------------------------------------------------


class Killer(threading.Thread):
    """Does `deed()` every low to high seconds until stop()."""

    def __init__(self, deed, low_s, high_s, dice):
        super().__init__(daemon=True)
        self.deed, self.low_s, self.high_s, self.dice = deed, low_s, high_s, dice
        self.over, self.times, self.error = threading.Event(), [], None
        self.start()

    def run(self):
        try:
            while not self.over.wait(self.dice.uniform(self.low_s, self.high_s)):
                if self.deed():
                    self.times.append(time.monotonic())
        except Exception as e:  # noqa: BLE001 - told by stop()
            self.error = e

    def stop(self):
        self.over.set()
        self.join(PATIENCE_S)
        if self.error:
            raise self.error
        return self.times


def kill(pid, sig=signal.SIGKILL):
    """True when there was somebody to get it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sig)
        return True
    return False


def pool_is_whole(weir, n):
    def whole():
        done = weir.weirctl("status", "--json", check=False)
        if done.returncode != 0:
            return False
        pool = json.loads(done.stdout)["pool"]
        return pool["ready"] == n and pool["starting"] == 0 and len(weir.responders()) == n

    wait_until(whole, f"a pool of {n}", PATIENCE_S, 0.1)


def renew_pool(weir, conf):
    """The two responders of the pool replaced by ones with `conf`; the old ones are gone."""
    old = set(weir.responders())
    weir.write_conf(conf)
    weir.reload_pool()
    wait_until(lambda: not old & set(weir.responders()), "new processes", PATIENCE_S, 0.1)
    pool_is_whole(weir, 2)


def resident_bytes(pids):
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as f:
            total += int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return total


# ---- the proxy ----------------------------------------------------------------------------------------


class Proxy:
    """tests/fault/proxy on a control socket in the folder of `weir`; the commands are in proxy.c."""

    def __init__(self, weir):
        self.path = weir.sockets + "/px"
        self.folder = weir.sockets
        self.process = subprocess.Popen([os.path.join(weirstack.build_dir(), "tests/fault/proxy"), self.path])
        wait_until(self._connect, "the proxy")

    def _connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        if self.sock.connect_ex(self.path) != 0:
            self.sock.close()
            return False
        self.file = self.sock.makefile("r")
        return True

    def __call__(self, command):
        self.sock.sendall(command.encode() + b"\n")
        answer = self.file.readline().strip()
        if not answer.startswith("ok"):
            raise StackError(f"proxy: {command}: {answer}")
        return answer

    def stat(self, name):
        return {k: int(v) for k, v in (word.split("=") for word in self(f"stat {name}").split()[1:])}

    def postgres(self, weir, name="pg"):
        """A wire to PostgreSQL; returns the connection string through it."""
        folder = f"{self.folder}/{name}.px"
        os.makedirs(folder, exist_ok=True)
        self(f"add {name} {folder}/.s.PGSQL.5432 {weir.pg_dir}/.s.PGSQL.5432")
        return weir.dsn().replace(f"host={weir.pg_dir}", f"host={folder}")

    def redis(self, weir, name="redis"):
        """A wire to Redis; returns the address of its socket."""
        path = f"{self.folder}/{name}.px"
        self(f"add {name} {path} {weir.redis_path}")
        return path

    def close(self):
        self.file.close()
        self.sock.close()
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
