/* The text weir-demo says. The contract is in answer.h. */
#include "demo/answer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "demo/script.h"

#define EXCERPT_CHARS 120
#define TITLE_CHARS 24
#define PIECE_WORD_BYTES 8
#define WISH_CHARS 1000
#define WORD_LETTERS 5
#define LONG_SECTIONS 12

/* What the prompt asks for, by a word of it. */
enum wish { WISH_FORMULA = 1, WISH_TABLE = 2, WISH_CODE = 4, WISH_LONG = 8, WISH_CHINESE = 16, WISH_ENGLISH = 32 };

static const struct {
	const char *word; /* lower case; between spaces and marks, where it is Latin */
	enum wish wish;
} wishes[] = {
	{ "latex", WISH_FORMULA },
	{ "formula", WISH_FORMULA },
	{ "formulas", WISH_FORMULA },
	{ "equation", WISH_FORMULA },
	{ "公式", WISH_FORMULA },
	{ "方程", WISH_FORMULA },
	{ "a table", WISH_TABLE },
	{ "tables", WISH_TABLE },
	{ "表格", WISH_TABLE },
	{ "code", WISH_CODE },
	{ "script", WISH_CODE },
	{ "program", WISH_CODE },
	{ "代码", WISH_CODE },
	{ "脚本", WISH_CODE },
	{ "程序", WISH_CODE },
	{ "long answer", WISH_LONG },
	{ "long text", WISH_LONG },
	{ "at length", WISH_LONG },
	{ "in detail", WISH_LONG },
	{ "长文", WISH_LONG },
	{ "长篇", WISH_LONG },
	{ "详细", WISH_LONG },
	{ "in chinese", WISH_CHINESE },
	{ "用中文", WISH_CHINESE },
	{ "in english", WISH_ENGLISH },
	{ "用英文", WISH_ENGLISH },
	{ "用英语", WISH_ENGLISH },
};

/* All that is said in one language; what differs in grammar is said in code. */
struct tongue {
	const char *about, *wrote, *notice, *compared, *calculated, *written, *told, *facts, *prompt, *messages, *seed;
	const char *openings[4], *points[6], *quotes[3], *table, *formulas, *names[6], *paragraphs[6];
	const char *thought, *thought_end;
};

static const struct tongue english = {
	.about = "# About “",
	.wrote = "”\n\nYou wrote: *",
	.notice = "## What to notice\n\n",
	.compared = "## Compared\n\n",
	.calculated = "## Calculated\n\n",
	.written = "## Written\n\n",
	.told = "## Told at length\n\n",
	.facts = "| Fact | Value |\n|:--|--:|\n",
	.prompt = "| Prompt, bytes |",
	.messages = "| Messages |",
	.seed = "| Seed |",
	.openings = {
	    "Every answer of mine comes from the question alone: ask again, read this again.",
	    "I am a rehearsal of a language model: no weights, no surprises, the same words.",
	    "Nothing here was looked up. A hash of what you wrote has chosen the words.",
	    "I am the understudy: I know the shape of an answer and never forget a line.",
	},
	.points = {
	    "**Flow** — water over a weir is measured by its height, not by counting drops.",
	    "**Hold** — what may be spent is set aside first, and the rest comes back at the end.",
	    "**Lease** — a promise with an end date survives the one who made it.",
	    "**Pace** — words arrive one after the other, so that a page can show them as they come.",
	    "**Proof** — every number that matters can be rebuilt from its own history.",
	    "**Quiet** — a system that works has little to say in its log.",
	},
	.quotes = {
	    "> Measure twice, stream once.",
	    "> What is delivered is charged; what is not delivered is not.",
	    "> Still waters run deep; a weir tells how deep.",
	},
	.table = "| Weir | Shape of the notch | Discharge grows with |\n"
		 "|:--|:--|--:|\n"
		 "| Rectangular | a wide slot | height^1.5 |\n"
		 "| Cipolletti | a slot with leaning sides | height^1.5 |\n"
		 "| Broad-crested | none: a long, level sill | height^1.5 |\n"
		 "| V-notch | a triangle | height^2.5 |\n"
		 "| Sutro | curved, narrowing upwards | height |\n\n",
	.formulas = "Through a rectangular weir of width $b$, under water of height $h$, flows\n\n"
		    "$$\nQ = \\frac{2}{3}\\, C_d\\, b \\sqrt{2g}\\; h^{3/2}\n$$\n\n"
		    "with the coefficient $C_d \\approx 0.62$. And where $a x^2 + b x + c = 0$, there\n\n"
		    "$$\nx_{1,2} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$\n\n"
		    "What is summed up is soon told: $\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$, and\n\n"
		    "$$\n\\begin{pmatrix} 1 & 1 \\\\ 1 & 0 \\end{pmatrix}^{n} ="
		    " \\begin{pmatrix} F_{n+1} & F_n \\\\ F_n & F_{n-1} \\end{pmatrix}\n$$\n\n",
	.names = { "The source", "The stream", "The weir", "The gauge", "The ledger", "The sea" },
	.paragraphs = {
	    "A river has no plan. It takes the way that is lowest now, and by taking it makes it lower; after a thousand"
	    " years the way looks as if somebody had drawn it. Most of what seems designed in a valley was decided by a"
	    " little water, again and again, in the same place.",
	    "Whoever wants to know how much water goes by can catch it in buckets, or build a step across the stream and"
	    " read a ruler. The step is the better idea: it works at night, it does not get tired, and whoever doubts the"
	    " number can read the ruler for himself.",
	    "What is measured can be shared. A village upstream and a village downstream may agree about shares for as long"
	    " as both believe the gauge; the agreement ends with the first number that nobody can explain.",
	    "A good stream of words is like that as well: it begins soon, goes on evenly, and ends where it says that it"
	    " ends. A reader forgives slowness sooner than silence, and silence sooner than a sentence which breaks off in"
	    " the middle.",
	    "To set something aside before it is used is older than banks. A miller who grinds for ten families keeps ten"
	    " sacks apart, takes his share of each at the end, and hands the rest back. Nobody has to trust his memory:"
	    " the sacks stand there.",
	    "In the end all of it arrives at the same level. The sea keeps no history; therefore those who live by the river"
	    " write things down, each time the water goes by, and keep the book in a dry place.",
	},
	.thought = "The user wrote “",
	.thought_end = "”. I should repeat it, show what was asked for, and say nothing that cannot be checked. ",
};

static const struct tongue chinese = {
	.about = "# 关于“",
	.wrote = "”\n\n你写的是：*",
	.notice = "## 要点\n\n",
	.compared = "## 对比\n\n",
	.calculated = "## 公式\n\n",
	.written = "## 代码\n\n",
	.told = "## 细说\n\n",
	.facts = "| 项目 | 数值 |\n|:--|--:|\n",
	.prompt = "| 提示词字节数 |",
	.messages = "| 消息数量 |",
	.seed = "| 回答的种子 |",
	.openings = {
	    "我的回答只取决于问题本身：再问一遍，读到的还是这些字。",
	    "我是语言模型的彩排：没有权重，没有意外，字字相同。",
	    "这里没有查过任何资料，用哪些词由你所写内容的哈希值决定。",
	    "我是替身演员：知道回答该有的样子，从不忘词。",
	},
	.points = {
	    "**水流** —— 过堰的水量看水头高低，不必一滴一滴去数。",
	    "**冻结** —— 可能花掉的先留出来，用剩的最后如数退回。",
	    "**租约** —— 写明期限的承诺，比许下它的人更长久。",
	    "**节奏** —— 文字一段一段地送达，页面可以边收边显示。",
	    "**凭据** —— 重要的数字都能从它自己的历史里重新算出来。",
	    "**安静** —— 运行正常的系统，日志里没有多少话。",
	},
	.quotes = {
	    "> 欲速则不达，见小利则大事不成。",
	    "> 送达的才计费，没有送达的不计费。",
	    "> 静水流深，过堰便知。",
	},
	.table = "| 堰型 | 堰口形状 | 流量随水头增长 |\n"
		 "|:--|:--|--:|\n"
		 "| 矩形堰 | 宽缝 | 水头^1.5 |\n"
		 "| 梯形堰 | 两侧倾斜的缝 | 水头^1.5 |\n"
		 "| 宽顶堰 | 没有堰口，堰顶长而平 | 水头^1.5 |\n"
		 "| 三角堰 | 三角形 | 水头^2.5 |\n"
		 "| 比例堰 | 曲线，向上收窄 | 水头 |\n\n",
	.formulas = "宽 $b$ 的矩形堰，水头为 $h$ 时的流量是\n\n"
		    "$$\nQ = \\frac{2}{3}\\, C_d\\, b \\sqrt{2g}\\; h^{3/2}\n$$\n\n"
		    "其中流量系数 $C_d \\approx 0.62$。若 $a x^2 + b x + c = 0$，则\n\n"
		    "$$\nx_{1,2} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n$$\n\n"
		    "求和一句话就能说完：$\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$。还有\n\n"
		    "$$\n\\begin{pmatrix} 1 & 1 \\\\ 1 & 0 \\end{pmatrix}^{n} ="
		    " \\begin{pmatrix} F_{n+1} & F_n \\\\ F_n & F_{n-1} \\end{pmatrix}\n$$\n\n",
	.names = { "源头", "溪流", "堰", "水尺", "账簿", "大海" },
	.paragraphs = {
	    "河流没有计划。它只走此刻最低的路，走过之后路就更低了；千年之后，那条路看上去像是有人画出来的。山谷里许多"
	    "看似精心安排的东西，不过是一点点水在同一个地方反复做出的决定。",
	    "想知道流过多少水，可以用桶去接，也可以横着溪流砌一道坎，再立一把尺子。砌坎是更好的主意：夜里照样管用，不会"
	    "疲倦，谁不相信那个数字，谁就自己去看尺子。",
	    "量得出来的东西才好分。上游的村子和下游的村子，只要都相信水尺，就能一直按份分水；等到出现第一个谁也解释不了的"
	    "数字，约定也就到头了。",
	    "文字的水流也是这样：开头要快，中间要匀，说到哪里结束就在哪里结束。读的人能原谅慢，不太能原谅没有声音，更不能"
	    "原谅一句话说到一半就断了。",
	    "先留出来再用，这个办法比银行还老。磨坊主替十户人家磨面，就把十只口袋分开放，最后从每只里取走自己的一份，其余的"
	    "如数交还。谁也不必相信他的记性，口袋就在那里。",
	    "最后，所有的水都到了同一个高度。大海不记历史，所以住在河边的人每次水流过都要记下来，再把账簿收在干燥的地方。",
	},
	.thought = "用户写的是“",
	.thought_end = "”。我应该先重复一遍，再给出所问的内容，不说无法核实的话。",
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

/* ---- what the question wants ---- */

static bool
is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Does the text have the word, in any case; a Latin one on its own? */
static bool
has_word(struct span text, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= text.len; i++) {
		if (strncasecmp(text.at + i, word, len) != 0)
			continue;
		if ((unsigned char)*word >= 0x80 ||
		    ((i == 0 || !is_word_byte(text.at[i - 1])) &&
			(i + len == text.len || !is_word_byte(text.at[i + len]))))
			return true;
	}
	return false;
}

/* The beginning of the prompt, where it says what it wants. */
static struct span
wish_span(const struct question *q)
{
	return (struct span){ q->prompt.at, utf8_prefix(q->prompt.at, q->prompt.len, WISH_CHARS) };
}

static unsigned
wishes_of(const struct question *q)
{
	struct span text = wish_span(q);
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
		if (has_word(text, wishes[i].word))
			found |= wishes[i].wish;
	return found;
}

/* The language that was asked for, or else that of the question: a Chinese
 * character weighs as much as an average English word. */
static const struct tongue *
tongue_of(const struct question *q, unsigned wished)
{
	struct span text = wish_span(q);
	size_t letters = 0, han = 0;

	if (wished & (WISH_CHINESE | WISH_ENGLISH))
		return wished & WISH_CHINESE ? &chinese : &english;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];

		letters += isalpha(c) != 0;
		han += c >= 0xe4 && c <= 0xe9; /* the first of three bytes: U+4000 to U+9FFF */
	}
	return han > 0 && han * WORD_LETTERS >= letters ? &chinese : &english;
}

/* ---- the parts of an answer ---- */

static void
write_image(struct buf *out, const struct question *q, const struct tongue *t)
{
	bool is_chinese = t == &chinese;

	if (q->images == 0)
		return;
	if (is_chinese)
		buf_printf(out, "你发来了 %u 张图片。", q->images);
	else
		buf_printf(out, "You sent %u image%s. ", q->images, q->images == 1 ? "" : "s");
	if (q->image.len > 5 && memcmp(q->image.at, "data:", 5) == 0) {
		const char *semicolon = memchr(q->image.at, ';', q->image.len);
		size_t type_len = semicolon ? (size_t)(semicolon - q->image.at) - 5 : 0;

		buf_puts(out, is_chinese ? "第一张是内嵌数据，类型为 `" : "The first is inline data of type `");
		write_excerpt(out, (struct span){ q->image.at + 5, type_len }, 60);
		if (is_chinese)
			buf_printf(out, "`，长 %zu 个字符。\n\n", q->image.len);
		else
			buf_printf(out, "`, %zu characters long.\n\n", q->image.len);
		return;
	}
	buf_puts(out, is_chinese ? "第一张在 `" : "The first is at `");
	write_excerpt(out, q->image, 200);
	buf_puts(out, is_chinese ? "`；我只看了它的地址。\n\n" : "`; I looked at its address only.\n\n");
}

static void
write_list(struct buf *out, const struct tongue *t, uint64_t seed)
{
	size_t first = seed % 6, count = 3 + (seed >> 8) % 2;

	buf_puts(out, t->notice);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%zu. %s\n", i + 1, PICK(t->points, first + i));
	buf_puts(out, "\n");
}

static void
write_facts(struct buf *out, const struct question *q, const struct tongue *t, uint64_t seed)
{
	buf_printf(out, "%s%s %zu |\n%s %u |\n%s `%08x` |\n\n", t->facts, t->prompt, q->prompt.len, t->messages,
	    q->messages, t->seed, (unsigned)(seed >> 32));
}

static void
write_long(struct buf *out, const struct tongue *t, uint64_t seed)
{
	buf_puts(out, t->told);
	for (size_t i = 0; i < LONG_SECTIONS; i++) {
		buf_printf(out, "### %zu. %s\n\n", i + 1, PICK(t->names, i));
		for (size_t k = 0; k < 3; k++) /* another three each time round */
			buf_printf(out, "%s\n\n", PICK(t->paragraphs, i + k * (1 + i / 6) + (seed >> 20)));
	}
}

static void
write_wished(struct buf *out, const struct tongue *t, unsigned wished, uint64_t seed)
{
	if (wished & WISH_FORMULA)
		buf_printf(out, "%s%s", t->calculated, t->formulas);
	if (wished & WISH_TABLE)
		buf_printf(out, "%s%s", t->compared, t->table);
	if (wished & WISH_CODE) {
		buf_puts(out, t->written);
		for (size_t i = 0; i < 3; i++)
			buf_printf(out, "%s\n", PICK(codes, (seed >> 24) + i));
	}
	if (wished & WISH_LONG)
		write_long(out, t, seed);
}

void
answer_write(struct buf *out, const struct question *q)
{
	uint64_t seed = script_hash(q->messages, q->prompt.at, q->prompt.len);
	unsigned wished = wishes_of(q), parts = wished & ~(unsigned)(WISH_CHINESE | WISH_ENGLISH);
	const struct tongue *t = tongue_of(q, wished);

	buf_puts(out, t->about);
	write_excerpt(out, q->prompt, TITLE_CHARS);
	buf_puts(out, t->wrote);
	write_excerpt(out, q->prompt, EXCERPT_CHARS);
	buf_puts(out, "*\n\n");
	write_image(out, q, t);
	buf_printf(out, "%s\n\n", PICK(t->openings, seed >> 4));
	if (parts != 0) {
		write_wished(out, t, parts, seed);
	} else {
		write_list(out, t, seed >> 16);
		write_facts(out, q, t, seed);
		buf_printf(out, "%s\n", PICK(codes, seed >> 24));
	}
	buf_printf(out, "%s\n", PICK(t->quotes, seed >> 32));
}

void
answer_think(struct buf *out, const struct question *q)
{
	const struct tongue *t = tongue_of(q, wishes_of(q));

	buf_puts(out, t->thought);
	write_excerpt(out, q->prompt, TITLE_CHARS);
	buf_puts(out, t->thought_end);
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
