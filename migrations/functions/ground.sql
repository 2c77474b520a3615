-- Time as the API writes it, processes and their heartbeat, and what has served its time.

CREATE OR REPLACE FUNCTION json_time(p_at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
COMMENT ON FUNCTION json_time(timestamptz) IS
	'RFC 3339 UTC with milliseconds, whatever the session''s time zone. The body is parsed at definition, so no search_path applies.';
GRANT EXECUTE ON FUNCTION json_time(timestamptz) TO weir_user;

CREATE OR REPLACE FUNCTION process_is_alive(p_id uuid) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN EXISTS (SELECT FROM processes p WHERE p.id = p_id AND p.heartbeat_at > now() - interval '20 seconds');
COMMENT ON FUNCTION process_is_alive(uuid) IS 'Has this process written a heartbeat within the last 20 s? False for NULL.';

CREATE OR REPLACE FUNCTION process_heartbeat(p_id uuid, p_kind text, p_host text, p_pid int, p_mine uuid[] DEFAULT NULL)
	RETURNS TABLE (late boolean, cancel uuid[], ended uuid[])
	LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '1s'
AS $$
DECLARE
	v_before timestamptz;
BEGIN
	SELECT p.heartbeat_at INTO v_before FROM processes p WHERE p.id = p_id;
	INSERT INTO processes AS p (id, kind, host, pid) VALUES (p_id, p_kind, p_host, p_pid)
	ON CONFLICT (id) DO UPDATE SET heartbeat_at = now();
	late := coalesce(v_before < now() - interval '10 seconds', true);
	BEGIN
		cancel := ARRAY(SELECT t.id FROM tasks t
			WHERE t.owner = p_id AND t.completed_at IS NULL AND t.cancel_requested_at IS NOT NULL);
		IF p_mine IS NOT NULL THEN
			ended := ARRAY(SELECT t.id FROM tasks t WHERE t.id = ANY (p_mine) AND t.completed_at IS NOT NULL);
		END IF;
	EXCEPTION WHEN lock_not_available THEN
		-- Somebody holds the whole table: this process lives none the less, and asks again.
		cancel := '{}';
		ended := NULL;
	END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION process_heartbeat(uuid, text, text, int, uuid[]) IS
	'Called by every process every 5 s. late: the heartbeat before is older than 10 s or gone, so that others may have taken this process for dead (after 20 s) until now: it should call again with the tasks it carries. cancel: live tasks it owns that somebody asked to stop. ended: those of p_mine that have ended; NULL: not asked, or not known.';

CREATE OR REPLACE FUNCTION prune_expired(p_limit int) RETURNS TABLE (what text, removed int)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	what := 'idempotency_keys';
	DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
		SELECT k.ctid FROM idempotency_keys k WHERE k.created_at < now() - interval '24 hours' LIMIT p_limit
		FOR UPDATE SKIP LOCKED)); -- one that is locked is being claimed anew
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'task_journal';
	DELETE FROM task_journal WHERE ctid = ANY (ARRAY(
		SELECT j.ctid FROM task_journal j JOIN tasks t ON t.id = j.task_id
		WHERE t.completed_at < now() - interval '10 minutes' LIMIT p_limit));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'response_pins';
	DELETE FROM response_pins WHERE ctid = ANY (ARRAY(
		SELECT r.ctid FROM response_pins r WHERE r.created_at < now() - interval '30 days' LIMIT p_limit
		FOR UPDATE SKIP LOCKED)); -- one that is locked is being written anew
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'processes';
	DELETE FROM processes p WHERE p.heartbeat_at < now() - interval '1 hour'
		AND NOT EXISTS (SELECT FROM tasks t WHERE t.owner = p.id AND t.completed_at IS NULL)
		AND NOT EXISTS (SELECT FROM allowances a WHERE a.owner = p.id AND a.ended_at IS NULL);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'allowances';
	DELETE FROM allowances WHERE ctid = ANY (ARRAY(
		SELECT a.ctid FROM allowances a WHERE a.ended_at < now() - interval '1 day' LIMIT p_limit));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'sessions';
	DELETE FROM sessions WHERE id = ANY (ARRAY(
		SELECT s.id FROM sessions s WHERE s.expires_at < now() - interval '1 day' LIMIT p_limit));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'password_resets';
	DELETE FROM password_resets WHERE expires_at < now() - interval '1 day';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'sign_in_challenges';
	DELETE FROM sign_in_challenges WHERE expires_at < now() - interval '1 hour';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'account_exports';
	DELETE FROM account_exports WHERE expires_at < now();
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'oidc_flows';
	DELETE FROM oidc_flows WHERE expires_at < now() - interval '1 hour';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION prune_expired(int) IS
	'Removes what has served its time: idempotency keys after 24 h, journals of ended tasks, pins of answers after 30 days, allowances a day after they were given back, rows of processes dead for an hour, sessions (with their refresh tokens) and password resets a day after they expired, halves of sign-ins an hour after, exports of accounts at once. At most p_limit rows of each large kind per call; call again while it removes that many.';
