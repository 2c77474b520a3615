"""The openai package for Python against Weir."""

import asyncio
import json
import re

import openai
import pydantic
from sdklib import (CITY, KEY, OTHER_KEY, PNG, POOR_KEY, RARE_KEY, URL_BASE, WIRES, WORDS, WRONG_KEY, Requests, Skip, calls,
                    check, drain, failure, next_call)

MODEL = "demo-fast"
WAYS = ("whole", "streamed")


def connect(key, **more):
    return openai.OpenAI(api_key=key, base_url=f"{URL_BASE}/v1", **more)


def connect_async(**more):
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"{URL_BASE}/v1", **more)


def user(content):
    return {"role": "user", "content": content}


client = connect(KEY)


def create(content, by=client, **more):
    return by.chat.completions.create(**{"model": MODEL, "messages": [user(content)], **more})


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def said(way, **body):
    """(text, finish_reason) of an answer, in that way."""
    answer = client.chat.completions.create(model=MODEL, stream=way == "streamed", **body)
    if way == "whole":
        return answer.choices[0].message.content, answer.choices[0].finish_reason
    chunks, error = drain(answer)
    if error:
        raise error
    return text_of(chunks), [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason][-1]


@check("a plain question is answered")
def _():
    answer = create("Tell me about weirs")
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and answer.model == MODEL
    (choice,) = answer.choices
    assert choice.message.role == "assistant" and choice.finish_reason == "stop"
    assert "Tell me about weirs" in choice.message.content
    assert re.fullmatch("[0-9a-f-]{36}", answer._request_id)


@check("usage is what the ledger has")
def _():
    before = len(calls())
    usage = create("Count this").usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    row = next_call(before)
    assert (row["input_tokens"], row["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert row["status"] == "completed" and usage.completion_tokens > 0 and row["cost"] > 0


@check("streams say the same as whole answers")
def _():
    whole = create("The same twice", seed=1)
    chunks, error = drain(create("The same twice", seed=1, stream=True, stream_options={"include_usage": True}))
    assert error is None
    assert text_of(chunks) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):  # a provider may say more of it in a stream
        assert getattr(chunks[-1].usage, name) == getattr(whole.usage, name)
    assert len({c.id for c in chunks}) == 1


@check("a stream has no usage that was not asked for")
def _():
    chunks, _ = drain(create("Not counted", stream=True))
    assert all(c.usage is None and len(c.choices) == 1 for c in chunks)


@check("the helper for streams puts the answer together")
def _():
    whole = create("Put together")
    with client.chat.completions.stream(model=MODEL, messages=[user("Put together")]) as stream:
        heard = "".join(e.delta for e in stream if e.type == "content.delta")
        answer = stream.get_final_completion()
    assert answer.choices[0].message.content == whole.choices[0].message.content == heard


@check("the asynchronous client gets the same")
def _():
    async def run():
        async with connect_async() as other:
            body = {"model": MODEL, "messages": [user("Several at once")]}
            answers = await asyncio.gather(*(other.chat.completions.create(**body) for _ in range(4)))
            stream = await other.chat.completions.create(**body, stream=True)
            return [a.choices[0].message.content for a in answers], text_of([c async for c in stream])

    whole, streamed = asyncio.run(run())
    assert set(whole) == {streamed} and streamed


@check("system prompt and several turns arrive", *WAYS)
def _(way):
    text, _ = said(way, messages=[
        {"role": "system", "content": "Be brief."}, user("First"), {"role": "assistant", "content": "Said"},
        {"role": "developer", "content": [{"type": "text", "text": "Still brief."}]},
        user([{"type": "text", "text": "Second "}, {"type": "text", "text": "half"}])])
    assert "You wrote: *Second half*" in text and "| Messages | 5 |" in text


@check("an answer that was cut says so", *WAYS)
def _(way):
    for limit in ("max_tokens", "max_completion_tokens"):
        text, reason = said(way, messages=[user("Cut me")], **{limit: 5})
        assert reason == "length" and 0 < len(text) < 100


@check("a picture arrives", *WAYS)
def _(way):
    def shown(url):
        parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
        return said(way, messages=[user(parts)])[0]

    assert "You sent 1 image. The first is inline data of type `image/png`" in shown(f"data:image/png;base64,{PNG}")
    assert "The first is at `https://example.org/weir.png`" in shown("https://example.org/weir.png")


@check("every script of the world arrives", *WAYS)
def _(way):
    assert said(way, messages=[user(f"[[demo echo=1]]{WORDS}")])[0] == WORDS


@check("what the model thought is told")
def _():
    whole = create("[[demo reasoning=4]] Think").choices[0].message.reasoning_content
    chunks, _ = drain(create("[[demo reasoning=4]] Think", stream=True))
    assert whole and "".join(getattr(c.choices[0].delta, "reasoning_content", None) or "" for c in chunks) == whole


class City(pydantic.BaseModel):
    city: str
    population: int


@check("structured output is parsed")
def _():
    for model in WIRES.values():
        body = {"model": model, "messages": [user(CITY)], "response_format": City}
        assert isinstance(client.chat.completions.parse(**body).choices[0].message.parsed, City)
        with client.chat.completions.stream(**body) as stream:
            assert isinstance(stream.get_final_completion().choices[0].message.parsed, City)


# ---- tools -------------------------------------------------------------------

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?"


def need_calls():
    try:
        called = create(CALL, tools=[WEATHER]).choices[0].message.tool_calls
    except openai.BadRequestError:
        called = None
    if not called:
        raise Skip("weir-demo does not call tools")


@check("a tool is called, answered and its result is said")
def _():
    need_calls()
    messages = [user(CALL)]
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0]
    (call,) = first.message.tool_calls
    assert first.finish_reason == "tool_calls" and call.id and call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Berlin"}
    messages += [first.message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees, sunny"}]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0]
    assert second.finish_reason == "stop" and "21 degrees, sunny" in second.message.content


@check("a tool's call comes in a stream as it comes whole")
def _():
    need_calls()
    (whole,) = create(CALL, tools=[WEATHER]).choices[0].message.tool_calls
    with client.chat.completions.stream(model=MODEL, messages=[user(CALL)], tools=[WEATHER]) as stream:
        choice = stream.get_final_completion().choices[0]
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and call.id and call.function.name == whole.function.name
    assert json.loads(call.function.arguments) == json.loads(whole.function.arguments)


# ---- over the wires of others -------------------------------------------------


@check("streams and whole answers are the same over the wire", *WIRES)
def _(wire):
    before = len(calls())
    body = {"model": WIRES[wire], "messages": [{"role": "system", "content": "Be brief."}, user(f"{WORDS} Over a wire")]}
    whole = client.chat.completions.create(**body)
    with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
        streamed = stream.get_final_completion()
    assert "Over a wire" in whole.choices[0].message.content
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    next_call(before + 1)
    for answer, row in zip((whole, streamed), calls()[before:]):
        assert answer.choices[0].finish_reason == "stop" and answer.model == WIRES[wire]
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (row["input_tokens"], row["output_tokens"])
    assert create("Cut me", model=WIRES[wire], max_tokens=5).choices[0].finish_reason == "length"
    picture = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}, {"type": "text", "text": "What?"}]
    assert "You sent 1 image" in create(picture, model=WIRES[wire]).choices[0].message.content


@check("a stream that breaks raises over the wire", *WIRES)
def _(wire):
    for fault in ("reset-mid", "cut", "error-mid"):
        chunks, error = drain(create(f"[[demo fault={fault} deltas=40]] broken", model=WIRES[wire], stream=True))
        assert text_of(chunks) and isinstance(error, openai.APIError), (fault, error)
        assert not any(c.choices[0].finish_reason for c in chunks)


@check("tools are called over the wire", *WIRES)
def _(wire):
    need_calls()
    messages = [user("[[demo reasoning=3 call=get_weather:city=Berlin]] What is the weather?")]
    body = {"model": WIRES[wire], "messages": messages, "tools": [WEATHER]}
    with client.chat.completions.stream(**body) as stream:
        choices = [client.chat.completions.create(**body).choices[0], stream.get_final_completion().choices[0]]
    for choice in choices:
        (call,) = choice.message.tool_calls
        assert choice.finish_reason == "tool_calls" and json.loads(call.function.arguments) == {"city": "Berlin"}
        messages += [choice.message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "21 degrees, sunny"}]
        last = client.chat.completions.create(**body).choices[0]
        assert "21 degrees, sunny" in last.message.content
        messages += [last.message, user("Go on")]
    assert "Go on" in client.chat.completions.create(**body).choices[0].message.content


# ---- refusals ----------------------------------------------------------------


def refused(work, kind, **wanted):
    error = failure(work, kind)
    assert {name: getattr(error, name) for name in wanted} == wanted, error
    assert error.request_id, "an error names its request"


def by(key, way, **body):
    return lambda: create("x", connect(key), stream=way == "streamed", **body)


@check("a wrong key is an AuthenticationError", *WAYS)
def _(way):
    refused(by(WRONG_KEY, way), openai.AuthenticationError, status_code=401, code="invalid_api_key")


@check("an unknown model is a NotFoundError", *WAYS)
def _(way):
    refused(by(KEY, way, model="none-such"), openai.NotFoundError, status_code=404, code="model_not_found", param="model")


@check("a bad request is a BadRequestError that names the field", *WAYS)
def _(way):
    kind = openai.BadRequestError
    refused(by(KEY, way, messages=[]), kind, status_code=400, type="invalid_request_error", param="messages")
    refused(by(KEY, way, n=2), kind, status_code=400, param="n")
    refused(by(KEY, way, messages=[{"role": "nobody", "content": "x"}]), kind, param="messages[0].role")


@check("no credits are an APIStatusError 402", *WAYS)
def _(way):
    refused(by(POOR_KEY, way), openai.APIStatusError, status_code=402, code="insufficient_quota")


@check("refused content is a BadRequestError", *WAYS)
def _(way):
    body = {"messages": [user("[[demo fault=filter]] never")]}
    refused(by(KEY, way, **body), openai.BadRequestError, status_code=400, code="content_policy_violation")


@check("too many requests are a RateLimitError")
def _():
    other = connect(RARE_KEY, max_retries=0)
    create("x", other)
    refused(lambda: create("x", other), openai.RateLimitError, status_code=429, code="rate_limit_exceeded")
    assert int(failure(lambda: create("x", other, stream=True)).response.headers["retry-after"]) > 0


@check("a key for something else is a PermissionDeniedError")
def _():
    refused(by(OTHER_KEY, "whole"), openai.PermissionDeniedError, status_code=403)


@check("402, 404 and 400 are not asked again")
def _():
    with Requests() as seen:
        failure(by(POOR_KEY, "whole"))
        failure(by(KEY, "whole", model="none-such"))
        failure(by(KEY, "whole", n=2))
    assert seen.statuses == [402, 404, 400]


@check("what fails before the answer is asked again, until it is answered", *WAYS)
def _(way):
    before = len(calls())
    with Requests() as seen:
        answer = create(f"[[demo fault=500 fail=2 key=python-{way}]] again", stream=way == "streamed")
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
                    openai.InternalServerError, status_code=502)
        assert seen.statuses == [502] * (1 + retries)


@check("a quiet stream is kept alive, and told in full", *WIRES)
def _(wire):
    whole = create("[[demo deltas=4]] slowly", model=WIRES[wire]).choices[0].message.content
    chunks, error = drain(create("[[demo deltas=4 interval=500]] slowly", model=WIRES[wire], stream=True))
    assert error is None and text_of(chunks) == whole


# ---- ends --------------------------------------------------------------------


@check("a stream that breaks raises", "reset-mid", "cut", "error-mid")
def _(fault):
    before = len(calls())
    chunks, error = drain(create(f"[[demo fault={fault} deltas=40]] broken", stream=True))
    assert text_of(chunks) and isinstance(error, openai.APIError), error
    assert not any(c.choices[0].finish_reason for c in chunks)
    row = next_call(before)
    assert row["status"] == "failed" and row["output_tokens"] > 0


@check("a whole answer that breaks is an error, and costs nothing")
def _():
    before = len(calls())
    refused(lambda: create("[[demo fault=reset-mid deltas=40]] broken", client.with_options(max_retries=0)),
            openai.InternalServerError)
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


@check("a client that gives up a whole answer pays for it: the provider makes it all the same")
def _():
    before = len(calls())
    hasty = connect(KEY, timeout=0.3, max_retries=0)
    failure(lambda: create("[[demo deltas=200 delay=900]] leave", hasty), openai.APITimeoutError)
    row = next_call(before)
    assert row["status"] == "completed" and row["output_tokens"] == 200


# ---- models ------------------------------------------------------------------


@check("models are listed, and found by name")
def _():
    assert {"demo", MODEL, "demo-slow"} <= {m.id for m in client.models.list()}
    model = client.models.retrieve(MODEL)
    assert (model.id, model.object) == (MODEL, "model") and isinstance(model.created, int) and model.owned_by
    refused(lambda: client.models.retrieve("none-such"), openai.NotFoundError, status_code=404, code="model_not_found")
    refused(lambda: connect(WRONG_KEY).models.list(), openai.AuthenticationError, status_code=401)


@check("what is not offered is a NotFoundError")
def _():
    refused(lambda: client.fine_tuning.jobs.list(), openai.NotFoundError, status_code=404)
