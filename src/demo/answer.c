/* The text weir-demo says. The contract is in answer.h. */
#include "demo/answer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "demo/script.h"

#define EXCERPT_CHARS 120
#define TITLE_CHARS 24
#define PIECE_WORD_BYTES 8

static const char *const openings[] = {
	"Every answer of mine comes from the question alone: ask again, read this again.",
	"I am a rehearsal of a language model: no weights, no surprises, the same words.",
	"Nothing here was looked up. A hash of what you wrote has chosen the words.",
	"I am the understudy: I know the shape of an answer and never forget a line.",
};

static const char *const points[] = {
	"**Flow** — water over a weir is measured by its height, not by counting drops.",
	"**Hold** — what may be spent is set aside first, and the rest comes back at the end.",
	"**Lease** — a promise with an end date survives the one who made it.",
	"**Pace** — words arrive one after the other, so that a page can show them as they come.",
	"**Proof** — every number that matters can be rebuilt from its own history.",
	"**Quiet** — a system that works has little to say in its log.",
};

static const char *const codes[] = {
	"```c\n"
	"#include <stdio.h>\n\n"
	"int\nmain(void)\n{\n\tputs(\"same question, same answer\");\n\treturn 0;\n}\n"
	"```\n",
	"```python\n"
	"def settle(held: int, used: int) -> tuple[int, int]:\n"
	"    \"\"\"Charge what was used, give back the rest.\"\"\"\n"
	"    charged = min(held, used)\n"
	"    return charged, held - charged\n"
	"```\n",
	"```sql\n"
	"SELECT sum(change_amount) AS balance\n"
	"  FROM credits_history\n"
	" WHERE user_id = $1;\n"
	"```\n",
	"```sh\n"
	"curl -N -H 'Content-Type: application/json' \\\n"
	"     -d '{\"model\":\"demo\",\"stream\":true}' \"$WEIR_URL\"\n"
	"```\n",
};

static const char *const chinese[] = {
	"同样的问题总会得到同样的回答，因此测试可以逐字核对每一个片段。",
	"水流过堰，高低自明；积分先冻结，再按实际用量结算，余额如数退回。",
	"文字一段一段地送达，页面可以边收边显示，随时可以停止生成。",
};

static const char *const quotes[] = {
	"> Measure twice, stream once.",
	"> What is delivered is charged; what is not delivered is not.",
	"> 欲速则不达，见小利则大事不成。",
};

#define PICK(list, n) ((list)[(n) % (sizeof(list) / sizeof((list)[0]))])

/* Append at most max_chars of text on one line: control characters become
 * spaces, backticks and pipes go, so that the Markdown around stays whole. */
static void
write_excerpt(struct buf *out, struct span text, size_t max_chars)
{
	size_t n = utf8_prefix(text.at, text.len, max_chars);

	for (size_t i = 0; i < n; i++) {
		char c = text.at[i];

		if ((unsigned char)c < 0x20)
			c = ' ';
		if (c != '`' && c != '|')
			buf_add(out, &c, 1);
	}
	if (n < text.len)
		buf_puts(out, "…");
}

static void
write_image(struct buf *out, const struct question *q)
{
	if (q->images == 0)
		return;
	buf_printf(out, "You sent %u image%s. ", q->images, q->images == 1 ? "" : "s");
	if (q->image.len > 5 && memcmp(q->image.at, "data:", 5) == 0) {
		const char *semicolon = memchr(q->image.at, ';', q->image.len);
		size_t type_len = semicolon ? (size_t)(semicolon - q->image.at) - 5 : 0;

		buf_puts(out, "The first is inline data of type `");
		write_excerpt(out, (struct span){ q->image.at + 5, type_len }, 60);
		buf_printf(out, "`, %zu characters long.\n\n", q->image.len);
		return;
	}
	buf_puts(out, "The first is at `");
	write_excerpt(out, q->image, 200);
	buf_puts(out, "`; I looked at its address only.\n\n");
}

static void
write_list(struct buf *out, uint64_t seed)
{
	size_t first = seed % 6, count = 3 + (seed >> 8) % 2;

	buf_puts(out, "## What to notice\n\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%zu. %s\n", i + 1, PICK(points, first + i));
	buf_puts(out, "\n");
}

static void
write_table(struct buf *out, const struct question *q, uint64_t seed)
{
	buf_printf(out,
	    "| Fact | Value | 说明 |\n"
	    "|:--|--:|:--|\n"
	    "| Prompt | %zu bytes | 提示词长度 |\n"
	    "| Messages | %u | 消息数量 |\n"
	    "| Seed | `%08x` | 回答的种子 |\n\n",
	    q->prompt.len, q->messages, (unsigned)(seed >> 32));
}

void
answer_write(struct buf *out, const struct question *q)
{
	uint64_t seed = script_hash(q->messages, q->prompt.at, q->prompt.len);

	buf_puts(out, "# About “");
	write_excerpt(out, q->prompt, TITLE_CHARS);
	buf_puts(out, "”\n\nYou wrote: *");
	write_excerpt(out, q->prompt, EXCERPT_CHARS);
	buf_puts(out, "*\n\n");
	write_image(out, q);
	buf_printf(out, "%s\n\n", PICK(openings, seed >> 4));
	write_list(out, seed >> 16);
	write_table(out, q, seed);
	buf_printf(out, "%s\n%s\n\n%s\n", PICK(codes, seed >> 24), PICK(chinese, seed >> 28), PICK(quotes, seed >> 32));
}

void
answer_think(struct buf *out, const struct question *q)
{
	buf_puts(out, "The user wrote “");
	write_excerpt(out, q->prompt, TITLE_CHARS);
	buf_puts(out,
	    "”. I should repeat it, show a list, a table, some code and a line"
	    " of Chinese, and say nothing that cannot be checked. ");
}

size_t
answer_piece_end(const char *text, size_t len, size_t from)
{
	size_t i = from;
	unsigned chars = 0;

	while (i < len && isspace((unsigned char)text[i]))
		i++;
	if (i == len)
		return i;
	if (isalnum((unsigned char)text[i])) {
		size_t word = i;

		while (i < len && i - word < PIECE_WORD_BYTES && isalnum((unsigned char)text[i]))
			i++;
		return i;
	}
	if ((unsigned char)text[i] < 0x80)
		return i + 1;
	while (i < len && (unsigned char)text[i] >= 0x80 && chars < 2) {
		do
			i++;
		while (i < len && ((unsigned char)text[i] & 0xC0) == 0x80);
		chars++;
	}
	return i;
}

uint32_t
answer_count(const char *text, size_t len)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len; n++)
		i = answer_piece_end(text, len, i);
	return n;
}

uint32_t
answer_tokens(size_t bytes)
{
	return (uint32_t)((bytes + 3) / 4);
}
