import { end } from "@/api/session";
import { auth } from "@/api/weir";

/** Ends the session here at once, and at the server if it can be reached. */
export async function signOut() {
	await import("@/stores/order").then((order) => order.deleteWaiting()).catch(() => undefined);
	try {
		await auth.logout();
	} catch {
		// the cookie's session ends by itself; this browser forgets it now
	}
	end();
}
