-- Accounts that leave, and what they take along.

CREATE OR REPLACE TRIGGER account_exports_count AFTER INSERT OR DELETE OR UPDATE OF object_id ON account_exports
	FOR EACH ROW EXECUTE FUNCTION count_object();

CREATE OR REPLACE FUNCTION account_leave(p_user_id uuid, p_name text, p_after_s bigint)
	RETURNS TABLE (outcome text, erase_at timestamptz)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v users;
BEGIN
	-- one admin after the other, so that the last two cannot both go
	PERFORM FROM users u WHERE u.role = 'admin' AND u.status = 'active' ORDER BY u.id FOR NO KEY UPDATE;
	SELECT * INTO v FROM users u WHERE u.id = p_user_id AND u.status = 'active' FOR NO KEY UPDATE;
	outcome := CASE
		WHEN NOT FOUND THEN 'not_found'
		WHEN lower(btrim(p_name)) IS DISTINCT FROM lower(coalesce(v.email, v.phone)) THEN 'other_name'
		WHEN v.role = 'admin' AND NOT EXISTS (SELECT FROM users o WHERE o.role = 'admin' AND o.status = 'active' AND o.id <> v.id)
			THEN 'last_admin'
		ELSE 'ok' END;
	IF outcome = 'ok' THEN
		INSERT INTO account_exits AS x (user_id, erase_at) VALUES (p_user_id, now() + make_interval(secs => p_after_s))
			ON CONFLICT (user_id) DO UPDATE SET asked_at = now(), erase_at = excluded.erase_at WHERE x.begun_at IS NULL;
		erase_at := (SELECT x.erase_at FROM account_exits x WHERE x.user_id = p_user_id);
		UPDATE sessions s SET revoked_at = now(), revoke_reason = 'account_deleted' WHERE s.user_id = p_user_id AND s.revoked_at IS NULL;
		UPDATE api_keys k SET status = 'revoked', revoked_at = now(), secret_sealed = NULL
			WHERE k.user_id = p_user_id AND k.revoked_at IS NULL;
		DELETE FROM conversation_shares s WHERE s.user_id = p_user_id;
		DELETE FROM sign_in_challenges c WHERE c.user_id = p_user_id;
	END IF;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION account_leave(uuid, text, bigint) IS
	'Its owner deletes an account and types its login name: sessions, keys and shared links end now, the rest goes after p_after_s seconds. not_found, other_name, last_admin or ok.';

CREATE OR REPLACE FUNCTION account_erase_begin(p_user_id uuid) RETURNS bigint
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v account_exits;
BEGIN
	-- the user first: so does a sign-in, which takes it back
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	SELECT * INTO v FROM account_exits x WHERE x.user_id = p_user_id FOR UPDATE;
	IF NOT FOUND OR v.erased_at IS NOT NULL THEN
		RETURN -1;
	END IF;
	IF v.begun_at IS NULL AND v.erase_at > now() THEN
		RETURN ceil(extract(epoch FROM v.erase_at - now()))::bigint;
	END IF;
	UPDATE account_exits x SET begun_at = coalesce(x.begun_at, now()) WHERE x.user_id = p_user_id;
	UPDATE users u SET status = 'disabled', updated_at = now() WHERE u.id = p_user_id AND u.status <> 'disabled';
	UPDATE sessions s SET revoked_at = now(), revoke_reason = 'account_deleted' WHERE s.user_id = p_user_id AND s.revoked_at IS NULL;
	RETURN 0;
END
$$;
COMMENT ON FUNCTION account_erase_begin(uuid) IS
	'May the account be erased? 0: yes, and nobody signs in to it any more; seconds until it may; -1: it is to stay, or is gone.';

CREATE OR REPLACE FUNCTION account_erase(p_user_id uuid, p_limit int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_id uuid;
	v_rows int;
BEGIN
	PERFORM FROM account_exits x WHERE x.user_id = p_user_id AND x.begun_at IS NOT NULL AND x.erased_at IS NULL;
	IF NOT FOUND THEN
		RETURN 0;
	END IF;
	-- conversations, one at a time: each may be large
	SELECT c.id INTO v_id FROM conversations c WHERE c.user_id = p_user_id LIMIT 1;
	IF v_id IS NOT NULL THEN
		PERFORM conversation_delete(p_user_id, v_id);
		RETURN 1;
	END IF;
	SELECT k.id INTO v_id FROM kb k WHERE k.user_id = p_user_id AND k.deleted_at IS NULL LIMIT 1;
	IF v_id IS NOT NULL THEN
		PERFORM kb_delete(p_user_id, v_id);
		RETURN 1;
	END IF;
	-- what still runs is asked to stop, and settles its money as ever
	UPDATE tasks t SET cancel_requested_at = now()
		WHERE t.user_id = p_user_id AND t.completed_at IS NULL AND t.cancel_requested_at IS NULL;
	PERFORM job_wake(t.job_id) FROM tasks t WHERE t.user_id = p_user_id AND t.completed_at IS NULL AND t.job_id IS NOT NULL;
	IF EXISTS (SELECT FROM tasks t WHERE t.user_id = p_user_id AND t.completed_at IS NULL)
		OR EXISTS (SELECT FROM allowances a WHERE a.user_id = p_user_id AND a.ended_at IS NULL)
	THEN
		RETURN -1;
	END IF;
	DELETE FROM assistant_keeps k WHERE k.user_id = p_user_id;
	DELETE FROM assistants a WHERE a.user_id = p_user_id;
	DELETE FROM prompts p WHERE p.user_id = p_user_id;
	DELETE FROM conversation_folders f WHERE f.user_id = p_user_id;
	DELETE FROM uploads u WHERE u.id = ANY (ARRAY(SELECT f.id FROM uploads f WHERE f.user_id = p_user_id LIMIT p_limit));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	IF v_rows > 0 THEN
		RETURN v_rows;
	END IF;
	-- tasks stay for the money; what was asked and answered does not
	UPDATE tasks t SET asked = NULL, result = NULL, prev_message = NULL, error_message = NULL, idempotency_key = NULL
		WHERE t.id = ANY (ARRAY(SELECT f.id FROM tasks f WHERE f.user_id = p_user_id
			AND num_nonnulls(f.asked, f.result, f.prev_message, f.error_message, f.idempotency_key) > 0 LIMIT p_limit));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	IF v_rows > 0 THEN
		RETURN v_rows;
	END IF;
	DELETE FROM media_submits m USING tasks t WHERE t.id = m.task_id AND t.user_id = p_user_id;
	DELETE FROM task_journal j USING tasks t WHERE t.id = j.task_id AND t.user_id = p_user_id;
	DELETE FROM idempotency_keys i WHERE i.user_id = p_user_id;
	DELETE FROM response_pins p WHERE p.user_id = p_user_id;
	DELETE FROM upload_tickets u WHERE u.user_id = p_user_id;
	DELETE FROM kb_share s WHERE s.user_id = p_user_id;
	DELETE FROM security_events e WHERE e.user_id = p_user_id;
	DELETE FROM api_keys k WHERE k.user_id = p_user_id;
	DELETE FROM account_exports e WHERE e.user_id = p_user_id;
	DELETE FROM user_preferences p WHERE p.user_id = p_user_id;
	DELETE FROM push_subscriptions s WHERE s.user_id = p_user_id;
	DELETE FROM sessions s WHERE s.user_id = p_user_id;
	DELETE FROM password_resets r WHERE r.user_id = p_user_id;
	DELETE FROM user_factors f WHERE f.user_id = p_user_id;
	DELETE FROM recovery_codes c WHERE c.user_id = p_user_id;
	DELETE FROM sign_in_challenges c WHERE c.user_id = p_user_id;
	DELETE FROM user_identities i WHERE i.user_id = p_user_id;
	DELETE FROM oidc_flows f WHERE f.user_id = p_user_id;
	UPDATE users u SET email = 'erased-' || u.id || '@invalid', phone = NULL, nickname = '', password_hash = NULL, role = 'user',
		status = 'disabled', updated_at = now() WHERE u.id = p_user_id;
	UPDATE account_exits x SET erased_at = now() WHERE x.user_id = p_user_id;
	RETURN 0;
END
$$;
COMMENT ON FUNCTION account_erase(uuid, int) IS
	'Removes a piece of an account that account_erase_begin() let go: what it keeps, who it is. Its row stays without a name, with balance, history, holds, tasks and usage, so that the audit proves the money as before. How much; 0: nothing is left; -1: something of it still runs.';
