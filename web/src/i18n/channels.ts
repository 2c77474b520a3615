/* The texts about channels and routes are loaded with the pages that show them. */
import { addTexts } from "./index";

const texts = { en: () => import("./channels.en.json"), zh: () => import("./channels.zh.json") };

/** The page, once its texts are there. */
export async function withChannelTexts<Page>(page: Promise<Page>): Promise<Page> {
	await addTexts(texts);
	return page;
}
