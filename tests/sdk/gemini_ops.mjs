// The @google/genai package for Node against Weir: vectors.
import { GoogleGenAI } from "@google/genai";
import { KEY, URL_BASE, assert, check } from "./sdklib.mjs";

const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: URL_BASE } });

for (const model of ["vec-google", "vec-openai"]) {
	await check(`vectors of texts (${model})`, async () => {
		const got = await client.models.embedContent({ model, contents: ["one", "two"], config: { outputDimensionality: 32 } });
		assert.deepEqual(got.embeddings.map((e) => e.values.length), [32, 32]);
	});
}
