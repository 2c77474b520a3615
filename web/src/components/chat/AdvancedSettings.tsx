import { RotateCcw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useSettings } from "@/stores/settings";
import { Button } from "../ui/Button";
import { Segments, Switch } from "../ui/Field";
import { Popover } from "../ui/Menu";

export function AdvancedSettingsBox({ anchor, onClose }: { anchor: HTMLElement; onClose: () => void }) {
	const { t } = useTranslation();
	return (
		<Popover anchor={anchor} role="dialog" label={t("advanced.title")} above onClose={onClose} className="w-80 p-4">
			<AdvancedSettings />
		</Popover>
	);
}

export function AdvancedSettings() {
	const s = useSettings();
	const { t } = useTranslation();
	return (
		<div className="flex flex-col gap-2.5">
			<Segments
				label={t("advanced.send_key")}
				value={s.sendKey}
				onChange={(sendKey) => s.change({ sendKey })}
				options={[
					{ value: "enter", label: "Enter" },
					{ value: "mod-enter", label: "Ctrl+Enter" },
				]}
			/>
			<Segments
				label={t("advanced.text_size")}
				value={s.textSize}
				onChange={(textSize) => s.change({ textSize })}
				options={[
					{ value: "small", label: t("advanced.small") },
					{ value: "normal", label: t("advanced.normal") },
					{ value: "large", label: t("advanced.large") },
				]}
			/>
			<Switch label={t("advanced.costs")} on={s.showCosts} onChange={(showCosts) => s.change({ showCosts })} />
			<Switch label={t("advanced.reasoning")} on={s.showReasoning} onChange={(showReasoning) => s.change({ showReasoning })} />
			<Switch label={t("advanced.wrap")} on={s.wrapCode} onChange={(wrapCode) => s.change({ wrapCode })} />
			<Button small look="ghost" icon={<RotateCcw size={14} aria-hidden />} onClick={s.resetSettings} className="self-start">
				{t("advanced.reset")}
			</Button>
		</div>
	);
}
