"""Questions that are put anew before bases are searched for them: what is found so, what it costs, and when it fails."""

import decimal
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from searchlib import add_models, make_base  # noqa: E402

WEIR_CONF = {"knowledge": {"rewrite_model": "demo-words"}}
LEAVE = "# Leave\n\nThe rules are new. Employees have 25 days of vacation a year. Ask your manager two weeks before."
OTHERS = [("Payroll", "# Pay\n\nSalaries are paid on the last working day."), ("手册", "# 数据库\n\n备份请使用 pg_dump 工具。"),
          ("Canteen", "# Canteen\n\nSoup is served from noon on.")]
FIRST = "Employees have how many days of vacation a year? [1]"
SECOND = "And by whom is it granted? [1]"


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    add_models(weir)
    weir.weirctl("model", "add", "demo-words", "--type", "chat", "--input", "2000", "--output", "7000", "--context", "32000", "--max-output", "1000")
    weir.weirctl("channel", "add", "words", "--provider", "openai", "--url", weir.demo_url, "--key-stdin", "--allow-private",
                 "--model", "demo-words=demo-fast", input="demo\n")


@pytest.fixture
def user(weir):
    return weir.make_user()


@pytest.fixture
def base(weir, user):
    return make_base(weir, user, [("Handbook", LEAVE), *OTHERS])


def ask(weir, user, conversation, content):
    """The answer, which repeats the question as the model was sent it."""
    turn = weir.chat(user, content + " [[demo echo=1]]", conversation)
    assert turn.status == 200 and turn.final["type"] == "done", turn.events
    assert turn.text == content
    return turn.final["data"]["assistant_message"]


def used(weir, user):
    with weir.pg() as pg:
        return [tuple(r) for r in pg.query("SELECT op, status FROM usage WHERE user_id = $1 ORDER BY id", user.id)]


def calls(weir):
    return len([r for r in weir.demo_requests() if "chat" in r["path"]])


def test_only_with_it_the_second_question_finds(weir, user, base):
    kb, (leave, *_) = base
    plain = weir.conversation(user, knowledge_ids=[kb])
    assert weir.get(f"/api/conversations/{plain}", user).json["knowledge_rewrite"] is None
    first = ask(weir, user, plain, FIRST)
    assert [c["document_id"] for c in first["citations"]] == [leave]
    assert (first["searched"]["query"], first["searched"]["rewrite"], first["searched"]["found"]) == (FIRST + " [[demo echo=1]]", None, 1)
    before = calls(weir)
    second = ask(weir, user, plain, SECOND)
    assert second["citations"] == [] and second["searched"]["found"] == 0
    assert calls(weir) == before + 1  # the answer alone
    assert "rewrite" not in dict(used(weir, user))

    other = weir.conversation(user, knowledge_ids=[kb], knowledge_rewrite=True)
    first = ask(weir, user, other, FIRST)
    assert first["searched"]["rewrite"] is None  # nothing was said before
    assert "rewrite" not in dict(used(weir, user))
    second = ask(weir, user, other, SECOND)
    assert [c["document_id"] for c in second["citations"]] == [leave]
    searched = second["searched"]
    assert (searched["query"], searched["rewrite"], searched["vectors"], searched["found"]) == (f"{FIRST} {SECOND}", "used", "used", 1)
    stored = weir.get(f"/api/conversations/{other}/messages", user).json["items"]
    assert stored[-1]["searched"] == searched and stored[0]["searched"] is None

    # the same answered again is asked anew, without itself
    with weir.stream(f"/api/conversations/{other}/messages/{second['id']}/regenerate", {}, user) as s:
        again = next(e.json for e in s.events() if e.json and e.json["type"] == "done")["data"]["assistant_message"]
    assert again["searched"]["query"] == searched["query"] and again["citations"] == second["citations"]
    weir.audit()


def test_each_stage_is_charged_once(weir, user, base):
    kb, _ = base
    conversation = weir.conversation(user, knowledge_ids=[kb], knowledge_rewrite=True)
    ask(weir, user, conversation, FIRST)
    searched = ask(weir, user, conversation, "And who pays for it? [1]")["searched"]
    with weir.pg() as pg:
        rows = pg.query("SELECT u.op, u.request_tokens, u.response_tokens, u.cost, t.credits_used FROM usage u JOIN tasks t ON t.id = u.task_id"
                        " WHERE u.user_id = $1 ORDER BY u.id", user.id)
        taken = pg.query("SELECT sum(change_amount) FROM credits_history WHERE user_id = $1 AND change_type = 'embed_cost'", user.id)[0][0]
    (op, tokens_in, tokens_out, cost, charged), = [r for r in rows if r[0] == "rewrite"]
    tokens_in, tokens_out = int(tokens_in), int(tokens_out)
    assert tokens_in > 20 and tokens_out > 5
    assert decimal.Decimal(cost) == decimal.Decimal(charged) == decimal.Decimal(2000 * tokens_in + 7000 * tokens_out) / 1000000
    stages = {s["op"]: s for s in searched["stages"]}
    assert (stages["rewrite"]["input_tokens"], stages["rewrite"]["output_tokens"], stages["rewrite"]["model"]) == (tokens_in, tokens_out, "demo-words")
    assert decimal.Decimal(str(stages["rewrite"]["credits"])) == decimal.Decimal(cost)
    assert stages["embeddings"]["model"] == "demo-vectors" and stages["embeddings"]["credits"] > 0
    assert -decimal.Decimal(taken) == sum(decimal.Decimal(r[3]) for r in rows if r[0] in ("rewrite", "embeddings"))
    weir.audit()


def test_agents_and_assistants_may_want_it(weir, user, base):
    admin = weir.make_user(admin=True)
    kb, (leave, *_) = make_base(weir, admin, [("Handbook", LEAVE), *OTHERS], shared=True)
    model = next(m["id"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"] if m["name"] == "demo-fast")
    agent = weir.post("/api/admin/agents", {"name": "Leave", "model_id": model, "knowledge_ids": [kb]}, admin).json
    assert agent["knowledge_rewrite"] is False
    agent = weir.patch(f"/api/admin/agents/{agent['id']}", {"knowledge_rewrite": True}, admin).json
    assert agent["knowledge_rewrite"] is True
    mine = weir.post("/api/assistants", {"name": "Leave", "knowledge_ids": [kb], "knowledge_rewrite": True}, user).json
    assert mine["knowledge_rewrite"] is True
    for begun in ({"agent_id": agent["id"]}, {"assistant_id": mine["id"]}):
        conversation = weir.conversation(user, **begun)
        ask(weir, user, conversation, FIRST)
        assert ask(weir, user, conversation, SECOND)["searched"]["rewrite"] == "used"
    # the conversation has the last word
    off = weir.patch(f"/api/conversations/{conversation}", {"knowledge_rewrite": False}, user).json
    assert off["knowledge_rewrite"] is False
    assert ask(weir, user, conversation, SECOND)["searched"]["rewrite"] is None
    refused = weir.patch(f"/api/conversations/{conversation}", {"knowledge_rewrite": "yes"}, user)
    assert (refused.status, refused.json["details"]["field"]) == (400, "knowledge_rewrite")
    assert weir.patch(f"/api/conversations/{conversation}", {"knowledge_rewrite": None}, user).json["knowledge_rewrite"] is None


def upstream(weir, name):
    with weir.pg() as pg:
        pg.query("UPDATE channel_models SET upstream_name = $1 WHERE model_id = (SELECT id FROM llm_models WHERE name = 'demo-words')", name)
    weir.weirctl("channel", "set", "words", "--priority", "0")  # a new version of the offer


@pytest.mark.parametrize("fault", ["400", "cut;at=1", "empty"])
def test_a_model_that_fails(weir, user, base, fault):
    kb, (leave, *_) = base
    conversation = weir.conversation(user, knowledge_ids=[kb], knowledge_rewrite=True)
    ask(weir, user, conversation, FIRST)
    upstream(weir, f"demo-fast;fault={fault}")
    try:
        question = f"Employees have vacation days each year, says who? {fault} [1]"
        answer = ask(weir, user, conversation, question)
    finally:
        upstream(weir, "demo-fast")
    assert answer["searched"]["query"].startswith(question) and answer["searched"]["rewrite"] not in (None, "used")
    assert [c["document_id"] for c in answer["citations"]] == [leave]
    assert [s["op"] for s in answer["searched"]["stages"]] == ["embeddings"]
    with weir.pg() as pg:
        (row,) = pg.query("SELECT status, cost FROM usage WHERE user_id = $1 AND op = 'rewrite'", user.id)
    assert row[0] == "failed" and decimal.Decimal(row[1]) == 0
    weir.audit()


def test_a_model_that_is_not_on_offer(weir, user, base):
    kb, _ = base
    conversation = weir.conversation(user, knowledge_ids=[kb], knowledge_rewrite=True)
    ask(weir, user, conversation, FIRST)
    weir.weirctl("model", "set", "demo-words", "--disabled")
    try:
        searched = ask(weir, user, conversation, SECOND)["searched"]
    finally:
        weir.weirctl("model", "set", "demo-words", "--enabled")
    assert searched["rewrite"] == "unavailable" and "rewrite" not in dict(used(weir, user))
    weir.audit()
