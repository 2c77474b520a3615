/* The panel stands beside the app, in a root of its own: it stays open whatever is drawn anew in the messages. */
import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { queryClient } from "@/queries/client";
import { ArtifactPanel } from "./ArtifactPanel";

let mounted = false;

export function mountPanel() {
	if (mounted) return;
	mounted = true;
	const place = document.createElement("div");
	document.body.append(place);
	createRoot(place).render(
		<QueryClientProvider client={queryClient}>
			<ArtifactPanel />
		</QueryClientProvider>,
	);
}
