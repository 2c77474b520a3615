import { useCallback, useEffect, useRef, useState } from "react";
import { type Added, knowledge } from "@/api/knowledge";
import { isAbort } from "@/api/errors";
import { explain } from "@/lib/explain";
import { newId } from "@/lib/ids";

export interface Sending {
	id: string;
	name: string;
	size: number;
	state: "waiting" | "sending" | "refused";
	/** Why it was refused. */
	problem?: string;
}

interface Item extends Sending {
	send: (signal: AbortSignal) => Promise<Added>;
	over: AbortController;
}

const AT_ONCE = 2;

/** Files on their way to a base, a few at a time. What has arrived leaves the queue: the server tells the rest. */
export function useQueue(base: string, onArrived: (added: Added) => void) {
	const items = useRef<Item[]>([]);
	const [shown, setShown] = useState<Sending[]>([]);
	const arrived = useRef(onArrived);
	arrived.current = onArrived;

	const show = useCallback(() => setShown(items.current.map(({ id, name, size, state, problem }) => ({ id, name, size, state, problem }))), []);
	const next = useCallback(() => {
		for (const item of items.current) {
			if (items.current.filter((x) => x.state === "sending").length >= AT_ONCE) break;
			if (item.state !== "waiting") continue;
			item.state = "sending";
			item.send(item.over.signal).then(
				(added) => {
					items.current = items.current.filter((x) => x !== item);
					arrived.current(added);
					next();
				},
				(error) => {
					if (!isAbort(error)) {
						const { text, detail } = explain(error);
						item.state = "refused";
						item.problem = detail ? `${text} ${detail}` : text;
					}
					next();
				},
			);
		}
		show();
	}, [show]);

	const push = useCallback(
		(name: string, size: number, send: (signal: AbortSignal) => Promise<Added>) => {
			items.current = [...items.current, { id: newId(), name, size, state: "waiting", send, over: new AbortController() }];
			next();
		},
		[next],
	);
	const add = useCallback((files: File[]) => files.forEach((file) => push(file.name, file.size, (signal) => knowledge.add(base, file, signal))), [base, push]);
	const again = useCallback(
		(id: string) => {
			const item = items.current.find((x) => x.id === id);
			if (item) Object.assign(item, { state: "waiting", problem: undefined });
			next();
		},
		[next],
	);
	const drop = useCallback(
		(id: string) => {
			const item = items.current.find((x) => x.id === id);
			item?.over.abort();
			items.current = items.current.filter((x) => x !== item);
			next();
		},
		[next],
	);
	// Another base is another queue; what was under way is given up.
	useEffect(
		() => () => {
			for (const item of items.current) item.over.abort();
			items.current = [];
		},
		[base],
	);
	return { sending: shown, add, push, again, drop };
}
