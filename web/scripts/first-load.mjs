// What the chat page needs at first load: the entry, what it imports, and the chat page's own chunks.
import { readFileSync } from "node:fs";

// With what the first code block loads (its language comes by itself).
const CHUNKS = ["ChatPage", "highlight"];

/** Paths below dist/; `texts`: of which languages; `all`: with styles and fonts. */
export function firstLoad(texts, all = false) {
	const manifest = JSON.parse(readFileSync(new URL("../dist/.vite/manifest.json", import.meta.url), "utf8"));
	const seen = new Set();
	const add = (chunk) => {
		if (!chunk) throw new Error("a chunk of the first load is not in the manifest");
		if (seen.has(chunk.file)) return;
		seen.add(chunk.file);
		if (all) for (const file of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) seen.add(file);
		for (const next of chunk.imports ?? []) add(manifest[next]);
	};
	add(manifest["index.html"]);
	for (const name of [...CHUNKS, ...texts]) add(Object.values(manifest).find((c) => c.name === name));
	return [...seen];
}
