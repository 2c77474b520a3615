// What the scripts for Node share: one TAP line for each check, and what the server saw of it.
import assert from "node:assert/strict";

export { assert };
/** Keys: of a user without credits, for one request a minute, for calls of another kind. */
export const { WEIR_URL: URL_BASE, WEIR_KEY: KEY, WEIR_POOR_KEY: POOR_KEY } = process.env;
export const { WEIR_RARE_KEY: RARE_KEY, WEIR_OTHER_KEY: OTHER_KEY } = process.env;
export const WRONG_KEY = `wk-${"0".repeat(33)}`;
/** A model of each wire: {wire: name}. */
export const WIRES = JSON.parse(process.env.WEIR_WIRES);
/** A picture of one pixel. */
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const WORDS = '你好，世界 — здравствуй 👩‍👩‍👧 "quoted" \\ \t \u2028 end';
/** A prompt whose answer is a city in JSON, also of a model that does not look at the schema. */
export const CITY = '[[demo echo=1]]{"city":"Berlin","population":3769495}';
const LIMIT_MS = 60_000;

class Skip extends Error {}

/** Thrown within a check: it cannot be made here. */
export const skip = (why) => {
	throw new Skip(why);
};

export async function check(name, work) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`not done within ${LIMIT_MS} ms`)), LIMIT_MS);
	});
	try {
		await Promise.race([work(), late]);
		console.log(`ok - ${name}`);
	} catch (e) {
		if (e instanceof Skip) {
			console.log(`ok - ${name} # SKIP ${e.message}`);
		} else {
			console.log(`not ok - ${name}`);
			console.log(String(e?.stack ?? e).replace(/^/gm, "# "));
		}
	} finally {
		clearTimeout(timer);
	}
}

const witness = async (what) => (await fetch(`${process.env.WEIR_WITNESS}/${what}`)).json();

/** The usage rows of this user's calls, oldest first. */
export const calls = () => witness("calls");

/** The statuses of the requests that the server had while `work` was done. */
export async function requests(work) {
	const { place } = await witness("requests");
	await work();
	return (await witness(`requests?since=${place}`)).statuses;
}

/** The usage row that follows the `before` first ones; waits for it. */
export async function nextCall(before) {
	for (let i = 0; i < 100; i++) {
		const rows = await calls();
		if (rows.length > before) return rows[before];
		await new Promise((done) => setTimeout(done, 50));
	}
	return assert.fail("the call left no usage row within 5 s");
}

/** What a promise is rejected with. */
export async function failure(promise) {
	try {
		await promise;
	} catch (e) {
		return e;
	}
	return assert.fail("it did not fail");
}

/** All of an async iterable; `error` is what it threw. */
export async function drain(stream) {
	const items = [];
	try {
		for await (const item of stream) items.push(item);
	} catch (error) {
		return { items, error };
	}
	return { items, error: null };
}
