/* An answer from numbered passages in the prompt, as Weir puts them there: the sentences that have
 * most of the question, each with its number. The contract is in answer.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "demo/answer.h"
#include "demo/meaning.h"

enum {
	SENTENCES = 2, /* that are told, each of another passage */
	PASSAGES_MAX = 64,
};

struct told {
	int number;
	const char *at;
	size_t len;
	double covered;
};

/* Where the sentence at `s` ends. */
static size_t
sentence_length(const char *s)
{
	for (size_t n = 0;; n++) {
		if (s[n] == '\0' || s[n] == '\n' || s[n] == '\f')
			return n;
		if ((s[n] == '.' || s[n] == '!' || s[n] == '?') &&
		    (s[n + 1] == ' ' || s[n + 1] == '\n' || s[n + 1] == '\0'))
			return n + 1;
		if (strncmp(s + n, "。", 3) == 0 || strncmp(s + n, "！", 3) == 0 || strncmp(s + n, "？", 3) == 0)
			return n + 3;
	}
}

/* The best sentence of a passage, which ends before `end`. */
static struct told
best_of(int number, const char *passage, const char *end, const char *question)
{
	struct told best = { .number = number };

	for (const char *at = passage; at < end;) {
		size_t len = sentence_length(at);
		char *sentence;
		double covered;

		if (len == 0 || *at == ' ') {
			at++;
			continue;
		}
		sentence = xmalloc(len + 1);
		memcpy(sentence, at, len);
		sentence[len] = '\0';
		covered = meaning_coverage(question, sentence);
		free(sentence);
		if (covered > best.covered)
			best = (struct told){ number, at, len, covered };
		at += len;
	}
	return best;
}

static int
compare_told(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	if (x->covered != y->covered)
		return x->covered < y->covered ? 1 : -1;
	return x->number - y->number;
}

bool
answer_cite(struct buf *out, const char *passages, const char *question, bool is_chinese)
{
	struct told told[PASSAGES_MAX];
	size_t n = 0;
	const char *at = passages, *next;

	for (int number = 1; number <= PASSAGES_MAX; number++, at = next) {
		char mark[16];
		size_t len = (size_t)snprintf(mark, sizeof mark, "\n\n[%d] ", number);

		if ((at = strstr(at, mark)) == NULL)
			break;
		at += len;
		at += strcspn(at, "\n"); /* its heading */
		snprintf(mark, sizeof mark, "\n\n[%d] ", number + 1);
		if ((next = strstr(at, mark)) == NULL)
			next = at + strlen(at);
		told[n] = best_of(number, at, next, question);
		n += told[n].covered > 0;
	}
	if (n == 0)
		return false;
	qsort(told, n, sizeof *told, compare_told);
	buf_puts(out, is_chinese ? "您的文档中写道：" : "Your documents say: ");
	for (size_t i = 0; i < n && i < SENTENCES; i++) {
		buf_puts(out, i > 0 && !is_chinese ? " " : "");
		buf_add(out, told[i].at, told[i].len);
		buf_printf(out, "%s[%d]", is_chinese ? "" : " ", told[i].number);
	}
	return true;
}
