/** For the tab that is chosen: on a phone all of them may be wider than the screen. */
export function bringIntoView(tab: HTMLElement | null) {
	tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
