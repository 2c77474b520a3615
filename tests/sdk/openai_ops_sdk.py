"""The openai package for Python against Weir: what is no chat."""

import base64
import io

import openai
from sdklib import KEY, PNG, URL_BASE, calls, check, failure, next_call

client = openai.OpenAI(api_key=KEY, base_url=f"{URL_BASE}/v1", max_retries=0)
VECTORS = {"openai": "vec-openai", "gemini": "vec-google"}


def picture():
    return io.BytesIO(base64.b64decode(PNG))


@check("embeddings come as numbers, as the package asks for them", *VECTORS)
def _(wire):
    before = len(calls())
    got = client.embeddings.create(model=VECTORS[wire], input=["one", "two"], dimensions=64)  # asks for base64
    assert [d.index for d in got.data] == [0, 1] and all(len(d.embedding) == 64 for d in got.data)
    assert abs(sum(x * x for x in got.data[0].embedding) - 1) < 1e-4, "a unit vector"
    plain = client.embeddings.create(model=VECTORS[wire], input="one", dimensions=64, encoding_format="float")
    assert max(abs(a - b) for a, b in zip(plain.data[0].embedding, got.data[0].embedding)) < 1e-6
    assert next_call(before)["input_tokens"] == got.usage.prompt_tokens > 0


@check("tokens are embedded where their wire is asked, and refused by their field elsewhere")
def _():
    assert client.embeddings.create(model="vec-openai", input=[[1, 2], [3]]).data[1].embedding
    error = failure(lambda: client.embeddings.create(model="vec-google", input=[1, 2]), openai.BadRequestError)
    assert error.param == "input"


@check("moderations")
def _():
    found = client.moderations.create(input=["peace", "violent words"])
    assert [r.flagged for r in found.results] == [False, True] and found.model == "judge"


@check("pictures are made, changed and varied")
def _():
    before = len(calls())
    made = client.images.generate(model="painter", prompt="a weir", n=2)
    assert len(made.data) == 2 and base64.b64decode(made.data[0].b64_json).startswith(b"\x89PNG")
    assert next_call(before)["output_tokens"] == made.usage.output_tokens
    changed = client.images.edit(model="painter", prompt="brighter", image=[("a.png", picture()), ("b.png", picture())], mask=("m.png", picture()))
    assert len(changed.data) == 1
    varied = client.images.create_variation(model="painter", image=("a.png", picture()), n=1)
    assert len(varied.data) == 1


@check("a picture comes in pieces")
def _():
    events = list(client.images.generate(model="painter", prompt="a weir", stream=True, partial_images=1))
    assert [e.type for e in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert events[-1].usage.output_tokens > 0


@check("speech, whole and as it comes")
def _():
    words = "The weir keeps its level."
    whole = client.audio.speech.create(model="voice", voice="alloy", input=words).read()
    assert len(whole) == 32 * len(words)
    with client.audio.speech.with_streaming_response.create(model="voice", voice="alloy", input=words, response_format="wav") as answer:
        assert answer.headers["content-type"] == "audio/wav"
        assert b"".join(answer.iter_bytes(64)) == whole


@check("speech that breaks off raises")
def _():
    def listen():
        return client.audio.speech.create(model="voice", voice="alloy", input="[[demo fault=cut fail=9]] " + "and on " * 60).read()

    before = len(calls())
    failure(listen)
    assert next_call(before)["cost"] == 0


@check("its words")
def _():
    file = ("said.wav", io.BytesIO(b"said so"))
    assert client.audio.transcriptions.create(model="voice", file=file).text == "said so"
    assert client.audio.transcriptions.create(model="voice", file=file, response_format="text") == "said so\n"
    assert client.audio.transcriptions.create(model="voice", file=file, response_format="verbose_json").language == "english"
    assert client.audio.translations.create(model="voice", file=file).text == "said so"
    events = list(client.audio.transcriptions.create(model="voice", file=file, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text == "said so"


@check("completions of a text, whole and streamed")
def _():
    whole = client.completions.create(model="demo-fast", prompt="Tell me about weirs")
    assert whole.object == "text_completion" and "Tell me about weirs" in whole.choices[0].text
    chunks = list(client.completions.create(model="demo-fast", prompt="Tell me about weirs", stream=True))
    assert "".join(c.choices[0].text for c in chunks) == whole.choices[0].text and chunks[-1].choices[0].finish_reason == "stop"
    error = failure(lambda: client.completions.create(model="demo-fast", prompt="x", suffix="y"), openai.BadRequestError)
    assert error.param == "suffix"


@check("what fails is the package's own error")
def _():
    failure(lambda: client.images.generate(model="painter", prompt="[[demo fault=500 fail=9]] x"), openai.InternalServerError)
    failure(lambda: client.images.generate(model="nobody", prompt="x"), openai.NotFoundError)
    failure(lambda: client.embeddings.create(model="painter", input="x"), openai.BadRequestError)
