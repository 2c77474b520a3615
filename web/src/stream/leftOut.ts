import { t } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { toast } from "@/stores/notices";

/** Documents of earlier questions that the model was not shown, for want of room. */
export async function tellLeftOut(names: string[]) {
	await withTexts(["files"], Promise.resolve());
	toast("warn", t("files.left_out"), { detail: names.join(", ") });
}
