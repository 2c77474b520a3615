// Vercel's AI SDK, by each of its providers: a tool is called, its result goes back, an answer comes.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { WEIR_URL: url, WEIR_KEY: apiKey, WEIR_MODEL: name, WEIR_WORD: word } = process.env;
const providers = {
	"openai-compatible": () => createOpenAICompatible({ name: "weir", baseURL: `${url}/v1`, apiKey })(name),
	"openai chat": () => createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat(name),
	"openai responses": () => createOpenAI({ baseURL: `${url}/v1`, apiKey }).responses(name),
	anthropic: () => createAnthropic({ baseURL: `${url}/v1`, apiKey })(name),
	google: () => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey })(name),
};
const tools = { look: tool({ description: "looks", inputSchema: z.object({ where: z.string() }), execute: async () => `The word is ${word}.` }) };

async function loop(model) {
	const how = { model, tools, stopWhen: stepCountIs(3), prompt: "[[demo call=look:where=here]] Look.", maxRetries: 0 };
	const whole = await generateText(how);
	if (!whole.text.includes(word) || whole.steps.length !== 2 || !(whole.totalUsage.totalTokens > 0)) throw new Error(`whole: ${whole.text}`);
	const stream = streamText({ ...how, onError: () => {} });
	let text = "";
	for await (const part of stream.fullStream) {
		if (part.type === "error") throw part.error;
		if (part.type === "text-delta") text += part.text;
	}
	if (!text.includes(word)) throw new Error(`streamed: ${text}`);
}

for (const [label, make] of Object.entries(providers)) {
	try {
		await loop(make());
		console.log(`${label}: ok`);
	} catch (e) {
		console.log(`${label}: FAILED ${e.statusCode ?? ""} ${String(e.message).split("\n")[0]}`);
	}
}
