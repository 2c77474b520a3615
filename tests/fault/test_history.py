"""The history checker: 10^5 concurrent operations on money agree with the model; planted faults are found and shrunk."""

import os
import re
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import history  # noqa: E402
from faultlib import SANITIZED, scale, seed  # noqa: E402
from weirtest import Services  # noqa: E402

OPERATIONS = 100_000 // (10 if SANITIZED else 1)  # the database is the same under a sanitizer


@pytest.fixture(scope="module")
def services():
    with Services() as sv:
        history.install(sv)
        yield sv


@pytest.mark.parametrize("round", range(scale(1, 10)))
def test_money_agrees_with_the_model(services, round):
    value = seed() + round
    run = history.prove(services, value, OPERATIONS, users=16 if round % 2 == 0 else 200)
    outcomes = {}
    for op in run.script:
        told = run.told.get(op["n"])
        outcome = told["outcome"] if told else "unknown"
        outcomes[op["kind"], outcome] = outcomes.get((op["kind"], outcome), 0) + 1
    print(outcomes)
    # the checker has seen what it is for: every way of each operation, and connections that died under way
    for wanted in (("open", "ok"), ("open", "insufficient"), ("open", "idempotent_replay"), ("open", "idempotency_mismatch"),
                   ("settle", "true"), ("settle", "false"), ("hold", "ok"), ("hold", "duplicate"), ("hold", "insufficient"),
                   ("confirm", "ok"), ("confirm", "already"), ("refund", "ok"), ("refund", "already"), ("grant", "ok"),
                   ("grant", "insufficient"), ("deduct", "ok"), ("deduct", "Insufficient credits"), ("expire", "ok")):
        assert outcomes.get(wanted, 0) > OPERATIONS // 5000, (wanted, outcomes)
    assert run.crashed > 0 and sum(n for (_, outcome), n in outcomes.items() if outcome == "unknown") > 0


# ---- a checker that finds nothing proves nothing -------------------------------------------


FAULTS = {  # function, what it says, what it says then, operations that are enough to show it
    "a hold ends twice": ("credits_end_hold", "AND t.status NOT IN ('confirmed', 'refunded', 'expired')", "", 4),
    "anybody may settle": ("tasks_end", "ELSE t.owner = p_owner END", "ELSE true END", 4),
    "an update is lost": (
        "credits_grant", "SET credits = u.credits + v_amount, updated_at = now()",
        "SET credits = (SELECT x.credits FROM users x WHERE x.id = p_user_id AND pg_sleep(0.01) IS NOT NULL) + v_amount",
        700),  # all of one user's: a busy machine has no time for less
    "a charge is lost": ("credits_end_hold", "u.credits + v_held - v_charged", "u.credits + v_held", 4),
    "one key, two tasks": ("key_claim", "IF FOUND THEN", "IF true THEN", 4),
    "a sweep takes what lives": ("credits_expire", "AND c.expires_at < now()", "", 6),
}


@pytest.fixture(scope="module")
def small():
    """A database without a hundred thousand operations for the auditor to look at."""
    with Services() as sv:
        history.install(sv)
        yield sv


@pytest.fixture
def planted(small, fault):
    """One function of the database has one thing wrong."""
    function, old, new, few = FAULTS[fault]
    with small.pg() as pg:
        text = pg.one("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = $1", function)
        assert old in text, f"{function} no longer contains {old}"
        pg.script(text.replace(old, new))
        yield few
        pg.script(text)


@pytest.mark.parametrize("fault", list(FAULTS)[:scale(3, None)])
def test_a_planted_fault_is_found_and_shrunk(small, planted, fault):
    count, users = 3000, 6
    with pytest.raises(history.Violation) as found:
        history.prove(small, 7, count, users=users, shrink_s=scale(10, 120))
    told = str(found.value)
    print(told)
    few = int(re.search(r"shrunk from \d+ to (\d+) operations", told)[1])
    assert few <= max(planted, scale(count // 10, 0)), told  # the short form has no time for the last ones
    # what is printed repeats it
    only = {int(n) for n in re.search(r"--only ([\d,]+)", told)[1].split(",")}
    assert len(only) == few
    alone = "--connections 1 " in told
    script = [op for op in history.make_script(7, count, users) if op["n"] in only]
    assert any(history.Run.once(small, script, 7 + i, connections=1 if alone else 8, crashes=False)
               for i in range(1 if alone else 100)), told


def test_the_same_seed_is_the_same_script():
    assert history.make_script(11, 500, 5) == history.make_script(11, 500, 5) != history.make_script(12, 500, 5)


def test_as_a_program():
    done = subprocess.run([sys.executable, os.path.join(history.HERE, "history.py"), "--seed", "3", "--ops", "500"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and re.match(r"seed 3: 500 operations in ", done.stdout), done.stdout
