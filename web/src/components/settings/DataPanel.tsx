import { useInfiniteQuery } from "@tanstack/react-query";
import { FileUp, Link2 } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/errors";
import { sharing } from "@/api/sharing";
import { readExport } from "@/lib/bring";
import { explain } from "@/lib/explain";
import { keys, queryClient } from "@/queries/client";
import { ShareRow, shareKey } from "../chat/ShareRow";
import { DeleteSection, ExportSection } from "../trust/Leaving";
import { Button } from "../ui/Button";
import { Empty, Failed, Skeleton } from "../ui/State";

/** Conversations that leave and come: links to them, and other programs' exports. */
export default function DataPanel() {
	const { t } = useTranslation();
	return (
		<div className="flex flex-col gap-8">
			<section className="flex flex-col gap-3">
				<h3 className="text-sm font-medium">{t("sharing.import")}</h3>
				<p className="text-sm text-soft">{t("sharing.import_text")}</p>
				<Import />
			</section>
			<section className="flex flex-col gap-1">
				<h3 className="text-sm font-medium">{t("sharing.links")}</h3>
				<Links />
			</section>
			<ExportSection />
			<DeleteSection />
		</div>
	);
}

interface Course {
	done: number;
	all: number;
	brought: number;
	leftOut: number;
	why: string;
}

function Import() {
	const { t } = useTranslation();
	const picker = useRef<HTMLInputElement>(null);
	const [course, setCourse] = useState<Course | null>(null);
	const [problem, setProblem] = useState<string | null>(null);
	const busy = course !== null && course.done < course.all;

	const bring = async (file: File) => {
		setCourse(null);
		setProblem(null);
		const found = readExport(await file.text());
		if (found === null || found.length === 0) {
			setProblem(t(found === null ? "sharing.unknown_file" : "sharing.nothing_in_it"));
			return;
		}
		const now: Course = { done: 0, all: found.length, brought: 0, leftOut: 0, why: "" };
		for (const conversation of found) {
			setCourse({ ...now });
			try {
				await patiently(conversation);
				now.brought++;
			} catch (e) {
				now.leftOut++;
				now.why = explain(e).text;
			}
			now.done++;
		}
		setCourse({ ...now });
		await queryClient.invalidateQueries({ queryKey: keys.allConversations });
	};
	return (
		<>
			<input
				ref={picker}
				type="file"
				accept=".json,application/json"
				aria-label={t("sharing.choose")}
				className="hidden"
				onChange={(e) => {
					const file = e.target.files?.[0];
					e.target.value = "";
					if (file) void bring(file);
				}}
			/>
			<Button busy={busy} icon={<FileUp size={16} aria-hidden />} onClick={() => picker.current?.click()} className="self-start">
				{t("sharing.choose")}
			</Button>
			<div role="status" className="text-sm text-soft empty:hidden">
				{busy && <p>{t("sharing.bringing", { done: course.done, all: course.all })}</p>}
				{course && !busy && (
					<>
						<p>{t("sharing.brought", { count: course.brought })}</p>
						{course.leftOut > 0 && <p className="text-danger">{t("sharing.left_out", { count: course.leftOut, why: course.why })}</p>}
					</>
				)}
			</div>
			{problem && (
				<p role="alert" className="text-sm text-danger">
					{problem}
				</p>
			)}
		</>
	);
}

/** Many conversations meet the rate limit: it says when to go on. The key makes a repeat harmless. */
async function patiently(conversation: Parameters<typeof sharing.bring>[0]) {
	const key = crypto.randomUUID();
	for (let n = 0; ; n++) {
		try {
			return await sharing.bring(conversation, key);
		} catch (e) {
			if (n >= 10 || !(e instanceof ApiError) || e.status !== 429) throw e;
			const wait_s = e.retryAfter ?? 10;
			await new Promise((go) => setTimeout(go, wait_s * 1000));
		}
	}
}

function Links() {
	const { t } = useTranslation();
	const { data, isPending, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
		queryKey: [...shareKey, "all"],
		queryFn: ({ pageParam }) => sharing.list({ limit: 20, before_id: pageParam }),
		initialPageParam: undefined as string | undefined,
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)!.id : undefined),
		staleTime: 0,
	});
	if (isPending) return <Skeleton className="h-24" />;
	if (error) return <Failed error={error} onRetry={() => void refetch()} />;
	const items = data.pages.flatMap((p) => p.items);
	if (items.length === 0) return <Empty icon={<Link2 size={26} />} title={t("sharing.no_links")} hint={t("sharing.no_links_hint")} />;
	return (
		<>
			<ul className="divide-y divide-line">
				{items.map((s) => (
					<ShareRow key={s.id} share={s} titled />
				))}
			</ul>
			{hasNextPage && (
				<Button small look="ghost" busy={isFetchingNextPage} onClick={() => void fetchNextPage()} className="self-start">
					{t("sharing.more")}
				</Button>
			)}
		</>
	);
}
