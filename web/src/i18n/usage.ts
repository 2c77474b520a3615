/* The texts about usage are loaded with the pages that show it, and not with the chat. */
import { addTexts } from "./index";

const texts = { en: () => import("./usage.en.json"), zh: () => import("./usage.zh.json") };

/** The page, once its texts are there. */
export async function withUsageTexts<Page>(page: Promise<Page>): Promise<Page> {
	await addTexts(texts);
	return page;
}
