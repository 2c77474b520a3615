import { type InfiniteData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { List, Verdict, VerdictSum } from "@/api/types";
import { admin } from "@/api/weir";
import { Choice } from "@/components/ui/Choice";
import { Empty, Failed } from "@/components/ui/State";
import { At } from "@/components/usage/parts";
import { count } from "@/lib/format";
import { keys } from "@/queries/client";
import { AreaHead, type Column, Loading, Table } from "./parts";
import { UserName } from "./UserName";

const DAYS = 30;

/** What users think of answers: of each model, and one by one. */
export default function VerdictsArea() {
	const [verdict, setVerdict] = useState("");
	const sums = useQuery({ queryKey: keys.admin("verdicts", "sums"), queryFn: () => admin.verdictSums(DAYS), staleTime: 0 });
	const query = useInfiniteQuery<List<Verdict>, Error, InfiniteData<List<Verdict>>, readonly (string | number)[], string | undefined>({
		queryKey: keys.admin("verdicts", verdict),
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => admin.verdicts({ verdict, limit: 50, before_id: pageParam }),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		placeholderData: (before) => before,
		staleTime: 0,
	});
	const { t } = useTranslation();
	const items = query.data?.pages.flatMap((p) => p.items) ?? [];
	const models = sums.data?.items ?? [];
	const name = (v: "up" | "down") => t(v === "up" ? "chat.good" : "chat.bad");
	const perModel: Column<VerdictSum>[] = [
		{ name: "model", head: t("chat.model"), value: (s) => s.model, cell: (s) => <span className="font-medium">{s.model ?? "–"}</span> },
		{ name: "up", head: name("up"), number: true, value: (s) => s.up, cell: (s) => count(s.up) },
		{ name: "down", head: name("down"), number: true, value: (s) => s.down, cell: (s) => count(s.down) },
	];
	const each: Column<Verdict>[] = [
		{
			name: "verdict",
			head: t("admin.verdict"),
			value: (v) => name(v.verdict),
			cell: (v) => (
				<span title={name(v.verdict)} className={v.verdict === "up" ? "text-ok" : "text-danger"}>
					{v.verdict === "up" ? <ThumbsUp size={16} aria-hidden /> : <ThumbsDown size={16} aria-hidden />}
					<span className="sr-only">{name(v.verdict)}</span>
				</span>
			),
		},
		{ name: "model", head: t("chat.model"), value: (v) => v.model, cell: (v) => v.model ?? "–" },
		{ name: "user", head: t("admin.user"), wide: "hidden @2xl:table-cell", cell: (v) => <UserName id={v.user_id} /> },
		{ name: "note", head: t("admin.verdict_note"), value: (v) => v.note, cell: (v) => <span className="wrap-anywhere whitespace-pre-wrap">{v.note ?? "–"}</span> },
		{ name: "at", head: t("admin.verdict_at"), number: true, value: (v) => v.at, cell: (v) => <At time={v.at} /> },
	];
	return (
		<div className="@container flex flex-col gap-6">
			<AreaHead title={t("admin.verdicts")}>
				<Choice label={t("admin.verdict")} all={t("admin.any_verdict")} value={verdict} onChange={setVerdict} options={(["up", "down"] as const).map((v) => ({ value: v, label: name(v) }))} />
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && items.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && items.length === 0 && <Empty icon={<ThumbsUp size={26} />} title={t("admin.no_verdicts")} hint={t("admin.no_verdicts_hint")} />}
			{models.length > 0 && <Table label={t("admin.verdict_sums", { days: DAYS })} rows={models} columns={perModel} rowKey={(s) => s.model ?? ""} file="verdicts-by-model.csv" />}
			{items.length > 0 && <Table label={t("admin.verdicts")} rows={items} columns={each} rowKey={(v) => v.id} file="verdicts.csv" more={query} stale={query.isPlaceholderData} />}
		</div>
	);
}
