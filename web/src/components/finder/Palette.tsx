import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Check, CornerDownLeft, MessageSquare, Search, Text, X } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { type FoundMessage, search } from "@/api/search";
import { IconButton } from "@/components/ui/Button";
import { Spinner } from "@/components/ui/Spinner";
import { useModelSelection } from "@/hooks/useModelSelection";
import { cx } from "@/lib/cx";
import { formatDateGroup } from "@/lib/dates";
import { explain } from "@/lib/explain";
import { jumpTo } from "@/lib/jump";
import { useConversationById } from "@/queries/conversations";
import { NEW, useConversation } from "@/stores/conversation";
import { toast } from "@/stores/notices";
import { useSettings } from "@/stores/settings";
import { useActions } from "./actions";
import { Kbd } from "./Keys";

const WAIT_MS = 200;
const MAX_CHARS = 200;

/** Something that can be chosen. */
export interface Item {
	id: string;
	icon: ReactNode;
	text: ReactNode;
	/** Below the text. */
	more?: ReactNode;
	hint?: ReactNode;
	run: () => void;
	/** The finder stays open. */
	stays?: boolean;
}

interface Group {
	name: "actions" | "models" | "conversations" | "messages";
	items: Item[];
}

/** Conversations, messages and what can be done, by what is typed; or the models alone. */
export function Palette({ view, onClose }: { view: "all" | "models"; onClose: () => void }) {
	const [query, setQuery] = useState("");
	const wanted = useLater(query.trim());
	const [at, setAt] = useState<string | null>(null);
	const dialog = useRef<HTMLDialogElement>(null);
	const list = useRef<HTMLDivElement>(null);
	const id = useId();
	const { t } = useTranslation();
	const only = view === "models";

	const models = useModelItems(query);
	const actions = useActions(query);
	const titles = useTitles(wanted, !only);
	const texts = useTexts(wanted, !only);
	const found: Group[] = only
		? [{ name: "models", items: models }]
		: query.trim() === ""
			? [
					{ name: "actions", items: actions },
					{ name: "conversations", items: titles.items },
				]
			: [
					{ name: "conversations", items: titles.items },
					{ name: "messages", items: texts.items },
					{ name: "actions", items: actions },
					{ name: "models", items: models },
				];
	const groups = found.filter((g) => g.items.length > 0);
	const items = groups.flatMap((g) => g.items);
	const current = items.find((i) => i.id === at) ?? items[0];
	const isBusy = !only && (titles.isBusy || texts.isBusy || wanted !== query.trim());
	const error = texts.error ?? titles.error;

	useEffect(() => {
		const box = dialog.current!;
		if (!box.open) box.showModal();
		return () => box.close();
	}, []);
	// With other words the first is at hand again.
	useEffect(() => setAt(null), [query]);
	useEffect(() => {
		list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
	}, [current?.id]);

	const take = (item: Item | undefined) => {
		if (!item) return;
		if (!item.stays) onClose();
		item.run();
	};
	const onKeyDown = (e: KeyboardEvent) => {
		if (e.nativeEvent.isComposing || e.keyCode === 229) return;
		const from = items.findIndex((i) => i.id === current?.id);
		const to = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: Math.min(from + 8, items.length - 1), PageUp: Math.max(from - 8, 0) }[e.key];
		if (e.key === "Enter") take(current);
		else if (to !== undefined && items.length > 0) setAt(items[(to + items.length) % items.length]!.id);
		else return;
		e.preventDefault();
	};
	const optionId = (item: Item | undefined) => (item ? `${id}-${item.id}` : undefined);
	const label = t(only ? "finder.models_title" : "finder.title");
	return (
		<dialog
			ref={dialog}
			aria-label={label}
			onCancel={(e) => {
				e.preventDefault();
				onClose();
			}}
			onPointerDown={(e) => e.target === dialog.current && onClose()}
			className="mx-auto mt-0 max-h-full w-full max-w-full animate-rise bg-transparent p-0 backdrop:animate-fade sm:mt-[12vh] sm:max-w-2xl sm:px-4"
		>
			<div className="flex h-[100dvh] flex-col overflow-hidden border-line bg-raised shadow-lift sm:h-auto sm:max-h-[min(34rem,76dvh)] sm:rounded-2xl sm:border">
				<div className="flex shrink-0 items-center gap-3 border-b border-line ps-4 pe-2 pt-[env(safe-area-inset-top)]">
					{isBusy ? <Spinner /> : <Search size={16} aria-hidden className="shrink-0 text-faint" />}
					<input
						autoFocus
						type="text"
						role="combobox"
						value={query}
						maxLength={MAX_CHARS}
						aria-label={label}
						aria-expanded={items.length > 0}
						aria-controls={`${id}-list`}
						aria-autocomplete="list"
						aria-activedescendant={optionId(current)}
						autoComplete="off"
						spellCheck={false}
						enterKeyHint="go"
						placeholder={t(only ? "finder.models_placeholder" : "finder.placeholder")}
						onChange={(e) => setQuery(e.target.value)}
						onKeyDown={onKeyDown}
						className="h-13 min-w-0 grow bg-transparent text-base outline-none placeholder:text-faint"
					/>
					<IconButton small label={t("common.close")} onClick={onClose}>
						<X size={17} />
					</IconButton>
				</div>
				<div ref={list} id={`${id}-list`} role="listbox" aria-label={label} className="min-h-0 grow overflow-y-auto overscroll-contain p-2">
					{groups.map((g) => (
						<div key={g.name} role="group" aria-labelledby={`${id}-${g.name}`} className="pb-1">
							<div id={`${id}-${g.name}`} className="px-3 pt-2 pb-1 text-xs font-medium text-faint">
								{t(`finder.${g.name === "conversations" && query.trim() === "" ? "recent" : g.name}`)}
							</div>
							{g.items.map((item) => (
								<Option key={item.id} id={optionId(item)!} item={item} selected={item.id === current?.id} onPoint={() => setAt(item.id)} onTake={() => take(item)} />
							))}
						</div>
					))}
				</div>
				<p role="status" className={cx(items.length > 0 || isBusy ? "sr-only" : "px-5 pb-6 text-center text-sm text-faint", error && "text-danger")}>
					{error ? explain(error).text : isBusy ? "" : items.length > 0 ? t("finder.count", { count: items.length }) : t("finder.nothing")}
				</p>
				<footer className="hidden shrink-0 items-center gap-4 border-t border-line px-4 py-2 text-xs text-faint pointer-fine:flex">
					{(["choose", "take", "leave"] as const).map((what) => (
						<span key={what} className="flex items-center gap-1.5">
							<Kbd keys={{ choose: ["↑", "↓"], take: ["Enter"], leave: ["Esc"] }[what]} />
							{t(`finder.key_${what}`)}
						</span>
					))}
				</footer>
			</div>
		</dialog>
	);
}

function Option({ id, item, selected, onPoint, onTake }: { id: string; item: Item; selected: boolean; onPoint: () => void; onTake: () => void }) {
	return (
		<div
			id={id}
			role="option"
			aria-selected={selected}
			// Not by what lies under a pointer that rests.
			onPointerMove={() => !selected && onPoint()}
			// The words keep the focus.
			onPointerDown={(e) => e.preventDefault()}
			onClick={onTake}
			className={cx("flex cursor-pointer items-start gap-3 rounded-lg px-3 py-2 text-sm", selected ? "bg-hover text-ink" : "text-soft")}
		>
			<span aria-hidden className={cx("mt-0.5 shrink-0", selected ? "text-accent" : "text-faint")}>
				{item.icon}
			</span>
			<span className="min-w-0 grow">
				<span className="block truncate">{item.text}</span>
				{item.more && <span className="line-clamp-2 text-xs/5 wrap-anywhere text-faint">{item.more}</span>}
			</span>
			{item.hint && <span className="mt-px shrink-0 text-xs text-faint">{item.hint}</span>}
			{selected && <CornerDownLeft size={14} aria-hidden className="mt-1 hidden shrink-0 text-faint pointer-fine:block" />}
		</div>
	);
}

/** The words once nothing was typed for a moment. */
function useLater(words: string): string {
	const [later, setLater] = useState(words);
	useEffect(() => {
		const timer = setTimeout(() => setLater(words), WAIT_MS);
		return () => clearTimeout(timer);
	}, [words]);
	return later;
}

function useModelItems(query: string): Item[] {
	const activeId = useConversation((s) => s.activeId);
	const { data: conversation } = useConversationById(activeId);
	const { models, model, select } = useModelSelection(conversation);
	const wanted = query.trim().toLowerCase();
	return models
		.filter((m) => `${m.display_name} ${m.name}`.toLowerCase().includes(wanted))
		.map((m) => ({
			id: `model-${m.id}`,
			icon: <Check size={16} className={m.id === model?.id ? "" : "invisible"} />,
			text: m.display_name || m.name,
			hint: m.display_name && m.display_name !== m.name ? m.name : undefined,
			run: () => {
				// What was to make pictures is to answer now.
				useConversation.getState().setDraft(activeId ?? NEW, { make: undefined });
				select(m.name);
			},
		}));
}

function useTitles(q: string, enabled: boolean) {
	const [, navigate] = useLocation();
	const language = useSettings((s) => s.language);
	const { t } = useTranslation();
	const { data, isFetching, error } = useQuery({
		queryKey: ["finder", "titles", q],
		enabled,
		queryFn: ({ signal }) => search.titles(q, signal),
		placeholderData: (before) => before,
	});
	const items = (data?.items ?? []).map((c) => ({
		id: `conversation-${c.id}`,
		icon: <MessageSquare size={16} />,
		text: c.title || t("chat.untitled"),
		hint: formatDateGroup(c.updated_at, language),
		run: () => navigate(`/c/${c.id}`),
	}));
	return { items, isBusy: isFetching, error };
}

function useTexts(q: string, enabled: boolean) {
	const [, navigate] = useLocation();
	const language = useSettings((s) => s.language);
	const { t } = useTranslation();
	const { data, isFetching, error, hasNextPage, fetchNextPage } = useInfiniteQuery({
		queryKey: ["finder", "texts", q],
		enabled: enabled && q !== "",
		initialPageParam: undefined as string | undefined,
		queryFn: ({ pageParam, signal }) => search.messages(q, pageParam, signal),
		getNextPageParam: (page) => (page.has_more ? page.items.at(-1)?.id : undefined),
		placeholderData: (before) => before,
		staleTime: 5_000,
	});
	const hits = useMemo(() => (q === "" ? [] : (data?.pages.flatMap((p) => p.items) ?? [])), [data, q]);
	const go = (hit: FoundMessage) =>
		jumpTo(hit, navigate).then(
			(isThere) => !isThere && toast("warn", t("finder.gone")),
			(e) => toast("danger", explain(e).text),
		);
	const items: Item[] = hits.map((hit) => ({
		id: `message-${hit.id}`,
		icon: <Text size={16} />,
		text: <Marked hit={hit} />,
		more: `${t(hit.role === "user" ? "chat.you" : "chat.answer")} · ${hit.title || t("chat.untitled")}`,
		hint: formatDateGroup(hit.created_at, language),
		run: () => void go(hit),
	}));
	if (hasNextPage && items.length > 0)
		items.push({ id: "more", icon: <Search size={16} />, text: t("finder.more"), run: () => void fetchNextPage(), stays: true });
	return { items, isBusy: isFetching, error: q === "" ? null : error };
}

/** The piece of a text that was found, its words marked. */
export function Marked({ hit }: { hit: Pick<FoundMessage, "snippet" | "marks"> }) {
	const chars = [...hit.snippet];
	const parts: ReactNode[] = [];
	let at = 0;
	for (const { from, to } of hit.marks) {
		parts.push(
			chars.slice(at, from).join(""),
			<mark key={from} className="rounded-xs bg-tint font-medium text-ink">
				{chars.slice(from, to).join("")}
			</mark>,
		);
		at = to;
	}
	return (
		<span className="line-clamp-2 whitespace-normal wrap-anywhere">
			{parts}
			{chars.slice(at).join("")}
		</span>
	);
}
