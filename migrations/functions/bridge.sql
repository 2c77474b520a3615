-- What other programs are told of what happened here (src/bridge).

CREATE OR REPLACE FUNCTION event_note() RETURNS trigger
	LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
	v_topic text := TG_ARGV[0];
	v_body jsonb;
BEGIN
	CASE TG_TABLE_NAME
	WHEN 'tasks' THEN
		v_body := jsonb_build_object('task_id', NEW.id, 'user_id', NEW.user_id, 'type', NEW.type, 'status', NEW.status,
			'error_code', NEW.error_code, 'conversation_id', NEW.conversation_id, 'key_id', NEW.key_id,
			'credits', NEW.credits_used, 'started_at', NEW.created_at, 'ended_at', NEW.completed_at);
	WHEN 'usage' THEN -- a call that took from an allowance: it has no row in tasks
		v_body := jsonb_build_object('task_id', NEW.task_id, 'user_id', NEW.user_id, 'type', 'relay', 'status', NEW.status,
			'error_code', NEW.error_code, 'conversation_id', NULL, 'key_id', NEW.key_id,
			'credits', NEW.cost, 'started_at', NEW.created_at - NEW.latency_ms * interval '1 ms', 'ended_at', NEW.created_at);
	WHEN 'usage_rolled' THEN
		v_body := jsonb_build_object('from_id', OLD.id + 1, 'to_id', NEW.id);
	WHEN 'credits_history' THEN
		v_topic := CASE NEW.change_type WHEN 'purchase' THEN 'payment.received' ELSE 'credits.granted' END;
		v_body := jsonb_build_object('user_id', NEW.user_id, 'credits', NEW.change_amount, 'balance', NEW.balance_after,
			'actor_id', NEW.actor_id, 'reason', NEW.description);
	WHEN 'channel_events' THEN
		v_topic := 'channel.' || NEW.kind;
		v_body := jsonb_build_object('channel_id', NEW.channel_id, 'channel', NEW.channel, 'key_id', NEW.key_id, 'key', NEW.key,
			'cause', NEW.cause, 'http_status', NEW.http_status, 'until_at', NEW.until_at, 'host', NEW.host);
	END CASE;
	INSERT INTO event_outbox (topic, body) VALUES (v_topic, v_body);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION event_note() IS
	'Trigger: writes what happened to a row into event_outbox, as the topic of its argument. Runs only where weir.bridge is on, which programs with a [bridge] set for their sessions: without one a row costs the look at that setting.';

CREATE OR REPLACE TRIGGER event_task AFTER UPDATE ON tasks
	FOR EACH ROW WHEN (OLD.completed_at IS NULL AND NEW.completed_at IS NOT NULL AND current_setting('weir.bridge', true) = 'on')
	EXECUTE FUNCTION event_note('task.ended');
CREATE OR REPLACE TRIGGER event_call AFTER INSERT ON usage
	FOR EACH ROW WHEN (NEW.allowance_id IS NOT NULL AND current_setting('weir.bridge', true) = 'on')
	EXECUTE FUNCTION event_note('task.ended');
CREATE OR REPLACE TRIGGER event_usage AFTER UPDATE ON usage_rolled
	FOR EACH ROW WHEN (NEW.id > OLD.id AND current_setting('weir.bridge', true) = 'on')
	EXECUTE FUNCTION event_note('usage.rolled_up');
CREATE OR REPLACE TRIGGER event_grant AFTER INSERT ON credits_history
	FOR EACH ROW WHEN (NEW.change_type IN ('signup_gift', 'invitation_gift', 'purchase', 'admin_adjustment')
		AND current_setting('weir.bridge', true) = 'on')
	EXECUTE FUNCTION event_note('credits');
CREATE OR REPLACE TRIGGER event_channel AFTER INSERT ON channel_events
	FOR EACH ROW WHEN (current_setting('weir.bridge', true) = 'on')
	EXECUTE FUNCTION event_note('channel');

CREATE OR REPLACE FUNCTION events_prune(p_keep_days int) RETURNS bigint
	LANGUAGE sql SET search_path = public, pg_temp
AS $$
	WITH gone AS (DELETE FROM event_outbox WHERE created_at < now() - make_interval(days => p_keep_days) RETURNING id)
	SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION events_prune(int) IS
	'Gives up events that no broker took for p_keep_days; answers how many.';
