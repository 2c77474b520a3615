import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The responders behind the development server: WEIR_URL, as `./dev up` prints it.
const backend = process.env.WEIR_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
	plugins: [react(), tailwindcss()],
	resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
	server: { proxy: { "/api": backend, "/status": backend } },
	build: {
		target: "es2022",
		// The site's policy forbids data: scripts and fonts; small files stay files.
		assetsInlineLimit: 0,
		manifest: true,
		modulePreload: { polyfill: false },
		rollupOptions: {
			output: {
				manualChunks: (id) =>
					/node_modules\/(react|react-dom|scheduler)\//.test(id)
						? "react"
						: undefined,
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
