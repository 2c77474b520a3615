/* What a conversation is made of. */
import type { Meta, StoryObj } from "@storybook/react-vite";
import { useState } from "react";
import { expect, fn, screen, userEvent, waitFor, within } from "storybook/test";
import { Face } from "@/components/assistants/Face";
import { FileChip } from "@/components/attached/FileChip";
import AttachmentStrip from "@/components/chat/AttachmentStrip";
import ConflictAlert from "@/components/chat/ConflictAlert";
import { EmptyState } from "@/components/chat/EmptyState";
import { InputArea } from "@/components/chat/InputArea";
import { ProgressBar } from "@/components/chat/Making";
import { type ItemProps, MessageItem } from "@/components/chat/MessageItem";
import { NotificationItems } from "@/components/chat/NotificationItems";
import { ModelList } from "@/components/chat/ModelList";
import OverrideChips from "@/components/chat/OverrideChips";
import { Reasoning } from "@/components/chat/Reasoning";
import { Versions } from "@/components/chat/Versions";
import { FolderDialog } from "@/components/order/dialogs";
import { Button } from "@/components/ui/Button";
import { useNotifications } from "@/stores/notices";
import { fox, image, message, MODELS, paper } from "./samples";

const meta: Meta = { title: "Chat", parameters: { answers: { "/api/models": { items: MODELS }, "/api/assistants": { items: [fox], has_more: false }, "/api/folders": { items: [] } } } };
export default meta;
type Story = StoryObj;

const done = fn();
const item: Omit<ItemProps, "message"> = {
	turn: undefined,
	last: true,
	busy: false,
	onRegenerate: fn(),
	onDelete: fn(),
	onEdit: fn(),
	onShow: async () => undefined,
	onJudge: fn(),
	onGoOn: fn(),
};

export const Composer: Story = {
	render: () => <InputArea conversationId={null} models={MODELS} model={MODELS[0]} onSelect={fn()} onSend={done} onStop={fn()} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		done.mockClear();
		const area = canvas.getByRole("textbox");
		await userEvent.type(area, "What is a weir?");
		await userEvent.keyboard("{Enter}");
		await expect(done).toHaveBeenCalledWith("What is a weir?", []);
	},
};

export const Question: Story = { render: () => <MessageItem {...item} message={message({ id: "m1", role: "user", content: "What is a weir, and how much water flows over it?", model: null })} /> };

export const WithFiles: Story = { render: () => <MessageItem {...item} message={message({ id: "m1", role: "user", content: "What is on it?", model: null, attachments: [image, paper] })} /> };

export const Answer: Story = {
	render: () => <MessageItem {...item} message={message({ versions: ["m1", "m2"] })} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await expect(canvas.getByText("2/2")).toBeInTheDocument();
		await waitFor(() => expect(canvas.getByText("above")).toBeInTheDocument());
	},
};

export const AtWork: Story = {
	name: "Answer being written",
	render: () => {
		const answer = message({ content: "", status: "processing" });
		return <MessageItem {...item} busy message={answer} turn={{ key: "k", conversationId: "c1", kind: "send", phase: "streaming", taskId: "t1", assistantId: "m2", question: null, questionId: null, replaces: null, beside: null, answer, text: "A weir raises", reasoning: "", startedAt: 0 }} />;
	},
};

export const Refused: Story = {
	name: "Answer that failed",
	render: () => <MessageItem {...item} onRegenerate={done} message={message({ content: "", status: "llm_error", is_error: true, error_display: "The model does not answer." })} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		done.mockClear();
		await userEvent.click(canvas.getByRole("button", { name: /^(Try again|重试)$/ }));
		await expect(done).toHaveBeenCalledTimes(1);
	},
};

export const Thoughts: Story = { name: "Reasoning", render: () => <Reasoning text="The reader asks for a definition. I begin with what is seen." thinking={false} /> };

export const VersionSwitch: Story = {
	name: "Versions",
	render: function Render() {
		const [id, setId] = useState("m2");
		return <Versions message={message({ id, versions: ["m1", "m2", "m3"] })} busy={false} onShow={async (next) => setId(next)} />;
	},
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await userEvent.click(canvas.getAllByRole("button")[1]!);
		await waitFor(() => expect(canvas.getByText("3/3")).toBeInTheDocument());
	},
};

export const Models: Story = {
	render: function Render() {
		const [anchor, setAnchor] = useState<HTMLElement | null>(null);
		return (
			<div ref={setAnchor} className="w-fit">
				<Button>demo</Button>
				{anchor && <ModelList anchor={anchor} conversationId={null} models={MODELS} model={MODELS[0]} onSelect={done} onClose={() => undefined} />}
			</div>
		);
	},
	play: async () => {
		done.mockClear();
		await userEvent.click(await screen.findByRole("option", { name: /demo-fast/ }));
		await expect(done).toHaveBeenCalledWith("demo-fast");
	},
};

function Bell() {
	const [anchor, setAnchor] = useState<HTMLElement | null>(null);
	return (
		<div ref={setAnchor} className="mt-64 w-fit">
			<Button>Notifications</Button>
			{anchor && <NotificationItems anchor={anchor} onClose={done} />}
		</div>
	);
}

export const NoNotices: Story = { name: "No notifications", render: () => <Bell /> };

export const Notices: Story = {
	name: "Notifications",
	render: () => <Bell />,
	beforeEach: () => {
		useNotifications.getState().clear();
		useNotifications.getState().add({ taskId: "t1", conversationId: "c1", title: "All about weirs", failed: false, completedAt: Date.UTC(2026, 2, 18, 10, 24) });
		useNotifications.getState().add({ taskId: "t2", conversationId: "c2", title: "A letter to the water board", failed: true, completedAt: Date.UTC(2026, 2, 18, 10, 20) });
		return () => useNotifications.getState().clear();
	},
	play: async () => {
		done.mockClear();
		await userEvent.click(await screen.findByRole("menuitem", { name: /All about weirs/ }));
		await expect(done).toHaveBeenCalledTimes(1);
	},
};

export const Beginning: Story = { name: "Empty conversation", render: () => <EmptyState onPick={fn()} /> };

export const Conflict: Story = { render: () => <ConflictAlert conflict="image" model={MODELS[1]!} models={MODELS} onSelect={fn()} /> };

export const Attached: Story = {
	render: () => <AttachmentStrip attachments={[image]} pending={[]} onRemove={done} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		done.mockClear();
		await userEvent.click(canvas.getByRole("button"));
		await expect(done).toHaveBeenCalledWith(image.url);
	},
};

export const Files: Story = {
	render: () => (
		<div className="flex flex-wrap gap-2">
			<FileChip file={paper} state="12 pages" />
			<FileChip file={{ ...paper, name: "broken.docx" }} state="It could not be read." failed />
		</div>
	),
};

export const Progress: Story = { render: () => <ProgressBar progress={42} /> };

export const Overrides: Story = { render: () => <OverrideChips of={{ model: "demo-fast", temperature: 0.4, prompt: "Be brief." }} /> };

export const Faces: Story = {
	render: () => (
		<div className="flex gap-2">
			<Face assistant={fox} />
			<Face assistant={{ id: "a2", avatar: "", has_picture: false }} />
			<Face assistant={undefined} />
		</div>
	),
};

export const AFolder: Story = {
	name: "Folder dialog",
	render: () => <FolderDialog folder={null} onClose={() => undefined} />,
	play: async () => {
		await userEvent.type(screen.getByRole("textbox"), "Rivers");
		await expect(screen.getByRole("textbox")).toHaveValue("Rivers");
	},
};
