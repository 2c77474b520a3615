// The openai package for Node against Weir.
import OpenAI from "openai";
import {
	CITY,
	KEY,
	OTHER_KEY,
	PNG,
	POOR_KEY,
	RARE_KEY,
	URL_BASE,
	WIRES,
	WORDS,
	WRONG_KEY,
	assert,
	calls,
	check,
	drain,
	failure,
	nextCall,
	requests,
	skip,
} from "./sdklib.mjs";

const MODEL = "demo-fast";
const connect = (apiKey, more) => new OpenAI({ apiKey, baseURL: `${URL_BASE}/v1`, ...more });
const client = connect(KEY);
const user = (content) => ({ role: "user", content });
const ask = (content, more) => ({ model: MODEL, messages: [user(content)], ...more });
const create = (content, more, options) => client.chat.completions.create(ask(content, more), options);
const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? "").join("");

await check("a plain question is answered", async () => {
	const answer = await create("Tell me about weirs");
	assert.equal(answer.object, "chat.completion");
	assert.match(answer.id, /^chatcmpl-/);
	assert.equal(answer.model, MODEL);
	assert.equal(answer.choices.length, 1);
	assert.equal(answer.choices[0].message.role, "assistant");
	assert.match(answer.choices[0].message.content, /Tell me about weirs/);
	assert.equal(answer.choices[0].finish_reason, "stop");
	assert.match(answer._request_id, /^[0-9a-f-]{36}$/);
});

await check("usage is what the ledger has", async () => {
	const before = (await calls()).length;
	const { usage } = await create("Count this");
	assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
	assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
	const row = await nextCall(before);
	assert.equal(row.status, "completed");
	assert.deepEqual([row.input_tokens, row.output_tokens], [usage.prompt_tokens, usage.completion_tokens]);
	assert.ok(row.cost > 0);
});

await check("streams say the same as whole answers", async () => {
	const whole = await create("The same twice", { seed: 1 });
	const { items, error } = await drain(
		await create("The same twice", { seed: 1, stream: true, stream_options: { include_usage: true } }),
	);
	assert.equal(error, null);
	assert.equal(textOf(items), whole.choices[0].message.content);
	assert.equal(items[0].choices[0].delta.role, "assistant");
	assert.deepEqual(items.map((c) => c.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
	assert.deepEqual(items.at(-1).choices, []);
	// A provider may say more of it in a stream.
	for (const name of ["prompt_tokens", "completion_tokens", "total_tokens"])
		assert.equal(items.at(-1).usage[name], whole.usage[name]);
	assert.equal(new Set(items.map((c) => c.id)).size, 1);
});

await check("a stream has no usage that was not asked for", async () => {
	const { items } = await drain(await create("Not counted", { stream: true }));
	assert.ok(items.every((c) => !c.usage && c.choices.length === 1));
});

await check("the helper for streams puts the answer together", async () => {
	const whole = await create("Put together");
	const runner = client.chat.completions.stream(ask("Put together", { stream_options: { include_usage: true } }));
	let heard = "";
	runner.on("content", (delta) => (heard += delta));
	const answer = await runner.finalChatCompletion();
	assert.equal(answer.choices[0].message.content, whole.choices[0].message.content);
	assert.equal(heard, whole.choices[0].message.content);
	assert.equal((await runner.totalUsage()).total_tokens, whole.usage.total_tokens);
});

for (const stream of [false, true]) {
	const way = stream ? "streamed" : "whole";
	const said = async (body) => {
		const answer = await client.chat.completions.create({ model: MODEL, ...body, stream });
		if (!stream) return [answer.choices[0].message.content, answer.choices[0].finish_reason];
		const { items, error } = await drain(answer);
		if (error) throw error;
		return [textOf(items), items.findLast((c) => c.choices[0]?.finish_reason)?.choices[0].finish_reason];
	};

	await check(`system prompt and several turns arrive (${way})`, async () => {
		const messages = [
			{ role: "system", content: "Be brief." },
			user("First"),
			{ role: "assistant", content: "Said" },
			{ role: "developer", content: [{ type: "text", text: "Still brief." }] },
			user([
				{ type: "text", text: "Second " },
				{ type: "text", text: "half" },
			]),
		];
		const [text] = await said({ messages });
		assert.match(text, /You wrote: \*Second half\*/);
		assert.match(text, /\| Messages \| 5 \|/);
	});

	await check(`an answer that was cut says so (${way})`, async () => {
		for (const limit of ["max_tokens", "max_completion_tokens"]) {
			const [text, reason] = await said({ messages: [user("Cut me")], [limit]: 5 });
			assert.equal(reason, "length");
			assert.ok(text.length > 0 && text.length < 100);
		}
	});

	await check(`a picture arrives (${way})`, async () => {
		const picture = (url) => [
			user([
				{ type: "text", text: "What is this?" },
				{ type: "image_url", image_url: { url, detail: "low" } },
			]),
		];
		const [inline] = await said({ messages: picture(`data:image/png;base64,${PNG}`) });
		assert.match(inline, /You sent 1 image\. The first is inline data of type `image\/png`/);
		const [linked] = await said({ messages: picture("https://example.org/weir.png") });
		assert.match(linked, /You sent 1 image\. The first is at `https:\/\/example\.org\/weir\.png`/);
	});

	await check(`every script of the world arrives (${way})`, async () => {
		assert.equal((await said({ messages: [user(`[[demo echo=1]]${WORDS}`)] }))[0], WORDS);
	});
}

await check("what the model thought is told", async () => {
	const whole = await create("[[demo reasoning=4]] Think");
	assert.ok(whole.choices[0].message.reasoning_content.length > 0);
	const { items } = await drain(await create("[[demo reasoning=4]] Think", { stream: true }));
	const thoughts = items.map((c) => c.choices[0]?.delta?.reasoning_content ?? "").join("");
	assert.equal(thoughts, whole.choices[0].message.reasoning_content);
});

await check("structured output is parsed", async () => {
	const isCity = (text) => {
		const { city, population, ...rest } = JSON.parse(text);
		assert.deepEqual([typeof city, typeof population, rest], ["string", "number", {}]);
	};
	const format = {
		type: "json_schema",
		json_schema: {
			name: "city",
			strict: true,
			schema: {
				type: "object",
				properties: { city: { type: "string" }, population: { type: "integer" } },
				required: ["city", "population"],
				additionalProperties: false,
			},
		},
	};
	for (const model of Object.values(WIRES)) {
		const body = ask(CITY, { response_format: format, model });
		isCity((await client.chat.completions.create(body)).choices[0].message.content);
		isCity(await client.chat.completions.stream(body).finalContent());
	}
});

// -- tools

const WEATHER = {
	type: "function",
	function: {
		name: "get_weather",
		description: "The weather of a city.",
		parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
	},
};
const CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?";
const demoCalls = await create(CALL, { tools: [WEATHER] }).then(
	(answer) => answer.choices[0].message.tool_calls?.length > 0,
	() => false,
);
const checkCalls = (name, work) => check(name, demoCalls ? work : () => skip("weir-demo does not call tools"));

await checkCalls("a tool is called, answered and its result is said", async () => {
	const messages = [user(CALL)];
	const first = await client.chat.completions.create({ model: MODEL, messages, tools: [WEATHER] });
	const [call] = first.choices[0].message.tool_calls;
	assert.equal(first.choices[0].finish_reason, "tool_calls");
	assert.equal(call.type, "function");
	assert.ok(call.id);
	assert.equal(call.function.name, "get_weather");
	assert.deepEqual(JSON.parse(call.function.arguments), { city: "Berlin" });
	messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "21 degrees, sunny" });
	const second = await client.chat.completions.create({ model: MODEL, messages, tools: [WEATHER] });
	assert.equal(second.choices[0].finish_reason, "stop");
	assert.match(second.choices[0].message.content, /21 degrees, sunny/);
});

await checkCalls("a tool's call comes in a stream as it comes whole", async () => {
	const body = { ...ask(CALL), tools: [WEATHER] };
	const [whole] = (await client.chat.completions.create(body)).choices[0].message.tool_calls;
	const streamed = await client.chat.completions.stream(body).finalChatCompletion();
	const [call] = streamed.choices[0].message.tool_calls;
	assert.equal(streamed.choices[0].finish_reason, "tool_calls");
	assert.equal(call.function.name, whole.function.name);
	assert.deepEqual(JSON.parse(call.function.arguments), JSON.parse(whole.function.arguments));
	assert.ok(call.id);
});

await checkCalls("the helper for tools runs the loop", async () => {
	const asked = [];
	const tool = {
		type: "function",
		function: {
			...WEATHER.function,
			parse: JSON.parse,
			function: ({ city }) => {
				asked.push(city);
				return `21 degrees in ${city}`;
			},
		},
	};
	for (const stream of [false, true]) {
		const runner = client.chat.completions.runTools({ ...ask(CALL), tools: [tool], stream });
		assert.match(await runner.finalContent(), /21 degrees in Berlin/);
	}
	assert.deepEqual(asked, ["Berlin", "Berlin"]);
});

// -- over the wires of others

for (const [wire, model] of Object.entries(WIRES)) {
	await check(`streams and whole answers are the same over the wire of ${wire}`, async () => {
		const before = (await calls()).length;
		const body = { model, messages: [{ role: "system", content: "Be brief." }, user(`${WORDS} Over a wire`)] };
		const whole = await client.chat.completions.create(body);
		const streamed = await client.chat.completions
			.stream({ ...body, stream_options: { include_usage: true } })
			.finalChatCompletion();
		const [{ message, finish_reason }] = whole.choices;
		assert.match(message.content, /Over a wire/);
		assert.equal(streamed.choices[0].message.content, message.content);
		assert.deepEqual([finish_reason, streamed.choices[0].finish_reason, whole.model], ["stop", "stop", model]);
		await nextCall(before + 1);
		for (const [i, { usage }] of [whole, streamed].entries()) {
			const row = (await calls())[before + i];
			assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [row.input_tokens, row.output_tokens]);
		}
		assert.equal((await create("Cut me", { model, max_tokens: 5 })).choices[0].finish_reason, "length");
		const picture = [{ type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } }, { type: "text", text: "What?" }];
		assert.match((await create(picture, { model })).choices[0].message.content, /You sent 1 image/);
	});

	await check(`a stream that breaks over the wire of ${wire} raises`, async () => {
		for (const fault of ["reset-mid", "cut", "error-mid"]) {
			const { items, error } = await drain(await create(`[[demo fault=${fault} deltas=40]] broken`, { model, stream: true }));
			assert.ok(textOf(items).length > 0);
			assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error}`);
			assert.ok(!items.some((c) => c.choices[0]?.finish_reason));
		}
	});

	await checkCalls(`tools are called over the wire of ${wire}`, async () => {
		const messages = [user(`[[demo reasoning=3 call=get_weather:city=Berlin]] What is the weather?`)];
		for (const result of ["21 degrees", "and sunny"]) {
			const body = { model, messages, tools: [WEATHER] };
			const whole = (await client.chat.completions.create(body)).choices[0];
			const streamed = (await client.chat.completions.stream(body).finalChatCompletion()).choices[0];
			for (const { message, finish_reason } of [whole, streamed]) {
				assert.equal(finish_reason, "tool_calls");
				assert.equal(message.tool_calls.length, 1);
				assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "Berlin" });
			}
			const { message } = result === "and sunny" ? streamed : whole;
			messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: result });
			const last = await client.chat.completions.create({ ...body, messages });
			assert.ok(last.choices[0].message.content.includes(result), last.choices[0].message.content);
			messages.push(last.choices[0].message, user(CALL));
		}
	});
}

// -- refusals

const refused = async (promise, kind, wanted) => {
	const error = await failure(promise);
	assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
	const { status, code, type, param } = error;
	for (const [name, value] of Object.entries(wanted)) assert.equal({ status, code, type, param }[name], value, error.message);
	assert.ok(error.requestID);
};

for (const stream of [false, true]) {
	const way = stream ? "streamed" : "whole";
	const by = (key, body) => connect(key).chat.completions.create({ ...ask("x"), ...body, stream });

	await check(`a wrong key is an AuthenticationError (${way})`, async () => {
		await refused(by(WRONG_KEY), OpenAI.AuthenticationError, { status: 401, code: "invalid_api_key" });
	});
	await check(`an unknown model is a NotFoundError (${way})`, async () => {
		await refused(by(KEY, { model: "none-such" }), OpenAI.NotFoundError, { status: 404, code: "model_not_found", param: "model" });
	});
	await check(`a bad request is a BadRequestError that names the field (${way})`, async () => {
		const kind = OpenAI.BadRequestError;
		await refused(by(KEY, { messages: [] }), kind, { status: 400, type: "invalid_request_error", param: "messages" });
		await refused(by(KEY, { n: 2 }), kind, { status: 400, param: "n" });
		await refused(by(KEY, { messages: [{ role: "nobody", content: "x" }] }), kind, { param: "messages[0].role" });
	});
	await check(`no credits are an APIError 402 (${way})`, async () => {
		await refused(by(POOR_KEY), OpenAI.APIError, { status: 402, code: "insufficient_quota" });
	});
	await check(`refused content is a BadRequestError (${way})`, async () => {
		const body = { messages: [user("[[demo fault=filter]] never")] };
		await refused(by(KEY, body), OpenAI.BadRequestError, { status: 400, code: "content_policy_violation" });
	});
}

await check("too many requests are a RateLimitError", async () => {
	const by = connect(RARE_KEY, { maxRetries: 0 }).chat.completions;
	await by.create(ask("x"));
	await refused(by.create(ask("x")), OpenAI.RateLimitError, { status: 429, code: "rate_limit_exceeded" });
	assert.ok((await failure(by.create(ask("x", { stream: true })))).headers.get("retry-after") > 0);
});

await check("a key for something else is a PermissionDeniedError", async () => {
	await refused(connect(OTHER_KEY).chat.completions.create(ask("x")), OpenAI.PermissionDeniedError, { status: 403 });
});

await check("402, 404 and 400 are not asked again", async () => {
	const statuses = await requests(async () => {
		await failure(connect(POOR_KEY).chat.completions.create(ask("x")));
		await failure(create("x", { model: "none-such" }));
		await failure(create("x", { n: 2 }));
	});
	assert.deepEqual(statuses, [402, 404, 400]);
});

await check("what fails before the answer is asked again, until it is answered", async () => {
	const before = (await calls()).length;
	for (const stream of [false, true]) {
		const statuses = await requests(async () => {
			const answer = await create(`[[demo fault=500 fail=2 key=node-${stream}]] again`, { stream });
			if (stream) assert.equal((await drain(answer)).error, null);
		});
		assert.deepEqual(statuses, [502, 502, 200]);
	}
	const rows = (await calls()).slice(before);
	assert.deepEqual(
		rows.map((r) => [r.status, r.cost > 0]),
		[1, 2].flatMap(() => [
			["failed", false],
			["failed", false],
			["completed", true],
		]),
	);
});

await check("what keeps failing is asked as often as was said", async () => {
	for (const [maxRetries, times] of [
		[0, 1],
		[1, 2],
	]) {
		const statuses = await requests(async () => {
			await refused(create("[[demo fault=500]] never", {}, { maxRetries }), OpenAI.InternalServerError, { status: 502 });
		});
		assert.deepEqual(statuses, Array(times).fill(502));
	}
});

// -- ends

for (const [wire, model] of Object.entries(WIRES))
	await check(`a quiet stream is kept alive, and told in full (${wire})`, async () => {
		const whole = await create("[[demo deltas=4]] slowly", { model });
		const { items, error } = await drain(await create("[[demo deltas=4 interval=500]] slowly", { model, stream: true }));
		assert.equal(error, null);
		assert.equal(textOf(items), whole.choices[0].message.content);
	});

await check("a stream that breaks raises", async () => {
	for (const fault of ["reset-mid", "cut", "error-mid"]) {
		const before = (await calls()).length;
		const { items, error } = await drain(await create(`[[demo fault=${fault} deltas=40]] broken`, { stream: true }));
		assert.ok(textOf(items).length > 0);
		assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error}`);
		assert.ok(!items.some((c) => c.choices[0]?.finish_reason));
		const row = await nextCall(before);
		assert.deepEqual([row.status, row.output_tokens > 0], ["failed", true]);
	}
});

await check("a whole answer that breaks is an error, and costs nothing", async () => {
	const before = (await calls()).length;
	const error = await failure(create("[[demo fault=reset-mid deltas=40]] broken", {}, { maxRetries: 0 }));
	assert.ok(error instanceof OpenAI.InternalServerError, `${error}`);
	const { status, cost } = await nextCall(before);
	assert.deepEqual([status, cost], ["failed", 0]);
});

await check("a client that leaves its stream ends the call", async () => {
	const leave = [
		async (stream) => {
			for await (const _ of stream) break;
		},
		async (stream) => {
			for await (const _ of stream) stream.controller.abort();
		},
	];
	for (const how of leave) {
		const before = (await calls()).length;
		await how(await create("[[demo deltas=200 interval=50]] leave", { stream: true }));
		const row = await nextCall(before);
		assert.deepEqual([row.status, row.output_tokens < 200], ["cancelled", true]);
	}
});

await check("a client that gives up a whole answer pays for it: the provider makes it all the same", async () => {
	const before = (await calls()).length;
	const gone = new AbortController();
	setTimeout(() => gone.abort(), 300);
	const error = await failure(create("[[demo deltas=200 delay=900]] leave", {}, { signal: gone.signal }));
	assert.ok(error instanceof OpenAI.APIUserAbortError);
	const row = await nextCall(before);
	assert.deepEqual([row.status, row.output_tokens], ["completed", 200]);
});

// -- models

await check("models are listed, and found by name", async () => {
	const names = [];
	for await (const model of client.models.list()) names.push(model.id);
	assert.ok(["demo", MODEL, "demo-slow"].every((name) => names.includes(name)), names.join());
	const model = await client.models.retrieve(MODEL);
	assert.deepEqual([model.id, model.object, typeof model.created, typeof model.owned_by], [MODEL, "model", "number", "string"]);
	await refused(client.models.retrieve("none-such"), OpenAI.NotFoundError, { status: 404, code: "model_not_found" });
	await refused(connect(WRONG_KEY).models.list(), OpenAI.AuthenticationError, { status: 401 });
});

await check("what is not offered is a NotFoundError", async () => {
	await refused(client.fineTuning.jobs.list(), OpenAI.NotFoundError, { status: 404 });
});
