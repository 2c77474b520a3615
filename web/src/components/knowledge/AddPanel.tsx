import { FileText, FileUp, Link2, RotateCcw, X } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Added, knowledge } from "@/api/knowledge";
import { Button, IconButton } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { Input, TextArea } from "@/components/ui/Field";
import { Spinner } from "@/components/ui/Spinner";
import { useDragDropUpload } from "@/hooks/useDragDropUpload";
import { cx } from "@/lib/cx";
import { bytes } from "@/lib/format";
import { ACCEPT } from "@/lib/knowledge";
import { Problem, useSave } from "./parts";
import { useQueue } from "./useQueue";

/** Where documents come in: files dropped or chosen, an address, a text pasted. */
export function AddPanel({ base, onAdded }: { base: string; onAdded: (added: Added) => void }) {
	const queue = useQueue(base, onAdded);
	const drop = useDragDropUpload(queue.add);
	const input = useRef<HTMLInputElement>(null);
	const [asks, setAsks] = useState<"url" | "text" | null>(null);
	const { t } = useTranslation();
	return (
		<>
			<div
				{...drop.handlers}
				className={cx("flex flex-col items-center gap-4 rounded-2xl border border-dashed px-4 py-6 text-center transition-colors", drop.over ? "border-accent bg-tint" : "border-line-strong bg-raised")}
			>
				<p className="text-sm text-soft pointer-coarse:hidden">{t("knowledge.drop")}</p>
				<div className="flex flex-wrap justify-center gap-2">
					<Button look="solid" className="h-11" icon={<FileUp size={16} aria-hidden />} onClick={() => input.current?.click()}>
						{t("knowledge.choose_files")}
					</Button>
					<Button className="h-11" icon={<FileText size={16} aria-hidden />} onClick={() => setAsks("text")}>
						{t("knowledge.paste")}
					</Button>
					<Button className="h-11" icon={<Link2 size={16} aria-hidden />} onClick={() => setAsks("url")}>
						{t("knowledge.by_url")}
					</Button>
				</div>
				<p className="text-xs text-faint">{t("knowledge.kinds")}</p>
				<input
					ref={input}
					type="file"
					multiple
					hidden
					accept={ACCEPT}
					onChange={(e) => {
						queue.add([...(e.target.files ?? [])]);
						e.target.value = "";
					}}
				/>
			</div>
			{queue.sending.length > 0 && (
				<ul aria-label={t("knowledge.sending")} className="flex flex-col gap-2">
					{queue.sending.map((s) => (
						<li key={s.id} className="flex min-h-13 items-center gap-3 rounded-xl border border-line bg-raised px-4 py-1.5 text-sm">
							{s.state === "sending" && <Spinner />}
							<span className="min-w-0 grow">
								<span className="block truncate">{s.name}</span>
								{s.problem && (
									<span role="alert" className="block text-danger">
										{s.problem}
									</span>
								)}
							</span>
							<span className="shrink-0 text-xs text-faint tabular-nums">{s.state === "refused" ? "" : s.size > 0 ? bytes(s.size) : t(`knowledge.is_${s.state}`)}</span>
							{s.state === "refused" && (
								<IconButton label={t("common.retry")} onClick={() => queue.again(s.id)} className="size-11">
									<RotateCcw size={16} />
								</IconButton>
							)}
							<IconButton label={t("knowledge.drop_from_queue", { name: s.name })} onClick={() => queue.drop(s.id)} className="size-11">
								<X size={16} />
							</IconButton>
						</li>
					))}
				</ul>
			)}
			{asks === "url" && <UrlDialog base={base} onAdded={onAdded} onClose={() => setAsks(null)} />}
			{asks === "text" && <TextDialog base={base} onAdded={onAdded} onClose={() => setAsks(null)} />}
		</>
	);
}

interface AskProps {
	base: string;
	onAdded: (added: Added) => void;
	onClose: () => void;
}

function UrlDialog({ base, onAdded, onClose }: AskProps) {
	const [url, setUrl] = useState("");
	const { t } = useTranslation();
	const { busy, problem, submit } = useSave(async () => onAdded(await knowledge.addJson(base, { url: url.trim() })), onClose);
	return (
		<Dialog title={t("knowledge.by_url")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4">
				<Input autoFocus required type="url" maxLength={2000} label={t("knowledge.url")} placeholder="https://" hint={t("knowledge.url_hint")} value={url} onChange={(e) => setUrl(e.target.value)} />
				<Problem text={problem} />
				<Button type="submit" look="solid" busy={busy} disabled={url.trim() === ""} className="self-end">
					{t("knowledge.add")}
				</Button>
			</form>
		</Dialog>
	);
}

function TextDialog({ base, onAdded, onClose }: AskProps) {
	const [title, setTitle] = useState("");
	const [text, setText] = useState("");
	const { t } = useTranslation();
	const { busy, problem, submit } = useSave(async () => onAdded(await knowledge.addJson(base, { title: title.trim(), text })), onClose);
	return (
		<Dialog wide title={t("knowledge.paste")} onClose={onClose}>
			<form onSubmit={(e) => void submit(e)} className="flex flex-col gap-4">
				<Input autoFocus required maxLength={200} label={t("knowledge.doc_title")} value={title} onChange={(e) => setTitle(e.target.value)} />
				<TextArea required rows={10} label={t("knowledge.text")} value={text} onChange={(e) => setText(e.target.value)} />
				<Problem text={problem} />
				<Button type="submit" look="solid" busy={busy} disabled={title.trim() === "" || text.trim() === ""} className="self-end">
					{t("knowledge.add")}
				</Button>
			</form>
		</Dialog>
	);
}
