// Every journey of an author, by keyboard alone or without a script.
import assert from "node:assert/strict";

// Fills in and presses with a mouse, as far as Playwright has one.
export class Mouse {
  constructor(page) { this.page = page; }
  type(selector, text) { return this.page.fill(selector, text); }
  press(selector) { return this.page.click(selector); }
  choose(selector, value) { return this.page.selectOption(selector, value); }
  check(selector) { return this.page.check(selector); }
}

// Reaches each element by the Tab key, and uses it as a keyboard does.
export class Keyboard {
  constructor(page) { this.page = page; }

  async reach(selector) {
    for (let pressed = 0; pressed < 120; pressed += 1) {
      if (await this.page.evaluate((selector) => document.activeElement?.matches(selector), selector)) return;
      await this.page.keyboard.press("Tab");
    }
    assert.fail(`the keyboard does not reach ${selector}`);
  }

  async type(selector, text) {
    await this.reach(selector);
    await this.page.keyboard.press("Control+a");
    await this.page.keyboard.type(text);
  }

  async press(selector) {
    await this.reach(selector);
    await this.page.keyboard.press("Enter");
  }

  async choose(selector, value) {
    await this.reach(selector);
    const at = () => this.page.inputValue(selector);
    await this.page.keyboard.press("Home");
    for (let pressed = 0; pressed < 20 && (await at()) !== value; pressed += 1) await this.page.keyboard.press("ArrowDown");
    assert.equal(await at(), value, selector);
  }

  async check(selector) {
    await this.reach(selector);
    await this.page.keyboard.press("Space");
  }
}

const PASSWORD = "un croissant doré";

async function logInByPassword(app, hands, email) {
  await hands.page.waitForURL(`${app}/login`);
  await hands.press("details.group > summary");
  await hands.type("#email", email);
  await hands.type("#secret", PASSWORD);
  await hands.press("#password button");
  await hands.page.waitForURL(`${app}/dashboard`);
}

// Types the code that arrives at the phone after the number was sent.
async function proveNumber(hands, her, asked = () => {}) {
  const known = (await her.received()).length;
  await hands.type("#number-phone", her.number);
  await hands.press("#number button");
  await hands.page.waitForSelector("#code-code", { state: "visible" });
  await asked();
  await hands.type("#code-code", (await her.message(/\d{6}/, known)).match(/\d{6}/)[0]);
  await hands.press("#code button");
}

// Write and change posts, search, buy, use each setting of the account, log in again, and erase.
async function life(app, hands, her, { script }) {
  const { page } = hands;
  const email = `journey-${her.number.slice(-4)}@example.com`;
  const noted = () => page.waitForSelector("main > .note");
  await page.waitForURL(`${app}/dashboard`);
  await hands.type("#brief", "GEN promo brioche 4 € samedi");
  await hands.choose("#platform", "facebook");
  await hands.press("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  assert.equal(await page.locator(".preview").count(), 3);
  if (script) {
    await hands.press("[data-copy=text-1]");
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("rioche"));
  }
  await hands.press("form[action$='/used'] button");
  await page.waitForSelector(".post.chosen");
  const first = page.url();
  await hands.type("#instruction", "plus court");
  await hands.press("form[action$='/refine'] button");
  await page.waitForURL((url) => /\/history\/[\w-]+$/.test(url.href) && url.href !== first);

  await hands.press("nav a[href='/history']");
  await page.waitForURL(`${app}/history`);
  await hands.type("#q", "brioche");
  await hands.choose("#platform", "facebook");
  await hands.choose("#origin", "web");
  await hands.press(".filters button");
  await page.waitForURL(/\/history\?/);
  assert.equal(await page.locator(".cards > li").count(), 2);
  await hands.press(".cards a");
  await page.waitForURL(/\/history\/[\w-]+$/);
  await page.goto(`${app}/history?q=autobus`);
  await page.waitForSelector(".empty");

  await hands.press("nav a[href='/credits']");
  await page.waitForURL(`${app}/credits`);
  await hands.press("a[href='/recharge']");
  await page.waitForURL(`${app}/recharge`);
  await hands.press("[data-pack=s]");
  if (!script) await hands.press("#main a.button");
  await page.waitForURL(/\/c\/pay\//);
  await hands.press("button[value=card]");
  await page.waitForURL(/\/recharge\/return/);
  await page.goto(`${app}/credits`);
  await hands.press("a[href^='/credits/receipt/']");
  await page.waitForURL(/\/stripe\/receipt\/ch_/);

  await page.goto(`${app}/account`);
  await hands.choose("#language", "en");
  await hands.press("form[action='/account/language'] button");
  await page.waitForSelector("html[lang=en] main > .note");
  await hands.press("a[href='/account/brand']");
  await page.waitForURL(`${app}/account/brand`);
  await hands.type("#name", "Chez Fatou");
  await hands.choose("#address", "informal");
  await hands.press("form[action='/account/brand'] button");
  await noted();
  assert.equal(await page.inputValue("#name"), "Chez Fatou");
  await hands.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await hands.type("#email", email);
  await hands.type("#new-password", PASSWORD);
  if (await page.locator("#current").count()) await hands.type("#current", PASSWORD);
  await hands.press("#login button");
  await noted();
  await hands.press("#tokens > summary");
  await hands.type("#token-name", "Ma caisse");
  await hands.press("#tokens form.row button");
  await page.waitForSelector("#secret-token");
  await hands.press("#tokens .sessions button");
  await noted();
  for (const path of ["/api/me/export", "/api/credits.csv"]) {
    assert.ok((await page.context().request.get(`${app}${path}`)).ok(), path);
  }
  await hands.press(".bar form button");
  await logInByPassword(app, hands, email);
  await hands.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await hands.press("form[action='/account/sessions/end-all'] button");
  await page.waitForURL(`${app}/login`);
  // With a code that came without asking on this page.
  const before = (await her.received()).length;
  await her.send("LOGIN");
  await hands.press("details.group > summary");
  await hands.type("#have-phone", her.number);
  await hands.type("#have-code", (await her.message(/\d{6}/, before)).match(/\d{6}/)[0]);
  await hands.press("#have button");
  await page.waitForURL(`${app}/dashboard`);
  await hands.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await hands.press("form[action='/account/sessions/end'] button");
  await logInByPassword(app, hands, email);
  await hands.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await hands.press("a[href='/account/erase']");
  await page.waitForURL(`${app}/account/erase`);
  await hands.check("input[name=sure]");
  await hands.press("form[action='/account/erase'] button");
  await page.waitForSelector("[role=status]");
}

export async function keyboardOnly(app, browser, her) {
  const context = await browser.newContext({ locale: "fr-FR" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  await page.goto(`${app}/login`);
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.className === "skip"));
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.id === "number-phone"), "the link skips the navigation");
  const hands = new Keyboard(page);
  await proveNumber(hands, her, () => page.waitForFunction(() => document.activeElement.id === "code-code"));
  await life(app, hands, her, { script: true });
  await context.close();
}

export async function withoutScript(app, browser, her) {
  const context = await browser.newContext({ locale: "fr-FR", javaScriptEnabled: false });
  const page = await context.newPage();
  const hands = new Mouse(page);
  await page.goto(`${app}/signup`);
  await hands.type("#email", "first@example.com");
  await hands.type("#secret", PASSWORD);
  await hands.press("#password button");
  await page.waitForURL(`${app}/account*`);
  await proveNumber(hands, her);
  await page.waitForSelector("dd bdi");
  await hands.press("nav a[href='/dashboard']");
  await life(app, hands, her, { script: false });
  await context.close();
}
