"""F15: what is asked of a provider of pictures is asked once, whatever becomes of the answer and of who asked.

The provider here loses answers, delays them past the time-out, closes the connection on which it was asked, calls back
before it answers, twice, or with a task that is somebody else's, and lets results go; weir-worker is killed with -9 all the
while. At the end each task was asked for once at most, and paid once or not at all.
"""

import http.server
import json
import random
import signal
import threading
import time
import urllib.request

import pytest
from weirtest import Services, wait_until

TASKS = 60
KILLS = 12
PRICE = 5
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000"
                    "1f15c4890000000d49444154789c636460f8cf500f0003860180"
                    "5a347d6b0000000049454e44ae426082")
BEHAVIOURS = ("plain", "lost", "closed", "late", "early", "twice", "foreign", "expired", "refused", "failed")


class Kie(http.server.ThreadingHTTPServer):
    """As the provider, with a behaviour for each prompt."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.lock, self.made, self.called = threading.Lock(), [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def call(self, url, ident):
        body = json.dumps({"code": 200, "data": {"taskId": ident, "state": "success"}}).encode()
        ask = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(ask, timeout=10) as got:
                self.called.append(got.status)
        except OSError as e:
            self.called.append(getattr(e, "code", 0))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body, kind="application/json", status=200):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        how, url = ask["input"]["prompt"].split()[0], ask["callBackUrl"]
        kie = self.server
        with kie.lock:
            ident = f"task_{len(kie.made)}_{how}"
            kie.made.append((ask["input"]["prompt"], ident))
        if how == "refused":
            return self.answer({"code": 402, "msg": "no credits", "data": None})
        if how == "early":
            kie.call(url, ident)
        elif how == "foreign":  # it has the token, and says another's task: what was made is still what was told first
            self.answer({"code": 200, "data": {"taskId": ident}})
            time.sleep(0.3)
            return kie.call(url, "task_0_of_another")
        else:
            for _ in range(2 if how == "twice" else 1):
                threading.Timer(0.4, kie.call, (url, ident)).start()
        if how in ("lost", "closed"):
            self.close_connection = True
            if how == "lost":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"code\":")
            return None
        if how == "late":
            time.sleep(3)
        try:
            self.answer({"code": 200, "data": {"taskId": ident}})
        except OSError:
            pass  # who asked is dead

    def do_GET(self):
        kie = self.server
        if self.path.startswith("/files/"):
            return self.answer(b"<html>gone</html>", "text/html", 404) if "expired" in self.path else self.answer(PNG, "image/png")
        ident = self.path.rsplit("=", 1)[1]
        if ident not in [i for _, i in kie.made]:
            return self.answer({"code": 422, "msg": "recordInfo is null", "data": None})
        if ident.endswith("failed"):
            data = {"state": "fail", "failCode": "501", "failMsg": "no"}
        else:
            data = {"state": "success", "resultJson": json.dumps({"resultUrls": [f"{kie.base}/files/{ident}.png"]}), "creditsConsumed": 4}
        return self.answer({"code": 200, "data": {"taskId": ident, **data}})


@pytest.fixture(scope="module")
def weir():
    with Services() as sv:
        sv.start_data()
        sv.up({"upstream": {"first_byte_timeout": "2s"}})
        sv.kie = Kie()
        sv.weirctl("model", "add", "painter", "--type", "image", "--input", "0", "--output", "0", "--context", "100",
                   "--max-output", "100", "--call", str(PRICE))
        sv.weirctl("channel", "add", "kie", "--provider", "kie", "--url", sv.kie.base, "--key-stdin", "--allow-private",
                   "--model", "painter=google/nano-banana", input="k\n")
        time.sleep(0.6)
        yield sv
        sv.kie.shutdown()


def kill_now_and_then(weir, stop):
    chance = random.Random(15)
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.9))
        weir.daemons.send("worker", signal.SIGKILL)
        weir.daemons.stop("worker")
        weir.start_worker()
    stop.set()


def end_what_nobody_knows(weir):
    """Time passes for those whose answer was lost, and whose callback, too."""
    with weir.pg() as pg:
        pg.query("UPDATE media_submits SET sent_at = sent_at - interval '31 minutes' WHERE state = 'unknown'")
        pg.query("SELECT job_wake(t.job_id) FROM tasks t WHERE t.completed_at IS NULL AND t.job_id IS NOT NULL")


def test_each_is_asked_for_once_and_paid_once(weir):
    users = [weir.make_user(credits="200") for _ in range(4)]
    killed = threading.Event()
    killer = threading.Thread(target=kill_now_and_then, args=(weir, killed))
    killer.start()
    idents = {}
    for i in range(TASKS):
        user, prompt = users[i % 4], f"{BEHAVIOURS[i % len(BEHAVIOURS)]} {i}"
        answer = weir.post("/api/images/generate", {"prompt": prompt}, user, headers={"Idempotency-Key": prompt})
        assert answer.status == 202, answer
        idents[answer.json["task"]["id"]] = prompt
        time.sleep(0.1)
    killer.join()
    time.sleep(3)  # callbacks that were sent find their job

    def left():
        with weir.pg() as pg:
            return int(pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL"))

    def look():
        end_what_nobody_knows(weir)
        time.sleep(0.5)
        return left() == 0

    wait_until(look, lambda: f"{left()} tasks left", timeout_s=120)
    prompts = [p for p, _ in weir.kie.made]
    assert len(prompts) == len(set(prompts)), "a task was asked for twice"
    assert weir.kie.called and set(weir.kie.called) <= {200, 0, 502}
    with weir.pg() as pg:
        rows = pg.dicts("SELECT t.id, t.user_id, t.status, t.credits_used::float, m.is_unconfirmed,"
                        " (SELECT count(*) FROM usage u WHERE u.task_id = t.id)::int AS used,"
                        " (SELECT count(*) FROM uploads u WHERE u.user_id = t.user_id AND t.result->'files'->0->>'id' = u.id::text)::int AS files"
                        " FROM tasks t JOIN media_submits m ON m.task_id = t.id")
    assert len(rows) == TASKS
    for r in rows:
        how, done = idents[r["id"]].split()[0], r["status"] == "completed"
        assert r["used"] == "1", r
        assert float(r["credits_used"]) == (PRICE if done else 0) and r["files"] == ("1" if done else "0"), r
        if how in ("refused", "failed", "expired"):
            assert r["status"] == "failed", r
        elif how in ("plain", "early", "twice", "lost", "closed", "late"):
            # unless a worker died with it, and its callback found no site that knew the answer
            assert done or r["is_unconfirmed"] == "t", r
    done = sum(r["status"] == "completed" for r in rows)
    assert done >= TASKS // 2, f"only {done} were made"
    spent = sum(200 - weir.balance(u) for u in users)
    assert spent == done * PRICE
    weir.audit()
