/*
 * POST /api/conversations/{conversation_id}/messages/stream -- ask, and read the
 * answer as it comes.
 *
 * in      content (1-32,000 characters), model?, image_url?, image_urls?, file_urls?, video_url?, audio_url?
 * out     SSE: start, content… (reasoning…), done | error | cancelled, [DONE]
 * errors  400 field, file_unreadable; 409 file_not_ready; 413 files_too_long; 402 balance and need, 404 not the caller's conversation,
 *	   409 busy or key used otherwise, 429 slots and rates, 503; all before
 *	   the stream begins and as plain JSON
 * note    Idempotency-Key: the same key joins or replays the first stream
 * proof   tests/it/chat/test_stream.py
 */
#include "weir.h"

#include "messages_fields.h"

const struct field messages_stream_fields[] = { MESSAGE_FIELDS };

enum status
h_messages_stream(struct request *rq)
{
	return message_begin(rq, &wants_stream);
}
