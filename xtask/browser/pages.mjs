// The web app in Chromium, with a simulated phone beside it.
//   node pages.mjs APP PHONE CHROMIUM [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { Inspector } from "./look.mjs";

const [app, phone, executablePath, shots] = process.argv.slice(2);
const inspector = new Inspector(app, shots);
const look = (page, name) => inspector.look(page, name);
const lookAround = (context, pages, who) => inspector.lookAround(context, pages, who);
const BRIEF = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";
const PATIENCE = 15_000;
const VISITOR_PAGES = ["/", "/login", "/signup", "/legal", "/terms", "/privacy", "/recharge", "/recharge/return", "/nowhere", "/api/docs"];
const MEMBER_PAGES = ["/dashboard", "/history", "/credits", "/account", "/account/brand", "/account/erase", "/recharge", "/legal", "/nowhere", "/api/docs"];

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
  async received() {
    const query = new URLSearchParams({ channel: "meta", number: this.number });
    const state = await (await fetch(`${phone}/phone/state?${query}`)).json();
    return state.messages.filter((message) => !message.mine).map((message) => message.text);
  }
  // The first message from `known` on that has this in it.
  message(pattern, known = 0) {
    return until(`a message with ${pattern}`, async () => (await this.received()).slice(known).find((text) => pattern.test(text)));
  }
}

// Number and code, as most people log in.
async function logIn(page, her) {
  await page.goto(`${app}/login`);
  assert.match(await page.inputValue("#number-phone"), /^\+33 /, "the country is there already");
  await page.fill("#number-phone", her.number);
  const known = (await her.received()).length;
  await page.click("#number button");
  await page.waitForSelector("#code-code", { state: "visible" });
  const code = (await her.message(/\d{6}/, known)).match(/\d{6}/)[0];
  await page.fill("#code-code", code);
  await page.press("#code-code", "Enter");
  await page.waitForURL(`${app}/dashboard`);
}

async function liveUpdates(context, her) {
  const page = await context.newPage();
  await page.goto(`${app}/dashboard`);
  await page.waitForSelector("#none:visible");
  const before = Number(await page.textContent("[data-balance]"));
  await her.send(BRIEF);
  await her.message(/\*3\.\*/);
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
  await page.goto(`${app}/dashboard`);
  await page.fill("#brief", "merci");
  await page.click("#write button");
  await page.waitForSelector("#brief-error:visible");
  await look(page, "dashboard-refused");
  const before = Number(await page.textContent("[data-balance]"));
  await page.fill("#brief", `${BRIEF} #boulangerie`);
  await page.fill("#tone", "drôle");
  await page.dblclick("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  assert.equal(await page.locator(".preview").count(), 3);
  assert.match(await page.textContent(".count"), /^\d+\/2200$/);
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
  await page.goto(`${app}/dashboard`);
  assert.equal(Number(await page.textContent("[data-balance]")), before - 1, "a double click is one generation");
  await page.close();
}

// Ten pages in one tab with the back/forward cache on, and eight tabs at once: six connections are all there are.
async function manyPages(context, her) {
  const page = await context.newPage();
  for (let round = 0; round < 10; round += 1) {
    const path = ["/dashboard", "/history", "/credits", "/account"][round % 4];
    await page.goto(`${app}${path}`, { timeout: PATIENCE });
    await until("the stream", () => page.evaluate(() => performance.getEntriesByType("resource").some(({ name }) => name.includes("/api/events"))
      || navigator.locks.query().then(({ held }) => held.length > 0)));
  }
  await page.evaluate(() => history.back());
  await page.waitForURL(`${app}/dashboard`);
  await page.waitForSelector("#write");
  const tabs = await Promise.all(Array.from({ length: 8 }, async () => {
    const tab = await context.newPage();
    await tab.goto(`${app}/dashboard`, { timeout: PATIENCE });
    return tab;
  }));
  const known = (await her.received()).length;
  await her.send("GEN promo tarte aux pommes 3 €");
  await her.message(/\*3\.\*/, known);
  for (const tab of tabs) await tab.waitForFunction(() => document.querySelector("#recent [data-card] .brief").textContent.includes("tarte"));
  // The tab that leads goes; another takes its place.
  await page.close();
  await tabs[0].close();
  await her.send("GEN promo éclairs au café 2 €");
  for (const tab of tabs.slice(1)) {
    await tab.waitForFunction(() => document.querySelector("#recent [data-card] .brief").textContent.includes("éclairs"));
  }
  for (const tab of tabs.slice(1)) await tab.close();
}

async function account(context) {
  const page = await context.newPage();
  await page.goto(`${app}/account`);
  await page.fill("#email", "fatou@example.com");
  await page.fill("#new-password", "un croissant doré");
  await page.click("#login button");
  await page.waitForSelector("main > .note");
  await look(page, "account-saved");
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

async function keyboardOnly(browser) {
  const context = await browser.newContext({ locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(`${app}/login`);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.textContent);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "skip");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "number-phone");
  await page.keyboard.type("6 39 98 17 77");
  await page.keyboard.press("Enter");
  await until("the code's field has the focus", async () => (await focused()) === "code-code");
  await context.close();
}

async function withoutScript(browser, her) {
  const context = await browser.newContext({ locale: "fr-FR", javaScriptEnabled: false });
  const page = await context.newPage();
  const known = (await her.received()).length;
  await her.send("LOGIN");
  const code = (await her.message(/\d{6}/, known)).match(/\d{6}/)[0];
  await page.goto(`${app}/login`);
  await page.click("details summary");
  await page.fill("#have-phone", her.number);
  await page.fill("#have-code", code);
  await page.click("#have button");
  await page.waitForURL(`${app}/dashboard`);
  await page.fill("#brief", "GEN promo baguette 1 €");
  await page.click("#write button");
  await page.waitForURL(/\/history\//);
  assert.equal(await page.locator(".preview").count(), 3);
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
  await manyPages(context, fatou);
  await account(context);
  await lookAround(context, MEMBER_PAGES, "fr");
  const page = await context.newPage();
  await page.goto(`${app}/account`);
  await page.selectOption("#language", "ar");
  await page.click("form[action='/account/language'] button");
  await page.waitForSelector("html[dir=rtl] main > .note");
  await page.close();
  await lookAround(context, MEMBER_PAGES, "ar");
  await keyboardOnly(browser);
  const awa = new Phone("+33639981235");
  await awa.send("bonjour");
  await withoutScript(browser, awa);
  assert.deepEqual(failures, [], "no script failed");
  console.log(`${inspector.looked} looks at pages without a violation; live updates, tabs, keyboard and no script as they should be`);
} finally {
  await browser.close();
}
