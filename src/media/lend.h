/*
 * Pictures that go with what is asked, for providers that fetch them: our users' uploads are
 * read by their owners alone, so they are lent to the provider of that one task, at an address below
 * that of its callback, for as long as the task lives.
 */
#ifndef WEIR_MEDIA_LEND_H
#define WEIR_MEDIA_LEND_H

#include "core/request.h"
#include "media/work.h"

/* The task's input, in the arena, with the addresses of uploads made such that whoever has `callback` can read
 * them.  E_INVALID_REQUEST one is not the task's user's.  Worker of weir-worker. */
enum status media_lend(
    struct context *cx, const struct work_task *w, const char *callback, const json_t **input) MUST_CHECK;
/* Answer with an upload that is lent.  E_NOT_FOUND another token, the task is over, or it is no picture of what was asked. */
enum status media_lent(
    struct request *rq, const char *provider, const char *task_id, const char *token, const char *upload_id) MUST_CHECK;

#endif
