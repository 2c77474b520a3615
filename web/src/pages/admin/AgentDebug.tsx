import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AdminAgent, TrialEvent } from "@/api/types";
import { admin } from "@/api/weir";
import { events } from "@/api/sse";
import { isAbort } from "@/api/errors";
import { Markdown } from "@/components/markdown/Markdown";
import { Button } from "@/components/ui/Button";
import { Dialog } from "@/components/ui/Dialog";
import { TextArea } from "@/components/ui/Field";
import { explain } from "@/lib/explain";
import { dateTime } from "@/lib/format";
import { keys, queryClient } from "@/queries/client";
import { Tag } from "./parts";

type Result = { kind: "json"; value: unknown } | { kind: "text"; text: string; end: string | null } | { kind: "error"; text: string };

/** The tools for an agent: where a turn goes, what the model gets, what it answers. */
export function AgentDebug({ agent, onClose }: { agent: AdminAgent; onClose: () => void }) {
	const [content, setContent] = useState("");
	const [busy, setBusy] = useState<string | null>(null);
	const [result, setResult] = useState<Result | null>(null);
	const abort = useRef<AbortController | null>(null);
	const { t } = useTranslation();
	const logs = useQuery({ queryKey: keys.admin("debug", agent.id), queryFn: () => admin.debugLogs(agent.id), staleTime: 0 });

	useEffect(() => () => abort.current?.abort(), []);
	const run = (name: string, work: () => Promise<void>) => async () => {
		setBusy(name);
		setResult(null);
		try {
			await work();
		} catch (e) {
			if (isAbort(e)) return;
			const { text, detail } = explain(e);
			setResult({ kind: "error", text: detail ? `${text} ${detail}` : text });
		}
		setBusy(null);
		void queryClient.invalidateQueries({ queryKey: keys.admin("debug", agent.id) });
	};
	const json = (ask: () => Promise<unknown>) => async () => setResult({ kind: "json", value: await ask() });
	const execute = async () => {
		abort.current = new AbortController();
		let text = "";
		for await (const event of turnEvents(await admin.executionTest(agent.id, content, abort.current.signal))) {
			if (event.type === "content") text += event.data.text;
			const isEnd = event.type === "done" || event.type === "error" || event.type === "cancelled";
			setResult({ kind: "text", text, end: isEnd ? endLine(event) : null });
		}
	};
	const empty = content.trim() === "";
	return (
		<Dialog wide title={t("admin.debug_title", { name: agent.name })} onClose={onClose}>
			<div className="flex flex-col gap-4">
				<p className="text-sm text-faint">{t("admin.debug_hint")}</p>
				<TextArea rows={3} label={t("admin.debug_content")} value={content} onChange={(e) => setContent(e.target.value)} />
				<div className="flex flex-wrap gap-2">
					<Button medium busy={busy === "route"} disabled={busy !== null} onClick={run("route", json(() => admin.routeTest(agent.id)))}>
						{t("admin.route_test")}
					</Button>
					<Button medium busy={busy === "preview"} disabled={empty || busy !== null} onClick={run("preview", json(() => admin.promptPreview(agent.id, content)))}>
						{t("admin.prompt_preview")}
					</Button>
					<Button medium look="solid" busy={busy === "run"} disabled={empty || busy !== null} onClick={run("run", execute)}>
						{t("admin.execution_test")}
					</Button>
				</div>
				{result && <ResultView result={result} />}
				<section>
					<h3 className="mb-2 text-sm font-medium">{t("admin.debug_log")}</h3>
					{logs.data?.items.length === 0 && <p className="text-sm text-faint">{t("admin.no_runs")}</p>}
					<ul className="divide-y divide-line text-sm">
						{logs.data?.items.map((log) => (
							<li key={log.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
								<Tag tone={log.error ? "off" : "plain"}>{log.kind}</Tag>
								<span className="text-soft">{log.model}</span>
								{log.error && <span className="text-danger">{log.error}</span>}
								<time dateTime={log.created_at} className="ms-auto text-xs text-faint">
									{dateTime(log.created_at)}
								</time>
							</li>
						))}
					</ul>
				</section>
			</div>
		</Dialog>
	);
}

async function* turnEvents(response: Response): AsyncGenerator<TrialEvent> {
	for await (const { data } of events(response.body!)) if (data !== "[DONE]") yield JSON.parse(data) as TrialEvent;
}

function endLine(event: Extract<TrialEvent, { type: "done" | "error" | "cancelled" }>): string {
	const { usage, message } = event.data;
	const tokens = usage ? `${usage.input_tokens} → ${usage.output_tokens}` : "";
	return [event.type, message, tokens].filter(Boolean).join(" · ");
}

function ResultView({ result }: { result: Result }) {
	if (result.kind === "error")
		return (
			<p role="alert" className="rounded-lg bg-danger-tint px-3 py-2 text-sm text-danger">
				{result.text}
			</p>
		);
	if (result.kind === "json")
		return (
			<pre tabIndex={0} className="max-h-72 overflow-auto rounded-xl border border-line bg-code px-4 py-3 font-mono text-xs leading-relaxed">
				{JSON.stringify(result.value, null, 2)}
			</pre>
		);
	return (
		<div role="status" className="max-h-72 overflow-auto rounded-xl border border-line px-4 py-3 text-sm">
			<Markdown text={result.text} />
			{result.end && <p className="mt-2 text-xs text-faint">{result.end}</p>}
		</div>
	);
}
