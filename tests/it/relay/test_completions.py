"""POST /v1/completions: a text and what follows it, through whatever wire the model's channel speaks."""

import json

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}
PATH = "/v1/completions"
WIRES = {"openai": "demo-fast", "anthropic": "told-anthropic", "gemini": "told-gemini"}


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    for wire in ("anthropic", "gemini"):
        weir.weirctl("model", "add", WIRES[wire], "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
        weir.weirctl("channel", "add", wire, "--provider", wire, "--url", weir.demo_url.removesuffix("/v1"), "--key-stdin", "--allow-private",
                     "--model", f"{WIRES[wire]}=demo-fast", input="demo\n")


@pytest.fixture
def user(weir):
    return weir.make_user()


def body(prompt, model="demo-fast", **more):
    return {"model": model, "prompt": prompt, **more}


def chunks(weir, user, prompt, **more):
    with weir.stream(PATH, body(prompt, stream=True, **more), user) as s:
        if s.status != 200:
            return s.status, [], s.answer().json
        events = list(s.events())
    return s.status, [e.json for e in events if e.json], events[-1].data


def used(weir, user):
    with weir.pg() as pg:
        return pg.query("SELECT status, request_tokens, response_tokens, cost, op FROM usage WHERE user_id = $1 ORDER BY id", user.id)


@pytest.mark.parametrize("model", WIRES.values())
def test_whole_and_streamed(weir, user, model):
    answer = weir.post(PATH, body("Tell me about weirs", model), user)
    assert answer.status == 200, answer
    got = answer.json
    assert got["object"] == "text_completion" and got["model"] == model and got["id"].startswith("cmpl-")
    (choice,) = got["choices"]
    assert "Tell me about weirs" in choice["text"] and choice["finish_reason"] == "stop" and choice["logprobs"] is None
    status, parts, last = chunks(weir, user, ["Tell me about weirs"], model=model, stream_options={"include_usage": True})
    assert (status, last) == (200, "[DONE]")
    assert "".join(c["text"] for p in parts for c in p["choices"]) == choice["text"]
    assert parts[-1]["choices"] == [] and parts[-1]["usage"]["completion_tokens"] == got["usage"]["completion_tokens"]
    assert [c["finish_reason"] for p in parts for c in p["choices"]][-1] == "stop"
    rows = used(weir, user)
    assert [(r[0], r[4]) for r in rows] == [("completed", "chat")] * 2 and int(rows[0][2]) == got["usage"]["completion_tokens"]
    weir.audit()


def test_limits(weir, user):
    assert weir.post(PATH, body("cut me", max_tokens=5), user).json["choices"][0]["finish_reason"] == "length"


def test_what_a_chat_cannot_do_is_refused_by_its_name(weir, user):
    for more, field in (({"n": 2}, "n"), ({"best_of": 3}, "best_of"), ({"suffix": "end"}, "suffix"), ({"logprobs": 0}, "logprobs"),
                        ({"echo": True}, "echo"), ({"prompt": None}, "prompt"), ({"prompt": [1, 2]}, "prompt"), ({"prompt": ["a", "b"]}, "prompt"),
                        ({"stop": 7}, "stop"), ({"temperature": 9}, "temperature"), ({"model": None}, "model")):
        answer = weir.post(PATH, {**body("x"), **more}, user)
        assert answer.status == 400 and answer.json["error"]["param"] == field, (more, answer)
    assert weir.post(PATH, body("x", "none-such"), user).json["error"]["code"] == "model_not_found"
    assert weir.post(PATH, body("x")).status == 401
    assert used(weir, user) == []


def test_what_fails_is_told(weir, user):
    status, _, error = chunks(weir, user, "[[demo fault=500 fail=9]] never")
    assert status == 502 and error["error"]["message"]
    status, parts, last = chunks(weir, user, "[[demo fault=reset-mid deltas=40]] cut")
    assert status == 200 and parts and last != "[DONE]" and "error" in json.loads(last)
    assert [r[0] for r in used(weir, user)] == ["failed", "failed"] and float(used(weir, user)[1][3]) > 0
    weir.audit()


def test_the_same_key_twice_is_told_again(weir, user):
    key = {"Idempotency-Key": "completion-once"}
    with weir.stream(PATH, body("once", stream=True), user, headers=key) as s:
        first = [e.json["choices"][0]["text"] for e in s.events() if e.json]
    with weir.stream(PATH, body("once", stream=True), user, headers=key) as s:
        again = [e.json["choices"][0]["text"] for e in s.events() if e.json]
    assert "".join(first) == "".join(again) and len(used(weir, user)) == 1
