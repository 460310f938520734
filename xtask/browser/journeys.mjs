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

async function logInByPassword(app, input, email) {
  await input.page.waitForURL(`${app}/login`);
  await input.press("details.group > summary");
  await input.type("#email", email);
  await input.type("#secret", PASSWORD);
  await input.press("#password button");
  await input.page.waitForURL(`${app}/dashboard`);
}

// Types the code that arrives at the phone after the number was sent.
async function proveNumber(input, author, asked = () => {}) {
  const known = (await author.received()).length;
  await input.type("#number-phone", author.number);
  await input.press("#number button");
  await input.page.waitForSelector("#code-code", { state: "visible" });
  await asked();
  await input.type("#code-code", (await author.message(/\d{6}/, known)).match(/\d{6}/)[0]);
  await input.press("#code button");
}

// Write and change posts, search, buy, use each setting of the account, log in again, and erase.
async function life(app, input, author, { script }) {
  const { page } = input;
  const email = `journey-${author.number.slice(-4)}@example.com`;
  const noted = () => page.waitForSelector("main > .note");
  await page.waitForURL(`${app}/dashboard`);
  await input.type("#brief", "GEN promo brioche 4 € samedi");
  await input.choose("#platform", "facebook");
  await input.press("#write button");
  await page.waitForURL(/\/history\/[\w-]+$/);
  assert.equal(await page.locator(".preview").count(), 3);
  if (script) {
    await input.press("[data-copy=text-1]");
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("rioche"));
  }
  await input.press("form[action$='/used'] button");
  await page.waitForSelector(".post.chosen");
  const first = page.url();
  await input.type("#instruction", "plus court");
  await input.press("form[action$='/refine'] button");
  await page.waitForURL((url) => /\/history\/[\w-]+$/.test(url.href) && url.href !== first);

  await input.press("nav a[href='/history']");
  await page.waitForURL(`${app}/history`);
  await input.type("#q", "brioche");
  await input.choose("#platform", "facebook");
  await input.choose("#origin", "web");
  await input.press(".filters button");
  await page.waitForURL(/\/history\?/);
  assert.equal(await page.locator(".cards > li").count(), 2);
  await input.press(".cards a");
  await page.waitForURL(/\/history\/[\w-]+$/);
  await page.goto(`${app}/history?q=autobus`);
  await page.waitForSelector(".empty");

  await input.press("nav a[href='/credits']");
  await page.waitForURL(`${app}/credits`);
  await input.press("a[href='/recharge']");
  await page.waitForURL(`${app}/recharge`);
  await input.press("[data-pack=s]");
  if (!script) await input.press("#main a.button");
  await page.waitForURL(/\/c\/pay\//);
  await input.press("button[value=card]");
  await page.waitForURL(/\/recharge\/return/);
  await page.goto(`${app}/credits`);
  await input.press("a[href^='/credits/receipt/']");
  await page.waitForURL(/\/stripe\/receipt\/ch_/);

  await page.goto(`${app}/account`);
  await input.choose("#language", "en");
  await input.press("form[action='/account/language'] button");
  await page.waitForSelector("html[lang=en] main > .note");
  await input.press("a[href='/account/brand']");
  await page.waitForURL(`${app}/account/brand`);
  await input.type("#name", "Chez Fatou");
  await input.choose("#address", "informal");
  await input.press("form[action='/account/brand'] button");
  await noted();
  assert.equal(await page.inputValue("#name"), "Chez Fatou");
  await input.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await input.type("#email", email);
  await input.type("#new-password", PASSWORD);
  if (await page.locator("#current").count()) await input.type("#current", PASSWORD);
  await input.press("#login button");
  await noted();
  await input.press("#tokens > summary");
  await input.type("#token-name", "Ma caisse");
  await input.press("#tokens form.row button");
  await page.waitForSelector("#secret-token");
  await input.press("#tokens .sessions button");
  await noted();
  for (const path of ["/api/me/export", "/api/credits.csv"]) {
    assert.ok((await page.context().request.get(`${app}${path}`)).ok(), path);
  }
  await input.press(".bar form button");
  await logInByPassword(app, input, email);
  await input.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await input.press("form[action='/account/sessions/end-all'] button");
  await page.waitForURL(`${app}/login`);
  // With a code that came without asking on this page.
  const before = (await author.received()).length;
  await author.send("LOGIN");
  await input.press("details.group > summary");
  await input.type("#have-phone", author.number);
  await input.type("#have-code", (await author.message(/\d{6}/, before)).match(/\d{6}/)[0]);
  await input.press("#have button");
  await page.waitForURL(`${app}/dashboard`);
  await input.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await input.press("form[action='/account/sessions/end'] button");
  await logInByPassword(app, input, email);
  await input.press("nav a[href='/account']");
  await page.waitForURL(`${app}/account`);
  await input.press("a[href='/account/erase']");
  await page.waitForURL(`${app}/account/erase`);
  await input.check("input[name=sure]");
  await input.press("form[action='/account/erase'] button");
  await page.waitForSelector("[role=status]");
}

export async function keyboardOnly(app, browser, author) {
  const context = await browser.newContext({ locale: "fr-FR" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  await page.goto(`${app}/login`);
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.className === "skip"));
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement.id === "number-phone"), "the link skips the navigation");
  const input = new Keyboard(page);
  await proveNumber(input, author, () => page.waitForFunction(() => document.activeElement.id === "code-code"));
  await life(app, input, author, { script: true });
  await context.close();
}

export async function withoutScript(app, browser, author) {
  const context = await browser.newContext({ locale: "fr-FR", javaScriptEnabled: false });
  const page = await context.newPage();
  const input = new Mouse(page);
  await page.goto(`${app}/signup`);
  await input.type("#email", "first@example.com");
  await input.type("#secret", PASSWORD);
  await input.press("#password button");
  await page.waitForURL(`${app}/account*`);
  await proveNumber(input, author);
  await page.waitForSelector("dd bdi");
  await input.press("nav a[href='/dashboard']");
  await life(app, input, author, { script: false });
  await context.close();
}
