/* Texts that are loaded with the pages that show them, and not with the chat. */
import { addTexts } from "./index";

const TEXTS = {
	admin: { en: () => import("./admin.en.json"), zh: () => import("./admin.zh.json") },
	assistants: { en: () => import("./assistants.en.json"), zh: () => import("./assistants.zh.json") },
	auth: { en: () => import("./auth.en.json"), zh: () => import("./auth.zh.json") },
	channels: { en: () => import("./channels.en.json"), zh: () => import("./channels.zh.json") },
	compare: { en: () => import("./compare.en.json"), zh: () => import("./compare.zh.json") },
	files: { en: () => import("./files.en.json"), zh: () => import("./files.zh.json") },
	finder: { en: () => import("./finder.en.json"), zh: () => import("./finder.zh.json") },
	jobs: { en: () => import("./jobs.en.json"), zh: () => import("./jobs.zh.json") },
	knowledge: { en: () => import("./knowledge.en.json"), zh: () => import("./knowledge.zh.json") },
	making: { en: () => import("./making.en.json"), zh: () => import("./making.zh.json") },
	notify: { en: () => import("./notify.en.json"), zh: () => import("./notify.zh.json") },
	order: { en: () => import("./order.en.json"), zh: () => import("./order.zh.json") },
	overview: { en: () => import("./overview.en.json"), zh: () => import("./overview.zh.json") },
	prices: { en: () => import("./prices.en.json"), zh: () => import("./prices.zh.json") },
	rich: { en: () => import("./rich.en.json"), zh: () => import("./rich.zh.json") },
	security: { en: () => import("./security.en.json"), zh: () => import("./security.zh.json") },
	settings: { en: () => import("./settings.en.json"), zh: () => import("./settings.zh.json") },
	sharing: { en: () => import("./sharing.en.json"), zh: () => import("./sharing.zh.json") },
	table: { en: () => import("./table.en.json"), zh: () => import("./table.zh.json") },
	tools: { en: () => import("./tools.en.json"), zh: () => import("./tools.zh.json") },
	trust: { en: () => import("./trust.en.json"), zh: () => import("./trust.zh.json") },
	usage: { en: () => import("./usage.en.json"), zh: () => import("./usage.zh.json") },
	welcome: { en: () => import("./welcome.en.json"), zh: () => import("./welcome.zh.json") },
};

/** The page, once its texts are there. */
export async function withTexts<Page>(names: (keyof typeof TEXTS)[], page: Promise<Page>): Promise<Page> {
	await Promise.all(names.map((name) => addTexts(TEXTS[name])));
	return page;
}
