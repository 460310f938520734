"use strict";
// A link from WhatsApp: its token leaves the address at once, and buys for its author until it expires. It stays in this tab,
// so that whoever turns back from Stripe's page may choose again.
{ // A scope of its own beside page.js.
const byId = (id) => document.getElementById(id);
const KEY = "postly.recharge";
const words = byId("shop").dataset;
const alertBox = byId("shop-error");

function say(text) {
  alertBox.textContent = text;
  alertBox.hidden = !text;
}

// A browser that keeps nothing for a page throws when it is asked to: then the link works until the page is left.
const store = {
  get() { try { return sessionStorage.getItem(KEY) || ""; } catch { return ""; } },
  set(value) { try { sessionStorage.setItem(KEY, value); } catch { /* see above */ } },
  clear() { try { sessionStorage.removeItem(KEY); } catch { /* see above */ } },
};
let token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname);
  store.set(token);
} else {
  token = store.get();
}
if (!/^[\w-]{16,128}$/.test(token)) token = "";

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { ok: response.ok, answer: await response.json().catch(() => ({})) };
}

function refused(code) {
  if (code === "invalid_link") {
    store.clear();
    say(words.spent);
  } else if (code === "unauthenticated") {
    say(words.noLink);
  } else {
    say(code === "rate_limited" ? words.tooMany : words.failed);
  }
}

async function show() {
  const { ok, answer } = await ask("/recharge", { token });
  if (!ok) { refused(answer.code); return; }
  byId("shop-balance").textContent = answer.balance;
  byId("shop-balance").hidden = false;
  byId("shop-debt").textContent = answer.debt || "";
  byId("shop-debt").hidden = !answer.debt;
  // The page is in the language of the browser, these two lines in that of the author.
  for (const line of ["shop-balance", "shop-debt"]) Object.assign(byId(line), { lang: answer.lang, dir: "auto" });
  byId("shop-packs").hidden = false;
  byId("shop-no-link").hidden = true;
}

for (const form of document.querySelectorAll("#shop-packs form")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    say("");
    try {
      const pack = form.elements.pack.value;
      const { ok, answer } = token
        ? await ask("/recharge", { token, pack })
        : await ask("/api/billing/checkout", { pack });
      if (ok) { location.assign(answer.url); return; }
      refused(answer.code);
    } catch {
      say(words.failed);
    } finally {
      button.disabled = false;
    }
  });
}
// A tab that comes back from Stripe by its back button may still have its buttons at rest.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("#shop-packs button")) button.disabled = false;
});
if (token) show().catch(() => say(words.failed));
}
