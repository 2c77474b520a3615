"""Search in knowledge bases: both legs, what it costs, who may, and what happens where vectors cannot be had."""

import os
import sys

import pytest
from weirtest import wait_until

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from searchlib import MODEL, add_models, make_base, search  # noqa: E402

LEAVE = "# Leave\n\nEmployees have 25 days of vacation a year. Ask your manager two weeks before.\n\n# Sickness\n\nCall in before nine."
PAY = "# Pay\n\nSalaries are paid on the last working day.\n\n| grade | amount |\n| --- | --- |\n| A | 4000 |\n| B | 5000 |"
MANUAL = "# 数据库\n\n如何删除索引：使用 DROP INDEX 语句。备份请使用 pg_dump 工具。\f第二页。max_connections 决定最多有多少个连接。"


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    return add_models(weir)


@pytest.fixture
def user(weir):
    return weir.make_user()


@pytest.fixture
def base(weir, user):
    return make_base(weir, user, [("Handbook", LEAVE), ("Payroll", PAY), ("手册", MANUAL)])


def used(weir, user):
    with weir.pg() as pg:
        return pg.query("SELECT u.status, u.op, u.model, u.request_tokens, u.cost, t.type FROM usage u JOIN tasks t ON t.id = u.task_id"
                        " WHERE u.user_id = $1 ORDER BY u.id", user.id)


def test_both_legs_find_and_say_how(weir, user, base):
    kb, (leave, pay, manual) = base
    found = search(weir, user, kb, "max_connections")
    top = found["items"][0]
    assert found["vectors"] == "used" and found["rank"] is None
    assert top["document_id"] == manual and top["knowledge_id"] == kb and top["version"] == 1 and top["title"] == "手册"
    assert (top["page"], top["page_to"]) == (1, 2) and top["heading"] == "手册 › 数据库"
    assert MANUAL[top["from"]:top["to"]] == top["text"] and "max_connections" in top["text"]
    scores = top["scores"]
    assert scores["coverage"] > 0.3 and scores["cosine"] is not None and scores["rank"] is None
    assert top["score"] == scores["fused"] >= found["items"][1]["score"]
    # not a word in common: the vectors find it
    found = search(weir, user, kb, "how many holidays do staff get")
    assert found["items"][0]["document_id"] == leave and found["items"][0]["heading"] == "Handbook › Leave"
    found = search(weir, user, kb, "员工有多少天假期 休假")
    assert found["items"][0]["document_id"] == leave and found["items"][0]["scores"]["lexical"] == 0
    assert search(weir, user, kb, "數據庫備份")["items"][0]["document_id"] == manual  # traditional characters


def test_modes_and_filters(weir, user, base):
    kb, (leave, pay, manual) = base
    text = search(weir, user, kb, "salary grade", mode="text")
    assert [i["document_id"] for i in text["items"]] == [pay] and text["vectors"] == "not_wanted"
    assert text["items"][0]["scores"]["cosine"] is None and text["usage"] == {"input_tokens": 0, "credits": 0}
    vector = search(weir, user, kb, "salary grade", mode="vector")
    assert vector["items"][0]["document_id"] == pay and all(i["scores"]["lexical"] == 0 for i in vector["items"])
    assert len(vector["items"]) == 4 and len(search(weir, user, kb, "salary grade", top_k=2)["items"]) == 2
    only = search(weir, user, kb, "salary grade", filters={"document_ids": [leave, manual]})
    assert {i["document_id"] for i in only["items"]} == {leave, manual}
    assert search(weir, user, kb, "nothingness", mode="text")["items"] == []
    assert search(weir, user, kb, "'); DROP TABLE kb; -- \\ ' & | ! <->", mode="text")["items"] is not None


def test_a_query_is_paid_once_and_kept(weir, user, base):
    kb, _ = base
    before = weir.balance(user)
    first = search(weir, user, kb, f"what {user.id} wants to know")
    assert first["usage"]["input_tokens"] > 0 and first["usage"]["credits"] > 0
    again = search(weir, user, kb, f"what {user.id} wants to know")
    assert again["usage"] == {"input_tokens": 0, "credits": 0} and again["items"] == first["items"]
    rows = used(weir, user)
    assert [(r[0], r[1], r[2], r[5]) for r in rows] == [("completed", "embeddings", MODEL, "embed")]
    assert weir.balance(user) == pytest.approx(before - float(rows[0][4]))
    assert "embed_cost" in [r[0] for r in history(weir, user)]
    weir.audit()


def history(weir, user):
    with weir.pg() as pg:
        return pg.query("SELECT change_type FROM credits_history WHERE user_id = $1", user.id)


def test_a_ranking_model_orders(weir, user, base):
    kb, (leave, pay, manual) = base
    found = search(weir, user, kb, "salaries are paid when", rerank=True)
    assert found["rank"] == "used" and found["items"][0]["document_id"] == pay
    assert found["items"][0]["scores"]["rank"] == found["items"][0]["score"]
    assert [r[1] for r in used(weir, user)] == ["embeddings", "rerank"]
    weir.audit()


def test_without_vectors_words_are_enough(weir, user):
    kb, (pay,) = make_base(weir, user, [("Payroll", PAY)], vectors=False)
    found = search(weir, user, kb, "salaries")
    assert found["vectors"] == "no_vectors" and found["items"][0]["document_id"] == pay
    assert found["items"][0]["score"] == pytest.approx(min(1, found["items"][0]["scores"]["coverage"]))


def test_without_credits(weir, base, user):
    kb, (leave, pay, manual) = base
    poor = weir.make_user(credits="0")
    shared, ids = make_base(weir, poor, [("Payroll", PAY)])
    found = search(weir, poor, shared, "salaries of the poor")
    assert found["vectors"] == "insufficient_credits" and found["items"][0]["document_id"] == ids[0]
    refused = weir.post(f"/api/knowledge/{shared}/search", {"query": "salaries of the poor", "mode": "vector"}, poor)
    assert (refused.status, refused.code) == (402, "insufficient_credits"), refused
    assert refused.json["details"]["required"] > 0 and used(weir, poor) == []


def test_when_the_provider_fails(weir, user, base):
    kb, _ = base
    with weir.pg() as pg:
        pg.query("UPDATE channel_models SET upstream_name = 'demo-fast;fault=400' WHERE model_id = (SELECT id FROM llm_models WHERE name = $1)", MODEL)
    weir.weirctl("channel", "set", "vectors", "--priority", "1")
    try:
        found = search(weir, user, kb, "salaries of those who fail")
        assert found["vectors"] not in ("used", "no_vectors") and found["items"]
        refused = weir.post(f"/api/knowledge/{kb}/search", {"query": "salaries of those who fail", "mode": "vector"}, user)
        assert refused.status >= 400 and refused.code
        assert {(r[0], float(r[4])) for r in used(weir, user)} == {("failed", 0.0)}
    finally:
        with weir.pg() as pg:
            pg.query("UPDATE channel_models SET upstream_name = 'demo-fast' WHERE model_id = (SELECT id FROM llm_models WHERE name = $1)", MODEL)
        weir.weirctl("channel", "set", "vectors", "--priority", "0")
    weir.audit()


def test_who_may(weir, user, base):
    kb, _ = base
    other = weir.make_user()
    refused = weir.post(f"/api/knowledge/{kb}/search", {"query": "x"}, other)
    assert (refused.status, refused.code) == (404, "not_found")
    assert weir.post("/api/knowledge/no-uuid/search", {"query": "x"}, user).status == 404
    with weir.pg() as pg:
        pg.query("INSERT INTO kb_share (kb_id, user_id) VALUES ($1, $2)", kb, other.id)
    assert search(weir, other, kb, "salaries are shared")["items"]
    assert [r[1] for r in used(weir, other)] == ["embeddings"] and used(weir, user) == []  # who asks pays


def test_bad_input(weir, user, base):
    kb, _ = base
    for body, field in (({}, "query"), ({"query": ""}, "query"), ({"query": "x" * 2001}, "query"), ({"query": "x", "mode": "fast"}, "mode"),
                        ({"query": "x", "top_k": 51}, "top_k"), ({"query": "x", "filters": {"document_ids": []}}, "filters"),
                        ({"query": "x", "filters": {"document_ids": ["x"]}}, "filters"), ({"query": "x", "filters": []}, "filters")):
        refused = weir.post(f"/api/knowledge/{kb}/search", body, user)
        assert (refused.status, refused.json["details"]["field"]) == (400, field), refused


def test_old_versions_are_not_found(weir, user, base):
    kb, (leave, pay, manual) = base
    with weir.pg() as pg:
        pg.query("UPDATE kb_document SET version = 2 WHERE id = $1", pay)
    assert pay not in {i["document_id"] for i in search(weir, user, kb, "salaries grade amount", top_k=50)["items"]}


def test_what_the_jobs_made_is_found(weir, user):
    """From the text that is sent to the passage that is cited, with nothing made by hand."""
    kb = weir.post("/api/knowledge", {"name": "handbook", "embedding_model": MODEL}, user).json["id"]
    texts = {"Handbook": LEAVE, "手册": MANUAL.replace("\f", "\n"), "Other": "# Tea\n\n" + "Tea is grown on hills. " * 200}
    ids = {t: weir.post(f"/api/knowledge/{kb}/documents", {"title": t, "text": x}, user).json["document"]["id"] for t, x in texts.items()}
    wait_until(lambda: all(d["state"] == "ready" for d in weir.get(f"/api/knowledge/{kb}/documents", user).json["items"]), "documents are ready", timeout_s=60)
    found = search(weir, user, kb, "how many holidays do staff get")
    top = found["items"][0]
    assert found["vectors"] == "used" and top["document_id"] == ids["Handbook"] and top["scores"]["likeness"] > 0.2
    there = weir.get(f"/api/knowledge/{kb}/documents/{ids['Handbook']}/text?from={top['from']}&to={top['to']}", user)
    assert there.json["text"] == top["text"], there
    # what was embedded as a chunk is known as a query, too
    same = search(weir, user, kb, f"{top['heading']}\n{top['text']}")
    assert same["usage"] == {"input_tokens": 0, "credits": 0} and same["items"][0]["scores"]["cosine"] == pytest.approx(1, abs=0.01)
    assert search(weir, user, kb, "如何删除索引")["items"][0]["document_id"] == ids["手册"]
    conversation = weir.conversation(user, knowledge_ids=[kb])
    turn = weir.chat(user, "Employees have 25 days of vacation? [1] [[demo echo=1]]", conversation)
    (cited,) = turn.final["data"]["assistant_message"]["citations"]
    assert cited["document_id"] == ids["Handbook"] and cited["quote"] == "Employees have 25 days of vacation a year."
    weir.audit()


def test_a_large_base(weir, user):
    """Its codes are kept in memory; what comes, and what goes, is known there too."""
    lines = [f"Shelf {n * 7919 % 10007} has the number {n}." for n in range(5500)]
    pages = ["\n\n".join(f"# Box {n}\n\n{lines[n]}" for n in range(at, at + 55)) for at in range(0, len(lines), 55)]
    kb, ids = make_base(weir, user, [(f"Hall {n}", text) for n, text in enumerate(pages)])
    with weir.pg() as pg:
        assert pg.query("SELECT sum(chunks) FROM kb_version WHERE kb_id = $1", kb)[0][0] == "5500"

    def first(query, **more):
        item = search(weir, user, kb, query, **more)["items"][0]
        return item["document_id"], item["text"]

    for n in (0, 77, 5499) * 2:
        there = (ids[n // 55], lines[n])
        assert first(f"Hall {n // 55} › Box {n}\n{lines[n]}", mode="vector") == first(lines[n], mode="text") == there
    assert first(lines[5], filters={"document_ids": [ids[0], ids[6]]}) == (ids[0], lines[5])
    made = weir.post(f"/api/knowledge/{kb}/documents", {"title": "Orchids", "text": "Orchids are watered on Mondays."}, user).json["document"]["id"]
    wait_until(lambda: weir.get(f"/api/knowledge/{kb}/documents/{made}", user).json["state"] == "ready", "the document is ready", timeout_s=60)
    assert {first("orchids are watered", mode="vector")[0] for _ in range(4)} == {made}
    assert weir.delete(f"/api/knowledge/{kb}/documents/{made}", user).status == 204
    assert made not in {i["document_id"] for i in search(weir, user, kb, "orchids are watered", mode="vector")["items"]}


def test_a_hold_whose_process_died_goes_back(weir, user, base):
    kb, _ = base
    before = weir.balance(user)
    with weir.pg() as pg:
        model = pg.query("SELECT id FROM llm_models WHERE name = $1", MODEL)[0][0]
        opened = ("SELECT outcome FROM kb_query_open('0190ffff-0000-7000-8000-000000000001', '0190ffff-0000-7000-8000-000000000002', $1, $2, 5, 60,"
                  " 'embeddings', NULL, 'default')")
        assert [pg.query(opened, user.id, model)[0][0] for _ in range(2)] == ["ok", "ok"]  # the same task, once
        assert weir.balance(user) == before - 5
        pg.query("UPDATE credit_transactions SET expires_at = now() - interval '1 second' WHERE user_id = $1 AND status = 'pending'", user.id)
    wait_until(lambda: weir.balance(user) == before, "the hold goes back", timeout_s=30)
    # who comes too late charges nothing
    with weir.pg() as pg:
        pg.query("SELECT * FROM kb_query_end('0190ffff-0000-7000-8000-000000000001', $1, $2, 'completed', NULL, 10, 0, false, 3, NULL, 5, NULL, 'embeddings', NULL,"
                 " 'default', 'm', NULL, NULL)", user.id, model)
    assert weir.balance(user) == before and used(weir, user) == []
    weir.audit()
