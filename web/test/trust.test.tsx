import { QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useSession } from "@/api/session";
import { challengeOf } from "@/api/trust";
import { ApiError } from "@/api/errors";
import { DeleteSection, ExportSection } from "@/components/trust/Leaving";
import { FactorSection } from "@/components/trust/FactorSection";
import QrCode from "@/components/trust/QrCode";
import { changeLanguage, startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { keepNext, markLinking, returned, takeNext, wasLinking } from "@/lib/linking";
import SignIn from "@/pages/SignIn";
import { keys, queryClient } from "@/queries/client";
import { json } from "./help";

// However busy the machine is.
vi.setConfig({ testTimeout: 60_000 });
configure({ asyncUtilTimeout: 50_000 });

const USER = { id: "u1", email: "ada@example.org", phone: null, nickname: "Ada", role: "user", credits: 1, held: 0, locale: "en", created_at: "2026-01-02T03:04:05Z" };
const SESSION = { user: USER, access_token: "t", token_type: "Bearer", expires_in: 900, refresh_token: "r" };
const refusal = (status: number, code: string, more: object = {}) => json({ code, message: code, request_id: "r1", ...more }, status);
const FACTOR = { enabled: false, required: false, has_password: true, confirmed_at: null, recovery_left: 0 };

/** What was asked, and what is answered by path. */
const asked: { path: string; method: string; body: unknown; bearer: string | null }[] = [];
let answers: Record<string, (body: { code?: string; password?: string }) => Response>;

function show(page: ReactNode) {
	return render(<QueryClientProvider client={queryClient}>{page}</QueryClientProvider>);
}

const type = (label: string | RegExp, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));
const lastOf = (path: string) => asked.filter((a) => a.path === path).at(-1);

beforeAll(async () => {
	await startI18n();
	await withTexts(["auth", "security", "settings", "sharing", "trust"], Promise.resolve());
	HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
		this.open = true;
	};
	HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
		this.open = false;
	};
});

beforeEach(() => {
	asked.length = 0;
	queryClient.clear();
	useSession.setState({ status: "in", token: "t", expiresAt: Date.now() + 900_000, user: USER as never });
	queryClient.setQueryData(keys.me, USER);
	answers = { "/api/auth/methods": () => json({ oidc: null, registration: "closed" }) };
	vi.stubGlobal("fetch", async (input: string, init: RequestInit) => {
		const path = new URL(input, "http://here").pathname;
		const body = typeof init.body === "string" ? (JSON.parse(init.body) as object) : {};
		asked.push({ path, method: init.method ?? "GET", body, bearer: new Headers(init.headers).get("Authorization") });
		return answers[path]?.(body) ?? refusal(404, "not_found");
	});
});

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
	history.replaceState(null, "", "/");
});

describe("signing in", () => {
	it("asks for a code where there is a second factor", async () => {
		useSession.setState({ status: "out", token: null });
		answers["/api/auth/login"] = () => refusal(401, "second_factor", { details: { challenge: "c1", expires_in: 300 } });
		answers["/api/auth/code"] = ({ code }) => (code === "123 456" ? json(SESSION) : refusal(400, "bad_code"));
		show(<SignIn />);
		type("Email or phone", " ada@example.org ");
		type("Password", "secret");
		press("Sign in");
		await screen.findByText("One more step");
		expect(lastOf("/api/auth/login")?.body).toEqual({ login: "ada@example.org", password: "secret" });
		type("Code", "000000");
		press("Sign in");
		expect((await screen.findByRole("alert")).textContent).toBe("bad_code");
		type("Code", "123 456");
		press("Sign in");
		await waitFor(() => expect(useSession.getState().status).toBe("in"));
		expect(lastOf("/api/auth/code")).toMatchObject({ body: { challenge: "c1", code: "123 456" }, bearer: null });
	});
	it("begins anew when the challenge is over", async () => {
		answers["/api/auth/login"] = () => refusal(401, "second_factor", { details: { challenge: "c1" } });
		answers["/api/auth/code"] = () => refusal(400, "invalid_token");
		show(<SignIn />);
		type("Email or phone", "ada@example.org");
		type("Password", "secret");
		press("Sign in");
		await screen.findByText("One more step");
		type("Code", "123456");
		press("Sign in");
		expect((await screen.findByRole("alert")).textContent).toMatch(/begin again/);
		press("Back to sign in");
		await screen.findByText("Welcome back");
	});
	it("has the button of a provider only where there is one", async () => {
		answers["/api/auth/methods"] = () => json({ oidc: { name: "Our house" }, registration: "closed" });
		answers["/api/auth/oidc/start"] = () => refusal(502, "provider_failed");
		show(<SignIn />);
		fireEvent.click(await screen.findByRole("button", { name: "Sign in with Our house" }));
		expect((await screen.findByRole("alert")).textContent).toBe("provider_failed");
	});
	it("comes back from a provider, once", async () => {
		history.replaceState(null, "", "/signin/return?state=s1&code=c1&iss=https%3A%2F%2Fid.example");
		answers["/api/auth/oidc/finish"] = () => json(SESSION);
		show(<SignIn step="return" />);
		await waitFor(() => expect(useSession.getState().user?.id).toBe("u1"));
		await waitFor(() => expect(lastOf("/api/auth/oidc/finish")).toMatchObject({ body: { state: "s1", code: "c1", iss: "https://id.example" }, bearer: null }));
		expect(asked.filter((a) => a.path === "/api/auth/oidc/finish")).toHaveLength(1);
		expect(location.search).toBe("");
	});
	it("links with the session that began it", async () => {
		markLinking();
		history.replaceState(null, "", "/signin/return?state=s1&code=c1");
		answers["/api/auth/oidc/link"] = () => refusal(409, "conflict");
		show(<SignIn step="return" />);
		expect((await screen.findByRole("alert")).textContent).toBe("conflict");
		expect(lastOf("/api/auth/oidc/link")?.bearer).toBe("Bearer t");
		expect(screen.getByRole("link", { name: "Back to the settings" })).toBeTruthy();
	});
	it("says so when it was broken off, in either language", async () => {
		history.replaceState(null, "", "/signin/return?error=access_denied&state=s1");
		show(<SignIn step="return" />);
		expect(screen.getByRole("alert").textContent).toBe("The sign-in was broken off.");
		await changeLanguage("zh");
		expect((await screen.findByRole("alert")).textContent).toBe("登录已中断。");
		await changeLanguage("en");
		expect(asked.some((a) => a.path === "/api/auth/oidc/finish")).toBe(false);
	});
	it("goes where somebody wanted to, and to no other site", () => {
		for (const [next, path] of [["/c/1", "/c/1"], ["//evil.example", "/"], ["/\\evil.example", "/"], ["https://evil.example", "/"]] as const) {
			history.replaceState(null, "", `/signin?next=${encodeURIComponent(next)}`);
			keepNext();
			expect(takeNext()).toBe(path);
			expect(takeNext()).toBe("/");
		}
		expect(wasLinking()).toBe(false);
		expect(returned("?state=a")).toBeNull();
		expect(returned("?state=a&code=b")).toEqual({ state: "a", code: "b" });
	});
	it("knows a challenge from other errors", () => {
		const error = (code: string, details: object) => new ApiError(401, { code, details }, new Headers());
		expect(challengeOf(error("second_factor", { challenge: "c" }))).toBe("c");
		expect(challengeOf(error("second_factor", {}))).toBeNull();
		expect(challengeOf(error("bad_credentials", { challenge: "c" }))).toBeNull();
		expect(challengeOf(new Error("x"))).toBeNull();
	});
});

describe("the second factor", () => {
	it("is turned on by a password and a first code, and shows its recovery codes once", async () => {
		answers["/api/me/factor"] = ({ password }) =>
			password === "right" ? json({ secret: "ABCDEFGH", uri: "otpauth://totp/x?secret=ABCDEFGH" }, 201) : refusal(400, "invalid_request", { details: { field: "password", problem: "is wrong" } });
		answers["/api/me/factor/confirm"] = () => json({ recovery_codes: ["AAAA-BBBB", "CCCC-DDDD"] });
		show(<FactorSection factor={FACTOR} />);
		press("Turn on");
		type("Current password", "wrong");
		press("Go on");
		expect((await screen.findByRole("alert")).textContent).toBe("This is not your current password.");
		type("Current password", "right");
		press("Go on");
		await screen.findByText("ABCD EFGH");
		await screen.findByRole("img", { name: "QR code for an authenticator app" });
		type("Code of the app", "123456");
		press("Turn on");
		await screen.findByText("CCCC-DDDD");
		press("I have kept them");
		await waitFor(() => expect(screen.queryByText("CCCC-DDDD")).toBeNull());
	});
	it("is turned off by password and code", async () => {
		answers["/api/me/factor/remove"] = () => new Response(null, { status: 204 });
		show(<FactorSection factor={{ ...FACTOR, enabled: true, confirmed_at: "2026-01-02T03:04:05Z", recovery_left: 1 }} />);
		expect(screen.getByText(/1 recovery code is left/)).toBeTruthy();
		press("Turn off");
		type("Current password", "right");
		type("Code", "123456");
		press("Turn off");
		await waitFor(() => expect(lastOf("/api/me/factor/remove")?.body).toEqual({ password: "right", code: "123456" }));
	});
	it("tells an admin who has to have one, and asks for no password where there is none", async () => {
		answers["/api/me/factor"] = () => refusal(403, "sign_in_again");
		show(<FactorSection factor={{ ...FACTOR, required: true, has_password: false }} />);
		expect(screen.getByRole("alert").textContent).toMatch(/Administration is closed/);
		press("Turn on");
		expect(screen.queryByLabelText("Current password")).toBeNull();
		press("Go on");
		expect((await screen.findByRole("alert")).textContent).toBe("sign_in_again");
	});
	it("is drawn as a code that cameras read: dark squares, and light around them", () => {
		const { container } = show(<QrCode text="otpauth://totp/x?secret=ABCDEFGH" label="code" />);
		const size = Number(container.querySelector("svg")!.getAttribute("viewBox")!.split(" ")[2]);
		const squares = container.querySelector("path")!.getAttribute("d")!.match(/M\d+ \d+/g)!.map((m) => m.slice(1).split(" ").map(Number));
		expect(squares.length).toBeGreaterThan(100);
		expect(squares.every(([x, y]) => x! >= 2 && y! >= 2 && x! < size - 2 && y! < size - 2)).toBe(true);
		// The three corners by which it is found.
		for (const [x, y] of [[2, 2], [size - 9, 2], [2, size - 9]]) expect(squares.some(([a, b]) => a === x && b === y)).toBe(true);
	});
});

describe("leaving", () => {
	it("makes a file, and gives its link when it is there", async () => {
		const file = { status: "pending", url: null, size_bytes: null, created_at: "2026-01-02T03:04:05Z", expires_at: "2026-01-03T03:04:05Z" };
		let ready = false;
		answers["/api/me/export"] = () => (asked.some((a) => a.method === "POST") ? json(ready ? { ...file, status: "ready", url: "https://here/x?signature=s", size_bytes: 2048 } : file) : refusal(404, "not_found"));
		show(<ExportSection />);
		fireEvent.click(await screen.findByRole("button", { name: "Make the file" }));
		await waitFor(() => expect(lastOf("/api/me/export")?.method).toBe("POST"));
		ready = true;
		const link = await screen.findByRole("link", { name: /Download \(2.0 KB\)/ }, { timeout: 20_000 });
		expect(link.getAttribute("href")).toBe("https://here/x?signature=s");
	});
	it("takes the account's name and password, and signs out", async () => {
		answers["/api/me/factor"] = () => json(FACTOR);
		answers["/api/me/delete"] = ({ password }) =>
			password === "right" ? json({ erase_at: "2026-01-09T03:04:05Z" }, 202) : refusal(400, "invalid_request", { details: { field: "password", problem: "is wrong" } });
		show(<DeleteSection />);
		press("Delete account");
		const go = () => screen.getAllByRole("button", { name: "Delete account", hidden: true }).at(-1) as HTMLButtonElement;
		type("Current password", "wrong");
		expect(go().disabled).toBe(true);
		type("Type ada@example.org to go on", " ADA@example.org ");
		expect(go().disabled).toBe(false);
		fireEvent.click(go());
		await screen.findByText("This is not your current password.");
		type("Current password", "right");
		fireEvent.click(go());
		await waitFor(() => expect(useSession.getState().status).toBe("out"));
		expect(lastOf("/api/me/delete")?.body).toEqual({ name: "ADA@example.org", password: "right" });
	});
});
