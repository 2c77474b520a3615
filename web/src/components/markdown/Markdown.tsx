/*
 * A model's answer. Its Markdown becomes React elements, never HTML text: tags
 * in it stay text, and what remains passes a sanitizer and a list of URL schemes.
 */
import { memo, useEffect, useMemo, useState } from "react";
import ReactMarkdown, { type Components, type Options } from "react-markdown";
import rehypeSanitize, { defaultSchema } from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import { splitBlocks } from "@/lib/blocks";
import { CodeBlock } from "./CodeBlock";
import { RemoteImage } from "./RemoteImage";

type Plugins = Pick<Options, "remarkPlugins" | "rehypePlugins">;

interface Node {
	type: string;
	children?: Node[];
}

/** HTML in an answer is shown as it was written; the sanitizer alone would drop it without a word. */
function rawAsText() {
	return function visit(node: Node) {
		if (node.type === "raw") node.type = "text";
		node.children?.forEach(visit);
	};
}

const PLAIN: Plugins = {
	remarkPlugins: [remarkGfm],
	rehypePlugins: [rawAsText, [rehypeSanitize, { ...defaultSchema, clobberPrefix: "md-" }]],
};
const MATH = /\$\$|\\\(|\\\[|(?<![\\$\w])\$[^\s$][^$\n]*\$(?!\d)/;

const components: Components = {
	a: ({ href, children }) => (
		<a href={href} target="_blank" rel="noopener noreferrer nofollow">
			{children}
		</a>
	),
	img: ({ src, alt }) => <RemoteImage src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
	pre: ({ children }) => <>{children}</>,
	code: ({ className, children, node }) => {
		const language = /language-(\S+)/.exec(className ?? "")?.[1];
		const text = String(children ?? "");
		const isBlock = language !== undefined || text.endsWith("\n") || spansLines(node);
		return isBlock ? <CodeBlock code={text.replace(/\n$/, "")} language={language ?? ""} /> : <code>{children}</code>;
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

/** What an answer has besides: one more plugin, after the sanitizer, and elements of its own. */
export interface Extra {
	rehype: () => (tree: Node) => void;
	components: object;
}

const Block = memo(function Block({ text, plugins, extra }: { text: string; plugins: Plugins; extra?: Extra }) {
	return (
		<div>
			<ReactMarkdown {...plugins} rehypePlugins={extra ? [...plugins.rehypePlugins!, extra.rehype] : plugins.rehypePlugins} components={{ ...components, ...extra?.components }}>
				{text}
			</ReactMarkdown>
		</div>
	);
});

export const Markdown = memo(function Markdown({ text, extra }: { text: string; extra?: Extra }) {
	const plugins = usePlugins(text);
	const blocks = useMemo(() => splitBlocks(text), [text]);
	return (
		<div className="prose">
			{blocks.map((block, i) => (
				<Block key={i} text={block} plugins={plugins} extra={extra} />
			))}
		</div>
	);
});

let withMath: Plugins | null = null;

/** Formulas are loaded with the first text that has any. */
function usePlugins(text: string): Plugins {
	const hasMath = useMemo(() => MATH.test(text), [text]);
	const [plugins, setPlugins] = useState(withMath ?? PLAIN);
	useEffect(() => {
		if (!hasMath || plugins !== PLAIN) return;
		let current = true;
		import("./math").then(
			(m) => {
				withMath = m.extend(PLAIN);
				if (current) setPlugins(withMath);
			},
			() => undefined, // no network: formulas stay as they were written
		);
		return () => {
			current = false;
		};
	}, [hasMath, plugins]);
	return hasMath ? plugins : PLAIN;
}
