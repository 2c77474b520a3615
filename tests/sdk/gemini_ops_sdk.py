"""The google-genai package for Python against Weir: vectors."""

from google import genai
from google.genai import errors, types
from sdklib import KEY, URL_BASE, calls, check, failure, next_call

VECTORS = {"gemini": "vec-google", "openai": "vec-openai"}


def connect(**more):
    return genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL_BASE, **more))


client = connect()
CLIENTS = (client, connect(api_version="v1beta"))


@check("vectors of texts", *VECTORS)
def _(wire):
    before = len(calls())
    for by in CLIENTS:
        got = by.models.embed_content(model=VECTORS[wire], contents=["one", "two"], config={"output_dimensionality": 32})
        assert [len(e.values) for e in got.embeddings] == [32, 32] and got.embeddings[0].values != got.embeddings[1].values
    assert next_call(before)["status"] == "completed"


@check("both wires tell the same")
def _():
    a, b = (client.models.embed_content(model=m, contents="one").embeddings[0].values for m in VECTORS.values())
    assert max(abs(x - y) for x, y in zip(a, b)) < 1e-6


@check("what can be asked for vectors says so, and nothing else is")
def _():
    assert "embedContent" in client.models.get(model="vec-google").supported_actions
    failure(lambda: client.models.embed_content(model="demo-fast", contents="x"), errors.ClientError)
