import { useEffect, useRef, useState } from "react";
import { copyText } from "@/lib/clipboard";

/** [copied a moment ago, copy]. */
export function useCopy(): [boolean, (text: string) => void] {
	const [copied, setCopied] = useState(false);
	const timer = useRef<ReturnType<typeof setTimeout>>();
	useEffect(() => () => clearTimeout(timer.current), []);
	return [
		copied,
		(text) => {
			void copyText(text).then((ok) => {
				setCopied(ok);
				clearTimeout(timer.current);
				timer.current = setTimeout(() => setCopied(false), 1600);
			});
		},
	];
}
