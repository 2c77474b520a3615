"""POST /v1/responses, as clients of OpenAI's Responses API send it: answers, errors, money, over whatever wire."""

import json
import threading

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}
PATH = "/v1/responses"
ORDER = ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
         "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done",
         "response.completed"]


@pytest.fixture
def user(weir):
    return weir.make_user()


def body(content, **more):
    return {"model": "demo-fast", "input": content, **more}


def events(weir, user, content, **more):
    with weir.stream(PATH, body(content, stream=True, **more), user) as s:
        if s.status != 200:
            return s.status, s.answer().json
        return s.status, [e.json for e in s.events()]


def text_of(response):
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


def used(weir, user):
    """The usage rows of the user's relayed calls, oldest first."""
    with weir.pg() as pg:
        return pg.query("SELECT u.status, u.error_code, u.request_tokens, u.response_tokens, u.cost, u.model, u.channel"
                        " FROM usage u JOIN tasks t ON t.id = u.task_id WHERE u.user_id = $1 AND t.type = 'relay' ORDER BY u.id", user.id)


def test_whole(weir, user):
    before = weir.balance(user)
    answer = weir.post(PATH, body("Tell me about weirs", metadata={"a": "b"}, instructions="Be short"), user)
    assert answer.status == 200, answer
    got = answer.json
    assert (got["object"], got["status"], got["model"], got["error"]) == ("response", "completed", "demo-fast", None)
    assert got["id"].startswith("resp_") and got["metadata"] == {"a": "b"} and not got["store"]
    assert "Tell me about weirs" in text_of(got)
    usage = got["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    (row,) = used(weir, user)
    assert row[0] == "completed" and int(row[2]) == usage["input_tokens"] and int(row[3]) == usage["output_tokens"]
    assert before - weir.balance(user) == pytest.approx(float(row[4])) and float(row[4]) > 0
    weir.audit()


def test_streamed_says_the_same_in_order(weir, user):
    whole = weir.post(PATH, body("The same twice"), user).json
    status, told = events(weir, user, "The same twice")
    assert status == 200
    types = [e["type"] for e in told]
    assert list(dict.fromkeys(types)) == ORDER and all(types.count(t) == 1 for t in ORDER if not t.endswith("delta"))
    numbers = [e["sequence_number"] for e in told]
    assert numbers == sorted(set(numbers)) and numbers[0] == 0
    said = "".join(e["delta"] for e in told if e["type"] == "response.output_text.delta")
    assert said == text_of(whole) == text_of(told[-1]["response"])
    assert told[-1]["response"]["usage"]["output_tokens"] > 0 and told[0]["response"]["status"] == "in_progress"
    assert told[0]["response"]["id"] == told[-1]["response"]["id"]


def test_items_reach_the_model(weir, user):
    items = [{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind"}]},
             {"role": "user", "content": [{"type": "input_text", "text": "look up"}]},
             {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ENC-OPAQUE-1"},
             {"type": "function_call", "call_id": "call_a1", "name": "lookup", "arguments": "{\"q\": 1}"},
             {"type": "function_call_output", "call_id": "call_a1", "output": "forty-two"},
             {"role": "user", "content": "and say it"}]
    got = weir.post(PATH, body(items), user)
    assert got.status == 200 and text_of(got.json), got
    weir.audit()


def test_refusals_in_their_shape(weir, user):
    def error(answer, status, **wanted):
        assert answer.status == status, answer
        found = answer.json["error"]
        assert {k: found[k] for k in wanted} == wanted and found["message"], found

    error(weir.post(PATH, body("x")), 401, code="invalid_api_key")
    error(weir.post(PATH, b"no json", user, headers={"Content-Type": "application/json"}), 400, type="invalid_request_error")
    error(weir.post(PATH, {"model": "demo-fast"}, user), 400, param="input")
    error(weir.post(PATH, {**body("x"), "model": "none-such"}, user), 404, code="model_not_found", param="model")
    for field, value in (("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True), ("prompt", {"id": "p"})):
        error(weir.post(PATH, body("x", **{field: value}), user), 400, param=field, code="unsupported_parameter")
    error(weir.post(PATH, body("x", tools=[{"type": "web_search"}]), user), 400, param="tools[0].type", code="unsupported_parameter")
    error(weir.request("PUT", PATH, user), 405)
    assert used(weir, user) == []
    weir.audit()


def test_out_of_credits_is_told_so_that_clients_stop(weir):
    poor = weir.make_user(credits="0.000001")
    answer = weir.post(PATH, body("x"), poor)
    assert answer.status == 429 and answer.headers["x-should-retry"] == "false", answer
    assert (answer.json["error"]["type"], answer.json["error"]["code"]) == ("insufficient_quota", "insufficient_quota")
    weir.audit()


def test_what_fails_before_the_answer_has_its_status(weir, user):
    status, error = events(weir, user, "[[demo fault=500 fail=9]] never")
    assert status == 502 and error["error"]["message"]
    status, error = events(weir, user, "[[demo fault=context]] too much")
    assert status == 413 and "context" in error["error"]["message"], "the provider's own words"
    assert all(r[0] == "failed" and float(r[4]) == 0 for r in used(weir, user))
    weir.audit()


def test_what_fails_within_is_told_and_never_completed(weir, user):
    status, told = events(weir, user, "[[demo fault=reset-mid deltas=40]] cut")
    assert status == 200
    types = [e["type"] for e in told]
    assert types[-2:] == ["response.failed", "error"] and "response.completed" not in types
    assert told[-2]["response"]["error"]["code"] == "server_error" and told[-1]["error"]["message"]
    (row,) = used(weir, user)
    assert row[0] == "failed" and int(row[3]) > 0 and float(row[4]) > 0, "what was delivered is charged"
    weir.audit()


def test_an_answer_that_is_too_long_is_incomplete(weir, user):
    got = weir.post(PATH, body("limits", max_output_tokens=7), user).json
    assert got["status"] == "incomplete" and got["incomplete_details"] == {"reason": "max_output_tokens"}
    status, told = events(weir, user, "limits", max_output_tokens=7)
    assert told[-1]["type"] == "response.incomplete" and told[-1]["response"]["max_output_tokens"] == 7
    assert all(int(r[3]) <= 7 for r in used(weir, user))


def test_a_reader_who_leaves_pays_for_what_came(weir, user):
    with weir.stream(PATH, body("[[demo deltas=100 interval=50]] leave", stream=True), user) as s:
        for _ in zip(range(8), s.events()):
            pass
    for _ in range(100):
        if rows := used(weir, user):
            break
        threading.Event().wait(0.05)
    assert rows[0][0] == "cancelled" and 0 < int(rows[0][3]) < 100
    weir.audit()
