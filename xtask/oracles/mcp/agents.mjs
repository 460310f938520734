// The protocol's own clients call every tool of `/mcp`, in both revisions.
// Run: node agents.mjs WORLD, where WORLD is the line that the example `running_service` of postly-testkit prints.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as two from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const world = JSON.parse(process.argv[2]);
const BRIEF = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const TOOLS = ["write_posts", "refine", "balance", "history"];
const info = { name: "referee", version: "1" };

const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
// Each with a transport that bears a token, or with what an `authProvider` makes of a refusal.
const clients = [
  {
    name: `sdk ${version("@modelcontextprotocol/sdk")}`,
    revision: "2025-11-25",
    client: () => new Client(info),
    transport: (options) => new StreamableHTTPClientTransport(new URL(`${world.base_url}/mcp`), options),
  },
  {
    name: `client ${version("@modelcontextprotocol/client")}`,
    revision: "2025-11-25",
    client: () => new two.Client(info),
    transport: (options) => new two.StreamableHTTPClientTransport(new URL(`${world.base_url}/mcp`), options),
  },
  {
    name: `client ${version("@modelcontextprotocol/client")} (auto)`,
    revision: "2026-07-28",
    client: () => new two.Client(info, { versionNegotiation: { mode: "auto" } }),
    transport: (options) => new two.StreamableHTTPClientTransport(new URL(`${world.base_url}/mcp`), options),
  },
];

// What crosses the wire, seen from the client.
let seen = [];
const watched = async (url, init) => {
  const response = await fetch(url, init);
  seen.push({
    path: new URL(url).pathname, method: init?.method ?? "GET", status: response.status,
    sent: new Headers(init?.headers).get("mcp-protocol-version"),
    kind: response.headers.get("content-type"), session: response.headers.get("mcp-session-id"),
  });
  return response;
};
const bearing = (token) => ({ fetch: watched, requestInit: { headers: { Authorization: `Bearer ${token}` } } });

let spent = 0;
for (const { name, revision, client: make, transport } of clients) {
  seen = [];
  const client = make();
  await client.connect(transport(bearing(world.token)));
  assert.equal(client.getServerVersion().name, "postly");
  assert.match(client.getInstructions(), /idempotency_key/);
  // From here on the clients compare each result with its `outputSchema`.
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), TOOLS);
  const done = async (tool, args) => {
    const result = await client.callTool({ name: tool, arguments: args });
    assert.ok(!result.isError, `${name}: ${JSON.stringify(result)}`);
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
    return result.structuredContent;
  };
  const available = async () => (await done("balance", {})).available;
  const before = await available();
  const write = { brief: BRIEF, platform: "facebook", language: "fr", tone: "joyeux", idempotency_key: name };
  const written = await done("write_posts", write);
  assert.equal(written.variants.length, 3);
  assert.deepEqual(await done("write_posts", write), written);
  assert.equal(await available(), before - 1);
  const change = { generation_id: written.id, instruction: "plus court", variant: 2, idempotency_key: `${name}, shorter` };
  const changed = await done("refine", change);
  assert.deepEqual(await done("refine", change), changed);
  assert.equal(await available(), before - 1);
  const history = await done("history", { q: "croissants" });
  assert.deepEqual(history.generations.slice(0, 2).map((one) => one.id), [changed.id, written.id]);
  spent += 1;

  const refused = await client.callTool({ name: "write_posts", arguments: { brief: "merci", idempotency_key: "talk" } });
  assert.ok(refused.isError && refused._meta.problem.code === "not_a_brief");
  assert.equal(refused.content[0].text, refused._meta.problem.detail);
  await assert.rejects(client.callTool({ name: "pay", arguments: {} }), (error) => error.code === -32602);
  assert.ok(seen.every((one) => one.session === null && one.kind !== "text/event-stream"), JSON.stringify(seen));
  assert.ok(seen.some((one) => one.sent === revision), `${name} speaks ${revision}: ${JSON.stringify(seen)}`);
  await client.close();

  // A revoked token is a plain refusal at once.
  await assert.rejects(make().connect(transport(bearing(world.revoked))), (error) => /401|[Uu]nauthorized/.test(`${error.code} ${error.message}`));
  // A client that looks for a login finds none, and can read each answer.
  seen = [];
  const provider = {
    redirectUrl: "http://localhost/callback", clientMetadata: { redirect_uris: ["http://localhost/callback"] },
    clientInformation: () => undefined, saveClientInformation: () => {}, tokens: () => undefined, saveTokens: () => {},
    redirectToAuthorization: () => assert.fail("there is no login to go to"), saveCodeVerifier: () => {}, codeVerifier: () => "x",
  };
  await assert.rejects(make().connect(transport({ fetch: watched, authProvider: provider })), (error) => !/JSON|Unexpected token/.test(error.message));
  const asked = seen.filter((one) => one.path !== "/mcp");
  assert.ok(asked.length > 1 && asked.every((one) => one.status === 404 && one.kind === "application/problem+json"), JSON.stringify(seen));
  console.log(`npm ${name} calls every tool in ${revision}; ${asked.map((one) => `${one.method} ${one.path}`).join(", ")} find no login`);
}
const balance = clients[0].client();
await balance.connect(clients[0].transport(bearing(world.token)));
const { structuredContent } = await balance.callTool({ name: "balance", arguments: {} });
assert.deepEqual(structuredContent, { available: world.credits - spent, held: 0 });
await balance.close();
