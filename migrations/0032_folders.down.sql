DROP FUNCTION IF EXISTS folder_create, folder_change, conversations_arrange, conversations_delete,
	conversations_expire, conversations_untitled,
	title_submit, title_asked, title_made;
-- what was to be temporary must not come to stay
DELETE FROM conversations WHERE temporary_until IS NOT NULL;
ALTER TABLE conversations
	DROP COLUMN folder_id, DROP COLUMN pinned_at, DROP COLUMN archived_at, DROP COLUMN temporary_until, DROP COLUMN title_wanted;
DROP TABLE conversation_folders;
