// The @google/genai package for Node against Weir.
import { ApiError, GoogleGenAI, Type } from "@google/genai";
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
const connect = (apiKey, more) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: URL_BASE, ...more } });
const client = connect(KEY);
const again = { attempts: 3, initialDelay: 0.05, maxDelay: 0.1 };
const ask = (contents, config, model = MODEL) => ({ model, contents, config });
const create = (contents, config, by = client, model = MODEL) => by.models.generateContent(ask(contents, config, model));
const streamed = async (contents, config, by = client, model = MODEL) =>
	drain(await by.models.generateContentStream(ask(contents, config, model)));
const textOf = (chunks) => chunks.map((c) => c.text ?? "").join("");
const user = (...parts) => ({ role: "user", parts });

/** {text, finish, usage, parts} of an answer in that way. */
const said = {
	whole: async (contents, config, model) => {
		const answer = await create(contents, config, client, model);
		const [{ finishReason, content }] = answer.candidates;
		return { text: answer.text, finish: finishReason, usage: answer.usageMetadata, parts: content.parts };
	},
	streamed: async (contents, config, model) => {
		const { items, error } = await streamed(contents, config, client, model);
		if (error) throw error;
		return {
			text: textOf(items),
			finish: items.at(-1).candidates[0].finishReason,
			usage: items.at(-1).usageMetadata,
			parts: items.flatMap((c) => c.candidates?.[0]?.content?.parts ?? []),
		};
	},
};

await check("a plain question is answered", async () => {
	const answer = await create("Tell me about weirs");
	assert.match(answer.text, /Tell me about weirs/);
	assert.equal(answer.candidates.length, 1);
	assert.equal(answer.candidates[0].content.role, "model");
	assert.equal(answer.candidates[0].finishReason, "STOP");
	assert.equal(answer.modelVersion, MODEL);
	assert.ok(answer.responseId);
});

await check("usage is what the ledger has", async () => {
	const before = (await calls()).length;
	const { usageMetadata: usage } = await create("Count this");
	assert.ok(usage.promptTokenCount > 0 && usage.candidatesTokenCount > 0);
	assert.equal(usage.totalTokenCount, usage.promptTokenCount + usage.candidatesTokenCount);
	const row = await nextCall(before);
	assert.deepEqual(
		[row.status, row.input_tokens, row.output_tokens],
		["completed", usage.promptTokenCount, usage.candidatesTokenCount],
	);
	assert.ok(row.cost > 0);
});

await check("streams say the same as whole answers", async () => {
	const whole = await said.whole("The same twice");
	const { items, error } = await streamed("The same twice");
	assert.equal(error, null);
	assert.ok(items.length > 1);
	assert.equal(textOf(items), whole.text);
	assert.deepEqual(items.map((c) => c.candidates[0].finishReason).filter(Boolean), ["STOP"]);
	assert.deepEqual(items.at(-1).usageMetadata, whole.usage);
	assert.equal(new Set(items.map((c) => c.responseId)).size, 1);
});

await check("a chat keeps its turns", async () => {
	const chat = client.chats.create({ model: MODEL, config: { systemInstruction: "Be brief." } });
	await chat.sendMessage({ message: "First" });
	const { items } = await drain(await chat.sendMessageStream({ message: "Second" }));
	assert.match(textOf(items), /You wrote: \*Second\*/);
	assert.match(textOf(items), /\| Messages \| 4 \|/);
	// The SDK keeps each piece of a stream as a message of its own.
	const third = await chat.sendMessage({ message: "Third" });
	assert.ok(Number(/\| Messages \| (\d+) \|/.exec(third.text)[1]) >= 6);
});

for (const way of ["whole", "streamed"]) {
	await check(`system prompt and several turns arrive (${way})`, async () => {
		const model = { role: "model", parts: [{ text: "Said" }] };
		const contents = [user({ text: "First" }), model, user({ text: "Second " }, { text: "half" })];
		for (const systemInstruction of ["Be brief.", { parts: [{ text: "Be " }, { text: "brief." }] }]) {
			const { text } = await said[way](contents, { systemInstruction });
			assert.match(text, /You wrote: \*Second half\*/);
			assert.match(text, /\| Messages \| 4 \|/);
		}
	});

	await check(`an answer that was cut says so (${way})`, async () => {
		const { text, finish, usage } = await said[way]("Cut me", { maxOutputTokens: 5 });
		assert.equal(finish, "MAX_TOKENS");
		assert.ok(text.length > 0 && usage.candidatesTokenCount <= 5);
	});

	await check(`a picture arrives (${way})`, async () => {
		const inline = await said[way]([user({ text: "What is this?" }, { inlineData: { mimeType: "image/png", data: PNG } })]);
		assert.match(inline.text, /You sent 1 image\. The first is inline data of type `image\/png`/);
		const file = { fileData: { mimeType: "image/png", fileUri: "https://example.org/weir.png" } };
		const linked = await said[way]([user({ text: "What is this?" }, file)]);
		assert.match(linked.text, /The first is at `https:\/\/example\.org\/weir\.png`/);
	});

	await check(`every script of the world arrives (${way})`, async () => {
		assert.equal((await said[way](`[[demo echo=1]]${WORDS}`)).text, WORDS);
	});

	await check(`what the model thought is told, and taken back (${way})`, async () => {
		const config = { thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } };
		const { parts } = await said[way]("[[demo reasoning=4]] Think", config);
		assert.equal(parts[0].thought, true);
		assert.ok(parts[0].text.length > 0 && parts.some((p) => !p.thought && p.text));
		const { text } = await said[way]([user({ text: "Think" }), { role: "model", parts }, user({ text: "And now?" })]);
		assert.match(text, /And now\?/);
	});
}

await check("structured output arrives", async () => {
	const isCity = ({ city, population, ...rest }) =>
		assert.deepEqual([typeof city, typeof population, rest], ["string", "number", {}]);
	const config = { responseMimeType: "application/json" };
	const schemas = [
		{
			responseSchema: {
				type: Type.OBJECT,
				properties: { city: { type: Type.STRING }, population: { type: Type.INTEGER } },
				required: ["city", "population"],
			},
		},
		{
			responseJsonSchema: {
				type: "object",
				properties: { city: { type: "string" }, population: { type: "integer" } },
				required: ["city", "population"],
			},
		},
	];
	for (const model of Object.values(WIRES))
		for (const schema of schemas)
			for (const way of ["whole", "streamed"]) isCity(JSON.parse((await said[way](CITY, { ...config, ...schema }, model)).text));
});

await check("tokens are counted", async () => {
	const count = async (contents) => (await client.models.countTokens({ model: MODEL, contents })).totalTokens;
	assert.ok((await count("x")) > 0);
	assert.ok((await count("many words ".repeat(100))) > (await count("x")) + 100);
});

// -- tools

const WEATHER = {
	name: "get_weather",
	description: "The weather of a city.",
	parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
};
const TOOLS = { tools: [{ functionDeclarations: [WEATHER] }] };
const CALL = "[[demo call=get_weather:city=Berlin]] What is the weather?";
const demoCalls = await create(CALL, TOOLS).then(
	(answer) => answer.functionCalls?.length > 0,
	() => false,
);
const checkCalls = (name, work) => check(name, demoCalls ? work : () => skip("weir-demo does not call tools"));

for (const way of ["whole", "streamed"]) {
	await checkCalls(`a tool is called, answered and its result is said (${way})`, async () => {
		const contents = [user({ text: CALL })];
		const { parts, finish } = await said[way](contents, TOOLS);
		const { functionCall } = parts.find((p) => p.functionCall);
		assert.equal(finish, "STOP");
		assert.deepEqual([functionCall.name, functionCall.args], ["get_weather", { city: "Berlin" }]);
		const response = { result: "21 degrees, sunny" };
		contents.push(
			{ role: "model", parts },
			user({ functionResponse: { id: functionCall.id, name: functionCall.name, response } }),
		);
		const { text } = await said[way](contents, TOOLS);
		assert.match(text, /21 degrees, sunny/);
	});
}

await checkCalls("the helper for tools runs the loop", async () => {
	const asked = [];
	const tool = {
		tool: async () => ({ functionDeclarations: [WEATHER] }),
		callTool: async (functionCalls) =>
			functionCalls.map(({ id, name, args }) => {
				asked.push(args.city);
				return { functionResponse: { id, name, response: { result: `21 degrees in ${args.city}` } } };
			}),
	};
	const answer = await create(CALL, { tools: [tool] });
	assert.match(answer.text, /21 degrees in Berlin/);
	assert.deepEqual(asked, ["Berlin"]);
});

// -- over the wires of others

for (const [wire, model] of Object.entries(WIRES)) {
	await check(`streams and whole answers are the same over the wire of ${wire}`, async () => {
		const before = (await calls()).length;
		const config = { systemInstruction: "Be brief." };
		const answers = [];
		for (const way of ["whole", "streamed"]) answers.push(await said[way](`${WORDS} Over a wire`, config, model));
		assert.match(answers[0].text, /Over a wire/);
		assert.equal(answers[1].text, answers[0].text);
		await nextCall(before + 1);
		for (const [i, { finish, usage }] of answers.entries()) {
			const row = (await calls())[before + i];
			assert.equal(finish, "STOP");
			assert.deepEqual([usage.promptTokenCount, usage.candidatesTokenCount], [row.input_tokens, row.output_tokens]);
		}
		assert.equal((await said.streamed("Cut me", { maxOutputTokens: 5 }, model)).finish, "MAX_TOKENS");
		const picture = [user({ inlineData: { mimeType: "image/png", data: PNG } }, { text: "What?" })];
		assert.match((await said.whole(picture, {}, model)).text, /You sent 1 image/);
	});

	await check(`a stream that breaks over the wire of ${wire} raises`, async () => {
		for (const fault of ["reset-mid", "cut", "error-mid"]) {
			const { items, error } = await streamed(`[[demo fault=${fault} deltas=40]] broken`, {}, client, model);
			assert.ok(textOf(items).length > 0);
			assert.ok(error instanceof ApiError, `${fault}: ${error}`);
			assert.ok(!items.some((c) => c.candidates?.[0]?.finishReason));
		}
	});

	await checkCalls(`tools are called and thoughts come back over the wire of ${wire}`, async () => {
		// The maker of this dialect wants its seals back.
		const strict = wire === "gemini" ? "strict=1" : "";
		for (const way of ["whole", "streamed"]) {
			const contents = [user({ text: `[[demo reasoning=3 call=get_weather:city=Berlin ${strict}]] What is the weather?` })];
			const config = { ...TOOLS, thinkingConfig: { includeThoughts: true } };
			const { parts } = await said[way](contents, config, model);
			assert.equal(parts[0].thought, true);
			const { functionCall } = parts.find((p) => p.functionCall);
			assert.deepEqual([functionCall.name, functionCall.args], ["get_weather", { city: "Berlin" }]);
			const response = { result: "21 degrees, sunny" };
			const { id, name } = functionCall;
			contents.push({ role: "model", parts }, user({ functionResponse: { id, name, response } }));
			const second = await said[way](contents, config, model);
			assert.match(second.text, /21 degrees, sunny/);
			contents.push({ role: "model", parts: second.parts }, user({ text: "And now?" }));
			assert.match((await said[way](contents, config, model)).text, /And now\?/);
		}
	});
}

// -- refusals

const refused = async (promise, status, code, words = /./) => {
	const error = await failure(promise);
	assert.ok(error instanceof ApiError, `${error.constructor.name}: ${error.message}`);
	assert.equal(error.status, status, error.message);
	assert.equal(JSON.parse(error.message).error.status, code);
	assert.match(error.message, words);
};

for (const way of ["whole", "streamed"]) {
	const by = (key, body) => {
		const { models } = connect(key);
		return models[way === "whole" ? "generateContent" : "generateContentStream"]({ ...ask("x"), ...body });
	};

	await check(`a wrong key is an ApiError 401 (${way})`, async () => {
		await refused(by(WRONG_KEY), 401, "UNAUTHENTICATED");
	});
	await check(`an unknown model is an ApiError 404 (${way})`, async () => {
		await refused(by(KEY, { model: "none-such" }), 404, "NOT_FOUND", /none-such/);
	});
	await check(`a bad request is an ApiError 400 that names the field (${way})`, async () => {
		const bad = (body, words) => refused(by(KEY, body), 400, "INVALID_ARGUMENT", words);
		await bad({ config: { candidateCount: 2 } }, /candidateCount/);
		await bad({ config: { tools: [{ googleSearch: {} }] } }, /tools\[0\]\.googleSearch/);
		await bad({ contents: [{ role: "nobody", parts: [{ text: "x" }] }] }, /contents\[0\]\.role/);
	});
	await check(`no credits are an ApiError 402 (${way})`, async () => {
		await refused(by(POOR_KEY), 402, "RESOURCE_EXHAUSTED");
	});
	await check(`refused content is an ApiError 400 (${way})`, async () => {
		await refused(by(KEY, { contents: "[[demo fault=filter]] never" }), 400, "INVALID_ARGUMENT");
	});
}

await check("too many requests are an ApiError 429", async () => {
	const by = connect(RARE_KEY).models;
	await by.generateContent(ask("x"));
	await refused(by.generateContent(ask("x")), 429, "RESOURCE_EXHAUSTED");
	await refused(by.generateContentStream(ask("x")), 429, "RESOURCE_EXHAUSTED");
});

await check("a key for something else is an ApiError 403", async () => {
	await refused(create("x", {}, connect(OTHER_KEY)), 403, "PERMISSION_DENIED");
});

await check("402, 404 and 400 are not asked again", async () => {
	const by = connect(KEY, { retryOptions: again });
	const statuses = await requests(async () => {
		await failure(create("x", {}, connect(POOR_KEY, { retryOptions: again })));
		await failure(by.models.generateContent({ model: "none-such", contents: "x" }));
		await failure(create("x", { candidateCount: 2 }, by));
	});
	assert.deepEqual(statuses, [402, 404, 400]);
});

for (const way of ["whole", "streamed"])
	await check(`what fails before the answer is asked again, until it is answered (${way})`, async () => {
		const before = (await calls()).length;
		const statuses = await requests(async () => {
			const contents = `[[demo fault=500 fail=2 key=gemini-node-${way}]] again`;
			const by = connect(KEY, { retryOptions: again });
			if (way === "whole") await create(contents, {}, by);
			else assert.equal((await streamed(contents, {}, by)).error, null);
		});
		assert.deepEqual(statuses, [503, 503, 200]);
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
	for (const [retryOptions, times] of [
		[undefined, 1],
		[{ ...again, attempts: 2 }, 2],
	]) {
		const statuses = await requests(async () => {
			const error = await failure(create("[[demo fault=500]] never", {}, connect(KEY, { retryOptions })));
			assert.equal(error.status, 503);
		});
		assert.deepEqual(statuses, Array(times).fill(503));
	}
});

// -- ends

for (const [wire, model] of Object.entries(WIRES))
	await check(`a quiet stream is kept alive, and told in full (${wire})`, async () => {
		const whole = await said.whole("[[demo deltas=4]] slowly", {}, model);
		assert.equal((await said.streamed("[[demo deltas=4 interval=500]] slowly", {}, model)).text, whole.text);
	});

await check("a stream that breaks raises", async () => {
	for (const fault of ["reset-mid", "cut", "error-mid"]) {
		const before = (await calls()).length;
		const { items, error } = await streamed(`[[demo fault=${fault} deltas=40]] broken`);
		assert.ok(textOf(items).length > 0);
		assert.ok(error instanceof ApiError, `${fault}: ${error}`);
		assert.ok(!items.some((c) => c.candidates?.[0]?.finishReason));
		const row = await nextCall(before);
		assert.deepEqual([row.status, row.output_tokens > 0], ["failed", true]);
	}
});

await check("a whole answer that breaks is an error, and costs nothing", async () => {
	const before = (await calls()).length;
	const error = await failure(create("[[demo fault=reset-mid deltas=40]] broken"));
	assert.ok(error instanceof ApiError && error.status >= 500, `${error}`);
	const { status, cost } = await nextCall(before);
	assert.deepEqual([status, cost], ["failed", 0]);
});

await check("a client that leaves its stream ends the call", async () => {
	const before = (await calls()).length;
	const gone = new AbortController();
	const stream = await client.models.generateContentStream(
		ask("[[demo deltas=200 interval=50]] leave", { abortSignal: gone.signal }),
	);
	const { items, error } = await drain(
		(async function* () {
			for await (const chunk of stream) {
				gone.abort();
				yield chunk;
			}
		})(),
	);
	assert.ok(items.length < 200 && error, `${error}`);
	const row = await nextCall(before);
	assert.deepEqual([row.status, row.output_tokens < 200], ["cancelled", true]);
});

await check("a client that gives up a whole answer ends the call", async () => {
	const before = (await calls()).length;
	const gone = new AbortController();
	setTimeout(() => gone.abort(), 300);
	await failure(create("[[demo deltas=200 interval=50]] leave", { abortSignal: gone.signal }));
	const row = await nextCall(before);
	assert.deepEqual([row.status, row.output_tokens < 200], ["cancelled", true]);
});

// -- models

await check("models are listed, and found by name", async () => {
	const names = [];
	for await (const model of await client.models.list({ config: { pageSize: 2 } })) names.push(model.name);
	assert.ok(["demo", MODEL, "demo-slow"].every((name) => names.includes(`models/${name}`)), names.join());
	assert.equal(new Set(names).size, names.length);
	for (const name of [MODEL, `models/${MODEL}`]) {
		const model = await client.models.get({ model: name });
		assert.equal(model.name, `models/${MODEL}`);
		assert.ok(model.inputTokenLimit > 0 && model.supportedActions.includes("generateContent"));
	}
	await refused(client.models.get({ model: "none-such" }), 404, "NOT_FOUND");
	await refused(connect(WRONG_KEY).models.list(), 401, "UNAUTHENTICATED");
});

await check("what is not offered is an ApiError 404", async () => {
	await refused(client.caches.list(), 404, "NOT_FOUND");
});
