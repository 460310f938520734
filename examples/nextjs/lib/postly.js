import { headers } from "next/headers";

// The address of Postly inside the network. Browsers reach it through the proxy, under our own name.
const POSTLY_URL = process.env.POSTLY_URL ?? "http://127.0.0.1:8080";

/** The author who is logged in, or null. Only Postly knows that a session has ended: the cookie outlives it. */
export async function currentAuthor() {
  const cookie = (await headers()).get("cookie");
  if (!cookie) return null;
  const response = await fetch(`${POSTLY_URL}/api/me`, {
    headers: { cookie },
    cache: "no-store",
    signal: AbortSignal.timeout(5000),
  });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`GET /api/me: ${response.status}`);
  return response.json();
}
