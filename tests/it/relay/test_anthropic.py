"""POST /v1/messages as clients of Anthropic's SDKs send it, answered through whatever wire the model's channel speaks."""

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}
PATH = "/v1/messages"
HEADERS = {"anthropic-version": "2023-06-01"}


@pytest.fixture
def user(weir):
    return weir.make_user()


def body(content, **more):
    return {"model": "demo-fast", "max_tokens": 4000, "messages": [{"role": "user", "content": content}], **more}


def events(weir, user, content, **more):
    """(status, the events' data)."""
    with weir.stream(PATH, body(content, stream=True, **more), user, headers=HEADERS) as s:
        if s.status != 200:
            return s.status, [s.answer().json]
        return s.status, [e.json for e in s.events() if e.json]


def text_of(found):
    return "".join(e["delta"].get("text", "") for e in found if e["type"] == "content_block_delta")


def test_whole_and_streamed(weir, user):
    before = weir.balance(user)
    whole = weir.post(PATH, body("Tell me about weirs", system="Be brief."), user, headers=HEADERS)
    assert whole.status == 200, whole
    got = whole.json
    assert got["type"] == "message" and got["role"] == "assistant" and got["stop_reason"] == "end_turn" and got["id"].startswith("msg_")
    assert [b["type"] for b in got["content"]] == ["text"] and "Tell me about weirs" in got["content"][0]["text"]
    assert got["usage"]["input_tokens"] > 0 and got["usage"]["output_tokens"] > 0
    assert weir.balance(user) < before
    status, found = events(weir, user, "Tell me about weirs", system="Be brief.")
    assert status == 200
    kinds = [e["type"] for e in found if e["type"] != "ping"]
    assert kinds[0] == "message_start" and kinds[1] == "content_block_start" and kinds[-3:] == [
        "content_block_stop", "message_delta", "message_stop"]
    assert text_of(found) == got["content"][0]["text"]
    assert next(e for e in found if e["type"] == "message_delta")["delta"]["stop_reason"] == "end_turn"
    weir.audit()


def test_refusals_in_their_shape(weir, user):
    def error(answer, status, kind):
        assert answer.status == status, answer
        assert answer.json["type"] == "error" and answer.json["error"]["type"] == kind and answer.json["error"]["message"], answer.json
        assert answer.json["request_id"] == answer.headers["request-id"] == answer.headers["X-Request-Id"]

    error(weir.post(PATH, body("x")), 401, "authentication_error")
    error(weir.post(PATH, b"[]", user, headers={"Content-Type": "application/json"}), 400, "invalid_request_error")
    error(weir.post(PATH, {"model": "demo-fast", "max_tokens": 9}, user), 400, "invalid_request_error")
    error(weir.post(PATH, {**body("x"), "model": "none-such"}, user), 404, "not_found_error")
    error(weir.get(PATH, user), 405, "invalid_request_error")
    error(weir.post(PATH, body("x"), weir.make_user(credits="0.000001")), 402, "billing_error")
    weir.audit()


def test_failures(weir, user):
    status, found = events(weir, user, "[[demo fault=500 fail=9]] never")
    assert status >= 500 and found[0]["error"]["type"] == "api_error"
    status, found = events(weir, user, "[[demo fault=reset-mid deltas=40]] cut")
    assert status == 200 and text_of(found)
    assert found[-1]["type"] == "error" and not any(e["type"] == "message_stop" for e in found)
    weir.audit()


def test_count_tokens(weir, user):
    few = weir.post(PATH + "/count_tokens", {"model": "demo-fast", "messages": [{"role": "user", "content": "Hi"}]}, user).json
    many = weir.post(PATH + "/count_tokens", {"model": "demo-fast", "messages": [{"role": "user", "content": "Hi there. " * 100}]},
                     user).json
    assert 0 < few["input_tokens"] < many["input_tokens"]
    assert weir.post(PATH + "/count_tokens", {"model": "none-such", "messages": [{"role": "user", "content": "Hi"}]}, user).status == 404


def test_models_are_refused_in_their_shape(weir, user):
    """The path is OpenAI's too: the header tells who asks."""
    for path, by, status, kind in (("/v1/models/none-such", user, 404, "not_found_error"), ("/v1/models", None, 401, "authentication_error"),
                                   ("/v1/nowhere", user, 404, "not_found_error")):
        answer = weir.get(path, by, headers=HEADERS)
        assert answer.status == status and answer.json["error"]["type"] == kind, answer
        assert "code" in weir.get(path, by).json["error"], "without the header it is OpenAI's"
    assert weir.post(PATH, body("named"), user).headers["request-id"]
    with weir.stream(PATH, body("named", stream=True), user) as s:
        assert s.headers["request-id"] == s.headers["X-Request-Id"]


def test_a_nul_cuts_nothing_off(weir, user):
    answer = weir.post(PATH, body("[[demo echo=1]]before\0after"), user, headers=HEADERS)
    assert answer.json["content"][0]["text"] == "before\ufffdafter", answer
