import { type InfiniteData, useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Ban, KeySquare, Plus, RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApiKey, List, NewApiKey } from "@/api/types";
import { apiKeys } from "@/api/weir";
import { cx } from "@/lib/cx";
import { explain } from "@/lib/explain";
import { count, credits, dateTime } from "@/lib/format";
import { RowMenu } from "@/pages/admin/RowMenu";
import { keys, queryClient } from "@/queries/client";
import { toast } from "@/stores/notices";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialog";
import { Empty, Failed, Skeleton } from "../ui/State";
import { CreateKey, RotateKey, ShowKey } from "./KeyDialogs";
import { Snippets } from "./Snippets";

/** What is being done: one dialog at a time. */
type Doing = { what: "create" } | { what: "rotate" | "revoke" | "remove"; key: ApiKey } | { what: "show"; made: NewApiKey } | null;

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
			{(doing?.what === "revoke" || doing?.what === "remove") && <End what={doing.what} apiKey={doing.key} onClose={close} />}
		</div>
	);
}

function Keys({ onDo }: { onDo: (what: Doing) => void }) {
	const query = useInfiniteQuery<List<ApiKey>, Error, InfiniteData<List<ApiKey>>, readonly string[], string | undefined>({
		queryKey: keys.apiKeys,
		initialPageParam: undefined,
		queryFn: ({ pageParam }) => apiKeys.list({ limit: 20, before_id: pageParam }),
		getNextPageParam: (last) => (last.has_more ? last.items.at(-1)?.id : undefined),
		staleTime: 0,
	});
	const { t } = useTranslation();
	const all = query.data?.pages.flatMap((p) => p.items) ?? [];
	if (query.isPending) return <Skeleton className="h-32" />;
	if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
	if (all.length === 0) return <Empty icon={<KeySquare size={24} />} title={t("keys.none")} hint={t("keys.none_hint")} />;
	return (
		<>
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
		alive && { label: t("keys.revoke"), icon: <Ban size={16} />, danger: true, run: () => onDo({ what: "revoke", key }) },
		{ label: t("common.delete"), icon: <Trash2 size={16} />, danger: true, run: () => onDo({ what: "remove", key }) },
	].filter((a) => a !== false);
	return (
		<li className="flex items-start gap-3 py-3 text-sm">
			<div className="flex min-w-0 grow flex-col gap-1">
				<p className="flex min-w-0 items-center gap-2">
					<span title={key.name} className={cx("truncate font-medium", !alive && "text-faint")}>
						{key.name}
					</span>
					<span className={cx("shrink-0 rounded-full px-2.5 py-0.5 text-xs", STATUS_TONES[key.status])}>{t(`keys.is_${key.status}`)}</span>
				</p>
				<p className="text-xs text-faint">
					<code className="font-mono">{key.prefix}…</code>
					<Facts of={key} />
				</p>
				{key.budget && <Budget of={key.budget} />}
			</div>
			<RowMenu label={t("keys.actions", { name: key.name })} actions={actions} />
		</li>
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

function End({ what, apiKey, onClose }: { what: "revoke" | "remove"; apiKey: ApiKey; onClose: () => void }) {
	const { t } = useTranslation();
	const action = what === "revoke" ? t("keys.revoke") : t("common.delete");
	const { mutate, isPending } = useMutation<unknown>({
		mutationFn: () => (what === "revoke" ? apiKeys.revoke(apiKey.id) : apiKeys.remove(apiKey.id)),
		onSuccess: () => {
			void reread();
			onClose();
		},
		onError: (e) => toast("danger", explain(e).text),
	});
	return (
		<Confirm
			title={action}
			text={t(what === "revoke" ? "keys.revoke_text" : "keys.remove_text", { name: apiKey.name })}
			action={action}
			busy={isPending}
			onConfirm={() => mutate()}
			onClose={onClose}
		/>
	);
}
