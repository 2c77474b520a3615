/*
 * Frames in which is drawn what a model wrote: pages and diagrams. They are of no origin (sandbox, by attribute and by
 * the policy they are served with), so what stands in them reaches neither the session nor the storage of this page,
 * and no other host.
 */
import { call } from "@/api/client";
import type { components } from "@/api/schema";

type Frames = components["schemas"]["Frames"];

const READY_MS = 15_000;

/** Diagrams are drawn here; pages may have a host name of their own. */
export const DIAGRAMS = "/frames/diagram.html";

let pages: Promise<string> | null = null;

export function pagesUrl(): Promise<string> {
	pages ??= call<Frames>("/api/frames").then(
		({ url }) => `${url?.replace(/\/+$/, "") ?? ""}/frames/artifact.html`,
		(e) => {
			pages = null;
			throw e;
		},
	);
	return pages;
}

/** Resolves when what is in the frame says that it listens; rejects when it does not come: an older web server's configuration. */
export function listens(frame: HTMLIFrameElement, signal?: AbortSignal): Promise<void> {
	return new Promise((done, failed) => {
		const end = (then: () => void) => () => {
			clearTimeout(timer);
			removeEventListener("message", hear);
			then();
		};
		const hear = (e: MessageEvent) => {
			if (e.source === frame.contentWindow && (e.data as { ready?: boolean } | null)?.ready === true) end(done)();
		};
		const timer = setTimeout(end(() => failed(new Error("no frame"))), READY_MS);
		addEventListener("message", hear);
		signal?.addEventListener("abort", end(() => failed(new DOMException("", "AbortError"))));
	});
}
