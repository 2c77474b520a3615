"""Documents of knowledge: read, cut, embedded once, charged once; replaced, stopped, removed without a rest."""

import json
import time

import pytest
from weirtest import wait_until

BASES = "/api/knowledge"
PRICE = 100  # credits for a million tokens


def add_models(weir):
    for name, sort in (("vec", "--default"), ("vec-2", "")):
        weir.weirctl("model", "add", name, "--type", "embedding", "--input", str(PRICE), "--output", "0", "--context", "8192",
                     "--max-output", "1", *([sort] if sort else []))
    weir.weirctl("channel", "add", "vectors", "--provider", "openai", "--url", weir.demo_url, "--key-stdin", "--allow-private",
                 "--model", "vec=demo", "--model", "vec-2=demo-fast", input="demo\n")
    time.sleep(0.6)  # until the responders know


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    add_models(weir)
    yield
    weir.audit()


@pytest.fixture
def user(weir):
    return weir.make_user(credits="1000")


def base(weir, user, **fields):
    answer = weir.post(BASES, {"name": "notes", **fields}, user)
    assert answer.status == 201, answer
    return answer.json


def words(n, seed="weir"):
    """A text of n paragraphs, each about something else."""
    return "# About " + seed + "\n\n" + "\n\n".join(
        f"Paragraph {i} of {seed} tells how gate {i * 7} is opened when the water stands at {i} metres. " * 8 for i in range(n))


def add(weir, user, kb, text=None, status=202, **fields):
    answer = weir.post(f"{BASES}/{kb['id']}/documents", {"text": text or words(3), **fields}, user)
    assert answer.status == status, answer
    return answer.json["document"]


def find(weir, user, document):
    answer = weir.get(f"{BASES}/{document['knowledge_id']}/documents/{document['id']}", user)
    assert answer.status == 200, answer
    return answer.json


def ended(weir, user, document, state="ready", timeout_s=30):
    wait_until(lambda: find(weir, user, document)["state"] in ("ready", "failed"), lambda: f"{find(weir, user, document)}", timeout_s=timeout_s)
    d = find(weir, user, document)
    assert d["state"] == state, d
    return d


def embed_calls(weir, since):
    return [r for r in weir.demo_requests()[since:] if "embeddings" in r["path"]]


def tasks(weir, user):
    return [t for t in weir.get("/api/tasks", user).json["items"] if t["type"] == "embed"]


def test_a_text_becomes_ready_and_is_charged_once(weir, user):
    kb = base(weir, user)
    assert kb["embedding_model"] == "vec" and kb["mode"] == "hybrid"
    d = add(weir, user, kb, title="The weir")
    assert d["state"] in ("pending", "parsing", "chunking", "embedding") and d["title"] == "The weir"
    d = ended(weir, user, d)
    assert d["chunks"] > 0 and d["vectors"] == d["chunks"] and d["skipped"] == 0 and d["progress"] == 100 and d["code"] is None
    (t,) = tasks(weir, user)
    assert t["status"] == "completed" and 0 < t["credits_used"] <= t["credits_locked"]
    assert weir.balance(user) == pytest.approx(1000 - t["credits_used"])
    with weir.pg() as pg:
        rows = pg.query("SELECT op, request_tokens, cost FROM usage WHERE task_id = $1", t["id"])
        assert [r[0] for r in rows] == ["embeddings"] and int(rows[0][1]) > 0 and float(rows[0][2]) == t["credits_used"]
        (s,) = pg.dicts("SELECT dims, mean_count FROM kb_space WHERE kb_id = $1", kb["id"])
        (n,) = pg.dicts("SELECT count(*) AS n, min(bit_length(c.code)) AS bits, min(octet_length(e.v)) AS bytes FROM kb_code c"
                        " JOIN kb_vec e USING (chunk_id, space_id) JOIN kb_chunk k ON k.id = c.chunk_id WHERE k.document_id = $1", d["id"])
    assert int(n["n"]) == d["chunks"] and n["bits"] == s["dims"] and int(n["bytes"]) == int(s["dims"]) + 4
