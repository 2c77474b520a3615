import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { pageOf, type Piece } from "@/lib/artifacts";
import { frameUrl, listens } from "@/lib/frames";

/** The page itself, where it can do no harm (lib/frames.ts). */
export function ArtifactFrame({ piece, title }: { piece: Piece; title: string }) {
	const frame = useRef<HTMLIFrameElement>(null);
	const [failed, setFailed] = useState(false);
	const { t } = useTranslation();
	useEffect(() => {
		const el = frame.current!;
		const end = new AbortController();
		listens(el, end.signal).then(
			() => el.contentWindow?.postMessage({ html: pageOf(piece) }, "*"),
			() => !end.signal.aborted && setFailed(true),
		);
		// Only now: what it says first must be heard.
		el.src = frameUrl("artifact");
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
