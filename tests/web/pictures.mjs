// Two pictures of a screen, compared as an eye would from two steps away: at a quarter of their size, where a letter is a
// grey spot and a button still a shape. What is moved, gone, new or of another colour is found; how a machine's Chromium
// draws a letter is not.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const PIXELMATCH = readFileSync(require.resolve("pixelmatch"), "utf8").replace(/^export default /m, "globalThis.pixelmatch = ").replace(/^export .*$/gm, "");

/** Kept pictures are so wide at most. */
const KEPT_WIDTH = 720;
/**
 * How pictures are compared: at which scale, how far a colour may be off (0 to 1), how much of a tile of `tile` × `tile`
 * pixels of the small picture may be so (0 to 1), and how much of all tiles may be more than that.
 */
export const SAME_FONTS = { scale: 1 / 4, colour: 0.08, tile: 8, inTile: 0.25, tiles: 0 };
/** Where letters are wider or narrower than in the kept picture, lines end elsewhere: only what is of some size is seen. */
export const OTHER_FONTS = { scale: 1 / 8, colour: 0.1, tile: 8, inTile: 0.4, tiles: 0.06 };

/** A page of a browser that works on pictures: they are read, made small and compared by it, so that no other decoder is needed. */
export async function pictureBench(browser) {
	const page = await browser.newPage();
	await page.addScriptTag({ content: PIXELMATCH });
	await page.evaluate(({ keptWidth }) => {
		const decode = async (base64) => createImageBitmap(await (await fetch(`data:image/*;base64,${base64}`)).blob());
		const canvas = (width, height) => {
			const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
			context.imageSmoothingQuality = "high";
			return context;
		};
		const encode = async (context, type, quality) => {
			const bytes = new Uint8Array(await (await context.canvas.convertToBlob({ type, quality })).arrayBuffer());
			let text = "";
			for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
			return btoa(text);
		};
		const resized = (image, width, height) => {
			const context = canvas(width, height);
			context.drawImage(image, 0, 0, width, height);
			return context;
		};
		const pixels = (image, width, height) => resized(image, width, height).getImageData(0, 0, width, height);
		globalThis.bench = {
			async keep(shot) {
				const image = await decode(shot);
				const width = Math.min(keptWidth, image.width);
				return encode(resized(image, width, Math.round((image.height * width) / image.width)), "image/webp", 0.6);
			},
			async compare(shot, kept, { full, scale, colour, tile, inTile, tiles }) {
				const [whole, before] = [await decode(shot), await decode(kept)];
				// Both are made small on the same way.
				const now = resized(whole, before.width, Math.round((whole.height * before.width) / whole.width)).canvas;
				if (Math.abs(now.width / now.height - before.width / before.height) > 0.01) return { same: false, why: "it has another shape", tiles: [] };
				const [width, height] = [Math.round(full.width * scale), Math.round(full.height * scale)];
				const [a, b] = [pixels(now, width, height), pixels(before, width, height)];
				const out = new ImageData(width, height);
				const changed = globalThis.pixelmatch(a.data, b.data, out.data, width, height, { threshold: colour, includeAA: true, diffMask: true });
				const found = [];
				let count = 0;
				// Tiles overlap by half, so that a change is not halved by an edge.
				for (let y = 0; y < height; y += tile / 2)
					for (let x = 0; x < width; x += tile / 2) {
						count += 1;
						let n = 0;
						for (let j = y; j < Math.min(height, y + tile); j += 1) for (let i = x; i < Math.min(width, x + tile); i += 1) if (out.data[4 * (j * width + i) + 3] > 0) n += 1;
						if (n > inTile * tile * tile) found.push([x / scale, y / scale]);
					}
				const same = found.length <= tiles * count;
				const result = { same, share: changed / (width * height), tiles: found, of: count };
				if (!same) {
					// before, now, and where they differ
					const [w, h] = [Math.round(full.width / 2), Math.round(full.height / 2)];
					const sheet = canvas(3 * w, h);
					sheet.drawImage(before, 0, 0, w, h);
					sheet.drawImage(now, w, 0, w, h);
					sheet.globalAlpha = 0.35;
					sheet.drawImage(now, 2 * w, 0, w, h);
					sheet.globalAlpha = 0.5;
					sheet.fillStyle = "red";
					for (const [x, y] of found) sheet.fillRect(2 * w + x / 2, y / 2, tile / scale / 2, tile / scale / 2);
					result.sheet = await encode(sheet, "image/png");
				}
				return result;
			},
			/** What the letters of this machine look like: of the fonts that are not the app's own. */
			async letters() {
				const context = canvas(400, 120);
				context.fillStyle = "#fff";
				context.fillRect(0, 0, 400, 120);
				context.fillStyle = "#000";
				for (const [i, font] of ["monospace", "sans-serif", "Noto Sans CJK SC"].entries()) {
					context.font = `24px "${font}", ${font === "monospace" ? "monospace" : "sans-serif"}`;
					context.fillText("Weir 0123 堰水坝 {fi}", 4, 30 + 36 * i);
				}
				return encode(context, "image/png");
			},
		};
	}, { keptWidth: KEPT_WIDTH });
	return {
		keep: async (shot) => Buffer.from(await page.evaluate((s) => globalThis.bench.keep(s), shot.toString("base64")), "base64"),
		/** {same, tiles: where it differs, in pixels of the screen, sheet: a PNG of what changed}. `full`: size of the screen. */
		compare: async (shot, kept, full, tolerance = SAME_FONTS) => {
			const result = await page.evaluate(([s, k, how]) => globalThis.bench.compare(s, k, how), [shot.toString("base64"), kept.toString("base64"), { full, ...tolerance }]);
			return { ...result, sheet: result.sheet && Buffer.from(result.sheet, "base64") };
		},
		letters: async () => createHash("sha256").update(await page.evaluate(() => globalThis.bench.letters())).digest("hex").slice(0, 16),
	};
}
