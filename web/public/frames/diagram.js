// Draws Mermaid diagrams for the page around it, one after the other: it is sent {id, library, source, dark} and
// answers {id, svg} or {id, error}. It stands in a frame, because Mermaid styles what it draws from within, which
// the page's policy forbids; the frame has no session, no storage and no network.
(function () {
	"use strict";
	let library = null;
	let last = Promise.resolve();

	function load(src) {
		library ??= new Promise((done, failed) => {
			const script = document.createElement("script");
			script.src = src;
			script.onload = done;
			script.onerror = () => {
				library = null;
				failed(new Error("the library cannot be read"));
			};
			document.head.append(script);
		});
		return library;
	}

	// As a picture: well-formed, of a size of its own.
	function picture(text) {
		const svg = new DOMParser().parseFromString(text, "text/html").querySelector("svg");
		const box = (svg.getAttribute("viewBox") ?? "").split(/[\s,]+/).map(Number);
		svg.style.maxWidth = "";
		if (box.length === 4 && box[2] > 0 && box[3] > 0) {
			svg.setAttribute("width", String(Math.ceil(box[2])));
			svg.setAttribute("height", String(Math.ceil(box[3])));
		}
		return new XMLSerializer().serializeToString(svg);
	}

	async function draw({ id, library: src, source, dark, font }) {
		try {
			await load(src);
			const { mermaid } = globalThis;
			mermaid.initialize({
				startOnLoad: false,
				securityLevel: "strict",
				suppressErrorRendering: true,
				theme: dark ? "dark" : "neutral",
				fontFamily: font,
				htmlLabels: false,
				flowchart: { htmlLabels: false },
			});
			const { svg } = await mermaid.render(`d${id}`, source);
			parent.postMessage({ id, svg: picture(svg) }, "*");
		} catch (e) {
			document.body.replaceChildren();
			parent.postMessage({ id, error: String((e && e.message) || e).slice(0, 2000) }, "*");
		}
	}

	addEventListener("message", (e) => {
		if (e.source !== parent || typeof e.data.source !== "string") return;
		last = last.then(() => draw(e.data));
	});
	parent.postMessage({ ready: true }, "*");
})();
