import { startTransition, useCallback, useEffect, useState } from "react";

/** What fills a screen: drawn at once. The rest of a page follows without holding up anything. */
const FIRST = 12;
/** As many as the server tells at once. */
const PAGE = 50;

/**
 * How many of the newest of `length` messages are drawn. A conversation that was read far back is opened as quickly as
 * any other: it begins with its newest page again. `more` shows another page, and answers whether all of it is here.
 */
export function useShown(key: string | null, length: number): { shown: number; more: () => boolean } {
	const [now, setNow] = useState({ key, shown: FIRST });
	const shown = now.key === key ? now.shown : FIRST;
	const hasSome = length > 0;
	useEffect(() => {
		if (hasSome) startTransition(() => setNow((was) => (was.key === key && was.shown >= PAGE ? was : { key, shown: PAGE })));
	}, [key, hasSome]);
	const more = useCallback(() => {
		startTransition(() => setNow((was) => ({ key, shown: was.shown + PAGE })));
		return length >= shown + PAGE;
	}, [key, length, shown]);
	return { shown, more };
}
