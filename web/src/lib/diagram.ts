/* Mermaid diagrams, drawn in one frame for the whole page (lib/frames.ts). */
import library from "mermaid/dist/mermaid.min.js?url";
import { DIAGRAMS, listens } from "./frames";

const DRAW_MS = 20_000;
const SOURCE_MAX_CHARS = 50_000;

interface Told {
	id: number;
	svg?: string;
	error?: string;
}

let frame: Promise<HTMLIFrameElement> | null = null;
let last = 0;

function open(): Promise<HTMLIFrameElement> {
	frame ??= (async () => {
		const el = document.createElement("iframe");
		el.src = DIAGRAMS;
		el.setAttribute("sandbox", "allow-scripts");
		el.setAttribute("aria-hidden", "true");
		el.tabIndex = -1;
		// It is measured in, so it has a size, out of sight.
		el.className = "pointer-events-none fixed -start-[4000px] top-0 h-[900px] w-[1200px] border-0 opacity-0";
		const ready = listens(el);
		document.body.append(el);
		try {
			await ready;
		} catch (e) {
			el.remove();
			frame = null;
			throw e;
		}
		return el;
	})();
	return frame;
}

/** The source as an SVG document. Rejects with what is wrong with it. */
export async function drawDiagram(source: string, dark: boolean): Promise<string> {
	if (source.length > SOURCE_MAX_CHARS) throw new Error("too long");
	const el = await open();
	const id = ++last;
	return new Promise((done, failed) => {
		const hear = (e: MessageEvent) => {
			const told = e.data as Told | null;
			if (e.source !== el.contentWindow || told?.id !== id) return;
			stop();
			if (typeof told.svg === "string") done(told.svg);
			else failed(new Error(told.error ?? ""));
		};
		const timer = setTimeout(() => {
			// It may hang for ever: the next one gets a new frame.
			stop();
			el.remove();
			frame = null;
			failed(new Error("it took too long"));
		}, DRAW_MS);
		const stop = () => {
			clearTimeout(timer);
			removeEventListener("message", hear);
		};
		addEventListener("message", hear);
		el.contentWindow!.postMessage({ id, library: new URL(library, location.href).href, source, dark, font: getComputedStyle(document.body).fontFamily }, "*");
	});
}

/** The picture with so many pixels to each of its own, on the page's ground. */
export async function asPng(svgUrl: string, ground: string, scale = 2): Promise<Blob> {
	const img = new Image();
	img.src = svgUrl;
	await img.decode();
	const canvas = document.createElement("canvas");
	canvas.width = Math.min(img.naturalWidth * scale, 8000);
	canvas.height = Math.round((canvas.width / img.naturalWidth) * img.naturalHeight);
	const at = canvas.getContext("2d")!;
	at.fillStyle = ground;
	at.fillRect(0, 0, canvas.width, canvas.height);
	at.drawImage(img, 0, 0, canvas.width, canvas.height);
	return new Promise((done, failed) => canvas.toBlob((b) => (b ? done(b) : failed(new Error("no picture"))), "image/png"));
}
