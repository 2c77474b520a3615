-- What pictures and films are like, and small pictures of them; what a machine made.

CREATE TABLE previews (
	of_id uuid PRIMARY KEY REFERENCES objects ON DELETE CASCADE,
	object_id uuid REFERENCES objects,
	width int CHECK (width > 0),
	height int CHECK (height > 0),
	duration_ms bigint CHECK (duration_ms > 0),
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX previews_object ON previews (object_id);
COMMENT ON TABLE previews IS
	'What a picture or film is like, and a small picture of it: one row for each object that weir-worker has looked at, of whatever became of that. About 100 bytes and two index entries each. It goes with the object.';
COMMENT ON COLUMN previews.of_id IS 'The object it is of.';
COMMENT ON COLUMN previews.object_id IS 'The small picture (WebP), an object of its own; NULL: none could be made.';
COMMENT ON COLUMN previews.width IS 'Pixels, as it is shown; NULL: it is damaged.';
COMMENT ON COLUMN previews.height IS 'Pixels, as it is shown; NULL: it is damaged.';
COMMENT ON COLUMN previews.duration_ms IS 'How long a film lasts; NULL: it is none, or that is not known.';
COMMENT ON COLUMN previews.created_at IS 'When it was looked at.';
GRANT SELECT, INSERT, UPDATE, DELETE ON previews TO weir_service;

CREATE TABLE upload_tickets (
	id uuid PRIMARY KEY,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	content_type varchar(100) NOT NULL,
	size_bytes bigint NOT NULL CHECK (size_bytes > 0),
	expires_at timestamptz NOT NULL
);
CREATE INDEX upload_tickets_user ON upload_tickets (user_id, id);
CREATE INDEX upload_tickets_expires ON upload_tickets (expires_at);
COMMENT ON TABLE upload_tickets IS
	'Files that browsers are about to put into the bucket themselves. Gone when the upload is there, or an hour later.';
COMMENT ON COLUMN upload_tickets.id IS 'The upload''s id to be, and its object''s.';
COMMENT ON COLUMN upload_tickets.user_id IS 'Whose it will be.';
COMMENT ON COLUMN upload_tickets.content_type IS 'What it is said to be; its content has to agree.';
COMMENT ON COLUMN upload_tickets.size_bytes IS 'Its length; counts against the quota from now on.';
COMMENT ON COLUMN upload_tickets.expires_at IS 'Until then it may be completed.';
GRANT SELECT, INSERT, UPDATE, DELETE ON upload_tickets TO weir_service;

ALTER TABLE uploads ADD COLUMN is_ai_made boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN uploads.is_ai_made IS 'A model made it, for its owner: who sees it is told so.';
-- what was made so far: its tasks say it
UPDATE uploads u SET is_ai_made = true
FROM tasks t, jsonb_array_elements(t.result->'files') AS f
WHERE t.type IN ('image', 'video') AND t.status = 'completed' AND jsonb_typeof(t.result->'files') = 'array'
	AND u.id = (f->>'id')::uuid AND u.user_id = t.user_id;
