import { end } from "@/api/session";
import { auth } from "@/api/weir";

/** Ends the session here at once, and at the server if it can be reached. */
export async function signOut() {
	try {
		await auth.logout();
	} catch {
		// the cookie's session ends by itself; this browser forgets it now
	}
	end();
}
