// The web app in Chromium, with a simulated phone beside it.
//   node pages.mjs APP PHONE CHROMIUM [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import http from "node:http";
import { chromium } from "playwright-core";
import { Keyboard, Mouse, keyboardOnly, withoutScript } from "./journeys.mjs";
import { Inspector } from "./look.mjs";

const [app, phone, executablePath, shots] = process.argv.slice(2);
const inspector = new Inspector(app, shots);
const look = (page, name) => inspector.look(page, name);
const lookAround = (context, pages, language) => inspector.lookAround(context, pages, language, language);
const BRIEF = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const PATIENCE = 15_000;
const VISITOR_PAGES = ["/", "/login", "/signup", "/legal", "/terms", "/privacy", "/recharge", "/recharge/return", "/reset", "/nowhere", "/api/docs"];
const MEMBER_PAGES = ["/dashboard", "/history", "/credits", "/account", "/account/brand", "/account/erase", "/recharge", "/recharge/return", "/reset", "/legal", "/nowhere", "/api/docs"];

const until = async (what, condition) => {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const found = await condition();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`waited in vain: ${what}`);
};

// The phone of somebody who writes through Meta.
class Phone {
  constructor(number) { this.number = number; }
  async send(text) {
    const body = JSON.stringify({ channel: "meta", number: this.number, text });
    const response = await fetch(`${phone}/phone/send`, { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.ok(response.ok, await response.text());
  }
  async bubbles() {
    const query = new URLSearchParams({ channel: "meta", number: this.number });
    const state = await (await fetch(`${phone}/phone/state?${query}`)).json();
    return state.messages.filter((message) => !message.mine);
  }
  async received() {
    return (await this.bubbles()).map((message) => message.text);
  }
  // The first message from `known` on that has this in it.
  message(pattern, known = 0) {
    return until(`a message with ${pattern}`, async () => (await this.received()).slice(known).find((text) => pattern.test(text)));
  }
}

// Number and code, as most people log in.
async function logIn(page, author) {
  await page.goto(`${app}/login`);
  assert.match(await page.inputValue("#number-phone"), /^\+33 /, "the country is there already");
  await page.fill("#number-phone", author.number);
  const known = (await author.received()).length;
  await page.click("#number button");
  await page.waitForSelector("#code-code", { state: "visible" });
  await look(page, "login-code");
  const code = (await author.message(/\d{6}/, known)).match(/\d{6}/)[0];
  await page.fill("#code-code", code);
  await page.press("#code-code", "Enter");
  await page.waitForURL(`${app}/dashboard`);
}

async function liveUpdates(context, author) {
  const page = await context.newPage();
  await page.goto(`${app}/dashboard`);
  await page.waitForSelector("#none:visible");
  const before = Number(await page.textContent("[data-balance]"));
  await author.send(BRIEF);
  await author.message(/\*3\.\*/);
  const answered = Date.now();
  await page.waitForSelector("#recent [data-card]");
  const took = Date.now() - answered;
  assert.ok(took < 1000, `the answer reached the page after ${took} ms`);
  await until("the balance", async () => Number(await page.textContent("[data-balance]")) === before - 1);
  await page.waitForSelector("#recent .tick[data-delivery=read], #recent .tick[data-delivery=delivered]");
  await look(page, "dashboard-live");
  await page.close();
}

async function write(context) {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  // The sheet of the system for sharing is beyond a page.
  await page.addInitScript(() => { navigator.share = async (data) => { window.shared = data; }; });
  await page.goto(`${app}/dashboard`);
  await page.fill("#brief", "merci");
  await page.click("#write button");
  await page.waitForSelector("#brief-error:visible");
  await look(page, "dashboard-refused");
  const before = Number(await page.textContent("[data-balance]"));
  await page.fill("#brief", `${BRIEF} #boulangerie`);
  await page.fill("#tone", "drôle");
  // The writer may be quicker than a look at the progress, so the page notes it.
  await page.evaluate(() => {
    const progress = document.querySelector("[data-progress]");
    new MutationObserver(() => { if (!progress.hidden) sessionStorage.setItem("progress", "shown"); }).observe(progress, { attributes: true });
  });
  await page.dblclick("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("progress")), "shown");
  assert.equal(await page.locator(".preview").count(), 3);
  const counts = await page.locator(".post:first-child .count").allTextContents();
  assert.match(counts[0], /^\d+\/2200$/);
  assert.match(counts[1], /^[1-5]\/5 #$/);
  assert.match(await page.textContent(".post .hint"), /^Angle: \S/);
  await page.click("[data-share=text-1]");
  await page.waitForFunction(() => window.shared);
  assert.equal(await page.evaluate(() => window.shared.text), await page.textContent("#text-1"));
  await page.click("[data-copy=text-2]");
  const [copied, shown] = [await page.evaluate(() => navigator.clipboard.readText()), await page.textContent("#text-2")];
  assert.equal(copied, shown);
  await page.locator("form[action$='/used'] button").nth(1).click();
  await page.waitForSelector(".post.chosen");
  await look(page, "posts");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await look(page, `posts-${width}-${colorScheme}`);
    }
  }
  await inspector.fits(page, "posts");
  await page.goto(`${app}/dashboard`);
  assert.equal(Number(await page.textContent("[data-balance]")), before - 1, "a double click is one generation");
  await page.fill("#brief", "GEN promo brioche 4 € samedi");
  await page.selectOption("#platform", "x");
  await page.click("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  assert.match(await page.textContent(".count"), /^\d+\/280$/);
  await page.close();
}

// The app behind a proxy that lets pages be kept in the back/forward cache, and that counts open streams.
function cachingProxy() {
  const proxy = { streams: 0 };
  const passOn = (request, response) => {
    if (request.url.startsWith("/api/events")) {
      proxy.streams += 1;
      response.on("close", () => { proxy.streams -= 1; });
    }
    const headers = { ...request.headers, host: new URL(app).host };
    const passed = http.request(`${app}${request.url}`, { method: request.method, headers }, (answer) => {
      const kept = Object.entries(answer.headers).filter(([name]) => name !== "cache-control");
      response.writeHead(answer.statusCode, Object.fromEntries(kept));
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  };
  proxy.server = http.createServer(passOn);
  return new Promise((resolve) => { proxy.server.listen(0, "127.0.0.1", () => resolve(proxy)); });
}

// Ten pages in one tab by links, with the back/forward cache on: a page that is left lets go of its stream.
async function tenPages(context) {
  const proxy = await cachingProxy();
  const page = await context.newPage();
  await page.addInitScript(() => addEventListener("pageshow", (event) => {
    if (event.persisted) sessionStorage.setItem("kept", "yes");
  }));
  await page.goto(`http://127.0.0.1:${proxy.server.address().port}/dashboard`);
  for (let round = 0; round < 10; round += 1) {
    const path = ["/history", "/credits", "/account", "/dashboard"][round % 4];
    await page.click(`nav a[href='${path}']`);
    await page.waitForURL(`**${path}`, { timeout: PATIENCE });
    await until("one stream", () => proxy.streams === 1);
  }
  await page.evaluate(() => history.back());
  await until("a page out of the cache", () => page.evaluate(() => sessionStorage.getItem("kept") === "yes").catch(() => false));
  await until("one stream", () => proxy.streams === 1);
  await page.close();
  await until("no stream", () => proxy.streams === 0);
  proxy.server.close();
}

// Eight tabs at once: six connections are all there are.
async function manyTabs(context, author) {
  const tabs = await Promise.all(Array.from({ length: 8 }, async () => {
    const tab = await context.newPage();
    await tab.goto(`${app}/dashboard`, { timeout: PATIENCE });
    return tab;
  }));
  const known = (await author.received()).length;
  await author.send("GEN promo tarte aux pommes 3 €");
  await author.message(/\*3\.\*/, known);
  for (const tab of tabs) await tab.waitForFunction(() => document.querySelector("#recent [data-card] .brief").textContent.includes("tarte"));
  // The tab that leads goes; another takes its place.
  await tabs[0].close();
  await author.send("GEN promo éclairs au café 2 €");
  for (const tab of tabs.slice(1)) {
    await tab.waitForFunction(() => document.querySelector("#recent [data-card] .brief").textContent.includes("éclairs"));
  }
  for (const tab of tabs.slice(1)) await tab.close();
}

// The links that WhatsApp brings: a log-in, and a purchase in a browser that is not logged in.
async function linksOfWhatsapp(browser, author) {
  const context = await browser.newContext({ locale: "fr-FR", viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const known = (await author.received()).length;
  await author.send("RECHARGER");
  const shop = await until("a link to the shop", async () => {
    const bubble = (await author.bubbles()).slice(known).find(({ text }) => /4,90/.test(text));
    return bubble && (bubble.buttons[0]?.opens || bubble.text.match(/https?:\S+\/recharge#\S+/)[0]);
  });
  await page.goto(shop);
  await page.waitForSelector("[data-pack=s]:visible");
  await look(page, "recharge-by-link");
  await page.click("[data-pack=s]");
  await page.waitForURL(/\/c\/pay\//);
  await page.click("button[value=card]");
  await page.waitForURL(/\/recharge\/return/);
  await look(page, "recharge-by-link-paid");
  const before = (await author.received()).length;
  await author.send("LOGIN");
  await page.goto((await author.message(/\/login#/, before)).match(/https?:\S+\/login#\S+/)[0]);
  await page.waitForSelector("#open button", { state: "visible" });
  await look(page, "login-by-link");
  await page.click("#open button");
  await page.waitForURL(`${app}/dashboard`);
  await context.close();
}

async function account(context) {
  const page = await context.newPage();
  await page.goto(`${app}/account`);
  await page.fill("#email", "fatou@example.com");
  await page.fill("#new-password", "un croissant doré");
  await page.click("#login button");
  await page.waitForSelector("main > .note");
  await look(page, "account-saved");
  await page.click("#tokens > summary");
  await page.fill("#token-name", "Ma caisse");
  await page.click("#tokens form.row button");
  const token = await page.textContent("#secret-token");
  await look(page, "account-token");
  const bearing = { headers: { authorization: `Bearer ${token}` } };
  assert.equal((await fetch(`${app}/api/me`, bearing)).status, 200);
  await page.click("#tokens .sessions button");
  await page.waitForSelector("main > .note");
  assert.equal((await fetch(`${app}/api/me`, bearing)).status, 401);
  await page.close();
}

// The life of an author: land, sign up, link the number, write on both sides, buy, read the statement, export, erase.
async function life(browser, locale, viewport, author) {
  const name = `life-${locale.slice(0, 2)}-${viewport.width}`;
  const context = await browser.newContext({ locale, viewport });
  context.on("weberror", (error) => failures.push(String(error.error())));
  const page = await context.newPage();
  await page.goto(`${app}/`);
  await page.click(".hero .button[href='/login']");
  await page.waitForURL(`${app}/login`);
  await page.click("a[href='/signup']");
  await page.waitForURL(`${app}/signup`);
  const onDesk = viewport.width >= 700;
  const input = onDesk ? new Keyboard(page) : new Mouse(page);
  await input.type("#email", `${name}@example.com`);
  await input.type("#secret", "un croissant doré");
  await input.press("#password button");
  await page.waitForURL(`${app}/account*`);
  await page.waitForSelector("#number-phone", { state: "visible" });
  await look(page, `${name}-signed-up`);
  const known = (await author.received()).length;
  const code = async () => (await author.message(/\d{6}/, known)).match(/\d{6}/)[0];
  if (!onDesk) {
    await page.fill("#number-phone", author.number);
    await page.click("#number button");
    await page.waitForSelector("#code-code", { state: "visible" });
    await page.fill("#code-code", await code());
    await page.press("#code-code", "Enter");
  } else {
    await input.press("#phrase button");
    const url = new URL(await (await page.waitForSelector("#phrase-url[href]")).getAttribute("href"));
    await author.send(url.searchParams.get("text"));
    await look(page, `${name}-phrase`);
    await input.type("#phrase-code", await code());
    await input.press("#phrase-next form button");
  }
  await page.waitForSelector("dd bdi");
  assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2), "the account keeps the browser's language");
  await page.goto(`${app}/dashboard`);
  const balance = async () => Number(await page.textContent("[data-balance]"));
  assert.ok((await balance()) > 0, "the number brought welcome credits");
  // The first message brings the trial credits.
  const heard = (await author.received()).length;
  await author.send("SOLDE");
  await author.message(/\d/, heard);
  await page.reload();
  const before = await balance();
  await page.fill("#brief", `GEN ${BRIEF}`);
  await page.click("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  await look(page, `${name}-posts`);
  await page.goto(`${app}/dashboard`);
  await author.send("GEN promo tarte aux pommes 3 €");
  await until("one balance", async () => (await balance()) === before - 2);
  await page.goto(`${app}/recharge`);
  await look(page, `${name}-packs`);
  await page.click("[data-pack=s]");
  await page.waitForURL(/\/c\/pay\//);
  await look(page, `${name}-pay`);
  await page.click("button[value=card]");
  await page.waitForURL(/\/recharge\/return/);
  await look(page, `${name}-paid`);
  await until("the credits", async () => {
    await page.goto(`${app}/credits`);
    return (await balance()) === before - 2 + 20;
  });
  const changes = (await page.locator("tbody .num").allTextContents()).map(Number);
  assert.equal(changes.reduce((sum, change) => sum + change, 0), await balance(), "the statement adds up");
  await look(page, `${name}-statement`);
  assert.equal(await page.getAttribute("html", "lang"), locale.slice(0, 2), "French briefs change nothing");
  await page.click("a[href^='/credits/receipt/']");
  await page.waitForURL(/\/stripe\/receipt\/ch_/);
  await look(page, `${name}-receipt`);
  const exported = await (await context.request.get(`${app}/api/me/export`)).text();
  for (const part of [`${name}@example.com`, author.number, "tarte aux pommes"]) assert.ok(exported.includes(part), part);
  await page.goto(`${app}/account/erase`);
  await page.check("input[name=sure]");
  await page.click("form[action='/account/erase'] button");
  await page.waitForSelector("[role=status]");
  await look(page, `${name}-erased`);
  assert.equal((await context.request.get(`${app}/api/me`)).status(), 401);
  await context.close();
}

// What a first visit costs: bytes on the wire, requests before the first text, and nothing that jumps.
async function budget(browser) {
  for (const path of ["/", "/login", "/signup"]) {
    const context = await browser.newContext({ locale: "fr-FR", viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    const wire = await context.newCDPSession(page);
    await wire.send("Network.enable");
    let bytes = 0;
    const began = new Map();
    wire.on("Network.requestWillBeSent", ({ requestId, timestamp, request }) => {
      if (!request.url.startsWith("data:")) began.set(requestId, timestamp);
    });
    wire.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
    await page.goto(`${app}${path}`, { waitUntil: "networkidle" });
    const { text, shift } = await page.evaluate(() => new Promise((resolve) => {
      let shift = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) shift += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
      const text = performance.getEntriesByName("first-contentful-paint")[0].startTime;
      setTimeout(() => resolve({ text, shift }), 200);
    }));
    const start = Math.min(...began.values());
    const requests = [...began.values()].filter((at) => (at - start) * 1000 < text).length;
    assert.ok(bytes <= 60_000, `${path}: ${bytes} bytes on the wire`);
    assert.ok(requests <= 3, `${path}: ${requests} requests before the first text`);
    assert.equal(shift, 0, `${path}: the layout shifts by ${shift}`);
    console.log(`${path}: ${bytes} bytes on the wire, ${requests} requests before the first text, no layout shift`);
    await context.close();
  }
}

// The simulated phone with its tools, and the simulated Stripe.
async function simulators(browser) {
  const context = await browser.newContext({ locale: "fr-FR" });
  const page = await context.newPage();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of [[390, 844], [1280, 900]]) {
      await page.setViewportSize({ width, height });
      await page.goto(`${phone}/phone?text=${encodeURIComponent("Postly-AI #K7M4")}`);
      assert.equal(await page.inputValue("#text"), "Postly-AI #K7M4");
      await page.waitForSelector("#app:visible");
      await page.click(".tools summary");
      await page.waitForSelector("#traffic li");
      await look(page, `phone-${width}-${colorScheme}`);
    }
  }
  await page.goto(`${phone}/stripe`);
  await look(page, "stripe");
  // A fault that is switched on is met by the next message, and repaired by a retry after it is switched off.
  await page.goto(`${phone}/phone?number=%2B33639981299`);
  await page.click(".tools summary");
  await page.selectOption("#fault", "whatsapp_down");
  await page.fill("#text", "bonjour");
  await page.press("#text", "Enter");
  await page.waitForSelector("#traffic .fault");
  assert.equal(await page.locator(".bubble:not(.mine)").count(), 0, "nothing arrives meanwhile");
  await page.selectOption("#fault", "");
  await page.waitForSelector(".bubble:not(.mine) .text", { timeout: 60_000 });
  await context.close();
}

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox"],
  ignoreDefaultArgs: ["--disable-back-forward-cache"],
});
const failures = [];
try {
  for (const locale of ["fr-FR", "ar-MA"]) {
    const context = await browser.newContext({ locale });
    await lookAround(context, VISITOR_PAGES, locale.slice(0, 2));
    await context.close();
  }
  const fatou = new Phone("+33639981234");
  await fatou.send("bonjour");
  await fatou.message(/./);
  const context = await browser.newContext({ locale: "fr-FR" });
  context.on("weberror", (error) => failures.push(String(error.error())));
  await logIn(await context.newPage(), fatou);
  await liveUpdates(context, fatou);
  await write(context);
  await tenPages(context);
  await manyTabs(context, fatou);
  await linksOfWhatsapp(browser, fatou);
  await account(context);
  await lookAround(context, MEMBER_PAGES, "fr");
  const page = await context.newPage();
  await page.goto(`${app}/account`);
  await page.selectOption("#language", "ar");
  await page.click("form[action='/account/language'] button");
  await page.waitForSelector("html[dir=rtl] main > .note");
  await page.close();
  await lookAround(context, MEMBER_PAGES, "ar");
  await keyboardOnly(app, browser, new Phone("+33639981236"));
  await withoutScript(app, browser, new Phone("+33639981235"));
  let number = 33639981240;
  for (const locale of ["fr-FR", "ar-MA"]) {
    for (const viewport of [{ width: 390, height: 844 }, { width: 1280, height: 900 }]) {
      const someone = new Phone(`+${number}`);
      number += 1;
      await life(browser, locale, viewport, someone);
    }
  }
  await budget(browser);
  await simulators(browser);
  assert.deepEqual(failures, [], "no script failed");
  console.log(`${inspector.looked} looks at pages without a violation; an author's life, live updates, tabs, keyboard, no script, budget and simulators as they should be`);
} finally {
  await browser.close();
}
