/* What every story stands in: the app's styles, its texts in both languages, both themes, and a server that knows nothing. */
import { QueryClientProvider } from "@tanstack/react-query";
import type { Preview } from "@storybook/react-vite";
import { changeLanguage, startI18n } from "@/i18n";
import type { Language } from "@/i18n/language";
import { withTexts } from "@/i18n/texts";
import { queryClient } from "@/queries/client";
import { useConversation } from "@/stores/conversation";
import { useToasts } from "@/stores/notices";
import "../src/styles.css";

let texts: Promise<unknown> | null = null;
const ALL = ["admin", "assistants", "auth", "channels", "files", "jobs", "knowledge", "making", "order", "overview", "prices", "rich", "security", "settings", "sharing", "table", "trust", "usage"] as const;

const preview: Preview = {
	parameters: {
		layout: "padded",
		controls: { disable: true },
		/** What a story's server answers: by path, without the query. */
		answers: {},
	},
	initialGlobals: { theme: "light", language: "en" },
	globalTypes: {
		theme: { description: "Theme", toolbar: { icon: "contrast", dynamicTitle: true, items: [{ value: "light", title: "Light" }, { value: "dark", title: "Dark" }] } },
		language: { description: "Language", toolbar: { icon: "globe", dynamicTitle: true, items: [{ value: "en", title: "English" }, { value: "zh", title: "中文" }] } },
	},
	beforeEach: ({ parameters, globals }) => {
		document.documentElement.dataset.theme = String(globals.theme);
		queryClient.clear();
		useConversation.getState().clear();
		useToasts.setState({ items: [] });
		const answers = parameters.answers as Record<string, unknown>;
		const ask = globalThis.fetch;
		globalThis.fetch = async (input, init) => {
			const { pathname } = new URL(String(input instanceof Request ? input.url : input), location.href);
			if (!pathname.startsWith("/api/")) return ask(input, init);
			return pathname in answers ? Response.json(answers[pathname]) : Response.json({ code: "not_found", message: "Not in this story" }, { status: 404 });
		};
		return () => {
			globalThis.fetch = ask;
		};
	},
	loaders: [
		async ({ globals }) => {
			await (texts ??= startI18n().then(() => withTexts([...ALL], Promise.resolve())));
			await changeLanguage(globals.language as Language);
			return {};
		},
	],
	decorators: [
		(Story) => (
			<QueryClientProvider client={queryClient}>
				<div className="text-ink">
					<Story />
				</div>
			</QueryClientProvider>
		),
	],
};

export default preview;
