-- The words of messages: noted after the fact, by weir-worker, so that who writes a message waits for a row in a list and
-- no more.

CREATE OR REPLACE FUNCTION message_lexeme(p_user_id uuid) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN '=' || p_user_id::text;
COMMENT ON FUNCTION message_lexeme(uuid) IS 'The word that stands in message_words.words of all messages of a user, and in no text.';

CREATE OR REPLACE FUNCTION message_note() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	INSERT INTO message_news (message_id) VALUES (NEW.id);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION message_note() IS 'Trigger: the text of a message was written.';

-- an answer that is being written is noted at its end, and once
CREATE OR REPLACE TRIGGER message_written AFTER INSERT ON conversation_messages
	FOR EACH ROW WHEN (NEW.content <> '' AND NEW.status NOT IN ('pending', 'processing')) EXECUTE FUNCTION message_note();
CREATE OR REPLACE TRIGGER message_rewritten AFTER UPDATE OF content ON conversation_messages
	FOR EACH ROW WHEN (NEW.content <> OLD.content AND (NEW.content = '' OR NEW.status NOT IN ('pending', 'processing')))
	EXECUTE FUNCTION message_note();

CREATE OR REPLACE FUNCTION message_words_due(p_limit int)
	RETURNS TABLE (news bigint[], message_id uuid, content text)
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_ids uuid[];
	v_before uuid;
BEGIN
	-- one at a time, to the end of the transaction: what is noted last is what was read last
	IF NOT pg_try_advisory_xact_lock(hashtextextended('weir.message_words', 0)) THEN
		RETURN;
	END IF;
	SELECT array_agg(n.id), array_agg(n.message_id) INTO news, v_ids
	FROM (SELECT o.id, o.message_id FROM message_news o ORDER BY o.id LIMIT p_limit) AS n;
	IF news IS NULL THEN
		SELECT p.before_id INTO v_before FROM message_words_past p;
		IF v_before IS NULL THEN
			RETURN;
		END IF;
		v_ids := ARRAY(SELECT m.id FROM conversation_messages m WHERE m.id < v_before ORDER BY m.id DESC LIMIT p_limit);
		UPDATE message_words_past p SET before_id = v_ids[cardinality(v_ids)] WHERE p.is_one;
		news := '{}';
		IF cardinality(v_ids) = 0 THEN
			RETURN;
		END IF;
	END IF;
	RETURN QUERY
		SELECT message_words_due.news, i.id, left(m.content, 65536)
		FROM (SELECT DISTINCT u.id FROM unnest(v_ids) AS u (id)) AS i
			LEFT JOIN conversation_messages m ON m.id = i.id AND m.role IN ('user', 'assistant')
				AND m.status NOT IN ('pending', 'processing') AND m.content <> ''
				AND NOT EXISTS (SELECT FROM conversations c WHERE c.id = m.conversation_id AND c.temporary_until IS NOT NULL);
END
$$;
COMMENT ON FUNCTION message_words_due(int) IS
	'The next messages whose words are to be noted: what was written last, or a step into the past. content NULL: nothing is to be noted of it, as of all in temporary conversations. All rows have the same news, for message_words_put() in the same transaction. No row: nothing is left, or another does it.';

CREATE OR REPLACE FUNCTION message_words_put(p_messages jsonb, p_news bigint[]) RETURNS void
	LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
	v_there uuid[];
BEGIN
	-- what somebody is deleting is passed over: nobody waits here, and nobody for long
	v_there := ARRAY(SELECT m.id FROM conversation_messages m
		WHERE m.id = ANY (ARRAY(SELECT j.id FROM jsonb_to_recordset(p_messages) AS j (id uuid, words text) WHERE j.words IS NOT NULL))
		FOR KEY SHARE SKIP LOCKED);
	INSERT INTO message_words AS w (message_id, user_id, written_at, words)
	SELECT m.id, m.user_id, m.created_at, strip(j.words::tsvector) || array_to_tsvector(ARRAY[message_lexeme(m.user_id)])
	FROM jsonb_to_recordset(p_messages) AS j (id uuid, words text)
		JOIN conversation_messages m ON m.id = j.id
	WHERE j.words IS NOT NULL AND j.id = ANY (v_there)
	ON CONFLICT (message_id) DO UPDATE SET words = EXCLUDED.words;
	DELETE FROM message_words w USING jsonb_to_recordset(p_messages) AS j (id uuid, words text)
	WHERE w.message_id = j.id AND j.words IS NULL;
	DELETE FROM message_news n WHERE n.id = ANY (p_news);
	-- if it was not deleted after all it comes again
	INSERT INTO message_news (message_id)
	SELECT m.id FROM conversation_messages m
	WHERE m.id = ANY (ARRAY(SELECT j.id FROM jsonb_to_recordset(p_messages) AS j (id uuid, words text)
		WHERE j.words IS NOT NULL AND j.id <> ALL (v_there)));
END
$$;
COMMENT ON FUNCTION message_words_put(jsonb, bigint[]) IS
	'Notes the words of messages: [{id, words}], the literal of a tsvector, or null where there are none; in the transaction of message_words_due(), whose news are done with.';
