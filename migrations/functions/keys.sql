-- API keys: their budgets, their succession, their end.

CREATE OR REPLACE FUNCTION api_key_period_start(p_period text) RETURNS timestamptz
	LANGUAGE sql STABLE
	RETURN CASE WHEN p_period <> 'none' THEN date_trunc(p_period, now(), 'UTC') END;
COMMENT ON FUNCTION api_key_period_start(text) IS
	'When the current day, week (from Monday) or month began, in UTC; NULL for none.';

CREATE OR REPLACE FUNCTION api_key_period_end(p_period text) RETURNS timestamptz
	LANGUAGE sql STABLE
	RETURN CASE WHEN p_period <> 'none'
		THEN (date_trunc(p_period, now() AT TIME ZONE 'UTC') + ('1 ' || p_period)::interval) AT TIME ZONE 'UTC' END;
COMMENT ON FUNCTION api_key_period_end(text) IS 'When the next day, week or month begins, in UTC; NULL for none.';

CREATE OR REPLACE FUNCTION api_key_budget_left(p_key api_keys) RETURNS numeric
	LANGUAGE sql STABLE
	RETURN CASE WHEN p_key.budget IS NOT NULL THEN greatest(0, p_key.budget - CASE
		WHEN p_key.budget_period = 'none' THEN p_key.spent
		WHEN p_key.period_start >= api_key_period_start(p_key.budget_period) THEN p_key.period_spent
		ELSE 0 END) END;
COMMENT ON FUNCTION api_key_budget_left(api_keys) IS
	'Credits a key may still spend in its current period; NULL: it has no budget.';

CREATE OR REPLACE FUNCTION api_key_spend(p_id uuid, p_amount numeric) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
BEGIN ATOMIC
	-- in order, as the two of a rotation may be charged at the same moment
	WITH mine AS (SELECT k.id FROM api_keys k
		WHERE k.id = p_id OR k.id = (SELECT o.rotated_to FROM api_keys o WHERE o.id = p_id) ORDER BY k.id
		FOR NO KEY UPDATE)
	UPDATE api_keys k SET spent = k.spent + p_amount,
		period_spent = p_amount + CASE WHEN k.period_start >= api_key_period_start(k.budget_period) THEN k.period_spent ELSE 0 END,
		period_start = api_key_period_start(k.budget_period)
	FROM mine WHERE k.id = mine.id;
END;
COMMENT ON FUNCTION api_key_spend(uuid, numeric) IS
	'Charges credits to a key, and to the one that took its place: a rotation opens no new budget. To be called where the charge itself is made. A key that is gone is charged nothing.';

CREATE OR REPLACE FUNCTION api_key_rotate(p_id uuid, p_user_id uuid, p_new uuid, p_hash bytea, p_prefix text, p_overlap_s int)
	RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_old api_keys;
BEGIN
	-- with those whose place it took, in order, as api_key_spend() locks them
	PERFORM FROM api_keys k WHERE k.user_id = p_user_id AND (k.id = p_id OR k.rotated_to = p_id) ORDER BY k.id
		FOR NO KEY UPDATE;
	SELECT * INTO v_old FROM api_keys k WHERE k.id = p_id AND k.user_id = p_user_id;
	IF NOT FOUND THEN
		RETURN 'not_found';
	ELSIF v_old.status <> 'active' OR v_old.expires_at <= now() THEN
		RETURN 'ended';
	END IF;
	INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, models, allow_ips, expires_at, budget, budget_period,
		rpm, tpm, max_concurrent, spent, period_spent, period_start)
	VALUES (p_new, v_old.user_id, v_old.name, p_hash, p_prefix, v_old.scopes, v_old.models, v_old.allow_ips,
		v_old.expires_at, v_old.budget, v_old.budget_period, v_old.rpm, v_old.tpm, v_old.max_concurrent,
		v_old.spent, v_old.period_spent, v_old.period_start);
	UPDATE api_keys k SET status = 'rotated', rotated_to = p_new,
		expires_at = least(k.expires_at, now() + make_interval(secs => p_overlap_s)),
		revoked_at = CASE WHEN p_overlap_s = 0 THEN now() END
	WHERE k.id = p_id;
	UPDATE api_keys k SET rotated_to = p_new WHERE k.rotated_to = p_id;
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION api_key_rotate(uuid, uuid, uuid, bytea, text, int) IS
	'Puts a new key in the place of an active one, with its limits and what it has spent; the old one is accepted for p_overlap_s more. Outcome: ok, not_found, ended (the key is not active).';

CREATE OR REPLACE FUNCTION api_keys_expire(p_limit int) RETURNS int
	LANGUAGE sql SET search_path = public, pg_temp
BEGIN ATOMIC
	WITH ended AS (UPDATE api_keys k SET revoked_at = k.expires_at,
			status = CASE WHEN k.status = 'active' THEN 'expired' ELSE k.status END
		WHERE k.id IN (SELECT e.id FROM api_keys e WHERE e.expires_at <= now() AND e.revoked_at IS NULL
			ORDER BY e.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
		RETURNING k.id)
	SELECT count(*)::int FROM ended;
END;
COMMENT ON FUNCTION api_keys_expire(int) IS
	'Marks keys past their end: active ones become expired, of rotated ones the overlap is over. At most p_limit; answers how many. Keys are refused at their end whether or not this has run.';

CREATE OR REPLACE FUNCTION keys_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE keys_version v SET version = pg_current_xact_id() WHERE v.version <> pg_current_xact_id();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION keys_changed() IS 'Trigger: what keys may do has another version when this transaction ends.';
DROP TRIGGER IF EXISTS api_keys_version ON api_keys;
CREATE CONSTRAINT TRIGGER api_keys_version AFTER DELETE OR UPDATE OF hash, status, scopes, models, allow_ips, expires_at, budget,
	budget_period, rpm, tpm, max_concurrent, rotated_to ON api_keys
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keys_changed();
DROP TRIGGER IF EXISTS users_keys_version ON users;
CREATE CONSTRAINT TRIGGER users_keys_version AFTER UPDATE OF status ON users
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keys_changed();
