-- The heartbeat tells its process what it must know, by the clock of the database: whether others may have taken it for
-- dead, which tasks it is asked to stop, which of its tasks were ended without it.

DROP FUNCTION process_heartbeat(uuid, text, text, int);
CREATE FUNCTION process_heartbeat(p_id uuid, p_kind text, p_host text, p_pid int, p_mine uuid[] DEFAULT NULL)
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

-- As in 0007, but it waits for nobody: who has locked a hold is about to end it, or the next heartbeat renews it.
CREATE OR REPLACE FUNCTION credits_extend(p_owner uuid, p_lease_s int) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_extended int;
BEGIN
	UPDATE credit_transactions c
	SET expires_at = now() + make_interval(secs => p_lease_s)
	WHERE c.id IN (
		SELECT h.id FROM tasks t JOIN credit_transactions h ON h.task_id = t.id
		WHERE t.owner = p_owner AND t.completed_at IS NULL
			AND h.status = 'pending'
			AND h.expires_at < now() + make_interval(secs => p_lease_s) / 2
		FOR UPDATE OF h SKIP LOCKED);
	GET DIAGNOSTICS v_extended = ROW_COUNT;
	RETURN v_extended;
END
$$;
COMMENT ON FUNCTION credits_extend(uuid, int) IS
	'Renews the leases of holds whose tasks this process carries, those with less than half a lease left and not locked. Called with the heartbeat; returns how many.';
