/* Text of the page, in the language chosen. A language is loaded when it is first needed. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { useSettings } from "@/stores/settings";
import type admin from "./admin.en.json";
import type assistants from "./assistants.en.json";
import type auth from "./auth.en.json";
import type channels from "./channels.en.json";
import type compare from "./compare.en.json";
import type files from "./files.en.json";
import type finder from "./finder.en.json";
import type jobs from "./jobs.en.json";
import type knowledge from "./knowledge.en.json";
import type making from "./making.en.json";
import type notify from "./notify.en.json";
import type order from "./order.en.json";
import type overview from "./overview.en.json";
import type prices from "./prices.en.json";
import type rich from "./rich.en.json";
import type security from "./security.en.json";
import type settings from "./settings.en.json";
import type sharing from "./sharing.en.json";
import type table from "./table.en.json";
import type tools from "./tools.en.json";
import type trust from "./trust.en.json";
import type usage from "./usage.en.json";
import type welcome from "./welcome.en.json";
import type en from "./en.json";
import { type Language, language as current, setLanguage } from "./language";

declare module "i18next" {
	interface CustomTypeOptions {
		defaultNS: "app";
		resources: {
			app: typeof en & typeof admin & typeof assistants & typeof auth & typeof channels & typeof compare & typeof files & typeof finder & typeof jobs & typeof knowledge & typeof making & typeof notify & typeof order & typeof overview & typeof prices & typeof rich & typeof security & typeof settings & typeof sharing & typeof table & typeof tools & typeof trust & typeof usage & typeof welcome;
		};
	}
}

type Texts = Record<Language, () => Promise<{ default: object }>>;

/** What is needed in whatever language: that of the whole page, and of what was opened since. */
const needed = new Set<Texts>([{ en: () => import("./en.json"), zh: () => import("./zh.json") }]);

async function load(language: Language) {
	const loaded = await Promise.all([...needed].map((texts) => texts[language]()));
	for (const texts of loaded) i18next.addResourceBundle(language, "app", texts.default, true);
}

/** For what brings texts of its own; resolves when they can be drawn. */
export async function addTexts(texts: Texts) {
	needed.add(texts);
	await load(current());
}

export async function changeLanguage(language: Language) {
	await load(language);
	setLanguage(language);
	await i18next.changeLanguage(language);
	document.title = i18next.t("app.name");
}

/** Resolves when the first words can be drawn. */
export async function startI18n() {
	const { language } = useSettings.getState();
	await i18next.use(initReactI18next).init({
		lng: language,
		fallbackLng: false,
		ns: ["app"],
		defaultNS: "app",
		resources: {},
		interpolation: { escapeValue: false },
		returnNull: false,
	});
	await changeLanguage(language);
	useSettings.subscribe((now, before) => {
		if (now.language !== before.language) void changeLanguage(now.language);
	});
}

export const t = i18next.t.bind(i18next) as typeof i18next.t;
