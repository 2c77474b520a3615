"""Knowledge bases that are filled without jobs, by kb_tool: as large as a test wants them, in no time."""

import itertools
import json
import os
import subprocess
import uuid

import weirstack

MODEL = "demo-vectors"
CHUNK_IDS = itertools.count(1_000_000, 1_000_000)


def uuid7(n=itertools.count(1)):
    """A UUIDv7 that is greater than those before it."""
    return str(uuid.UUID(int=(0x0190_0000_0000 + next(n)) << 80 | 7 << 76 | 2 << 62 | uuid.uuid4().int & (1 << 62) - 1))


def add_models(weir, price="1000"):
    """An embedding and a ranking model of weir-demo; the id of the first."""
    for name, kind in ((MODEL, "embedding"), ("demo-ranks", "rerank")):
        weir.weirctl("model", "add", name, "--type", kind, "--input", price, "--output", "0", "--context", "32000", "--max-output", "1")
    weir.weirctl("channel", "add", "vectors", "--provider", "openai", "--url", weir.demo_url, "--key-stdin", "--allow-private",
                 "--model", f"{MODEL}=demo-fast", "--model", "demo-ranks=demo-fast", input="demo\n")
    with weir.pg() as pg:
        return pg.query("SELECT id FROM llm_models WHERE name = $1", MODEL)[0][0]


def tool():
    return os.path.join(weirstack.build_dir(), "tests/it/knowledge/kb_tool")


def make_base(weir, user, documents, vectors=True, name="a base", shared=False):
    """A base of (title, text)s, embedded or not: its id and those of its documents."""
    kb, ids = uuid7(), [uuid7() for _ in documents]
    with weir.pg() as pg:
        model = pg.query("SELECT id FROM llm_models WHERE name = $1", MODEL)[0][0] if vectors else None
        pg.query("INSERT INTO kb (id, user_id, name, model_id, is_shared) VALUES ($1, $2, $3, $4, $5)", kb, user.id, name, model, shared)
        space = pg.query("INSERT INTO kb_space (kb_id, model_id, model, state) VALUES ($1, coalesce($2::bigint, 0), $3, $4) RETURNING id",
                         kb, model, MODEL, "active" if vectors else "building")[0][0]
        rows = json.dumps([{"id": i, "title": d[0]} for i, d in zip(ids, documents)])
        pg.query("INSERT INTO kb_document (id, kb_id, user_id) SELECT r.id, $2, $3 FROM json_to_recordset($1::json) AS r (id uuid)", rows, kb, user.id)
        pg.query("INSERT INTO kb_version (document_id, version, kb_id, user_id, title, state) SELECT r.id, 1, $2, $3, r.title, 'ready'"
                 " FROM json_to_recordset($1::json) AS r (id uuid, title text)", rows, kb, user.id)
    fill(weir, kb, space, [{"id": i, "title": d[0], "text": d[1]} for i, d in zip(ids, documents)])
    if not vectors:
        with weir.pg() as pg:
            pg.query("DELETE FROM kb_space WHERE id = $1", space)
    return kb, ids


def fill(weir, kb, space, documents):
    made = subprocess.run([tool(), kb, space, str(next(CHUNK_IDS))], input="".join(json.dumps(d) + "\n" for d in documents).encode(),
                          stdout=subprocess.PIPE, check=True).stdout
    done = subprocess.run([weirstack.pg_bin("psql"), "-qX", "-v", "ON_ERROR_STOP=1", weir.dsn("postgres")], input=made,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()[-2000:]


def search(weir, user, kb, query, **more):
    answer = weir.post(f"/api/knowledge/{kb}/search", {"query": query, **more}, user)
    assert answer.status == 200, answer
    return answer.json
