// Fails the build when the script that the chat page needs at first load grows beyond the budget.
import { rmSync, statSync } from "node:fs";
import { firstLoad } from "./first-load.mjs";

const BUDGET_BYTES = 200_000;
const dist = new URL("../dist/", import.meta.url);
let total = 0;
// With the larger of the texts.
for (const file of firstLoad(["zh"])) {
	const size = statSync(new URL(`${file}.gz`, dist)).size;
	total += size;
	console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first load of the chat page, budget ${BUDGET_BYTES}`);
rmSync(new URL(".vite", dist), { recursive: true });
if (total > BUDGET_BYTES) process.exit(1);
