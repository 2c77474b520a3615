/* The texts about keys and their watch are loaded with the pages that show them, and not with the chat. */
import { addTexts } from "./index";

const texts = { en: () => import("./security.en.json"), zh: () => import("./security.zh.json") };

/** The page, once its texts are there. */
export async function withSecurityTexts<Page>(page: Promise<Page>): Promise<Page> {
	await addTexts(texts);
	return page;
}
