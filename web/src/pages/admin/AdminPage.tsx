export default function AdminPage(_: { area?: string }) {
	return null;
}
