"""Chats that look into knowledge bases: what reaches the model, what is cited, what it costs, and who may."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from searchlib import add_models, make_base, uuid7  # noqa: E402

LEAVE = "# Leave\n\nThe rules are new. Employees have 25 days of vacation a year. Ask your manager two weeks before.\n\n# Sickness\n\nCall in before nine."
PAY = "# Pay\n\nSalaries are paid on the last working day.\n\n| grade | amount |\n| --- | --- |\n" + "".join(
    f"| G{i} | {1000 + i} |\n" for i in range(120))
MANUAL = "# 数据库\n\n第一页。\f如何删除索引：使用 DROP INDEX 语句。备份请使用 pg_dump 工具。"


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    add_models(weir)


@pytest.fixture
def user(weir):
    return weir.make_user()


@pytest.fixture
def base(weir, user):
    return make_base(weir, user, [("Handbook", LEAVE), ("Payroll", PAY), ("手册", MANUAL)])


def ask(weir, user, conversation, content, **more):
    turn = weir.chat(user, content + " [[demo echo=1]]", conversation, **more)
    assert turn.status == 200 and turn.final["type"] == "done", turn.events
    return turn


def asked(weir):
    """The tokens that the model was sent last."""
    return [r for r in weir.demo_requests() if "chat" in r["path"]][-1]["prompt_tokens"]


def used(weir, user):
    with weir.pg() as pg:
        return [(r[0], r[1]) for r in pg.query("SELECT op, status FROM usage WHERE user_id = $1 ORDER BY id", user.id)]


def test_an_answer_cites_what_it_was_given(weir, user, base):
    kb, (leave, pay, manual) = base
    conversation = weir.conversation(user, knowledge_ids=[kb])
    assert weir.get(f"/api/conversations/{conversation}", user).json["knowledge_ids"] == [kb]
    turn = ask(weir, user, conversation, "Employees have how many days of vacation a year? [1] And `a[1]` or [99] is none.")
    cited = turn.final["data"]["assistant_message"]["citations"]
    assert len(cited) == 1, cited
    one = cited[0]
    assert (one["n"], one["document_id"], one["version"], one["title"], one["page"]) == (1, leave, 1, "Handbook", 1)
    assert one["quote"] == LEAVE[one["c0"]:one["c1"]] == "Employees have 25 days of vacation a year."
    stored = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]
    assert stored[-1]["citations"] == cited and stored[0]["citations"] == []
    assert used(weir, user) == [("embeddings", "completed"), ("chat", "completed")]
    weir.audit()


def test_a_page_and_a_row_of_a_table(weir, user, base):
    kb, (leave, pay, manual) = base
    conversation = weir.conversation(user, knowledge_ids=[kb], knowledge_mode="always")
    one = ask(weir, user, conversation, "如何删除索引？使用 DROP INDEX 语句【1】").final["data"]["assistant_message"]["citations"][0]
    assert (one["document_id"], one["page"]) == (manual, 2) and one["quote"] == MANUAL[one["c0"]:one["c1"]] == "如何删除索引：使用 DROP INDEX 语句。"
    one = ask(weir, user, conversation, "grade G117 amount 1117 [1]").final["data"]["assistant_message"]["citations"][0]
    assert one["document_id"] == pay and one["quote"] == PAY[one["c0"]:one["c1"]] == "| G117 | 1117 |"


def test_modes(weir, user, base):
    kb, _ = base
    conversation = weir.conversation(user, knowledge_ids=[kb], knowledge_mode="off")
    question = "Employees have how many days of vacation a year? [1]"
    assert ask(weir, user, conversation, question).final["data"]["assistant_message"]["citations"] == []
    without = asked(weir)
    assert used(weir, user) == [("chat", "completed")]
    # auto: nothing fits
    changed = weir.patch(f"/api/conversations/{conversation}", {"knowledge_mode": "auto"}, user).json
    assert (changed["knowledge_mode"], changed["knowledge_ids"]) == ("auto", [kb])
    other = weir.conversation(user, knowledge_ids=[kb], knowledge_mode="auto")
    ask(weir, user, other, "Sing of purple elephants on Jupiter [1]")
    assert asked(weir) < without + 20
    # auto: this does; always: whatever is found
    other = weir.conversation(user, knowledge_ids=[kb], knowledge_mode="auto")
    assert len(ask(weir, user, other, question).final["data"]["assistant_message"]["citations"]) == 1
    assert asked(weir) > without + 100
    other = weir.conversation(user, knowledge_ids=[kb], knowledge_mode="always")
    assert len(ask(weir, user, other, "Sing of purple elephants on Jupiter [1]").final["data"]["assistant_message"]["citations"]) == 1
    # a greeting is not looked for
    before = used(weir, user).count(("embeddings", "completed"))
    ask(weir, user, weir.conversation(user, knowledge_ids=[kb]), "?!")
    # the same question again: its vector is kept
    ask(weir, user, weir.conversation(user, knowledge_ids=[kb]), question)
    assert used(weir, user).count(("embeddings", "completed")) in (before, before + 1)
    weir.audit()


def test_regenerating_and_the_whole_answer(weir, user, base):
    kb, (leave, _, _) = base
    conversation = weir.conversation(user, knowledge_ids=[kb])
    question = "Employees have, again, how many days of vacation a year? [1] [[demo echo=1]]"
    whole = weir.post(f"/api/conversations/{conversation}/messages", {"content": question}, user)
    assert whole.status == 200 and whole.json["assistant_message"]["citations"][0]["document_id"] == leave
    message = whole.json["assistant_message"]["id"]
    with weir.stream(f"/api/conversations/{conversation}/messages/{message}/regenerate", {}, user) as s:
        again = next(e.json for e in s.events() if e.json and e.json["type"] == "done")
    assert again["data"]["assistant_message"]["citations"] == whole.json["assistant_message"]["citations"]
    assert used(weir, user) == [("embeddings", "completed"), ("chat", "completed"), ("chat", "completed")]


def test_an_agent_brings_its_bases(weir, user):
    admin = weir.make_user(admin=True)
    kb, (leave,) = make_base(weir, admin, [("Handbook", LEAVE)], shared=True)
    private, _ = make_base(weir, admin, [("Secrets", LEAVE.replace("25", "99"))])
    model = next(m["id"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"] if m["name"] == "demo-fast")
    agent = weir.post("/api/admin/agents", {"name": "Leave", "model_id": model, "knowledge_ids": [private, kb], "knowledge_mode": "always"}, admin)
    assert agent.status == 201 and agent.json["knowledge_ids"] == [private, kb] and agent.json["knowledge_mode"] == "always"
    changed = weir.patch(f"/api/admin/agents/{agent.json['id']}", {"knowledge_mode": "auto"}, admin).json
    assert (changed["knowledge_ids"], changed["knowledge_mode"]) == ([private, kb], "auto")
    conversation = weir.conversation(user, agent_id=agent.json["id"])
    assert weir.get(f"/api/conversations/{conversation}", user).json["knowledge_ids"] is None
    cited = ask(weir, user, conversation, "Employees have how many days of vacation a year? [1] [2]").final["data"]["assistant_message"]["citations"]
    assert {c["document_id"] for c in cited} == {leave} and "25" in cited[0]["quote"]


def test_a_shared_assistant_lends_nobody_its_owners_bases(weir, user):
    """Who took it by its link reads what he may read, and nothing of the rest: neither text nor title, nor that it is there."""
    owner = weir.make_user()
    private, (secret,) = make_base(weir, owner, [("Secrets", LEAVE.replace("25", "99"))])
    made = weir.post("/api/assistants", {"name": "Leave", "model": "demo-fast", "knowledge_ids": [private], "knowledge_mode": "always", "share": "link"}, owner)
    assert made.status == 201, made
    question = "Employees have how many days of vacation a year? [1]"
    conversation = weir.conversation(owner, assistant_id=made.json["id"])
    cited = ask(weir, owner, conversation, question).final["data"]["assistant_message"]["citations"]
    assert {c["document_id"] for c in cited} == {secret}
    with_it = asked(weir)
    assert weir.post("/api/assistant-links/" + made.json["url"].rsplit("/", 1)[1], None, user).status == 200
    conversation = weir.conversation(user, assistant_id=made.json["id"])
    turn = ask(weir, user, conversation, question)
    assert turn.final["data"]["assistant_message"]["citations"] == [] and asked(weir) < with_it - 50
    assert "Secrets" not in str(turn.events) and private not in str(turn.events) and used(weir, user) == [("chat", "completed")]
    told = weir.get(f"/api/conversations/{conversation}", user)
    assert private not in told.text and private not in weir.get(f"/api/assistants/{made.json['id']}", user).text
    # nor by naming it
    assert weir.patch(f"/api/conversations/{conversation}", {"knowledge_ids": [private]}, user).status in (400, 404)
    assert weir.post("/api/assistants", {"name": "Mine", "model": "demo-fast", "knowledge_ids": [private]}, user).status == 400
    # once he may read it, he does
    assert weir.patch(f"/api/knowledge/{private}", {"share": {"users": [user.login]}}, owner).status == 200
    cited = ask(weir, user, conversation, question).final["data"]["assistant_message"]["citations"]
    assert {c["document_id"] for c in cited} == {secret}
    weir.audit()


def test_refused(weir, user, base):
    kb, _ = base
    other = weir.make_user()
    for body in ({"knowledge_ids": [kb]}, {"knowledge_ids": ["x"]}, {"knowledge_ids": [uuid7()]}):
        refused = weir.post("/api/conversations", body, other)
        assert (refused.status, refused.json["details"]["field"]) == (400, "knowledge_ids"), refused
    refused = weir.post("/api/conversations", {"knowledge_ids": [kb] * 11}, user)
    assert (refused.status, refused.json["details"]["field"]) == (400, "knowledge_ids")
    refused = weir.post("/api/conversations", {"knowledge_mode": "often"}, user)
    assert (refused.status, refused.json["details"]["field"]) == (400, "knowledge_mode")
    conversation = weir.conversation(user, knowledge_ids=[kb])
    assert weir.patch(f"/api/conversations/{conversation}", {"knowledge_ids": None}, user).json["knowledge_ids"] is None


def test_a_base_that_is_gone_or_without_vectors(weir, user, base):
    kb, _ = base
    words, (pay,) = make_base(weir, user, [("Payroll", PAY)], vectors=False)
    conversation = weir.conversation(user, knowledge_ids=[kb, words], knowledge_mode="always")
    with weir.pg() as pg:
        pg.query("UPDATE kb SET deleted_at = now() WHERE id = $1", kb)
    cited = ask(weir, user, conversation, "Salaries are paid on the last working day? [1]").final["data"]["assistant_message"]["citations"]
    assert [c["document_id"] for c in cited] == [pay]
    with weir.pg() as pg:
        pg.query("UPDATE kb SET deleted_at = now() WHERE id = $1", words)
    assert ask(weir, user, conversation, "Salaries are paid when? [1]").final["data"]["assistant_message"]["citations"] == []


def test_the_vector_cannot_be_had(weir, user, base):
    kb, (leave, _, _) = base
    with weir.pg() as pg:
        pg.query("UPDATE channel_models SET upstream_name = 'demo-fast;fault=400' WHERE model_id = (SELECT id FROM llm_models WHERE name = 'demo-vectors')")
    weir.weirctl("channel", "set", "vectors", "--priority", "1")
    try:
        conversation = weir.conversation(user, knowledge_ids=[kb])
        cited = ask(weir, user, conversation, "Employees have vacation days each year, says who [1]").final["data"]["assistant_message"]["citations"]
        assert [c["document_id"] for c in cited] == [leave]
        assert used(weir, user) == [("embeddings", "failed"), ("chat", "completed")]
    finally:
        with weir.pg() as pg:
            pg.query("UPDATE channel_models SET upstream_name = 'demo-fast' WHERE model_id = (SELECT id FROM llm_models WHERE name = 'demo-vectors')")
        weir.weirctl("channel", "set", "vectors", "--priority", "0")
    weir.audit()


def test_a_model_that_cites_by_itself(weir, user, base):
    kb, (leave, pay, manual) = base
    turn = weir.chat(user, "How many holidays do employees have?", weir.conversation(user, knowledge_ids=[kb]))
    assert turn.text == "Your documents say: Employees have 25 days of vacation a year. [1]"
    (cited,) = turn.final["data"]["assistant_message"]["citations"]
    assert cited["document_id"] == leave and cited["quote"] == "Employees have 25 days of vacation a year."
    turn = weir.chat(user, "怎样删除索引？", weir.conversation(user, knowledge_ids=[kb]))
    assert turn.text.startswith("您的文档中写道：如何删除索引：使用 DROP INDEX 语句。[1]"), turn.text
    assert turn.final["data"]["assistant_message"]["citations"][0]["document_id"] == manual
