/* The parts that everything is made of. */
import type { Meta, StoryObj } from "@storybook/react-vite";
import { Check, Copy, Plus, Trash } from "lucide-react";
import { useRef, useState } from "react";
import { expect, fn, screen, userEvent, waitFor, within } from "storybook/test";
import { ApiError } from "@/api/errors";
import { Button, IconButton } from "@/components/ui/Button";
import { Choice } from "@/components/ui/Choice";
import { CsvButton } from "@/components/ui/CsvButton";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { Input, Segments, Select, Switch, TextArea } from "@/components/ui/Field";
import { Logo } from "@/components/ui/Logo";
import { MenuItem, Popover } from "@/components/ui/Menu";
import { RowMenu } from "@/components/ui/RowMenu";
import { Spinner } from "@/components/ui/Spinner";
import { Empty, Failed, Skeleton } from "@/components/ui/State";
import { Toaster } from "@/components/ui/Toaster";
import { toast } from "@/stores/notices";

const meta: Meta = { title: "Parts" };
export default meta;
type Story = StoryObj;

const pressed = fn();

export const Buttons: Story = {
	render: () => (
		<div className="flex flex-wrap items-center gap-3">
			<Button look="solid" icon={<Plus size={16} />} onClick={pressed}>
				Solid
			</Button>
			<Button>Soft</Button>
			<Button look="ghost">Ghost</Button>
			<Button look="danger">Danger</Button>
			<Button small>Small</Button>
			<Button medium>Medium</Button>
			<Button busy>Busy</Button>
			<Button disabled>Disabled</Button>
			<IconButton label="Copy">
				<Copy size={17} aria-hidden />
			</IconButton>
			<IconButton label="Chosen" active>
				<Check size={17} aria-hidden />
			</IconButton>
			<IconButton label="Add" solid>
				<Plus size={17} aria-hidden />
			</IconButton>
		</div>
	),
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		pressed.mockClear();
		await userEvent.click(canvas.getByRole("button", { name: "Solid" }));
		await expect(pressed).toHaveBeenCalledTimes(1);
		await expect(canvas.getByRole("button", { name: "Busy" })).toBeDisabled();
	},
};

export const Fields: Story = {
	render: function Render() {
		const [on, setOn] = useState(true);
		const [span, setSpan] = useState<"7" | "30">("7");
		return (
			<div className="flex max-w-sm flex-col gap-4">
				<Input label="Name" defaultValue="Ada" hint="Shown to others" />
				<Input label="E-mail" type="email" defaultValue="ada" error="This is no address." />
				<Input label="Password" type="password" autoComplete="new-password" />
				<TextArea label="Description" rows={3} defaultValue="Knows rivers." />
				<Select label="Model" defaultValue="demo">
					<option>demo</option>
					<option>demo-fast</option>
				</Select>
				<Switch label="Show costs" on={on} onChange={setOn} />
				<Segments label="Span" value={span} onChange={setSpan} options={[{ value: "7", label: "7 days" }, { value: "30", label: "30 days" }]} />
			</div>
		);
	},
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		const field = canvas.getByLabelText("E-mail");
		await expect(field).toHaveAttribute("aria-invalid", "true");
		const toggle = canvas.getByRole("switch", { name: "Show costs" });
		await userEvent.click(toggle);
		await expect(toggle).not.toBeChecked();
		await userEvent.click(canvas.getByRole("radio", { name: "30 days" }));
		await expect(canvas.getByRole("radio", { name: "30 days" })).toBeChecked();
	},
};

export const Choices: Story = {
	render: function Render() {
		const [value, setValue] = useState("");
		return (
			<div className="flex gap-3">
				<Choice label="Status" all="Any status" value={value} onChange={setValue} options={[{ value: "active", label: "Active" }, { value: "disabled", label: "Disabled" }]} />
				<CsvButton label="Download CSV" name="rows.csv" fetch={async () => new Blob(["a,b\r\n"])} />
			</div>
		);
	},
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await userEvent.selectOptions(canvas.getByRole("combobox", { name: "Status" }), "disabled");
		await expect(canvas.getByRole("combobox", { name: "Status" })).toHaveValue("disabled");
	},
};

export const ADialog: Story = {
	name: "Dialog",
	render: () => (
		<Dialog title="Add a folder" onClose={pressed}>
			<div className="flex flex-col gap-4">
				<Input label="Name" />
				<div className="flex justify-end gap-2">
					<Button>Cancel</Button>
					<Button look="solid">Save</Button>
				</div>
			</div>
		</Dialog>
	),
	play: async () => {
		await expect(within(screen.getByRole("dialog", { name: "Add a folder" })).getByLabelText("Name")).toBeInTheDocument();
	},
};

export const Asking: Story = {
	name: "Confirm",
	render: () => <Confirm title="Delete the conversation?" text="It cannot be had back." action="Delete" onConfirm={pressed} onClose={() => undefined} />,
	play: async () => {
		pressed.mockClear();
		await userEvent.click(screen.getByRole("button", { name: "Delete" }));
		await expect(pressed).toHaveBeenCalledTimes(1);
	},
};

export const AMenu: Story = {
	name: "Menu",
	render: function Render() {
		const [open, setOpen] = useState(true);
		const [anchor, setAnchor] = useState<HTMLButtonElement | null>(null);
		const list = useRef(null);
		return (
			<div ref={list} className="flex h-48 items-start gap-4">
				<Button onClick={() => setOpen(true)} icon={<span ref={(el) => setAnchor(el?.closest("button") ?? null)} />} aria-haspopup="menu" aria-expanded={open}>
					Actions
				</Button>
				{open && anchor && (
					<Popover anchor={anchor} label="Actions" onClose={() => setOpen(false)}>
						<MenuItem icon={<Copy size={15} />} onSelect={pressed}>
							Copy
						</MenuItem>
						<MenuItem disabled icon={<Check size={15} />} onSelect={pressed}>
							Approve
						</MenuItem>
						<MenuItem danger icon={<Trash size={15} />} onSelect={pressed}>
							Delete
						</MenuItem>
					</Popover>
				)}
			</div>
		);
	},
	play: async () => {
		pressed.mockClear();
		await userEvent.click(await screen.findByRole("menuitem", { name: "Copy" }));
		await expect(pressed).toHaveBeenCalledTimes(1);
	},
};

export const RowMenus: Story = {
	render: () => <RowMenu label="Actions for Rivers" actions={[{ label: "Rename", icon: <Copy size={15} />, run: pressed }, { label: "Delete", icon: <Trash size={15} />, danger: true, run: pressed }]} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await userEvent.click(canvas.getByRole("button", { name: "Actions for Rivers" }));
		await expect(await screen.findByRole("menuitem", { name: "Delete" })).toBeVisible();
	},
};

export const States: Story = {
	render: () => (
		<div className="flex max-w-lg flex-col gap-4">
			<Skeleton className="h-16" />
			<Empty title="No documents yet" hint="Bring a file, or paste a text.">
				<Button look="solid">Add</Button>
			</Empty>
			<Failed error={new ApiError(500, { code: "internal", message: "Something is broken." }, new Headers())} onRetry={pressed} />
			<div className="flex items-center gap-4 text-accent">
				<Spinner />
				<Logo size={44} />
			</div>
		</div>
	),
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		pressed.mockClear();
		await userEvent.click(within(canvas.getByRole("alert")).getByRole("button"));
		await expect(pressed).toHaveBeenCalledTimes(1);
	},
};

export const Toasts: Story = {
	render: () => <Toaster />,
	play: async () => {
		toast("ok", "Saved", { lasts: 0 });
		toast("warn", "Connection lost, reconnecting…", { lasts: 0 });
		toast("danger", "It was not sent", { detail: "The server is busy.", action: { label: "Try again", run: pressed }, lasts: 0 });
		await waitFor(() => expect(screen.getByText("The server is busy.")).toBeVisible());
		await expect(screen.getByRole("button", { name: "Try again" })).toBeVisible();
	},
};
