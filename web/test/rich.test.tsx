import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { Markdown } from "@/components/markdown/Markdown";
import { startI18n } from "@/i18n";
import { withTexts } from "@/i18n/texts";
import { pageOf, piecesOf, versionsOf } from "@/lib/artifacts";
import { drawDiagram } from "@/lib/diagram";
import { useArtifact } from "@/stores/artifact";

vi.mock("@/lib/diagram", () => ({ drawDiagram: vi.fn(), asPng: vi.fn() }));
vi.mock("@/components/artifact/mount", () => ({ mountPanel: vi.fn() }));

const page = (body: string, title = "Gauge") => `<!doctype html>\n<title>${title}</title>\n${body}`;
const fence = (code: string, language = "html") => "```" + language + "\n" + code + "\n```";

describe("pages in an answer", () => {
	it("are the blocks of HTML and SVG, whole or not", () => {
		const text = `A:\n\n${fence(page("one"))}\n\n${fence("print()", "python")}\n\n${fence("<svg><title>Tap</title></svg>", "xml")}\n\n${fence("<a/>", "xml")}\n\n\`\`\`html\n<p>not yet`;
		expect(piecesOf(text).map((p) => [p.kind, p.title, p.complete])).toEqual([
			["html", "Gauge", true],
			["svg", "Tap", true],
			["html", "", false],
		]);
	});

	it("keep a fence within a longer one", () => {
		const [piece, ...more] = piecesOf("````html\n<pre>\n```\n</pre>\n````\nafter");
		expect([piece!.source, piece!.complete, more.length]).toEqual(["<pre>\n```\n</pre>", true, 0]);
	});

	it("are versions of each other by their title", () => {
		const pieces = [page("one"), page("other", "Lock"), page("two"), "<p>a", "<p>b"].flatMap((s) => piecesOf(fence(s)));
		const { versions, at } = versionsOf(pieces, page("two"));
		expect([versions.map((v) => v.source), at]).toEqual([[page("one"), page("two")], 1]);
		// Without a title each is by itself.
		expect(versionsOf(pieces, "<p>b").versions).toHaveLength(1);
		expect(versionsOf(pieces, "nothing of it").at).toBe(-1);
	});

	it("are followed while they are written", () => {
		const pieces = piecesOf(`${fence(page("one"))}\n\n\`\`\`html\n${page("two, and m")}`);
		const { versions, at } = versionsOf(pieces, page("two"));
		expect([versions.length, at, versions[at]!.complete]).toEqual([2, 1, false]);
	});

	it("are framed as they are; a picture within a page", () => {
		expect(pageOf(piecesOf(fence(page("one")))[0]!)).toBe(page("one"));
		expect(pageOf({ kind: "svg", title: "<script>", source: "<svg/>", complete: true })).toMatch(/<title>script<\/title>.*<svg\/>$/);
	});
});

describe("blocks that are shown as what they mean", () => {
	beforeAll(async () => {
		await startI18n();
		await withTexts(["rich"], Promise.resolve());
		URL.createObjectURL = vi.fn(() => "blob:drawn");
		URL.revokeObjectURL = vi.fn();
	});
	beforeEach(() => {
		vi.mocked(drawDiagram).mockReset();
		useArtifact.getState().open(null);
	});
	afterEach(cleanup);

	it("draws a diagram once it is whole", async () => {
		vi.mocked(drawDiagram).mockResolvedValue("<svg/>");
		const { container, rerender } = render(<Markdown text={"```mermaid\ngraph TD\n  A --> B\n"} />);
		await waitFor(() => expect(container.querySelector("pre")!.textContent).toContain("A --> B"));
		expect(drawDiagram).not.toHaveBeenCalled();
		rerender(<Markdown text={"```mermaid\ngraph TD\n  A --> B\n``"} />);
		rerender(<Markdown text={"```mermaid\ngraph TD\n  A --> B\n```"} />);
		await waitFor(() => expect(container.querySelector("img")).not.toBeNull());
		expect(vi.mocked(drawDiagram).mock.calls).toEqual([["graph TD\n  A --> B", false]]);
		expect(container.querySelector("img")!.getAttribute("src")).toBe("blob:drawn");
	});

	it("draws it anew in the other theme", async () => {
		vi.mocked(drawDiagram).mockResolvedValue("<svg/>");
		const { container } = render(<Markdown text={fence("graph TD", "mermaid")} />);
		await waitFor(() => expect(container.querySelector("img")).not.toBeNull());
		document.documentElement.dataset.theme = "dark";
		await waitFor(() => expect(vi.mocked(drawDiagram).mock.calls.at(-1)).toEqual(["graph TD", true]));
		delete document.documentElement.dataset.theme;
	});

	it("shows what cannot be drawn as it was written, with a note", async () => {
		vi.mocked(drawDiagram).mockRejectedValue(new Error("Parse error on line 2\nmore"));
		const { container } = render(<Markdown text={fence("graph TD\n  A --", "mermaid")} />);
		await screen.findByText(/Parse error on line 2/);
		expect(container.querySelector("pre")!.textContent).toContain("A --");
		expect(container.textContent).not.toContain("more");
	});

	it("opens a page from its bar, and leaves other code alone", async () => {
		const { container } = render(<Markdown text={`${fence(page("one"))}\n\nAnd\n\n${fence("ls", "sh")}`} />);
		fireEvent.click(await screen.findByRole("button", { name: "Open the preview" }));
		expect(useArtifact.getState().piece).toEqual({ kind: "html", title: "Gauge", source: page("one"), complete: true });
		expect(container.querySelectorAll("pre")).toHaveLength(2);
	});
});
