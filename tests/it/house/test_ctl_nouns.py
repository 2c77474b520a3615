"""weirctl model, channel and agent: the same rules as the admin routes, from the command line."""

import json

import pytest

MODEL = ("--input", "1", "--output", "2.5", "--context", "1000", "--max-output", "100")


@pytest.fixture(scope="module")
def ctl(data):
    def run(*args, ok=True, says="", input=None):
        done = data.weirctl(*args, check=False, input=input)
        assert (done.returncode == 0) == ok, done
        assert says in done.stdout + done.stderr, done
        return done.stdout

    return run


@pytest.fixture(scope="module")
def models(ctl):
    ctl("model", "add", "one", *MODEL, "--default")
    ctl("model", "add", "two", *MODEL, "--call", "0.000001", "--display", "Two", "--abilities", "vision,tools")


def one(data, sql, *args):
    with data.pg() as pg:
        rows = pg.query(sql, *args)
    assert len(rows) == 1, rows
    return rows[0]


def test_model_add(ctl, data, models):
    row = one(data, "SELECT display_name, type, context_tokens, max_output_tokens, abilities, model_base_price(id, 'input')::text,"
              " model_base_price(id, 'output')::text, model_base_price(id, 'call')::text, enabled, is_default FROM llm_models WHERE name = 'two'")
    assert row == ("Two", "chat", "1000", "100", "{vision,tools}", "1.000000", "2.500000", "0.000001", "t", "f")
    ctl("model", "add", "one", *MODEL, ok=False, says="already")
    ctl("model", "add", "one", *MODEL, "--if-missing", says="there already")


@pytest.mark.parametrize("options, says", [
    (("--input", "x", "--output", "1", "--context", "1", "--max-output", "1"), "price_input_per_mtok"),
    (("--input", "-1", "--output", "1", "--context", "1", "--max-output", "1"), "price_input_per_mtok"),
    (("--output", "1", "--context", "1", "--max-output", "1"), "price_input_per_mtok"),
    (("--input", "1", "--output", "1", "--context", "many", "--max-output", "1"), "not a number"),
    (("--input", "1", "--output", "1", "--context", "1", "--max-output", "2"), "max_output_tokens"),
    ((*MODEL, "--type", "tea"), "type"),
    ((*MODEL, "--frob"), "usage"),
    ((*MODEL, "more"), "usage"),
])
def test_model_add_refuses(ctl, data, options, says):
    ctl("model", "add", "bad", *options, ok=False, says=says)
    with data.pg() as pg:
        assert pg.query("SELECT FROM llm_models WHERE name = 'bad'") == []


def test_model_set_and_list(ctl, data, models):
    ctl("model", "set", "two", "--default", "--output", "3", "--disabled", "--rename", "deux")
    assert one(data, "SELECT name FROM llm_models WHERE is_default")[0] == "deux"
    listed = ctl("model", "list")
    assert "deux" in listed and "default,disabled" in listed and "two" not in listed
    ctl("model", "set", "deux", "--enabled", "--rename", "two")
    ctl("model", "set", "one", "--default")
    ctl("model", "set", "nothing", "--default", ok=False, says="nothing")


def test_model_remove(ctl, models):
    ctl("model", "add", "gone", *MODEL)
    ctl("model", "remove", "gone")
    ctl("model", "remove", "gone", ok=False, says="gone")
    ctl("model", "add", "used", *MODEL)
    ctl("agent", "add", "user of used", "--model", "used")
    ctl("model", "remove", "used", ok=False)
    ctl("agent", "remove", "user of used")
    ctl("model", "remove", "used")


def test_channel(ctl, data, models):
    ctl("channel", "add", "up", "--provider", "openai", "--url", data.demo_url, "--key-stdin", "--allow-private",
        "--model", "one=demo-fast", "--model", "two=demo", "--priority", "7", "--weight", "3", input="sk-hush\n")
    row = one(data, "SELECT priority, weight, allow_private, enabled, (SELECT count(*) FROM channel_keys k WHERE channel_id = ch.id)"
              " FROM channels ch"
              " WHERE name = 'up'")
    assert row == ("7", "3", "t", "t", "1")
    listed = ctl("channel", "list")
    assert "one=demo-fast two=demo" in listed and "sk-hush" not in listed
    ctl("channel", "test", "up", says="demo-fast")
    ctl("channel", "test", "up", "--model", "two", says="HTTP 200")
    ctl("channel", "set", "up", "--no-private")
    ctl("channel", "test", "up", ok=False, says="private")
    ctl("channel", "set", "up", "--allow-private", "--model", "one=demo;fault=401")
    ctl("channel", "test", "up", ok=False, says="401")
    ctl("channel", "test", "up", "--model", "two", ok=False, says="model")
    ctl("channel", "disable", "up")
    assert one(data, "SELECT enabled FROM channels WHERE name = 'up'")[0] == "f"
    ctl("channel", "enable", "up")
    ctl("channel", "add", "up", "--provider", "openai", "--url", data.demo_url, "--if-missing", says="there already")
    ctl("channel", "remove", "up")
    ctl("channel", "test", "up", ok=False, says="up")


@pytest.mark.parametrize("options, says", [
    (("--provider", "nobody", "--url", "http://example.org"), "provider"),
    (("--provider", "openai", "--url", "ftp://example.org"), "base_url"),
    (("--provider", "azure"), "base_url"),
    (("--provider", "openai", "--url", "http://example.org", "--model", "unknown"), "models"),
    (("--provider", "openai", "--url", "http://example.org", "--key-env", "WEIR_NO_SUCH_VARIABLE"), "environment"),
    (("--provider", "openai", "--url", "http://example.org", "--key-stdin"), "nothing on standard input"),
])
def test_channel_add_refuses(ctl, data, models, options, says):
    ctl("channel", "add", "bad", *options, ok=False, says=says)
    with data.pg() as pg:
        assert pg.query("SELECT FROM channels WHERE name = 'bad'") == []


def test_agent(ctl, data, models, tmp_path):
    prompt = tmp_path / "prompt"
    prompt.write_text("You are 友好.\nVery.\n")
    said = ctl("agent", "add", "Helper", "--model", "one", "--fallback", "two", "--prompt-file", str(prompt),
               "--timeout", "9", "--temperature", "0.25", "--description", "Helps.")
    row = one(data, "SELECT a.id, a.prompt, m.name, f.name, a.timeout_seconds, a.temperature FROM agents a"
              " JOIN llm_models m ON m.id = a.model_id JOIN llm_models f ON f.id = a.fallback_model_id"
              " WHERE a.name = 'Helper'")
    assert row[0] in said and row[1:] == ("You are 友好.\nVery.\n", "one", "two", "9", "0.25")
    assert row[0] in ctl("agent", "list")
    ctl("agent", "add", "Helper", "--model", "one", "--if-missing", says="there already")
    ctl("agent", "add", "Helper", "--model", "one")
    ctl("agent", "remove", "Helper", ok=False, says="by its id")
    ctl("agent", "remove", row[0])
    ctl("agent", "remove", "Helper")
    ctl("agent", "remove", "Helper", ok=False, says="Helper")
    ctl("agent", "add", "Piped", "--model", "one", "--prompt-file", "-", input="You are piped.\n")
    assert one(data, "SELECT prompt FROM agents WHERE name = 'Piped'") == ("You are piped.\n",)
    ctl("agent", "remove", "Piped")
    ctl("agent", "add", "x", "--model", "nothing", ok=False, says="nothing")
    ctl("agent", "add", "x", "--model", "one", "--prompt-file", "/nonexistent", ok=False, says="/nonexistent")
    ctl("agent", "add", "x", "--model", "one", "--timeout", "0", ok=False, says="timeout_seconds")


def test_wrong_words(ctl):
    for args in (("model",), ("model", "frob"), ("model", "add"), ("channel", "frob", "x"), ("agent",),
                 ("agent", "frob", "x"), ("channel", "remove")):
        ctl(*args, ok=False, says="usage")


def test_changes_are_audited_without_secrets(ctl, data, models):
    ctl("channel", "add", "audited", "--provider", "openai", "--url", "http://example.org", "--key-stdin",
        "--model", "one", input="sk-very-secret\n")
    action, details = one(data, "SELECT action, details::text FROM audit_log WHERE object = 'channel:audited'")
    assert action == "channel.create" and json.loads(details)["api_key"] == "(set)"
    with data.pg() as pg:
        assert "sk-very-secret" not in pg.query("SELECT string_agg(details::text, ' ') FROM audit_log")[0][0]
