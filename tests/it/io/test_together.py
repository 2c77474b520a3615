"""Calls that meet at one key run in one transaction (src/io/pg_together.c); each has its own effect and its own answer."""
import json
import os
import subprocess

import pytest
import weirstack
from weirtest import Services

SCHEMA = """
	CREATE TABLE together_done (id bigint PRIMARY KEY, key bigint, xid xid8 DEFAULT pg_current_xact_id());
	CREATE TABLE together_sum (key bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
	INSERT INTO together_sum SELECT generate_series(0, 99);
	CREATE TABLE together_fatal (id bigint PRIMARY KEY);
	CREATE FUNCTION together_add(p_id bigint, p_key bigint) RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(60) FROM together_fatal f WHERE f.id = p_id;
		UPDATE together_sum SET n = n + 1 WHERE key = p_key;
		IF p_id % 50 = 13 THEN
			RAISE EXCEPTION 'unlucky' USING ERRCODE = 'check_violation';
		END IF;
		INSERT INTO together_done (id, key) VALUES (p_id, p_key);
		RETURN p_id;
	END $$;
	GRANT ALL ON together_done, together_sum, together_fatal TO weir;
"""


@pytest.fixture
def data():
    with Services() as sv:
        sv.write_conf({})
        with sv.pg() as pg:
            pg.script(SCHEMA)
        yield sv


def tool(data, threads, calls, keys):
    program = os.path.join(weirstack.build_dir(), "tests/it/io/together_tool")
    done = subprocess.run([program, data.conf_path, *map(str, (threads, calls, keys))], capture_output=True, text=True)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def state(data):
    with data.pg() as pg:
        return tuple(int(v) for v in pg.query(
            "SELECT count(*), count(DISTINCT xid), (SELECT sum(n) FROM together_sum) FROM together_done")[0])


@pytest.mark.parametrize("keys", (1, 3))
def test_each_has_its_effect_and_its_answer(data, keys):
    told = tool(data, 8, 200, keys)
    bad = sum(n % 50 == 13 for n in range(1600))
    assert told == {"ok": 1600 - bad, "invalid_request": bad}
    done, transactions, added = state(data)
    assert done == added == 1600 - bad
    assert transactions < done * 0.8, "nothing ran together"


def test_a_lost_connection_is_told_to_all_who_shared_it(data):
    with data.pg() as pg:
        pg.script("INSERT INTO together_fatal SELECT generate_series(0, 1599, 53)")
    told = tool(data, 8, 200, 1)
    fatal = len(range(0, 1600, 53))
    assert told["unavailable"] > fatal and sum(told.values()) == 1600, told
    done, _, added = state(data)
    # what was told to be done is done; of the rest nobody knows, but half of a call is never there
    assert told["ok"] <= done == added <= told["ok"] + told["unavailable"]
