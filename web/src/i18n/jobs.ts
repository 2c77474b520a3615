/* The texts about jobs are loaded with the page that shows them. */
import { addTexts } from "./index";

const texts = { en: () => import("./jobs.en.json"), zh: () => import("./jobs.zh.json") };

/** The page, once its texts are there. */
export async function withJobsTexts<Page>(page: Promise<Page>): Promise<Page> {
	await addTexts(texts);
	return page;
}
