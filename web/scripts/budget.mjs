// Fails the build when the script that the chat page needs at first load grows
// beyond the budget: the entry, what it imports, and the chat page's own chunks.
import { readFileSync, rmSync, statSync } from "node:fs";

const BUDGET_BYTES = 200_000;
// With the code colours of the common languages, which the first code block loads, and the larger of the texts.
const FIRST_LOAD = ["ChatPage", "highlight", "zh"];
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const seen = new Set();

function add(chunk) {
	if (!chunk) throw new Error("a chunk of the first load is not in the manifest");
	if (seen.has(chunk.file)) return;
	seen.add(chunk.file);
	for (const next of chunk.imports ?? []) add(manifest[next]);
}

add(manifest["index.html"]);
for (const name of FIRST_LOAD) add(Object.values(manifest).find((c) => c.name === name));
let total = 0;
for (const file of seen) {
	const size = statSync(new URL(`${file}.gz`, dist)).size;
	total += size;
	console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first load of the chat page, budget ${BUDGET_BYTES}`);
rmSync(new URL(".vite", dist), { recursive: true });
if (total > BUDGET_BYTES) process.exit(1);
