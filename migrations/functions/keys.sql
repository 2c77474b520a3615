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

CREATE OR REPLACE FUNCTION quota_spent(p_period text, p_at timestamptz, p_all numeric, p_day numeric, p_week numeric, p_month numeric)
	RETURNS numeric
	LANGUAGE sql STABLE
	RETURN CASE
		WHEN p_period = 'none' THEN p_all
		WHEN p_at >= api_key_period_start(p_period) THEN CASE p_period WHEN 'day' THEN p_day WHEN 'week' THEN p_week ELSE p_month END
		ELSE 0 END;
COMMENT ON FUNCTION quota_spent(text, timestamptz, numeric, numeric, numeric, numeric) IS
	'What has been spent in the current period, from counters of the day, week and month of p_at, the time of the last spending.';

CREATE OR REPLACE FUNCTION api_key_budget_left(p_key api_keys) RETURNS numeric
	LANGUAGE sql STABLE
	RETURN CASE WHEN p_key.budget IS NOT NULL THEN greatest(0, p_key.budget - quota_spent(p_key.budget_period, p_key.spent_at,
		p_key.spent, p_key.day_spent, p_key.week_spent, p_key.month_spent)) END;
COMMENT ON FUNCTION api_key_budget_left(api_keys) IS
	'Credits a key may still spend in its current period, holds not taken off; NULL: it has no budget.';

CREATE OR REPLACE FUNCTION api_key_status(p_key api_keys) RETURNS text
	LANGUAGE sql STABLE
	RETURN CASE WHEN p_key.status = 'active' AND p_key.expires_at <= now() THEN 'expired' ELSE p_key.status::text END;
COMMENT ON FUNCTION api_key_status(api_keys) IS 'The status of a key: past its end it is expired, whether or not the sweep has come by.';

CREATE OR REPLACE FUNCTION api_key_budget_json(p_key api_keys) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
	RETURN CASE WHEN p_key.budget IS NOT NULL THEN jsonb_build_object('amount', trim_scale(p_key.budget),
		'period', p_key.budget_period, 'left', trim_scale(api_key_budget_left(p_key)),
		'resets_at', json_time(api_key_period_end(p_key.budget_period))) END;
COMMENT ON FUNCTION api_key_budget_json(api_keys) IS 'The API''s KeyBudget; NULL: the key has none.';

CREATE OR REPLACE FUNCTION api_key_json(p_key api_keys) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
	RETURN jsonb_build_object('id', p_key.id, 'name', p_key.name, 'label', p_key.label, 'prefix', p_key.prefix,
		'status', api_key_status(p_key), 'scopes', p_key.scopes, 'models', p_key.models, 'allow_ips', p_key.allow_ips,
		'expires_at', json_time(p_key.expires_at), 'budget', api_key_budget_json(p_key),
		'rpm', p_key.rpm, 'tpm', p_key.tpm, 'max_concurrent', p_key.max_concurrent, 'rotated_to', p_key.rotated_to, 'group', p_key.user_group,
		'auto_rotate', p_key.auto_rotate, 'rotate_every_days', p_key.rotate_every_days,
		'rotates_at', json_time(CASE WHEN p_key.auto_rotate AND api_key_status(p_key) = 'active'
			THEN p_key.created_at + make_interval(days => p_key.rotate_every_days) END),
		'collectable', p_key.secret_sealed IS NOT NULL AND api_key_status(p_key) = 'active',
		'locked_at', json_time(p_key.locked_at), 'lock_reason', p_key.lock_reason)
		|| jsonb_build_object('last_used_at', json_time(p_key.last_used_at), 'last_ip', host(p_key.last_ip),
		'use_count', p_key.use_count, 'spent', trim_scale(p_key.spent), 'created_at', json_time(p_key.created_at),
		'revoked_at', json_time(p_key.revoked_at));
COMMENT ON FUNCTION api_key_json(api_keys) IS 'The API''s Key: without the secret.';

CREATE OR REPLACE FUNCTION api_key_spend(p_id uuid, p_amount numeric) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v record;
BEGIN
	-- in order, as the two of a rotation may be charged at the same moment
	FOR v IN WITH mine AS (SELECT k.* FROM api_keys k
		WHERE k.id = p_id OR k.id = (SELECT o.rotated_to FROM api_keys o WHERE o.id = p_id) ORDER BY k.id
		FOR NO KEY UPDATE
	), charged AS (
		UPDATE api_keys k SET spent = k.spent + p_amount, spent_at = now(),
			day_spent = p_amount + quota_spent('day', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent),
			week_spent = p_amount + quota_spent('week', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent),
			month_spent = p_amount + quota_spent('month', k.spent_at, k.spent, k.day_spent, k.week_spent, k.month_spent)
		FROM mine o WHERE k.id = o.id
		RETURNING k.*, o.spent_at AS before_at,
			CASE k.budget_period WHEN 'day' THEN o.day_spent WHEN 'week' THEN o.week_spent ELSE o.month_spent END AS before
	)
	-- of a rotated one the budget counts no more
	SELECT c.* FROM charged c WHERE c.budget IS NOT NULL AND c.rotated_to IS NULL
	LOOP
		PERFORM quota_note('key', v.id::text, v.user_id, v.budget, v.budget_period, v.before, v.before_at,
			quota_spent(v.budget_period, v.spent_at, v.spent, v.day_spent, v.week_spent, v.month_spent));
	END LOOP;
END
$$;
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
		rpm, tpm, max_concurrent, user_group, spent, day_spent, week_spent, month_spent, spent_at, label, auto_rotate, rotate_every_days)
	VALUES (p_new, v_old.user_id, v_old.name, p_hash, p_prefix, v_old.scopes, v_old.models, v_old.allow_ips,
		v_old.expires_at, v_old.budget, v_old.budget_period, v_old.rpm, v_old.tpm, v_old.max_concurrent,
		v_old.user_group, v_old.spent, v_old.day_spent, v_old.week_spent, v_old.month_spent, v_old.spent_at,
		v_old.label, v_old.auto_rotate, v_old.rotate_every_days);
	UPDATE api_keys k SET status = 'rotated', rotated_to = p_new, secret_sealed = NULL,
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
	WITH ended AS (UPDATE api_keys k SET revoked_at = k.expires_at, secret_sealed = NULL,
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
	budget_period, rpm, tpm, max_concurrent, rotated_to, user_group ON api_keys
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keys_changed();
DROP TRIGGER IF EXISTS users_keys_version ON users;
CREATE CONSTRAINT TRIGGER users_keys_version AFTER UPDATE OF status, user_group ON users
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keys_changed();
