"""The openai package for Python against Weir: the Responses API."""

import asyncio
import json
import time

import openai
import pydantic
from sdklib import CITY, KEY, PNG, POOR_KEY, URL_BASE, WIRES, WORDS, WRONG_KEY, Requests, calls, check, drain, failure, next_call

MODEL = "demo-fast"


def connect(key, **more):
    return openai.OpenAI(api_key=key, base_url=f"{URL_BASE}/v1", **more)


client = connect(KEY)
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather of a city.", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
CALL = "[[demo reasoning=3 call=get_weather:city=Berlin]] What is the weather?"


def create(content, by=client, **more):
    return by.responses.create(**{"model": MODEL, "input": content, **more})


@check("a plain question is answered")
def _():
    before = len(calls())
    answer = create("Tell me about weirs", metadata={"a": "b"}, instructions="Be brief.")
    assert (answer.object, answer.status, answer.model, answer.error) == ("response", "completed", MODEL, None)
    assert answer.id.startswith("resp_") and "Tell me about weirs" in answer.output_text and answer.metadata == {"a": "b"}
    row = next_call(before)
    assert (row["input_tokens"], row["output_tokens"]) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert row["status"] == "completed" and row["cost"] > 0 and answer._request_id


@check("streams and whole answers are the same over the wire", *WIRES)
def _(wire):
    body = {"model": WIRES[wire], "instructions": "Be brief.", "input": f"{WORDS} Over a wire"}
    whole = client.responses.create(**body)
    assert "Over a wire" in whole.output_text
    events, error = drain(client.responses.create(**body, stream=True))
    assert error is None and events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert events[-1].response.output_text == whole.output_text
    with client.responses.stream(**body) as stream:
        heard = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == heard == whole.output_text and final.usage.total_tokens == whole.usage.total_tokens
    cut = create("Cut me", model=WIRES[wire], max_output_tokens=5)
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"
    parts = [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}, {"type": "input_text", "text": "What?"}]
    assert "You sent 1 image" in create([{"role": "user", "content": parts}], model=WIRES[wire]).output_text


@check("a stream is read on behind any of its events")
def _():
    before = len(calls())
    headers = {"Idempotency-Key": f"responses-python-{before}-{time.time_ns()}"}
    events, error = drain(create(f"{WORDS} Read on", stream=True, extra_headers=headers))
    assert error is None and events[-1].type == "response.completed"
    next_call(before)
    for at in (0, len(events) // 2, len(events) - 2):
        rest, error = drain(client.responses.retrieve(events[0].response.id, stream=True, starting_after=events[at].sequence_number))
        assert error is None and rest[0].sequence_number > events[at].sequence_number
        heard = "".join(e.delta for e in [*events[:at + 1], *rest] if e.type == "response.output_text.delta")
        assert heard == events[-1].response.output_text == rest[-1].response.output_text
    assert len(calls()) == before + 1, "nothing more was asked, or charged"


class City(pydantic.BaseModel):
    city: str
    population: int


@check("structured output is parsed over the wire", *WIRES)
def _(wire):
    body = {"model": WIRES[wire], "input": CITY, "text_format": City}
    assert isinstance(client.responses.parse(**body).output_parsed, City)
    with client.responses.stream(**body) as stream:
        for _event in stream:
            pass
        assert isinstance(stream.get_final_response().output_parsed, City)


@check("a tool is called, answered and its result is said over the wire", *WIRES)
def _(wire):
    asked = [{"role": "user", "content": CALL}]
    body = {"model": WIRES[wire], "tools": [WEATHER], "include": ["reasoning.encrypted_content"], "store": False}
    whole = client.responses.create(input=asked, **body)
    with client.responses.stream(input=asked, **body) as stream:
        types = [e.type for e in stream]
        streamed = stream.get_final_response()
    assert "response.function_call_arguments.delta" in types and "response.function_call_arguments.done" in types
    for answer, result in ((whole, "21 degrees"), (streamed, "and sunny")):
        (call,) = [i for i in answer.output if i.type == "function_call"]
        assert call.name == "get_weather" and json.loads(call.arguments) == {"city": "Berlin"} and call.call_id
        given = asked + [i.to_dict() for i in answer.output] + [
            {"type": "function_call_output", "call_id": call.call_id, "output": result}]
        assert result in client.responses.create(input=given, **body).output_text
        asked = given + [{"role": "user", "content": CALL}]


@check("what the model thought is told over the wire", *WIRES)
def _(wire):
    body = {"model": WIRES[wire], "input": "[[demo reasoning=4]] Think", "reasoning": {"effort": "low", "summary": "auto"}}
    whole = client.responses.create(**body)
    thought = "".join(s.text for i in whole.output if i.type == "reasoning" for s in i.summary)
    events, _ = drain(client.responses.create(**body, stream=True))
    assert thought and "".join(e.delta for e in events if e.type == "response.reasoning_summary_text.delta") == thought


@check("the asynchronous client gets the same")
def _():
    async def run():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{URL_BASE}/v1") as other:
            answers = await asyncio.gather(*(other.responses.create(model=MODEL, input="Several at once") for _ in range(4)))
            async with other.responses.stream(model=MODEL, input="Several at once") as stream:
                return [a.output_text for a in answers], (await stream.get_final_response()).output_text

    whole, streamed = asyncio.run(run())
    assert set(whole) == {streamed} and streamed


@check("a stream that breaks raises over the wire", *WIRES)
def _(wire):
    for fault in ("reset-mid", "cut", "error-mid"):
        events, error = drain(create(f"[[demo fault={fault} deltas=40]] broken", model=WIRES[wire], stream=True))
        types = [e.type for e in events]
        assert "response.output_text.delta" in types and "response.completed" not in types
        assert types[-1] == "response.failed" and isinstance(error, openai.APIError), (fault, types[-1], error)


@check("refusals have their classes")
def _():
    assert failure(lambda: create("x", by=connect(WRONG_KEY)), openai.AuthenticationError).code == "invalid_api_key"
    assert failure(lambda: create("x", model="none-such"), openai.NotFoundError).code == "model_not_found"
    error = failure(lambda: create("x", previous_response_id="resp_1"), openai.BadRequestError)
    assert (error.code, error.param) == ("unsupported_parameter", "previous_response_id")
    assert failure(lambda: create("x", tools=[{"type": "web_search"}]), openai.BadRequestError).param == "tools[0].type"
    assert failure(lambda: client.responses.retrieve("resp_none"), openai.NotFoundError).status_code == 404


@check("no credits are a 429 that is not asked again")
def _():
    with Requests() as r:
        error = failure(lambda: create("x", by=connect(POOR_KEY)), openai.RateLimitError)
    assert error.code == "insufficient_quota" and r.statuses == [429]


@check("tokens are counted")
def _():
    assert client.responses.input_tokens.count(model=MODEL, input="Count this").input_tokens > 0
