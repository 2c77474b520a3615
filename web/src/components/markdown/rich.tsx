/* Code that is shown as what it means: diagrams, and pages and pictures that open beside the conversation. */
import type { ComponentProps } from "react";
import { kindOfCode } from "@/lib/artifacts";
import { ArtifactBar } from "../artifact/ArtifactBar";
import { Diagram } from "../artifact/Diagram";
import { Code, type Extension } from "./Markdown";

type Node = ComponentProps<typeof Code>["node"];

/** Has the fence its end? While it is written, a block lasts to the end of the text. */
export function isClosed(node: Node, text: string): boolean {
	const { start, end } = node?.position ?? {};
	return !!start && !!end && end.line - start.line + 1 === text.replace(/\n$/, "").split("\n").length + 2 && end.column > 3;
}

function RichCode(props: ComponentProps<typeof Code>) {
	const language = /language-(\S+)/.exec(props.className ?? "")?.[1] ?? "";
	const text = String(props.children ?? "").replace(/\n$/, "");
	const closed = isClosed(props.node, text);
	if (language.toLowerCase() === "mermaid" && closed) return <Diagram source={text} />;
	const kind = kindOfCode(language, text);
	if (!kind) return <Code {...props} />;
	return (
		<div>
			<ArtifactBar kind={kind} source={text} complete={closed} />
			<Code {...props} />
		</div>
	);
}

export const extension: Extension = { components: { code: RichCode } };
