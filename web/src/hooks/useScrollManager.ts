import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** Closer to the end than this counts as being there. */
const NEAR_PX = 48;

export interface ScrollManager {
	box: RefObject<HTMLDivElement>;
	content: RefObject<HTMLDivElement>;
	/** The reader went up: new text does not pull the page down. */
	away: boolean;
	toBottom: (smooth?: boolean) => void;
}

/** Keeps the newest text in view until the reader scrolls up; `key` names what is shown. */
export function useScrollManager(key: string | null): ScrollManager {
	const box = useRef<HTMLDivElement>(null);
	const content = useRef<HTMLDivElement>(null);
	const stuck = useRef(true);
	const lastTop = useRef(0);
	const [away, setAway] = useState(false);

	const toBottom = useCallback((smooth = false) => {
		stuck.current = true;
		setAway(false);
		const el = box.current;
		el?.scrollTo({ top: el.scrollHeight, behavior: smooth ? "smooth" : "instant" });
	}, []);

	useLayoutEffect(() => toBottom(), [key, toBottom]);
	useEffect(() => {
		const el = box.current;
		if (!el) return;
		const onScroll = () => {
			const rest = el.scrollHeight - el.scrollTop - el.clientHeight;
			if (rest < NEAR_PX) stuck.current = true;
			else if (el.scrollTop < lastTop.current - 1) stuck.current = false;
			lastTop.current = el.scrollTop;
			setAway(!stuck.current && rest >= NEAR_PX);
		};
		const follow = () => {
			if (stuck.current) el.scrollTop = el.scrollHeight;
		};
		const grown = new ResizeObserver(follow);
		el.addEventListener("scroll", onScroll, { passive: true });
		grown.observe(el);
		if (content.current) grown.observe(content.current);
		return () => {
			el.removeEventListener("scroll", onScroll);
			grown.disconnect();
		};
	}, []);
	return { box, content, away, toBottom };
}
