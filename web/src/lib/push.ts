/*
 * Being told on this device what has ended, with the page closed: web push, through the service worker (src/worker.js).
 * "weir.push" in localStorage is the endpoint that the server knows of this browser.
 */
import { call, post, remove } from "@/api/client";
import type { Schemas } from "@/api/types";

export type Push = Schemas["Push"];
export type PushDevice = Schemas["PushDevice"];
/** unsupported: by this browser; denied: its user has said no; else: does this device want to be told? */
export type PushState = "unsupported" | "denied" | "off" | "on";

export const KNOWN = "weir.push";

export const push = {
	get: () => call<Push>("/api/me/push"),
	test: () => post<object>("/api/me/push/test"),
	remove: (id: string) => remove(`/api/me/push/${id}`),
};

const base64url = (bytes: ArrayBuffer) =>
	btoa(String.fromCharCode(...new Uint8Array(bytes)))
		.replaceAll("+", "-")
		.replaceAll("/", "_")
		.replace(/=+$/, "");

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
	const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
	return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

/** The worker of this page; undefined where there is none, or no push. */
async function worker(): Promise<ServiceWorkerRegistration | undefined> {
	if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return undefined;
	return navigator.serviceWorker.getRegistration();
}

function note(endpoint: string | null) {
	try {
		if (endpoint === null) localStorage.removeItem(KNOWN);
		else localStorage.setItem(KNOWN, endpoint);
	} catch {
		// private mode: it is found out at the next visit
	}
}

function noted(): string | null {
	try {
		return localStorage.getItem(KNOWN);
	} catch {
		return null;
	}
}

/** `known`: what the server has of this device, if anything. */
export async function stateOf(known: PushDevice | undefined): Promise<PushState> {
	const registration = await worker();
	if (!registration) return "unsupported";
	if (Notification.permission === "denied") return "denied";
	return known !== undefined && Notification.permission === "granted" && (await registration.pushManager.getSubscription()) !== null ? "on" : "off";
}

const isFor = (subscription: PushSubscription, key: Uint8Array<ArrayBuffer>) => {
	const its = subscription.options.applicationServerKey;
	return its !== null && base64url(its) === base64url(key.buffer);
};

/** The browser's subscription to this site's key, made where there is none; told to the server. */
async function subscribe(registration: ServiceWorkerRegistration, publicKey: string) {
	const key = bytesOf(publicKey);
	let subscription = await registration.pushManager.getSubscription();
	if (subscription && !isFor(subscription, key)) {
		await subscription.unsubscribe();
		subscription = null;
	}
	subscription ??= await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
	const part = (name: PushEncryptionKeyName) => {
		const bytes = subscription.getKey(name);
		if (bytes === null) throw new Error(`a subscription without ${name}`);
		return base64url(bytes);
	};
	await post<PushDevice>("/api/me/push", { endpoint: subscription.endpoint, p256dh: part("p256dh"), auth: part("auth") });
	note(subscription.endpoint);
}

/** Asks its user, who has just clicked. What the device is then; unreachable: its browser's push service says no, or nothing. */
export async function turnOn(publicKey: string): Promise<PushState | "unreachable"> {
	const registration = await worker();
	if (!registration) return "unsupported";
	const permission = await Notification.requestPermission();
	if (permission !== "granted") return permission === "denied" ? "denied" : "off";
	try {
		await subscribe(registration, publicKey);
	} catch (e) {
		if (e instanceof DOMException) return "unreachable"; // the browser's; our server's are others
		throw e;
	}
	return "on";
}

export async function turnOff(known: PushDevice | undefined) {
	await forget();
	if (known) await push.remove(known.id);
}

/** Nobody is told here any more, whatever the server knows: it goes by the session. */
export async function forget() {
	note(null);
	try {
		await (await (await worker())?.pushManager.getSubscription())?.unsubscribe();
	} catch {
		// the push service cannot be asked: the server has nothing to send it
	}
}

/** Browsers change where they are reached by themselves: the server is told. */
export async function refresh() {
	if (noted() === null) return;
	const registration = await worker();
	if (!registration || Notification.permission !== "granted") return note(null);
	const subscription = await registration.pushManager.getSubscription();
	if (subscription?.endpoint === noted()) return;
	const { public_key } = await push.get();
	if (public_key !== null) await subscribe(registration, public_key);
}
