// The operator's pages in Chromium, of a service that its provider does not answer.
//   node admin.mjs OPERATOR PUBLIC CHROMIUM PASSWORD APP-SECRET NUMBER-ID [FOLDER FOR SCREENSHOTS]
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";
import { Inspector } from "./look.mjs";

const [operator, publicly, executablePath, password, secret, numberId, shots] = process.argv.slice(2);
const inspector = new Inspector(operator, shots);
const PATIENCE = 15_000;
const AUTHOR = "33639981234";

// The webhook of Meta for a text of the author.
async function writes(text, number) {
  const message = { from: AUTHOR, id: `wamid.look${number}`, timestamp: String(Math.floor(Date.now() / 1000)), type: "text", text: { body: text } };
  const value = {
    messaging_product: "whatsapp",
    metadata: { display_phone_number: "15550001111", phone_number_id: numberId },
    contacts: [{ profile: { name: "F" }, wa_id: AUTHOR }],
    messages: [message],
  };
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "1", changes: [{ field: "messages", value }] }] });
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const headers = { "content-type": "application/json", "x-hub-signature-256": signature };
  const response = await fetch(`${publicly}/api/whatsapp/webhook`, { method: "POST", headers, body });
  assert.equal(response.status, 200);
}

async function until(page, path, pattern) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    await page.goto(`${operator}${path}`);
    if (pattern.test(await page.content())) return;
  }
  assert.fail(`${path} never showed ${pattern}`);
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const context = await browser.newContext({ locale: "fr-FR" });
  await inspector.lookAround(context, ["/admin/login"], "admin");
  const page = await context.newPage();
  await page.goto(`${operator}/admin`);
  await page.fill("#name", "Awa Diop");
  await page.fill("#password", "wrong");
  await page.click("main button");
  await page.waitForSelector("#login-error:visible");
  await inspector.look(page, "admin-refused");
  await page.fill("#password", password);
  await page.click("main button");
  await page.waitForURL(`${operator}/admin`);

  await writes("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end", 1);
  await until(page, "/admin", /<dt>answered<\/dt><dd class="big">1</);
  await writes("je veux parler à un humain", 2);
  await until(page, "/admin/handoffs", /Answer until/);

  await page.goto(`${operator}/admin/authors`);
  await page.fill("#who", `+${AUTHOR}`);
  await page.click("main button");
  await page.waitForURL(/\/admin\/authors\/[\w-]+$/);
  const author = new URL(page.url()).pathname;
  await page.fill("#amount", "7");
  await page.fill("#adjust-reason", "geste commercial");
  await page.click("form[action$='/adjust'] button");
  await page.waitForSelector("text=geste commercial");
  const timeline = await page.getAttribute("a[href^='/admin/messages/']:not([href='/admin/messages'])", "href");
  await page.goto(`${operator}/admin/handoffs`);
  const handoff = await page.getAttribute(".cards a", "href");
  await page.goto(`${operator}/admin/switches`);
  await page.click("button:has-text('Pause twilio')");
  await page.waitForSelector("button:has-text('Resume twilio')");
  const pages = ["/admin", "/admin/authors", author, "/admin/messages", timeline, "/admin/handoffs", handoff, "/admin/stuck", "/admin/switches",
    "/admin/log", "/admin/messages/nothing"];
  await inspector.lookAround(context, pages, "operator");
  await page.goto(`${operator}/admin`);
  await page.click("header form button");
  await page.waitForURL(`${operator}/admin/login`);
  console.log(`${inspector.looked} looks at the operator's pages without a violation`);
} finally {
  await browser.close();
}
