/*
 * The frame of an answer, which is the same in every wire: bytes that turn out to be
 * server-sent events, a JSON value, or the page of somebody on the way.  Each event
 * and each value is handed to the wire's parser, which tells what it means through
 * the frame; the frame keeps count of what was told, and so knows when an answer is
 * over, and when nothing can fail any more.
 *
 * A parser has its frame as its first member, so that a pointer to the one is a
 * pointer to the other, and parser_ops.feed and .end are those of the frame.
 */
#ifndef WEIR_WIRE_FRAME_H
#define WEIR_WIRE_FRAME_H

#include "base/scan.h"
#include "base/sse.h"
#include "wire/wire.h"

struct frame;

/* What a wire makes of what comes.  False: read no more.  Texts have no blanks around them. */
struct frame_ops {
	/* An event that says something. */
	bool (*event)(struct frame *f, const struct scan_text *type, const struct scan_text *data);
	/* A value: brackets that are closed again, and what is in them. */
	bool (*value)(struct frame *f, const struct scan_text *value);
	/* An error, of whatever shape: an event of that type, or a value that is no object. */
	bool (*error)(struct frame *f, const struct scan_text *error);
	void (*close)(struct frame *f); /* a stream that is whole has ended; NULL: that says nothing */
	bool has_arrays;		/* values also come as the elements of one array */
};

enum frame_shape {
	FRAME_UNKNOWN,
	FRAME_EVENTS,
	FRAME_JSON, /* what was asked for, or an error, or an answer that was to be a stream */
	FRAME_PAGE, /* no answer */
};

struct frame {
	/* What was told; for the wire to read. */
	bool has_finish; /* why the model stopped */
	bool has_told;	 /* text, or a call */
	bool is_done;	 /* that it is over, or whatever comes is of no interest */

	/* The frame's own. */
	const struct frame_ops *ops;
	enum frame_shape shape;
	bool is_failed;
	bool is_tail;  /* reading what the end of the bytes has cut off, perhaps */
	bool has_some; /* at least one event, or value, was seen */
	struct sse sse;
	struct buf head;  /* first line of a page, or the beginning of a stream without an event */
	struct buf value; /* the JSON value that is coming in */
	unsigned depth;	  /* of brackets so far */
	bool is_json;	  /* a value is expected */
	unsigned base;	  /* where values lie: 1 in an array */
	bool is_in_string, is_escaped;
	bool is_closed;	    /* a value is whole */
	bool is_whole;	    /* the bracket that opened first is closed */
	wire_emit_fn *emit; /* of the call under way */
	void *arg;
};

/* For the event or the value of an answer of at most max_bytes; is_json: no stream was asked
 * for; some send one nevertheless. */
void frame_init(struct frame *f, const struct frame_ops *ops, bool is_json, size_t max_bytes);
void frame_free(struct frame *f);
/* parser_ops.feed and .end of a parser that begins with its frame. */
bool frame_feed(void *frame, const char *data, size_t len, wire_emit_fn *emit, void *arg);
bool frame_end(void *frame, wire_emit_fn *emit, void *arg);

/* ---- telling ------------------------------------------------------------------- */

/* Tell an event: a wire_emit_fn. */
void frame_tell(void *frame, const struct wire_event *event);
/* Tell, once, that the answer is over. */
void frame_tell_done(struct frame *f);
/* Tell an event as it stands; not one that may have been cut. */
void frame_tell_own(struct frame *f, const struct scan_text *data);

/* ---- failing ------------------------------------------------------------------- */

/* Tell a failure.  After the end nothing fails any more, but that the answer must not be
 * shown: true, what was wrong is passed over, and usage may follow it.  Else false, as in
 * all that follow. */
bool frame_fail(struct frame *f, const struct wire_failure *failure);
/* The bytes are no answer of this wire, and would not be one if asked for again. */
bool frame_fail_wire(struct frame *f, const char *detail);
/* … but this text, of which the first line is shown. */
bool frame_fail_page(struct frame *f, const struct scan_text *text);
/* An event that is no JSON object; the last one was cut, and that is no failure. */
bool frame_fail_event(struct frame *f);
/* A value that is no JSON object: a page, or cut, or an error in another shape. */
bool frame_fail_value(struct frame *f, const struct scan_text *value);

/* ---- why models stop ----------------------------------------------------------- */

struct frame_finish {
	const char *word;
	enum wire_finish finish;
};

/* The row of that word, in whatever case, or NULL. */
const struct frame_finish *frame_find_finish(
    const struct frame_finish *rows, size_t n_rows, const struct scan_text *word);
/* It stopped for something that has no row: an error of the moment, as a 500 is.  `before`:
 * what the wire calls the reason, and a blank. */
bool frame_fail_finish(struct frame *f, const char *before, const struct scan_text *word);

#endif
