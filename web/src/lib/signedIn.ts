/* What is done once somebody is signed in, and can wait until the page is drawn. */
import { navigate } from "wouter/use-browser-location";
import { recall } from "./kept";
import { adopt } from "./preferences";

/** An address of the page, and of no other site. */
const isOwn = (path: unknown): path is string => typeof path === "string" && /^\/(?![/\\])/.test(path);

/** What the service worker asks of a page that is open: to show what a notification was about. */
function onMessage(event: MessageEvent<{ open?: unknown } | null>) {
	if (isOwn(event.data?.open)) navigate(event.data.open);
}

export function signedIn(over: AbortSignal) {
	if (over.aborted) return;
	void adopt();
	if (!("serviceWorker" in navigator)) return;
	navigator.serviceWorker.addEventListener("message", onMessage, { signal: over });
	navigator.serviceWorker.startMessages();
	if (recall("weir.push")) void import("./push").then((push) => push.refresh()).catch(() => undefined);
}
