// The openai package for Node against Weir: what is no chat.
import OpenAI, { toFile } from "openai";
import { KEY, PNG, URL_BASE, assert, calls, check, failure, nextCall } from "./sdklib.mjs";

const client = new OpenAI({ apiKey: KEY, baseURL: `${URL_BASE}/v1`, maxRetries: 0 });
const picture = () => toFile(Buffer.from(PNG, "base64"), "a.png", { type: "image/png" });
const said = () => toFile(Buffer.from("said so"), "said.wav", { type: "audio/wav" });

for (const [wire, model] of Object.entries({ openai: "vec-openai", gemini: "vec-google" })) {
	await check(`embeddings come as numbers, as the package asks for them (${wire})`, async () => {
		const before = (await calls()).length;
		const got = await client.embeddings.create({ model, input: ["one", "two"], dimensions: 64 }); // asks for base64
		assert.deepEqual(got.data.map((d) => [d.index, d.embedding.length]), [[0, 64], [1, 64]]);
		const plain = await client.embeddings.create({ model, input: "one", dimensions: 64, encoding_format: "float" });
		plain.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - got.data[0].embedding[i]) < 1e-6));
		assert.equal((await nextCall(before)).input_tokens, got.usage.prompt_tokens);
	});
}

await check("moderations", async () => {
	const found = await client.moderations.create({ input: ["peace", "violent words"] });
	assert.deepEqual(found.results.map((r) => r.flagged), [false, true]);
});

await check("pictures are made, changed and varied", async () => {
	const made = await client.images.generate({ model: "painter", prompt: "a weir", n: 2 });
	assert.equal(made.data.length, 2);
	const changed = await client.images.edit({ model: "painter", prompt: "brighter", image: [await picture(), await picture()] });
	assert.equal(changed.data.length, 1);
	const varied = await client.images.createVariation({ model: "painter", image: await picture() });
	assert.equal(varied.data.length, 1);
});

await check("a picture comes in pieces", async () => {
	const types = [];
	for await (const e of await client.images.generate({ model: "painter", prompt: "a weir", stream: true })) types.push(e.type);
	assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
});

await check("speech, and speech that breaks off", async () => {
	const words = "The weir keeps its level.";
	const answer = await client.audio.speech.create({ model: "voice", voice: "alloy", input: words });
	assert.equal((await answer.arrayBuffer()).byteLength, 32 * words.length);
	const broken = `[[demo fault=cut fail=9]] ${"and on ".repeat(60)}`;
	await failure(client.audio.speech.create({ model: "voice", voice: "alloy", input: broken }).then((a) => a.arrayBuffer()));
});

await check("its words", async () => {
	assert.equal((await client.audio.transcriptions.create({ model: "voice", file: await said() })).text, "said so");
	assert.equal(await client.audio.transcriptions.create({ model: "voice", file: await said(), response_format: "text" }), "said so\n");
	assert.equal((await client.audio.translations.create({ model: "voice", file: await said() })).text, "said so");
	const types = [];
	for await (const e of await client.audio.transcriptions.create({ model: "voice", file: await said(), stream: true })) types.push(e.type);
	assert.deepEqual(types, ["transcript.text.delta", "transcript.text.done"]);
});

await check("completions of a text", async () => {
	const whole = await client.completions.create({ model: "demo-fast", prompt: "Tell me about weirs" });
	assert.match(whole.choices[0].text, /Tell me about weirs/);
	let text = "";
	for await (const c of await client.completions.create({ model: "demo-fast", prompt: "Tell me about weirs", stream: true }))
		text += c.choices[0].text;
	assert.equal(text, whole.choices[0].text);
});
