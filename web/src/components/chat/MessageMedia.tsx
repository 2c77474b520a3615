import { Brush, Download, Film } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Attachment } from "@/api/types";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { withTexts } from "@/i18n/texts";
import { download, fileName } from "@/lib/files";
import { useModels } from "@/queries/account";
import { IconButton } from "../ui/Button";
import { AudioPreview } from "./AudioPreview";
import { ImagePreview } from "./ImagePreview";
import { MediaPlaceholder } from "./MediaPlaceholder";

const SentFile = lazy(() => withTexts(["files"], import("../attached/SentFile")));

/** What was sent along with a message, or made by it. */
export default function MessageMedia({ attachments }: { attachments: Attachment[] }) {
	const { t } = useTranslation();
	const edits = useModels().makers.some((m) => m.makes!.ops.includes("images.edit"));
	return (
		<div className="flex flex-wrap gap-2">
			{attachments.map((a) => {
				if (a.type === "image")
					return (
						<div key={a.url} className="group/picture relative min-h-12 min-w-28">
							<ImagePreview url={a.url} small={a.thumbnail_url} alt={t("media.image")} />
							{a.is_ai_made && <AiMade />}
							{edits && (
								<IconButton
									small
									label={t("media.edit")}
									onClick={() => void import("@/stream/make").then(({ takePicture }) => takePicture(a.url, "images.edit"))}
									className="absolute top-3 right-2 bg-raised shadow-box pointer-fine:opacity-0 pointer-fine:group-focus-within/picture:opacity-100 pointer-fine:group-hover/picture:opacity-100"
								>
									<Brush size={16} />
								</IconButton>
							)}
						</div>
					);
				if (a.type === "video") return <Video key={a.url} film={a} />;
				if (a.type === "audio") return <AudioPreview key={a.url} url={a.url} />;
				return (
					<Suspense key={a.url}>
						<SentFile file={a} />
					</Suspense>
				);
			})}
		</div>
	);
}

/** Who looks at it is told that no camera took it. */
function AiMade() {
	const { t } = useTranslation();
	return <span className="absolute start-2 top-3 rounded-md bg-raised/85 px-1.5 text-xs/5 text-soft">{t("media.ai_made")}</span>;
}

function Video({ film: { url, poster_url, is_ai_made } }: { film: Attachment }) {
	// What has a picture is fetched when it is to be played.
	const [wanted, setWanted] = useState(!poster_url);
	const poster = useMediaUrl(poster_url ?? "").src || undefined;
	const { src, failed } = useMediaUrl(wanted ? url : "");
	const { t } = useTranslation();
	if (!wanted)
		return (
			<button type="button" aria-label={t("media.play")} onClick={() => setWanted(true)} className="relative my-1 block overflow-hidden rounded-xl border border-line bg-surface">
				{is_ai_made && <AiMade />}
				<img src={poster} alt="" className="max-h-80 min-h-24 min-w-40 max-w-full object-contain" />
				<Film size={40} aria-hidden className="absolute inset-0 m-auto rounded-full bg-raised/85 p-2.5 text-accent" />
			</button>
		);
	if (!src) return <MediaPlaceholder>{t(failed ? "media.failed" : "common.loading")}</MediaPlaceholder>;
	return (
		<div className="relative">
			<video controls autoPlay={!!poster_url} preload="none" src={src} poster={poster} className="my-1 max-h-80 max-w-full rounded-xl border border-line bg-surface" />
			{is_ai_made && <AiMade />}
			<IconButton small label={t("media.download")} onClick={() => void download(src, fileName(url))} className="absolute top-3 right-2 bg-raised">
				<Download size={16} />
			</IconButton>
		</div>
	);
}
