// The openai package for Node against Weir: the Responses API.
import OpenAI from "openai";
import {
	CITY,
	KEY,
	POOR_KEY,
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
} from "./sdklib.mjs";

const MODEL = "demo-fast";
const connect = (apiKey, more) => new OpenAI({ apiKey, baseURL: `${URL_BASE}/v1`, ...more });
const client = connect(KEY);
const create = (input, more, options) => client.responses.create({ model: MODEL, input, ...more }, options);
const deltas = (events) => events.map((e) => (e.type === "response.output_text.delta" ? e.delta : "")).join("");
const WEATHER = {
	type: "function",
	name: "get_weather",
	description: "The weather of a city.",
	strict: false,
	parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const CALL = "[[demo reasoning=3 call=get_weather:city=Berlin]] What is the weather?";
const FORMAT = {
	type: "json_schema",
	name: "city",
	strict: true,
	schema: {
		type: "object",
		properties: { city: { type: "string" }, population: { type: "integer" } },
		required: ["city", "population"],
		additionalProperties: false,
	},
};

await check("a plain question is answered", async () => {
	const before = (await calls()).length;
	const answer = await create("Tell me about weirs", { metadata: { a: "b" } });
	assert.deepEqual([answer.object, answer.status, answer.model], ["response", "completed", MODEL]);
	assert.match(answer.output_text, /Tell me about weirs/);
	assert.deepEqual(answer.metadata, { a: "b" });
	const row = await nextCall(before);
	assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [row.input_tokens, row.output_tokens]);
});

for (const [wire, model] of Object.entries(WIRES)) {
	await check(`streams and whole answers are the same over the wire of ${wire}`, async () => {
		const body = { model, instructions: "Be brief.", input: `${WORDS} Over a wire` };
		const whole = await client.responses.create(body);
		assert.match(whole.output_text, /Over a wire/);
		const { items, error } = await drain(await client.responses.create({ ...body, stream: true }));
		assert.equal(error, null);
		assert.equal(deltas(items), whole.output_text);
		const helper = client.responses.stream(body);
		let heard = "";
		helper.on("response.output_text.delta", (e) => (heard += e.delta));
		const final = await helper.finalResponse();
		assert.deepEqual([final.output_text, heard, final.status], [whole.output_text, whole.output_text, "completed"]);
		assert.equal((await create("Cut me", { model, max_output_tokens: 5 })).status, "incomplete");
	});

	await check(`structured output is parsed over the wire of ${wire}`, async () => {
		const parsed = await client.responses.parse({ model, input: CITY, text: { format: FORMAT } });
		const city = JSON.parse(parsed.output_text);
		assert.deepEqual([typeof city.city, typeof city.population], ["string", "number"]);
	});

	await check(`tools are called over the wire of ${wire}`, async () => {
		let input = [{ role: "user", content: CALL }];
		const body = { model, tools: [WEATHER], include: ["reasoning.encrypted_content"], store: false };
		for (const result of ["21 degrees", "and sunny"]) {
			const whole = await client.responses.create({ ...body, input });
			const streamed = await client.responses.stream({ ...body, input }).finalResponse();
			const answer = result === "and sunny" ? streamed : whole;
			const [call] = answer.output.filter((i) => i.type === "function_call");
			assert.deepEqual(JSON.parse(call.arguments), { city: "Berlin" });
			input = [...input, ...answer.output, { type: "function_call_output", call_id: call.call_id, output: result }];
			const last = await client.responses.create({ ...body, input });
			assert.ok(last.output_text.includes(result), last.output_text);
			input.push(...last.output, { role: "user", content: CALL });
		}
	});

	await check(`a stream that breaks over the wire of ${wire} raises`, async () => {
		for (const fault of ["reset-mid", "cut", "error-mid"]) {
			const { items, error } = await drain(await create(`[[demo fault=${fault} deltas=40]] broken`, { model, stream: true }));
			assert.ok(deltas(items).length > 0);
			assert.equal(items.at(-1).type, "response.failed");
			assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error}`);
		}
	});
}

await check("a stream is read on behind any of its events", async () => {
	const before = (await calls()).length;
	const { items, error } = await drain(await create(`${WORDS} Read on`, { stream: true }, { headers: { "Idempotency-Key": `responses-node-${Date.now()}` } }));
	assert.equal(error, null);
	assert.equal(items.at(-1).type, "response.completed");
	await nextCall(before);
	for (const at of [0, items.length >> 1, items.length - 2]) {
		const asked = { stream: true, starting_after: items[at].sequence_number };
		const rest = await drain(await client.responses.retrieve(items[0].response.id, asked));
		assert.equal(rest.error, null);
		assert.ok(rest.items[0].sequence_number > items[at].sequence_number);
		assert.equal(deltas([...items.slice(0, at + 1), ...rest.items]), deltas(items));
	}
	assert.equal((await calls()).length, before + 1, "nothing more was asked, or charged");
});

await check("refusals have their classes", async () => {
	const of = async (promise, kind, wanted) => {
		const error = await failure(promise);
		assert.ok(error instanceof kind, `${error}`);
		for (const [name, value] of Object.entries(wanted)) assert.equal(error[name], value, error.message);
	};
	await of(connect(WRONG_KEY).responses.create({ model: MODEL, input: "x" }), OpenAI.AuthenticationError, { code: "invalid_api_key" });
	await of(create("x", { model: "none-such" }), OpenAI.NotFoundError, { code: "model_not_found" });
	await of(create("x", { background: true }), OpenAI.BadRequestError, { code: "unsupported_parameter", param: "background" });
	await of(client.responses.retrieve("resp_none"), OpenAI.NotFoundError, { status: 404 });
});

await check("no credits are a 429 that is not asked again", async () => {
	const statuses = await requests(async () => {
		const error = await failure(connect(POOR_KEY).responses.create({ model: MODEL, input: "x" }));
		assert.deepEqual([error.status, error.code], [429, "insufficient_quota"]);
	});
	assert.deepEqual(statuses, [429]);
});
