/* Choices kept on this device (localStorage "weir.settings"), each with a default to go back to. */
import { create } from "zustand";
import { browserLanguage, type Language } from "@/i18n/language";

export type Theme = "system" | "light" | "dark";
export type SendKey = "enter" | "mod-enter";
export type TextSize = "small" | "normal" | "large";

export interface Settings {
	theme: Theme;
	language: Language;
	/** The model of new conversations; null: the server's default. */
	model: string | null;
	sendKey: SendKey;
	textSize: TextSize;
	showCosts: boolean;
	showReasoning: boolean;
	wrapCode: boolean;
	sidebarOpen: boolean;
}

const KEY = "weir.settings";
/** What "reset" of the advanced settings brings back; theme, language and model are chosen elsewhere. */
export const ADVANCED = ["sendKey", "textSize", "showCosts", "showReasoning", "wrapCode"] as const;

export function defaultSettings(): Settings {
	return {
		theme: "system",
		language: browserLanguage(),
		model: null,
		sendKey: "enter",
		textSize: "normal",
		showCosts: true,
		showReasoning: true,
		wrapCode: false,
		sidebarOpen: true,
	};
}

/** The saved settings; what is missing, unknown or of a wrong type has its default. */
export function getSavedSettings(): Settings {
	const settings = defaultSettings();
	let saved: Record<string, unknown>;
	try {
		saved = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
	} catch {
		return settings;
	}
	const allowed: Partial<Record<keyof Settings, readonly unknown[]>> = {
		theme: ["system", "light", "dark"],
		language: ["zh", "en"],
		sendKey: ["enter", "mod-enter"],
		textSize: ["small", "normal", "large"],
	};
	for (const name of Object.keys(settings) as (keyof Settings)[]) {
		const value = saved?.[name];
		const known = allowed[name];
		const fits =
			known !== undefined
				? known.includes(value)
				: name === "model"
					? value === null || typeof value === "string"
					: typeof value === typeof settings[name];
		if (fits) Object.assign(settings, { [name]: value });
	}
	return settings;
}

export function saveSettings(settings: Settings) {
	try {
		localStorage.setItem(KEY, JSON.stringify(settings));
	} catch {
		// private mode: they last as long as the page
	}
}

interface SettingsState extends Settings {
	change: (change: Partial<Settings>) => void;
	resetSettings: () => void;
}

function plain(state: SettingsState): Settings {
	const { change: _c, resetSettings: _r, ...settings } = state;
	return settings;
}

export const useSettings = create<SettingsState>((set, get) => ({
	...getSavedSettings(),
	change: (change) => {
		set(change);
		saveSettings(plain(get()));
	},
	resetSettings: () => {
		const defaults = defaultSettings();
		set(Object.fromEntries(ADVANCED.map((name) => [name, defaults[name]])));
		saveSettings(plain(get()));
	},
}));

const dark = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null;

export function applyTheme() {
	const { theme } = useSettings.getState();
	const isDark = theme === "dark" || (theme === "system" && dark?.matches === true);
	document.documentElement.dataset.theme = isDark ? "dark" : "light";
	const canvas = getComputedStyle(document.documentElement).getPropertyValue("--weir-canvas").trim();
	document.querySelector('meta[name="theme-color"]')?.setAttribute("content", canvas);
}

/** The page follows the setting, the system, and the other tabs. */
export function watchTheme() {
	applyTheme();
	useSettings.subscribe((now, before) => {
		if (now.theme !== before.theme) applyTheme();
	});
	dark?.addEventListener("change", applyTheme);
	window.addEventListener("storage", (e) => {
		if (e.key === KEY) useSettings.setState(getSavedSettings());
	});
}
