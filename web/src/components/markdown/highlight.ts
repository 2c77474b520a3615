/* Syntax colours. This module is a chunk of its own, loaded when the first code is drawn; languages come one by one. */
import type { LanguageFn } from "highlight.js";
import { toJsxRuntime } from "hast-util-to-jsx-runtime";
import { createLowlight } from "lowlight";
import type { ReactNode } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";

const lowlight = createLowlight();

const LANGUAGES: Record<string, () => Promise<{ default: LanguageFn }>> = {
	bash: () => import("highlight.js/lib/languages/bash"),
	c: () => import("highlight.js/lib/languages/c"),
	cpp: () => import("highlight.js/lib/languages/cpp"),
	csharp: () => import("highlight.js/lib/languages/csharp"),
	css: () => import("highlight.js/lib/languages/css"),
	dart: () => import("highlight.js/lib/languages/dart"),
	diff: () => import("highlight.js/lib/languages/diff"),
	dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
	elixir: () => import("highlight.js/lib/languages/elixir"),
	erlang: () => import("highlight.js/lib/languages/erlang"),
	go: () => import("highlight.js/lib/languages/go"),
	haskell: () => import("highlight.js/lib/languages/haskell"),
	ini: () => import("highlight.js/lib/languages/ini"),
	java: () => import("highlight.js/lib/languages/java"),
	javascript: () => import("highlight.js/lib/languages/javascript"),
	json: () => import("highlight.js/lib/languages/json"),
	kotlin: () => import("highlight.js/lib/languages/kotlin"),
	latex: () => import("highlight.js/lib/languages/latex"),
	lua: () => import("highlight.js/lib/languages/lua"),
	makefile: () => import("highlight.js/lib/languages/makefile"),
	markdown: () => import("highlight.js/lib/languages/markdown"),
	matlab: () => import("highlight.js/lib/languages/matlab"),
	nginx: () => import("highlight.js/lib/languages/nginx"),
	ocaml: () => import("highlight.js/lib/languages/ocaml"),
	perl: () => import("highlight.js/lib/languages/perl"),
	php: () => import("highlight.js/lib/languages/php"),
	powershell: () => import("highlight.js/lib/languages/powershell"),
	protobuf: () => import("highlight.js/lib/languages/protobuf"),
	python: () => import("highlight.js/lib/languages/python"),
	r: () => import("highlight.js/lib/languages/r"),
	ruby: () => import("highlight.js/lib/languages/ruby"),
	rust: () => import("highlight.js/lib/languages/rust"),
	scala: () => import("highlight.js/lib/languages/scala"),
	scss: () => import("highlight.js/lib/languages/scss"),
	shell: () => import("highlight.js/lib/languages/shell"),
	sql: () => import("highlight.js/lib/languages/sql"),
	swift: () => import("highlight.js/lib/languages/swift"),
	typescript: () => import("highlight.js/lib/languages/typescript"),
	x86asm: () => import("highlight.js/lib/languages/x86asm"),
	xml: () => import("highlight.js/lib/languages/xml"),
	yaml: () => import("highlight.js/lib/languages/yaml"),
};
/** By what other names they go. */
const OTHER_NAMES: Record<string, string> = {
	bash: "sh zsh",
	c: "h",
	cpp: "c++ cc",
	csharp: "c# cs",
	diff: "patch",
	dockerfile: "docker",
	go: "golang",
	haskell: "hs",
	ini: "toml",
	javascript: "js jsx mjs cjs",
	json: "jsonc json5",
	kotlin: "kt",
	latex: "tex",
	makefile: "make",
	markdown: "md",
	perl: "pl",
	powershell: "ps1",
	python: "py gyp ipython",
	ruby: "rb",
	rust: "rs",
	scss: "less",
	shell: "console shellsession",
	sql: "mysql postgresql",
	typescript: "ts tsx mts cts",
	x86asm: "asm",
	xml: "html xhtml rss atom xsd xsl plist svg",
	yaml: "yml",
};
const ALIASES = Object.fromEntries(Object.entries(OTHER_NAMES).flatMap(([name, others]) => others.split(" ").map((other) => [other, name])));
/** What may stand within them. */
const WITHIN: Record<string, string[]> = {
	dockerfile: ["bash"],
	javascript: ["xml"],
	markdown: ["xml"],
	php: ["xml"],
	shell: ["bash"],
	typescript: ["xml"],
	xml: ["javascript", "css"],
};

async function register(name: string): Promise<boolean> {
	const load = LANGUAGES[name];
	if (!load) return false;
	if (lowlight.registered(name)) return true;
	try {
		lowlight.register(name, (await load()).default);
		return true;
	} catch {
		return false; // no network
	}
}

/** Makes `language` known, if it is one of ours. */
export async function prepare(language: string): Promise<boolean> {
	const name = ALIASES[language] ?? language;
	const [known] = await Promise.all([name, ...(WITHIN[name] ?? [])].map(register));
	if (known && name !== language) lowlight.registerAlias(name, language);
	return known!;
}

/** The code as coloured elements: no HTML text is made on the way. */
export function colour(code: string, language: string): ReactNode {
	return toJsxRuntime(lowlight.highlight(language, code), { Fragment, jsx, jsxs });
}
