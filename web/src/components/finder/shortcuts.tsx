/*
 * The keys of the whole page, and what they open. Loaded with the first key that is pressed, or the first time the
 * finder is wanted: the page's first load has nothing of it.
 */
import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { create } from "zustand";
import { onSignOut, useSession } from "@/api/session";
import { withTexts } from "@/i18n/texts";
import { queryClient } from "@/queries/client";
import { useConversation } from "@/stores/conversation";
import { turnsOf, useRuntime } from "@/stores/runtime";
import { stopTurns } from "@/stream/turns";

/** Everything; the models; which keys there are. */
export type View = "all" | "models" | "keys";

export const useFinder = create<{ view: View | null }>(() => ({ view: null }));

export const close = () => useFinder.setState({ view: null });

let drawn: Promise<void> | null = null;

export async function open(view: View) {
	drawn ??= withTexts(["finder", "settings"], import("./Finder")).then(({ Finder }) => {
		createRoot(document.body.appendChild(document.createElement("div"))).render(
			<QueryClientProvider client={queryClient}>
				<Finder />
			</QueryClientProvider>,
		);
		onSignOut(close);
	});
	await drawn;
	useFinder.setState({ view });
}

const COMPOSER = "composer";
const composer = () => document.getElementById(COMPOSER) as HTMLTextAreaElement | null;

function isWriting(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** Opens the last question of the conversation to be asked in other words; not while an answer is being written. */
function editLast() {
	[...document.querySelectorAll<HTMLButtonElement>("button[data-edit]")].at(-1)?.click();
}

function newConversation() {
	history.pushState(null, "", "/");
	composer()?.focus();
}

/** What a key does, if it does something. */
export function actOf(e: KeyboardEvent): (() => void) | null {
	const isOpen = document.querySelector("dialog[open]") !== null;
	const isFinder = useFinder.getState().view !== null;
	if (e.isComposing || (isOpen && !isFinder)) return null;
	const mod = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey;
	if (mod && e.key.toLowerCase() === "k") return isFinder ? close : () => void open("all");
	if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key === "/") return () => void open("keys");
	// By its place: with Alt, a Mac's keys write other letters.
	const alt = e.altKey && !e.ctrlKey && !e.metaKey && !e.shiftKey;
	if (alt && e.code === "KeyM") return () => void open("models");
	if (isFinder) return null;
	if (alt && e.code === "KeyN") return newConversation;
	if (e.ctrlKey || e.metaKey || e.altKey) return null;
	if (e.key === "ArrowUp" && !e.shiftKey && e.target === composer() && composer()!.value === "") return editLast;
	if (isWriting(e.target)) return null;
	if (e.key === "?") return () => void open("keys");
	if (e.key === "/" && composer()) return () => composer()!.focus();
	const { activeId } = useConversation.getState();
	if (e.key === "Escape" && turnsOf(useRuntime.getState().turns, activeId).some((turn) => turn.phase !== "lost")) return () => stopTurns(activeId!);
	return null;
}

const heard = new WeakSet<KeyboardEvent>();

function onKey(e: KeyboardEvent) {
	if (heard.has(e)) return;
	heard.add(e);
	// Somebody else's key; but Ctrl+K is always prevented, by who loads this file.
	if ((e.defaultPrevented && e.key.toLowerCase() !== "k") || useSession.getState().status !== "in") return;
	const act = actOf(e);
	if (!act) return;
	e.preventDefault();
	act();
}

let hasBegun = false;

/**
 * A key that whoever loads this file has heard. With the first of them keys begin to be heard here; one that was pressed
 * meanwhile is not lost, and none is heard twice.
 */
export function begin(e: KeyboardEvent) {
	if (!hasBegun) document.addEventListener("keydown", onKey);
	hasBegun = true;
	if (!heard.has(e)) actEarly(e);
}

/** The browser has had it already; what it does to the page was prevented by who heard it. */
function actEarly(e: KeyboardEvent) {
	heard.add(e);
	if (useSession.getState().status === "in") actOf(e)?.();
}
