import { Film } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Task } from "@/api/types";
import { useMediaUrl } from "@/hooks/useMediaUrl";
import { credits, dateTime } from "@/lib/format";
import { filesOf, type Kind, type MadeFile, promptOf } from "@/lib/making";
import { Segments } from "../ui/Field";
import { Viewer } from "./Viewer";

export interface Made {
	task: Task;
	file: MadeFile;
	kind: Kind;
	prompt: string;
}

/** All that was made; of one kind, if wanted. */
export function Gallery({ tasks, onRemoved }: { tasks: Task[]; onRemoved: () => void }) {
	const [shown, setShown] = useState<"all" | Kind>("all");
	const [open, setOpen] = useState<string | null>(null);
	const { t } = useTranslation();
	const made: Made[] = tasks.flatMap((task) =>
		filesOf(task).map((file) => ({ task, file, kind: file.content_type.startsWith("video/") ? "video" : "image", prompt: promptOf(task) })),
	);
	if (made.length === 0) return null;
	const some = made.filter((m) => shown === "all" || m.kind === shown);
	const at = some.findIndex((m) => m.file.id === open);
	return (
		<section aria-label={t("making.done")} className="flex flex-col gap-3">
			<div className="flex flex-wrap items-center justify-between gap-3">
				<h2 className="text-sm font-medium text-soft">{t("making.done")}</h2>
				<Segments<"all" | Kind>
					bare
					label={t("making.filter")}
					value={shown}
					onChange={setShown}
					options={[
						{ value: "all", label: t("making.all") },
						{ value: "image", label: t("making.images") },
						{ value: "video", label: t("making.videos") },
					]}
				/>
			</div>
			{some.length === 0 && <p className="py-8 text-center text-sm text-faint">{t("making.nothing_there")}</p>}
			<ul className="grid grid-cols-2 gap-3 sm:grid-cols-3 sm:gap-4 lg:grid-cols-4">
				{some.map((m) => (
					<Tile key={m.file.id} made={m} onOpen={() => setOpen(m.file.id)} />
				))}
			</ul>
			{at >= 0 && <Viewer made={some} at={at} onMove={(to) => setOpen(some[to]!.file.id)} onRemoved={onRemoved} onClose={() => setOpen(null)} />}
		</section>
	);
}

function Tile({ made, onOpen }: { made: Made; onOpen: () => void }) {
	const [near, setNear] = useState(false);
	const box = useRef<HTMLLIElement>(null);
	const { t } = useTranslation();
	useEffect(() => {
		if (typeof IntersectionObserver === "undefined") return setNear(true);
		const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), { rootMargin: "300px" });
		watch.observe(box.current!);
		return () => watch.disconnect();
	}, []);
	const small = made.file.thumbnail_url ?? made.file.poster_url ?? (made.kind === "image" ? made.file.url : null);
	return (
		<li ref={box} data-made={made.task.id} className="flex min-w-0 flex-col gap-1.5">
			<button
				type="button"
				onClick={onOpen}
				aria-label={t("making.open", { prompt: made.prompt })}
				className="relative flex aspect-square items-center justify-center overflow-hidden rounded-xl border border-line bg-surface hover:border-line-strong"
			>
				{near && small ? <Small url={small} /> : <Film size={28} aria-hidden className="text-faint" />}
				{made.kind === "video" && small && <Film size={18} aria-hidden className="absolute start-2 bottom-2 rounded-md bg-veil p-0.5 text-on-accent" />}
			</button>
			<p className="line-clamp-2 text-sm break-words">{made.prompt}</p>
			<p className="flex flex-wrap justify-between gap-x-3 text-xs text-faint tabular-nums">
				<span>{dateTime(made.task.completed_at)}</span>
				<span>{t("making.cost", { credits: credits(made.task.credits_used) })}</span>
			</p>
		</li>
	);
}

function Small({ url }: { url: string }) {
	const { src, failed } = useMediaUrl(new URL(url, location.href).href);
	const { t } = useTranslation();
	if (failed) return <span className="px-3 text-center text-xs text-faint">{t("media.failed")}</span>;
	return src && <img src={src} alt="" className="size-full object-cover" />;
}
