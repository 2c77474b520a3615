"""Large bases with an index of pgvector: built by weirctl, used by searches, never required. Where Debian has it."""

import os
import sys

import pytest
from weirtest import wait_until

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from searchlib import add_models, make_base, search  # noqa: E402

WEIR_CONF = {"knowledge": {"pgvector_chunks": "1000"}}
PLACES = ["river", "harbour", "library", "station", "bakery", "museum", "theatre", "garden", "bridge", "market", "school", "tower"]
THINGS = ["lamp", "chair", "engine", "violin", "kettle", "ladder", "mirror", "carpet", "wheel", "anchor", "candle", "hammer", "basket"]
WHOSE = ["the baker", "a captain", "the teacher", "two sailors", "the painter", "an engineer", "the gardener", "my neighbour"]


def lines(n):
    return [f"The {THINGS[i % 13]} number {i} stands in the {PLACES[i * 7 % 12]} and belongs to {WHOSE[i * 5 % 8]}, who paints it {i * 31 % 97} times." for i in range(n)]


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    add_models(weir)


@pytest.fixture(scope="module")
def user(weir):
    return weir.make_user()


@pytest.fixture(scope="module")
def base(weir, user):
    texts = lines(1500)
    pages = ["\n\n".join(f"# Box {n}\n\n{texts[n]}" for n in range(at, at + 50)) for at in range(0, len(texts), 50)]
    return make_base(weir, user, [(f"Hall {n}", text) for n, text in enumerate(pages)])


def found(weir, user, kb, query, **more):
    return [i["chunk_id"] for i in search(weir, user, kb, query, mode="vector", top_k=10, **more)["items"]]


def indexes(weir):
    with weir.pg() as pg:
        return {r[0]: int(r[1]) for r in pg.query("SELECT i.indexrelname, i.idx_scan FROM pg_stat_user_indexes i JOIN pg_index x ON x.indexrelid = i.indexrelid"
                                                  " WHERE i.indexrelname LIKE 'kb\\_vec\\_near\\_%' AND x.indisvalid")}


def test_without_it(weir, user, base):
    """The command says what is missing, and searches go on as they do."""
    kb, _ = base
    refused = weir.weirctl("kb", "pgvector", check=False)
    assert refused.returncode == 1 and "CREATE EXTENSION vector" in refused.stderr
    assert len(found(weir, user, kb, "Who has the violin in the harbour?")) == 10


def test_with_it(weir, user, base):
    kb, ids = base
    with weir.pg("postgres") as pg:
        if not pg.query("SELECT FROM pg_available_extension_versions WHERE name = 'vector' AND string_to_array(version, '.')::int[] >= '{0,7}'"):
            pytest.skip("this host has no pgvector 0.7 or later (Debian 13: postgresql-17-pgvector)")
        pg.query("CREATE EXTENSION vector")
        space = pg.query("SELECT id FROM kb_space WHERE kb_id = $1", kb)[0][0]
    questions = [f"Whose {thing} is in the {place}?" for thing in THINGS for place in PLACES[:3]]
    before = [found(weir, user, kb, q) for q in questions]
    assert indexes(weir) == {}

    built = weir.weirctl("kb", "pgvector").stdout
    assert f"base {kb}, 1500 passages" in built and f"kb_vec_near_{space} built in" in built
    assert weir.weirctl("kb", "pgvector").stdout == "nothing to do\n"
    after = [found(weir, user, kb, q) for q in questions]
    wait_until(lambda: indexes(weir)[f"kb_vec_near_{space}"] >= len(questions), "the index was used by each search", timeout_s=90)
    # the same rescoring orders them: what is among the ten of the one is among the ten of the other
    same = sum(len(set(a) & set(b)) for a, b in zip(before, after)) / sum(len(a) for a in before)
    print(f"agreement {same:.3f}")
    assert same >= 0.95

    # what comes later is in it; a search of some documents does without
    made = weir.post(f"/api/knowledge/{kb}/documents", {"title": "Orchids", "text": "Orchids are watered on Mondays."}, user).json["document"]["id"]
    wait_until(lambda: weir.get(f"/api/knowledge/{kb}/documents/{made}", user).json["state"] == "ready", "the document is ready", timeout_s=60)
    assert search(weir, user, kb, "orchids are watered", mode="vector")["items"][0]["document_id"] == made
    some = search(weir, user, kb, questions[0], filters={"document_ids": ids[:2]})["items"]
    assert some and {i["document_id"] for i in some} <= set(ids[:2])

    # a base that is gone, and one that is built in part: removed, and built anew
    with weir.pg("postgres") as pg:
        pg.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::regclass", f"kb_vec_near_{space}")
    assert len(found(weir, user, kb, questions[0])) == 10  # as without
    again = weir.weirctl("kb", "pgvector").stdout
    assert f"removed kb_vec_near_{space}" in again and "built in" in again
    with weir.pg() as pg:
        pg.query("UPDATE kb SET deleted_at = now() WHERE id = $1", kb)
    assert weir.weirctl("kb", "pgvector").stdout == f"removed kb_vec_near_{space}\n"
    assert indexes(weir) == {}
    weir.audit()
