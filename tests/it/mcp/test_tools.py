"""Tools of servers that speak MCP: POST /api/admin/tool-servers, PATCH /api/admin/tool-servers/{server_id},
POST /api/admin/tool-servers/{server_id}/read, GET /api/tools, and what is called in conversations:
POST /api/conversations/{conversation_id}/messages/{message_id}/tools.

weir-demo is the server of tools and the model; a line of its log has the tool that was called as its model.
"""

import contextlib
import http.client
import os
import signal
import threading
import time

import pytest

from weirtest import Services, wait_until

ABILITIES = ["vision", "reasoning", "tools"]
WIRES = (("openai", "tools-o", "/v1"), ("anthropic", "tools-a", ""), ("gemini", "tools-g", ""))


@pytest.fixture(scope="module")
def weir():
    with Services() as s:
        s.start_data()
        s.up({"tools": {"timeout": "8s", "rounds": "3", "result_bytes": "2000"}, "server": {"workers": "4"}})
        s.base = s.demo_url.removesuffix("/v1")
        s.admin = s.make_user(admin=True)
        for provider, model, path in WIRES:
            s.weirctl("model", "add", model, "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000",
                      "--abilities", ",".join(ABILITIES))
            s.weirctl("channel", "add", model, "--provider", provider, "--url", s.base + path, "--key-stdin", "--allow-private",
                      "--model", model + "=demo-fast", input="demo\n")
        s.server = add_server(s, "demo").json
        read = s.post(f"/api/admin/tool-servers/{s.server['id']}/read", None, s.admin)
        assert read.status == 200 and read.json["read_error"] is None, read.json
        s.server = read.json
        yield s


def add_server(weir, name, **more):
    return weir.post("/api/admin/tool-servers", {"name": name, "url": weir.base + "/mcp", "allow_private": True, **more}, weir.admin)


def called(weir, tool, at_least=0):
    """How often that tool was called, by the log of the server, which is written a moment after an answer: at_least times."""
    deadline = time.monotonic() + 60
    while (n := sum(1 for r in weir.demo_requests() if r["path"] == "/mcp" and r.get("model") == tool)) < at_least:
        assert time.monotonic() < deadline, f"{tool} was called {n} times"
        time.sleep(0.02)
    return n


class Talk:
    def __init__(self, weir, model="tools-o", **more):
        self.weir, self.user, self.model = weir, weir.make_user(), model
        self.id = weir.conversation(self.user, tool_servers=[weir.server["id"]], **more)
        self.path = f"/api/conversations/{self.id}/messages"

    def ask(self, content, **more):
        answer = self.weir.post(self.path, {"content": content, "model": self.model, **more}, self.user)
        assert answer.status == 200, answer.json
        return answer.json["assistant_message"]

    def tools(self, message, **body):
        """The answer after the calls: its message; or the refusal."""
        with self.weir.stream(f"/api/conversations/{self.id}/messages/{message['id']}/tools", body, self.user) as s:
            if s.status != 200:
                return s.answer()
            last = [e.json for e in s.events() if e.json][-1]
        assert last["type"] == "done", last
        return last["data"]["assistant_message"]

    def messages(self):
        return self.weir.get(self.path, self.user).json["items"]

    def calls(self, message):
        return next(m for m in self.messages() if m["id"] == message["id"])["calls"]

    def until(self, message, status):
        deadline = time.monotonic() + 60
        while self.calls(message)[0]["status"] != status:
            assert time.monotonic() < deadline, self.calls(message)
            time.sleep(0.05)


@pytest.fixture
def talk(weir):
    return Talk(weir)


# ---- servers ---------------------------------------------------------------------


def test_an_admin_reads_the_tools_of_a_server(weir):
    tools = weir.server["tools"]
    assert [t["name"] for t in tools] == ["web_search", "calculator", "wait", "fail", "long.text", "broken"], "three pages"
    assert tools[4]["called"] == "demo__long_text", "a name that every provider takes"
    assert tools[0]["parameters"]["required"] == ["query"]
    offered = weir.get("/api/tools", weir.make_user()).json["items"]
    assert [s["name"] for s in offered] == ["demo"] and offered[0]["tools"][0]["approval"] == "ask"
    assert "url" not in offered[0]
    assert weir.get(f"/api/admin/tool-servers/{weir.server['id']}", weir.admin).json == weir.server
    assert weir.get("/api/admin/tool-servers", weir.make_user()).status == 403


def test_what_is_no_server_is_told(weir):
    assert add_server(weir, "demo").code == "conflict"
    assert add_server(weir, "a__b").code == "invalid_request"
    for name, more, why in (("inside", {"allow_private": False}, "private network"),
                            ("nothing", {"url": weir.base + "/nowhere"}, "HTTP 404"),
                            ("no-json", {"url": weir.base + "/healthz"}, "did not answer")):
        server = add_server(weir, name, **more).json
        read = weir.post(f"/api/admin/tool-servers/{server['id']}/read", None, weir.admin)
        assert read.status == 200 and why in read.json["read_error"] and read.json["tools"] == [], read.json
        assert weir.delete(f"/api/admin/tool-servers/{server['id']}", weir.admin).status == 204
        assert weir.get(f"/api/admin/tool-servers/{server['id']}", weir.admin).status == 404


def test_the_authorization_is_sealed(weir):
    secret = "Bearer very secret words"
    server = add_server(weir, "sealed", authorization=secret, enabled=False).json
    assert server["has_authorization"] and secret not in str(server)
    with weir.pg() as pg:
        assert "secret words" not in str(pg.query("SELECT encode(authorization_enc, 'escape') FROM tool_servers"))
    path = f"/api/admin/tool-servers/{server['id']}"
    assert weir.patch(f"/api/admin/tool-servers/{server['id']}", {"description": "x"}, weir.admin).json["has_authorization"]
    assert not weir.patch(path, {"authorization": None}, weir.admin).json["has_authorization"]
    assert weir.post("/api/conversations", {"tool_servers": [server["id"]]}, weir.make_user()).code == "invalid_request"
    assert weir.delete(path, weir.admin).status == 204


# ---- turns ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", [m for _, m, _ in WIRES])
def test_what_is_allowed_is_called_and_the_model_goes_on(weir, model):
    talk = Talk(weir, model)
    before = called(weir, "calculator")
    first = talk.ask("[[demo call=demo__calculator:a=2:b=40]] add")
    assert first["calls"][0]["status"] == "asked" and first["content"] == "" and first["credits_cost"] > 0
    assert (first["calls"][0]["server"], first["calls"][0]["tool"]) == ("demo", "calculator")
    assert talk.calls(first) == first["calls"], "what is told is what is kept"
    assert talk.tools(first).code == "tools_undecided" and called(weir, "calculator") == before

    second = talk.tools(first, approve=[0])
    assert "The tool said: 42" in second["content"], second
    assert second["calls"] is None and second["credits_cost"] > 0 and called(weir, "calculator", before + 1) == before + 1
    done = talk.calls(first)[0]
    assert (done["status"], done["result"], done["is_cut"]) == ("done", "42", False)
    assert talk.tools(first, approve=[0]).code == "tools_answered" and called(weir, "calculator", before + 1) == before + 1
    third = talk.ask("and now?")
    assert third["calls"] is None and len(talk.messages()) == 5
    shown = talk.messages()
    assert [m["parent_id"] for m in shown[1:]] == [m["id"] for m in shown[:-1]]
    weir.audit()


def test_what_is_denied_is_not_called(weir, talk):
    before = called(weir, "web_search"), called(weir, "calculator")
    first = talk.ask("[[demo call=demo__web_search:query=weir call=demo__calculator:a=1:b=2]] both")
    assert talk.tools(first, approve=[0], deny=[0, 1]).code == "invalid_request"
    assert talk.tools(first, approve=[7]).code == "invalid_request"
    second = talk.tools(first, approve=[0], deny=[1])
    assert "https://example.com/weir" in second["content"] and "did not allow" in second["content"]
    assert [c["status"] for c in talk.calls(first)] == ["done", "denied"]
    assert (called(weir, "web_search", before[0] + 1), called(weir, "calculator")) == (before[0] + 1, before[1])
    weir.audit()


def test_what_is_allowed_for_the_conversation_is_not_asked_again(weir, talk):
    first = talk.ask("[[demo call=demo__calculator:a=1:b=1]] add")
    talk.tools(first, always=[0])
    again = talk.ask("[[demo call=demo__calculator:a=1:b=2]] add")
    assert again["calls"][0]["status"] == "approved"
    assert "The tool said: 3" in talk.tools(again)["content"]
    assert talk.ask("[[demo call=demo__wait:ms=1]] wait")["calls"][0]["status"] == "asked", "the others are"
    conversation = weir.patch(f"/api/conversations/{talk.id}", {"tools_ask": True}, talk.user).json
    assert conversation["tools_always"] is None
    assert talk.ask("[[demo call=demo__calculator:a=1:b=2]] add")["calls"][0]["status"] == "asked"


def test_a_tool_may_be_allowed_for_all_or_switched_off(weir, talk):
    path = f"/api/admin/tool-servers/{weir.server['id']}"
    weir.patch(path, {"tools": [{"name": "calculator", "approval": "always"}, {"name": "wait", "enabled": False}]}, weir.admin)
    try:
        answer = talk.ask("[[demo call=demo__calculator:a=1:b=1 call=demo__wait:ms=1]] both")
        assert [(c["status"], c["server"]) for c in answer["calls"]] == [("approved", "demo"), ("failed", None)]
        assert "The tool said: 2" in talk.tools(answer)["content"]
        kept = weir.post(path + "/read", None, weir.admin).json["tools"]
        assert kept[1]["approval"] == "always" and not kept[2]["enabled"], "what was set stays when the list is read again"
    finally:
        weir.patch(path, {"tools": [{"name": "calculator", "approval": None}, {"name": "wait", "enabled": True}]}, weir.admin)


@pytest.mark.parametrize("call, result", (
    ("fail", "The demo was told to fail."),
    ("broken", "the answer is no JSON"),
    ("wait:ms=60000", "there was no answer in time"),
))
def test_a_tool_that_fails_is_told_to_the_model(weir, talk, call, result):
    first = talk.ask(f"[[demo call=demo__{call}]] go")
    second = talk.tools(first, approve=[0])
    assert talk.calls(first)[0]["status"] == "failed" and result in talk.calls(first)[0]["result"]
    assert result in second["content"]


def test_a_long_result_is_cut(weir, talk):
    first = talk.ask("[[demo call=demo__long_text]] go")
    talk.tools(first, approve=[0])
    kept = talk.calls(first)[0]
    assert kept["is_cut"] and len(kept["result"]) == 2000


def test_calls_that_cannot_be_made_fail_at_once(weir, talk):
    first = talk.ask("[[demo call=nobody__has.it:a=1 call=demo__calculator:!%5b1%5d]] go")
    assert [(c["status"], c["called"]) for c in first["calls"]] == [("failed", "nobody__has_it"), ("failed", "demo__calculator")]
    assert "no tool of this name" in talk.tools(first)["content"]


def test_rounds_are_bounded_and_each_is_paid(weir, talk):
    before = weir.balance(talk.user)
    message, cost = talk.ask("[[demo again=1 call=demo__calculator:a=1:b=1]] go on"), 0
    for _ in range(3):
        assert message["calls"][0]["status"] == "asked"
        cost += message["credits_cost"]
        message = talk.tools(message, approve=[0])
    assert message["calls"] is None, "after three rounds the model must answer in words"
    cost += message["credits_cost"]
    assert weir.balance(talk.user) == pytest.approx(before - cost)
    weir.audit()


def test_only_the_owner_decides(weir, talk):
    first = talk.ask("[[demo call=demo__calculator:a=1:b=1]] add")
    with weir.stream(f"{talk.path}/{first['id']}/tools", {"approve": [0]}, weir.make_user()) as s:
        assert s.status == 404
    with weir.stream(f"{talk.path}/{talk.messages()[0]['id']}/tools", {}, talk.user) as s:
        assert s.status == 404, "a question calls nothing"


def test_without_tools_nothing_is_said_of_them(weir, talk):
    first = talk.ask("[[demo call=demo__calculator:a=20:b=3]] add")
    talk.tools(first, approve=[0])
    weir.patch(f"/api/conversations/{talk.id}", {"tool_servers": None}, talk.user)
    assert talk.ask("[[demo call=demo__calculator:a=20:b=3]] again")["calls"] is None
    assert talk.ask("plain")["content"] != ""


def test_an_answer_after_calls_can_be_made_again(weir, talk):
    first = talk.ask("[[demo call=demo__calculator:a=20:b=3]] add")
    second = talk.tools(first, approve=[0])
    before = called(weir, "calculator")
    with weir.stream(f"{talk.path}/{second['id']}/regenerate", {}, talk.user) as s:
        again = [e.json for e in s.events() if e.json][-1]["data"]["assistant_message"]
    assert "The tool said: 23" in again["content"] and called(weir, "calculator") == before
    shown = talk.messages()
    assert [m["id"] for m in shown[1:]] == [first["id"], again["id"]] and shown[2]["versions"] == [second["id"], again["id"]]


def test_a_question_goes_with_all_its_answers(weir, talk):
    first = talk.ask("[[demo call=demo__calculator:a=20:b=3]] add")
    talk.tools(first, approve=[0])
    last = talk.ask("plain")
    assert weir.get(f"/api/conversations/{talk.id}/export?format=json", talk.user).text.count('"role"') == 4, "what only calls is no text"
    assert weir.delete(f"{talk.path}/{talk.messages()[0]['id']}", talk.user).status == 204
    assert [m["id"] for m in talk.messages()][1:] == [last["id"]]
    with weir.pg() as pg:
        assert pg.query(f"SELECT count(*) FROM tool_calls WHERE message_id = '{first['id']}'")[0][0] == "0"


def test_calls_nobody_decided_on_do_not_stop_a_conversation(weir, talk):
    before = called(weir, "calculator")
    first = talk.ask("[[demo call=demo__calculator:a=20:b=3]] add")
    assert talk.ask("something else")["content"] != ""
    assert talk.tools(first, approve=[0]).code == "tools_answered" and called(weir, "calculator") == before


def test_a_refused_turn_keeps_the_results(weir):
    talk = Talk(weir)
    first = talk.ask("[[demo call=demo__calculator:a=5:b=5]] add")
    weir.weirctl("credits", "grant", talk.user.login, f"-{weir.balance(talk.user):.6f}")
    before = called(weir, "calculator")
    assert talk.tools(first, approve=[0]).code == "insufficient_credits"
    assert talk.calls(first)[0]["status"] == "done" and called(weir, "calculator", before + 1) == before + 1
    weir.weirctl("credits", "grant", talk.user.login, "100")
    assert "The tool said: 10" in talk.tools(first)["content"] and called(weir, "calculator", before + 1) == before + 1
    weir.audit()


def test_a_process_that_dies_leaves_it_unclear(weir, talk):
    first = talk.ask("[[demo call=demo__wait:ms=7000]] wait")
    before = called(weir, "wait")
    going = threading.Thread(target=leave, args=(talk, first))
    going.start()
    talk.until(first, "running")
    assert talk.tools(first, approve=[0]).code == "tools_running"
    dead = weir.responders()
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    going.join()
    with weir.pg() as pg:  # as it is 20 s later
        pg.query(f"DELETE FROM processes WHERE pid IN ({', '.join(map(str, dead))})")
    wait_until(lambda: weir.get("/healthz").status == 200, "new responders", 60)
    talk.until(first, "unclear")
    assert talk.tools(first).code == "tools_undecided", "it is not made again without a word"
    second = talk.tools(first, deny=[0])
    assert "did not allow" in second["content"] and called(weir, "wait") <= before + 1
    weir.audit()


def leave(talk, message):
    """Allows its calls, and is left alone."""
    with contextlib.suppress(OSError, AssertionError, IndexError, http.client.HTTPException):
        talk.tools(message, approve=[0])
