// Writes NAME.gz beside every text file of dist that gains from it: the web
// server sends those as they are (gzip_static) and never compresses on the way.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist", import.meta.url).pathname;

function walk(folder) {
	for (const name of readdirSync(folder)) {
		const path = join(folder, name);
		if (statSync(path).isDirectory()) walk(path);
		else if (/\.(js|css|html|svg|json)$/.test(name)) compress(path);
	}
}

function compress(path) {
	const plain = readFileSync(path);
	const packed = gzipSync(plain, { level: 9 });
	if (packed.length < plain.length) writeFileSync(path + ".gz", packed);
}

walk(dist);
