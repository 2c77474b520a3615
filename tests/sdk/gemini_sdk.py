"""The google-genai package for Python against Weir."""

import asyncio
import re

import pydantic
from google import genai
from google.genai import errors, types
from sdklib import (CITY, KEY, OTHER_KEY, PNG, POOR_KEY, RARE_KEY, URL_BASE, WIRES, WORDS, WRONG_KEY, Requests, Skip, calls,
                    check, drain, failure, next_call)

MODEL = "demo-fast"
WAYS = ("whole", "streamed")
AGAIN = types.HttpRetryOptions(attempts=3, initial_delay=0.05, max_delay=0.1)


def connect(key, **more):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL_BASE, **more))


client = connect(KEY)


def create(contents, by=client, model=MODEL, **config):
    return by.models.generate_content(model=model, contents=contents, config=config)


def stream(contents, by=client, model=MODEL, **config):
    return by.models.generate_content_stream(model=model, contents=contents, config=config)


def text_of(chunks):
    return "".join(c.text or "" for c in chunks)


class Said:
    """An answer in that way: text, finish, usage, parts."""

    def __init__(self, way, contents, **config):
        if way == "whole":
            chunks = [create(contents, **config)]
        else:
            chunks, error = drain(stream(contents, **config))
            if error:
                raise error
        self.text = text_of(chunks)
        self.finish, self.usage = chunks[-1].candidates[0].finish_reason, chunks[-1].usage_metadata
        self.parts = [p for c in chunks for p in c.candidates[0].content.parts or []]


def user(*parts):
    return types.Content(role="user", parts=[types.Part(text=p) if isinstance(p, str) else p for p in parts])


def model(*parts):
    return types.Content(role="model", parts=[types.Part(text=p) if isinstance(p, str) else p for p in parts])


@check("a plain question is answered")
def _():
    answer = create("Tell me about weirs")
    (candidate,) = answer.candidates
    assert "Tell me about weirs" in answer.text and candidate.content.role == "model"
    assert candidate.finish_reason == types.FinishReason.STOP and answer.model_version == MODEL and answer.response_id


@check("usage is what the ledger has")
def _():
    before = len(calls())
    usage = create("Count this").usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count
    row = next_call(before)
    assert (row["status"], row["input_tokens"], row["output_tokens"]) == (
        "completed", usage.prompt_token_count, usage.candidates_token_count)
    assert usage.candidates_token_count > 0 and row["cost"] > 0


@check("streams say the same as whole answers")
def _():
    whole = create("The same twice")
    chunks, error = drain(stream("The same twice"))
    assert error is None and len(chunks) > 1
    assert text_of(chunks) == whole.text
    assert [c.candidates[0].finish_reason for c in chunks if c.candidates[0].finish_reason] == [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count
    assert len({c.response_id for c in chunks}) == 1


@check("a chat keeps its turns")
def _():
    chat = client.chats.create(model=MODEL, config={"system_instruction": "Be brief."})
    chat.send_message("First")
    text = text_of(chat.send_message_stream("Second"))
    assert "You wrote: *Second*" in text and "| Messages | 4 |" in text
    # The SDK keeps each piece of a stream as a message of its own.
    assert int(re.search(r"\| Messages \| (\d+) \|", chat.send_message("Third").text)[1]) >= 6


@check("the asynchronous client gets the same")
def _():
    async def run():
        async with connect(KEY).aio as other:
            body = {"model": MODEL, "contents": "Several at once"}
            answers = await asyncio.gather(*(other.models.generate_content(**body) for _ in range(4)))
            streamed = "".join([c.text or "" async for c in await other.models.generate_content_stream(**body)])
            return [a.text for a in answers], streamed

    whole, streamed = asyncio.run(run())
    assert set(whole) == {streamed} and streamed


@check("system prompt and several turns arrive", *WAYS)
def _(way):
    for system in ("Be brief.", types.Content(parts=[types.Part(text="Be "), types.Part(text="brief.")])):
        text = Said(way, [user("First"), model("Said"), user("Second ", "half")], system_instruction=system).text
        assert "You wrote: *Second half*" in text and "| Messages | 4 |" in text


@check("an answer that was cut says so", *WAYS)
def _(way):
    answer = Said(way, "Cut me", max_output_tokens=5)
    assert answer.finish == types.FinishReason.MAX_TOKENS and answer.text and answer.usage.candidates_token_count <= 5


@check("a picture arrives", *WAYS)
def _(way):
    inline = types.Part(inline_data=types.Blob(mime_type="image/png", data=PNG))
    linked = types.Part.from_uri(file_uri="https://example.org/weir.png", mime_type="image/png")
    assert "You sent 1 image. The first is inline data of type `image/png`" in Said(way, [user("What is this?", inline)]).text
    assert "The first is at `https://example.org/weir.png`" in Said(way, [user("What is this?", linked)]).text


@check("every script of the world arrives", *WAYS)
def _(way):
    assert Said(way, f"[[demo echo=1]]{WORDS}").text == WORDS


@check("what the model thought is told, and taken back", *WAYS)
def _(way):
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    parts = Said(way, "[[demo reasoning=4]] Think", thinking_config=thinking).parts
    assert parts[0].thought and parts[0].text and any(p.text and not p.thought for p in parts)
    assert "And now?" in Said(way, [user("Think"), model(*parts), user("And now?")]).text


class City(pydantic.BaseModel):
    city: str
    population: int


@check("structured output is parsed")
def _():
    for name in WIRES.values():
        assert isinstance(create(CITY, model=name, response_mime_type="application/json", response_schema=City).parsed, City)
        for schema in ({"response_schema": City}, {"response_json_schema": City.model_json_schema()}):
            City.model_validate_json(Said("streamed", CITY, model=name, response_mime_type="application/json", **schema).text)


@check("tokens are counted")
def _():
    def count(contents):
        return client.models.count_tokens(model=MODEL, contents=contents).total_tokens

    assert 0 < count("x") < count("many words " * 100) - 100


# ---- tools -------------------------------------------------------------------

WEATHER = types.FunctionDeclaration(name="get_weather", description="The weather of a city.", parameters=types.Schema(
    type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]))
TOOLS = [types.Tool(function_declarations=[WEATHER])]
CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?"


def need_calls():
    try:
        called = create(CALL, tools=TOOLS).function_calls
    except errors.ClientError:
        called = None
    if not called:
        raise Skip("weir-demo does not call tools")


@check("a tool is called, answered and its result is said", *WAYS)
def _(way):
    need_calls()
    contents = [user(CALL)]
    first = Said(way, contents, tools=TOOLS)
    (call,) = (p.function_call for p in first.parts if p.function_call)
    assert first.finish == types.FinishReason.STOP and (call.name, call.args) == ("get_weather", {"city": "Berlin"})
    response = types.FunctionResponse(id=call.id, name=call.name, response={"result": "21 degrees, sunny"})
    contents += [model(*first.parts), user(types.Part(function_response=response))]
    assert "21 degrees, sunny" in Said(way, contents, tools=TOOLS).text


@check("the helper for tools runs the loop", *WAYS)
def _(way):
    need_calls()
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"21 degrees in {city}"

    assert "21 degrees in Berlin" in Said(way, CALL, tools=[get_weather]).text and asked == ["Berlin"]


# ---- over the wires of others -------------------------------------------------


@check("streams and whole answers are the same over the wire", *WIRES)
def _(wire):
    before = len(calls())
    answers = [Said(way, f"{WORDS} Over a wire", model=WIRES[wire], system_instruction="Be brief.") for way in WAYS]
    assert "Over a wire" in answers[0].text and answers[1].text == answers[0].text
    next_call(before + 1)
    for answer, row in zip(answers, calls()[before:]):
        assert answer.finish == types.FinishReason.STOP
        usage = answer.usage
        assert (usage.prompt_token_count, usage.candidates_token_count) == (row["input_tokens"], row["output_tokens"])
    assert Said("streamed", "Cut me", model=WIRES[wire], max_output_tokens=5).finish == types.FinishReason.MAX_TOKENS
    inline = types.Part(inline_data=types.Blob(mime_type="image/png", data=PNG))
    assert "You sent 1 image" in Said("whole", [user(inline, "What?")], model=WIRES[wire]).text


@check("a stream that breaks raises over the wire", *WIRES)
def _(wire):
    for fault in ("reset-mid", "cut", "error-mid"):
        chunks, error = drain(stream(f"[[demo fault={fault} deltas=40]] broken", model=WIRES[wire]))
        assert text_of(chunks) and isinstance(error, errors.APIError), (fault, error)
        assert not any(c.candidates[0].finish_reason for c in chunks)


@check("tools are called and thoughts come back over the wire", *WIRES)
def _(wire):
    need_calls()
    strict = "strict=1" if wire == "gemini" else ""  # the maker of this dialect wants its seals back
    config = {"model": WIRES[wire], "tools": TOOLS, "thinking_config": types.ThinkingConfig(include_thoughts=True)}
    for way in WAYS:
        contents = [user(f"[[demo reasoning=3 call=get_weather:city=Berlin {strict}]] What is the weather?")]
        first = Said(way, contents, **config)
        (call,) = (p.function_call for p in first.parts if p.function_call)
        assert first.parts[0].thought and (call.name, call.args) == ("get_weather", {"city": "Berlin"})
        response = types.FunctionResponse(id=call.id, name=call.name, response={"result": "21 degrees, sunny"})
        contents += [model(*first.parts), user(types.Part(function_response=response))]
        second = Said(way, contents, **config)
        assert "21 degrees, sunny" in second.text
        contents += [model(*second.parts), user("And now?")]
        assert "And now?" in Said(way, contents, **config).text


# ---- refusals ----------------------------------------------------------------


def refused(work, kind, code, status, words=""):
    error = failure(work, kind)
    assert (error.code, error.status) == (code, status), error
    assert error.message and words in str(error), error


def by(key, way, contents="x", **more):
    other = connect(key)  # kept: a client without a name is closed while its stream is read
    return lambda: list((create if way == "whole" else stream)(contents, other, **more))


@check("a wrong key is a ClientError 401", *WAYS)
def _(way):
    refused(by(WRONG_KEY, way), errors.ClientError, 401, "UNAUTHENTICATED")


@check("an unknown model is a ClientError 404", *WAYS)
def _(way):
    refused(by(KEY, way, model="none-such"), errors.ClientError, 404, "NOT_FOUND", "none-such")


@check("a bad request is a ClientError 400 that names the field", *WAYS)
def _(way):
    search = types.Tool(google_search=types.GoogleSearch())
    nobody = [types.Content(role="nobody", parts=[types.Part(text="x")])]
    for more, field in (({"candidate_count": 2}, "candidateCount"), ({"tools": [search]}, "tools[0].googleSearch"),
                        ({"contents": nobody}, "contents[0].role")):
        refused(by(KEY, way, **more), errors.ClientError, 400, "INVALID_ARGUMENT", field)


@check("no credits are a ClientError 402", *WAYS)
def _(way):
    refused(by(POOR_KEY, way), errors.ClientError, 402, "RESOURCE_EXHAUSTED")


@check("refused content is a ClientError 400", *WAYS)
def _(way):
    refused(by(KEY, way, "[[demo fault=filter]] never"), errors.ClientError, 400, "INVALID_ARGUMENT")


@check("too many requests are a ClientError 429")
def _():
    other = connect(RARE_KEY)
    create("x", other)
    refused(lambda: create("x", other), errors.ClientError, 429, "RESOURCE_EXHAUSTED")
    refused(lambda: list(stream("x", other)), errors.ClientError, 429, "RESOURCE_EXHAUSTED")


@check("a key for something else is a ClientError 403")
def _():
    refused(by(OTHER_KEY, "whole"), errors.ClientError, 403, "PERMISSION_DENIED")


@check("402, 404 and 400 are not asked again")
def _():
    with Requests() as seen:
        failure(lambda: create("x", connect(POOR_KEY, retry_options=AGAIN)))
        failure(lambda: create("x", connect(KEY, retry_options=AGAIN), model="none-such"))
        failure(lambda: create("x", connect(KEY, retry_options=AGAIN), candidate_count=2))
    assert seen.statuses == [402, 404, 400]


@check("what fails before the answer is asked again, until it is answered", *WAYS)
def _(way):
    before = len(calls())
    with Requests() as seen:
        prompt, other = f"[[demo fault=500 fail=2 key=gemini-python-{way}]] again", connect(KEY, retry_options=AGAIN)
        if way == "whole":
            create(prompt, other)
        else:
            assert drain(stream(prompt, other))[1] is None
    assert seen.statuses == [503, 503, 200]
    next_call(before + 2)
    assert [(r["status"], r["cost"] > 0) for r in calls()[before:]] == [("failed", False)] * 2 + [("completed", True)]


@check("what keeps failing is asked as often as was said")
def _():
    for options, times in ((None, 1), (AGAIN.model_copy(update={"attempts": 2}), 2)):
        with Requests() as seen:
            refused(lambda: create("[[demo fault=500]] never", connect(KEY, retry_options=options)),  # noqa: B023
                    errors.ServerError, 503, "UNAVAILABLE")
        assert seen.statuses == [503] * times


@check("a quiet stream is kept alive, and told in full", *WIRES)
def _(wire):
    whole = create("[[demo deltas=4]] slowly", model=WIRES[wire]).text
    assert Said("streamed", "[[demo deltas=4 interval=500]] slowly", model=WIRES[wire]).text == whole


# ---- ends --------------------------------------------------------------------


@check("a stream that breaks raises", "reset-mid", "cut", "error-mid")
def _(fault):
    before = len(calls())
    chunks, error = drain(stream(f"[[demo fault={fault} deltas=40]] broken"))
    assert text_of(chunks) and isinstance(error, errors.APIError), error
    assert not any(c.candidates[0].finish_reason for c in chunks)
    row = next_call(before)
    assert row["status"] == "failed" and row["output_tokens"] > 0


@check("a whole answer that breaks is an error, and costs nothing")
def _():
    before = len(calls())
    failure(lambda: create("[[demo fault=reset-mid deltas=40]] broken"), errors.ServerError)
    row = next_call(before)
    assert (row["status"], row["cost"]) == ("failed", 0)


@check("a client that leaves its stream ends the call")
def _():
    before = len(calls())
    leaving = stream("[[demo deltas=200 interval=50]] leave")
    for _ in zip(range(3), leaving):
        pass
    leaving.close()
    row = next_call(before)
    assert row["status"] == "cancelled" and 0 < row["output_tokens"] < 200


@check("a client that gives up a whole answer ends the call")
def _():
    before = len(calls())
    failure(lambda: create("[[demo deltas=200 interval=50]] leave", connect(KEY, timeout=300)))
    row = next_call(before)
    assert row["status"] == "cancelled" and row["output_tokens"] < 200


# ---- models ------------------------------------------------------------------


@check("models are listed, and found by name")
def _():
    names = [m.name for m in client.models.list(config={"page_size": 2})]
    assert {"models/demo", f"models/{MODEL}", "models/demo-slow"} <= set(names) and len(set(names)) == len(names)
    for name in (MODEL, f"models/{MODEL}"):
        found = client.models.get(model=name)
        assert found.name == f"models/{MODEL}" and found.input_token_limit > 0 and "generateContent" in found.supported_actions
    refused(lambda: client.models.get(model="none-such"), errors.ClientError, 404, "NOT_FOUND")
    other = connect(WRONG_KEY)
    refused(lambda: other.models.list(), errors.ClientError, 401, "UNAUTHENTICATED")


@check("what is not offered is a ClientError 404")
def _():
    refused(lambda: client.caches.list(), errors.ClientError, 404, "NOT_FOUND")
