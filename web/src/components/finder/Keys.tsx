import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/ui/Dialog";
import { useSettings } from "@/stores/settings";

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
const MOD = isMac ? "⌘" : "Ctrl";
const ALT = isMac ? "⌥" : "Alt";

/** What is pressed, as it is written on the keys. */
export const KEYS = { find: [MOD, "K"], model: [ALT, "M"], new: [ALT, "N"], keys: [MOD, "/"] };

export function Kbd({ keys }: { keys: string[] }) {
	return (
		<span className="flex shrink-0 gap-1">
			{keys.map((key) => (
				<kbd key={key} className="min-w-6 rounded-md border border-line bg-surface px-1.5 text-center font-sans text-xs/5 text-soft">
					{key}
				</kbd>
			))}
		</span>
	);
}

/** Which keys there are. */
export function Keys({ onClose }: { onClose: () => void }) {
	const { t } = useTranslation();
	const byEnter = useSettings((s) => s.sendKey) === "enter";
	const groups = {
		everywhere: { find: KEYS.find, model: KEYS.model, new: KEYS.new, keys: KEYS.keys, also_keys: ["?"], compose: ["/"], stop: ["Esc"] },
		composing: { send: byEnter ? ["Enter"] : [MOD, "Enter"], line: byEnter ? ["Shift", "Enter"] : ["Enter"], edit: ["↑"] },
		finding: { choose: ["↑", "↓"], take: ["Enter"], leave: ["Esc"] },
	} as const;
	return (
		<Dialog title={t("finder.keys_title")} onClose={onClose}>
			<div className="flex flex-col gap-5">
				{(Object.keys(groups) as (keyof typeof groups)[]).map((group) => (
					<section key={group}>
						<h3 className="mb-1 text-xs font-medium text-faint">{t(`finder.keys_${group}`)}</h3>
						<dl className="divide-y divide-line">
							{Object.entries(groups[group]).map(([name, keys]) => (
								<div key={name} className="flex items-center justify-between gap-4 py-2 text-sm">
									<dt>{t(`finder.key_${name as "find"}`)}</dt>
									<dd>
										<Kbd keys={[...(keys as string[])]} />
									</dd>
								</div>
							))}
						</dl>
					</section>
				))}
			</div>
		</Dialog>
	);
}
