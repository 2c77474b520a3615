import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The responders behind the development server: WEIR_URL, as `./dev up` prints it.
const backend = process.env.WEIR_URL ?? "http://127.0.0.1:8080";

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

// The icons of what the chat page loads at once are one file: alone, each is 300 bytes, half of them about the file.
const SRC = fileURLToPath(new URL("./src", import.meta.url));
const firstIcons = new Set<string>();

function gatherIcons(file: string, seen: Set<string>) {
	const path = ["", ".tsx", ".ts", "/index.ts"].map((end) => file + end).find((p) => /\.tsx?$/.test(p) && existsSync(p));
	if (!path || seen.has(path)) return;
	seen.add(path);
	for (const [, what, from] of readFileSync(path, "utf8").matchAll(/^import (?!type )([^"]*?) from "([^"]+)";$/gm)) {
		if (from === "lucide-react") for (const name of what!.replace(/[{}]/g, "").split(",")) firstIcons.add(name.trim().split(" ")[0]!.toLowerCase());
		else if (/^[@.]/.test(from!)) gatherIcons(from!.startsWith("@/") ? resolve(SRC, from!.slice(2)) : resolve(dirname(path), from!), seen);
	}
}
for (const root of ["main.tsx", "pages/ChatPage.tsx"]) gatherIcons(resolve(SRC, root), new Set());

function isFirstIcon(id: string): boolean {
	const icon = /node_modules\/lucide-react\/dist\/esm\/icons\/([\w-]+)\.m?js$/.exec(id)?.[1];
	return icon !== undefined && firstIcons.has(icon.replaceAll("-", ""));
}

// The names of SVG's attributes are 10 KB of a table that nothing asks: the sanitizer lets no SVG through.
function withoutSvgNames(): Plugin {
	return {
		name: "without-svg-names",
		enforce: "pre",
		load: (id) =>
			id.endsWith("/property-information/lib/svg.js")
				? 'import { create } from "./util/create.js";\nexport const svg = create({ properties: {}, space: "svg", transform: (_, name) => name });'
				: null,
	};
}

export default defineConfig({
	plugins: [theme(), withoutSvgNames(), react(), tailwindcss()],
	// Every browser that reads es2022 and popovers has structuredClone().
	resolve: { alias: { "@": SRC, "@ungap/structured-clone": resolve(SRC, "lib/clone.ts") } },
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
					return isFirstIcon(id) ? "icons" : undefined;
				},
			},
		},
	},
	test: {
		environment: "jsdom",
		include: ["test/**/*.test.{ts,tsx}"],
		setupFiles: ["test/setup.ts"],
		restoreMocks: true,
		testTimeout: 60_000,
	},
});
