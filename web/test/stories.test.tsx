/* Every story is drawn, in both languages; what it does is done; and axe finds nothing. */
import { composeStories, setProjectAnnotations } from "@storybook/react-vite";
import axe from "axe-core";
import { configure } from "storybook/test";
import { beforeAll, describe, expect, it } from "vitest";
import preview from "../.storybook/preview";

type Module = Parameters<typeof composeStories>[0];
const files = import.meta.glob<Module>("../stories/*.stories.tsx", { eager: true });
const storiesOf = (module: Module, language = "en") =>
	Object.entries(composeStories(module, { initialGlobals: { theme: "light", language } }) as Record<string, { run: () => Promise<void> }>);

setProjectAnnotations(preview);

beforeAll(() => {
	configure({ asyncUtilTimeout: 40_000 });
	HTMLCanvasElement.prototype.getContext = () => null;
	HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
		this.open = true;
	};
	HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
		this.open = false;
	};
	Element.prototype.scrollIntoView ??= () => undefined;
});

for (const [file, module] of Object.entries(files))
	describe(file.replace(/.*\/|\.stories\.tsx/g, ""), () => {
		for (const language of ["en", "zh"])
			for (const [name, Story] of storiesOf(module, language))
				it(`${name} (${language})`, async () => {
					await Story.run();
					expect(document.body.textContent).not.toMatch(/\b(chat|table|common|usage|knowledge|admin|settings)\.[a-z_]+\b/);
					// Colours and sizes are the browser's: the journeys look at those.
					const { violations } = await axe.run(document.body, { resultTypes: ["violations"], rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
					expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`)).toEqual([]);
				});
	});

it("there are stories", () => {
	expect(Object.values(files).flatMap((m) => storiesOf(m)).length).toBeGreaterThan(25);
});
