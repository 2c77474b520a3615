-- What somebody asked for, in the API's words: to show while it is made, and to ask for it again.

ALTER TABLE tasks ADD COLUMN asked jsonb CHECK (jsonb_typeof(asked) = 'object');
COMMENT ON COLUMN tasks.asked IS 'Of a picture or film, what was asked: {op, model, prompt, ...}, as the request had it; NULL: another kind of task, or before this column.';
