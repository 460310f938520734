// What a browser does with the app of examples/nextjs and the service behind one proxy.
// Run: node journey.mjs WORLD PORTS, where WORLD is the line of the example `running_service` of postly-testkit, and PORTS are those
// of the proxy and of the app with a wrong secret.
import assert from "node:assert/strict";
import http from "node:http";
import https from "node:https";

const world = { ...JSON.parse(process.argv[2]), ...JSON.parse(process.argv[3]) };
const HOST = new URL(world.public_base_url).host;
const SESSION = "__Secure-next-auth.session-token";
const BRIEF = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const DAYS_30 = 30 * 24 * 3600;

/** One request, with the cookies of a jar, which keeps what it is told to. */
function request(jar, method, path, { body, headers = {}, port } = {}) {
  const cookie = Object.entries(jar).map(([name, value]) => `${name}=${value}`).join("; ");
  const options = {
    host: "127.0.0.1", port: port ?? world.proxy_port, method, path, servername: HOST, rejectUnauthorized: false,
    headers: { host: HOST, ...(cookie && { cookie }), ...(body && { "content-type": "application/json" }), ...headers },
  };
  return new Promise((resolve, reject) => {
    const sent = (port ? http : https).request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part)).on("error", reject).on("end", () => {
        const cookies = (response.headers["set-cookie"] ?? []).map((line) => {
          const [pair, ...attributes] = line.split(/; */);
          const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
          const attribute = (wanted) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
          if (value === "" || attribute("max-age") === "0") delete jar[name];
          else jar[name] = value;
          return { name, value, expires: attribute("expires"), maxAge: attribute("max-age") };
        });
        resolve({ status: response.statusCode, headers: response.headers, text, cookies, json: () => JSON.parse(text) });
      });
    });
    sent.setTimeout(40_000, () => sent.destroy(new Error(`${method} ${path}: no answer`))).on("error", reject);
    sent.end(body && JSON.stringify(body));
  });
}
const isPostly = (answer) => answer.headers["x-request-id"] !== undefined;

// Every path of the service goes to it, and the rest to the app.
for (const path of [
  "/api/whatsapp/webhook", "/api/stripe/webhook", "/api/billing/packs", "/api/credits", "/api/credits.csv", "/api/generations",
  "/api/generations/x", "/api/brand", "/api/events", "/api/tokens", "/api/me", "/api/me/export", "/api/auth/request-otp",
  "/api/auth/verify-otp", "/api/auth/signup", "/api/auth/login", "/api/auth/logout", "/api/auth/sessions", "/api/auth/phrase",
  "/api/auth/phrase/verify", "/api/auth/link", "/recharge", "/recharge/return", "/mcp",
]) assert.ok(isPostly(await request({}, "GET", path)), `${path} is the service's`);
for (const path of ["/", "/login", "/api/auth/session", "/api/auth/csrf", "/api/metrics", "/rechargeable", "/mcps", "/.well-known/x"])
  assert.ok(!isPostly(await request({}, "GET", path)), `${path} is the app's`);
// A page of ours among the app's has its style.
const style = (await request({}, "GET", "/recharge")).text.match(/\/assets\/page\.[0-9a-f]+\.css/)[0];
assert.equal((await request({}, "GET", style)).headers["content-type"], "text/css; charset=utf-8");

const jar = {};
const home = async (cookies = jar) => (await request(cookies, "GET", "/")).text.replaceAll("<!-- -->", "");
assert.match(await home(), /href="\/login"/);
const { email, password } = world;
const entered = await request(jar, "POST", "/api/auth/login", { body: { email, password } });
assert.equal(entered.status, 200, entered.text);
assert.ok(jar[SESSION]);

// The app reads our session with getServerSession, and shows what /api/me says.
const shown = await home();
assert.ok(shown.includes(`<dd>${email}</dd>`) && shown.includes(`<dd>${world.credits}</dd>`), shown);
const written = await request(jar, "POST", "/api/generations", { body: { brief: BRIEF }, headers: { "idempotency-key": "one" } });
assert.equal(written.status, 201, written.text);
assert.equal(written.json().variants.length, 3);
assert.ok((await home()).includes(`<dd>${world.credits - 1}</dd>`));

// Reading the session through NextAuth makes a cookie of 30 days, in which our `sid` stays.
const ours = jar[SESSION];
const read = await request(jar, "GET", "/api/auth/session");
assert.equal(read.json().user.email, email);
const remade = read.cookies.find((cookie) => cookie.name === SESSION);
assert.notEqual(remade.value, ours);
const left = (new Date(remade.expires) - Date.now()) / 1000;
assert.ok(Math.abs(left - DAYS_30) < 3600, `${left} s`);
for (const cookie of [ours, remade.value])
  assert.equal((await request({ [SESSION]: cookie }, "GET", "/api/me")).status, 200);

// The end of a session ends it everywhere, whatever NextAuth still reads in the cookie.
assert.equal((await request({ ...jar }, "POST", "/api/auth/logout")).status, 200);
for (const cookie of [ours, remade.value]) {
  assert.equal((await request({ [SESSION]: cookie }, "GET", "/api/me")).status, 401);
  assert.match(await home({ [SESSION]: cookie }), /href="\/login"/);
}
assert.equal((await request({ [SESSION]: remade.value }, "GET", "/api/auth/session")).json().user.email, email);

// An app with a wrong secret deletes our cookie.
const again = {};
await request(again, "POST", "/api/auth/login", { body: { email, password } });
const good = again[SESSION];
const spoiled = await request(again, "GET", "/api/auth/session", { port: world.wrong_secret_port });
assert.deepEqual([spoiled.status, spoiled.json(), again[SESSION]], [200, {}, undefined]);
assert.equal((await request({ [SESSION]: good }, "GET", "/api/me")).status, 200);
console.log("the Next.js app reads our session, writes posts, and loses the session when we end it");
