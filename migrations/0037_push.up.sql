-- Notifications on people's devices (web push), and what people prefer.

CREATE TABLE push_key (
	is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
	public bytea NOT NULL CHECK (octet_length(public) = 65),
	secret_enc bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE push_key IS 'The key by which push services know this site (VAPID, RFC 8292). One row at most, made when the first page asks for it. Browsers subscribe to its public half: with another key they have to subscribe anew.';
COMMENT ON COLUMN push_key.is_only IS 'Always true.';
COMMENT ON COLUMN push_key.public IS 'Its point on P-256, uncompressed.';
COMMENT ON COLUMN push_key.secret_enc IS 'Its number as base64url, sealed with [auth] encryption_key.';
COMMENT ON COLUMN push_key.created_at IS 'When it was made.';

CREATE TABLE push_subscriptions (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	session_id uuid NOT NULL UNIQUE REFERENCES sessions ON DELETE CASCADE,
	endpoint text NOT NULL UNIQUE CHECK (octet_length(endpoint) <= 2048),
	p256dh bytea NOT NULL CHECK (octet_length(p256dh) = 65),
	auth bytea NOT NULL CHECK (octet_length(auth) = 16),
	user_agent varchar(500),
	created_at timestamptz NOT NULL DEFAULT now(),
	last_ok_at timestamptz,
	failures int NOT NULL DEFAULT 0
);
CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id);
COMMENT ON TABLE push_subscriptions IS 'Devices whose owner wants to be told there. Each belongs to a session and ends with it.';
COMMENT ON COLUMN push_subscriptions.id IS 'UUIDv7, what its owner calls it by.';
COMMENT ON COLUMN push_subscriptions.user_id IS 'Who is told.';
COMMENT ON COLUMN push_subscriptions.session_id IS 'The sign-in on that device.';
COMMENT ON COLUMN push_subscriptions.endpoint IS 'Where its browser''s push service takes messages for it. Whoever knows it can bother its owner: it is shown to nobody.';
COMMENT ON COLUMN push_subscriptions.p256dh IS 'The browser''s point on P-256 that messages are encrypted to.';
COMMENT ON COLUMN push_subscriptions.auth IS 'What it shares with us alone, which goes into the encryption.';
COMMENT ON COLUMN push_subscriptions.user_agent IS 'What the browser called itself.';
COMMENT ON COLUMN push_subscriptions.created_at IS 'When it subscribed.';
COMMENT ON COLUMN push_subscriptions.last_ok_at IS 'When its push service last took a message.';
COMMENT ON COLUMN push_subscriptions.failures IS 'Messages in a row that it did not take; it goes with the tenth.';

CREATE TABLE user_preferences (
	user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
	preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(preferences) = 'object' AND octet_length(preferences::text) <= 2000),
	updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE user_preferences IS 'What people prefer on all their devices; no row: nothing was chosen.';
COMMENT ON COLUMN user_preferences.user_id IS 'Whose.';
COMMENT ON COLUMN user_preferences.preferences IS 'What was chosen: theme, language, welcome_seen, notify_media, notify_documents, notify_answers. What is missing has its default.';
COMMENT ON COLUMN user_preferences.updated_at IS 'Last change.';

GRANT SELECT, INSERT, UPDATE, DELETE ON push_key, push_subscriptions, user_preferences TO weir_service;
