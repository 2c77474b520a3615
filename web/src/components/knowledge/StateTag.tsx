import { useTranslation } from "react-i18next";
import { Tag } from "@/components/ui/Table";

const TONES = { pending: "plain", parsing: "accent", chunking: "accent", embedding: "accent", working: "accent", ready: "ok", failed: "off", partial: "warn", empty: "plain" } as const;
export type ShownState = keyof typeof TONES;

export function StateTag({ state }: { state: ShownState }) {
	const { t } = useTranslation();
	return <Tag tone={TONES[state]}>{t(`knowledge.state_${state}`)}</Tag>;
}
