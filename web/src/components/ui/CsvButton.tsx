import { FileDown } from "lucide-react";
import { useState } from "react";
import { saveFile } from "@/lib/download";
import { explain } from "@/lib/explain";
import { toast } from "@/stores/notices";
import { Button } from "./Button";

/** Fetches a table and saves it. */
export function CsvButton({ label, hint, name, fetch }: { label: string; hint?: string; name: string; fetch: () => Promise<Blob> }) {
	const [busy, setBusy] = useState(false);
	const download = async () => {
		setBusy(true);
		try {
			saveFile(await fetch(), name);
		} catch (e) {
			const { text, detail } = explain(e);
			toast("danger", text, { detail });
		}
		setBusy(false);
	};
	return (
		<Button medium busy={busy} title={hint} icon={<FileDown size={15} aria-hidden />} onClick={() => void download()}>
			{label}
		</Button>
	);
}
