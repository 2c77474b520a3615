import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The responders behind the development server: WEIR_URL, as `./dev up` prints it.
const backend = process.env.WEIR_URL ?? "http://127.0.0.1:8080";

// Signs of the chat page that other pages show as well: by itself each would be a file, which weighs more than the sign.
const SIGNS = /lucide-react\/dist\/esm\/icons\/(book-open|bot|chevron-right|chevrons-up-down|download|ellipsis|eye|file-up|pencil|plus|refresh-cw|rotate-ccw|shield|trash|trash-2)\.mjs/;

// The script that must run before the first paint. Vite hashes modules only, and those run after it; this names it by
// its content as well, so that it is kept like everything else below assets/.
function theme(): Plugin {
	const file = fileURLToPath(new URL("./src/theme.js", import.meta.url));
	let serving = false;
	return {
		name: "theme",
		configResolved: (config) => {
			serving = config.command === "serve";
		},
		buildStart() {
			if (!serving) this.emitFile({ type: "asset", name: "theme.js", source: readFileSync(file) });
		},
		transformIndexHtml: {
			order: "post",
			handler: (_, { bundle }) => {
				const built = Object.values(bundle ?? {}).find((a) => a.type === "asset" && a.names.includes("theme.js"));
				if (!serving && !built) throw new Error("theme.js was not built");
				return [{ tag: "script", attrs: { src: built ? `/${built.fileName}` : "/src/theme.js" }, injectTo: "head-prepend" }];
			},
		},
	};
}

export default defineConfig({
	plugins: [theme(), react(), tailwindcss()],
	resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
	// The Host stays that of the page, or its Origin would be a foreign one to the server.
	server: {
		proxy: Object.fromEntries(["/api", "/status"].map((path) => [path, { target: backend, changeOrigin: false }])),
	},
	build: {
		target: "es2022",
		// The site's policy forbids data: scripts and fonts; small files stay files.
		assetsInlineLimit: 0,
		manifest: true,
		modulePreload: { polyfill: false },
		rollupOptions: {
			output: {
				manualChunks: (id) => {
					if (/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
					return SIGNS.test(id) ? "signs" : undefined;
				},
			},
		},
	},
	test: {
		environment: "jsdom",
		include: ["test/**/*.test.{ts,tsx}"],
		setupFiles: ["test/setup.ts"],
		restoreMocks: true,
	},
});
