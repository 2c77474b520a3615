/*
 * One line of what a model says: a title, a question.  Models say more than they are asked for.
 */
#ifndef WEIR_CHAT_LINE_H
#define WEIR_CHAT_LINE_H

#include "base/arena.h"

/* The first line with something on it, after what the model thought, without quotes, marks and labels around it and not
 * longer than so many code points; in the arena.  NULL: there is none.  Any thread. */
char *line_of_answer(struct arena *a, const char *answer, size_t chars);

#endif
