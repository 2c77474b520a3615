"""The anthropic package for Python against Weir."""

import asyncio
import re

import anthropic
import pydantic
from sdklib import (CITY, KEY, OTHER_KEY, PNG, POOR_KEY, RARE_KEY, URL_BASE, WIRES, WORDS, WRONG_KEY, Requests, Skip, calls,
                    check, drain, failure, next_call)

MODEL = "demo-fast"
WAYS = ("whole", "streamed")


def connect(key, **more):
    return anthropic.Anthropic(api_key=key, base_url=URL_BASE, **more)


def user(content):
    return {"role": "user", "content": content}


client = connect(KEY)


def ask(content, **more):
    return {"model": MODEL, "max_tokens": 4000, "messages": [user(content)], **more}


def create(content, by=client, **more):
    return by.messages.create(**ask(content, **more))


def text_in(message):
    return "".join(getattr(b, "text", "") for b in message.content)


def text_of(events):
    return "".join(getattr(e.delta, "text", None) or "" for e in events if e.type == "content_block_delta")


def said(way, content="", **more):
    """An answer in that way, put together."""
    if way == "whole":
        return create(content, **more)
    with client.messages.stream(**ask(content, **more)) as stream:
        return stream.get_final_message()


@check("a plain question is answered")
def _():
    answer = create("Tell me about weirs")
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", MODEL) and answer.id.startswith("msg_")
    assert [b.type for b in answer.content] == ["text"] and "Tell me about weirs" in text_in(answer)
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    assert re.fullmatch("[0-9a-f-]{36}", answer._request_id)


@check("the key is taken in every way it is given")
def _():
    ways = [{"api_key": KEY}, {"auth_token": KEY}]
    if KEY.startswith("wk-"):
        ways.append({"default_headers": {"x-api-key": KEY}})
    for by in ways:
        assert "Who am I?" in text_in(create("Who am I?", anthropic.Anthropic(base_url=URL_BASE, **by)))


@check("usage is what the ledger has")
def _():
    before = len(calls())
    usage = create("Count this").usage
    row = next_call(before)
    assert (row["status"], row["input_tokens"], row["output_tokens"]) == ("completed", usage.input_tokens, usage.output_tokens)
    assert usage.input_tokens > 0 and usage.output_tokens > 0 and row["cost"] > 0


@check("streams say the same as whole answers")
def _():
    whole = create("The same twice")
    events, error = drain(create("The same twice", stream=True))
    assert error is None and text_of(events) == text_in(whole)
    kinds = [e.type for e in events]
    assert [k for i, k in enumerate(kinds) if i == 0 or k != kinds[i - 1]] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]
    assert events[-2].delta.stop_reason == "end_turn"


@check("the helper for streams puts the answer together")
def _():
    whole = create("Put together")
    with client.messages.stream(**ask("Put together")) as stream:
        heard = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text_in(answer) == text_in(whole) == heard and answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (whole.usage.input_tokens, whole.usage.output_tokens)


@check("the asynchronous client gets the same")
def _():
    async def run():
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=URL_BASE) as other:
            answers = await asyncio.gather(*(other.messages.create(**ask("Several at once")) for _ in range(4)))
            async with other.messages.stream(**ask("Several at once")) as stream:
                return [text_in(a) for a in answers], await stream.get_final_text()

    whole, streamed = asyncio.run(run())
    assert set(whole) == {streamed} and streamed


@check("system prompt and several turns arrive", *WAYS)
def _(way):
    for system in ("Be brief.", [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]):
        text = text_in(said(way, system=system, messages=[
            user("First"), {"role": "assistant", "content": [{"type": "text", "text": "Said"}]},
            user([{"type": "text", "text": "Second "}, {"type": "text", "text": "half"}])]))
        assert "You wrote: *Second half*" in text and "| Messages | 4 |" in text


@check("an answer that was cut says so", *WAYS)
def _(way):
    answer = said(way, "Cut me", max_tokens=5)
    assert answer.stop_reason == "max_tokens" and text_in(answer) and answer.usage.output_tokens <= 5


@check("a picture arrives", *WAYS)
def _(way):
    def shown(source):
        return text_in(said(way, [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]))

    inline = shown({"type": "base64", "media_type": "image/png", "data": PNG})
    assert "You sent 1 image. The first is inline data of type `image/png`" in inline
    assert "The first is at `https://example.org/weir.png`" in shown({"type": "url", "url": "https://example.org/weir.png"})


@check("every script of the world arrives", *WAYS)
def _(way):
    assert text_in(said(way, f"[[demo echo=1]]{WORDS}")) == WORDS


@check("what the model thought is told, and taken back", *WAYS)
def _(way):
    answer = said(way, "[[demo reasoning=4]] Think", thinking={"type": "enabled", "budget_tokens": 1024})
    assert [b.type for b in answer.content] == ["thinking", "text"] and answer.content[0].thinking
    messages = [user("Think"), {"role": "assistant", "content": answer.content}, user("And now?")]
    assert "And now?" in text_in(said(way, messages=messages))


class City(pydantic.BaseModel):
    city: str
    population: int


@check("structured output is parsed")
def _():
    for model in WIRES.values():
        body = ask(CITY, model=model, output_format=City)
        assert isinstance(client.messages.parse(**body).parsed_output, City)
        with client.messages.stream(**body) as stream:
            assert isinstance(stream.get_final_message().parsed_output, City)


@check("tokens are counted")
def _():
    def count(content):
        return client.messages.count_tokens(model=MODEL, messages=[user(content)]).input_tokens

    assert 0 < count("x") < count("many words " * 100) - 100


# ---- tools -------------------------------------------------------------------

WEATHER = {"name": "get_weather", "description": "The weather of a city.",
           "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?"


def need_calls():
    try:
        called = [b for b in create(CALL, tools=[WEATHER]).content if b.type == "tool_use"]
    except anthropic.BadRequestError:
        called = None
    if not called:
        raise Skip("weir-demo does not call tools")


@check("a tool is called, answered and its result is said", *WAYS)
def _(way):
    need_calls()
    messages = [user(CALL)]
    first = said(way, messages=messages, tools=[WEATHER])
    (call,) = (b for b in first.content if b.type == "tool_use")
    assert first.stop_reason == "tool_use" and call.id
    assert (call.name, call.input) == ("get_weather", {"city": "Berlin"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees, sunny"}
    messages += [{"role": "assistant", "content": first.content}, user([result])]
    second = said(way, messages=messages, tools=[WEATHER])
    assert second.stop_reason == "end_turn" and "21 degrees, sunny" in text_in(second)


@check("the helper for tools runs the loop")
def _():
    need_calls()
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        asked.append(city)
        return f"21 degrees in {city}"

    last = client.beta.messages.tool_runner(**ask(CALL), tools=[get_weather]).until_done()
    assert "21 degrees in Berlin" in text_in(last) and asked == ["Berlin"]


# ---- over the wires of others -------------------------------------------------


@check("streams and whole answers are the same over the wire", *WIRES)
def _(wire):
    before = len(calls())
    body = {"model": WIRES[wire], "system": "Be brief."}
    answers = [said(way, f"{WORDS} Over a wire", **body) for way in WAYS]
    assert "Over a wire" in text_in(answers[0]) and text_in(answers[1]) == text_in(answers[0])
    next_call(before + 1)
    for answer, row in zip(answers, calls()[before:]):
        assert answer.stop_reason == "end_turn" and answer.model == WIRES[wire]
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (row["input_tokens"], row["output_tokens"])
    assert create("Cut me", model=WIRES[wire], max_tokens=5).stop_reason == "max_tokens"
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    picture = [{"type": "image", "source": source}, {"type": "text", "text": "What?"}]
    assert "You sent 1 image" in text_in(create(picture, model=WIRES[wire]))


@check("a stream that breaks raises over the wire", *WIRES)
def _(wire):
    for fault in ("reset-mid", "cut", "error-mid"):
        events, error = drain(create(f"[[demo fault={fault} deltas=40]] broken", model=WIRES[wire], stream=True))
        assert text_of(events) and isinstance(error, anthropic.APIError), (fault, error)
        assert not any(e.type == "message_stop" for e in events)


@check("tools are called and thoughts come back over the wire", *WIRES)
def _(wire):
    need_calls()
    strict = "strict=1" if wire == "anthropic" else ""  # the maker of this dialect wants its seals back
    for way in WAYS:
        messages = [user(f"[[demo reasoning=3 call=get_weather:city=Berlin {strict}]] What is the weather?")]
        thinking = {"type": "enabled", "budget_tokens": 1024}
        body = {"model": WIRES[wire], "messages": messages, "tools": [WEATHER], "thinking": thinking}
        first = said(way, **body)
        assert first.content[0].type == "thinking" and first.stop_reason == "tool_use"
        (call,) = (b for b in first.content if b.type == "tool_use")
        assert (call.name, call.input) == ("get_weather", {"city": "Berlin"})
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees, sunny"}
        messages += [{"role": "assistant", "content": first.content}, user([result])]
        second = said(way, **body)
        assert second.stop_reason == "end_turn" and "21 degrees, sunny" in text_in(second)
        messages += [{"role": "assistant", "content": second.content}, user("And now?")]
        assert "And now?" in text_in(said(way, **body))


# ---- refusals ----------------------------------------------------------------


def refused(work, kind, status, error_type, words=""):
    error = failure(work, kind)
    assert (error.status_code, error.body["error"]["type"]) == (status, error_type), error
    assert words in str(error), error
    assert error.request_id, "an error names its request"


def by(key, way, **body):
    return lambda: create("x", connect(key), stream=way == "streamed", **body)


@check("a wrong key is an AuthenticationError", *WAYS)
def _(way):
    refused(by(WRONG_KEY, way), anthropic.AuthenticationError, 401, "authentication_error")


@check("an unknown model is a NotFoundError", *WAYS)
def _(way):
    refused(by(KEY, way, model="none-such"), anthropic.NotFoundError, 404, "not_found_error", "none-such")


@check("a bad request is a BadRequestError that names the field", *WAYS)
def _(way):
    for body, field in (({"messages": []}, "messages"), ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
                        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type")):
        refused(by(KEY, way, **body), anthropic.BadRequestError, 400, "invalid_request_error", field)


@check("no credits are an APIStatusError 402", *WAYS)
def _(way):
    refused(by(POOR_KEY, way), anthropic.PaymentRequiredError, 402, "billing_error")


@check("refused content is a BadRequestError", *WAYS)
def _(way):
    body = {"messages": [user("[[demo fault=filter]] never")]}
    refused(by(KEY, way, **body), anthropic.BadRequestError, 400, "invalid_request_error")


@check("too many requests are a RateLimitError")
def _():
    other = connect(RARE_KEY, max_retries=0)
    create("x", other)
    refused(lambda: create("x", other), anthropic.RateLimitError, 429, "rate_limit_error")
    assert int(failure(lambda: create("x", other, stream=True)).response.headers["retry-after"]) > 0


@check("a key for something else is a PermissionDeniedError")
def _():
    refused(by(OTHER_KEY, "whole"), anthropic.PermissionDeniedError, 403, "permission_error")


@check("402, 404 and 400 are not asked again")
def _():
    with Requests() as seen:
        failure(by(POOR_KEY, "whole"))
        failure(by(KEY, "whole", model="none-such"))
        failure(by(KEY, "whole", messages=[]))
    assert seen.statuses == [402, 404, 400]


@check("what fails before the answer is asked again, until it is answered", *WAYS)
def _(way):
    before = len(calls())
    with Requests() as seen:
        answer = create(f"[[demo fault=500 fail=2 key=anthropic-python-{way}]] again", stream=way == "streamed")
        if way == "streamed":
            assert drain(answer)[1] is None
    assert seen.statuses == [502, 502, 200]
    next_call(before + 2)
    assert [(r["status"], r["cost"] > 0) for r in calls()[before:]] == [("failed", False)] * 2 + [("completed", True)]


@check("what keeps failing is asked as often as was said")
def _():
    for retries in (0, 1):
        with Requests() as seen:
            refused(lambda: create("[[demo fault=500]] never", client.with_options(max_retries=retries)),  # noqa: B023
                    anthropic.InternalServerError, 502, "api_error")
        assert seen.statuses == [502] * (1 + retries)


@check("a quiet stream is kept alive, and told in full", *WIRES)
def _(wire):
    whole = text_in(create("[[demo deltas=4]] slowly", model=WIRES[wire]))
    assert text_in(said("streamed", "[[demo deltas=4 interval=500]] slowly", model=WIRES[wire])) == whole


# ---- ends --------------------------------------------------------------------


@check("a stream that breaks raises", "reset-mid", "cut", "error-mid")
def _(fault):
    before = len(calls())
    events, error = drain(create(f"[[demo fault={fault} deltas=40]] broken", stream=True))
    assert text_of(events) and isinstance(error, anthropic.APIError), error
    assert not any(e.type in ("message_delta", "message_stop") for e in events)
    row = next_call(before)
    assert row["status"] == "failed" and row["output_tokens"] > 0
    failure(lambda: said("streamed", f"[[demo fault={fault} deltas=40]] broken"), anthropic.APIError)


@check("a whole answer that breaks is an error, and costs nothing")
def _():
    before = len(calls())
    failure(lambda: create("[[demo fault=reset-mid deltas=40]] broken", client.with_options(max_retries=0)),
            anthropic.InternalServerError)
    row = next_call(before)
    assert (row["status"], row["cost"]) == ("failed", 0)


@check("a client that leaves its stream ends the call")
def _():
    before = len(calls())
    with create("[[demo deltas=200 interval=50]] leave", stream=True) as stream:
        for _ in zip(range(3), stream):
            pass
    row = next_call(before)
    assert row["status"] == "cancelled" and 0 < row["output_tokens"] < 200


@check("a client that gives up a whole answer ends the call")
def _():
    before = len(calls())
    failure(lambda: create("[[demo deltas=200 interval=50]] leave", connect(KEY, timeout=0.3, max_retries=0)),
            anthropic.APITimeoutError)
    row = next_call(before)
    assert row["status"] == "cancelled" and row["output_tokens"] < 200


# ---- models ------------------------------------------------------------------


@check("models are listed, and found by name")
def _():
    names = [m.id for m in client.models.list(limit=2)]
    assert {"demo", MODEL, "demo-slow"} <= set(names) and len(set(names)) == len(names)
    model = client.models.retrieve(MODEL)
    assert (model.id, model.type, model.display_name) == (MODEL, "model", MODEL) and model.created_at
    refused(lambda: client.models.retrieve("none-such"), anthropic.NotFoundError, 404, "not_found_error")
    refused(lambda: connect(WRONG_KEY).models.list(), anthropic.AuthenticationError, 401, "authentication_error")


@check("what is not offered is a NotFoundError")
def _():
    refused(lambda: client.messages.batches.list(), anthropic.NotFoundError, 404, "not_found_error")
