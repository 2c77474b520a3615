import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import NotificationsPanel from "@/components/settings/NotificationsPanel";
import { changeLanguage, startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { CHOSEN, recall, remember } from "@/lib/kept";
import { adopt, prefer } from "@/lib/preferences";
import { forget, KNOWN, refresh } from "@/lib/push";
import { signedIn } from "@/lib/signedIn";
import { queryClient } from "@/queries/client";
import { useSettings } from "@/stores/settings";
import { json } from "./help";

// However busy the machine is.
vi.setConfig({ testTimeout: 60_000 });
configure({ asyncUtilTimeout: 50_000 });

const KEY = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
const ENDPOINT = "https://push.example.net/1";
const PREFERENCES = { theme: null, language: null, welcome_seen: false, notify_media: true, notify_documents: true, notify_answers: true };
const device = (id: string, current: boolean) => ({ id, current, user_agent: "Mozilla/5.0 (X11; Linux) Firefox/130", created_at: "2026-01-02T03:04:05Z", last_ok_at: null, failures: 0 });

/** The server, as far as it is asked. */
let server: { public_key: string | null; items: ReturnType<typeof device>[]; preferences: object };
const asked: { path: string; method: string; body: unknown }[] = [];

/** A browser that can be told; its user answers `answer`. */
function browser(permission: NotificationPermission, answer: NotificationPermission = "granted", has: { endpoint: string; key: string } | null = null) {
	let subscription: object | null = null;
	const made = (endpoint: string, key: BufferSource) => ({
		endpoint,
		options: { applicationServerKey: (key as Uint8Array<ArrayBuffer>).buffer },
		getKey: (name: string) => new Uint8Array(name === "auth" ? 16 : 65).fill(255).buffer,
		unsubscribe: vi.fn(async () => {
			subscription = null;
			return true;
		}),
	});
	const bytes = (text: string) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
	if (has) subscription = made(has.endpoint, bytes(has.key));
	const subscribe = vi.fn(async ({ applicationServerKey }: PushSubscriptionOptionsInit) => (subscription = made(ENDPOINT, applicationServerKey as BufferSource)));
	const notification = {
		permission,
		requestPermission: vi.fn(async () => (notification.permission = answer)),
	};
	const listeners: ((event: object) => void)[] = [];
	vi.stubGlobal("Notification", notification);
	vi.stubGlobal("PushManager", class {});
	vi.stubGlobal("navigator", {
		...navigator,
		languages: ["en"],
		serviceWorker: {
			getRegistration: async () => ({ pushManager: { getSubscription: async () => subscription, subscribe } }),
			addEventListener: (_: string, f: (event: object) => void) => listeners.push(f),
			startMessages: () => undefined,
		},
	});
	return { notification, subscribe, listeners, subscription: () => subscription };
}

const show = () => render(<QueryClientProvider client={queryClient}>{<NotificationsPanel />}</QueryClientProvider>);
const here = async () => within(await screen.findByRole("region", { name: "This device" }));
const of = (method: string, path: string) => asked.filter((a) => a.method === method && a.path === path).map((a) => a.body);

beforeAll(async () => {
	await startI18n();
	await withTexts(["auth", "settings", "notify"], Promise.resolve());
});

beforeEach(() => {
	asked.length = 0;
	queryClient.clear();
	useSession.setState({ status: "in", token: "t", expiresAt: Date.now() + 900_000 });
	server = { public_key: KEY, items: [], preferences: PREFERENCES };
	vi.stubGlobal("fetch", async (input: string, init: RequestInit) => {
		const path = new URL(input, "http://here").pathname;
		const method = init.method ?? "GET";
		const body = typeof init.body === "string" ? (JSON.parse(init.body) as object) : undefined;
		asked.push({ path, method, body });
		if (path === "/api/me/preferences") {
			if (method === "PATCH") server.preferences = { ...server.preferences, ...body };
			return json(server.preferences);
		}
		if (path === "/api/me/push/test") return json({}, 202);
		if (path === "/api/me/push" && method === "POST") {
			server.items = [...server.items.filter((d) => !d.current), device("mine", true)];
			return json(server.items.at(-1), 201);
		}
		if (method === "DELETE") {
			server.items = server.items.filter((d) => !path.endsWith(d.id));
			return new Response(null, { status: 204 });
		}
		return json({ is_on: server.public_key !== null, public_key: server.public_key, items: server.items });
	});
});

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

describe("the panel", () => {
	it("asks only who has clicked, subscribes to the site's key, and turns off again", async () => {
		const { notification, subscribe, subscription } = browser("default");
		show();
		const panel = await here();
		await panel.findByText("Nothing is shown on this device.");
		expect(notification.requestPermission).not.toHaveBeenCalled();
		fireEvent.click(panel.getByRole("button", { name: "Turn on" }));
		await panel.findByText("Notifications are on.");
		expect(subscribe).toHaveBeenCalledWith({ userVisibleOnly: true, applicationServerKey: expect.any(Uint8Array) as Uint8Array });
		expect(of("POST", "/api/me/push")).toEqual([{ endpoint: ENDPOINT, p256dh: "_".repeat(86) + "8", auth: "_".repeat(21) + "w" }]);
		expect(localStorage.getItem(KNOWN)).toBe(ENDPOINT);
		fireEvent.click(panel.getByRole("button", { name: "Send a test" }));
		await waitFor(() => expect(of("POST", "/api/me/push/test")).toHaveLength(1));
		fireEvent.click(panel.getByRole("button", { name: "Turn off" }));
		await panel.findByText("Nothing is shown on this device.");
		expect(subscription()).toBeNull();
		expect(of("DELETE", "/api/me/push/mine")).toHaveLength(1);
		expect(localStorage.getItem(KNOWN)).toBeNull();
	});

	it("says so where the browser's push service cannot be reached", async () => {
		const { subscribe } = browser("granted");
		subscribe.mockRejectedValue(new DOMException("push service error", "AbortError"));
		show();
		const panel = await here();
		fireEvent.click(await panel.findByRole("button", { name: "Turn on" }));
		expect((await panel.findByRole("alert")).textContent).toContain("cannot be reached");
		expect(of("POST", "/api/me/push")).toEqual([]);
		expect(localStorage.getItem(KNOWN)).toBeNull();
	});

	it("says what a user who said no can do", async () => {
		browser("default", "denied");
		show();
		const panel = await here();
		fireEvent.click(await panel.findByRole("button", { name: "Turn on" }));
		await panel.findByText(/You have blocked notifications/);
		expect(panel.queryByRole("button")).toBeNull();
		expect(of("POST", "/api/me/push")).toEqual([]);
	});

	it("says that this browser cannot, and that this site does not", async () => {
		show();
		await (await here()).findByText(/This browser cannot show notifications/);
		cleanup();
		queryClient.clear();
		server.public_key = null;
		show();
		await screen.findByText("No notifications here");
		expect(screen.queryByRole("switch")).toBeNull();
	});

	it("is on only where browser and server both say so", async () => {
		browser("granted", "granted", { endpoint: ENDPOINT, key: KEY });
		show(); // signed out and in again, say
		await (await here()).findByText("Nothing is shown on this device.");
	});

	it("keeps wishes with the account, and takes other devices away", async () => {
		browser("default");
		server.items = [device("other", false)];
		show();
		fireEvent.click(await screen.findByRole("switch", { name: "Documents that have been read" }));
		await waitFor(() => expect(of("PATCH", "/api/me/preferences")).toEqual([{ notify_documents: false }]));
		expect(screen.getByRole<HTMLInputElement>("switch", { name: "Documents that have been read" }).checked).toBe(false);
		fireEvent.click(screen.getByRole("button", { name: "Remove Firefox, Linux" }));
		await waitFor(() => expect(screen.queryByText("Other devices")).toBeNull());
		expect(of("DELETE", "/api/me/push/other")).toHaveLength(1);
	});
});

describe("a browser that was told", () => {
	it("tells the server when it is reached elsewhere, and under another key of the site", async () => {
		localStorage.setItem(KNOWN, "https://push.example.net/old");
		const moved = browser("granted", "granted", { endpoint: "https://push.example.net/new", key: KEY });
		await refresh();
		expect(of("POST", "/api/me/push")).toMatchObject([{ endpoint: "https://push.example.net/new" }]);
		expect(moved.subscribe).not.toHaveBeenCalled();
		await refresh(); // known now
		expect(of("POST", "/api/me/push")).toHaveLength(1);
		localStorage.setItem(KNOWN, "https://push.example.net/old");
		const other = browser("granted", "granted", { endpoint: "https://push.example.net/new", key: KEY.replace("BA1H", "BB1H") });
		await refresh();
		expect(other.subscribe).toHaveBeenCalledOnce();
		expect(of("POST", "/api/me/push")).toMatchObject([{}, { endpoint: ENDPOINT }]);
	});

	it("asks nobody where it was never told, and forgets when its user takes the permission back", async () => {
		browser("granted");
		await refresh();
		expect(asked).toEqual([]);
		localStorage.setItem(KNOWN, ENDPOINT);
		browser("denied");
		await refresh();
		expect(asked).toEqual([]);
		expect(localStorage.getItem(KNOWN)).toBeNull();
	});

	it("is told nothing more after a sign-out", async () => {
		localStorage.setItem(KNOWN, ENDPOINT);
		const { subscription } = browser("granted", "granted", { endpoint: ENDPOINT, key: KEY });
		await forget();
		expect(subscription()).toBeNull();
		expect(localStorage.getItem(KNOWN)).toBeNull();
	});

	it("opens what a notification was about, and no other site", () => {
		const { listeners } = browser("granted");
		signedIn(new AbortController().signal);
		history.replaceState(null, "", "/");
		listeners[0]!({ data: { open: "//elsewhere.example/" } });
		listeners[0]!({ data: null });
		expect(location.pathname).toBe("/");
		listeners[0]!({ data: { open: "/c/7" } });
		expect(location.pathname).toBe("/c/7");
	});
});

describe("preferences", () => {
	it("of another device hold here, without being sent back", async () => {
		useSettings.getState().change({ theme: "system", language: "en" });
		server.preferences = { ...PREFERENCES, theme: "dark", language: "zh", welcome_seen: true };
		expect(await adopt()).toBe(true);
		expect(useSettings.getState()).toMatchObject({ theme: "dark", language: "zh" });
		expect(asked.map((a) => a.method)).toEqual(["GET"]);
		await changeLanguage("en");
		useSettings.getState().change({ language: "en" });
	});

	it("that were never chosen change nothing; what is chosen here is kept there", async () => {
		useSettings.getState().change({ theme: "light", language: "en" });
		expect(await adopt()).toBe(false);
		expect(useSettings.getState()).toMatchObject({ theme: "light", language: "en" });
		prefer({ theme: "dark" });
		expect(useSettings.getState().theme).toBe("dark");
		await waitFor(() => expect(of("PATCH", "/api/me/preferences")).toEqual([{ theme: "dark" }]));
	});

	it("give way to the language that was chosen to sign in with", async () => {
		server.preferences = { ...PREFERENCES, language: "zh" };
		useSettings.getState().change({ language: "en" });
		remember(CHOSEN, true);
		await adopt();
		expect(useSettings.getState().language).toBe("en");
		await waitFor(() => expect(of("PATCH", "/api/me/preferences")).toEqual([{ language: "en" }]));
		expect(recall(CHOSEN)).toBe(false);
	});

	it("that cannot be asked for leave the page as it is", async () => {
		useSettings.getState().change({ theme: "light" });
		vi.stubGlobal("fetch", async () => json({ code: "internal", message: "x", request_id: "r" }, 500));
		expect(await adopt()).toBeNull();
		expect(useSettings.getState().theme).toBe("light");
	});
});
