import { type RefObject, useEffect, useRef } from "react";

/** Calls `leave` on a press outside all of `refs`, while `on`. */
export function useClickOutside(refs: RefObject<HTMLElement | null>[], leave: () => void, on = true) {
	const latest = useRef({ refs, leave });
	latest.current = { refs, leave };
	useEffect(() => {
		if (!on) return;
		const press = (event: PointerEvent) => {
			const target = event.target as Node;
			if (latest.current.refs.every((ref) => !ref.current?.contains(target))) latest.current.leave();
		};
		document.addEventListener("pointerdown", press, true);
		return () => document.removeEventListener("pointerdown", press, true);
	}, [on]);
}
