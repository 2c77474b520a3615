import { act, cleanup, fireEvent, render, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Markdown } from "@/components/markdown/Markdown";
import { startI18n } from "@/i18n";

beforeAll(startI18n);
afterEach(cleanup);

describe("Markdown of a model", () => {
	it.each([
		"<script>window.hacked = 1</script>",
		'<img src=x onerror="window.hacked = 1">',
		'text <b onclick="x()">bold</b> <iframe src="//x"></iframe>',
		"<svg onload=alert(1)>",
		"<style>body{display:none}</style>",
		'<form action="//x"><input name=p></form>',
	])("shows %s as text", (text) => {
		const { container } = render(<Markdown text={text} />);
		expect(container.textContent).toContain(text.split(" ").at(-1));
		expect(container.querySelector("script, img, iframe, svg, style, form, input, b, [onclick]")).toBeNull();
	});

	it.each(["javascript:alert(1)", "data:text/html,x", "vbscript:x", " javascript:alert(1)"])("makes no link to %s", (href) => {
		const { container } = render(<Markdown text={`[a](${href})`} />);
		expect(container.querySelector("a")?.getAttribute("href") ?? "").not.toMatch(/script|data/);
	});

	it("opens links in a page that knows nothing of this one", () => {
		const { container } = render(<Markdown text="[a](https://example.org)" />);
		const link = container.querySelector("a");
		expect(link?.rel).toContain("noopener");
		expect(link?.target).toBe("_blank");
	});

	it("does not load another host's picture unasked", () => {
		const { container } = render(<Markdown text="![x](https://evil.example/?secret)" />);
		expect(container.querySelector("img")).toBeNull();
		expect(container.querySelector("button")?.textContent).toContain("evil.example");
	});

	it("draws tables, tasks, lists and code", () => {
		const { container } = render(<Markdown text={"| a | b |\n|:-|-:|\n| 1 | 2 |\n\n- [x] done\n\n```js\nlet a = 1;\n```\n\n`inline` ~~gone~~"} />);
		expect(container.querySelectorAll("td")).toHaveLength(2);
		expect(container.querySelector('input[type="checkbox"]')).not.toBeNull();
		expect(container.querySelector("pre")?.textContent).toBe("let a = 1;");
		expect(container.querySelector("del")?.textContent).toBe("gone");
	});

	it("draws half of an answer without harm", () => {
		const whole = "# T\n\n1. **a**\n2. b\n\n```py\nx = [1,\n```\n\n| a |\n|--|\n| 1 |\n\n[l](https://x.y) $$x^2$$";
		for (let i = 0; i <= whole.length; i += 3) {
			const { container, unmount } = render(<Markdown text={whole.slice(0, i)} />);
			expect(container.querySelector(".prose")).not.toBeNull();
			unmount();
		}
	});
});

/** Once more, when what the text needs is loaded. */
async function drawn(text: string) {
	const { container } = render(<Markdown text={text} />);
	await waitFor(() => undefined);
	await vi.dynamicImportSettled();
	await act(() => Promise.resolve());
	return container;
}

describe("formulas", () => {
	it.each([
		["\\(x^2\\) and \\(y\\)", 2, 0],
		["\\[x^2\\]", 0, 1],
		["so\n\n\\[\nx^2 +\n\ny\n\\]\n\nend", 0, 1],
		["$$\nx^2\n$$", 0, 1],
		["It is $$x^2$$ here", 0, 1],
		["$a+b$ and $c$.", 2, 0],
		["- first\n\n  \\[\n  x\n  \\]\n- then \\(y\\)", 1, 1],
		["\\begin{align}a &= b \\\\ c &= d\\end{align}", 0, 1],
		["> \\[\n> a\n> \\]", 0, 1],
		["```math\nx^2\n```", 0, 1],
		["| a | b |\n|--|--|\n| \\(|x|\\) | 2 |", 1, 0],
	])("draws %j", async (text, inline, display) => {
		const container = await drawn(text);
		expect(container.querySelectorAll("math:not([display])")).toHaveLength(inline);
		expect(container.querySelectorAll('math[display="block"]')).toHaveLength(display);
		expect(container.textContent).not.toMatch(/\\[[\]()]|\$/);
	});

	it.each([
		"It costs $5 a month, or US$10 with tax.",
		"From $5 to $10, HK$30 at most.",
		"$5 apples and a bag for 3$ each",
		"套餐每月 $5，升级为 US$10；合计$15。",
		"an open \\( and an open \\[",
	])("leaves %j as it is", async (text) => {
		const container = await drawn(text);
		expect(container.querySelector("math")).toBeNull();
		expect(container.textContent).toBe(text.replace(/\\/g, ""));
	});

	it("does not look into code", async () => {
		const code = "echo $HOME $PATH\n\\[ -f x \\]\n\n$a$";
		const container = await drawn(`\`\`\`sh\n${code}\n\`\`\`\n\nand \\(x\\)`);
		expect(container.querySelector("pre")!.textContent).toBe(code);
		expect((await drawn("`$a$` and `\\(b\\)`")).textContent).toBe("$a$ and \\(b\\)");
		expect(container.querySelectorAll("math")).toHaveLength(1);
	});

	it("sets apart the columns of a matrix, and aligns them", async () => {
		const container = await drawn("\\[\\begin{pmatrix}a & b\\\\c & d\\end{pmatrix}\\begin{cases}1 & x>0\\\\0\\end{cases}\\]");
		const cells = [...container.querySelectorAll("mtd")];
		expect(cells[1]!.getAttribute("class")).toContain("math-before-50");
		expect(cells.at(-1)!.getAttribute("class")).toContain("math-left");
		expect(container.querySelector("[style], [columnalign]")).toBeNull();
	});

	it("has the letters that MathML Core lacks, and boxes", async () => {
		const container = await drawn("\\(\\mathbb{R} \\mathcal{L} \\mathbf{v} \\mathfrak{g} \\boxed{x}\\)");
		expect(container.textContent).toContain("ℝℒ𝐯𝔤");
		expect(container.querySelector("[mathvariant]")).toBeNull();
		expect(container.querySelector(".math-line-box")!.textContent).toBe("x");
	});

	it("shows as it was written what is no formula yet", async () => {
		const container = await drawn("\\(\\frac{1}{\\) and \\(\\evil{x}\\)");
		expect(container.querySelectorAll("code.formula-raw")).toHaveLength(2);
	});
});

describe("the rest of Markdown", () => {
	it("ends emphasis at Chinese punctuation", async () => {
		const container = await drawn("**重点。**后面还有**“引号”**和~~删除。~~再来");
		expect([...container.querySelectorAll("strong")].map((e) => e.textContent)).toEqual(["重点。", "“引号”"]);
		expect(container.querySelector("del")!.textContent).toBe("删除。");
		expect(container.textContent).not.toMatch(/[*~]/);
	});

	it("knows a few harmless tags", async () => {
		const container = await drawn("| a |\n|--|\n| 1<br>2 |\n\nH<sub>2</sub>O x<sup>2</sup> <kbd>Ctrl</kbd> <mark>*so*</mark> a < b &amp; <em onclick=x>c</em>");
		expect(container.querySelector("td br")).not.toBeNull();
		expect(container.querySelector("sub")!.textContent).toBe("2");
		expect(container.querySelector("kbd")!.textContent).toBe("Ctrl");
		expect(container.querySelector("mark em")!.textContent).toBe("so");
		expect(container.textContent).toContain("a < b & <em onclick=x>c</em>");
		expect(container.querySelector("[onclick]")).toBeNull();
	});

	it("unfolds details, with Markdown in them, across blank lines", async () => {
		const container = await drawn("<details>\n<summary>More</summary>\n\nHidden **text**\n\nand more\n\n</details>\n\nAfter");
		expect(container.querySelector("details > summary")!.textContent).toBe("More");
		expect(container.querySelectorAll("details p")).toHaveLength(2);
		expect(container.querySelector("details strong")!.textContent).toBe("text");
		expect(container.querySelector("details")!.textContent).not.toContain("After");
	});

	it.each(["<sub onmouseover=x>a</sub>", "<details ontoggle=x>a</details>", "<kbd style='x'>a</kbd>"])("takes no attributes: %s", async (text) => {
		const container = await drawn(text);
		expect(container.querySelector("sub, details, kbd")).toBeNull();
		expect(container.textContent).toContain(text);
	});

	it("keeps footnotes in the page, each message its own", async () => {
		const text = "One[^1].\n\n[^1]: Note.";
		const { container } = render(
			<>
				<Markdown text={text} />
				<Markdown text={text} />
			</>,
		);
		const ids = [...container.querySelectorAll("[id]")].map((e) => e.id);
		expect(new Set(ids).size).toBe(ids.length);
		const link = container.querySelectorAll<HTMLAnchorElement>("sup a")[1]!;
		expect(link.target).toBe("");
		Element.prototype.scrollIntoView = vi.fn();
		fireEvent.click(link);
		expect(document.activeElement?.tagName).toBe("LI");
		expect(container.querySelectorAll(".prose")[1]!.contains(document.activeElement)).toBe(true);
		expect(location.hash).toBe("");
	});

	it("names the boxes of tasks", () => {
		const { getByRole } = render(<Markdown text={"- [x] buy tea\n- [ ] walk"} />);
		expect(getByRole("checkbox", { name: "buy tea" })).toHaveProperty("checked", true);
	});
});
