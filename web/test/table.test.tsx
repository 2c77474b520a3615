import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Column, Table } from "@/components/ui/Table";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { csvOf } from "@/lib/csv";

interface Fruit {
	name: string;
	price: number | null;
}

const FRUIT: Fruit[] = [
	{ name: "pear", price: 3 },
	{ name: "apple", price: null },
	{ name: "plum", price: 10 },
];
const COLUMNS: Column<Fruit>[] = [
	{ name: "name", head: "Name", value: (f) => f.name, cell: (f) => f.name },
	{ name: "price", head: "Price", number: true, value: (f) => f.price, cell: (f) => f.price ?? "–" },
	{ name: "do", head: "Actions", bare: true, cell: () => <button type="button">do</button> },
];

beforeAll(async () => {
	await startI18n();
	await withTexts(["table"], Promise.resolve());
});
afterEach(cleanup);

const names = () => screen.getAllByRole("row").slice(1).map((row) => within(row).getAllByRole("cell")[0]?.textContent);
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const head = (name: string) => screen.getByRole("columnheader", { name });
const table = (more: Partial<Parameters<typeof Table<Fruit>>[0]> = {}) => render(<Table label="Fruit" rows={FRUIT} columns={COLUMNS} rowKey={(f) => f.name} {...more} />);

describe("a table", () => {
	it("is sorted by its heads, says so, and what is not known comes last either way", () => {
		table();
		expect(names()).toEqual(["pear", "apple", "plum"]);
		press("Price");
		expect(names()).toEqual(["plum", "pear", "apple"]);
		expect(head("Price").getAttribute("aria-sort")).toBe("descending");
		press("Price");
		expect(names()).toEqual(["pear", "plum", "apple"]);
		expect(head("Price").getAttribute("aria-sort")).toBe("ascending");
		press("Name");
		expect(names()).toEqual(["apple", "pear", "plum"]);
		expect(head("Price").getAttribute("aria-sort")).toBeNull();
		expect(within(head("Actions")).queryByRole("button")).toBeNull();
		expect(screen.getByRole("table", { name: "Fruit" })).toBeTruthy();
	});

	it("has numbers at the end", () => {
		table();
		expect(screen.getByRole("cell", { name: "10" }).className).toContain("text-end");
		expect(head("Price").className).toContain("text-end");
	});

	it("finds, and goes page by page over what it found", () => {
		table({ find: "Find fruit", pageSize: 1, order: { by: "name", down: true } });
		expect(names()).toEqual(["plum"]);
		press("Next page");
		press("Next page");
		expect(names()).toEqual(["apple"]);
		expect((screen.getByRole("button", { name: "Next page" }) as HTMLButtonElement).disabled).toBe(true);
		fireEvent.change(screen.getByRole("searchbox", { name: "Find fruit" }), { target: { value: "P" } });
		expect(screen.getByRole("status").textContent).toBe("1–1 of 3");
		fireEvent.change(screen.getByRole("searchbox"), { target: { value: "pear" } });
		expect(names()).toEqual(["pear"]);
		fireEvent.change(screen.getByRole("searchbox"), { target: { value: "fig" } });
		expect(screen.getByText("Nothing fits")).toBeTruthy();
	});

	it("shows the last page when rows are gone", () => {
		const { rerender } = table({ pageSize: 2 });
		press("Next page");
		expect(names()).toEqual(["plum"]);
		rerender(<Table label="Fruit" rows={FRUIT.slice(0, 2)} columns={COLUMNS} rowKey={(f) => f.name} pageSize={2} />);
		expect(names()).toEqual(["pear", "apple"]);
	});

	it("is sorted by the server while that has more of it, by the columns it knows", () => {
		const asked: string[] = [];
		const more = { hasNextPage: true, isFetchingNextPage: false, fetchNextPage: () => 0, onSort: (sort: string) => asked.push(sort) };
		const columns = COLUMNS.map((c) => (c.name === "price" ? { ...c, sort: "unit_price" } : c));
		const { rerender } = table({ more, columns });
		expect(within(head("Name")).queryByRole("button")).toBeNull();
		press("Price");
		expect(asked).toEqual(["-unit_price"]);
		expect(names()).toEqual(["pear", "apple", "plum"]);
		// all of them are here now, as the server sorted them
		const again = (sort: string) => rerender(<Table label="Fruit" rows={FRUIT} columns={columns} rowKey={(f) => f.name} more={{ ...more, hasNextPage: false, sort }} />);
		again("-unit_price");
		expect(head("Price").getAttribute("aria-sort")).toBe("descending");
		expect(names()).toEqual(["pear", "apple", "plum"]);
		press("Price");
		expect(asked).toEqual(["-unit_price", "unit_price"]);
		again("unit_price");
		expect(head("Price").getAttribute("aria-sort")).toBe("ascending");
	});

	it("cannot be sorted while the server has more of it and sorts nothing", () => {
		let asked = 0;
		table({ more: { hasNextPage: true, isFetchingNextPage: false, fetchNextPage: () => (asked += 1) } });
		expect(within(head("Price")).queryByRole("button")).toBeNull();
		press("Show more");
		expect(asked).toBe(1);
	});
});

describe("a file of a table", () => {
	it("quotes what must be, and nothing in it is a formula", () => {
		const text = csvOf(["a", "b"], [['say "hi", you', -5], ["=1+1", null], ["two\nlines", 0.1]]);
		expect(text.replace("\ufeff", "")).toBe('a,b\r\n"say ""hi"", you",-5\r\n\'=1+1,\r\n"two\nlines",0.1\r\n');
	});
});
