/* The texts about prices, groups and budgets are loaded with the pages that show them. */
import { addTexts } from "./index";

const texts = { en: () => import("./prices.en.json"), zh: () => import("./prices.zh.json") };

/** The page, once its texts are there. */
export async function withPriceTexts<Page>(page: Promise<Page>): Promise<Page> {
	await addTexts(texts);
	return page;
}
