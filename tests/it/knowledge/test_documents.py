"""Documents of knowledge: read, cut, embedded once, charged once; replaced, stopped, removed without a rest."""

import http.server
import json
import os
import random
import signal
import threading
import time

import pytest
from weirtest import wait_until

BASES = "/api/knowledge"
PRICE = 100  # credits for a million tokens
FILES = os.path.join(os.environ["srcdir"], "tests/data/kbfiles")
WEIR_CONF = {"knowledge": {"batch": "8"}}


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


def test_the_same_content_is_one_document_and_is_embedded_once(weir, user):
    kb, text = base(weir, user), words(4, "sluices")
    d = ended(weir, user, add(weir, user, kb, text))
    again = weir.post(f"{BASES}/{kb['id']}/documents", {"text": text}, user)
    assert again.status == 200 and again.json["duplicate"] is True and again.json["document"]["id"] == d["id"]
    # in another base, of another user: nobody is asked, nobody pays
    other, since = weir.make_user(credits="0"), len(weir.demo_requests())
    e = ended(weir, other, add(weir, other, base(weir, other), text))
    assert e["cached"] == e["vectors"] == e["chunks"] == d["chunks"]
    assert embed_calls(weir, since) == [] and tasks(weir, other) == []


def test_a_file_is_known_by_its_content(weir, user):
    kb = base(weir, user)
    got = {}
    for name, kind in (("blk-paras-and-tables.docx", "docx"), ("multilang.pdf", "pdf"), ("txt-text.pptx", "pptx"), ("made-gbk-no-charset.html", "html")):
        with open(f"{FILES}/{name}", "rb") as f:
            body = f.read()
        answer = weir.post(f"{BASES}/{kb['id']}/documents?filename=..%2F{name}", body, user, headers={"Content-Type": "application/octet-stream"})
        assert answer.status == 202, answer
        got[name] = ended(weir, user, answer.json["document"])
        assert got[name]["kind"] == kind and got[name]["filename"] == name and got[name]["size_bytes"] == len(body)
    pdf = got["multilang.pdf"]
    assert pdf["pages"] >= 1
    file = weir.get(f"{BASES}/{kb['id']}/documents/{pdf['id']}/file", user)
    assert file.status == 200 and file.body.startswith(b"%PDF-") and file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"].startswith("inline")
    page = weir.get(f"{BASES}/{kb['id']}/documents/{got['made-gbk-no-charset.html']['id']}/file", user)
    assert page.headers["Content-Disposition"].startswith("attachment") and "html" not in page.headers["Content-Type"]
    listed = weir.get(f"{BASES}/{kb['id']}/documents?limit=2", user).json
    assert len(listed["items"]) == 2 and listed["has_more"] is True
    assert [i["id"] for i in weir.get(f"{BASES}/{kb['id']}/documents?q=multilang", user).json["items"]] == [pdf["id"]]
    assert weir.get(f"{BASES}/{kb['id']}/documents?state=failed", user).json["items"] == []


def test_passages_are_places_in_the_text(weir, user):
    kb = base(weir, user, chunk={"tokens": 60, "overlap": 10})
    text = "# 第一章 水闸\n\n" + "\n\n".join(f"第{i}段：水位到{i}米时打开闸门，记录员写下时间。" * 4 for i in range(12)) + "\n\n## 附录\n\n完毕。\n"
    d = ended(weir, user, add(weir, user, kb, text, title="手册"))
    path = f"{BASES}/{kb['id']}/documents/{d['id']}"
    whole = weir.get(path + "/text", user).json
    assert whole["total"] == d["chars"] == len(whole["text"]) and whole["version"] == 1 and "水位到3米" in whole["text"]
    part = weir.get(path + "/text?from=5&to=17", user).json
    assert part["text"] == whole["text"][5:17] and (part["from"], part["to"]) == (5, 17)
    chunks = weir.get(path + "/chunks?limit=100", user).json["items"]
    assert len(chunks) == d["chunks"] > 3 and [c["ord"] for c in chunks] == list(range(len(chunks)))
    for c in chunks:
        assert c["text"].endswith(whole["text"][c["from"]:c["to"]]) and c["state"] == "vector" and c["heading"].startswith("手册")
    first = weir.get(path + "/chunks?limit=2", user).json
    rest = weir.get(path + f"/chunks?limit=100&before_id={first['items'][-1]['id']}", user).json
    assert [c["ord"] for c in first["items"] + rest["items"]] == [c["ord"] for c in chunks]
    assert weir.get(path + "/text?version=7", user).status == 404
    for query in ("from=-1", "from=9&to=3", "to=x", "from=0&to=200001"):
        assert weir.get(f"{path}/text?{query}", user).status == 400, query


@pytest.mark.parametrize("name,code", [("libreoffice-writer-password.pdf", "encrypted"), ("bad7.pdf", "damaged"),
                                       ("imagemagick-CCITTFaxDecode.pdf", "no_text_layer"), ("doc-word-default-blank.docx", "empty")])
def test_what_cannot_be_read_says_why(weir, user, name, code):
    kb = base(weir, user)
    with open(f"{FILES}/{name}", "rb") as f:
        body = f.read()
    answer = weir.post(f"{BASES}/{kb['id']}/documents?filename={name}", body, user, headers={"Content-Type": "application/pdf"})
    d = ended(weir, user, answer.json["document"], "failed")
    assert d["code"] == code and d["message"]
    path = f"{BASES}/{kb['id']}/documents/{d['id']}"
    zh = weir.get(path, user, headers={"Accept-Language": "zh"}).json
    assert zh["message"] != d["message"] and weir.get(path + "/text", user).status == 404
    # with a password that is wrong it fails again, and nothing of that password is kept
    again = weir.post(path + "/retry", {"password": "pass-word-of-mine"}, user)
    assert again.status == 200, again
    d = ended(weir, user, d, "failed")
    assert d["code"] == code
    with weir.pg() as pg:
        assert pg.query("SELECT FROM jobs WHERE sealed IS NOT NULL AND status NOT IN ('waiting', 'running')") == []
        assert pg.query("SELECT FROM jobs WHERE payload::text LIKE '%pass-word-of-mine%'") == []
    assert weir.balance(user) == 1000


def test_an_address_in_a_private_network_is_not_fetched(weir, user):
    kb = base(weir, user)
    for url in (f"{weir.demo_url}/v1/models", "http://[::1]/x", "http://localhost/"):
        answer = weir.post(f"{BASES}/{kb['id']}/documents", {"url": url}, user)
        assert answer.status == 202, answer
        d = ended(weir, user, answer.json["document"], "failed")
        assert d["code"] == "address_forbidden" and d["source_url"] == url


def test_what_stops_goes_on_with_the_first_that_has_no_vector(weir, user):
    kb = base(weir, user, chunk={"tokens": 50, "overlap": 0})
    text = words(30, "cancelled gates").replace("Paragraph 29", "[[demo delay=3000]] Paragraph 29")
    d = add(weir, user, kb, text)
    wait_until(lambda: find(weir, user, d)["vectors"] > 0, lambda: f"{find(weir, user, d)}", timeout_s=30)
    answer = weir.post(f"{BASES}/{kb['id']}/documents/{d['id']}/cancel", None, user)
    assert answer.status == 200 and answer.json["state"] == "failed" and answer.json["code"] == "cancelled", answer
    had = answer.json["vectors"]
    (t,) = tasks(weir, user)
    assert t["status"] == "cancelled" and 0 < t["credits_used"] < t["credits_locked"]
    assert weir.balance(user) == pytest.approx(1000 - t["credits_used"])
    assert weir.post(f"{BASES}/{kb['id']}/documents/{d['id']}/cancel", None, user).status == 409
    time.sleep(4)  # what was under way comes to nothing
    assert find(weir, user, d)["vectors"] == had and weir.balance(user) == pytest.approx(1000 - t["credits_used"])
    assert weir.post(f"{BASES}/{kb['id']}/documents/{d['id']}/retry", {}, user).status == 200
    d = ended(weir, user, d)
    assert d["vectors"] == d["chunks"] > had
    both = tasks(weir, user)
    assert len(both) == 2 and weir.balance(user) == pytest.approx(1000 - sum(x["credits_used"] for x in both))
    assert weir.post(f"{BASES}/{kb['id']}/documents/{d['id']}/retry", {}, user).status == 409
    with weir.pg() as pg:  # each passage was paid once
        (row,) = pg.dicts("SELECT (SELECT sum(request_tokens) FROM usage WHERE user_id = $1 AND op = 'embeddings') AS paid,"
                          " (SELECT sum(ntok) FROM kb_chunk WHERE document_id = $2) AS tokens", user.id, d["id"])
        assert int(row["paid"]) < 2 * int(row["tokens"])


def test_a_new_version_takes_the_place_of_the_one_before(weir, user):
    kb = base(weir, user)
    d = ended(weir, user, add(weir, user, kb, words(3, "old sluice"), title="Sluice"))
    path = f"{BASES}/{kb['id']}/documents/{d['id']}"
    old = weir.get(path + "/text", user).json["text"]
    answer = weir.request("PUT", path, user, {"text": words(4, "new sluice") + "\n\n[[demo delay=1500]]", "title": "Sluice"})
    assert answer.status == 202 and answer.json["document"]["version"] == 1 and answer.json["document"]["next"]["version"] == 2
    assert weir.get(path, user).json["state"] == "ready" and weir.get(path + "/text", user).json["text"] == old
    wait_until(lambda: find(weir, user, d)["version"] == 2, lambda: f"{find(weir, user, d)}", timeout_s=30)
    now = find(weir, user, d)
    assert now["state"] == "ready" and now["next"] is None and "new sluice" in weir.get(path + "/text", user).json["text"]
    assert weir.get(path + "/text?version=1", user).json["text"] == old  # what was cited of it can be read
    with weir.pg() as pg:
        assert pg.query("SELECT DISTINCT version FROM kb_chunk WHERE document_id = $1", d["id"]) == [("2",)] or \
            [list(r) for r in pg.query("SELECT DISTINCT version FROM kb_chunk WHERE document_id = $1", d["id"])] == [["2"]]
        (row,) = pg.dicts("SELECT count(*) FILTER (WHERE object_id IS NOT NULL) AS files FROM kb_version WHERE document_id = $1", d["id"])
        assert row["files"] == "1"
    # one that cannot be read leaves what was there
    bad = weir.request("PUT", path + "?filename=x.pdf", user, b"%PDF-1.4 nothing", headers={"Content-Type": "application/pdf"})
    assert bad.status == 202, bad
    wait_until(lambda: (find(weir, user, d)["next"] or {}).get("state") == "failed", lambda: find(weir, user, d), timeout_s=20)
    assert find(weir, user, d)["state"] == "ready" and find(weir, user, d)["next"]["message"]
    assert weir.post(path + "/cancel", None, user).json["next"] is None  # and may be thrown away
    stopped = weir.request("PUT", path, user, {"text": words(20, "third sluice") + "\n\n[[demo delay=3000]]"})
    assert stopped.json["document"]["next"]["version"] == 3
    assert weir.post(path + "/cancel", None, user).json["next"] is None
    assert find(weir, user, d)["version"] == 2


def test_what_is_deleted_leaves_nothing(weir, user):
    kb = base(weir, user)
    a, b = (ended(weir, user, add(weir, user, kb, words(3, seed))) for seed in ("first gone", "second gone"))
    with weir.pg() as pg:
        objects = [r[0] for r in pg.query("SELECT object_id FROM kb_version WHERE kb_id = $1 UNION SELECT t.object_id FROM kb_text t"
                                          " JOIN kb_document d ON d.id = t.document_id WHERE d.kb_id = $1", kb["id"])]
        chunks = "{" + ",".join(r[0] for r in pg.query("SELECT id FROM kb_chunk WHERE kb_id = $1", kb["id"])) + "}"
    assert len(objects) == 4
    assert weir.delete(f"{BASES}/{kb['id']}/documents/{a['id']}", user).status == 204
    assert weir.delete(f"{BASES}/{kb['id']}/documents/{a['id']}", user).status == 404
    assert weir.get(f"{BASES}/{kb['id']}", user).json["documents"] == 1
    assert weir.delete(f"{BASES}/{kb['id']}", user).status == 204
    assert weir.get(f"{BASES}/{kb['id']}", user).status == 404 and weir.get(f"{BASES}/{kb['id']}/documents", user).status == 404

    def left():
        with weir.pg() as pg:
            return pg.query("SELECT 'vec' FROM kb_vec WHERE chunk_id = ANY ($1::bigint[]) UNION ALL SELECT 'code' FROM kb_code"
                            " WHERE chunk_id = ANY ($1::bigint[]) UNION ALL SELECT 'chunk' FROM kb_chunk WHERE kb_id = $2"
                            " UNION ALL SELECT 'document' FROM kb_document WHERE kb_id = $2 UNION ALL SELECT 'version' FROM kb_version"
                            " WHERE kb_id = $2 UNION ALL SELECT 'space' FROM kb_space WHERE kb_id = $2 UNION ALL SELECT 'base' FROM kb WHERE id = $2"
                            " UNION ALL SELECT 'object' FROM objects WHERE id = ANY ($3::uuid[]) AND uses > 0", chunks, kb["id"],
                            "{" + ",".join(objects) + "}")

    wait_until(lambda: left() == [], left, timeout_s=20)


def test_another_model_is_built_beside(weir, user):
    kb = base(weir, user)
    docs = [ended(weir, user, add(weir, user, kb, words(3, f"model {i}"))) for i in range(2)]
    answer = weir.patch(f"{BASES}/{kb['id']}", {"embedding_model": "vec-2"}, user)
    assert answer.status == 200 and answer.json["embedding_model"] == "vec-2", answer
    wait_until(lambda: weir.get(f"{BASES}/{kb['id']}", user).json["index"] is None, lambda: weir.get(f"{BASES}/{kb['id']}", user).json, timeout_s=30)
    stats = weir.get(f"{BASES}/{kb['id']}/stats", user).json
    assert [(s["model"], s["state"]) for s in stats["spaces"]] == [("vec-2", "active")]
    assert stats["vectors"] == stats["chunks"] == sum(d["chunks"] for d in docs) and stats["documents"] == {"ready": 2}
    assert len(tasks(weir, user)) == 4

    def old():
        with weir.pg() as pg:
            return pg.query("SELECT FROM kb_space WHERE kb_id = $1 AND state = 'retired'", kb["id"])

    wait_until(lambda: old() == [], old, timeout_s=20)
    # none at all: by words alone
    assert weir.patch(f"{BASES}/{kb['id']}", {"embedding_model": None}, user).json["mode"] == "text"
    assert weir.patch(f"{BASES}/{kb['id']}", {"embedding_model": "vec"}, user).status == 200
    wait_until(lambda: weir.get(f"{BASES}/{kb['id']}", user).json["mode"] == "hybrid", "its vectors", timeout_s=30)


def test_without_a_model_there_are_words(weir, user):
    kb = base(weir, user, embedding_model=None)
    assert kb["mode"] == "text" and kb["embedding_model"] is None
    d = ended(weir, user, add(weir, user, kb, words(2, "plain words")))
    assert d["vectors"] == 0 and d["chunks"] > 0 and d["code"] is None and tasks(weir, user) == []
    with weir.pg() as pg:
        (row,) = pg.dicts("SELECT count(*) AS n FROM kb_chunk WHERE kb_id = $1 AND tsv @@ to_tsquery('simple', 'plain')"
                          " AND tsv @@ ('''' || kb_lexeme(kb_id) || '''')::tsquery", kb["id"])
    assert int(row["n"]) == d["chunks"]


def test_too_few_credits(weir):
    poor = weir.make_user(credits="0")
    kb = base(weir, poor)
    d = ended(weir, poor, add(weir, poor, kb, words(3, "poor")), "failed")
    assert d["code"] == "insufficient_credits" and d["chunks"] > 0 and tasks(weir, poor) == []
    weir.weirctl("credits", "grant", poor.login, "10", "--reason", "test")
    assert weir.post(f"{BASES}/{kb['id']}/documents/{d['id']}/retry", None, poor).status == 200
    ended(weir, poor, d)


def test_a_provider_that_fails_is_asked_again(weir, user):
    kb = base(weir, user)
    d = ended(weir, user, add(weir, user, kb, words(2, "failing") + "\n\n[[demo fail=2 fault=503 retry=1]]"), timeout_s=60)
    assert d["vectors"] == d["chunks"]
    (t,) = tasks(weir, user)
    assert t["status"] == "completed" and weir.balance(user) == pytest.approx(1000 - t["credits_used"])


def test_what_is_refused_is_skipped_and_said(weir, user):
    kb = base(weir, user, chunk={"tokens": 50, "overlap": 0})
    text = words(3, "kept") + "\n\n# Refused\n\n[[demo fault=400]] this is not wanted\n\n" + words(2, "kept too")
    d = ended(weir, user, add(weir, user, kb, text), timeout_s=60)
    assert d["skipped"] == 1 and d["vectors"] == d["chunks"] - 1 and d["code"] == "some_skipped" and d["message"]
    states = [c["state"] for c in weir.get(f"{BASES}/{kb['id']}/documents/{d['id']}/chunks?limit=100", user).json["items"]]
    assert states.count("skipped") == 1


def test_others_see_what_is_shared_and_change_nothing(weir, user):
    kb = base(weir, user)
    d = ended(weir, user, add(weir, user, kb, words(2, "shared")))
    other, path = weir.make_user(), f"{BASES}/{kb['id']}"
    document = f"{path}/documents/{d['id']}"
    reads = (path, path + "/stats", path + "/documents", document, document + "/text", document + "/chunks", document + "/file")
    assert [weir.get(p, other).status for p in reads] == [404] * len(reads)
    assert weir.patch(path, {"share": {"everyone": True}}, user).status == 403
    assert weir.patch(path, {"share": {"groups": ["no-such"]}}, user).status in (400, 403)
    assert weir.patch(path, {"share": {"users": ["nobody@example.org"]}}, user).json["details"]["field"] == "share"
    assert weir.patch(path, {"share": {"users": [other.login]}}, user).json["share"]["users"] == [other.login]
    assert [weir.get(p, other).status for p in reads] == [200] * len(reads)
    seen = weir.get(path, other).json
    assert seen["is_owner"] is False and seen["share"] is None
    assert kb["id"] in [k["id"] for k in weir.get(BASES, other).json["items"]]
    for answer in (weir.patch(path, {"name": "x"}, other), weir.delete(path, other), weir.delete(document, other),
                   weir.post(document + "/retry", {}, other), weir.post(document + "/cancel", None, other),
                   weir.post(path + "/documents", {"text": "x"}, other), weir.request("PUT", document, other, {"text": "x"})):
        assert answer.status == 404, answer
    weir.patch(path, {"share": {"users": []}}, user)
    assert weir.get(path, other).status == 404


def test_bad_input_changes_nothing(weir, user):
    for body, field in (({}, "name"), ({"name": ""}, "name"), ({"name": "x", "embedding_model": "demo"}, "embedding_model"),
                        ({"name": "x", "chunk": {"tokens": 5}}, "chunk"), ({"name": "x", "chunk": {"overlap": 90}}, "chunk"),
                        ({"name": "x", "share": {"users": 5}}, "share"), ({"name": "x", "chunk": 7}, "chunk")):
        answer = weir.post(BASES, body, user)
        assert answer.status == 400 and answer.json["details"]["field"] == field, (body, answer)
    assert weir.get(BASES, user).json["items"] == []
    kb = base(weir, user)
    path = f"{BASES}/{kb['id']}/documents"
    for body, field in (({}, "body"), ({"text": "a", "url": "https://example.org"}, "body"), ({"url": "ftp://a/b"}, "url"), ({"text": ""}, "text"),
                        ({"upload_id": "x"}, "upload_id"), ({"upload_id": "01a228f5-4e6f-7fea-a301-ce89d6b3eef3"}, "upload_id"), ([], "body")):
        answer = weir.post(path, body, user)
        assert answer.status == 400 and answer.json["details"]["field"] == field, (body, answer)
    assert weir.post(path, b"{nope", user).status == 400
    assert weir.get(path + "?state=sleeping", user).status == 400
    assert weir.get(path, user).json["items"] == []
    assert weir.post(BASES, {"name": "x"}).status == 401


def test_it_is_told_to_open_pages(weir, user):
    kb = base(weir, user)
    with weir.stream("/api/events", user=user, method="GET") as s:
        d = add(weir, user, kb, words(2, "news"))
        states = []
        for e in s.events():
            if e.json["type"] == "knowledge" and e.json["data"].get("document_id") == d["id"]:
                states.append(e.json["data"]["state"])
                assert e.json["data"]["knowledge_id"] == kb["id"]
                if states[-1] == "ready":
                    break
    assert states[-1] == "ready" and "embedding" in states


def test_many_documents_of_one_user_keep_nobody_waiting(weir, user):
    kb, other = base(weir, user), weir.make_user()
    docs = [add(weir, user, kb, words(2, f"crowd {i}")) for i in range(100)]
    alone = add(weir, other, base(weir, other), words(2, "alone in the crowd"))
    ended(weir, other, alone, timeout_s=30)
    waiting = weir.get(f"{BASES}/{kb['id']}", user).json
    assert waiting["ready"] < 100, "the crowd was done before the one that came last"
    wait_until(lambda: weir.get(f"{BASES}/{kb['id']}", user).json["ready"] == 100, lambda: weir.get(f"{BASES}/{kb['id']}", user).json, timeout_s=180)
    assert weir.get(f"{BASES}/{kb['id']}", user).json["chunks"] == sum(find(weir, user, d)["chunks"] for d in docs)
    with weir.pg() as pg:
        (row,) = pg.dicts("SELECT count(*) AS tasks, sum(credits_used) AS used FROM tasks WHERE user_id = $1 AND type = 'embed' AND status = 'completed'", user.id)
    assert int(row["tasks"]) == 100 and weir.balance(user) == pytest.approx(1000 - float(row["used"]))


@pytest.mark.parametrize("when", ["parsing", "embedding"])
def test_a_killed_worker_costs_nobody_twice(weir, user, when):
    """F17: the job goes on in another process with what is missing, and is charged once."""
    kb = base(weir, user, chunk={"tokens": 50, "overlap": 0})
    if when == "parsing":
        with open(f"{FILES}/made-pdf-form-bomb.pdf", "rb") as f:  # takes long to read
            answer = weir.post(f"{BASES}/{kb['id']}/documents?filename=bomb.pdf", f.read(), user, headers={"Content-Type": "application/pdf"})
        d = answer.json["document"]
        wait_until(lambda: find(weir, user, d)["state"] == "parsing", lambda: find(weir, user, d), timeout_s=20)
        time.sleep(0.5)
        weir.daemons.stop("worker", signal.SIGKILL)
        weir.start_worker()
        assert weir.delete(f"{BASES}/{kb['id']}/documents/{d['id']}", user).status == 204
        d = add(weir, user, kb, words(5, "after the bomb"))
    else:
        d = add(weir, user, kb, words(40, "killed").replace("Paragraph 39", "[[demo delay=4000]] Paragraph 39"))
        wait_until(lambda: find(weir, user, d)["vectors"] > 0, lambda: f"{find(weir, user, d)}", timeout_s=30)
        weir.daemons.stop("worker", signal.SIGKILL)
        had = find(weir, user, d)["vectors"]
        assert 0 < had < find(weir, user, d)["chunks"]
        weir.start_worker()
    d = ended(weir, user, d, timeout_s=90)
    assert d["vectors"] == d["chunks"]
    (t,) = tasks(weir, user)
    assert t["status"] == "completed" and weir.balance(user) == pytest.approx(1000 - t["credits_used"])
    with weir.pg() as pg:
        assert len(pg.query("SELECT FROM usage WHERE task_id = $1", t["id"])) == 1
    weir.audit()


class Pages(http.server.BaseHTTPRequestHandler):
    """A site with a page, a way to it, a way round in a circle, and one that is gone."""

    def do_GET(self):
        where = {"/to": "/notes%20of%20a%20weir.html", "/circle": "/circle"}.get(self.path)
        known = self.path == "/notes%20of%20a%20weir.html"
        self.send_response(302 if where else 200 if known else 404)
        if where:
            self.send_header("Location", where)
        body = b"<html><head><title>Notes</title></head><body><h1>Weirs</h1><p>A weir holds water back.</p></body></html>" if known else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_an_address_is_fetched(weir, user):
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    conf = weir.folder + "/fetching.conf"
    weir.write_conf({"knowledge": {"allow_private": "true"}, "server": {"base_url": f"http://127.0.0.1:{weir.port}"}}, conf)
    weir.daemons.stop("worker")
    weir.start_worker(conf=conf)
    try:
        kb, at = base(weir, user), f"http://127.0.0.1:{site.server_port}"
        path = f"{BASES}/{kb['id']}/documents"
        d = ended(weir, user, weir.post(path, {"url": at + "/to"}, user).json["document"])
        assert (d["kind"], d["filename"], d["title"], d["source_url"]) == ("html", "notes of a weir.html", "Notes", at + "/to")
        assert "holds water back" in weir.get(f"{path}/{d['id']}/text", user).json["text"]
        for where, code in (("/circle", "fetch_failed"), ("/gone", "fetch_failed"), ("/notes%20of%20a%20weir.html", "duplicate")):
            e = ended(weir, user, weir.post(path, {"url": at + where}, user).json["document"], "failed")
            assert e["code"] == code, e
    finally:
        site.shutdown()
        weir.daemons.stop("worker")
        weir.start_worker()


def test_weirctl(weir, user):
    kb = base(weir, user, name="of the operator")
    d = ended(weir, user, add(weir, user, kb, words(2, "operators"), title="A manual"))
    assert [line for line in weir.weirctl("kb", "list", user.login).stdout.splitlines() if line.startswith(kb["id"]) and "vec" in line]
    assert "A manual" in weir.weirctl("kb", "documents", kb["id"]).stdout
    assert "0 documents" in weir.weirctl("kb", "cancel", kb["id"]).stdout and "0 documents" in weir.weirctl("kb", "retry", kb["id"], d["id"]).stdout
    since = len(weir.demo_requests())
    assert "made anew" in weir.weirctl("kb", "reindex", kb["id"]).stdout
    wait_until(lambda: weir.get(f"{BASES}/{kb['id']}", user).json["index"] is None, "the new vectors", timeout_s=30)
    assert embed_calls(weir, since) and len(tasks(weir, user)) == 2  # what was cached is not believed
    assert weir.get(f"{BASES}/{kb['id']}/stats", user).json["vectors"] == d["chunks"]
    weir.weirctl("job", "pause", "knowledge_parse")
    try:
        e = add(weir, user, kb, words(2, "stopped"))
        assert "1 documents were stopped" in weir.weirctl("kb", "cancel", kb["id"], e["id"]).stdout
        assert find(weir, user, e)["code"] == "cancelled"
        assert "1 documents are done again" in weir.weirctl("kb", "retry", kb["id"]).stdout
    finally:
        weir.weirctl("job", "resume", "knowledge_parse")
    ended(weir, user, e)
    for words_ in (("kb",), ("kb", "list", "a", "b"), ("kb", "documents")):
        assert weir.weirctl(*words_, check=False).returncode == 2, words_
    for words_ in (("kb", "list", "nobody@example.org"), ("kb", "documents", "x"), ("kb", "documents", d["id"]), ("kb", "retry", kb["id"], kb["id"])):
        done = weir.weirctl(*words_, check=False)
        assert done.returncode == 1 and done.stderr, words_


class Few(http.server.BaseHTTPRequestHandler):
    """A provider that takes four texts at once, and says 429 to the first call."""

    calls, lock = [], threading.Lock()

    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        with self.lock:
            self.calls.append((time.monotonic(), len(texts)))
            first = len(self.calls) == 1
        if first or len(texts) > 4:
            self.answer(429 if first else 400, {"error": {"message": "too many", "type": "invalid_request_error"}}, {"Retry-After": "2"} if first else {})
        else:
            self.answer(200, {"object": "list", "model": "few", "usage": {"prompt_tokens": 5 * len(texts), "total_tokens": 5 * len(texts)}, "data": [
                {"object": "embedding", "index": i, "embedding": [len(t) % 7 + 1, len(t) % 5, i + 1, 1]} for i, t in enumerate(texts)]})

    def answer(self, status, body, headers=None):
        body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_provider_that_takes_few_at_once(weir, user):
    few = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Few)
    threading.Thread(target=few.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "few", "--type", "embedding", "--input", str(PRICE), "--output", "0", "--context", "8192", "--max-output", "1")
    weir.weirctl("channel", "add", "few", "--provider", "openai-compatible", "--url", f"http://127.0.0.1:{few.server_port}/v1", "--key-stdin",
                 "--allow-private", "--model", "few", input="key\n")
    kb = base(weir, user, embedding_model="few", chunk={"tokens": 50, "overlap": 0})
    d = ended(weir, user, add(weir, user, kb, words(5, "few at once")), timeout_s=60)
    few.shutdown()
    assert d["vectors"] == d["chunks"] > 8 and d["skipped"] == 0
    (t,) = tasks(weir, user)
    with weir.pg() as pg:
        assert int(pg.query("SELECT request_tokens FROM usage WHERE task_id = $1", t["id"])[0][0]) == 5 * d["chunks"]
    assert Few.calls[1][0] - Few.calls[0][0] >= 2  # it was given its time
    assert sum(n for _, n in Few.calls if n > 4) <= 3 * 8  # and is soon asked for fewer


def test_gemini_gives_vectors_too(weir, user):
    weir.weirctl("model", "add", "gvec", "--type", "embedding", "--input", str(PRICE), "--output", "0", "--context", "8192", "--max-output", "1")
    weir.weirctl("channel", "add", "gemini", "--provider", "gemini", "--url", weir.demo_url.removesuffix("/v1"), "--key-stdin", "--allow-private",
                 "--model", "gvec=demo", input="demo\n")
    kb, since = base(weir, user, embedding_model="gvec"), len(weir.demo_requests())
    d = ended(weir, user, add(weir, user, kb, words(3, "gemini")))
    assert d["vectors"] == d["chunks"]
    assert any("batchEmbedContents" in r["path"] for r in weir.demo_requests()[since:])


def test_everything_at_once(weir, user):
    """Documents are stopped, begun again, replaced and get another model while they are embedded: no request fails, all comes to an end."""
    kb = base(weir, user, chunk={"tokens": 50, "overlap": 0})
    docs, failed = [add(weir, user, kb, words(6, f"race {i}")) for i in range(12)], []

    def act(n):
        dice = random.Random(n)
        for _ in range(12):
            path = f"{BASES}/{kb['id']}/documents/{dice.choice(docs)['id']}"
            answer = dice.choice((
                lambda: weir.post(path + "/cancel", None, user), lambda: weir.post(path + "/retry", {}, user),
                lambda: weir.request("PUT", path, user, {"text": words(3, f"version {dice.random()}")}),
                lambda: weir.patch(f"{BASES}/{kb['id']}", {"embedding_model": dice.choice(("vec", "vec-2"))}, user), lambda: weir.get(path, user)))()
            if answer.status not in (200, 202, 409):
                failed.append(answer)
            time.sleep(dice.random() * 0.3)

    threads = [threading.Thread(target=act, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failed == []

    def live():
        with weir.pg() as pg:
            return pg.query("SELECT state FROM kb_version WHERE kb_id = $1 AND state NOT IN ('ready', 'failed') UNION ALL SELECT r.state FROM kb_run r"
                            " JOIN kb_space s ON s.id = r.space_id WHERE s.kb_id = $1 AND r.state IN ('waiting', 'running')", kb["id"])

    wait_until(lambda: live() == [], live, timeout_s=90)
    with weir.pg() as pg:
        (row,) = pg.dicts("SELECT sum(credits_used) AS used, count(*) FILTER (WHERE completed_at IS NULL) AS live FROM tasks WHERE user_id = $1", user.id)
    assert row["live"] == "0" and weir.balance(user) == pytest.approx(1000 - float(row["used"]))
    weir.audit()
