import { Check, Code2, Copy, FileImage, Image as Picture, Maximize2 } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCopy } from "@/hooks/useCopy";
import { asPng, drawDiagram } from "@/lib/diagram";
import { saveFile } from "@/lib/download";
import { toast } from "@/stores/notices";
import { IconButton } from "../ui/Button";
import { CodeBlock } from "../markdown/CodeBlock";

const ImagePreviewModal = lazy(() => import("../chat/ImagePreviewModal"));

type Drawn = { svg: string; url: string } | { error: string } | null;

/** A diagram in Mermaid's language; what cannot be drawn is shown as it was written, with a note. */
export function Diagram({ source }: { source: string }) {
	const drawn = useDrawn(source, useDark());
	const [asSource, setAsSource] = useState(false);
	const [open, setOpen] = useState(false);
	const [copied, copy] = useCopy();
	const { t } = useTranslation();

	if (drawn && "error" in drawn)
		return (
			<div>
				<p role="status" className="mb-1.5 rounded-lg bg-warn-tint px-3 py-1.5 text-sm wrap-anywhere text-ink">
					{t("rich.broken", { why: drawn.error.split("\n")[0] })}
				</p>
				<CodeBlock code={source} language="mermaid" />
			</div>
		);
	const png = async () => {
		try {
			saveFile(await asPng((drawn as { url: string }).url, getComputedStyle(document.body).backgroundColor), "diagram.png");
		} catch {
			toast("warn", t("rich.no_png"));
		}
	};
	return (
		<figure className="overflow-hidden rounded-xl border border-line bg-code" data-diagram={drawn ? "drawn" : "drawing"}>
			<figcaption className="flex h-9 items-center justify-between border-b border-line ps-4 pe-1 text-xs text-faint">
				<span>{t("rich.diagram")}</span>
				<span className="flex">
					<IconButton small active={asSource} aria-pressed={asSource} label={t("rich.source")} onClick={() => setAsSource(!asSource)}>
						<Code2 size={15} />
					</IconButton>
					<IconButton small label={copied ? t("common.copied") : t("rich.copy")} onClick={() => copy(source)}>
						{copied ? <Check size={15} /> : <Copy size={15} />}
					</IconButton>
					<IconButton small label={t("rich.save_svg")} disabled={!drawn} onClick={() => saveFile(new Blob([(drawn as { svg: string }).svg], { type: "image/svg+xml" }), "diagram.svg")}>
						<FileImage size={15} />
					</IconButton>
					<IconButton small label={t("rich.save_png")} disabled={!drawn} onClick={() => void png()}>
						<Picture size={15} />
					</IconButton>
					<IconButton small label={t("rich.enlarge")} disabled={!drawn} onClick={() => setOpen(true)}>
						<Maximize2 size={15} />
					</IconButton>
				</span>
			</figcaption>
			{asSource ? (
				<pre tabIndex={0} aria-label={t("rich.source")} className="overflow-x-auto px-4 py-3 font-mono text-[0.86em] leading-relaxed">
					<code>{source}</code>
				</pre>
			) : drawn ? (
				<button type="button" aria-label={t("rich.enlarge")} onClick={() => setOpen(true)} className="flex w-full cursor-zoom-in justify-center bg-raised p-4">
					<img src={drawn.url} alt={t("rich.diagram")} className="max-h-[32rem] max-w-full object-contain" />
				</button>
			) : (
				<p role="status" className="flex h-24 items-center justify-center text-sm text-faint">
					{t("rich.drawing")}
				</p>
			)}
			{open && drawn && (
				<Suspense>
					<ImagePreviewModal url={drawn.url} alt={t("rich.diagram")} onClose={() => setOpen(false)} />
				</Suspense>
			)}
		</figure>
	);
}

function useDrawn(source: string, dark: boolean): Drawn {
	const [drawn, setDrawn] = useState<Drawn>(null);
	useEffect(() => {
		let current = true;
		let url: string | null = null;
		drawDiagram(source, dark).then(
			(svg) => {
				if (!current) return;
				url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
				setDrawn({ svg, url });
			},
			(e: Error) => current && setDrawn({ error: e.message }),
		);
		return () => {
			current = false;
			if (url) URL.revokeObjectURL(url);
		};
	}, [source, dark]);
	return drawn;
}

/** The theme as it is drawn now. */
function useDark(): boolean {
	const read = () => document.documentElement.dataset.theme === "dark";
	const [dark, setDark] = useState(read);
	useEffect(() => {
		const watch = new MutationObserver(() => setDark(read()));
		watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
		return () => watch.disconnect();
	}, []);
	return dark;
}
