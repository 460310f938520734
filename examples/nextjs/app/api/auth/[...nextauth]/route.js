import NextAuth from "next-auth";
import { authOptions } from "../../../../lib/auth";

// `/api/auth/session` and what else NextAuth serves. Postly's own paths below `/api/auth` never come here: the proxy sends them on.
const handler = NextAuth(authOptions);
export { handler as GET, handler as POST };
