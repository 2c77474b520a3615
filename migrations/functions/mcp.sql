-- Tools of others: what a turn has, and the way of a call. tool_calls_json() stands in chat.sql, which needs it.

CREATE OR REPLACE FUNCTION tools_of(p_servers uuid[], p_always varchar[]) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
	SELECT jsonb_agg(jsonb_build_object('called', t.called, 'server_id', s.id, 'server', s.name, 'tool', t.name,
		'description', t.description, 'parameters', t.parameters,
		'always', coalesce(t.approval, s.approval) = 'always' OR coalesce(t.called = ANY (p_always), false))
		ORDER BY array_position(p_servers, s.id), t.position)
	FROM tool_servers s JOIN tools t ON t.server_id = s.id
	WHERE s.id = ANY (p_servers) AND s.enabled AND t.enabled
$$;
COMMENT ON FUNCTION tools_of(uuid[], varchar[]) IS
	'The tools of these servers that a model may be told of now; NULL: none. always: its calls wait for nobody; p_always are those of the conversation.';

CREATE OR REPLACE FUNCTION tool_calls_decide(p_user_id uuid, p_conversation_id uuid, p_message_id uuid,
	p_approve int[], p_deny int[], p_always int[], p_owner uuid)
	RETURNS TABLE (outcome text, calls jsonb)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_approve int[] := p_approve || p_always;
	v_has_calls boolean;
	v_positions int[];
BEGIN
	-- one after the other: a call is never taken twice
	PERFORM FROM conversations c WHERE c.id = p_conversation_id AND c.user_id = p_user_id FOR NO KEY UPDATE;
	IF FOUND THEN
		SELECT m.has_calls INTO v_has_calls FROM conversation_messages m
		WHERE m.id = p_message_id AND m.conversation_id = p_conversation_id AND m.role = 'assistant' AND m.status = 'success';
	END IF;
	v_positions := ARRAY(SELECT t.position FROM tool_calls t WHERE t.message_id = p_message_id);
	UPDATE tool_calls t SET status = 'unclear'
	WHERE t.message_id = p_message_id AND v_has_calls AND t.status = 'running'
		AND NOT (process_is_alive(t.owner) AND t.started_at > now() - interval '15 minutes');
	outcome := CASE
		WHEN v_has_calls IS NOT TRUE THEN 'not_found'
		WHEN NOT v_approve <@ v_positions OR v_approve && p_deny THEN 'bad_approve'
		WHEN NOT p_deny <@ v_positions THEN 'bad_deny'
		WHEN EXISTS (SELECT FROM conversation_messages m WHERE m.conversation_id = p_conversation_id
			AND m.parent_id = p_message_id) THEN 'answered'
		WHEN EXISTS (SELECT FROM tool_calls t WHERE t.message_id = p_message_id AND t.status = 'running') THEN 'running'
		WHEN EXISTS (SELECT FROM tool_calls t WHERE t.message_id = p_message_id AND t.status IN ('asked', 'unclear')
			AND NOT t.position = ANY (v_approve || p_deny)) THEN 'undecided'
		ELSE 'ok' END;
	IF outcome <> 'ok' THEN
		RETURN NEXT;
		RETURN;
	END IF;
	UPDATE tool_calls t SET status = 'denied', ended_at = now(), result = 'The user did not allow this call.'
	WHERE t.message_id = p_message_id AND t.position = ANY (p_deny) AND t.status IN ('asked', 'approved', 'unclear');
	IF p_always <> '{}' THEN
		UPDATE conversations c SET tools_always = ARRAY(
			SELECT DISTINCT a FROM unnest(c.tools_always || ARRAY(SELECT t.called::varchar FROM tool_calls t
				WHERE t.message_id = p_message_id AND t.position = ANY (p_always) AND t.server_id IS NOT NULL)) AS a ORDER BY a)
		WHERE c.id = p_conversation_id;
	END IF;
	WITH mine AS (
		UPDATE tool_calls t SET status = 'running', owner = p_owner, started_at = now()
		WHERE t.message_id = p_message_id AND t.status IN ('asked', 'approved', 'unclear')
		RETURNING t.position, t.tool, t.arguments, t.server_id, t.called
	)
	SELECT jsonb_agg(jsonb_build_object('position', m.position, 'tool', m.tool, 'arguments', m.arguments, 'server_id', s.id)
		ORDER BY m.position) INTO calls
	FROM mine m LEFT JOIN tools o ON o.server_id = m.server_id AND o.name = m.tool AND o.enabled
		LEFT JOIN tool_servers s ON s.id = o.server_id AND s.enabled;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION tool_calls_decide(uuid, uuid, uuid, int[], int[], int[], uuid) IS
	'The user''s word on the calls of an answer: those of p_deny are denied; all others that have not ended are taken by p_owner, which makes them, and told in calls (NULL: there are none; server_id NULL: the tool is gone). p_always: approved as well, and their tools may be called here without being asked from now on. What has ended stays as it is. Outcomes: ok, not_found, bad_approve and bad_deny (no such call, or both), answered (the conversation went on), running (somebody makes them), undecided (some wait for a word); unless ok nothing is changed but that calls whose process died are unclear.';

CREATE OR REPLACE FUNCTION tool_calls_end(p_message_id uuid, p_owner uuid, p_calls jsonb) RETURNS int
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	WITH ended AS (
		UPDATE tool_calls t SET status = c.status, result = c.result, is_cut = c.is_cut,
			ended_at = CASE WHEN c.status NOT IN ('asked', 'unclear') THEN now() END
		FROM jsonb_to_recordset(p_calls) AS c (position int, status text, result text, is_cut boolean)
		WHERE t.message_id = p_message_id AND t.position = c.position AND t.status = 'running' AND t.owner = p_owner
		RETURNING 1
	)
	SELECT count(*)::int FROM ended
$$;
COMMENT ON FUNCTION tool_calls_end(uuid, uuid, jsonb) IS 'Notes what came of calls that this process makes; how many it was.';

CREATE OR REPLACE FUNCTION tools_put(p_server_id uuid, p_error text, p_tools jsonb) RETURNS boolean
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	UPDATE tool_servers s SET read_at = now(), read_error = left(p_error, 500) WHERE s.id = p_server_id;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	IF p_error IS NULL THEN
		DELETE FROM tools t WHERE t.server_id = p_server_id
			AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_tools) AS n WHERE n->>'name' = t.name);
		INSERT INTO tools AS t (server_id, name, called, description, parameters, position)
		SELECT p_server_id, n->>'name', n->>'called', left(n->>'description', 4000), n->'parameters', i
		FROM jsonb_array_elements(p_tools) WITH ORDINALITY AS e (n, i)
		ON CONFLICT (server_id, name) DO UPDATE SET called = excluded.called, description = excluded.description,
			parameters = excluded.parameters, position = excluded.position,
			-- what was allowed once was allowed as it was then
			approval = CASE WHEN t.description = excluded.description AND t.parameters = excluded.parameters
				THEN t.approval ELSE nullif(t.approval, 'always') END;
	END IF;
	RETURN true;
END
$$;
COMMENT ON FUNCTION tools_put(uuid, text, jsonb) IS
	'Keeps what a server says of its tools, or why it says nothing: then those of before stay. Of a tool that is there still, whether it is enabled and what it waits for stay; but one that is described in other words, or takes other arguments, is no longer called without being asked for that reason.';
