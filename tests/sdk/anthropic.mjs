// The @anthropic-ai/sdk package for Node against Weir.
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { jsonSchemaOutputFormat } from "@anthropic-ai/sdk/helpers/json-schema";
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
const connect = (apiKey, more) => new Anthropic({ apiKey, baseURL: URL_BASE, ...more });
const client = connect(KEY);
const user = (content) => ({ role: "user", content });
const ask = (content, more) => ({ model: MODEL, max_tokens: 4000, messages: [user(content)], ...more });
const create = (content, more, options) => client.messages.create(ask(content, more), options);
const textIn = (message) => message.content.map((b) => b.text ?? "").join("");
const textOf = (events) => events.map((e) => e.delta?.text ?? "").join("");

await check("a plain question is answered", async () => {
	const answer = await create("Tell me about weirs");
	assert.deepEqual([answer.type, answer.role, answer.model], ["message", "assistant", MODEL]);
	assert.match(answer.id, /^msg_/);
	assert.deepEqual(
		answer.content.map((b) => b.type),
		["text"],
	);
	assert.match(textIn(answer), /Tell me about weirs/);
	assert.deepEqual([answer.stop_reason, answer.stop_sequence], ["end_turn", null]);
	assert.match(answer._request_id, /^[0-9a-f-]{36}$/);
});

await check("the key is taken in every way it is given", async () => {
	const bare = { apiKey: null, defaultHeaders: { "x-api-key": KEY } };
	for (const by of [{ apiKey: KEY }, { apiKey: null, authToken: KEY }, ...(KEY.startsWith("wk-") ? [bare] : [])]) {
		const answer = await new Anthropic({ ...by, baseURL: URL_BASE }).messages.create(ask("Who am I?"));
		assert.match(textIn(answer), /Who am I\?/);
	}
});

await check("usage is what the ledger has", async () => {
	const before = (await calls()).length;
	const { usage } = await create("Count this");
	assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
	const row = await nextCall(before);
	assert.deepEqual([row.status, row.input_tokens, row.output_tokens], ["completed", usage.input_tokens, usage.output_tokens]);
	assert.ok(row.cost > 0);
});

await check("streams say the same as whole answers", async () => {
	const whole = await create("The same twice");
	const { items, error } = await drain(await create("The same twice", { stream: true }));
	assert.equal(error, null);
	assert.equal(textOf(items), textIn(whole));
	const order = items.map((e) => e.type).filter((type, i, all) => type !== all[i - 1]);
	assert.deepEqual(order, [
		"message_start",
		"content_block_start",
		"content_block_delta",
		"content_block_stop",
		"message_delta",
		"message_stop",
	]);
	assert.equal(items.find((e) => e.type === "message_delta").delta.stop_reason, "end_turn");
});

await check("the helper for streams puts the answer together", async () => {
	const whole = await create("Put together");
	const stream = client.messages.stream(ask("Put together"));
	let heard = "";
	stream.on("text", (delta) => (heard += delta));
	const answer = await stream.finalMessage();
	assert.equal(textIn(answer), textIn(whole));
	assert.equal(heard, textIn(whole));
	assert.equal(answer.stop_reason, "end_turn");
	assert.deepEqual(
		[answer.usage.input_tokens, answer.usage.output_tokens],
		[whole.usage.input_tokens, whole.usage.output_tokens],
	);
});

/** An answer in that way, put together. */
const said = {
	whole: (body, by = client) => by.messages.create(body),
	streamed: (body, by = client) => by.messages.stream(body).finalMessage(),
};

for (const way of ["whole", "streamed"]) {
	await check(`system prompt and several turns arrive (${way})`, async () => {
		for (const system of ["Be brief.", [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }]]) {
			const messages = [
				user("First"),
				{ role: "assistant", content: [{ type: "text", text: "Said" }] },
				user([
					{ type: "text", text: "Second " },
					{ type: "text", text: "half" },
				]),
			];
			const text = textIn(await said[way](ask("", { system, messages })));
			assert.match(text, /You wrote: \*Second half\*/);
			assert.match(text, /\| Messages \| 4 \|/);
		}
	});

	await check(`an answer that was cut says so (${way})`, async () => {
		const answer = await said[way](ask("Cut me", { max_tokens: 5 }));
		assert.equal(answer.stop_reason, "max_tokens");
		assert.ok(textIn(answer).length > 0 && answer.usage.output_tokens <= 5);
	});

	await check(`a picture arrives (${way})`, async () => {
		const picture = (source) => ask([{ type: "image", source }, { type: "text", text: "What is this?" }]);
		const inline = await said[way](picture({ type: "base64", media_type: "image/png", data: PNG }));
		assert.match(textIn(inline), /You sent 1 image\. The first is inline data of type `image\/png`/);
		const linked = await said[way](picture({ type: "url", url: "https://example.org/weir.png" }));
		assert.match(textIn(linked), /The first is at `https:\/\/example\.org\/weir\.png`/);
	});

	await check(`every script of the world arrives (${way})`, async () => {
		assert.equal(textIn(await said[way](ask(`[[demo echo=1]]${WORDS}`))), WORDS);
	});

	await check(`what the model thought is told (${way})`, async () => {
		const answer = await said[way](
			ask("[[demo reasoning=4]] Think", { thinking: { type: "enabled", budget_tokens: 1024 } }),
		);
		assert.deepEqual(
			answer.content.map((b) => b.type),
			["thinking", "text"],
		);
		assert.ok(answer.content[0].thinking.length > 0);
		// And is taken back, as clients send it.
		const messages = [user("Think"), { role: "assistant", content: answer.content }, user("And now?")];
		assert.match(textIn(await said[way](ask("", { messages }))), /And now\?/);
	});
}

await check("structured output is parsed", async () => {
	const isCity = ({ city, population, ...rest }) =>
		assert.deepEqual([typeof city, typeof population, rest], ["string", "number", {}]);
	const format = jsonSchemaOutputFormat({
		type: "object",
		properties: { city: { type: "string" }, population: { type: "integer" } },
		required: ["city", "population"],
		additionalProperties: false,
	});
	for (const model of Object.values(WIRES)) {
		const body = ask(CITY, { output_config: { format }, model });
		isCity((await client.messages.parse(body)).parsed_output);
		isCity((await client.messages.stream(body).finalMessage()).parsed_output);
	}
});

await check("tokens are counted", async () => {
	const count = async (content) => (await client.messages.countTokens({ model: MODEL, messages: [user(content)] })).input_tokens;
	assert.ok((await count("x")) > 0);
	assert.ok((await count("many words ".repeat(100))) > (await count("x")) + 100);
});

// -- tools

const WEATHER = {
	name: "get_weather",
	description: "The weather of a city.",
	input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?";
const demoCalls = await create(CALL, { tools: [WEATHER] }).then(
	(answer) => answer.content.some((b) => b.type === "tool_use"),
	() => false,
);
const checkCalls = (name, work) => check(name, demoCalls ? work : () => skip("weir-demo does not call tools"));

for (const way of ["whole", "streamed"]) {
	await checkCalls(`a tool is called, answered and its result is said (${way})`, async () => {
		const messages = [user(CALL)];
		const first = await said[way](ask("", { messages, tools: [WEATHER] }));
		const call = first.content.find((b) => b.type === "tool_use");
		assert.equal(first.stop_reason, "tool_use");
		assert.ok(call.id);
		assert.deepEqual([call.name, call.input], ["get_weather", { city: "Berlin" }]);
		const result = { type: "tool_result", tool_use_id: call.id, content: [{ type: "text", text: "21 degrees, sunny" }] };
		messages.push({ role: "assistant", content: first.content }, user([result]));
		const second = await said[way](ask("", { messages, tools: [WEATHER] }));
		assert.equal(second.stop_reason, "end_turn");
		assert.match(textIn(second), /21 degrees, sunny/);
	});
}

await checkCalls("the helper for tools runs the loop", async () => {
	const asked = [];
	const tool = betaTool({
		name: WEATHER.name,
		description: WEATHER.description,
		inputSchema: WEATHER.input_schema,
		run: ({ city }) => {
			asked.push(city);
			return `21 degrees in ${city}`;
		},
	});
	const last = await client.beta.messages.toolRunner(ask(CALL, { tools: [tool] }));
	assert.match(textIn(last), /21 degrees in Berlin/);
	assert.deepEqual(asked, ["Berlin"]);
});

// -- over the wires of others

for (const [wire, model] of Object.entries(WIRES)) {
	await check(`streams and whole answers are the same over the wire of ${wire}`, async () => {
		const before = (await calls()).length;
		const body = ask(`${WORDS} Over a wire`, { model, system: "Be brief." });
		const answers = [await said.whole(body), await said.streamed(body)];
		assert.match(textIn(answers[0]), /Over a wire/);
		assert.equal(textIn(answers[1]), textIn(answers[0]));
		await nextCall(before + 1);
		for (const [i, { stop_reason, usage, model: name }] of answers.entries()) {
			const row = (await calls())[before + i];
			assert.deepEqual([stop_reason, name], ["end_turn", model]);
			assert.deepEqual([usage.input_tokens, usage.output_tokens], [row.input_tokens, row.output_tokens]);
		}
		assert.equal((await create("Cut me", { model, max_tokens: 5 })).stop_reason, "max_tokens");
		const source = { type: "base64", media_type: "image/png", data: PNG };
		assert.match(textIn(await create([{ type: "image", source }, { type: "text", text: "What?" }], { model })), /You sent 1 image/);
	});

	await check(`a stream that breaks over the wire of ${wire} raises`, async () => {
		for (const fault of ["reset-mid", "cut", "error-mid"]) {
			const { items, error } = await drain(await create(`[[demo fault=${fault} deltas=40]] broken`, { model, stream: true }));
			assert.ok(textOf(items).length > 0);
			assert.ok(error instanceof Anthropic.APIError, `${fault}: ${error}`);
			assert.ok(!items.some((e) => e.type === "message_stop"));
		}
	});

	await checkCalls(`tools are called and thoughts come back over the wire of ${wire}`, async () => {
		// The maker of this dialect wants its seals back.
		const strict = wire === "anthropic" ? "strict=1" : "";
		for (const way of ["whole", "streamed"]) {
			const messages = [user(`[[demo reasoning=3 call=get_weather:city=Berlin ${strict}]] What is the weather?`)];
			const body = { tools: [WEATHER], thinking: { type: "enabled", budget_tokens: 1024 }, model, messages };
			const first = await said[way](ask("", body));
			assert.deepEqual([first.content[0].type, first.stop_reason], ["thinking", "tool_use"]);
			const call = first.content.find((b) => b.type === "tool_use");
			assert.deepEqual([call.name, call.input], ["get_weather", { city: "Berlin" }]);
			const result = { type: "tool_result", tool_use_id: call.id, content: "21 degrees, sunny" };
			messages.push({ role: "assistant", content: first.content }, user([result]));
			const second = await said[way](ask("", body));
			assert.equal(second.stop_reason, "end_turn");
			assert.match(textIn(second), /21 degrees, sunny/);
			messages.push({ role: "assistant", content: second.content }, user("And now?"));
			assert.match(textIn(await said[way](ask("", body))), /And now\?/);
		}
	});
}

// -- refusals

const refused = async (promise, kind, status, type, words = /./) => {
	const error = await failure(promise);
	assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
	assert.deepEqual([error.status, error.type], [status, type], error.message);
	assert.match(error.message, words);
	assert.ok(error.requestID, "an error names its request");
};

for (const stream of [false, true]) {
	const way = stream ? "streamed" : "whole";
	const by = (key, body) => connect(key).messages.create({ ...ask("x"), ...body, stream });

	await check(`a wrong key is an AuthenticationError (${way})`, async () => {
		await refused(by(WRONG_KEY), Anthropic.AuthenticationError, 401, "authentication_error");
	});
	await check(`an unknown model is a NotFoundError (${way})`, async () => {
		await refused(by(KEY, { model: "none-such" }), Anthropic.NotFoundError, 404, "not_found_error", /none-such/);
	});
	await check(`a bad request is a BadRequestError that names the field (${way})`, async () => {
		const bad = async (body, words) =>
			refused(by(KEY, body), Anthropic.BadRequestError, 400, "invalid_request_error", words);
		await bad({ messages: [] }, /messages/);
		await bad({ messages: [{ role: "nobody", content: "x" }] }, /messages\.0\.role/);
		await bad({ tools: [{ type: "web_search_20250305", name: "web_search" }] }, /tools\.0\.type/);
	});
	await check(`no credits are an APIError 402 (${way})`, async () => {
		await refused(by(POOR_KEY), Anthropic.PaymentRequiredError ?? Anthropic.APIError, 402, "billing_error");
	});
	await check(`refused content is a BadRequestError (${way})`, async () => {
		const body = { messages: [user("[[demo fault=filter]] never")] };
		await refused(by(KEY, body), Anthropic.BadRequestError, 400, "invalid_request_error");
	});
}

await check("too many requests are a RateLimitError", async () => {
	const by = connect(RARE_KEY, { maxRetries: 0 }).messages;
	await by.create(ask("x"));
	await refused(by.create(ask("x")), Anthropic.RateLimitError, 429, "rate_limit_error");
	assert.ok((await failure(by.create(ask("x", { stream: true })))).headers.get("retry-after") > 0);
});

await check("a key for something else is a PermissionDeniedError", async () => {
	await refused(connect(OTHER_KEY).messages.create(ask("x")), Anthropic.PermissionDeniedError, 403, "permission_error");
});

await check("402, 404 and 400 are not asked again", async () => {
	const statuses = await requests(async () => {
		await failure(connect(POOR_KEY).messages.create(ask("x")));
		await failure(create("x", { model: "none-such" }));
		await failure(create("x", { messages: [] }));
	});
	assert.deepEqual(statuses, [402, 404, 400]);
});

for (const stream of [false, true])
	await check(`what fails before the answer is asked again, until it is answered (${stream ? "streamed" : "whole"})`, async () => {
		const before = (await calls()).length;
		const statuses = await requests(async () => {
			const answer = await create(`[[demo fault=500 fail=2 key=anthropic-node-${stream}]] again`, { stream });
			if (stream) assert.equal((await drain(answer)).error, null);
		});
		assert.deepEqual(statuses, [502, 502, 200]);
		await nextCall(before + 2);
		assert.deepEqual(
			(await calls()).slice(before).map((r) => [r.status, r.cost > 0]),
			[
				["failed", false],
				["failed", false],
				["completed", true],
			],
		);
	});

await check("what keeps failing is asked as often as was said", async () => {
	for (const [maxRetries, times] of [
		[0, 1],
		[1, 2],
	]) {
		const statuses = await requests(async () => {
			await refused(create("[[demo fault=500]] never", {}, { maxRetries }), Anthropic.InternalServerError, 502, "api_error");
		});
		assert.deepEqual(statuses, Array(times).fill(502));
	}
});

// -- ends

for (const [wire, model] of Object.entries(WIRES))
	await check(`a quiet stream is kept alive, and told in full (${wire})`, async () => {
		const whole = await create("[[demo deltas=4]] slowly", { model });
		assert.equal(textIn(await said.streamed(ask("[[demo deltas=4 interval=500]] slowly", { model }))), textIn(whole));
	});

await check("a stream that breaks raises", async () => {
	for (const fault of ["reset-mid", "cut", "error-mid"]) {
		const before = (await calls()).length;
		const { items, error } = await drain(await create(`[[demo fault=${fault} deltas=40]] broken`, { stream: true }));
		assert.ok(textOf(items).length > 0);
		assert.ok(error instanceof Anthropic.APIError, `${fault}: ${error}`);
		assert.ok(!items.some((e) => e.type === "message_delta" || e.type === "message_stop"));
		const row = await nextCall(before);
		assert.deepEqual([row.status, row.output_tokens > 0], ["failed", true]);
		await failure(client.messages.stream(ask(`[[demo fault=${fault} deltas=40]] broken`)).finalMessage());
	}
});

await check("a whole answer that breaks is an error, and costs nothing", async () => {
	const before = (await calls()).length;
	const error = await failure(create("[[demo fault=reset-mid deltas=40]] broken", {}, { maxRetries: 0 }));
	assert.ok(error instanceof Anthropic.InternalServerError, `${error}`);
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

await check("a client that gives up a whole answer ends the call", async () => {
	const before = (await calls()).length;
	const gone = new AbortController();
	setTimeout(() => gone.abort(), 300);
	const error = await failure(create("[[demo deltas=200 interval=50]] leave", {}, { signal: gone.signal }));
	assert.ok(error instanceof Anthropic.APIUserAbortError);
	const row = await nextCall(before);
	assert.deepEqual([row.status, row.output_tokens < 200], ["cancelled", true]);
});

// -- models

await check("models are listed, and found by name", async () => {
	const names = [];
	for await (const model of client.models.list({ limit: 2 })) names.push(model.id);
	assert.ok(["demo", MODEL, "demo-slow"].every((name) => names.includes(name)), names.join());
	assert.equal(new Set(names).size, names.length);
	const model = await client.models.retrieve(MODEL);
	assert.deepEqual([model.id, model.type, model.display_name], [MODEL, "model", MODEL]);
	assert.ok(Date.parse(model.created_at));
	await refused(client.models.retrieve("none-such"), Anthropic.NotFoundError, 404, "not_found_error");
	await refused(connect(WRONG_KEY).models.list(), Anthropic.AuthenticationError, 401, "authentication_error");
});

await check("what is not offered is a NotFoundError", async () => {
	await refused(client.messages.batches.list(), Anthropic.NotFoundError, 404, "not_found_error");
});
