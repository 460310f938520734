// Has next-auth 4.24.15 and @auth/core 0.41.3 (Auth.js v5) make session cookies for us to read, and next-auth read ours.
//
// Run:  npm ci --legacy-peer-deps --ignore-scripts
//       node session_cookies.mjs make VECTORS    writes the vectors; running it again changes nothing
//       node session_cookies.mjs read OURS       reads what the example `session_cookies` of postly-http wrote
// as `cargo xtask oracles` does, in a copy of this folder.

import { deepStrictEqual } from "node:assert";
import nodeCrypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";

const [mode, file] = process.argv.slice(2);
const MADE_AT_S = 1_800_000_000;
const CENTURY_S = 100 * 365 * 24 * 60 * 60;

// For vectors, the clock stands still and the dice are a counter: so that the same come out each time.
if (mode === "make") {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      super(...(parts.length ? parts : [MADE_AT_S * 1000]));
    }
    static now() {
      return MADE_AT_S * 1000;
    }
  };
  let drawn = 0;
  const fill = (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let at = 0; at < bytes.length; at += 32) {
      const block = nodeCrypto.createHash("sha256").update(`${drawn++}`).digest();
      bytes.set(block.subarray(0, Math.min(32, bytes.length - at)), at);
    }
    return view;
  };
  const uuid = () => {
    const hex = Buffer.from(fill(new Uint8Array(16))).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  };
  nodeCrypto.randomFillSync = fill;
  nodeCrypto.randomBytes = (bytes) => fill(Buffer.alloc(bytes));
  nodeCrypto.randomUUID = uuid;
  syncBuiltinESMExports();
  globalThis.crypto.getRandomValues = fill;
  globalThis.crypto.randomUUID = uuid;
}

const require = createRequire(import.meta.url);
const v4 = require("next-auth/jwt");
// Neither is exported: the handler behind every route, and what cuts a long cookie into pieces.
const { AuthHandler } = require("./node_modules/next-auth/core/index.js");
const v4Cookies = require("./node_modules/next-auth/core/lib/cookie.js");
const v5 = await import("@auth/core/jwt");
const v5Cookies = await import("./node_modules/@auth/core/lib/utils/cookie.js");
const { EncryptJWT, base64url, calculateJwkThumbprint } = await import("jose");
const { hkdf } = await import("@panva/hkdf");

const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const nameV4 = (https) => v4Cookies.defaultCookies(https).sessionToken.name;
const nameV5 = (https) => v5Cookies.defaultCookies(https).sessionToken.name;

/** What `GET /api/auth/session` of a next-auth site answers to these cookies: it seals the token again. */
async function session(cookies, secret, https) {
  process.env.NEXTAUTH_URL = https ? "https://site.example" : "http://site.example";
  return AuthHandler({
    req: { action: "session", method: "GET", headers: {}, query: {}, cookies, origin: process.env.NEXTAUTH_URL },
    options: { secret, providers: [], session: { strategy: "jwt", maxAge: CENTURY_S } },
  });
}

const PLAIN = "a secret of 32 bytes, or so, for tests";
// A secret is a text, even where it looks like Base64 or has letters of other scripts.
const BASE64 = "c2VjcmV0IHRoYXQgbG9va3MgbGlrZSBiYXNlNjQ=";
const ACCENTS = "un secret à accents, ключ, 🔑";

const author = { sub: "01990000-0000-7000-8000-000000000001" };
const ours = { ...author, sid: "01990000-0000-7000-8000-0000000000aa" };
const profile = { name: "Fatou", email: "fatou@example.org", picture: null };
const long = { ...ours, ...profile, picture: `data:image/png;base64,${"A".repeat(4000)}` };

const vectors = [];

function keep(name, { secrets, https, shared, cookies, token, holds = true }) {
  const claims = holds && {
    sub: token.sub,
    sid: token.sid ?? null,
    email: token.email ?? null,
    issued_at_s: MADE_AT_S,
    expires_at_s: MADE_AT_S + CENTURY_S,
  };
  const cookie = Object.entries(cookies).map((pair) => pair.join("=")).join("; ");
  vectors.push({ name, secrets, https, shared, cookie, claims: claims || null });
}

/** The cookies that a site sets for a token, in pieces where it is long. */
function cut(store, name, value) {
  const pieces = new store({ name, options: {} }, { cookies: {} }, { debug() {} }).chunk(value, {});
  return Object.fromEntries(pieces.map((piece) => [piece.name, piece.value]));
}

async function byNextAuth(name, token, { secret = PLAIN, secrets = [secret], https = false, salt, again = false }) {
  const sealed = await v4.encode({ token, secret, salt, maxAge: CENTURY_S });
  let cookies = cut(v4Cookies.SessionStore, nameV4(https), sealed);
  if (again) {
    const answer = await session(cookies, secret, https);
    cookies = Object.fromEntries(answer.cookies.map((cookie) => [cookie.name, cookie.value]));
  }
  const opened = await v4.getToken({ req: { headers: {}, cookies }, secret, secureCookie: https });
  const holds = secrets.includes(secret) && opened !== null;
  if (holds) deepStrictEqual([opened.sub, opened.sid, opened.email], [token.sub, token.sid, token.email]);
  keep(`next-auth: ${name}`, { secrets, https, shared: false, cookies, token, holds });
}

async function byAuthJs(name, token, { secret = PLAIN, secrets = [secret], https = false, salt, gcm, kid = true }) {
  const cookieName = nameV5(https);
  const sealed = gcm
    ? await sealGcm(token, secret, cookieName, kid)
    : await v5.encode({ token, secret, salt: salt ?? cookieName, maxAge: CENTURY_S });
  const cookies = cut(v5Cookies.SessionStore, cookieName, sealed);
  const headers = { cookie: Object.entries(cookies).map((pair) => pair.join("=")).join("; ") };
  // What Auth.js makes of it decides what we must.
  const opened = await v5.getToken({ req: { headers }, secret: secrets, secureCookie: https });
  if (opened) deepStrictEqual([opened.sub, opened.sid, opened.email], [token.sub, token.sid, token.email]);
  keep(`Auth.js: ${name}`, { secrets, https, shared: true, cookies, token, holds: opened !== null });
}

/** Auth.js reads A256GCM, and writes none: so its decoder is what vouches for these. */
async function sealGcm(token, secret, salt, kid) {
  const key = await hkdf("sha256", secret, salt, `Auth.js Generated Encryption Key (${salt})`, 32);
  const thumbprint = await calculateJwkThumbprint({ kty: "oct", k: base64url.encode(key) }, "sha256");
  return new EncryptJWT(token)
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", ...(kid && { kid: thumbprint }) })
    .setIssuedAt()
    .setExpirationTime(MADE_AT_S + CENTURY_S)
    .encrypt(key);
}

async function make() {
  await byNextAuth("a session of ours", ours, {});
  await byNextAuth("a session of ours, on https", ours, { https: true });
  await byNextAuth("a session without sid, with a profile", { ...author, ...profile }, {});
  await byNextAuth("a secret that looks like Base64", ours, { secret: BASE64 });
  await byNextAuth("a secret with accents", ours, { secret: ACCENTS, https: true });
  await byNextAuth("in pieces", long, {});
  await byNextAuth("in pieces, on https", long, { https: true });
  await byNextAuth("sealed again by /api/auth/session", { ...ours, ...profile }, { again: true });
  await byNextAuth("sealed again in pieces, on https", long, { again: true, https: true });
  await byNextAuth("under the older secret", ours, { secrets: [BASE64, PLAIN] });
  await byNextAuth("under a secret that was removed", ours, { secrets: [BASE64, ACCENTS] });
  await byNextAuth("salted, for another cookie", ours, { salt: "next-auth.state" });

  await byAuthJs("a session", author, {});
  await byAuthJs("a session, on https", { ...author, ...profile }, { https: true });
  await byAuthJs("with a sid", ours, {});
  await byAuthJs("a secret with accents", ours, { secret: ACCENTS });
  await byAuthJs("in pieces", long, { https: true });
  await byAuthJs("under the older secret", author, { secrets: [BASE64, PLAIN] });
  await byAuthJs("under a secret that was removed", author, { secrets: [BASE64, ACCENTS] });
  await byAuthJs("salted, for another cookie", author, { salt: "authjs.state" });
  await byAuthJs("A256GCM", author, { gcm: true });
  await byAuthJs("A256GCM under the older secret", author, { gcm: true, secrets: [BASE64, PLAIN] });
  await byAuthJs("A256GCM without kid", author, { gcm: true, kid: false });
  await byAuthJs("A256GCM without kid, under the older secret", author, {
    gcm: true,
    kid: false,
    secrets: [BASE64, PLAIN],
  });

  const made_by = Object.fromEntries(["next-auth", "@auth/core"].map((name) => [name, version(name)]));
  const refused = vectors.filter((vector) => vector.claims === null).map((vector) => vector.name);
  console.log(`${vectors.length} session cookies, of which these are refused:`, refused);
  writeFileSync(file, `${JSON.stringify({ made_by, made_at_s: MADE_AT_S, vectors }, null, 1)}\n`);
}

/** Reads our cookies as a next-auth site would, then has that site seal them again. */
async function read() {
  const lines = readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const { secret, https, set_cookie, claims } of lines) {
    const [name, value] = set_cookie.split(";")[0].split("=");
    const expected = { sub: claims.sub, sid: claims.sid, email: claims.email };
    const cookies = { [name]: value };
    const check = async (cookies) => {
      const token = await v4.getToken({ req: { headers: {}, cookies }, secret, secureCookie: https });
      const { sub, sid = null, email = null } = token;
      deepStrictEqual({ sub, sid, email }, expected);
      return token;
    };
    const token = await check(cookies);
    deepStrictEqual([token.iat, token.exp], [claims.issued_at_s, claims.expires_at_s]);
    const answer = await session(cookies, secret, https);
    const again = await check(Object.fromEntries(answer.cookies.map((cookie) => [cookie.name, cookie.value])));
    if (again.jti === token.jti) throw new Error("next-auth has not sealed it again");
  }
  if (lines.length === 0) throw new Error("there is nothing to read");
  console.log(`next-auth ${version("next-auth")} reads ${lines.length} cookies of ours, and keeps what they say`);
}

await { make, read }[mode]();
