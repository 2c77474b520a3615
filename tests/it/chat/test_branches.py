"""Versions of questions and answers: edit_of of messages and messages/stream,
POST /api/conversations/{conversation_id}/messages/{message_id}/activate, DELETE with below.

What goes upstream is what is shown: its tokens say so.
"""

import uuid

import pytest


class Talk:
    """A conversation told by its contents: t.ask("q1"); t.shown()."""

    def __init__(self, weir):
        self.weir, self.user = weir, weir.make_user()
        self.id = weir.conversation(self.user)
        self.path = f"/api/conversations/{self.id}/messages"
        self.tokens = 0

    def ask(self, content, **more):
        answer = self.weir.post(self.path, {"content": content, "model": "demo-fast", **more}, self.user)
        assert answer.status == 200, answer.json
        self.tokens = answer.json["usage"]["input_tokens"]
        return answer.json["assistant_message"]

    def again(self, message):
        with self.weir.stream(f"{self.path}/{message['id']}/regenerate", {}, self.user) as s:
            events = [e.json for e in s.events() if e.json]
        self.tokens = events[-1]["data"]["usage"]["input_tokens"]
        return events[-1]["data"]["assistant_message"]

    def messages(self):
        return self.weir.get(self.path, self.user).json["items"]

    def shown(self):
        return [m["content"] for m in self.messages() if m["role"] == "user"]

    def find(self, content):
        return next(m for m in self.messages() if m["content"] == content)

    def activate(self, ident, user=None):
        return self.weir.post(f"/api/conversations/{self.id}/messages/{ident}/activate", None, user or self.user)


@pytest.fixture
def talk(weir):
    return Talk(weir)


def test_an_edited_question_is_another_version(weir, talk):
    talk.ask("one")
    talk.ask("two " + "many words " * 50)
    long = talk.tokens
    two = talk.find("two " + "many words " * 50)
    talk.ask("three")
    talk.ask("two anew", edit_of=two["id"])
    assert talk.shown() == ["one", "two anew"]
    assert talk.tokens < long, "what it replaces does not go upstream"
    new = talk.find("two anew")
    assert new["versions"] == [two["id"], new["id"]] and new["parent_id"] == two["parent_id"]

    assert talk.activate(two["id"]).status == 204
    assert talk.shown() == ["one", two["content"], "three"]
    assert talk.find("three")["versions"] == [talk.find("three")["id"]]
    talk.ask("four")
    assert talk.tokens > long
    weir.audit()


def test_the_first_question_may_be_edited(talk):
    talk.ask("one")
    first = talk.find("one")
    answer = talk.ask("uno", edit_of=first["id"])
    assert talk.shown() == ["uno"]
    again = talk.again(answer)
    shown = talk.messages()[-1]
    assert shown["id"] == again["id"] and shown["versions"] == [answer["id"], again["id"]]


def test_an_answer_made_again_far_up_begins_a_branch(talk):
    first = talk.ask("one")
    talk.ask("two")
    again = talk.again(first)
    assert talk.shown() == ["one"]
    talk.ask("other two")
    assert talk.activate(first["id"]).status == 204
    assert talk.shown() == ["one", "two"]
    assert talk.activate(again["id"]).status == 204
    assert talk.shown() == ["one", "other two"]


def test_pages_are_of_what_is_shown(weir, talk):
    answer = talk.ask("one")
    for _ in range(3):
        answer = talk.again(answer)
    talk.ask("two")
    page = weir.get(f"{talk.path}?limit=2", talk.user).json
    assert [m["role"] for m in page["items"]] == ["user", "assistant"] and page["has_more"]
    older = weir.get(f"{talk.path}?limit=2&before_id={page['items'][0]['id']}", talk.user).json
    assert [m["id"] for m in older["items"]][1:] == [answer["id"]] and not older["has_more"]
    assert len(older["items"][1]["versions"]) == 4


def test_what_is_deleted(weir, talk):
    talk.ask("one")
    talk.ask("two")
    three = talk.ask("three")
    delete = lambda ident, more="": weir.delete(f"{talk.path}/{ident}{more}", talk.user)  # noqa: E731
    assert delete(talk.find("one")["id"]).status == 204
    assert talk.shown() == ["two", "three"] and len(talk.messages()) == 4
    assert delete(talk.find("two")["id"], "?below=true").status == 204
    assert talk.messages() == []
    assert delete(three["id"]).status == 404
    assert weir.get(f"/api/conversations/{talk.id}", talk.user).json["message_count"] == 0


def test_an_answer_being_written_is_stopped_with_its_question(weir, talk):
    with weir.stream(talk.path + "/stream", {"content": "slow", "model": "demo-slow"}, talk.user) as s:
        start = s.until("content")[0].json["data"]
        assert weir.delete(f"{talk.path}/{start['user_message']['id']}", talk.user).status == 204
        assert [e.json for e in s.events() if e.json][-1]["type"] == "cancelled"
    assert talk.messages() == []
    weir.audit()


def test_others_and_nonsense(weir, talk):
    answer = talk.ask("one")
    question = talk.find("one")
    stranger = weir.make_user()
    for ident in (answer["id"], question["id"]):
        assert talk.activate(ident, stranger).status == 404
    assert weir.post(f"{talk.path}/{answer['id']}/activate", None).status == 401
    assert talk.activate(uuid.uuid4()).status == 404
    assert talk.activate("nonsense").status == 404
    send = lambda edit_of: weir.post(talk.path, {"content": "x", "edit_of": edit_of}, talk.user)  # noqa: E731
    assert (send("nonsense").status, send("nonsense").json["code"]) == (400, "invalid_request")
    assert send(str(uuid.uuid4())).status == 404
    assert (send(answer["id"]).status, send(answer["id"]).json["code"]) == (409, "conflict")
    other = Talk(weir)
    other.ask("theirs")
    assert send(other.find("theirs")["id"]).status == 404
    assert talk.shown() == ["one"]
    weir.audit()


def test_why_an_answer_ended(weir, talk):
    talk.ask("[[demo finish=length]] tell me much")
    assert talk.messages()[-1]["finish"] == "length"
    talk.ask("and now")
    assert talk.messages()[-1]["finish"] == "stop"


def test_an_edit_without_credits_is_kept(weir, talk):
    talk.ask("one")
    with weir.pg() as pg:
        pg.query("UPDATE users SET credits = 0 WHERE id = $1", talk.user.id)
    refused = weir.post(talk.path, {"content": "uno", "model": "demo-fast", "edit_of": talk.find("one")["id"]}, talk.user)
    assert refused.status == 402
    assert talk.shown() == ["uno"] and talk.messages()[-1]["status"] == "insufficient_balance"
