"""Responders keep models and channels in memory, and no turn acts on old ones."""

import threading

import pytest

TURNS = 12  # more than the workers of both processes


@pytest.fixture(scope="module")
def model(weir):
    weir.weirctl("model", "add", "kept", "--input", "0", "--output", "0", "--call", "1", "--context", "9000", "--max-output", "900")
    weir.weirctl("channel", "add", "kept-at", "--provider", "openai", "--url", weir.demo_url, "--allow-private",
                 "--model", "kept=demo-fast")
    return "kept"


def change(weir, sql, *args):
    with weir.pg() as pg:
        pg.query(sql, *args)


def together(weir, user, model, count=TURNS):
    """The ends of turns at the same time, each in a conversation of its own: all processes and workers have a part."""
    ends = []
    threads = [threading.Thread(target=lambda: ends.append(weir.chat(user, "quick [[demo deltas=2]]", model=model)))
               for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(ends) == count
    return ends


def charges(turns):
    return {t.final["data"]["credits_consumed"] for t in turns}


def test_the_next_turn_pays_the_new_price(weir, user, model):
    assert charges(together(weir, user, model)) == {1}
    for price in (2, 3):
        change(weir, "SELECT model_set_base_price(id, 'call', $1) FROM llm_models WHERE name = $2", price, model)
        assert charges(together(weir, user, model)) == {price}
    weir.audit()


def test_a_change_that_is_rolled_back_is_none(weir, user, model):
    before = charges(together(weir, user, model))
    with weir.pg() as pg:
        pg.query("BEGIN")
        pg.query("SELECT model_set_base_price(id, 'call', 9) FROM llm_models WHERE name = $1", model)
        assert charges(together(weir, user, model)) == before
        pg.query("ROLLBACK")
    assert charges(together(weir, user, model)) == before


def test_a_channel_that_is_disabled_is_not_asked(weir, user, model):
    change(weir, "UPDATE channels SET enabled = false WHERE name = 'kept-at'")
    assert {(t.status, t.answer.code) for t in together(weir, user, model)} == {(503, "unavailable")}
    change(weir, "UPDATE channels SET enabled = true WHERE name = 'kept-at'")
    assert {t.final["type"] for t in together(weir, user, model)} == {"done"}


def test_another_name_upstream(weir, user, model):
    change(weir, "UPDATE channel_models SET upstream_name = 'demo-slow' FROM channels ch WHERE ch.id = channel_id AND ch.name = 'kept-at'")
    before = len(weir.demo_requests())
    together(weir, user, model, 4)
    assert {r["model"] for r in weir.demo_requests()[before:]} == {"demo-slow"}


def test_a_model_that_comes_and_goes(weir, user, model):
    assert {t.status for t in together(weir, user, "new", 4)} == {400}
    weir.weirctl("model", "add", "new", "--input", "0", "--output", "0", "--call", "5", "--context", "9000", "--max-output", "900")
    weir.weirctl("channel", "set", "kept-at", "--model", "kept=demo-fast", "--model", "new=demo-fast")
    assert charges(together(weir, user, "new")) == {5}
    change(weir, "DELETE FROM llm_models WHERE name = 'new'")
    assert {t.status for t in together(weir, user, "new", 4)} == {400}
