/*
 * A model's answer. Its Markdown becomes React elements, never HTML text: but for a few
 * harmless tags (html.ts), tags in it stay text, and what remains passes a sanitizer and a
 * list of URL schemes.
 */
import { memo, type MouseEvent, type ReactNode, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef } from "react";
import { useTranslation } from "react-i18next";
import ReactMarkdown, { type Components, type Options } from "react-markdown";
import rehypeSanitize, { defaultSchema } from "rehype-sanitize";
import { splitBlocks } from "@/lib/blocks";
import { CodeBlock } from "./CodeBlock";
import { readGfm } from "./gfm";
import { RemoteImage } from "./RemoteImage";

type Plugins = NonNullable<Options["rehypePlugins"]>;

/** What is loaded with the first text that needs it. */
export interface Extension {
	/** What is done to the text first. */
	text?: (text: string) => string;
	remark?: Plugins;
	/** Before the sanitizer, and after it. */
	before?: Plugins;
	after?: Plugins;
	/** Elements of its own. */
	components?: Components;
}

const EXTENSIONS = [
	{ needs: /\$\$|\\[([]|\\begin\{|(?<![\\$\w])\$[^\s$][^$\n]*\$(?!\d)|```math/, load: () => import("./math") },
	{ needs: /[^\0-\x7f](\*\*?|~~?)|(\*\*?|~~?)[^\0-\x7f]/, load: () => import("./cjk") },
	{ needs: /<\/?(br|sub|sup|kbd|mark|details|summary)\b/i, load: () => import("./html") },
];
const loaded = new Map<number, Extension>();

/** The extensions that a text needs, as far as they are here; without a network it stays as it was written. */
function useExtensions(text: string): Extension[] {
	const wanted = useMemo(() => EXTENSIONS.map(({ needs }, i) => (needs.test(text) ? i : -1)).filter((i) => i >= 0).join(), [text]);
	const [, redraw] = useReducer((n: number) => n + 1, 0);
	const names = useMemo(() => (wanted === "" ? [] : wanted.split(",").map(Number)), [wanted]);
	const missing = names.filter((i) => !loaded.has(i)).join();
	useEffect(() => {
		let current = true;
		for (const i of missing === "" ? [] : missing.split(",").map(Number))
			EXTENSIONS[i]!.load().then(
				({ extension }) => {
					loaded.set(i, extension);
					if (current) redraw();
				},
				() => undefined,
			);
		return () => {
			current = false;
		};
	}, [missing]);
	return useMemo(() => names.flatMap((i) => loaded.get(i) ?? []), [names, missing]);
}

interface Node {
	type: string;
	tagName?: string;
	value?: string;
	properties?: Record<string, unknown>;
	children?: Node[];
}

/** HTML in an answer is shown as it was written; the sanitizer alone would drop it without a word. */
function rawAsText() {
	return function visit(node: Node) {
		if (node.type === "raw") node.type = "text";
		node.children?.forEach(visit);
	};
}

function textOf(node: Node): string {
	return (node.value ?? "") + (node.children ?? []).map(textOf).join("");
}

/** The box of a task is named by the task. */
function nameTasks() {
	const visit = (node: Node, item: Node | null) => {
		const within = node.tagName === "li" ? node : item;
		if (node.tagName === "input" && within) node.properties!.ariaLabel = textOf(within).trim().slice(0, 120);
		node.children?.forEach((child) => visit(child, within));
	};
	return (root: Node) => visit(root, null);
}

const TAGS = [...(defaultSchema.tagNames ?? []), "mark"];

/** Names within a message (of footnotes) begin with `prefix`, so that they are this message's. */
function pluginsFor(extensions: Extension[], prefix: string): Pick<Options, "remarkPlugins" | "rehypePlugins"> {
	const all = (part: "remark" | "before" | "after") => extensions.flatMap((e) => e[part] ?? []);
	return {
		remarkPlugins: [readGfm, ...all("remark")],
		rehypePlugins: [
			...all("before"),
			rawAsText,
			[rehypeSanitize, { ...defaultSchema, tagNames: TAGS, clobberPrefix: prefix }],
			nameTasks,
			...all("after"),
		],
	};
}

/** A footnote and the way back: within the message, and the page's address stays. */
function goWithin(e: MouseEvent<HTMLAnchorElement>) {
	e.preventDefault();
	const name = decodeURIComponent(e.currentTarget.hash.slice(1));
	const target = [...(e.currentTarget.closest(".prose")?.querySelectorAll<HTMLElement>("[id]") ?? [])].find((el) => el.id.endsWith(`-${name}`));
	if (!target) return;
	target.scrollIntoView({ block: "nearest", behavior: "smooth" });
	if (!target.matches("a")) target.tabIndex = -1;
	target.focus({ preventScroll: true });
}

const components: Components = {
	a: ({ href, children, node: _node, ...rest }) =>
		href?.startsWith("#") ? (
			<a {...rest} href={href} onClick={goWithin}>
				{children}
			</a>
		) : (
			<a href={href} target="_blank" rel="noopener noreferrer nofollow">
				{children}
			</a>
		),
	img: ({ src, alt }) => <RemoteImage src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
	pre: ({ children }) => <>{children}</>,
	span: ({ className, children, node: _node, ...rest }) =>
		className?.includes("formula") ? (
			<Formula className={className}>{children}</Formula>
		) : (
			<span {...rest} className={className}>
				{children}
			</span>
		),
	code: ({ className, children, node }) => {
		const language = /language-(\S+)/.exec(className ?? "")?.[1];
		const text = String(children ?? "");
		const isBlock = language !== undefined || text.endsWith("\n") || spansLines(node);
		return isBlock ? <CodeBlock code={text.replace(/\n$/, "")} language={language ?? ""} /> : <code className={className}>{children}</code>;
	},
	table: ({ children }) => (
		<div tabIndex={0} role="group" className="w-fit max-w-full overflow-x-auto rounded-xl border border-line">
			<table>{children}</table>
		</div>
	),
};

function spansLines(node: { position?: { start: { line: number }; end: { line: number } } } | undefined): boolean {
	return !!node?.position && node.position.end.line > node.position.start.line;
}

/** Wider than the page it scrolls by itself, by keyboard as well. */
function Formula({ className, children }: { className: string; children: ReactNode }) {
	const ref = useRef<HTMLSpanElement>(null);
	useLayoutEffect(() => {
		const el = ref.current!;
		if (el.scrollWidth > el.clientWidth && el.clientWidth > 0) el.tabIndex = 0;
		else el.removeAttribute("tabindex");
	}, [children]);
	return (
		<span ref={ref} className={className}>
			{children}
		</span>
	);
}

const Block = memo(function Block({ text, extensions, prefix }: { text: string; extensions: Extension[]; prefix: string }) {
	const { t } = useTranslation();
	const plugins = useMemo(() => pluginsFor(extensions, prefix), [extensions, prefix]);
	const own = useMemo(() => extensions.reduce((all, e) => (e.components ? { ...all, ...e.components } : all), components), [extensions]);
	const words = useMemo(() => ({ footnoteLabel: t("chat.footnotes"), footnoteBackLabel: t("chat.footnote_back"), clobberPrefix: "" }), [t]);
	return (
		<div>
			<ReactMarkdown {...plugins} remarkRehypeOptions={words} components={own}>
				{extensions.reduce((s, e) => e.text?.(s) ?? s, text)}
			</ReactMarkdown>
		</div>
	);
});

/** `extra`: what an answer has besides. */
export const Markdown = memo(function Markdown({ text, extra }: { text: string; extra?: Extension }) {
	const found = useExtensions(text);
	const extensions = useMemo(() => (extra ? [...found, extra] : found), [found, extra]);
	const blocks = useMemo(() => splitBlocks(text), [text]);
	const prefix = `md${useId()}-`;
	return (
		<div className="prose">
			{blocks.map((block, i) => (
				<Block key={i} text={block} extensions={extensions} prefix={prefix} />
			))}
		</div>
	);
});
