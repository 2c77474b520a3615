/* Answers: Markdown, code, sources. */
import type { Meta, StoryObj } from "@storybook/react-vite";
import { expect, screen, userEvent, waitFor, within } from "storybook/test";
import Cited from "@/components/knowledge/Cited";
import { type ShownState, StateTag } from "@/components/knowledge/StateTag";
import { CodeBlock } from "@/components/markdown/CodeBlock";
import { Markdown } from "@/components/markdown/Markdown";
import { citation, message } from "./samples";

const meta: Meta = { title: "Texts" };
export default meta;
type Story = StoryObj;

const TEXT = `## What a weir does

It raises the water **above** it. It is *not* a dam, and ~~never~~ seldom dry.

- It slows the current
- It keeps a depth of \`1.8 m\`

> A river is never the same twice.

| Kind | Height | Built |
|:--|--:|:-:|
| Needle | 2.10 m | 1834 |
| Drum | 3.45 m | 1911 |

The discharge is $Q = \\tfrac23 \\mu b \\sqrt{2g}\\,h^{3/2}$.

堰抬高了上游的水位，**“堰”**不是坝。
`;
const CODE = `def flow(width, head):
    # Poleni, in cubic metres a second
    return 2 / 3 * 0.62 * width * (2 * 9.81) ** 0.5 * head ** 1.5
`;

export const AllOfMarkdown: Story = {
	name: "Markdown",
	render: () => (
		<div className="prose">
			<Markdown text={TEXT} />
		</div>
	),
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await expect(canvas.getByRole("heading", { name: "What a weir does" })).toBeInTheDocument();
		await waitFor(() => expect(canvasElement.querySelector("math")).not.toBeNull());
	},
};

export const Code: Story = {
	render: () => <CodeBlock code={CODE} language="python" />,
	play: async ({ canvasElement }) => {
		await waitFor(() => expect(canvasElement.querySelector(".hljs-keyword")).not.toBeNull());
	},
};

const QUOTE = "A needle dam is closed by hand, needle by needle, against the stream.";
export const Sources: Story = {
	render: () => <Cited message={message({ content: "It is closed by hand [1], and opened by the water [2].", citations: [citation(1, "Notes on weirs", QUOTE), citation(2, "A history of river works in the Ardennes", "The water opens it.")] })} />,
	play: async ({ canvasElement }) => {
		const chip = () => canvasElement.querySelector<HTMLElement>('[data-cite="1"]');
		await waitFor(() => expect(chip()).not.toBeNull());
		await userEvent.click(chip()!);
		await waitFor(() => expect(screen.getByText(new RegExp(QUOTE))).toBeInTheDocument());
	},
};

const STATES: ShownState[] = ["pending", "parsing", "chunking", "embedding", "working", "ready", "failed", "partial", "empty"];
export const States: Story = {
	name: "States of documents",
	render: () => (
		<div className="flex flex-wrap gap-2">
			{STATES.map((state) => (
				<StateTag key={state} state={state} />
			))}
		</div>
	),
};
