import { Keys } from "./Keys";
import { Palette } from "./Palette";
import { close, useFinder } from "./shortcuts";

export function Finder() {
	const view = useFinder((s) => s.view);
	if (view === null) return null;
	return view === "keys" ? <Keys onClose={close} /> : <Palette key={view} view={view} onClose={close} />;
}
