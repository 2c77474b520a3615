CREATE OR REPLACE FUNCTION credits_extend(p_owner uuid, p_lease_s int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_extended int;
BEGIN
	UPDATE credit_transactions c
	SET expires_at = now() + make_interval(secs => p_lease_s)
	FROM tasks t
	WHERE t.owner = p_owner AND t.completed_at IS NULL
		AND c.task_id = t.id AND c.status = 'pending'
		AND c.expires_at < now() + make_interval(secs => p_lease_s) / 2;
	GET DIAGNOSTICS v_extended = ROW_COUNT;
	RETURN v_extended;
END
$$;
COMMENT ON FUNCTION credits_extend(uuid, int) IS
	'Renews the leases of holds whose tasks this process carries, those with less than half a lease left. Called with the heartbeat; returns how many.';

DROP FUNCTION process_heartbeat(uuid, text, text, int, uuid[]);
CREATE FUNCTION process_heartbeat(p_id uuid, p_kind text, p_host text, p_pid int)
	RETURNS TABLE (task_id uuid)
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO processes AS p (id, kind, host, pid) VALUES (p_id, p_kind, p_host, p_pid)
	ON CONFLICT (id) DO UPDATE SET heartbeat_at = now();
	RETURN QUERY
		SELECT t.id FROM tasks t
		WHERE t.owner = p_id AND t.completed_at IS NULL AND t.cancel_requested_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION process_heartbeat(uuid, text, text, int) IS
	'Called by every process every 5 s. Returns the live tasks it owns that somebody asked to cancel.';
