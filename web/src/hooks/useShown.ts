import { startTransition, useCallback, useEffect, useState } from "react";

/** What fills a screen: drawn at once. */
const FIRST = 12;
/** The rest of a page follows by so many at a time, so that nothing is held up for long. */
const STEP = 6;
const STEP_MS = 30;
/** As many as the server tells at once. */
const PAGE = 50;

/**
 * How many of the newest of `length` messages are drawn. A conversation that was read far back is opened as quickly as
 * any other: it begins with its newest page again, or with `least`, where one is looked for; `settled` when that is drawn. `more` shows another page, and answers whether all of it is here.
 */
export function useShown(key: string | null, length: number, least = 0): { shown: number; settled: boolean; more: () => boolean } {
	const [now, setNow] = useState({ key, shown: FIRST });
	if (now.key !== key) setNow({ key, shown: FIRST });
	const shown = Math.max(least, now.key === key ? now.shown : FIRST);
	const settled = shown >= PAGE || shown >= length;
	useEffect(() => {
		if (settled) return;
		const timer = setTimeout(() => setNow({ key, shown: Math.min(PAGE, shown + STEP) }), STEP_MS);
		return () => clearTimeout(timer);
	}, [key, shown, settled]);
	const more = useCallback(() => {
		startTransition(() => setNow({ key, shown: Math.max(shown, PAGE) + PAGE }));
		return length >= Math.max(shown, PAGE) + PAGE;
	}, [key, length, shown]);
	return { shown, settled, more };
}
