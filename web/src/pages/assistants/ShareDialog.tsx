import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type AssistantDetails, assistants } from "@/api/assistants";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input } from "@/components/ui/Field";
import { useCopy } from "@/hooks/useCopy";
import { refreshAssistants } from "@/queries/assistants";
import { attempt } from "./AssistantPages";

const WAYS = ["private", "link", "house"] as const;

/** Who may use it besides its owner, saved as it is chosen. */
export function ShareDialog({ assistant, onClose }: { assistant: AssistantDetails; onClose: () => void }) {
	const [now, setNow] = useState(assistant);
	const [busy, setBusy] = useState(false);
	const [copied, copy] = useCopy();
	const { t } = useTranslation();
	const change = async (share: (typeof WAYS)[number]) => {
		setBusy(true);
		await attempt(async () => setNow(await assistants.patch(assistant.id, { share })));
		setBusy(false);
		await refreshAssistants();
	};
	return (
		<Dialog title={t("assistants.share_title", { name: assistant.name })} onClose={onClose}>
			<div className="flex flex-col gap-4">
				{now.is_barred && <p role="status" className="rounded-lg bg-warn-tint px-3 py-2 text-sm">{t("assistants.barred")}</p>}
				<fieldset disabled={busy} className="flex flex-col gap-1">
					<legend className="sr-only">{t("assistants.share")}</legend>
					{WAYS.map((way) => (
						<label key={way} className="flex cursor-pointer items-start gap-3 rounded-lg px-2 py-2 hover:bg-hover">
							<input type="radio" name="share" checked={now.share === way} onChange={() => void change(way)} className="mt-0.5 size-4.5 shrink-0 accent-accent" />
							<span className="min-w-0">
								<span className="block text-sm font-medium">{t(`assistants.share_${way}`)}</span>
								<span className="block text-sm text-faint">{t(`assistants.share_${way}_hint`)}</span>
							</span>
						</label>
					))}
				</fieldset>
				{now.url && (
					<div className="flex items-end gap-2">
						<div className="grow">
							<Input readOnly label={t("assistants.link")} value={now.url} onFocus={(e) => e.target.select()} />
						</div>
						<Button icon={copied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />} onClick={() => copy(now.url!)}>
							{t(copied ? "common.copied" : "common.copy")}
						</Button>
					</div>
				)}
				<ul className="flex list-disc flex-col gap-1 ps-5 text-sm text-soft">
					<li>{t("assistants.share_sees")}</li>
					<li>{t("assistants.share_knowledge")}</li>
					<li>{t("assistants.share_pays")}</li>
				</ul>
				<Button look="solid" className="self-end" onClick={onClose}>
					{t("common.close")}
				</Button>
			</div>
		</Dialog>
	);
}
