/*
 * What comes back over the OpenAI wire: transcripts in every slicing, and what each
 * error means to the engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "house/wires.h"
#include "wire/openai/openai.h"
#include "wire_test.h"

/* ---- answers ----------------------------------------------------------------- */

struct sample {
	const char *what, *in, *events;
};

#define CHUNK(delta, finish) \
	"data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\"," \
	"\"choices\":[{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":" finish \
	"}],\"usage\":null}\n\n"
#define USAGE(body) "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":" body "}\n\n"
#define DONE "data: [DONE]\n\n"
#define ROLE CHUNK("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null")
#define STOP CHUNK("{}", "\"stop\"")
#define TEXT CHUNK("{\"content\":\"a\"}", "null")
#define USED USAGE("{\"prompt_tokens\":9,\"completion_tokens\":2}")

#define BODY(message, finish, usage) \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":" message \
	",\"finish_reason\":" finish "}],\"usage\":" usage "}"

static const struct sample streams[] = {
	{ "a regular answer",
	    ROLE CHUNK("{\"content\":\"Hel\"}", "null") CHUNK("{\"content\":\"lo\"}", "null")
		STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}") DONE,
	    "T(Hel)T(lo)F(stop)U(9,2)." },
	{ "reasoning, DeepSeek",
	    CHUNK("{\"reasoning_content\":\"hm\",\"content\":null}", "null") CHUNK("{\"content\":\"ok\"}", "null")
		STOP DONE,
	    "R(hm)T(ok)F(stop)." },
	{ "reasoning, OpenRouter; comments; text with the finish",
	    ": OPENROUTER PROCESSING\n\n" CHUNK("{\"reasoning\":\"hm\"}", "null")
		CHUNK("{\"content\":\"ok\"}", "\"stop\"") DONE,
	    "R(hm)T(ok)F(stop)." },
	{ "escapes, Chinese, a split emoji",
	    CHUNK("{\"content\":\"\\u4f60\xE5\xA5\xBD\\n\\\"\\ud83d\\ude00\\\"\"}", "null") STOP DONE,
	    "T(\xE4\xBD\xA0\xE5\xA5\xBD\n\"\xF0\x9F\x98\x80\")F(stop)." },
	{ "a NUL in the text is left out", CHUNK("{\"content\":\"a\\u0000b\\u0000\"}", "null") STOP DONE,
	    "T(ab)F(stop)." },
	{ "half an emoji", CHUNK("{\"content\":\"\\ud83d\"}", "null") STOP DONE, "T(\xEF\xBF\xBD)F(stop)." },
	{ "members in another order",
	    "data: {\"usage\":{\"completion_tokens\":2,\"prompt_tokens\":1},\"choices\":[{\"finish_reason\":\"stop\","
	    "\"delta\":{\"content\":\"x\",\"reasoning\":\"r\",\"reasoning_content\":\"R\"},\"index\":0}],\"error\": "
	    "null}\n\n" DONE,
	    "R(R)T(x)F(stop)U(1,2)." },
	{ "both names of reasoning, the first again",
	    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"R\",\"reasoning\":\"r\"}}]}\n\n" DONE, "R(R)." },
	{ "an index that is no number",
	    "data: {\"choices\":[{\"index\":\"1\",\"delta\":{\"content\":\"x\"}}]}\n\n" DONE, "T(x)." },
	{ "an event as long as [DONE]", "data: {    }\n\n" DONE, "." },
	{ "nearly [DONE]", CHUNK("{\"content\":\"a\"}", "null") "data: [done]\n\n", "T(a)X(upstream_failed,0,1)!" },
	{ "cut by length", CHUNK("{\"content\":\"x\"}", "\"length\"") DONE, "T(x)F(length)." },
	{ "content filter at the end", CHUNK("{\"content\":\"x\"}", "null") CHUNK("{}", "\"content_filter\"") DONE,
	    "T(x)F(filtered)." },
	{ "a finish for calls that did not come", CHUNK("{}", "\"tool_calls\"") DONE, "F(calls)." },
	{ "two finishes", CHUNK("{}", "\"stop\"") CHUNK("{}", "\"length\"") DONE, "F(stop)." },
	{ "a refusal", CHUNK("{\"content\":null,\"refusal\":\"I will not\"}", "null") STOP DONE,
	    "T(I will not)F(stop)." },
	{ "Azure's first event", "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n" STOP DONE, "F(stop)." },
	{ "only the first choice",
	    "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n" CHUNK(
		"{\"content\":\"a\"}", "\"stop\"") DONE,
	    "T(a)F(stop)." },
	{ "CRLF and no space", "data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\ndata:[DONE]\r\n\r\n",
	    "T(x)." },
	{ "what follows the end", CHUNK("{\"content\":\"a\"}", "\"stop\"") DONE "data: {broken\n\n", "T(a)F(stop)." },

	{ "no [DONE], but a finish", CHUNK("{\"content\":\"a\"}", "null") STOP, "T(a)F(stop)." },
	{ "no finish, but [DONE]", CHUNK("{\"content\":\"a\"}", "null") DONE, "T(a)." },
	{ "cut after a delta", CHUNK("{\"content\":\"a\"}", "null"), "T(a)!" },
	{ "cut in a frame", CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[{\"ind", "T(a)!" },
	{ "nothing at all", "", "!" },
	{ "a page instead", "<html><body>502</body></html>\n", "X(upstream_failed,0,1)!" },

	{ "usage in every chunk",
	    "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n" DONE,
	    "T(x)F(stop)U(5,1)." },
	{ "usage below zero", STOP USAGE("{\"prompt_tokens\":-1,\"completion_tokens\":-7}") DONE, "F(stop)." },
	{ "usage as text", STOP USAGE("{\"prompt_tokens\":\"9\",\"completion_tokens\":\"2\"}") DONE, "F(stop)." },
	{ "usage as fractions", STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":2.5}") DONE, "F(stop)U(9,-1)." },
	{ "usage beyond reason",
	    STOP USAGE("{\"prompt_tokens\":4611686018427387904,\"completion_tokens\":1000000001}") DONE, "F(stop)." },
	{ "usage of nothing", STOP USAGE("{}") DONE, "F(stop)." },
	{ "usage is a list", STOP USAGE("[1]") DONE, "F(stop)." },

	{ "two choices in one chunk",
	    "data: "
	    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}"
	    "\n\n" DONE,
	    "T(a)." },
	{ "nothing of a broken chunk is used", "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],}\n\n",
	    "X(upstream_failed,0,1)!" },
	{ "broken JSON", CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[\n\n" DONE,
	    "T(a)X(upstream_failed,0,1)!" },
	{ "bytes that are not UTF-8", CHUNK("{\"content\":\"a\"}", "null") CHUNK("{\"content\":\"\xff\xfe\"}", "null"),
	    "T(a)X(upstream_failed,0,1)!" },
	{ "reasoning that is not UTF-8", CHUNK("{\"reasoning\":\"\xff\",\"content\":\"a\"}", "null"),
	    "X(upstream_failed,0,1)!" },
	{ "a refusal that is not UTF-8", CHUNK("{\"content\":\"a\",\"refusal\":\"\xc0\x80\"}", "null"),
	    "T(a)X(upstream_failed,0,1)!" },
	{ "not an object", "data: 7\n\n", "X(upstream_failed,0,1)!" },
	{ "an error as a number", "data: {\"error\":7}\n\n", "X(upstream_failed,1,1)!" },
	{ "a request it does not like", "data: {\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\"}}\n\n",
	    "X(invalid_request,0,0)!" },
	{ "a status that is none", "data: {\"error\":{\"message\":\"no\",\"code\":600}}\n\n",
	    "X(upstream_failed,1,1)!" },
	{ "an error inside",
	    CHUNK("{\"content\":\"a\"}", "null") "data: {\"error\":{\"message\":\"The server had an error\","
						 "\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n",
	    "T(a)X(upstream_failed,1,1)!" },
	{ "a content filter inside", "data: {\"error\":{\"message\":\"no\",\"code\":\"content_filter\"}}\n\n",
	    "X(content_violation,0,0)!" },
	{ "an error with a status inside", "data: {\"error\":{\"message\":\"no\",\"code\":402}}\n\n",
	    "X(upstream_failed,0,1)!" },
	{ "a time-out inside", "data: {\"error\":{\"message\":\"slow\",\"code\":504}}\n\n",
	    "X(upstream_timeout,1,1)!" },
	{ "an error as text", "data: {\"error\":\"oops\"}\n\n", "X(upstream_failed,1,1)!" },
	/* complete when it says so */
	{ "[DONE] without a blank line", CHUNK("{\"content\":\"a\"}", "null") "data: [DONE]\n", "T(a)." },
	{ "[DONE] without a line end", CHUNK("{\"content\":\"a\"}", "null") "data: [DONE]", "T(a)." },
	{ "[DONE] among blanks", CHUNK("{\"content\":\"a\"}", "null") "data:  \t[DONE] \n\n", "T(a)." },
	{ "half a [DONE]", CHUNK("{\"content\":\"a\"}", "null") "data: [DON", "T(a)!" },
	{ "a finish without a line end",
	    CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
	    "T(a)F(stop)." },
	{ "usage without a blank line",
	    CHUNK("{\"content\":\"a\"}",
		"\"stop\"") "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\r\n",
	    "T(a)F(stop)U(1,2)." },
	{ "cut in the usage", CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: {\"usage\":{\"prompt_tok",
	    "T(a)F(stop)." },
	{ "garbage after a finish", CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: {]\n\n<html>\n\n" STOP,
	    "T(a)F(stop)." },
	{ "an error after a finish", CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: {\"error\":\"late\"}\n\n",
	    "T(a)F(stop)." },
	{ "an error after a finish of nothing", STOP "data: {\"error\":\"late\"}\n\n",
	    "F(stop)X(upstream_failed,1,1)!" },
	{ "the filter after a finish", CHUNK("{\"content\":\"a\"}", "\"stop\"") CHUNK("{}", "\"content_filter\"") DONE,
	    "T(a)F(stop)F(filtered)." },
	{ "the filter as an error after a finish",
	    CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: {\"error\":{\"code\":\"content_filter\"}}\n\n",
	    "T(a)F(stop)X(content_violation,0,0)!" },
	{ "the filter twice", CHUNK("{}", "\"sensitive\"") CHUNK("{}", "\"content_filter\"") DONE, "F(filtered)." },

	/* failed when it says so */
	{ "a finish that is none", CHUNK("{\"content\":\"a\"}", "\"\"") CHUNK("{\"content\":\"b\"}", "\"null\""),
	    "T(a)T(b)!" },
	{ "finished by an error", CHUNK("{\"content\":\"a\"}", "\"error\"") DONE, "T(a)X(upstream_failed,1,1)!" },
	{ "finished by the network", CHUNK("{}", "\"network_error\"") DONE, "X(upstream_failed,1,1)!" },
	{ "finished by who knows what", CHUNK("{\"content\":\"a\"}", "\"insufficient_system_resource\"") DONE,
	    "T(a)X(upstream_failed,1,1)!" },
	{ "finished as others do", CHUNK("{\"content\":\"a\"}", "\"MAX_TOKENS\"") DONE, "T(a)F(length)." },
	{ "an error object",
	    "data: {\"object\":\"error\",\"message\":\"no\",\"type\":\"BadRequestError\",\"code\":400}\n\n",
	    "X(invalid_request,0,0)!" },
	{ "an error code", "data: {\"error_code\":336003,\"error_msg\":\"no\"}\n\n", "X(upstream_failed,1,1)!" },
	{ "an error code of none", "data: {\"error_code\":0,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" DONE,
	    "T(a)." },
	{ "an error frame", "event: error\ndata: {\"message\":\"no\",\"code\":\"data_inspection_failed\"}\n\n",
	    "X(content_violation,0,0)!" },
	{ "an error frame around an error", "event: error\ndata: {\"error\":{\"code\":402}}\n\n",
	    "X(upstream_failed,0,1)!" },
	{ "an error frame of words", "event: error\ndata: overloaded\n\n", "X(upstream_failed,1,1)!" },
	{ "an error frame of nothing", "event: error\ndata:\n\n", "X(upstream_failed,1,1)!" },
	{ "an error frame at the end",
	    CHUNK("{\"content\":\"a\"}", "null") "event: error\ndata: {\"code\":\"sensitive\"}",
	    "T(a)X(content_violation,0,0)!" },
	{ "other frames with a name", "event: message\n" STOP DONE, "F(stop)." },

	/* text in all its shapes */
	{ "parts",
	    CHUNK("{\"content\":[{\"type\":\"text\",\"text\":\"a\\n\"},7,{\"type\":\"image_url\"},{\"text\":\"b\"}]}",
		"null") DONE,
	    "T(a\n)T(b)." },
	{ "parts with thoughts",
	    CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},"
		  "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":\"no\"}]}",
		"null") DONE,
	    "R(hm)T(a)T(no)." },
	{ "parts within parts", CHUNK("{\"content\":[{\"text\":[{\"text\":[{\"text\":\"a\"}]}]}]}", "null") DONE, "." },
	{ "the message again",
	    CHUNK("{\"content\":\"ab\"}",
		"null") "data: {\"choices\":[{\"delta\":{},"
			"\"message\":{\"content\":\"ab\",\"reasoning_content\":\"hm\"},\"finish_reason\":\"stop\"}]}\n\n" DONE,
	    "T(ab)R(hm)F(stop)." },
	{ "the message again, before the delta",
	    CHUNK("{\"content\":\"ab\"}",
		"null") "data: {\"choices\":[{"
			"\"message\":{\"content\":\"ab\",\"refusal\":\"\"},\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n" DONE,
	    "T(ab)F(stop)." },
	{ "the message again, without a delta",
	    CHUNK("{\"content\":\"ab\"}",
		"null") "data: {\"choices\":[{"
			"\"message\":{\"content\":\"ab\"},\"finish_reason\":\"stop\"}]}\n\n" DONE,
	    "T(ab)F(stop)." },
	{ "the message beside its only delta",
	    "data: {\"choices\":[{\"message\":{\"content\":\"a\"},\"delta\":{\"content\":\"a\"}}]}\n\n" DONE, "T(a)." },
	{ "only the message",
	    "data: {\"choices\":[{\"delta\":{},\"message\":{\"content\":\"ab\"},"
	    "\"finish_reason\":\"stop\"}]}\n\n" DONE,
	    "T(ab)F(stop)." },
	{ "messages for deltas",
	    "data: {\"choices\":[{\"message\":{\"content\":\"a\"}}]}\n\n"
	    "data: {\"choices\":[{\"message\":{\"content\":\"b\"}}]}\n\n" DONE,
	    "T(a)T(b)." },
	{ "an emoji over two deltas",
	    CHUNK("{\"content\":\"a\\ud83d\"}", "null") CHUNK("{\"content\":\"\"}", "null")
		CHUNK("{\"content\":\"\\ude00b\"}", "null") DONE,
	    "T(a)T(\xF0\x9F\x98\x80"
	    "b)." },
	{ "half an emoji and more",
	    CHUNK("{\"content\":\"\\ud83d\"}", "null") CHUNK("{\"content\":\"b\"}", "null") DONE,
	    "T(\xEF\xBF\xBD"
	    "b)." },
	{ "half an emoji at the very end", CHUNK("{\"reasoning\":\"\\uD83D\"}", "null") DONE, "R(\xEF\xBF\xBD)." },
	{ "what only looks like half an emoji", CHUNK("{\"content\":\"\\\\ud83d\"}", "null") DONE, "T(\\ud83d)." },
	{ "and what does not",
	    CHUNK("{\"content\":\"\\\\\\ud83d\"}", "null") CHUNK("{\"content\":\"\\ude00\"}", "null") DONE,
	    "T(\\)T(\xF0\x9F\x98\x80)." },
	{ "UTF-8 over two deltas",
	    CHUNK("{\"content\":\"a\xE4\xBD\"}", "null") CHUNK("{\"content\":\"\xA0"
							       "b\"}",
		"null") DONE,
	    "T(a)T(\xE4\xBD\xA0"
	    "b)." },
	{ "UTF-8 over four deltas",
	    CHUNK("{\"content\":\"\xF0\"}", "null") CHUNK("{\"content\":\"\x9F\"}", "null")
		CHUNK("{\"content\":\"\x98\"}", "null") CHUNK("{\"content\":\"\x80\"}", "null") DONE,
	    "T(\xF0\x9F\x98\x80)." },
	{ "UTF-8 beside reasoning",
	    CHUNK("{\"content\":\"\xE4\xBD\",\"reasoning\":\"\xE5\"}", "null")
		CHUNK("{\"content\":\"\xA0\",\"reasoning\":\"\xA5\xBD\"}", "null") DONE,
	    "R(\xE5\xA5\xBD)T(\xE4\xBD\xA0)." },
	{ "UTF-8 that stays half", CHUNK("{\"content\":\"a\xE4\xBD\"}", "\"stop\"") DONE,
	    "T(a)T(\xEF\xBF\xBD)F(stop)." },
	{ "UTF-8 that goes wrong",
	    CHUNK("{\"content\":\"a\xE4\xBD\"}", "null") CHUNK("{\"content\":\"b\"}", "null") DONE,
	    "T(a)X(upstream_failed,0,1)!" },
	{ "usage of a choice",
	    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\","
	    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}]}\n\n" DONE,
	    "T(a)F(stop)U(3,1)." },

	/* what means nothing */
	{ "keep-alives",
	    "data: : keepalive\n\ndata:\n\ndata: null\n\ndata:  \n\n: x\n\n" CHUNK("{\"content\":\"a\"}", "null") DONE,
	    "T(a)." },
	{ "errors of nothing",
	    "data: {\"error\":\"\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
	    "data: {\"error\":{ },\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"
	    "data: {\"error\": null ,\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
	    "data: {\"error\":false,\"choices\":[{\"delta\":{\"content\":\"d\"}}]}\n\n"
	    "data: {\"error\":[],\"choices\":[{\"delta\":{\"content\":\"e\"}}]}\n\n" DONE,
	    "T(a)T(b)T(c)T(d)T(e)." },
	{ "an error that is true", "data: {\"error\":true}\n\n", "X(upstream_failed,1,1)!" },

	/* something else than a stream */
	{ "a whole completion",
	    "\n " BODY("{\"role\":\"assistant\",\"content\":\"Hello\"}", "\"stop\"",
		"{\"prompt_tokens\":9,\"completion_tokens\":2}") "\n",
	    "T(Hello)F(stop)U(9,2)." },
	{ "half a completion", "{\"choices\":[{\"message\":{\"cont", "X(upstream_failed,1,1)!" },
	{ "an error instead", "{\"error\":{\"message\":\"no\",\"code\":\"content_policy_violation\"}}",
	    "X(content_violation,0,0)!" },
	{ "an error in a list", "[{\"error\":{\"message\":\"no\",\"code\":404}}]", "X(upstream_failed,0,1)!" },
	{ "an error without a name", "{\"message\":\"no\",\"type\":\"invalid_request_error\"}",
	    "X(invalid_request,0,0)!" },
	{ "words instead", "Service Unavailable\nTry again\n", "X(upstream_failed,0,1)!" },
	{ "a page without an end", "\xEF\xBB\xBF\n<html", "X(upstream_failed,0,1)!" },
	{ "a comment and no more", ": hello\n\n", "!" },
	{ "blanks", " \n\n", "!" },
	{ "strange types",
	    "data: {\"choices\":{\"0\":1},\"usage\":7,\"error\":null}\n\n"
	    "data: {\"choices\":[7,{}]}\n\ndata: {\"choices\":[{\"delta\":[],\"finish_reason\":7}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{\"content\":[7],\"reasoning_content\":1}}]}\n\n" DONE,
	    "." },
};

static const struct sample bodies[] = {
	{ "a regular answer",
	    BODY("{\"role\":\"assistant\",\"content\":\"Hello\"}", "\"stop\"",
		"{\"prompt_tokens\":9,\"completion_tokens\":2}"),
	    "T(Hello)F(stop)U(9,2)." },
	{ "with reasoning, without usage",
	    BODY("{\"reasoning_content\":\"hm\",\"content\":\"Hello\"}", "\"length\"", "null"),
	    "R(hm)T(Hello)F(length)." },
	{ "without a finish", BODY("{\"content\":\"Hello\"}", "null", "null"), "T(Hello)!" },
	{ "cut", "{\"choices\":[{\"message\":{\"cont", "X(upstream_failed,1,1)!" },
	{ "empty", "", "X(upstream_failed,1,1)!" },
	{ "a page", "<!doctype html>\n<html>", "X(upstream_failed,0,1)!" },
	{ "a number", "7", "X(upstream_failed,0,1)!" },
	{ "a list", "[]", "X(upstream_failed,1,1)!" },
	{ "an error with status 200", "{\"error\":{\"message\":\"no\",\"type\":\"insufficient_quota\"}}",
	    "X(upstream_failed,0,1)!" },
};

/* What providers send that is no OpenAI wire, and what is meant. */
static const struct sample oddities[] = {
	/* complete when it says so */
	{ "an error after the finish", TEXT STOP "data: {\"error\":{\"message\":\"late\"}}\n\n" USED,
	    "T(a)F(stop)U(9,2)." },
	{ "an error event after the finish", TEXT STOP "event: error\ndata: late\n\n", "T(a)F(stop)." },
	{ "garbage after the finish", TEXT STOP "data: {broken\n\n\xff\xfe\n\n" USED, "T(a)F(stop)U(9,2)." },
	{ "bytes that are not UTF-8 after the finish", TEXT STOP CHUNK("{\"content\":\"\xff\"}", "null") USED,
	    "T(a)F(stop)U(9,2)." },
	{ "the filter has the last word, nobody else",
	    TEXT STOP CHUNK("{}", "\"error\"") CHUNK("{}", "\"content_filter\""), "T(a)F(stop)F(filtered)." },
	{ "cut after the finish", TEXT STOP "data: {\"choices\":[],\"usa", "T(a)F(stop)." },
	{ "comments after the finish", TEXT STOP ": x\n\n: y\n: z", "T(a)F(stop)." },
	{ "no blank line after the usage",
	    TEXT STOP "data: {\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n", "T(a)F(stop)U(9,2)." },
	{ "no blank line after the finish", TEXT "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n",
	    "T(a)F(stop)." },
	{ "no newline after the finish", TEXT "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
	    "T(a)F(stop)." },
	{ "no newline after [DONE]", TEXT "data: [DONE]", "T(a)." },
	{ "cut in [DONE]", TEXT "data: [DON", "T(a)!" },

	/* failed when it says so */
	{ "an empty finish", CHUNK("{\"content\":\"a\"}", "\"\"") CHUNK("{}", "\"null\""), "T(a)!" },
	{ "an empty finish and a good one", CHUNK("{\"content\":\"a\"}", "\"\"") STOP DONE, "T(a)F(stop)." },
	{ "finish: error", TEXT CHUNK("{}", "\"error\""), "T(a)X(upstream_failed,1,1)!" },
	{ "finish: network_error", TEXT CHUNK("{}", "\"network_error\""), "T(a)X(upstream_failed,1,1)!" },
	{ "finish: an unknown word", TEXT CHUNK("{}", "\"tired\""), "T(a)X(upstream_failed,1,1)!" },
	{ "finish: no text", TEXT CHUNK("{}", "\"\xff\\n\""), "T(a)X(upstream_failed,1,1)!" },
	{ "finish: sensitive", TEXT CHUNK("{}", "\"sensitive\""), "T(a)F(filtered)." },
	{ "finish in capitals", TEXT CHUNK("{}", "\"STOP\""), "T(a)F(stop)." },
	{ "finish: others' words", TEXT CHUNK("{}", "\"end_turn\""), "T(a)F(stop)." },
	{ "object: error", "data: {\"object\":\"error\",\"message\":\"no\",\"code\":400}\n\n",
	    "X(invalid_request,0,0)!" },
	{ "error_code", TEXT "data: {\"error_code\":336100,\"error_msg\":\"busy\"}\n\n",
	    "T(a)X(upstream_failed,1,1)!" },
	{ "base_resp", "data: {\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login\"}}\n\n",
	    "X(upstream_failed,1,1)!" },
	{ "base_resp that is well",
	    CHUNK("{\"content\":\"a\"}",
		"\"stop\"") "data: {\"base_resp\":{\"status_code\":0,\"status_msg\":\"\"}}\n\n" DONE,
	    "T(a)F(stop)." },
	{ "code and message", "data: {\"code\":\"DataInspectionFailed\",\"message\":\"no\"}\n\n",
	    "X(content_violation,0,0)!" },
	{ "an error event", TEXT "event: error\ndata: {\"message\":\"busy\"}\n\n", "T(a)X(upstream_failed,1,1)!" },
	{ "an error event of no JSON", TEXT "event: error\ndata: too \xff busy\n\n", "T(a)X(upstream_failed,1,1)!" },
	{ "a policy by type", TEXT "data: {\"error\":{\"type\":\"content_filter\"}}\n\n",
	    "T(a)X(content_violation,0,0)!" },
	{ "a policy by code", "data: {\"error\":{\"code\":\"1301\",\"message\":\"no\"}}\n\n",
	    "X(content_violation,0,0)!" },
	{ "a policy by number", "data: {\"error\":{\"code\":1301}}\n\n", "X(content_violation,0,0)!" },
	{ "a policy as an event", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"safety\"}}\n\n",
	    "X(content_violation,0,0)!" },

	/* text */
	{ "parts",
	    CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},"
		  "{\"type\":\"text\",\"text\":\"a\"},\"b\",7,{\"text\":7},{\"thinking\":\"c\"}]}",
		"null") STOP DONE,
	    "R(hm)T(a)T(b)R(c)F(stop)." },
	{ "parts that are no UTF-8", CHUNK("{\"content\":[{\"text\":\"a\"},{\"text\":\"\xff\"}]}", "null"),
	    "T(a)X(upstream_failed,0,1)!" },
	{ "the message again",
	    TEXT "data: {\"choices\":[{\"delta\":{},\"message\":{\"content\":\"a\"},"
		 "\"finish_reason\":\"stop\"}]}\n\n",
	    "T(a)F(stop)." },
	{ "the message again, first",
	    TEXT "data: {\"choices\":[{\"message\":{\"content\":\"a\"},\"delta\":"
		 "{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n",
	    "T(a)F(stop)." },
	{ "both at once",
	    "data: {\"choices\":[{\"message\":{\"content\":\"a\"},\"delta\":{\"content\":\"a\"}}]}\n\n" DONE, "T(a)." },
	{ "only the message",
	    "data: {\"choices\":[{\"delta\":{},\"message\":{\"reasoning\":\"r\",\"content\":\"a\"}}]}\n\n" DONE,
	    "R(r)T(a)." },
	{ "the reasoning again, with the text",
	    CHUNK("{\"reasoning\":\"r\"}",
		"null") "data: {\"choices\":[{\"message\":{\"reasoning\":\"r\",\"content\":\"a\"}}]}\n\n" DONE,
	    "R(r)T(a)." },
	{ "a pair in two deltas",
	    CHUNK("{\"content\":\"a\\ud83d\"}", "null") CHUNK("{\"content\":\"\\ude00b\"}", "null") STOP,
	    "T(a)T(\xF0\x9F\x98\x80"
	    "b)F(stop)." },
	{ "a pair with an empty delta between",
	    CHUNK("{\"content\":\"\\uD83D\"}", "null") CHUNK("{\"content\":\"\"}", "null")
		CHUNK("{\"content\":\"\\uDE00\"}", "null") STOP,
	    "T(\xF0\x9F\x98\x80)F(stop)." },
	{ "a pair that is none", CHUNK("{\"content\":\"\\ud83d\"}", "null") CHUNK("{\"content\":\"b\"}", "null") STOP,
	    "T(\xEF\xBF\xBD"
	    "b)F(stop)." },
	{ "a backslash that looks like half",
	    CHUNK("{\"content\":\"\\\\ud83d\"}", "null") CHUNK("{\"content\":\"b\"}", "null") STOP,
	    "T(\\ud83d)T(b)F(stop)." },
	{ "reasoning between the halves",
	    CHUNK("{\"content\":\"\\ud83d\"}", "null") CHUNK("{\"reasoning\":\"r\"}", "null")
		CHUNK("{\"content\":\"\\ude00\"}", "null") STOP,
	    "R(r)T(\xF0\x9F\x98\x80)F(stop)." },
	{ "UTF-8 in pieces",
	    CHUNK("{\"content\":\"a\xF0\"}", "null") CHUNK("{\"content\":\"\x9F\x98\"}", "null")
		CHUNK("{\"content\":\"\x80\\n\"}", "null") STOP,
	    "T(a)T(\xF0\x9F\x98\x80\n)F(stop)." },
	{ "UTF-8 that goes on wrongly", CHUNK("{\"content\":\"\xE4\"}", "null") CHUNK("{\"content\":\"b\"}", "null"),
	    "X(upstream_failed,0,1)!" },
	{ "UTF-8 that ends", CHUNK("{\"content\":\"a\xE4\xBD\"}", "null") DONE, "T(a)T(\xEF\xBF\xBD)." },

	/* harmless */
	{ "keep-alives", "data: : keepalive\n\ndata:\n\ndata: \n\ndata: null\n\ndata: {}\n\n" TEXT "data:  [DONE] \n\n",
	    "T(a)." },
	{ "errors that are none",
	    "data: {\"error\":\"\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
	    "data: {\"error\":{},\"error_code\":0,\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"
	    "data: {\"error\": null ,\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
	    "data: {\"error\":{\"message\":\"\",\"code\":null},\"code\":0,\"message\":\"ok\",\"choices\":[{\"delta\":{\"content\":\"d\"}}]}\n\n"
	    "data: {\"error\":false,\"choices\":[]}\n\n" DONE,
	    "T(a)T(b)T(c)T(d)." },
	{ "errors that are some", "data: {\"error\":true}\n\n", "X(upstream_failed,1,1)!" },

	/* something else */
	{ "a whole completion",
	    BODY("{\"role\":\"assistant\",\"content\":\"Hello\"}", "\"stop\"",
		"{\"prompt_tokens\":9,\"completion_tokens\":2}") "\n",
	    "T(Hello)F(stop)U(9,2)." },
	{ "a whole completion in an event", "data: " BODY("{\"content\":\"Hello\"}", "\"stop\"", "null") "\n\n",
	    "T(Hello)F(stop)." },
	{ "a whole completion, and more", BODY("{\"content\":\"]}\\\"}\"}", "\"stop\"", "null") "\n{\"error\":1}",
	    "T(]}\"})F(stop)." },
	{ "a whole error", "{\"error\":{\"message\":\"no\",\"type\":\"insufficient_quota\"}}",
	    "X(upstream_failed,0,1)!" },
	{ "a whole refusal", " {\"error\":{\"message\":\"no\",\"code\":\"content_filter\"}}",
	    "X(content_violation,0,0)!" },
	{ "a list of errors", "[{\"error\":{\"code\":400,\"message\":\"no\"}}]", "X(invalid_request,0,0)!" },
	{ "an object that is nothing", "{\"hello\":1}\n", "X(upstream_failed,0,1)!" },
	{ "a body that is cut", "{\"choices\":[{\"mess", "X(upstream_failed,1,1)!" },
	{ "a page of one line", "\n <!DOCTYPE html><title>Login</title>", "X(upstream_failed,0,1)!" },
	{ "plain words", "upstream connect error\nor so\n", "X(upstream_failed,0,1)!" },
	{ "the beginning of a field", "dat", "!" },
};

#define DELTAS(calls) CHUNK("{\"tool_calls\":[" calls "]}", "null")
#define CALL(members, function) "{" members "\"type\":\"function\",\"function\":{" function "}}"
#define NAMED(name, arguments) "\"name\":\"" name "\",\"arguments\":\"" arguments "\""
#define MORE(arguments) "\"arguments\":\"" arguments "\""
#define CALLED CHUNK("{}", "\"tool_calls\"") DONE

/* Calls of tools, as they come. */
static const struct sample calls[] = {
	{ "one, in pieces",
	    CHUNK("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}",
		"null") DELTAS(CALL("\"index\":0,", MORE("{\\\"a\\\":"))) DELTAS(CALL("\"index\":0,", MORE("1}")))
		CALLED,
	    "C(0,c1,f,)C(0,-,-,{\"a\":)C(0,-,-,1})F(calls)." },
	{ "two at once, and text before",
	    TEXT DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "")) "," CALL(
		"\"index\":1,\"id\":\"c2\",", NAMED("g", "{"))) DELTAS(CALL("\"index\":1,", MORE("}")))
		DELTAS(CALL("\"index\":0,", MORE("{}"))) CALLED,
	    "T(a)C(0,c1,f,)C(1,c2,g,{)C(1,-,-,})C(0,-,-,{})F(calls)." },
	{ "the id and the name again in each delta",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{")))
		DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})F(calls)." },
	{ "another id in each delta",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{")))
		DELTAS(CALL("\"index\":0,\"id\":\"c2\",", MORE("}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})F(calls)." },
	{ "nothing again",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{")))
		DELTAS(CALL("\"index\":0,\"id\":\"\",", NAMED("", "}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})F(calls)." },
	{ "no index",
	    DELTAS(CALL("\"index\":null,\"id\":\"c1\",", NAMED("f", "{"))) DELTAS(CALL("\"index\":null,\"id\":\"c1\",",
		MORE("}"))) DELTAS(CALL("\"id\":\"c2\",", NAMED("g", "{"))) DELTAS(CALL("", MORE("}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})C(1,c2,g,{)C(1,-,-,})F(calls)." },
	{ "no index, no id", DELTAS(CALL("", NAMED("f", "{}")) "," CALL("", NAMED("g", "{}"))) CALLED,
	    "C(0,-,f,{})C(1,-,g,{})F(calls)." },
	{ "each whole, all with the same index, and stopped as if for nothing",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{}")))
		DELTAS(CALL("\"index\":0,\"id\":\"c2\",", NAMED("f", "{}"))) STOP DONE,
	    "C(0,c1,f,{})C(1,c2,f,{})F(calls)." },
	{ "an index that begins with one",
	    DELTAS(CALL("\"index\":1,\"id\":\"c1\",", NAMED("f", "{"))) DELTAS(CALL("\"index\":1,", MORE("}")))
		DELTAS(CALL("\"index\":7,\"id\":\"c7\",", NAMED("g", "{}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})C(1,c7,g,{})F(calls)." },
	{ "the name after the arguments, and one that never has any",
	    DELTAS(CALL("\"index\":0,", MORE("{}"))) DELTAS(CALL("\"index\":1,\"id\":\"c1\",", MORE("{")))
		DELTAS(CALL("\"index\":1,", "\"name\":\"f\"")) DELTAS(CALL("\"index\":1,", MORE("}"))) CALLED,
	    "C(0,c1,f,{)C(0,-,-,})F(calls)." },
	{ "no arguments",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", "\"name\":\"f\",\"arguments\":null"))
		DELTAS(CALL("\"index\":1,\"id\":\"c2\",", NAMED("g", ""))) CALLED,
	    "C(0,c1,f,)C(1,c2,g,)C(0,-,-,{})C(1,-,-,{})F(calls)." },
	{ "arguments that are no text",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", "\"name\":\"f\",\"arguments\":{\"a\":[1]}")) CALLED,
	    "C(0,c1,f,{\"a\":[1]})F(calls)." },
	{ "an empty list beside text",
	    CHUNK("{\"content\":\"a\",\"tool_calls\":[]}", "null")
		CHUNK("{\"tool_calls\":null,\"function_call\":null}", "\"stop\"") DONE,
	    "T(a)F(stop)." },
	{ "no finish", DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", ""))) DONE, "C(0,c1,f,)C(0,-,-,{})." },
	{ "cut", DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{"))), "C(0,c1,f,{)!" },
	{ "after the end", CHUNK("{\"content\":\"a\"}", "\"stop\"") DELTAS(CALL("\"index\":0,", NAMED("f", "{}"))) DONE,
	    "T(a)F(stop)." },
	{ "an error after the end",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{}"))) CHUNK("{}", "\"tool_calls\"") "data: {]\n\n",
	    "C(0,c1,f,{})F(calls)." },
	{ "an emoji over two deltas",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "{\\\"a\\\":\\\"\\ud83d")))
		DELTAS(CALL("\"index\":0,", MORE("\\ude00\\\"}"))) CALLED,
	    "C(0,c1,f,{\"a\":\")C(0,-,-,\xF0\x9F\x98\x80\"})F(calls)." },
	{ "half an emoji", DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "\\ud83d"))) CALLED,
	    "C(0,c1,f,)C(0,-,-,\xEF\xBF\xBD)F(calls)." },
	{ "what is not UTF-8", DELTAS(CALL("\"index\":0,\"id\":\"c1\",", NAMED("f", "\xff"))),
	    "X(upstream_failed,0,1)!" },
	{ "names that are not UTF-8", DELTAS(CALL("\"index\":0,\"id\":\"\xff\",", NAMED("\xff", "{}"))) CALLED,
	    "F(calls)." },
	{ "what is no call",
	    DELTAS("7,{},{\"index\":\"a\",\"id\":7,\"function\":7},{\"function\":{\"name\":7,\"arguments\":7}}") CALLED,
	    "F(calls)." },
	{ "the old kind",
	    CHUNK("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}", "null")
		CHUNK("{\"function_call\":{\"arguments\":\"{\"}}", "null")
		    CHUNK("{\"function_call\":{\"arguments\":\"}\"}}", "null") CHUNK("{}", "\"function_call\"") DONE,
	    "C(0,-,f,)C(0,-,-,{)C(0,-,-,})F(calls)." },
	{ "both kinds",
	    CHUNK("{\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"},\"tool_calls\":[" CALL(
		      "\"index\":0,\"id\":\"c1\",", NAMED("f", "{}")) "]}",
		"null") CALLED,
	    "C(0,c1,f,{})F(calls)." },
	{ "the message again",
	    DELTAS(CALL("\"index\":0,\"id\":\"c1\",",
		NAMED("f", "{}"))) "data: {\"choices\":[{\"delta\":{},\"message\":"
				   "{\"tool_calls\":[" CALL(
				       "\"id\":\"c1\",", NAMED("f", "{}")) "]},\"finish_reason\":\"tool_calls\"}]}\n\n",
	    "C(0,c1,f,{})F(calls)." },
	{ "usage in all its parts",
	    STOP USAGE(
		"{\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14,\"prompt_tokens_details\":"
		"{\"cached_tokens\":4,\"audio_tokens\":0,\"cache_write_tokens\":2},\"completion_tokens_details\":"
		"{\"reasoning_tokens\":3}}") DONE,
	    "F(stop)U(9,5,cached 4,written 2,thought 3)." },
	{ "usage, DeepSeek",
	    STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":5,\"prompt_cache_hit_tokens\":4,"
		       "\"prompt_cache_miss_tokens\":5}") DONE,
	    "F(stop)U(9,5,cached 4)." },
	{ "usage, Kimi", STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":5,\"cached_tokens\":4}") DONE,
	    "F(stop)U(9,5,cached 4)." },
	{ "usage, xAI",
	    STOP USAGE("{\"prompt_tokens\":37,\"completion_tokens\":530,\"total_tokens\":800,"
		       "\"completion_tokens_details\":{\"reasoning_tokens\":233}}") DONE,
	    "F(stop)U(37,763,thought 233)." },
	{ "usage that contradicts itself",
	    STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":10,"
		       "\"cache_write_tokens\":7},\"completion_tokens_details\":{\"reasoning_tokens\":6}}") DONE,
	    "F(stop)U(9,5,cached 9,written 0,thought 5)." },
	{ "usage with strange details",
	    STOP USAGE("{\"prompt_tokens\":9,\"completion_tokens\":5,\"prompt_tokens_details\":[],"
		       "\"completion_tokens_details\":null,\"cached_tokens\":\"4\"}") DONE,
	    "F(stop)U(9,5)." },
};

static const struct sample call_bodies[] = {
	{ "two",
	    BODY("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL(
		     "\"id\":\"c1\",", NAMED("f", "{}")) "," CALL("\"id\":\"c2\",", NAMED("f", "{\\\"a\\\":1}")) "]}",
		"\"tool_calls\"", "{\"prompt_tokens\":9,\"completion_tokens\":2}"),
	    "C(0,c1,f,{})C(1,c2,f,{\"a\":1})F(calls)U(9,2)." },
	{ "the old kind, and text",
	    BODY("{\"content\":\"a\",\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}", "\"stop\"", "null"),
	    "T(a)C(0,-,f,)C(0,-,-,{})F(calls)." },
	{ "an empty list", BODY("{\"content\":\"a\",\"tool_calls\":[],\"function_call\":null}", "\"stop\"", "null"),
	    "T(a)F(stop)." },
};

static void
check_samples(bool stream, const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(samples[i].in);

		for (size_t slice = 1; slice <= len + 1; slice += slice < 20 ? 1 : 37) {
			struct buf out = BUF_INIT(0);

			note_answer(&openai_chat_parser, stream, samples[i].in, len, slice, &out);
			CU_ASSERT_STRING_EQUAL(buf_str(&out), samples[i].events);
			if (strcmp(buf_str(&out), samples[i].events) != 0)
				printf("# %s, slices of %zu: %s\n", samples[i].what, slice, buf_str(&out));
			buf_free(&out);
		}
	}
}

static void
test_calls(void)
{
	check_samples(true, calls, COUNT(calls));
	check_samples(false, call_bodies, COUNT(call_bodies));
}

/* More than any model means. */
static void
test_too_many_calls(void)
{
	struct buf in = BUF_INIT(0), out = BUF_INIT(0);

	for (int i = 0; i < 257; i++)
		buf_printf(&in, DELTAS(CALL("\"index\":%d,\"id\":\"c%d\",", NAMED("f", "{}"))), i, i);
	note_answer(&openai_chat_parser, true, in.data, in.len, in.len, &out);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "C(255,c255,f,{})X(upstream_failed,0,1)!"));
	buf_free(&in);
	buf_free(&out);
}

static void
test_streams(void)
{
	check_samples(true, streams, COUNT(streams));
}

static void
test_oddities(void)
{
	check_samples(true, oddities, COUNT(oddities));
}

static void
test_bodies(void)
{
	check_samples(false, bodies, COUNT(bodies));
}

/* Feed `total` bytes of one endless text; what the adapter makes of it. */
static void
check_endless(bool stream, const char *start, size_t total, const char *events)
{
	static char piece[65536];
	void *parser = openai_chat_parser.start(stream, CAP);
	struct buf out = BUF_INIT(0);
	size_t fed = 0;
	bool ok;

	memset(piece, 'x', sizeof(piece));
	ok = openai_chat_parser.feed(parser, start, strlen(start), note, &out);
	for (; ok && fed < total; fed += sizeof(piece))
		ok = openai_chat_parser.feed(parser, piece, sizeof(piece), note, &out);
	CU_ASSERT_EQUAL(ok, strchr(events, 'X') == NULL);
	CU_ASSERT_TRUE(ok || fed < total);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), events);
	openai_chat_parser.free(parser);
	buf_free(&out);
}

static void
test_endless(void)
{
	check_endless(true, CHUNK("{\"content\":\"a\"}", "null") "data: {\"choices\":[{\"delta\":{\"content\":\"",
	    2 << 20, "T(a)X(upstream_failed,0,1)");
	check_endless(true, CHUNK("{\"content\":\"a\"}", "\"stop\"") ": ", 2 << 20, "T(a)F(stop)");
	check_endless(true, "{\"choices\":[{\"message\":{\"content\":\"", 2 << 20, "X(upstream_failed,0,1)");
	check_endless(false, "{\"choices\":[{\"message\":{\"content\":\"", 16 << 20, "X(upstream_failed,0,1)");
}

static void
note_done(void *arg, const struct wire_event *e)
{
	*(int *)arg += e->kind == WIRE_DONE;
}

/* The end that needs no end of the connection: told once, and nothing is read after it. */
static void
test_over(void)
{
	static const struct {
		const char *in;
		int done;
	} rows[] = {
		{ CHUNK("{\"content\":\"a\"}", "\"stop\""), 0 },
		{ CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: [DONE]", 0 },
		{ CHUNK("{\"content\":\"a\"}", "\"stop\"") DONE DONE, 1 },
		{ CHUNK("{\"content\":\"a\"}", "null") DONE "data: {\n\n", 1 },
		{ CHUNK("{\"content\":\"a\"}", "\"stop\"") "data: garbage\n\n" DONE, 1 },
		{ BODY("{\"content\":\"a\"}", "\"stop\"", "null"), 1 }, /* whole at its last bracket */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = openai_chat_parser.start(true, CAP);
		int done = 0;

		CU_ASSERT_TRUE(openai_chat_parser.feed(parser, rows[i].in, strlen(rows[i].in), note_done, &done));
		CU_ASSERT_EQUAL(done, rows[i].done);
		CU_ASSERT_TRUE(openai_chat_parser.feed(parser, "data: {\n\n", 9, note_done, &done));
		CU_ASSERT_TRUE(openai_chat_parser.end(parser, note_done, &done));
		CU_ASSERT_TRUE(done <= 1);
		openai_chat_parser.free(parser);
	}
}

/* An event may be as large as the whole answer. */
static void
test_large_event(void)
{
	struct buf in = BUF_INIT(0);
	void *parser = openai_chat_parser.start(true, CAP);
	struct buf out = BUF_INIT(0);

	buf_puts(&in, "data: {\"choices\":[{\"delta\":{\"content\":\"");
	for (size_t i = 0; i < CAP / 8; i++)
		buf_puts(&in, "12345678");
	buf_puts(&in, "\"}}]}\n\n" DONE);
	for (size_t at = 0; at < in.len; at += 1000)
		CU_ASSERT_TRUE(
		    openai_chat_parser.feed(parser, in.data + at, in.len - at < 1000 ? in.len - at : 1000, note, &out));
	CU_ASSERT_TRUE(openai_chat_parser.end(parser, note, &out));
	CU_ASSERT_EQUAL(out.len, CAP + 3);
	openai_chat_parser.free(parser);
	buf_free(&in);
	buf_free(&out);
}

/* ---- failures ---------------------------------------------------------------- */

#define ERROR_BODY(type, code) "{\"error\":{\"message\":\"words\",\"type\":" type ",\"param\":null,\"code\":" code "}}"

static void
test_failures(void)
{
	static const struct {
		int http;
		const char *retry_after, *body;
		enum status status;
		bool retryable, next;
		int64_t retry_after_ms;
		const char *detail;
	} rows[] = {
		{ 400, NULL, ERROR_BODY("\"invalid_request_error\"", "null"), E_INVALID_REQUEST, false, false, 0,
		    "HTTP 400 invalid_request_error: words" },
		{ 400, NULL, ERROR_BODY("\"invalid_request_error\"", "\"context_length_exceeded\""), E_TOO_LARGE, false,
		    false, 0, "HTTP 400 context_length_exceeded: words" },
		/* the words around a bad key repeat it, whatever the status */
		{ 400, NULL, ERROR_BODY("null", "\"invalid_api_key\""), E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 400 invalid_api_key" },
		{ 500, NULL, "{\"error\":{\"message\":\"a\\u007fb\"}}", E_UPSTREAM_FAILED, true, true, 0,
		    "HTTP 500: a b" },
		{ 400, NULL, ERROR_BODY("null", "\"content_filter\""), E_CONTENT_VIOLATION, false, false, 0,
		    "HTTP 400 content_filter: words" },
		{ 400, NULL, ERROR_BODY("\"invalid_request_error\"", "\"content_policy_violation\""),
		    E_CONTENT_VIOLATION, false, false, 0, "HTTP 400 content_policy_violation: words" },
		{ 401, NULL, ERROR_BODY("\"invalid_request_error\"", "\"invalid_api_key\""), E_UPSTREAM_FAILED, false,
		    true, 0, "HTTP 401 invalid_api_key" },
		{ 403, NULL, ERROR_BODY("\"request_forbidden\"", "null"), E_UPSTREAM_FAILED, false, true, 0,
		    "HTTP 403 request_forbidden" },
		{ 404, NULL, ERROR_BODY("\"invalid_request_error\"", "\"model_not_found\""), E_UPSTREAM_FAILED, false,
		    true, 0, "HTTP 404 model_not_found: words" },
		{ 402, NULL, "", E_UPSTREAM_FAILED, false, true, 0, "HTTP 402" },
		{ 408, NULL, "", E_UPSTREAM_TIMEOUT, true, true, 0, "HTTP 408" },
		{ 413, NULL, "<html>", E_TOO_LARGE, false, false, 0, "HTTP 413" },
		{ 422, NULL, "{\"message\":\"flat\"}", E_INVALID_REQUEST, false, false, 0, "HTTP 422: flat" },
		{ 429, "7", ERROR_BODY("\"requests\"", "\"rate_limit_exceeded\""), E_UPSTREAM_FAILED, true, true, 7000,
		    "HTTP 429 rate_limit_exceeded: words" },
		{ 429, "0.25", "", E_UPSTREAM_FAILED, true, true, 250, "HTTP 429" },
		{ 429, NULL, ERROR_BODY("\"insufficient_quota\"", "\"insufficient_quota\""), E_UPSTREAM_FAILED, false,
		    true, 0, "HTTP 429 insufficient_quota: words" },
		{ 429, NULL, ERROR_BODY("\"insufficient_quota\"", "\"something_new\""), E_UPSTREAM_FAILED, false, true,
		    0, "HTTP 429 something_new: words" },
		{ 500, NULL, ERROR_BODY("\"server_error\"", "null"), E_UPSTREAM_FAILED, true, true, 0,
		    "HTTP 500 server_error: words" },
		{ 501, NULL, "", E_UPSTREAM_FAILED, false, true, 0, "HTTP 501" },
		{ 502, NULL, "<html>502</html>", E_UPSTREAM_FAILED, true, true, 0, "HTTP 502" },
		{ 503, "30 ", "{\"error\":\"busy\"}", E_UPSTREAM_FAILED, true, true, 30000, "HTTP 503: busy" },
		{ 504, NULL, NULL, E_UPSTREAM_TIMEOUT, true, true, 0, "HTTP 504" },
		{ 529, NULL, "", E_UPSTREAM_FAILED, true, true, 0, "HTTP 529" },
		{ 302, NULL, "", E_UPSTREAM_FAILED, false, true, 0, "HTTP 302" },
		{ 199, NULL, "", E_UPSTREAM_FAILED, false, true, 0, "HTTP 199" },
		{ 429, "Fri, 31 Dec 2027 23:59:59 GMT", "", E_UPSTREAM_FAILED, true, true, 0, "HTTP 429" },
		{ 429, "-5", "", E_UPSTREAM_FAILED, true, true, 0, "HTTP 429" },
		{ 429, "12x", "", E_UPSTREAM_FAILED, true, true, 0, "HTTP 429" },
		{ 429, "1e300", "", E_UPSTREAM_FAILED, true, true, 86400000, "HTTP 429" },
		{ 500, NULL, "[1,2", E_UPSTREAM_FAILED, true, true, 0, "HTTP 500" },
		{ 500, NULL, "{\"error\":7}", E_UPSTREAM_FAILED, true, true, 0, "HTTP 500" },
		{ 500, NULL, "{\"error\":{\"message\":\"a\\nb\\u0007\"}}", E_UPSTREAM_FAILED, true, true, 0,
		    "HTTP 500: a b " },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct wire_failure f;

		memset(&f, 0x5a, sizeof(f));
		wire_openai.failure(rows[i].http, rows[i].retry_after, rows[i].body,
		    rows[i].body == NULL ? 0 : strlen(rows[i].body), &f);
		CU_ASSERT_EQUAL(f.status, rows[i].status);
		CU_ASSERT_EQUAL(f.retryable, rows[i].retryable);
		CU_ASSERT_EQUAL(f.next_channel, rows[i].next);
		CU_ASSERT_EQUAL(f.retry_after_ms, rows[i].retry_after_ms);
		CU_ASSERT_STRING_EQUAL(f.detail, rows[i].detail);
	}
}

static void
test_detail_keeps_no_key_and_no_half_character(void)
{
	struct buf body = BUF_INIT(0);
	struct wire_failure f;

	wire_openai.failure(401, NULL,
	    "{\"error\":{\"message\":\"Incorrect API key provided: sk-abc\",\"code\":\"invalid_api_key\"}}", 78, &f);
	CU_ASSERT_PTR_NULL(strstr(f.detail, "sk-"));
	for (size_t pad = 0; pad < 3; pad++) {
		size_t len;

		buf_clear(&body);
		buf_puts(&body, "{\"error\":{\"message\":\"");
		buf_add(&body, "xxx", pad);
		for (int i = 0; i < 200; i++)
			buf_puts(&body, "\xE4\xBD\xA0");
		buf_puts(&body, "\"}}");
		wire_openai.failure(500, NULL, body.data, body.len, &f);
		len = strlen(f.detail);
		CU_ASSERT_TRUE(len > 240);
		CU_ASSERT_EQUAL((unsigned char)f.detail[len - 1], 0xA0);
		CU_ASSERT_EQUAL((unsigned char)f.detail[len - 3], 0xE4);
	}
	buf_free(&body);
}

static void
keep_detail(void *arg, const struct wire_event *e)
{
	if (e->kind == WIRE_FAILURE)
		memcpy(arg, e->failure.detail, sizeof(e->failure.detail));
}

/* An error in a stream has no status of its own: it gets the one that goes with its type. */
static void
test_status_inside(void)
{
	static const struct {
		const char *error, *detail;
	} rows[] = {
		{ "{\"type\":\"requests\"}", "HTTP 429 requests" },
		{ "{\"type\":\"tokens\"}", "HTTP 429 tokens" },
		{ "{\"type\":\"rate_limit_error\"}", "HTTP 429 rate_limit_error" },
		{ "{\"type\":\"invalid_request_error\"}", "HTTP 400 invalid_request_error" },
		{ "{\"type\":\"else\"}", "HTTP 500 else" },
		{ "{\"type\":\"requests\",\"code\":599}", "HTTP 599 requests" },
		{ "{\"type\":\"requests\",\"code\":399}", "HTTP 429 requests" },
		{ "{\"code\":600}", "HTTP 500 600" },
		{ "{\"code\":\"404\"}", "HTTP 500 404" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = openai_chat_parser.start(true, CAP);
		char event[128], detail[sizeof((struct wire_failure){ 0 }.detail)] = "";

		snprintf(event, sizeof(event), "data: {\"error\":%s}\n\n", rows[i].error);
		CU_ASSERT_FALSE(openai_chat_parser.feed(parser, event, strlen(event), keep_detail, detail));
		CU_ASSERT_STRING_EQUAL(detail, rows[i].detail);
		openai_chat_parser.free(parser);
	}
	openai_chat_parser.free(NULL);
}

/* What the log says of an answer that is none. */
static void
test_words(void)
{
	static const struct {
		const char *in, *detail;
	} rows[] = {
		{ "\n<html><head>\tBusy\n</head>", "no answer, but: <html><head> Busy" },
		{ "Bad \xff gateway\r\n\r\n", "no answer, but: Bad ? gateway" },
		{ CHUNK("{}", "\"network_error\""), "finish_reason network_error" },
		{ "event: error\ndata: try later\n\n", "HTTP 500: try later" },
		{ "event: error\ndata: {\"error\":{},\"message\":\"no\"}\n\n", "HTTP 500: no" },
		{ "data: {\"error_code\":336003,\"error_msg\":\"too long\"}\n\n", "HTTP 500 336003: too long" },
		{ "data: {\"error_code\":\"E7\",\"error\":null}\n\n", "HTTP 500 E7" },
		{ "data: {\"object\":\"error\",\"message\":\"m\",\"type\":\"t\"}\n\n", "HTTP 500 t: m" },
		{ "{\"error\":{\"message\":\"m\",\"code\":\"1301\"}}", "HTTP 500 1301: m" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		void *parser = openai_chat_parser.start(true, CAP);
		char detail[sizeof((struct wire_failure){ 0 }.detail)] = "";
		bool ok = openai_chat_parser.feed(parser, rows[i].in, strlen(rows[i].in), keep_detail, detail);

		if (ok)
			CU_ASSERT_FALSE(openai_chat_parser.end(parser, keep_detail, detail));
		CU_ASSERT_STRING_EQUAL(detail, rows[i].detail);
		openai_chat_parser.free(parser);
	}
}

static void
test_registry(void)
{
	wires_register(wires_all());
	CU_ASSERT_PTR_EQUAL(wire_find("openai"), &wire_openai);
	CU_ASSERT_PTR_NULL(wire_find("nobody"));
	CU_ASSERT_PTR_NULL(wire_find(NULL));
}

static CU_TestInfo answer_tests[] = {
	{ "reads streams in every slicing", test_streams },
	{ "reads what is meant in every slicing", test_oddities },
	{ "reads whole answers in every slicing", test_bodies },
	{ "reads calls in every slicing", test_calls },
	{ "gives up on endless calls", test_too_many_calls },
	{ "gives up on an endless answer", test_endless },
	{ "says when an answer is over", test_over },
	{ "reads an event as large as an answer", test_large_event },
	CU_TEST_INFO_NULL,
};

static CU_TestInfo failure_tests[] = {
	{ "understands statuses and error bodies", test_failures },
	{ "logs no key and no half character", test_detail_keeps_no_key_and_no_half_character },
	{ "gives an error in a stream its status", test_status_inside },
	{ "repeats the provider's words", test_words },
	{ "is found by its name", test_registry },
	CU_TEST_INFO_NULL,
};

static CU_SuiteInfo suites[] = {
	{ "answer", NULL, NULL, NULL, NULL, answer_tests },
	{ "failure", NULL, NULL, NULL, NULL, failure_tests },
	CU_SUITE_INFO_NULL,
};

int
main(void)
{
	return tap_run(suites);
}
