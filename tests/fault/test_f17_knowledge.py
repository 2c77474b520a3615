"""F17: weir-worker is killed with -9 while documents are read and embedded, among them hostile ones and a provider that fails:
each document is ready, or failed with a code; each passage has one vector; each document is charged once.
"""

import os
import random
import signal
import time

import pytest
from weirtest import wait_until

FILES = os.path.join(os.environ["srcdir"], "tests/data/kbfiles")
WEIR_CONF = {"knowledge": {"batch": "8", "parse_timeout": "6s", "parse_cpu": "4s"}}
HOSTILE = {"made-pdf-form-bomb.pdf": ("took_too_long", "parser_failed", "interrupted"), "made-zip-bomb.docx": ("too_large", "damaged"),
           "bad7.pdf": ("damaged",), "libreoffice-writer-password.pdf": ("encrypted",)}
USERS, TEXTS, KILLS = 4, 10, 8


def text(who, n):
    word = ["", "[[demo delay=200]]", "[[demo fail=1 fault=503]]", "[[demo delay=400]]"][n % 4]
    return f"# Text {n} of {who}\n\n" + "\n\n".join(f"{word} Gate {i} of weir {n} of {who} opens at {i * n} metres. " * 6 for i in range(8))


@pytest.fixture(scope="module")
def crowd(weir):
    weir.weirctl("model", "add", "vec", "--type", "embedding", "--input", "100", "--output", "0", "--context", "8192", "--max-output", "1", "--default")
    weir.weirctl("channel", "add", "vectors", "--provider", "openai", "--url", weir.demo_url, "--key-stdin", "--allow-private", "--model", "vec=demo",
                 input="demo\n")
    time.sleep(0.6)
    return [weir.make_user(credits="1000") for _ in range(USERS)]


def send(weir, user, who):
    answer = weir.post("/api/knowledge", {"name": "crowd", "chunk": {"tokens": 60, "overlap": 0}}, user)
    assert answer.status == 201, answer
    path, sent = f"/api/knowledge/{answer.json['id']}/documents", {}
    for n in range(TEXTS):
        sent[weir.post(path, {"text": text(who, n)}, user).json["document"]["id"]] = None
    for name, codes in HOSTILE.items():
        with open(f"{FILES}/{name}", "rb") as f:
            answer = weir.post(f"{path}?filename={name}", f.read(), user, headers={"Content-Type": "application/octet-stream"})
        sent[answer.json["document"]["id"]] = codes
    return path, sent


def test_killed_again_and_again(weir, crowd):
    dice = random.Random(17)
    sent = [(user, *send(weir, user, f"user {i}")) for i, user in enumerate(crowd)]

    def states():
        with weir.pg() as pg:
            return dict(pg.query("SELECT state, count(*) FROM kb_version GROUP BY state"))

    for _ in range(KILLS):
        time.sleep(dice.uniform(0.3, 3))
        weir.daemons.stop("worker", signal.SIGKILL)
        weir.start_worker()
    wait_until(lambda: set(states()) <= {"ready", "failed"}, states, timeout_s=240)
    for user, path, documents in sent:
        for ident, codes in documents.items():
            d = weir.get(f"{path}/{ident}", user).json
            if codes is None:
                assert d["state"] == "ready" and d["vectors"] == d["chunks"] > 0 and d["skipped"] == 0, d
            else:
                assert d["state"] == "failed" and d["code"] in codes, d
    with weir.pg() as pg:
        # one task for each text, one row of usage for each task, and what that says is what was paid
        rows = pg.query("SELECT t.user_id, count(*), sum(t.credits_used), count(u.id), sum(u.cost) FROM tasks t"
                        " LEFT JOIN usage u ON u.task_id = t.id WHERE t.type = 'embed' AND t.status = 'completed' GROUP BY t.user_id")
        assert len(rows) == USERS
        for user_id, tasks, used, usages, cost in rows:
            user = next(u for u in crowd if u.id == user_id)
            assert int(tasks) == int(usages) == TEXTS and used == cost
            assert weir.balance(user) == pytest.approx(1000 - float(used))
        assert pg.query("SELECT status FROM tasks WHERE type = 'embed' AND status <> 'completed'") == []
        # what a task paid is what its batches that were kept cost, each passage in one of them
        assert pg.query("SELECT r.document_id FROM kb_run r JOIN usage u ON u.task_id = r.task_id WHERE u.request_tokens <> r.tokens") == []
        (paid, passages) = pg.query("SELECT (SELECT sum(request_tokens) FROM usage WHERE op = 'embeddings'), (SELECT sum(ntok) FROM kb_chunk)")[0]
        assert int(paid) < 2 * int(passages), "passages were paid twice"
    weir.audit()
