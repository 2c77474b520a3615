import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Info, ScrollText, X } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation, useSearch } from "wouter";
import type { AdminUsageRecord } from "@/api/types";
import { admin } from "@/api/weir";
import { Button, IconButton } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choice";
import { CsvButton } from "@/components/ui/CsvButton";
import { Input } from "@/components/ui/Field";
import { Empty, Failed } from "@/components/ui/State";
import { At, STATUSES, StatusTag, Tokens } from "@/components/usage/parts";
import { count, dateTime } from "@/lib/format";
import { cost, duration, fromOf, RANGES, type Range } from "@/lib/usage";
import { keys } from "@/queries/client";
import { usePaged } from "@/queries/paged";
import { AreaHead, type Column, Loading, Table, Tag } from "./parts";
import { RequestDetails } from "./RequestDetails";
import { nameOf, useUserName } from "./UserName";

/** Ten columns need more room than those of the other tables about usage. */
const WIDE = "hidden @4xl:table-cell";
/** How often it looks again, while the page is seen, its newest are shown and none of them is looked at. */
const LIVE_MS = 5_000;

/** The log of all users' requests. Whose is in the address: other pages lead here. */
export default function RequestsArea() {
	const asked = new URLSearchParams(useSearch());
	const user = asked.get("user") ?? "";
	const key = asked.get("key") ?? "";
	const [, navigate] = useLocation();
	const setUser = (id: string) => navigate(id === "" ? "/admin/log" : `/admin/log?user=${id}`);
	const [channel, setChannel] = useState("");
	const [range, setRange] = useState<Range | "">("");
	const [shown, setShown] = useState<AdminUsageRecord | null>(null);
	const channels = useQuery({ queryKey: keys.admin("channels"), queryFn: admin.channels });
	const [model, setModel] = useState("");
	const [status, setStatus] = useState("");
	const models = useQuery({ queryKey: keys.admin("models"), queryFn: admin.models });
	const filter = { user_id: user, key_id: key, model, status, channel, from: range === "" ? "" : fromOf(range) };
	const { query, items: records } = usePaged<AdminUsageRecord>(keys.admin("usage", "records", ...Object.values(filter)), (ask) => admin.usageRecords({ ...filter, ...ask }), { every_ms: shown === null && LIVE_MS });
	const { t } = useTranslation();
	const columns: Column<AdminUsageRecord>[] = [
		{ name: "time", sort: "created_at", head: t("usage.time"), value: (r) => r.created_at, wide: WIDE, className: "whitespace-nowrap text-faint", cell: (r) => <At time={r.created_at} /> },
		{
			name: "user",
			head: t("usage.user"),
			cell: (r) => (
				<>
					<User record={r} onOnly={() => setUser(r.user_id)} />
					<div className="text-xs text-faint @4xl:hidden">
						<p className="font-medium text-ink">{r.model ?? "–"}</p>
						<p>{[r.channel, r.provider].filter(Boolean).join(" · ")}</p>
						<p>
							<At time={r.created_at} />
						</p>
					</div>
				</>
			),
		},
		{ name: "model", sort: "model", head: t("usage.model"), value: (r) => r.model, wide: WIDE, className: "font-medium whitespace-nowrap", cell: (r) => r.model ?? "–" },
		{
			name: "channel",
			head: t("usage.channel"),
			value: (r) => r.channel,
			wide: WIDE,
			className: "whitespace-nowrap",
			cell: (r) => (
				<>
					<p>{r.channel ?? "–"}</p>
					<p className="text-xs text-faint">{r.provider}</p>
				</>
			),
		},
		{ name: "in", head: t("usage.tokens_in"), number: true, value: (r) => r.request_tokens, wide: WIDE, cell: (r) => <Tokens record={r} of="request_tokens" /> },
		{ name: "out", head: t("usage.tokens_out"), number: true, value: (r) => r.response_tokens, wide: WIDE, cell: (r) => <Tokens record={r} of="response_tokens" /> },
		{
			name: "cost", sort: "cost", 
			head: t("usage.credits"),
			number: true,
			value: (r) => r.cost,
			cell: (r) => (
				<>
					{cost(r.cost)}
					{r.overrun > 0 && (
						<p title={t("usage.overrun_hint")}>
							<Tag tone="warn">{t("usage.overrun", { credits: cost(r.overrun) })}</Tag>
						</p>
					)}
					<div className="text-xs text-faint @4xl:hidden">
						<p>{t("usage.in_out", { input: count(r.request_tokens), output: count(r.response_tokens) })}</p>
						<p>
							{duration(r.first_token_ms)} / {duration(r.latency_ms)}
						</p>
						<Ending record={r} />
					</div>
				</>
			),
		},
		{ name: "first", sort: "first_token_ms", head: t("usage.first_token"), number: true, value: (r) => r.first_token_ms, wide: WIDE, cell: (r) => duration(r.first_token_ms) },
		{ name: "took", sort: "latency_ms", head: t("usage.duration"), number: true, value: (r) => r.latency_ms, wide: WIDE, cell: (r) => duration(r.latency_ms) },
		{ name: "status", sort: "status", head: t("usage.status"), end: true, value: (r) => t(`usage.${r.status}`), wide: WIDE, cell: (r) => <Ending record={r} /> },
		{
			name: "details",
			head: t("usage.details"),
			bare: true,
			end: true,
			cell: (r) => (
				<IconButton small className="pointer-coarse:size-11!" label={t("usage.details_of", { time: dateTime(r.created_at) })} onClick={() => setShown(r)}>
					<Info size={16} />
				</IconButton>
			),
		},
	];
	return (
		<div className="@container">
			<AreaHead title={t("admin.log")}>
				{key !== "" && (
					<Button icon={<X size={15} aria-hidden />} onClick={() => setUser("")}>
						{t("usage.only_key")}
					</Button>
				)}
				{user === "" ? <FindUser onFound={setUser} /> : <OnlyOf id={user} onAll={() => setUser("")} />}
				<Choice label={t("usage.model")} all={t("usage.all_models")} value={model} onChange={setModel} options={(models.data?.items ?? []).map(({ name }) => ({ value: name, label: name }))} />
				<Choice label={t("usage.status")} all={t("usage.all_statuses")} value={status} onChange={setStatus} options={STATUSES.map((s) => ({ value: s, label: t(`usage.${s}`) }))} />
				<Choice label={t("usage.channel")} all={t("usage.all_channels")} value={channel} onChange={setChannel} options={(channels.data?.items ?? []).map(({ name }) => ({ value: name, label: name }))} />
				<Choice label={t("usage.range")} all={t("usage.all_time")} value={range} onChange={(r) => setRange(r as Range | "")} options={RANGES.map((r) => ({ value: r, label: t("usage.days", { days: r }) }))} />
				<CsvButton label={t("usage.csv")} hint={t("usage.csv_hint")} name="usage.csv" fetch={() => admin.usageCsv(filter)} />
			</AreaHead>
			{query.isPending && <Loading />}
			{query.error && records.length === 0 && <Failed error={query.error} onRetry={() => void query.refetch()} />}
			{query.isSuccess && records.length === 0 && <Empty icon={<ScrollText size={26} />} title={t("usage.no_requests")} />}
			{records.length > 0 && (
				<Table tight label={t("admin.log")} rows={records} columns={columns} rowKey={(r) => r.id} more={query} stale={query.isPlaceholderData} />
			)}
			{shown && <RequestDetails record={shown} onClose={() => setShown(null)} />}
		</div>
	);
}

function User({ record: r, onOnly }: { record: AdminUsageRecord; onOnly: () => void }) {
	const name = useUserName(r.user_id);
	const { t } = useTranslation();
	return (
		<button type="button" title={t("usage.only_user", { name })} onClick={onOnly} className="-my-3 min-h-11 max-w-40 min-w-11 truncate rounded text-start text-accent hover:underline">
			{name}
		</button>
	);
}

function Ending({ record }: { record: AdminUsageRecord }) {
	return (
		<>
			<StatusTag status={record.status} />
			{record.error_code && <p className="font-mono text-xs text-danger">{record.error_code}</p>}
		</>
	);
}

function OnlyOf({ id, onAll }: { id: string; onAll: () => void }) {
	const name = useUserName(id);
	const { t } = useTranslation();
	return (
		<Button icon={<X size={15} aria-hidden />} title={t("usage.all_users")} onClick={onAll} className="max-w-full">
			<span className="truncate">{t("usage.only_user", { name })}</span>
		</Button>
	);
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** By what an operator has at hand: a name, an address, a number; or the id, from a log. */
function FindUser({ onFound }: { onFound: (id: string) => void }) {
	const [words, setWords] = useState("");
	const q = useDeferredValue(words.trim());
	const search = q.length > 1 && !ID.test(q);
	const found = useQuery({ queryKey: keys.admin("users", "found", q), queryFn: () => admin.users({ q, limit: 6 }), enabled: search, placeholderData: keepPreviousData });
	const { t } = useTranslation();
	return (
		<div className="relative w-80 max-w-full">
			<Input
				bare
				type="search"
				label={t("usage.find_user")}
				placeholder={t("usage.find_user")}
				value={words}
				onChange={(e) => (ID.test(e.target.value.trim()) ? onFound(e.target.value.trim()) : setWords(e.target.value))}
				onKeyDown={(e) => {
					const first = found.data?.items[0];
					if (e.key === "Enter" && search && first && !found.isPlaceholderData) onFound(first.id);
					if (e.key === "Escape") setWords("");
				}}
			/>
			{search && found.data && (
				<ul aria-label={t("usage.user")} className="absolute inset-x-0 top-full z-10 mt-1 rounded-lg border border-line bg-raised p-1 text-sm shadow-lift">
					{found.data.items.map((u) => (
						<li key={u.id}>
							<button type="button" onClick={() => onFound(u.id)} className="block w-full truncate rounded-md px-2 py-1.5 text-start hover:bg-hover">
								{nameOf(u)}
								{u.nickname && <span className="ms-2 text-xs text-faint">{u.email ?? u.phone}</span>}
							</button>
						</li>
					))}
					{found.data.items.length === 0 && <li className="px-2 py-1.5 text-faint">{t("usage.no_user")}</li>}
				</ul>
			)}
		</div>
	);
}
