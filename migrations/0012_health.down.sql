-- Its functions too, those of functions/health.sql.
DROP FUNCTION IF EXISTS channel_event_add, channel_key_off, channel_pings_take, channel_ping_done, channel_hours_add,
	channel_hours_sum, channel_health_news, channels_prune;
DROP TABLE channel_events, channel_hours, channel_health;
DROP DOMAIN channel_event_kind, channel_failure;
