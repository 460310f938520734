"use strict";
// The pages work without this. With it a form that names an address of the API is sent there as JSON, and the page stays.
const byId = (id) => document.getElementById(id);
const problems = JSON.parse(document.body.dataset.problems);
const lang = document.documentElement.lang;

// The field that is wrong is the last one, unless it is the address.
function say(form, text, code = "") {
  const place = form.querySelector("[role=alert]");
  place.textContent = text;
  place.hidden = !text;
  const fields = [...form.querySelectorAll("input:not([type=hidden])")];
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  const field = fields.at(code.includes("email") ? 0 : -1);
  if (text && field && !form.elements.brief) { field.setAttribute("aria-invalid", "true"); field.focus(); }
}

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  return { ok: response.ok, answer };
}

const then = {
  account() { location.assign("/account?done=number"); },
  signup() { location.assign("/account?done=signup#number-ways"); },
  dashboard() { location.assign("/dashboard"); },
  code(form) {
    byId("code-phone").value = form.elements.phone.value;
    form.hidden = true;
    byId("code-to").textContent = form.elements.phone.value;
    byId("code").hidden = false;
    byId("code-code").focus();
  },
  phrase(form, answer) {
    byId("phrase-url").href = answer.url;
    byId("phrase-qr").hidden = !answer.qr;
    if (answer.qr) byId("phrase-qr").src = answer.qr;
    form.hidden = true;
    byId("phrase-shown").hidden = false;
    byId("phrase-next").hidden = false;
    byId("phrase-url").focus();
  },
};

// Where there is a session a code would link a number to its account. Somebody may have logged in in another tab.
async function isLoggedIn() {
  return (await fetch("/account", { method: "HEAD", redirect: "manual", credentials: "same-origin" })).ok;
}

async function send(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  say(form, "");
  try {
    if (form.closest("#ways") && await isLoggedIn()) { then.dashboard(); return; }
    const { ok, answer } = await ask(form.dataset.api, Object.fromEntries(new FormData(form)));
    if (ok) { then[form.dataset.then](form, answer); return; }
    const isLink = form.closest("#open") && answer.code === "invalid_code";
    if (isLink) { button.hidden = true; byId("ways").hidden = false; }
    say(form, problems[isLink ? "link" : answer.code] || problems.failed, answer.code);
  } catch {
    say(form, problems.offline);
  } finally {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-api]")) {
  form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
}

// A login link: its token leaves the address at once, and waits for the tap of a person.
function takeToken() {
  const token = location.hash.slice(1);
  const place = byId("open");
  if (!place || !token) return;
  history.replaceState(null, "", location.pathname);
  if (!/^[\w-]{16,128}$/.test(token)) return;
  const form = place.querySelector("form");
  form.elements.token.value = token;
  say(form, "");
  form.querySelector("button").hidden = false;
  place.hidden = false;
  byId("ways").hidden = true;
}
addEventListener("hashchange", takeToken);
takeToken();

function localTimes(part) {
  for (const time of part.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    time.textContent = at.toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });
  }
}
localTimes(document);

// Posts: copy and share need a secure context, so their buttons appear only where they work.
const textOf = (id) => byId(id).textContent;
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(textOf(button.dataset.copy));
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
for (const button of document.querySelectorAll("[data-share]")) {
  if (!navigator.share) continue;
  button.hidden = false;
  button.addEventListener("click", () => navigator.share({ text: textOf(button.dataset.share) }).catch(() => {}));
}

// A brief: its steps are told as they come. The key of the form makes a second click, and a try after a lost connection, the
// same request.
async function write(form) {
  const button = form.querySelector("button");
  const progress = form.querySelector("[data-progress]");
  const step = (text) => { progress.hidden = false; progress.querySelector("[data-step]").textContent = text; };
  button.disabled = true;
  say(form, "");
  step(form.dataset.accepted);
  const { key, ...fields } = Object.fromEntries(new FormData(form));
  const body = Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
  const failed = (problem) => {
    progress.hidden = true;
    button.disabled = false;
    const field = form.elements.brief;
    say(form, problems[problem.code] || problem.detail || problems.failed);
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };
  try {
    const response = await fetch("/api/generations", {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "accept": "text/event-stream", "idempotency-key": key },
      body: JSON.stringify(body),
    });
    if (!response.ok) { failed(await response.json()); return; }
    for await (const [name, data] of events(response.body)) {
      if (name === "writing") step(form.dataset.writing);
      if (name === "failed") { failed(data); return; }
      if (name === "done") { location.assign(`/history/${data.id}`); return; }
    }
    throw new Error("the stream ended early");
  } catch {
    // The connection was lost: the same request once more, as a browser without a script sends it.
    if (navigator.onLine === false) { failed({ detail: problems.offline }); return; }
    form.submit();
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name) => lines.find((line) => line.startsWith(name))?.slice(name.length).trim();
      if (field("event:")) yield [field("event:"), JSON.parse(field("data:"))];
    }
  }
}

const writing = byId("write");
if (writing) writing.addEventListener("submit", (event) => { event.preventDefault(); write(writing); });
