import { useState } from "react";
import { useTranslation } from "react-i18next";
import { LANGUAGES, type Sdk, type SdkLanguage, SDKS, snippet } from "@/lib/snippets";
import { useModels } from "@/queries/account";
import { CodeBlock } from "../markdown/CodeBlock";
import { Segments } from "../ui/Field";

const NAMES: Record<Sdk, string> = { openai: "OpenAI", anthropic: "Anthropic", google: "Google" };
const LANGUAGE_NAMES: Record<SdkLanguage, string> = { python: "Python", node: "Node" };
const COLOURED_AS: Record<SdkLanguage, string> = { python: "python", node: "javascript" };

/** What to paste into a program: with the key itself while it is known. */
export function Snippets({ secret, model: wanted }: { secret?: string; model?: string }) {
	const [sdk, setSdk] = useState<Sdk>("openai");
	const [language, setLanguage] = useState<SdkLanguage>("python");
	const { models } = useModels();
	const { t } = useTranslation();
	const model = wanted ?? (models.find((m) => m.is_default) ?? models[0])?.name ?? "MODEL";
	return (
		<div className="flex flex-col gap-2">
			<Segments<Sdk> label={t("keys.sdk")} value={sdk} onChange={setSdk} options={SDKS.map((value) => ({ value, label: NAMES[value] }))} />
			<Segments<SdkLanguage>
				label={t("settings.language")}
				value={language}
				onChange={setLanguage}
				options={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
			/>
			<CodeBlock code={snippet(sdk, language, { origin: location.origin, key: secret ?? "wk-…", model })} language={COLOURED_AS[language]} />
		</div>
	);
}
