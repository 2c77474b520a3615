import { beforeEach, describe, expect, it, vi } from "vitest";
import { call } from "@/api/client";
import { ApiError, NetworkError } from "@/api/errors";
import { begin, end, forgetTimes, onSignOut, refresh, REFRESH_COOLDOWN_MS, REFRESH_INTERVAL_MS, resume, useSession } from "@/api/session";
import type { Session } from "@/api/types";
import { json } from "./help";

const session = (token = "new") => ({ user: { id: "u" }, access_token: token, expires_in: 900 }) as Session;
const unauthenticated = () => json({ code: "unauthenticated", message: "Please sign in." }, 401);
let fetched: string[];

function answer(handle: (path: string, authorization: string | null) => Response | Promise<Response>) {
	fetched = [];
	vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
		fetched.push(path);
		return handle(path, new Headers(init.headers).get("Authorization"));
	});
}

beforeEach(() => {
	vi.useFakeTimers();
	forgetTimes();
	useSession.setState({ status: "in", token: "old", expiresAt: Date.now() + 900_000, user: null });
});

describe("the session", () => {
	it("refreshes once for many requests that meet a 401, and each is made again", async () => {
		answer((path, auth) => {
			if (path === "/api/auth/refresh") return json(session());
			return auth === "Bearer new" ? json({ ok: path }) : unauthenticated();
		});
		const all = await Promise.all(["/a", "/b", "/c"].map((p) => call<{ ok: string }>(p)));
		expect(all.map((a) => a.ok)).toEqual(["/a", "/b", "/c"]);
		expect(fetched.filter((p) => p === "/api/auth/refresh")).toHaveLength(1);
	});

	it("refreshes at most once per 10 s", async () => {
		answer(() => json(session()));
		await refresh();
		await refresh();
		vi.advanceTimersByTime(REFRESH_INTERVAL_MS - 1);
		await refresh();
		expect(fetched).toHaveLength(1);
		vi.advanceTimersByTime(2);
		await refresh();
		expect(fetched).toHaveLength(2);
	});

	it("is over when the refresh token is refused, and everything is forgotten", async () => {
		const forget = vi.fn();
		const off = onSignOut(forget);
		answer(unauthenticated);
		await expect(call("/api/me")).rejects.toBeInstanceOf(ApiError);
		expect(useSession.getState().status).toBe("out");
		expect(forget).toHaveBeenCalled();
		off();
	});

	it("does not storm a server in trouble: 5 s of rest after a failure, and nobody is signed out", async () => {
		answer(() => json({ code: "unavailable", message: "" }, 503));
		await expect(refresh()).rejects.toMatchObject({ status: 503 });
		expect(await refresh()).toBe(false);
		expect(await refresh()).toBe(false);
		expect(fetched).toHaveLength(1);
		expect(useSession.getState().status).toBe("in");
		vi.advanceTimersByTime(REFRESH_COOLDOWN_MS + 1);
		await expect(refresh()).rejects.toMatchObject({ status: 503 });
		expect(fetched).toHaveLength(2);
	});

	it("is not over for lack of a network", async () => {
		answer(() => Promise.reject(new TypeError("offline")));
		await expect(refresh()).rejects.toBeInstanceOf(NetworkError);
		expect(useSession.getState().status).toBe("in");
	});

	it("renews a token that is about to end before it is used", async () => {
		useSession.setState({ expiresAt: Date.now() + 1_000 });
		answer((path, auth) => (path === "/api/auth/refresh" ? json(session()) : json({ auth })));
		expect(await call("/api/me")).toEqual({ auth: "Bearer new" });
	});

	it("asks nothing on a first visit, and goes on with a session on a later one", async () => {
		end();
		useSession.setState({ status: "unknown" });
		answer(() => json(session()));
		await resume();
		expect(fetched).toEqual([]);
		expect(useSession.getState().status).toBe("out");
		begin(session("first"));
		forgetTimes();
		useSession.setState({ status: "unknown", token: null });
		await resume();
		expect(fetched).toEqual(["/api/auth/refresh"]);
		expect(useSession.getState()).toMatchObject({ status: "in", token: "new" });
	});

	it("keeps no token where it would outlive the page", () => {
		begin(session("secret-token"));
		expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("secret-token");
	});
});
