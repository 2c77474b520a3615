import { Check, Copy, WrapText } from "lucide-react";
import { memo, type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCopy } from "@/hooks/useCopy";
import { cx } from "@/lib/cx";
import { useSettings } from "@/stores/settings";
import { IconButton } from "../ui/Button";

/** Longer code is shown plain: colouring it would hold up the page. */
const COLOUR_MAX_CHARS = 60_000;
/** While it is being written, code is coloured after a pause in it. */
const SETTLE_MS = 120;

export const CodeBlock = memo(function CodeBlock({ code, language }: { code: string; language: string }) {
	const coloured = useColoured(code, language);
	const wrapSetting = useSettings((s) => s.wrapCode);
	const [wrap, setWrap] = useState(wrapSetting);
	const [copied, copy] = useCopy();
	const { t } = useTranslation();

	useEffect(() => setWrap(wrapSetting), [wrapSetting]);
	return (
		<figure className="rounded-xl border border-line bg-code">
			<figcaption className="sticky -top-px z-1 flex min-h-9 rounded-t-xl bg-code items-center justify-between border-b border-line ps-4 pe-1 text-xs text-faint">
				<span>{language || t("chat.code")}</span>
				<span className="flex">
					<IconButton small active={wrap} aria-pressed={wrap} label={t("chat.wrap")} onClick={() => setWrap(!wrap)}>
						<WrapText size={15} />
					</IconButton>
					<IconButton small label={copied ? t("common.copied") : t("chat.copy_code")} onClick={() => copy(code)}>
						{copied ? <Check size={15} /> : <Copy size={15} />}
					</IconButton>
				</span>
			</figcaption>
			<pre
				tabIndex={0}
				aria-label={t("chat.code")}
				className={cx("overflow-x-auto rounded-b-xl px-4 py-3 font-mono text-[0.86em] leading-relaxed", wrap && "wrap-anywhere whitespace-pre-wrap")}
			>
				<code>{coloured ?? code}</code>
			</pre>
		</figure>
	);
});

function useColoured(code: string, language: string): ReactNode {
	const [done, setDone] = useState<{ code: string; node: ReactNode } | null>(null);
	useEffect(() => {
		if (!language || code.length > COLOUR_MAX_CHARS) return;
		let current = true;
		const timer = setTimeout(async () => {
			const highlight = await import("./highlight").catch(() => null);
			if (!highlight) return; // no network: it stays plain
			const { prepare, colour } = highlight;
			if ((await prepare(language.toLowerCase())) && current)
				setDone({ code, node: colour(code, language.toLowerCase()) });
		}, SETTLE_MS);
		return () => {
			current = false;
			clearTimeout(timer);
		};
	}, [code, language]);
	if (!done) return null;
	if (done.code === code) return done.node;
	// New text behind what is coloured already: the colours stay, the rest is plain for a moment.
	return code.startsWith(done.code) ? [<span key="done">{done.node}</span>, code.slice(done.code.length)] : null;
}
