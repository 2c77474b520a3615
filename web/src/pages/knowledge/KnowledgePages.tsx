import { Redirect, Route, Switch } from "wouter";
import { BasePage } from "./BasePage";
import { DocumentPage } from "./DocumentPage";
import { ListPage } from "./ListPage";

export default function KnowledgePages() {
	return (
		<Switch>
			<Route path="/knowledge" component={ListPage} />
			<Route path="/knowledge/:id/documents/:doc">{({ id, doc }) => <DocumentPage key={doc} base={id} id={doc} />}</Route>
			<Route path="/knowledge/:id">{({ id }) => <BasePage key={id} id={id} />}</Route>
			<Route>
				<Redirect to="/knowledge" replace />
			</Route>
		</Switch>
	);
}
