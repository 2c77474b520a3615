import { type InfiniteData, useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Ban, ClockAlert, KeySquare, PackageOpen, Plus, RotateCw, TimerOff, Trash } from "lucide-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApiKey, List, NewApiKey } from "@/api/types";
import { apiKeys } from "@/api/weir";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { reasonText } from "@/lib/security";
import { count, credits, dateTime } from "@/lib/format";
import { RowMenu } from "@/components/ui/RowMenu";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { CsvButton } from "../ui/CsvButton";
import { Confirm } from "../ui/Dialog";
import { Input } from "../ui/Field";
import { Empty, Failed, Skeleton } from "../ui/State";
import { Tag } from "../ui/Table";
import { CreateKey, RotateKey, ShowKey } from "./KeyDialogs";
import { Snippets } from "./Snippets";

/** What is being done: one dialog at a time. */
type Ending = "revoke" | "remove" | "expire";
type Doing = { what: "create" } | { what: "rotate" | Ending; key: ApiKey } | { what: "show"; made: NewApiKey } | null;

const reread = () => queryClient.invalidateQueries({ queryKey: keys.apiKeys });

export default function KeysPanel() {
	const [doing, setDoing] = useState<Doing>(null);
	const { t } = useTranslation();
	const close = () => setDoing(null);
	const show = (made: NewApiKey) => {
		setDoing({ what: "show", made });
		void reread();
	};
	return (
		<div className="flex flex-col gap-5">
			<div className="flex flex-col items-start gap-3 sm:flex-row sm:justify-between">
				<p className="text-sm text-soft">{t("keys.intro")}</p>
				<Button look="solid" medium icon={<Plus size={16} aria-hidden />} onClick={() => setDoing({ what: "create" })} className="shrink-0">
					{t("keys.new")}
				</Button>
			</div>
			<Keys onDo={setDoing} />
			<section className="flex flex-col gap-3 border-t border-line pt-5">
				<h3 className="text-sm font-medium">{t("keys.use")}</h3>
				<Snippets />
			</section>
			{doing?.what === "create" && <CreateKey onMade={show} onClose={close} />}
			{doing?.what === "rotate" && <RotateKey of={doing.key} onMade={show} onClose={close} />}
			{doing?.what === "show" && <ShowKey made={doing.made} onClose={close} />}
			{(doing?.what === "revoke" || doing?.what === "remove" || doing?.what === "expire") && <End what={doing.what} apiKey={doing.key} onClose={close} />}
		</div>
	);
}

const STATUSES = ["active", "rotated", "expired", "revoked", "locked"] as const;

function Keys({ onDo }: { onDo: (what: Doing) => void }) {
	const [search, setSearch] = useState("");
	const [status, setStatus] = useState("");
	const q = useDeferredValue(search.trim());
	const isFiltered = q !== "" || status !== "";
	const query = useInfiniteQuery<List<ApiKey>, Error, InfiniteData<List<ApiKey>>, readonly string[], string | undefined>({
		queryKey: keys.keyList(q, status),
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => apiKeys.list({ q, status, limit: 20, before_id: pageParam }),
		placeholderData: (before) => before,
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		staleTime: 0,
	});
	const { t } = useTranslation();
	const all = query.data?.pages.flatMap((p) => p.items) ?? [];
	if (query.isPending) return <Skeleton className="h-32" />;
	if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (all.length === 0 && !isFiltered) return <Empty icon={<KeySquare size={24} />} title={t("keys.none")} hint={t("keys.none_hint")} />;
	return (
		<>
			<div className="flex flex-wrap items-center gap-2">
				<div className="min-w-40 grow">
					<Input bare type="search" label={t("keylife.find")} placeholder={t("keylife.find")} value={search} onChange={(e) => setSearch(e.target.value)} />
				</div>
				<Choice label={t("security.status")} all={t("keylife.any_status")} value={status} onChange={setStatus} options={STATUSES.map((s) => ({ value: s, label: t(`keys.is_${s}`) }))} />
				<CsvButton label={t("keylife.csv")} name="api-keys.csv" fetch={() => apiKeys.csv({ q, status })} />
			</div>
			{all.length === 0 && <Empty icon={<KeySquare size={24} />} title={t("keylife.nothing")} />}
			<ul className="divide-y divide-line" aria-label={t("settings.keys")}>
				{all.map((key) => (
					<KeyRow key={key.id} apiKey={key} onDo={onDo} />
				))}
			</ul>
			{query.hasNextPage && (
				<Button small look="ghost" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
					{t("sidebar.more")}
				</Button>
			)}
		</>
	);
}

const STATUS_TONES: Record<ApiKey["status"], string> = {
	active: "bg-tint text-ok",
	rotated: "bg-surface text-soft",
	revoked: "bg-danger-tint text-danger",
	expired: "bg-danger-tint text-danger",
	locked: "bg-danger-tint text-danger",
};

function KeyRow({ apiKey: key, onDo }: { apiKey: ApiKey; onDo: (what: Doing) => void }) {
	const { t } = useTranslation();
	const alive = key.status === "active" || (key.status === "rotated" && key.revoked_at === null);
	const actions = [
		key.status === "active" && { label: t("keys.rotate"), icon: <RotateCw size={16} />, run: () => onDo({ what: "rotate", key }) },
		alive && { label: t("keylife.expire"), icon: <TimerOff size={16} />, run: () => onDo({ what: "expire", key }) },
		alive && { label: t("keys.revoke"), icon: <Ban size={16} />, danger: true, run: () => onDo({ what: "revoke", key }) },
		{ label: t("common.delete"), icon: <Trash size={16} />, danger: true, run: () => onDo({ what: "remove", key }) },
	].filter((a) => a !== false);
	return (
		<li className="flex items-start gap-3 py-3 text-sm">
			<div className="flex min-w-0 grow flex-col gap-1">
				<p className="flex min-w-0 items-center gap-2">
					<span title={key.name} className={cx("truncate font-medium", !alive && "text-faint")}>
						{key.name}
					</span>
					<span className={cx("shrink-0 rounded-full px-2.5 py-0.5 text-xs", STATUS_TONES[key.status])}>{t(`keys.is_${key.status}`)}</span>
					{key.label !== null && <Tag>{key.label}</Tag>}
				</p>
				<p className="text-xs text-faint">
					<code className="font-mono">{key.prefix}…</code>
					<Facts of={key} />
				</p>
				<Notices of={key} />
				{key.budget && <Budget of={key.budget} />}
				{key.collectable && <Collect apiKey={key} onMade={(made) => onDo({ what: "show", made })} />}
			</div>
			<RowMenu label={t("keys.actions", { name: key.name })} actions={actions} />
		</li>
	);
}

const SOON_MS = 7 * 86_400_000;

/** What its owner should not overlook. */
function Notices({ of: key }: { of: ApiKey }) {
	const { t } = useTranslation();
	const endsSoon = key.expires_at !== null && key.revoked_at === null && key.status !== "locked" && Date.parse(key.expires_at) - Date.now() < SOON_MS;
	return (
		<>
			{key.status === "locked" && <p className="text-xs text-danger">{t("keylife.locked_because", { reason: reasonText(t, key.lock_reason) })}</p>}
			{endsSoon && key.expires_at !== null && (
				<p className="flex items-center gap-1.5 text-xs text-warn">
					<ClockAlert size={14} aria-hidden className="shrink-0" />
					{t("keylife.ends_soon", { at: dateTime(key.expires_at) })}
				</p>
			)}
		</>
	);
}

/** The one time it is seen. */
function Collect({ apiKey, onMade }: { apiKey: ApiKey; onMade: (made: NewApiKey) => void }) {
	const { t } = useTranslation();
	const { mutate, isPending } = useMutation({
		mutationFn: () => apiKeys.collect(apiKey.id),
		onSuccess: (made) => {
			void reread();
			onMade(made);
		},
		onError: (e) => toast("danger", explain(e).text),
	});
	return (
		<div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 rounded-lg bg-tint px-3 py-2">
			<p className="min-w-40 grow text-sm">{t("keylife.collect_text")}</p>
			<Button medium look="solid" busy={isPending} icon={<PackageOpen size={15} aria-hidden />} onClick={() => mutate()}>
				{t("keylife.collect")}
			</Button>
		</div>
	);
}

function Facts({ of: key }: { of: ApiKey }) {
	const { t } = useTranslation();
	const facts = [
		key.last_used_at === null ? t("keys.unused") : t("keys.used", { at: dateTime(key.last_used_at) }),
		key.use_count > 0 && t("keys.calls", { count: key.use_count, number: count(key.use_count) }),
		key.spent > 0 && t("keys.spent", { credits: credits(key.spent) }),
		key.models !== null && t("keys.only", { count: key.models.length }),
		key.expires_at !== null && key.revoked_at === null && t("keys.until", { at: dateTime(key.expires_at) }),
		key.rotates_at !== null && t("keylife.rotates", { at: dateTime(key.rotates_at) }),
	].filter((f) => f !== false);
	return facts.map((fact) => (
		<span key={fact}>
			{" · "}
			{fact}
		</span>
	));
}

const BAR = "h-1.5 w-full max-w-xs appearance-none overflow-hidden rounded-full bg-hover [&::-webkit-progress-bar]:bg-hover";
const ENOUGH = "[&::-moz-progress-bar]:bg-accent [&::-webkit-progress-value]:bg-accent";
const LOW = "[&::-moz-progress-bar]:bg-danger [&::-webkit-progress-value]:bg-danger";

function Budget({ of }: { of: NonNullable<ApiKey["budget"]> }) {
	const { t } = useTranslation();
	const share = of.amount > 0 ? of.left / of.amount : 0;
	const left = t("keys.left", { left: credits(of.left), amount: credits(of.amount) });
	return (
		<div className="flex flex-col gap-1">
			<progress value={share} max={1} aria-label={left} className={cx(BAR, share < 0.1 ? LOW : ENOUGH)} />
			<p className="text-xs text-faint">
				{left}
				{of.resets_at !== null && ` · ${t("keys.resets", { at: dateTime(of.resets_at) })}`}
			</p>
		</div>
	);
}

const END = {
	revoke: { action: "keys.revoke", text: "keys.revoke_text", run: apiKeys.revoke },
	remove: { action: "common.delete", text: "keys.remove_text", run: apiKeys.remove },
	expire: { action: "keylife.expire", text: "keylife.expire_text", run: apiKeys.expire },
} as const;

function End({ what, apiKey, onClose }: { what: Ending; apiKey: ApiKey; onClose: () => void }) {
	const { t } = useTranslation();
	const action = t(END[what].action);
	const { mutate, isPending } = useMutation<unknown>({
		mutationFn: () => END[what].run(apiKey.id),
		onSuccess: () => {
			void reread();
			onClose();
		},
		onError: (e) => toast("danger", explain(e).text),
	});
	return (
		<Confirm
			title={action}
			text={t(END[what].text, { name: apiKey.name })}
			action={action}
			busy={isPending}
			onConfirm={() => mutate()}
			onClose={onClose}
		/>
	);
}
