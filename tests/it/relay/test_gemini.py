"""Gemini's paths as clients of its SDKs send them, answered through whatever wire the model's channel speaks."""

import pytest

WEIR_CONF = {"upstream": {"first_byte_timeout": "2s", "retry_base": "20ms", "retries": "1"}, "stream": {"disconnect_grace": "0"}}


@pytest.fixture
def user(weir):
    return weir.make_user()


def path(verb, model="demo-fast", version="v1beta"):
    return f"/{version}/models/{model}:{verb}"


def body(content, **more):
    return {"contents": [{"role": "user", "parts": [{"text": content}]}], **more}


def pieces(weir, user, content, **more):
    with weir.stream(path("streamGenerateContent") + "?alt=sse", body(content, **more), user) as s:
        if s.status != 200:
            return s.status, [s.answer().json]
        found = [e.json for e in s.events()]
        assert s.comments == [], "a comment breaks this vendor's clients"
        return s.status, found


def text_of(found):
    return "".join(p.get("text", "") for f in found for c in f.get("candidates", ()) for p in c.get("content", {}).get("parts", ()))


@pytest.mark.parametrize("version", ("v1beta", "v1"))
def test_whole_and_streamed(weir, user, version):
    whole = weir.post(path("generateContent", version=version), body("Tell me about weirs"), user)
    assert whole.status == 200, whole
    got = whole.json
    assert got["candidates"][0]["finishReason"] == "STOP" and "Tell me about weirs" in text_of([got])
    assert got["usageMetadata"]["totalTokenCount"] == got["usageMetadata"]["promptTokenCount"] + got["usageMetadata"]["candidatesTokenCount"]
    status, found = pieces(weir, user, "Tell me about weirs")
    assert status == 200 and text_of(found) == text_of([got])
    assert found[-1]["candidates"][0]["finishReason"] == "STOP" and found[-1]["usageMetadata"]["candidatesTokenCount"] > 0
    weir.audit()


def test_a_key_in_the_address(weir, user):
    made = weir.post("/api/keys", {"name": "g"}, user).json["key"]
    assert weir.post(path("generateContent") + f"?key={made}", body("x")).status == 200
    assert weir.post(path("generateContent"), body("x"), headers={"x-goog-api-key": made}).status == 200


def test_refusals_in_their_shape(weir, user):
    def error(answer, status, word):
        assert answer.status == status, answer
        found = answer.json["error"]
        assert found["status"] == word and found["code"] == status and found["message"], found

    error(weir.post(path("generateContent"), body("x")), 401, "UNAUTHENTICATED")
    error(weir.post(path("generateContent"), {"contents": 7}, user), 400, "INVALID_ARGUMENT")
    error(weir.post(path("generateContent", "none-such"), body("x"), user), 404, "NOT_FOUND")
    error(weir.post(path("streamGenerateContent"), body("x"), user), 400, "INVALID_ARGUMENT")
    error(weir.post(path("generateContent"), body("x", generationConfig={"candidateCount": 2}), user), 400, "INVALID_ARGUMENT")
    error(weir.post(path("generateContent"), body("x"), weir.make_user(credits="0.000001")), 402, "RESOURCE_EXHAUSTED")
    error(weir.get("/v1beta/nowhere", user), 404, "NOT_FOUND")
    weir.audit()


def test_failures(weir, user):
    status, found = pieces(weir, user, "[[demo fault=500 fail=9]] never")
    assert status >= 500 and found[0]["error"]["code"] == status
    status, found = pieces(weir, user, "[[demo fault=reset-mid deltas=40]] cut")
    assert status == 200 and text_of(found) and "error" in found[-1]
    assert not any(c.get("finishReason") for f in found for c in f.get("candidates", ()))
    weir.audit()


def test_count_and_models(weir, user):
    few = weir.post(path("countTokens"), body("Hi"), user).json["totalTokens"]
    assert 0 < few < weir.post(path("countTokens"), body("Hi there. " * 100), user).json["totalTokens"]
    names = [m["name"] for m in weir.get("/v1beta/models", user).json["models"]]
    assert "models/demo-fast" in names
    assert weir.get("/v1beta/models/demo-fast", user).json["outputTokenLimit"] > 0
    assert weir.get("/v1beta/models/none-such", user).json["error"]["status"] == "NOT_FOUND"


def test_every_path(weir, user):
    stream = body("[[demo deltas=2]] x")
    for answer in (weir.post("/v1beta/models/demo-fast:generateContent", body("x"), user),
                   weir.post("/v1beta/models/demo-fast:streamGenerateContent?alt=sse", stream, user),
                   weir.post("/v1beta/models/demo-fast:countTokens", body("x"), user),
                   weir.post("/v1/models/demo-fast:generateContent", body("x"), user),
                   weir.post("/v1/models/demo-fast:streamGenerateContent?alt=sse", stream, user),
                   weir.post("/v1/models/demo-fast:countTokens", body("x"), user)):
        assert answer.status == 200, answer
