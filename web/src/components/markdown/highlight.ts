/* Syntax colours. This module is a chunk of its own, loaded when the first code is drawn; rare languages come one by one. */
import { toJsxRuntime } from "hast-util-to-jsx-runtime";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import diff from "highlight.js/lib/languages/diff";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import shell from "highlight.js/lib/languages/shell";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import type { ReactNode } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";

const common = { bash, c, diff, javascript, json, python, shell, typescript, xml, yaml };
const lowlight = createLowlight(common);

type Grammar = typeof bash;
const rare: Record<string, () => Promise<{ default: Grammar }>> = {
	cpp: () => import("highlight.js/lib/languages/cpp"),
	csharp: () => import("highlight.js/lib/languages/csharp"),
	css: () => import("highlight.js/lib/languages/css"),
	dart: () => import("highlight.js/lib/languages/dart"),
	dockerfile: () => import("highlight.js/lib/languages/dockerfile"),
	elixir: () => import("highlight.js/lib/languages/elixir"),
	erlang: () => import("highlight.js/lib/languages/erlang"),
	go: () => import("highlight.js/lib/languages/go"),
	haskell: () => import("highlight.js/lib/languages/haskell"),
	ini: () => import("highlight.js/lib/languages/ini"),
	java: () => import("highlight.js/lib/languages/java"),
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
	r: () => import("highlight.js/lib/languages/r"),
	ruby: () => import("highlight.js/lib/languages/ruby"),
	rust: () => import("highlight.js/lib/languages/rust"),
	scala: () => import("highlight.js/lib/languages/scala"),
	scss: () => import("highlight.js/lib/languages/scss"),
	sql: () => import("highlight.js/lib/languages/sql"),
	swift: () => import("highlight.js/lib/languages/swift"),
	x86asm: () => import("highlight.js/lib/languages/x86asm"),
};
const ALIASES: Record<string, string> = { "c#": "csharp", "c++": "cpp", cc: "cpp", h: "c", golang: "go", rs: "rust", less: "scss", mysql: "sql", postgresql: "sql", cs: "csharp", docker: "dockerfile", hs: "haskell", toml: "ini", md: "markdown", kt: "kotlin", tex: "latex", make: "makefile", pl: "perl", ps1: "powershell", rb: "ruby", asm: "x86asm" };

/** Makes `language` known, if it is one of ours. */
export async function prepare(language: string): Promise<boolean> {
	if (lowlight.registered(language)) return true;
	const name = ALIASES[language] ?? language;
	const load = rare[name];
	if (!load) return false;
	try {
		lowlight.register(name, (await load()).default);
	} catch {
		return false; // no network
	}
	if (name !== language) lowlight.registerAlias(name, language);
	return true;
}

/** The code as coloured elements: no HTML text is made on the way. */
export function colour(code: string, language: string): ReactNode {
	return toJsxRuntime(lowlight.highlight(language, code), { Fragment, jsx, jsxs });
}
