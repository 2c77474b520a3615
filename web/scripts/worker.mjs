// Makes sw.js of src/worker.js: with the files of the first load, and named by them.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { firstLoad } from "./first-load.mjs";

const dist = new URL("../dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist));
const theme = /src="(\/assets\/theme[^"]+)"/.exec(page.toString())[1];
const files = ["/index.html", theme, ...firstLoad(["zh", "en"], true).map((file) => `/${file}`)];
const source = readFileSync(new URL("../src/worker.js", import.meta.url), "utf8");
const version = createHash("sha256").update(source).update(page).update(files.join()).digest("hex").slice(0, 12);
writeFileSync(new URL("sw.js", dist), source.replace('"__VERSION__"', JSON.stringify(`weir-${version}`)).replace('["__FILES__"]', JSON.stringify(files)));
