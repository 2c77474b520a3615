// Runs before the first paint, so that a dark page never flashes white.
(function () {
	var theme = "system";
	try {
		theme = JSON.parse(localStorage.getItem("weir.settings") || "{}").theme || theme;
	} catch (e) {
		// private mode, or a broken entry: the system's theme will do
	}
	var dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
	document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
