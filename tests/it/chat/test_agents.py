"""Turns of agents: prompt, time-out, fallback model; and what of a conversation goes upstream."""

import time

import pytest
from weirtest import busy

WEIR_CONF = {"upstream": {"first_byte_timeout": "5s", "retries": "0"}}


@pytest.fixture(scope="module")
def models(weir, admin):
    return {m["name"]: m["id"] for m in weir.get("/api/admin/models", admin).json["items"]}


def agent_with(weir, admin, models, **fields):
    body = {"name": f"agent {time.time()}", "prompt": "You are a test.", "model_id": models["demo-slow"],
            "fallback_model_id": models["demo-fast"], "timeout_seconds": 1, **fields}
    answer = weir.post("/api/admin/agents", body, admin)
    assert answer.status == 201, answer
    return answer.json["id"]


def ask(weir, user, agent, content):
    conversation = weir.conversation(user, agent_id=agent, project_id=str(time.time()))
    return weir.chat(user, content, conversation=conversation)


def test_time_out_switches_to_the_fallback_model(weir, admin, user, models):
    agent = agent_with(weir, admin, models)
    began = time.monotonic()
    turn = ask(weir, user, agent, "slow [[demo model=demo-slow fault=stall-before]]")
    assert 1 <= time.monotonic() - began < 4 * busy()
    assert turn.final["type"] == "done", turn.final
    assert turn.final["data"]["assistant_message"]["model"] == "demo-fast"
    task = turn.events[0]["data"]["task_id"]
    assert [r["model"] for r in weir.demo_requests() if r["task"] == task][-1] == "demo-fast"
    weir.audit()


@pytest.mark.parametrize("seconds", [1, None], ids=["its own time", "everybody's time"])
def test_failure_switches_to_the_fallback_model(weir, admin, user, models, seconds):
    agent = agent_with(weir, admin, models, timeout_seconds=seconds)
    turn = ask(weir, user, agent, "broken [[demo model=demo-slow fault=500]]")
    assert turn.final["type"] == "done" and turn.final["data"]["assistant_message"]["model"] == "demo-fast"


def test_both_fail(weir, admin, user, models):
    before = weir.balance(user)
    agent = agent_with(weir, admin, models)
    turn = ask(weir, user, agent, "all broken [[demo fault=stall-before]]")
    assert turn.final["data"]["code"] == "upstream_timeout" and turn.final["data"]["credits_consumed"] == 0
    assert weir.balance(user) == before


def test_no_fallback_after_content(weir, admin, user, models):
    agent = agent_with(weir, admin, models)
    turn = ask(weir, user, agent, "cut [[demo model=demo-slow pace=0 fault=reset-mid at=3 deltas=6]]")
    assert turn.final["type"] == "error" and turn.final["data"]["assistant_message"]["content"] == turn.text != ""
    assert turn.final["data"]["credits_consumed"] > 0


def test_prompt_goes_upstream(weir, admin, user, models):
    tokens = []
    for prompt in ("short", "long " * 400):
        agent = agent_with(weir, admin, models, model_id=models["demo-fast"], fallback_model_id=None, prompt=prompt)
        turn = ask(weir, user, agent, "same question")
        tokens.append(turn.final["data"]["usage"]["input_tokens"])
    assert tokens[1] > tokens[0] + 400


def test_history_is_bounded_by_the_context(weir, user):
    """The oldest turns are left out; a question that alone is too long is refused and changes nothing."""
    weir.weirctl("model", "add", "small", "--input", "1", "--output", "1", "--context", "1200", "--max-output", "400")
    weir.weirctl("channel", "add", "small", "--provider", "openai", "--url", weir.demo_url, "--allow-private",
                 "--model", "small=demo-fast")
    conversation = weir.conversation(user)
    used = []
    for _ in range(6):
        turn = weir.chat(user, "filler " * 150 + "[[demo deltas=4]]", conversation=conversation, model="small")
        assert turn.final["type"] == "done", turn.final
        used.append(turn.final["data"]["usage"]["input_tokens"])
    assert used[1] > used[0] and max(used) <= 800 + 100 and used[-1] == used[-2]
    answer = weir.post(f"/api/conversations/{conversation}/messages/stream",
                       {"content": "x " * 4000, "model": "small"}, user)
    assert (answer.status, answer.json["details"]["field"]) == (400, "content")
