import { useEffect, useState } from "react";
import { uploads } from "@/api/weir";

/**
 * Uploads are private: they are read with the token, which <img> cannot send,
 * and shown from memory. Other addresses are used as they are.
 */
export function useMediaUrl(url: string): { src: string | null; failed: boolean } {
	const own = isOwnUpload(url);
	const [state, setState] = useState<{ src: string | null; failed: boolean }>({ src: own ? null : url, failed: false });
	useEffect(() => {
		if (!own) {
			setState({ src: url, failed: false });
			return;
		}
		let made: string | null = null;
		let current = true;
		uploads.read(url).then(
			(blob) => {
				if (!current) return;
				made = URL.createObjectURL(blob);
				setState({ src: made, failed: false });
			},
			() => current && setState({ src: null, failed: true }),
		);
		return () => {
			current = false;
			if (made) URL.revokeObjectURL(made);
		};
	}, [url, own]);
	return state;
}

export function isOwnUpload(url: string): boolean {
	try {
		const at = new URL(url, location.href);
		return at.origin === location.origin && at.pathname.startsWith("/api/uploads/");
	} catch {
		return false;
	}
}
