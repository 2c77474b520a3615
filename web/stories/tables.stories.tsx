/* Tables, sums and charts. */
import type { Meta, StoryObj } from "@storybook/react-vite";
import { Pencil } from "lucide-react";
import { expect, userEvent, waitFor, within } from "storybook/test";
import { IconButton } from "@/components/ui/Button";
import { type Column, Table, Tag } from "@/components/ui/Table";
import { Bars } from "@/components/usage/Bars";
import { StatusTag, SumsTable, Totals } from "@/components/usage/parts";
import { NOTHING } from "@/lib/usage";
import { Sparkline } from "@/pages/admin/Sparkline";
import { DAYS } from "./samples";

const meta: Meta = { title: "Tables and charts" };
export default meta;
type Story = StoryObj;

interface River {
	name: string;
	weirs: number;
	km: number;
	open: boolean;
}
const RIVERS: River[] = [
	{ name: "Ourthe", weirs: 14, km: 165, open: true },
	{ name: "Meuse", weirs: 37, km: 925.5, open: true },
	{ name: "Geul", weirs: 3, km: 58, open: false },
];
const COLUMNS: Column<River>[] = [
	{ name: "name", head: "River", value: (r) => r.name, cell: (r) => r.name },
	{ name: "weirs", head: "Weirs", number: true, value: (r) => r.weirs, cell: (r) => r.weirs },
	{ name: "km", head: "Length, km", number: true, value: (r) => r.km, cell: (r) => r.km.toFixed(1) },
	{ name: "open", head: "State", value: (r) => String(r.open), cell: (r) => <Tag tone={r.open ? "ok" : "off"}>{r.open ? "Open" : "Closed"}</Tag> },
	{ name: "do", head: "Actions", bare: true, end: true, cell: (r) => <IconButton label={`Edit ${r.name}`}><Pencil size={15} aria-hidden /></IconButton> },
];

export const ATable: Story = {
	name: "Table",
	render: () => <Table label="Rivers" rows={RIVERS} columns={COLUMNS} rowKey={(r) => r.name} find="Find a river" file="rivers.csv" />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		const first = () => within(canvas.getAllByRole("row")[1]!).getAllByRole("cell")[0];
		await userEvent.click(canvas.getByRole("button", { name: "Weirs" }));
		await waitFor(() => expect(first()).toHaveTextContent("Meuse"));
		await userEvent.type(canvas.getByRole("searchbox"), "geul");
		await waitFor(() => expect(first()).toHaveTextContent("Geul"));
		await userEvent.clear(canvas.getByRole("searchbox"));
	},
};

export const InPages: Story = {
	render: () => <Table label="Rivers" tight rows={RIVERS} columns={COLUMNS} rowKey={(r) => r.name} pageSize={2} order={{ by: "name", down: false }} />,
	play: async ({ canvasElement }) => {
		const canvas = within(canvasElement);
		await userEvent.click(canvas.getByRole("button", { name: /next|下一页/i }));
		await waitFor(() => expect(canvas.getAllByRole("row")).toHaveLength(2));
	},
};

export const Nothing: Story = { name: "Table without rows", render: () => <Table label="Rivers" rows={[]} columns={COLUMNS} rowKey={(r) => r.name} /> };

export const Chart: Story = { name: "Bars", render: () => <Bars days={DAYS} /> };

export const Sums: Story = {
	render: () => (
		<div className="@container flex flex-col gap-4">
			<Totals total={{ ...NOTHING, calls: 1234, request_tokens: 782_709, response_tokens: 271_494, cost: 1339.84 }} />
			<SumsTable label="Models" head="Model" shares items={DAYS.slice(1, 4).map((d, i) => ({ ...d, name: ["demo", "demo-fast", "demo-slow"][i]!, latency_ms: 900 * (i + 1) }))} />
			<div className="flex gap-2">
				<StatusTag status="completed" />
				<StatusTag status="failed" />
				<StatusTag status="cancelled" />
			</div>
		</div>
	),
};

export const Line: Story = { name: "Sparkline", render: () => <Sparkline label="Requests a second" values={[1, 4, 2, 8, 5, 7, 3, 9, 12, 6]} slots={20} /> };
