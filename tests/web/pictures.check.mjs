// What the comparison of pictures (pictures.mjs) finds, and what it lets pass. Prints TAP.
import { startBrowser } from "./lib.mjs";
import { OTHER_FONTS, pictureBench, SAME_FONTS } from "./pictures.mjs";

const SIZE = { width: 1000, height: 700 };

/** A small page: a head, a text, a button. */
const html = ({ left = 300, button = "#0b6b64", shown = true, font = "sans-serif", text = "A weir raises the water above it, so that boats may pass. ", size = 15, side = 220 }) => `
<body style="margin:0;font:${size}px ${font};background:#fbfaf7;color:#1d2321">
<div style="position:absolute;inset:0 auto 0 0;width:${side}px;background:#8d8a7d"></div>
<h1 style="position:absolute;left:300px;top:40px;font-size:24px">Weirs</h1>
<p style="position:absolute;left:300px;top:110px;width:500px;line-height:24px;height:240px;overflow:hidden">${text.repeat(9)}</p>
${shown ? `<button style="position:absolute;left:${left}px;top:420px;width:120px;height:40px;border:0;border-radius:8px;background:${button};color:#fff">Open</button>` : ""}
</body>`;

const browser = await startBrowser();
const page = await browser.newPage({ viewport: SIZE });
const take = async (how) => {
	await page.setContent(html(how));
	return page.screenshot();
};
const bench = await pictureBench(browser);
const kept = await bench.keep(await take({}));

let number = 0;
let failed = 0;
async function expect(same, what, how, tolerance) {
	const result = await bench.compare(await take(how), kept, SIZE, tolerance);
	number += 1;
	const ok = result.same === same && (same || result.sheet.subarray(1, 4).toString() === "PNG");
	if (!ok) failed += 1;
	console.log(`${ok ? "ok" : "not ok"} ${number} - ${what}: ${same ? "the same" : "another"}`);
	if (!ok) console.log(`# ${JSON.stringify({ ...result, sheet: undefined })}`);
}

await expect(true, "nothing changed", {}, SAME_FONTS);
await expect(true, "a pixel to the side", { left: 301 }, SAME_FONTS);
await expect(false, "a button moved by 12 pixels", { left: 312 }, SAME_FONTS);
await expect(false, "a button that is gone", { shown: false }, SAME_FONTS);
await expect(false, "a button in another colour", { button: "#b3261e" }, SAME_FONTS);
await expect(false, "another text", { text: "Nothing is as it was before, not even this. " }, SAME_FONTS);
await expect(true, "nothing changed, other fonts", {}, OTHER_FONTS);
await expect(true, "letters of another font", { font: "serif" }, OTHER_FONTS);
await expect(false, "a column of twice the width, other fonts", { side: 440 }, OTHER_FONTS);
await browser.close();
console.log(`1..${number}`);
process.exit(failed > 0 ? 1 : 0);
