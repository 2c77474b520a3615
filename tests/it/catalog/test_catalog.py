"""What a turn is planned with: model, fallback, channels, keys; and which messages go upstream."""

import collections
import json
import os
import subprocess
import uuid

import pytest
import weirstack

VISION, AUDIO, VIDEO, REASONING, TOOLS = 1, 2, 4, 8, 16


@pytest.fixture(scope="module")
def owner(data):
    return insert(data, "INSERT INTO users (id, email) VALUES ($1, $2)", f"{uuid.uuid4()}@example.org")


@pytest.fixture(scope="module")
def shop(data):
    """Models: plain (default), smart (two channels and a spare), gone (disabled), bare (no channel), paint."""
    def model(name, *more):
        data.weirctl("model", "add", name, "--input", "1.5", "--output", "0.000001", "--context", "9000",
                     "--max-output", "900", *more)

    model("plain", "--default")
    model("smart", "--call", "0.25", "--abilities", "vision,tools,unheard-of")
    model("gone", "--disabled")
    model("bare")
    model("paint", "--type", "image")

    def channel(name, *more, key=None):
        data.weirctl("channel", "add", name, "--provider", "openai", "--url", f"http://{name}.example/v1", *more,
                     *(["--key-stdin"] if key else []), input=key and key + "\n")

    channel("light", "--model", "smart", "--weight", "1", key="sk-light")
    channel("heavy", "--model", "smart=upstream-smart", "--weight", "3", "--allow-private")
    channel("spare", "--model", "smart", "--weight", "0")
    channel("first", "--model", "plain", "--priority", "5")
    channel("second", "--model", "plain", "--priority", "-5")
    channel("off", "--model", "plain", "--model", "bare", "--priority", "99", "--disabled")
    channel("easel", "--model", "paint", "--model", "bare", "--disabled")


def insert(data, sql, *args):
    ident = str(uuid.uuid4())
    with data.pg() as pg:
        pg.query(sql, ident, *args)
    return ident


def conversation(data, owner, agent=None, model=None):
    return insert(data, "INSERT INTO conversations (id, user_id, agent_id, model_id, title, title_is_custom)"
                  " VALUES ($1, $2, $3, (SELECT id FROM llm_models WHERE name = $4), 'T', true)", owner, agent, model)


def agent(data, model, fallback=None, **more):
    ident = insert(data, "INSERT INTO agents (id, name, prompt, model_id, fallback_model_id, timeout_seconds,"
                   " temperature) VALUES ($1, 'a', 'Be brief.', (SELECT id FROM llm_models WHERE name = $2),"
                   " (SELECT id FROM llm_models WHERE name = $3), 7, 0.5)", model, fallback)
    with data.pg() as pg:
        for column, value in more.items():
            pg.query(f"UPDATE agents SET {column} = $2 WHERE id = $1", ident, value)
    return ident


def tool(data, user, *args):
    program = os.path.join(weirstack.build_dir(), "tests/it/catalog/catalog_tool")
    done = subprocess.run([program, data.conf_path, user, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def turn(data, user, *args):
    return tool(data, user, "turn", *args)[0]


# ---- the plan --------------------------------------------------------------------


def test_a_named_model(data, shop, owner):
    plan = turn(data, owner, conversation(data, owner), "smart")
    assert plan["title"] == "T" and plan["title_is_custom"] is True and plan["message_count"] == 0
    assert plan["agent_id"] is None and plan["prompt"] is None and plan["timeout_ms"] == 0 and plan["temperature"] < 0
    model = plan["model"]
    assert model["name"] == "smart" and model["context_tokens"] == 9000 and model["max_output_tokens"] == 900
    assert model["price"] == {"ratio_ppm": 1000000, "rows": [["input", 0, 1500000, 1000000], ["output", 0, 1, 1000000],
                                                              ["call", 0, 250000, 1]]}
    assert model["abilities"] == VISION | TOOLS
    channels = {c["name"]: c for c in model["channels"]}
    assert set(channels) == {"light", "heavy", "spare"} and plan["fallback"] is None
    assert channels["light"]["api_key"] == "sk-light" and channels["heavy"]["api_key"] is None
    assert channels["heavy"]["upstream_name"] == "upstream-smart" and channels["light"]["upstream_name"] == "smart"
    assert channels["heavy"]["allow_private"] is True and channels["light"]["allow_private"] is False
    assert channels["light"]["base_url"] == "http://light.example/v1"


def test_which_model_without_a_name(data, shop, owner):
    smart, gone = agent(data, "smart"), agent(data, "gone")
    for wanted, args in (("plain", (None, None)), ("smart", (smart, None)), ("plain", (smart, "plain")),
                         ("smart", (None, "smart")), ("plain", (gone, "gone")), ("smart", (smart, "gone")),
                         ("plain", (None, "paint"))):
        assert turn(data, owner, conversation(data, owner, *args))["model"]["name"] == wanted, args


@pytest.mark.parametrize("name", ["gone", "paint", "unknown"])
def test_models_that_cannot_be_named(data, shop, owner, name):
    answer = turn(data, owner, conversation(data, owner), name)
    assert answer["code"] == "invalid_request" and answer["details"]["field"] == "model"


def test_nothing_serves_it(data, shop, owner):
    assert turn(data, owner, conversation(data, owner), "bare")["code"] == "unavailable"


def test_other_peoples_conversations(data, shop, owner):
    theirs = conversation(data, owner)
    assert turn(data, str(uuid.uuid4()), theirs)["code"] == "not_found"
    assert turn(data, owner, uuid.uuid4())["code"] == "not_found"


def test_an_agent(data, shop, owner):
    ident = agent(data, "smart", "plain")
    plan = turn(data, owner, conversation(data, owner, ident))
    assert plan["agent_id"] == ident and plan["prompt"] == "Be brief."
    assert plan["timeout_ms"] == 7000 and plan["temperature"] == 0.5
    assert plan["model"]["name"] == "smart" and plan["fallback"]["name"] == "plain"
    assert [c["name"] for c in plan["fallback"]["channels"]] == ["first", "second"]
    assert tool(data, owner, "agent", ident)[0]["fallback"]["name"] == "plain"
    assert tool(data, owner, "agent", uuid.uuid4())[0]["code"] == "not_found"


def test_fallbacks_that_do_not_help(data, shop, owner):
    for fallback in ("gone", "bare", "smart", None):
        plan = turn(data, owner, conversation(data, owner, agent(data, "smart", fallback)))
        assert plan["model"]["name"] == "smart" and plan["fallback"] is None, fallback


def test_the_fallback_takes_over_when_nothing_serves_the_model(data, shop, owner):
    plan = turn(data, owner, conversation(data, owner, agent(data, "bare", "smart")))
    assert plan["model"]["name"] == "smart" and plan["fallback"] is None


def test_a_disabled_agent_does_not_run(data, shop, owner):
    ident = agent(data, "smart", enabled="false")
    assert turn(data, owner, conversation(data, owner, ident))["code"] == "forbidden"
    assert tool(data, owner, "agent", ident)[0]["model"]["name"] == "smart", "but admins may test it"


def test_priority_then_weight(data, shop, owner):
    """Of trials, which are of no conversation: turns of one stay with the first they had."""
    orders = [[c["name"] for c in p["model"]["channels"]] for p in tool(data, owner, "agent", agent(data, "plain"), 50)]
    assert all(order == ["first", "second"] for order in orders)
    orders = [tuple(c["name"] for c in p["model"]["channels"]) for p in tool(data, owner, "agent", agent(data, "smart"), 4000)]
    assert all(order[2] == "spare" for order in orders), "weight 0 comes last"
    first = collections.Counter(order[0] for order in orders)
    # 3 : 1; 4,000 draws stray from 3,000 by more than 150 less than once in ten million runs
    assert abs(first["heavy"] - 3000) < 150, first
    place = conversation(data, owner)
    assert len({tuple(c["name"] for c in p["model"]["channels"]) for p in tool(data, owner, "turn", place, "smart", 100)}) == 1


def test_a_key_sealed_by_another_installation(data, shop, owner):
    with data.pg() as pg:
        was = pg.query("SELECT k.id, k.key_enc FROM channel_keys k JOIN channels ch ON ch.id = channel_id WHERE ch.name = 'light'")[0]
        pg.query("UPDATE channel_keys SET key_enc = '\\x00112233' WHERE id = $1", was[0])
        try:
            plan = turn(data, owner, conversation(data, owner), "smart")
            assert {c["name"] for c in plan["model"]["channels"]} == {"heavy", "spare"}
        finally:
            pg.query("UPDATE channel_keys SET key_enc = $2 WHERE id = $1", *was)


# ---- the history -------------------------------------------------------------------


class Talk:
    """A conversation written straight into the database: t.add("user", "text") -> id."""

    def __init__(self, data, owner):
        self.data, self.owner, self.sequence, self.last = data, owner, 0, None
        self.id = conversation(data, owner)

    def add(self, role, content, status="success", parent=None, shown=True, attachments="[]"):
        """The next message; or a version of what follows `parent`."""
        self.sequence += 1
        ident = insert(self.data, "INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content,"
                       " status, attachments, parent_id, active, chosen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
                       self.id, self.owner, str(self.sequence), role, content, status, attachments, parent or self.last, shown)
        if shown:
            self.last = ident
        return ident

    def history(self, again="-", limit=100, most_bytes=1000000, user=None):
        return tool(self.data, user or self.owner, "history", self.id, again, limit, most_bytes)[0]

    def texts(self, *args, **more):
        return [m["content"] for m in self.history(*args, **more)["messages"]]


@pytest.fixture
def talk(data, owner):
    return Talk(data, owner)


def test_nothing_yet(talk):
    assert talk.history() == {"messages": [], "question_id": None}


def test_questions_with_their_answers(talk):
    attachments = [{"type": t, "url": f"https://example.org/{t}"} for t in ("audio", "image", "video")]
    talk.add("user", "q1", attachments=json.dumps(attachments))
    talk.add("assistant", "a1")
    messages = talk.history()["messages"]
    assert messages == [
        {"role": "user", "content": "q1", "image_url": "https://example.org/image",
         "video_url": "https://example.org/video", "audio_url": "https://example.org/audio"},
        {"role": "assistant", "content": "a1", "image_url": None, "video_url": None, "audio_url": None}]


@pytest.mark.parametrize("status", ["pending", "processing", "error", "insufficient_balance", "content_violation",
                                    "llm_error"])
def test_questions_without_a_good_answer_are_left_out(talk, status):
    for question, how in (("q1", "success"), ("q2", status), ("q3", "success")):
        talk.add("user", question)
        talk.add("assistant", question.replace("q", "a"), how)
    talk.add("user", "q4")
    assert talk.texts() == ["q1", "a1", "q3", "a3"]


def test_a_deleted_question_takes_its_answer_along(talk, data):
    for n in (1, 2):
        question = talk.add("user", f"q{n}")
        talk.add("assistant", f"a{n}")
    with data.pg() as pg:
        pg.query("DELETE FROM conversation_messages WHERE id = $1", question)
    assert talk.texts() == ["q1", "a1"]


def test_what_is_not_shown_does_not_count(talk):
    one = talk.add("user", "q1")
    talk.add("assistant", "a1")
    talk.add("assistant", "a1 worse", parent=one, shown=False)
    talk.add("user", "q2")
    talk.add("assistant", "a2")
    assert talk.texts() == ["q1", "a1", "q2", "a2"]


def test_answers_that_overlapped(talk):
    talk.add("user", "q1")
    talk.add("assistant", "a1", "processing")
    talk.add("user", "q2")
    talk.add("assistant", "a2")
    assert talk.texts() == ["q2", "a2"]


def test_making_an_answer_again(talk):
    one = talk.add("user", "q1")
    first = talk.add("assistant", "a1")
    two = talk.add("user", "q2")
    failed = talk.add("assistant", "half", "llm_error")
    later = talk.add("assistant", "a1 better", parent=one, shown=False)
    below = talk.add("user", "q2 below", parent=later, shown=False)
    last = talk.add("assistant", "a2 below", parent=below, shown=False)
    assert talk.texts(again=failed) == ["q1", "a1", "q2"] and talk.history(again=failed)["question_id"] == two
    assert talk.texts(again=first) == ["q1"]
    assert talk.texts(again=later) == ["q1"] and talk.history(again=later)["question_id"] == one
    assert talk.texts(again=last) == ["q1", "a1 better", "q2 below"], "the way to what is not shown"


def test_what_cannot_be_made_again(talk, data, owner):
    question = talk.add("user", "q1")
    answer = talk.add("assistant", "a1")
    refused = talk.history(again=question)
    assert refused["code"] == "invalid_request" and refused["details"]["field"] == "message_id"
    assert talk.history(again=uuid.uuid4())["code"] == "not_found"
    assert talk.history(again=answer, user=str(uuid.uuid4()))["code"] == "not_found"
    other = Talk(data, owner)
    assert other.history(again=answer)["code"] == "not_found"
    with data.pg() as pg:
        pg.query("DELETE FROM conversation_messages WHERE id = $1", question)
    assert talk.history(again=answer)["code"] == "invalid_request"


def test_bounds(talk):
    for n in range(10):
        talk.add("user", f"question {n}")
        last = talk.add("assistant", f"answer {n} {'x' * 100}")
    assert [t.split()[1] for t in talk.texts(limit=4)] == ["8", "8", "9", "9"]
    assert [t.split()[1] for t in talk.texts(limit=5)] == ["8", "8", "9", "9"], "an answer without its question is none"
    assert [t.split()[1] for t in talk.texts(most_bytes=300)] == ["8", "8", "9", "9"]
    assert talk.texts(most_bytes=50) == []
    assert talk.texts(again=last, most_bytes=1) == ["question 9"], "the question goes, however long"
    assert talk.history(user=str(uuid.uuid4()))["code"] == "not_found"
