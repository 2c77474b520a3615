-- Telling people on their devices that something has ended: a job for each device, in the transaction that ends it.

CREATE OR REPLACE FUNCTION push_note(p_user_id uuid, p_wish text, p_tag text, p_path text, p_payload jsonb) RETURNS int
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_jobs int;
BEGIN
	IF NOT EXISTS (SELECT FROM push_subscriptions s WHERE s.user_id = p_user_id)
		OR EXISTS (SELECT FROM user_preferences p WHERE p.user_id = p_user_id AND p.preferences->p_wish = 'false')
	THEN
		RETURN 0;
	END IF;
	SELECT count(job_submit(gen_random_uuid(), 'push', p_payload || jsonb_build_object('device_id', s.id, 'tag', p_tag, 'path', p_path),
		NULL, s.id || ' ' || p_tag, p_user_id, 0, 0)) INTO v_jobs
	FROM push_subscriptions s WHERE s.user_id = p_user_id;
	RETURN v_jobs;
END
$$;
COMMENT ON FUNCTION push_note(uuid, text, text, text, jsonb) IS
	'Something has ended that its owner may want to hear of: a job for each of the devices, once while it waits. p_wish: the preference that may say no; p_tag: what it is about, a later message takes the place of an earlier one; p_path: what to open; p_payload: {about, what?, outcome?}, never what people wrote. How many.';

CREATE OR REPLACE FUNCTION push_session_over() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	DELETE FROM push_subscriptions s WHERE s.session_id = NEW.id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION push_session_over() IS 'Where somebody has been signed out, nobody is told anything more.';
CREATE OR REPLACE TRIGGER sessions_push AFTER UPDATE OF revoked_at ON sessions
	FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION push_session_over();

CREATE OR REPLACE FUNCTION push_document_over() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM push_subscriptions s WHERE s.user_id = NEW.user_id)
		AND NOT EXISTS (SELECT FROM kb_version v WHERE v.kb_id = NEW.kb_id AND v.user_id = NEW.user_id AND v.state NOT IN ('ready', 'failed'))
	THEN
		PERFORM push_note(NEW.user_id, 'notify_documents', 'knowledge ' || NEW.kb_id, '/knowledge/' || NEW.kb_id,
			jsonb_build_object('about', 'documents', 'outcome', CASE NEW.state WHEN 'ready' THEN 'completed' ELSE 'failed' END));
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION push_document_over() IS 'Who brought documents hears of it once the last of them in that base has ended.';
CREATE OR REPLACE TRIGGER kb_version_push AFTER UPDATE OF state ON kb_version
	FOR EACH ROW WHEN (NEW.state IN ('ready', 'failed') AND OLD.state NOT IN ('ready', 'failed')
		AND (NEW.state = 'ready' OR NEW.code IS DISTINCT FROM 'cancelled' AND NEW.code IS DISTINCT FROM 'replaced'))
	EXECUTE FUNCTION push_document_over();

CREATE OR REPLACE FUNCTION push_subscribe(p_id uuid, p_user_id uuid, p_session_id uuid, p_endpoint text, p_p256dh bytea, p_auth bytea,
	p_user_agent text, p_limit int) RETURNS text
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	-- one of an account after the other, so that the limit holds
	PERFORM FROM users u WHERE u.id = p_user_id FOR NO KEY UPDATE;
	IF NOT EXISTS (SELECT FROM sessions s WHERE s.id = p_session_id AND s.user_id = p_user_id AND s.revoked_at IS NULL) THEN
		RETURN 'signed_out';
	END IF;
	-- a browser has one, whoever was signed in there before
	DELETE FROM push_subscriptions s WHERE s.session_id = p_session_id OR s.endpoint = p_endpoint;
	IF (SELECT count(*) FROM push_subscriptions s WHERE s.user_id = p_user_id) >= p_limit THEN
		RETURN 'limit';
	END IF;
	INSERT INTO push_subscriptions (id, user_id, session_id, endpoint, p256dh, auth, user_agent)
		VALUES (p_id, p_user_id, p_session_id, p_endpoint, p_p256dh, p_auth, p_user_agent);
	RETURN 'ok';
END
$$;
COMMENT ON FUNCTION push_subscribe(uuid, uuid, uuid, text, bytea, bytea, text, int) IS
	'A device wants to be told, in the place of what its session or its browser had: ok; signed_out (the session is over); limit (there are as many as may be).';

CREATE OR REPLACE FUNCTION push_taken(p_id uuid) RETURNS void
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	UPDATE push_subscriptions s SET last_ok_at = now(), failures = 0 WHERE s.id = p_id;
$$;
COMMENT ON FUNCTION push_taken(uuid) IS 'Its push service took a message.';

CREATE OR REPLACE FUNCTION push_refused(p_id uuid, p_is_gone boolean, p_limit int) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE push_subscriptions s SET failures = s.failures + 1 WHERE s.id = p_id;
	DELETE FROM push_subscriptions s WHERE s.id = p_id AND (p_is_gone OR s.failures >= p_limit);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION push_refused(uuid, boolean, int) IS
	'A message was given up. True: the device is removed, because its browser has unsubscribed (p_is_gone) or that was the p_limit-th in a row.';
