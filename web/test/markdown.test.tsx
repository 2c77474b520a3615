import { cleanup, render } from "@testing-library/react";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
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
