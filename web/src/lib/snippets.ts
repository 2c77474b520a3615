/* How programs are pointed at this site: the official SDKs of three vendors, in two languages. */

export const SDKS = ["openai", "anthropic", "google"] as const;
export const LANGUAGES = ["python", "node"] as const;
export type Sdk = (typeof SDKS)[number];
export type SdkLanguage = (typeof LANGUAGES)[number];

export interface Target {
	/** The site's address, without a slash at its end. */
	origin: string;
	key: string;
	model: string;
}

type Write = (at: Target) => string;
const quoted = (text: string) => JSON.stringify(text);

const SNIPPETS: Record<Sdk, Record<SdkLanguage, Write>> = {
	openai: {
		python: ({ origin, key, model }) => `# pip install openai
from openai import OpenAI

client = OpenAI(
    base_url=${quoted(`${origin}/v1`)},
    api_key=${quoted(key)},
)
answer = client.chat.completions.create(
    model=${quoted(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)
`,
		node: ({ origin, key, model }) => `// npm install openai
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${quoted(`${origin}/v1`)},
  apiKey: ${quoted(key)},
});
const answer = await client.chat.completions.create({
  model: ${quoted(model)},
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);
`,
	},
	anthropic: {
		python: ({ origin, key, model }) => `# pip install anthropic
from anthropic import Anthropic

client = Anthropic(
    base_url=${quoted(origin)},
    api_key=${quoted(key)},
)
answer = client.messages.create(
    model=${quoted(model)},
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[0].text)
`,
		node: ({ origin, key, model }) => `// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: ${quoted(origin)},
  apiKey: ${quoted(key)},
});
const answer = await client.messages.create({
  model: ${quoted(model)},
  max_tokens: 1024,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.content[0].text);
`,
	},
	google: {
		python: ({ origin, key, model }) => `# pip install google-genai
from google import genai
from google.genai import types

client = genai.Client(
    api_key=${quoted(key)},
    http_options=types.HttpOptions(base_url=${quoted(origin)}),
)
answer = client.models.generate_content(
    model=${quoted(model)},
    contents="Hello",
)
print(answer.text)
`,
		node: ({ origin, key, model }) => `// npm install @google/genai
import { GoogleGenAI } from "@google/genai";

const client = new GoogleGenAI({
  apiKey: ${quoted(key)},
  httpOptions: { baseUrl: ${quoted(origin)} },
});
const answer = await client.models.generateContent({
  model: ${quoted(model)},
  contents: "Hello",
});
console.log(answer.text);
`,
	},
};

export function snippet(sdk: Sdk, language: SdkLanguage, at: Target): string {
	return SNIPPETS[sdk][language](at);
}
