"""Vectors of texts: OpenAI's and Gemini's paths through channels of either wire, their money, and what is refused."""

import base64
import struct

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}
PATH = "/v1/embeddings"
# What each is asked through.
WIRES = {"openai": "vec-openai", "gemini": "vec-gemini"}


@pytest.fixture(scope="module", autouse=True)
def models(weir):
    for wire, name in WIRES.items():
        weir.weirctl("model", "add", name, "--type", "embedding", "--input", "1000", "--output", "0", "--context", "32000", "--max-output", "1")
        url = weir.demo_url if wire == "openai" else weir.demo_url.removesuffix("/v1") + "/v1beta"
        weir.weirctl("channel", "add", wire + "-vectors", "--provider", wire, "--url", url, "--key-stdin", "--allow-private",
                     "--model", f"{name}=demo-fast", input="demo\n")


@pytest.fixture
def user(weir):
    return weir.make_user()


def floats(text):
    raw = base64.b64decode(text)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def used(weir, user):
    with weir.pg() as pg:
        return pg.query("SELECT status, error_code, request_tokens, response_tokens, cost, model, channel, op, metadata"
                        " FROM usage WHERE user_id = $1 ORDER BY id", user.id)


def error(answer, code_, **wanted):
    assert answer.status == code_, answer
    found = answer.json["error"]
    assert {k: found.get(k) for k in wanted} == wanted and found["message"], found


def gemini(verb, model, version="v1beta"):
    return f"/{version}/models/{model}:{verb}"


@pytest.mark.parametrize("model", WIRES.values())
def test_numbers_and_base64_are_the_same(weir, user, model):
    before = weir.balance(user)
    plain = weir.post(PATH, {"model": model, "input": ["one", "two"], "dimensions": 16}, user)
    assert plain.status == 200, plain
    got = plain.json
    assert got["object"] == "list" and got["model"] == model and [d["index"] for d in got["data"]] == [0, 1]
    assert all(len(d["embedding"]) == 16 for d in got["data"]) and got["data"][0]["embedding"] != got["data"][1]["embedding"]
    packed = weir.post(PATH, {"model": model, "input": ["one", "two"], "dimensions": 16, "encoding_format": "base64"}, user).json
    for a, b in zip(got["data"], packed["data"]):
        assert floats(b["embedding"]) == pytest.approx(a["embedding"], abs=1e-7)
    rows = used(weir, user)
    assert [(r[0], r[5], r[7]) for r in rows] == [("completed", model, "embeddings")] * 2
    assert int(rows[0][2]) == got["usage"]["prompt_tokens"] > 0 and int(rows[0][3]) == 0
    assert before - weir.balance(user) == pytest.approx(sum(float(r[4]) for r in rows)) and float(rows[0][4]) > 0
    weir.audit()


def test_both_wires_tell_the_same(weir, user):
    a, b = (weir.post(PATH, {"model": m, "input": "the same"}, user).json["data"][0]["embedding"] for m in WIRES.values())
    assert a == pytest.approx(b, abs=1e-7)


@pytest.mark.parametrize("model", WIRES.values())
@pytest.mark.parametrize("version", ("v1beta", "v1"))
def test_gemini_asks(weir, user, model, version):
    content = {"parts": [{"text": "one"}]}
    single = weir.post(gemini("embedContent", model, version), {"content": content, "outputDimensionality": 8}, user)
    assert single.status == 200 and len(single.json["embedding"]["values"]) == 8, single
    batch = weir.post(gemini("batchEmbedContents", model, version),
                      {"requests": [{"model": f"models/{model}", "content": {"parts": [{"text": t}]}, "outputDimensionality": 8}
                                    for t in ("one", "two")]}, user).json
    assert len(batch["embeddings"]) == 2
    assert batch["embeddings"][0]["values"] == pytest.approx(single.json["embedding"]["values"], abs=1e-7)
    assert [r[7] for r in used(weir, user)] == ["embeddings"] * 2
    weir.audit()


def test_the_clients_own_words_arrive(weir, user):
    """What Weir does not know passes in its wire, but for the model's name, also where it is written in another way."""
    answer = weir.post(PATH, b'{"mod\\u0065l":"vec-openai","input":"x","user":"u1","extra":{"a":[1]}, "dimensions":4}', user)
    assert answer.status == 200 and answer.json["model"] == "vec-openai" and len(answer.json["data"][0]["embedding"]) == 4


def test_tokens_pass_only_in_their_own_wire(weir, user):
    for value in ([1, 2, 3], [[1, 2], [3]]):
        assert weir.post(PATH, {"model": "vec-openai", "input": value}, user).status == 200
        error(weir.post(PATH, {"model": "vec-gemini", "input": value}, user), 400, param="input")


def test_refusals_in_their_shape(weir, user):
    error(weir.post(PATH, {"model": "vec-openai", "input": "x"}), 401, code="invalid_api_key")
    error(weir.post(PATH, {"model": "vec-openai"}, user), 400, param="input")
    error(weir.post(PATH, {"model": "vec-openai", "input": []}, user), 400, param="input")
    error(weir.post(PATH, {"model": "vec-openai", "input": ["a", {}]}, user), 400, param="input[1]")
    error(weir.post(PATH, {"model": "vec-openai", "input": ["a"] * 2049}, user), 400, param="input")
    error(weir.post(PATH, {"model": "vec-openai", "input": "a", "encoding_format": "hex"}, user), 400, param="encoding_format")
    error(weir.post(PATH, {"model": "vec-openai", "input": "a", "dimensions": 0}, user), 400, param="dimensions")
    error(weir.post(PATH, {"model": "none-such", "input": "x"}, user), 404, code="model_not_found", param="model")
    error(weir.post(PATH, {"model": "demo-fast", "input": "x"}, user), 400, param="model")
    error(weir.post("/v1/chat/completions", {"model": "vec-openai", "messages": [{"role": "user", "content": "x"}]}, user), 404, param="model")
    error(weir.post(PATH, b"no", user), 400, param="body")
    error(weir.request("GET", PATH, user), 405)
    error(weir.post(gemini("embedContent", "vec-openai"), {}, user), 400, status="INVALID_ARGUMENT")
    error(weir.post(gemini("batchEmbedContents", "vec-openai"), {"requests": []}, user), 400, status="INVALID_ARGUMENT")
    error(weir.post(gemini("embedContent", "none-such"), {"content": {"parts": [{"text": "x"}]}}, user), 404, status="NOT_FOUND")
    error(weir.post(gemini("embedContent", "vec-gemini"), {"content": {"parts": [{"text": "x"}]}}), 401, status="UNAUTHENTICATED")
    error(weir.post(gemini("embedContent", "vec-openai"), {"content": {"parts": [{"inlineData": {}}]}}, user), 400, status="INVALID_ARGUMENT")
    assert used(weir, user) == []
    poor = weir.make_user(credits="0.000001")
    error(weir.post(PATH, {"model": "vec-openai", "input": "x" * 400}, poor), 402, code="insufficient_quota")
    weir.audit()


@pytest.mark.parametrize("fault,status", (("500", 502), ("reset", 502), ("cut", 502), ("html-200", 502), ("error-200", 502), ("filter", 400)))
@pytest.mark.parametrize("model", WIRES.values())
def test_what_fails_costs_nothing(weir, user, model, fault, status):
    if (fault, model) == ("filter", "vec-gemini"):
        status = 502  # what is no vector, and says so in no word that is known of vectors
    before = weir.balance(user)
    error(weir.post(PATH, {"model": model, "input": f"[[demo fault={fault} fail=9]] never"}, user), status)
    (row,) = used(weir, user)
    assert (row[0], float(row[4]), row[7]) == ("failed", 0, "embeddings") and weir.balance(user) == before
    weir.audit()


def test_another_channel_is_asked(weir, user):
    answer = weir.post(PATH, {"model": "vec-openai", "input": "[[demo fault=cut fail=1]] once"}, user)
    assert answer.status == 200 and len(used(weir, user)) == 1


def test_usage_is_believed_as_far_as_it_can_be_true(weir, user):
    for words, check in (("usage=huge", lambda n: n < 400), ("usage=none", lambda n: 0 < n < 100), ("usage=string", lambda n: 0 < n < 100)):
        assert weir.post(PATH, {"model": "vec-openai", "input": f"[[demo {words}]] count"}, user).status == 200
        assert check(int(used(weir, user)[-1][2])), words
    weir.audit()


def test_a_key_is_for_what_its_scopes_say(weir, user):
    def key(scopes):
        return weir.post("/api/keys", {"name": "k", "scopes": scopes}, user).json["key"]

    ask = {"model": "vec-openai", "input": "x"}
    assert weir.post(PATH, ask, key(["embeddings"])).status == 200
    error(weir.post(PATH, ask, key(["chat"])), 403)
    error(weir.post("/v1/chat/completions", {"model": "demo-fast", "messages": [{"role": "user", "content": "x"}]}, key(["embeddings"])), 403)


def test_the_same_key_twice_is_one_charge(weir, user):
    key = {"Idempotency-Key": "embed-once"}
    ask = {"model": "vec-openai", "input": "once"}
    assert weir.post(PATH, ask, user, headers=key).status == 200
    assert weir.post(PATH, ask, user, headers=key).status == 409
    assert len(used(weir, user)) == 1


def test_models_are_listed_where_they_can_be_asked(weir, user):
    assert "vec-openai" in [m["id"] for m in weir.get("/v1/models", user).json["data"]]
    listed = {m["name"]: m["supportedGenerationMethods"] for m in weir.get("/v1beta/models", user).json["models"]}
    assert listed["models/vec-gemini"] == ["embedContent", "batchEmbedContents"] and "generateContent" in listed["models/demo-fast"]
    anthropic = weir.get("/v1/models", user, headers={"anthropic-version": "2023-06-01"}).json
    assert "vec-openai" not in [m["id"] for m in anthropic["data"]]
