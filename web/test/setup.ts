import { afterEach, beforeEach, vi } from "vitest";
import { setLanguage } from "@/i18n/language";

// What jsdom lacks and the app takes for granted in a browser.
vi.stubGlobal("matchMedia", (media: string) => ({
	media,
	matches: false,
	addEventListener: () => undefined,
	removeEventListener: () => undefined,
}));
vi.stubGlobal("ResizeObserver", class {
	observe() {}
	unobserve() {}
	disconnect() {}
});
Element.prototype.scrollTo ??= () => undefined;

beforeEach(() => {
	localStorage.clear();
	sessionStorage.clear();
	setLanguage("en");
});

afterEach(() => vi.useRealTimers());
