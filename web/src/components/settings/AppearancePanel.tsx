import { useTranslation } from "react-i18next";
import type { Language } from "@/i18n/language";
import { prefer } from "@/lib/preferences";
import { type Theme, useSettings } from "@/stores/settings";
import { AdvancedSettings } from "../chat/AdvancedSettings";
import { Segments } from "../ui/Field";

export function AppearancePanel() {
	const { theme, language } = useSettings();
	const { t } = useTranslation();
	return (
		<div className="flex max-w-md flex-col gap-3">
			<Segments<Language>
				label={t("settings.language")}
				value={language}
				onChange={(next) => prefer({ language: next })}
				options={[
					{ value: "zh", label: "中文" },
					{ value: "en", label: "English" },
				]}
			/>
			<Segments<Theme>
				label={t("settings.theme")}
				value={theme}
				onChange={(next) => prefer({ theme: next })}
				options={[
					{ value: "system", label: t("settings.theme_system") },
					{ value: "light", label: t("settings.theme_light") },
					{ value: "dark", label: t("settings.theme_dark") },
				]}
			/>
			<hr />
			<h3 className="text-sm font-medium">{t("advanced.title")}</h3>
			<AdvancedSettings />
		</div>
	);
}
