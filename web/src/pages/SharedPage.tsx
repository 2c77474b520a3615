import { useQuery } from "@tanstack/react-query";
import { Unlink } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { type Shared, type SharedMessage, sharing } from "@/api/sharing";
import { Markdown } from "@/components/markdown/Markdown";
import { RemoteImage } from "@/components/markdown/RemoteImage";
import { Logo } from "@/components/ui/Logo";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { dateTime } from "@/lib/format";

/** What a link shows, to whoever has it. */
export function SharedPage({ token }: { token: string }) {
	const query = useQuery({ queryKey: ["shared", token], queryFn: () => sharing.read(token) });
	const { t } = useTranslation();
	useEffect(() => {
		const meta = document.createElement("meta");
		meta.name = "robots";
		meta.content = "noindex, nofollow";
		document.head.append(meta);
		return () => meta.remove();
	}, []);
	if (query.error instanceof ApiError && query.error.status === 404)
		return (
			<main className="flex h-full items-center justify-center">
				<Empty icon={<Unlink size={28} />} title={t("sharing.gone")} hint={t("sharing.gone_hint")} />
			</main>
		);
	return (
		<Sheet query={query} said={(c) => t("sharing.shared_at", { when: dateTime(c.created_at) })}>
			<a href="/" className="text-accent hover:underline">
				{t("sharing.try")}
			</a>
		</Sheet>
	);
}

/** One's own conversation on paper; the browser makes a PDF of it. */
export function PrintPage({ id }: { id: string }) {
	const query = useQuery({ queryKey: ["print", id], queryFn: () => sharing.take(id) });
	const { t } = useTranslation();
	const ready = query.data !== undefined;
	useEffect(() => {
		if (!ready) return;
		// formulas and colours of code come after the text
		const timer = setTimeout(() => window.print(), 800);
		return () => clearTimeout(timer);
	}, [ready]);
	return <Sheet query={query} said={(c) => t("sharing.held_at", { when: dateTime(c.created_at) })} />;
}

interface Props {
	query: { data: Shared | undefined; isPending: boolean; error: unknown; refetch: () => unknown };
	said: (shared: Shared) => string;
	children?: React.ReactNode;
}

function Sheet({ query, said, children }: Props) {
	const { t } = useTranslation();
	const { data } = query;
	const title = data && (data.title || t("chat.untitled"));
	useEffect(() => {
		if (title) document.title = title;
	}, [title]);
	return (
		<div className="h-full overflow-y-auto print:h-auto print:overflow-visible">
			<main className="mx-auto flex max-w-3xl flex-col gap-7 px-4 py-8 sm:px-6 sm:py-12">
				{query.isPending && <Skeleton className="h-64" />}
				{!!query.error && <Failed error={query.error} onRetry={() => void query.refetch()} />}
				{data && (
					<>
						<header className="border-b border-line pb-5">
							<h1 className="text-xl font-semibold tracking-tight wrap-anywhere sm:text-2xl">{title}</h1>
							<p className="mt-1.5 text-sm text-faint">{said(data)}</p>
						</header>
						{data.messages.map((m, i) => (
							<Said key={i} message={m} />
						))}
						{children && (
							<footer className="flex items-center gap-3 border-t border-line pt-5 text-sm print:hidden">
								<Logo size={22} />
								{children}
							</footer>
						)}
					</>
				)}
			</main>
		</div>
	);
}

function Said({ message }: { message: SharedMessage }) {
	const { t } = useTranslation();
	const isQuestion = message.role === "user";
	return (
		<article aria-label={t(isQuestion ? "sharing.you" : "sharing.assistant")} className={isQuestion ? "flex flex-col items-end ps-10 print:ps-0" : undefined}>
			{!isQuestion && <p className="mb-1.5 text-xs font-medium text-faint">{message.model ?? t("sharing.assistant")}</p>}
			<div className={isQuestion ? "max-w-full rounded-2xl rounded-ee-md bg-surface px-4 py-2.5" : "min-w-0"}>
				{message.attachments.map((a) => (
					<Attached key={a.url} type={a.type} url={a.url} />
				))}
				{isQuestion ? <p className="wrap-anywhere whitespace-pre-wrap">{message.content}</p> : <Markdown text={message.content} />}
			</div>
		</article>
	);
}

function Attached({ type, url }: { type: string; url: string }) {
	const { t } = useTranslation();
	const ours = url.startsWith("/api/share/");
	if (type === "image") return <RemoteImage src={url} alt={t("sharing.attachment")} />;
	if (ours && type === "video") return <video controls preload="none" src={url} className="my-1 max-h-80 max-w-full rounded-xl border border-line" />;
	if (ours && type === "audio") return <audio controls preload="none" src={url} className="my-1 max-w-full" />;
	return (
		<a href={url} target="_blank" rel="noopener noreferrer nofollow" className="text-accent underline">
			{t("sharing.attachment")}
		</a>
	);
}
