import { useVirtualizer } from "@tanstack/react-virtual";
import { Archive, ChevronLeft, FolderOpen, FolderPlus, MessagesSquare, SearchX } from "lucide-react";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import type { Conversation, Folder } from "@/api/types";
import { useMedia } from "@/hooks/useMedia";
import { withTexts } from "@/i18n/texts";
import { listRows, rangeOf, type Row } from "@/lib/order";
import { type ListAsk, useConversations } from "@/queries/conversations";
import { arrange, arrangeWithUndo, useFolders } from "@/queries/order";
import { useConversation } from "@/stores/conversation";
import { deleteSoon, useOrder } from "@/stores/order";
import { useSettings } from "@/stores/settings";
import { IconButton } from "../ui/Button";
import { Spinner } from "../ui/Spinner";
import { Empty, Failed, Skeleton } from "../ui/State";
import type { Act } from "./acts";
import { ConversationItem } from "./ConversationItem";
import { ExportDialog, FolderDialog, MoveDialog, RemoveFolder } from "./dialogs";
import { FolderRow } from "./FolderRow";
import { SelectionBar } from "./SelectionBar";

const ShareDialog = lazy(() => withTexts(["sharing"], import("../chat/ShareDialog")));

/** Pixels of a row: for a mouse, and for a finger. */
const ROW_PX = 34;
const TOUCH_PX = 44;
/** Rows drawn beyond what is seen. */
const OVERSCAN = 12;
/** So near the end the next page is read. */
const AHEAD = 30;

type Asking =
	| { what: "share"; conversation: Conversation }
	| { what: "move"; chosen: Conversation[] }
	| { what: "export"; ids: string[] }
	| { what: "folder"; folder: Folder | null }
	| { what: "remove"; folder: Folder }
	| null;

export default function ConversationList({ search, onOpen }: { search: string; onOpen: () => void }) {
	const place = useOrder((s) => s.place);
	const go = useOrder((s) => s.go);
	const selecting = useOrder((s) => s.selected !== null);
	const going = useOrder((s) => s.going);
	const activeId = useConversation((s) => s.activeId);
	const language = useSettings((s) => s.language);
	const [asking, setAsking] = useState<Asking>(null);
	const [, navigate] = useLocation();
	const { t } = useTranslation();

	const home = place.kind === "home" && search === "";
	const ask: ListAsk =
		place.kind === "archived" ? { view: "archived", q: search } : place.kind === "folder" ? { folder_id: place.id, q: search } : search ? { view: "all", q: search } : { view: "loose", q: "" };
	const list = useConversations(ask, place.kind === "home");
	const pinned = useConversations({ view: "pinned", q: "" });
	const folders = useFolders();
	const folder = place.kind === "folder" ? folders.data?.find((f) => f.id === place.id) : undefined;
	const gone = place.kind === "folder" && folders.data !== undefined && !folder;
	useEffect(() => {
		if (gone) go({ kind: "home" });
	}, [gone, go]);

	const rows = useMemo(
		() =>
			listRows({
				pinned: home ? pinned.items : [],
				// Who has nothing to put into one is not bothered with them.
				folders: home && (list.items.length > 0 || pinned.items.length > 0 || folders.data?.length) ? (folders.data ?? []) : null,
				items: list.items,
				more: list.hasNextPage,
				archived: home,
				going,
				language,
				words: { pinned: t("order.pinned"), folders: t("order.folders") },
			}),
		[home, pinned.items, folders.data, list.items, list.hasNextPage, going, language, t],
	);
	const shown = useRef(rows);
	shown.current = rows;

	const leaveIfOpen = useCallback(
		(ids: string[]) => {
			const { activeId: open } = useConversation.getState();
			if (open && ids.includes(open)) navigate("/");
		},
		[navigate],
	);
	const conversation = (id: string) => shown.current.flatMap((r) => (r.kind === "conversation" && r.key === id ? [r.conversation] : []))[0];
	const onSelect = useCallback((id: string, range: boolean) => {
		const { anchor, select, toggle } = useOrder.getState();
		if (range) select(rangeOf(shown.current, anchor ?? useConversation.getState().activeId, id), id);
		else toggle(id);
	}, []);
	const onAct = useCallback(
		(c: Conversation, act: Act) => {
			if (act === "share") setAsking({ what: "share", conversation: c });
			else if (act === "move") setAsking({ what: "move", chosen: [c] });
			else if (act === "select") useOrder.getState().toggle(c.id);
			else if (act === "pin" || act === "unpin") void arrange([c.id], act);
			else if (act === "archive" || act === "unarchive") void arrangeWithUndo([c], act);
			else if (act === "delete") {
				leaveIfOpen([c.id]);
				deleteSoon([c.id]);
			}
		},
		[leaveIfOpen],
	);
	const moveTo = (chosen: Conversation[], to: Folder | null) => {
		useOrder.getState().unselect();
		void arrangeWithUndo(chosen, "move", to);
	};

	const waits = list.isPending && list.items.length === 0;
	const empty = rows.every((r) => r.kind === "archived" || (r.kind === "heading" && r.folders));
	return (
		<div className="flex h-full flex-col">
			{place.kind !== "home" && (
				<div className="flex h-10 shrink-0 items-center gap-1 px-3">
					<IconButton small label={t("order.back")} onClick={() => go({ kind: "home" })}>
						<ChevronLeft size={17} />
					</IconButton>
					<h2 className="truncate text-sm font-medium">{place.kind === "archived" ? t("order.archived_ones") : folder?.name}</h2>
				</div>
			)}
			<div className="relative min-h-0 grow">
				{waits ? (
					<ListSkeleton />
				) : list.error && list.items.length === 0 ? (
					<Failed error={list.error} onRetry={() => void list.refetch()} />
				) : (
					<Rows
						rows={rows}
						note={empty ? <Nothing search={search} place={place.kind} /> : null}
						onEnd={list.hasNextPage && !list.isFetchingNextPage ? list.fetchNextPage : undefined}
						draw={(row) => {
							switch (row.kind) {
								case "heading":
									return (
										<div className="flex h-full items-end justify-between ps-3 pe-0.5 pb-1">
											<h2 className="text-xs font-medium text-faint">{row.label}</h2>
											{row.folders && (
												<IconButton small label={t("order.new_folder")} onClick={() => setAsking({ what: "folder", folder: null })} className="-mb-1.5">
													<FolderPlus size={15} />
												</IconButton>
											)}
										</div>
									);
								case "folder": {
									const position = folders.data?.findIndex((f) => f.id === row.folder.id) ?? 0;
									return (
										<FolderRow
											folder={row.folder}
											position={position}
											last={position === (folders.data?.length ?? 0) - 1}
											onRename={(f) => setAsking({ what: "folder", folder: f })}
											onRemove={(f) => setAsking({ what: "remove", folder: f })}
											onDrop={(ids, f) => moveTo(ids.flatMap((id) => conversation(id) ?? []), f)}
										/>
									);
								}
								case "conversation":
									return <ConversationItem conversation={row.conversation} active={row.key === activeId} onOpen={onOpen} onAct={onAct} onSelect={onSelect} />;
								case "archived":
									return (
										<button
											type="button"
											onClick={() => go({ kind: "archived" })}
											className="flex h-full w-full items-center gap-2 rounded-lg px-3 text-start text-sm text-faint transition-colors hover:bg-hover hover:text-ink"
										>
											<Archive size={15} aria-hidden />
											{t("order.archived_ones")}
										</button>
									);
								case "more":
									return (
										<div role="status" aria-label={t("common.loading")} className="flex h-full items-center justify-center text-faint">
											<Spinner size={15} />
										</div>
									);
							}
						}}
					/>
				)}
			</div>
			{selecting && (
				<SelectionBar
					archived={place.kind === "archived"}
					known={conversation}
					onMove={(chosen) => setAsking({ what: "move", chosen })}
					onExport={(ids) => setAsking({ what: "export", ids })}
					onDelete={(ids) => {
						leaveIfOpen(ids);
						deleteSoon(ids);
					}}
				/>
			)}
			{asking?.what === "share" && (
				<Suspense>
					<ShareDialog conversation={asking.conversation} onClose={() => setAsking(null)} />
				</Suspense>
			)}
			{asking?.what === "move" && (
				<MoveDialog
					count={asking.chosen.length}
					inFolder={asking.chosen.some((c) => c.folder_id !== null)}
					onMove={(to) => moveTo(asking.chosen, to)}
					onClose={() => setAsking(null)}
				/>
			)}
			{asking?.what === "export" && <ExportDialog ids={asking.ids} onClose={() => setAsking(null)} />}
			{asking?.what === "folder" && <FolderDialog folder={asking.folder} onClose={() => setAsking(null)} />}
			{asking?.what === "remove" && <RemoveFolder folder={asking.folder} onClose={() => setAsking(null)} />}
		</div>
	);
}

/** Only what is seen of them, and a little more, is in the page. */
function Rows({ rows, draw, note, onEnd }: { rows: Row[]; draw: (row: Row) => ReactNode; note: ReactNode; onEnd?: () => unknown }) {
	const box = useRef<HTMLElement>(null);
	const size = useMedia("(pointer: coarse)") ? TOUCH_PX : ROW_PX;
	const { t } = useTranslation();
	const virtual = useVirtualizer({
		count: rows.length,
		getScrollElement: () => box.current,
		estimateSize: () => size,
		getItemKey: (i) => rows[i]!.key,
		overscan: OVERSCAN,
		initialRect: { width: 288, height: 600 },
	});
	useEffect(() => virtual.measure(), [virtual, size]);
	const items = virtual.getVirtualItems();
	const end = items.at(-1)?.index ?? 0;
	useEffect(() => {
		if (onEnd && end >= rows.length - AHEAD) void onEnd();
	}, [onEnd, end, rows.length]);
	return (
		<nav ref={box} aria-label={t("sidebar.conversations")} className="h-full overflow-y-auto px-3 pb-2">
			<ul className="relative" style={{ height: virtual.getTotalSize() }}>
				{items.map((item) => {
					const row = rows[item.index]!;
					return (
						<li key={item.key} data-row={row.kind} className="absolute inset-x-0 top-0" style={{ height: item.size, transform: `translateY(${item.start}px)` }}>
							{draw(row)}
						</li>
					);
				})}
			</ul>
			{note}
		</nav>
	);
}

function Nothing({ search, place }: { search: string; place: "home" | "archived" | "folder" }) {
	const { t } = useTranslation();
	if (search) return <Empty icon={<SearchX size={26} />} title={t("sidebar.nothing_found")} hint={t("sidebar.nothing_found_hint")} />;
	if (place === "archived") return <Empty icon={<Archive size={26} />} title={t("order.no_archived")} hint={t("order.no_archived_hint")} />;
	if (place === "folder") return <Empty icon={<FolderOpen size={26} />} title={t("order.empty_folder")} hint={t("order.empty_folder_hint")} />;
	return <Empty icon={<MessagesSquare size={26} />} title={t("sidebar.empty")} hint={t("sidebar.empty_hint")} />;
}

function ListSkeleton() {
	const { t } = useTranslation();
	return (
		<div role="status" aria-label={t("common.loading")} className="flex flex-col gap-2 px-5 py-2">
			{[0, 1, 2, 3, 4].map((i) => (
				<Skeleton key={i} className="h-6" />
			))}
		</div>
	);
}
