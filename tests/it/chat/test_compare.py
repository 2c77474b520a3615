"""Answers of several models to one question: `beside` of
POST /api/conversations/{conversation_id}/messages/{message_id}/regenerate."""

import time

import pytest

SLOW = "[[demo delay=700 deltas=4]]"
OTHER = "other-fast"  # demo-slow is only asked where it fails: it takes its time


@pytest.fixture(scope="module", autouse=True)
def other(weir):
    weir.weirctl("model", "add", OTHER, "--input", "3", "--output", "5", "--context", "32000", "--max-output", "2000")
    weir.weirctl("channel", "add", "other", "--provider", "openai", "--url", weir.demo_url, "--allow-private",
                 "--model", f"{OTHER}=demo-fast")


class Talk:
    def __init__(self, weir, **fields):
        self.weir, self.user = weir, weir.make_user()
        self.id = weir.conversation(self.user, **fields)
        self.path = f"/api/conversations/{self.id}/messages"

    def first(self, content, model="demo-fast"):
        return self.weir.stream(f"{self.path}/stream", {"content": content, "model": model}, self.user)

    def beside(self, message_id, model=OTHER, **more):
        return self.weir.stream(f"{self.path}/{message_id}/regenerate", {"model": model, "beside": True, **more}, self.user)

    def refused(self, message_id, model=OTHER):
        with self.beside(message_id, model) as s:
            assert s.status != 200
            return s.answer()

    def done(self, message_id, model=OTHER):
        with self.beside(message_id, model) as s:
            assert s.status == 200, s.answer()
            return [e.json for e in s.events() if e.json]

    def ask(self, content, model="demo-fast"):
        with self.first(content, model) as s:
            return [e.json for e in s.events() if e.json]

    def shown(self):
        return self.weir.get(self.path, self.user).json["items"]

    def spent(self):
        return [abs(r["change_amount"]) for r in self.weir.get("/api/me/credits/history", self.user).json["items"]
                if r["change_type"] == "chat_cost"]


@pytest.fixture
def talk(weir):
    return Talk(weir)


def test_two_at_once_are_charged_once_each(weir, talk):
    before = weir.balance(talk.user)
    with talk.first("One question " + SLOW) as one:
        start = one.until("start")[-1].json["data"]
        with talk.beside(start["assistant_message_id"], OTHER) as two:
            other = two.until("start")[-1].json["data"]
            assert len(weir.get("/api/tasks?active=true", talk.user).json["items"]) == 2, "both are on their way"
            assert other["user_message"]["id"] == start["user_message"]["id"] and other["model"] == OTHER
            ends = [[e.json for e in s.events() if e.json][-1]["data"] for s in (one, two)]
    answers = [e["assistant_message"] for e in ends]
    assert [a["status"] for a in answers] == ["success"] * 2 and [a["model"] for a in answers] == ["demo-fast", OTHER]
    assert all(e["usage"]["first_token_ms"] > 0 for e in ends)
    costs = sorted(e["credits_consumed"] for e in ends)
    assert sorted(talk.spent()) == pytest.approx(costs) and min(costs) > 0
    assert weir.balance(talk.user) == pytest.approx(before - sum(costs))

    # as it is after a reload: the first is shown, the other stands beside it
    question, shown = talk.shown()
    assert shown["id"] == answers[0]["id"] and "beside" not in question
    assert [b["id"] for b in shown["beside"]] == [answers[1]["id"]]
    other = shown["beside"][0]
    assert (other["content"], other["model"], other["parent_id"]) == (answers[1]["content"], OTHER, question["id"])
    assert shown["versions"] == other["versions"] == [a["id"] for a in answers]
    assert [m["first_token_ms"] for m in (shown, other)] == [e["usage"]["first_token_ms"] for e in ends]

    # going on with the other
    assert weir.post(f"{talk.path}/{other['id']}/activate", None, talk.user).status == 204
    _, followed = talk.shown()
    assert followed["id"] == other["id"] and [b["id"] for b in followed["beside"]] == [shown["id"]]
    talk.ask("And then?")
    assert [m["content"] for m in talk.shown()][1] == other["content"]
    exported = weir.get(f"/api/conversations/{talk.id}/export?format=markdown", talk.user).text
    assert other["content"] in exported and exported.count("demo-fast") <= 1, "what is not followed is not taken away"
    weir.audit()


def test_one_fails_and_the_other_goes_on(weir, talk):
    events = talk.ask("Try it [[demo model=demo-slow fault=500 fail=3 deltas=3 pace=0]]")
    good = events[-1]["data"]["assistant_message"]
    failed = talk.done(good["id"], "demo-slow")[-1]
    assert failed["type"] == "error" and failed["data"]["credits_consumed"] == 0
    shown = talk.shown()[1]
    assert shown["id"] == good["id"] and shown["status"] == "success"
    broken = shown["beside"][0]
    assert broken["status"] == "llm_error" and broken["error_display"] == failed["data"]["assistant_message"]["error_display"]
    zh = weir.get(talk.path, talk.user, headers={"Accept-Language": "zh-CN"}).json["items"][1]["beside"][0]
    assert zh["error_display"] != broken["error_display"]
    # made again in its place: it stays where it stands
    with weir.stream(f"{talk.path}/{broken['id']}/regenerate", {"model": "demo-slow"}, talk.user) as s:
        again = [e.json for e in s.events() if e.json][-1]
    assert again["type"] == "done"
    shown = talk.shown()[1]
    assert shown["id"] == good["id"] and [(b["id"], b["status"]) for b in shown["beside"]] == [(broken["id"], "success")]
    weir.audit()


def test_beside_a_failed_one(weir, talk):
    broken = talk.ask("Try it [[demo model=demo-slow fault=500]]", "demo-slow")[-1]["data"]["assistant_message"]
    assert broken["is_error"]
    good = talk.done(broken["id"])[-1]
    assert good["type"] == "done"
    assert talk.shown()[1]["beside"][0]["id"] == good["data"]["assistant_message"]["id"]


def test_one_is_stopped(weir, talk):
    with talk.first("Stop the other [[demo model=demo-slow pace=5 deltas=400]] [[demo model=demo-fast delay=1500 deltas=4]]") as one:
        start = one.until("start")[-1].json["data"]
        with talk.beside(start["assistant_message_id"], "demo-slow") as two:
            task = two.until("content")[0].json["data"]["task_id"]
            assert weir.post(f"/api/tasks/{task}/abort", None, talk.user).status == 200
            assert [e.json for e in two.events() if e.json][-1]["type"] == "cancelled"
        assert [e.json for e in one.events() if e.json][-1]["type"] == "done"
    shown = talk.shown()[1]
    assert shown["error_message"] is None and shown["beside"][0]["error_message"] is not None
    weir.audit()


def test_three_at_most(weir, talk):
    answer = talk.ask("Three")[-1]["data"]["assistant_message"]
    for _ in range(2):
        assert talk.done(answer["id"])[-1]["type"] == "done"
    before, held = talk.shown(), weir.balance(talk.user)
    full = talk.refused(answer["id"])
    assert (full.status, full.code) == (409, "comparison_full")
    assert talk.shown() == before and weir.balance(talk.user) == held
    # one less, one more
    assert weir.delete(f"{talk.path}/{before[1]['beside'][0]['id']}", talk.user).status == 204
    assert talk.done(answer["id"])[-1]["type"] == "done"
    # an answer made again is none of them; what is asked for beside it begins anew
    with weir.stream(f"{talk.path}/{answer['id']}/regenerate", {}, talk.user) as s:
        fresh = [e.json for e in s.events() if e.json][-1]["data"]["assistant_message"]
    assert talk.shown()[1]["id"] == fresh["id"] and "beside" not in talk.shown()[1]
    other = talk.done(fresh["id"])[-1]["data"]["assistant_message"]
    assert [b["id"] for b in talk.shown()[1]["beside"]] == [other["id"]] and len(talk.shown()[1]["versions"]) == 5
    weir.audit()


def test_refusals_change_nothing(weir, talk):
    answer = talk.ask("Refuse")[-1]["data"]["assistant_message"]
    question = talk.shown()[0]
    before = talk.shown()
    assert (talk.refused(answer["id"], "no-such-model").status, talk.refused(answer["id"], None).status) == (400, 400)
    assert talk.refused(question["id"]).status == 400
    path = f"{talk.path}/{answer['id']}/regenerate"
    body = {"model": OTHER, "beside": True}
    assert weir.post(path, body, weir.make_user()).status == 404 and weir.post(path, body).status == 401
    assert weir.post(path, {**body, "beside": "yes"}, talk.user).status == 400
    poor = Talk(weir)
    mine = poor.ask("Poor")[-1]["data"]["assistant_message"]
    weir.weirctl("credits", "grant", poor.user.login, f"-{weir.balance(poor.user)}")
    assert (poor.refused(mine["id"]).status, "beside" in poor.shown()[1]) == (402, False)
    assert talk.shown() == before


def test_without_a_slot_the_others_go_on(weir, talk):
    with talk.first("Slots " + SLOW) as one:
        start = one.until("start")[-1].json["data"]
        more = [talk.first(f"hold {n} {SLOW}") for n in range(4)]
        for s in more:
            s.until("start")
        full = talk.refused(start["assistant_message_id"])
        assert (full.status, full.code) == (429, "conversation_queue_full")
        assert [e.json for e in one.events() if e.json][-1]["type"] == "done"
        for s in more:
            list(s.events())
            s.close()
    assert talk.done(start["assistant_message_id"])[-1]["type"] == "done", "and can be asked for again"


def test_an_agent_answers_beside_itself(weir, admin):
    models = {m["name"]: m["id"] for m in weir.get("/api/admin/models", admin).json["items"]}
    agent = weir.post("/api/admin/agents", {"name": f"compared {time.time()}", "prompt": "A long prompt. " * 100,
                                            "model_id": models["demo-fast"]}, admin).json["id"]
    talk = Talk(weir, agent_id=agent)
    with talk.first("Agent " + SLOW) as one:
        start = one.until("start")[-1].json["data"]
        # another question has to wait, another answer to this one has not
        with talk.first("Another " + SLOW) as busy:
            assert (busy.status, busy.answer().code) == (409, "conversation_busy")
        other = talk.done(start["assistant_message_id"])[-1]
        assert other["type"] == "done" and other["data"]["usage"]["input_tokens"] > 200, "the agent's prompt went along"
        assert [e.json for e in one.events() if e.json][-1]["type"] == "done"


def test_a_temporary_one_is_compared(weir):
    talk = Talk(weir, temporary=True)
    answer = talk.ask("For a while")[-1]["data"]["assistant_message"]
    assert talk.done(answer["id"])[-1]["type"] == "done"
    assert len(talk.shown()[1]["beside"]) == 1
    talk.weir.audit()


def test_the_same_key_is_one_answer(weir, talk):
    answer = talk.ask("Once")[-1]["data"]["assistant_message"]
    path, body, key = f"{talk.path}/{answer['id']}/regenerate", {"model": OTHER, "beside": True}, {"Idempotency-Key": f"compare-{talk.id}"}
    ends = []
    for _ in range(2):
        with weir.stream(path, body, talk.user, headers=key) as s:
            ends.append([e.json for e in s.events() if e.json][-1])
    assert ends[0] == ends[1] and len(talk.shown()[1]["beside"]) == 1
    assert len(talk.spent()) == 2
