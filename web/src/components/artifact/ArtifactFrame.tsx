import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { pageOf, type Piece } from "@/lib/artifacts";
import { listens, pagesUrl } from "@/lib/frames";

/** The page itself, where it can do no harm (lib/frames.ts). */
export function ArtifactFrame({ piece, title }: { piece: Piece; title: string }) {
	const frame = useRef<HTMLIFrameElement>(null);
	const [failed, setFailed] = useState(false);
	const { t } = useTranslation();
	useEffect(() => {
		const el = frame.current!;
		const end = new AbortController();
		const show = async () => {
			const src = await pagesUrl();
			if (end.signal.aborted) return;
			const ready = listens(el, end.signal);
			el.src = src; // only now: what it says first must be heard
			await ready;
			el.contentWindow?.postMessage({ html: pageOf(piece) }, "*");
		};
		show().catch(() => !end.signal.aborted && setFailed(true));
		return () => end.abort();
	}, [piece]);
	return (
		<>
			{failed && (
				<p role="alert" className="m-4 rounded-xl bg-warn-tint px-4 py-3 text-sm text-ink">
					{t("rich.no_frame")}
				</p>
			)}
			<iframe ref={frame} title={title} sandbox="allow-scripts" allow="" className="block h-full w-full border-0 artifact-frame" hidden={failed} />
		</>
	);
}
