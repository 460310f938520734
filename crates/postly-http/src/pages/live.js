"use strict";
// Live updates: the balance, new posts and their ticks. A browser opens six connections to one origin at most, over all of
// its tabs, and a stream holds one of them: so one tab holds the stream and tells the others, and every page lets go of it
// when it is left.
(() => {
  const author = document.body.dataset.author;
  const words = JSON.parse(document.body.dataset.deliveries);
  const list = document.getElementById("recent");
  const NAME = `postly.live.${author}`;
  const KINDS = ["generation", "status", "balance"];
  // The last of each kind and generation, for a tab that opens later.
  const said = new Map();
  const MOST_SAID = 30;
  let channel, source, leave;

  function show(kind, data) {
    if (kind === "balance") {
      for (const place of document.querySelectorAll("[data-balance]")) place.textContent = data.available;
    } else if (kind === "status") {
      for (const place of document.querySelectorAll(`[data-generation="${CSS.escape(data.id)}"]`)) {
        place.dataset.delivery = data.delivery;
        place.textContent = words[data.delivery] || "";
      }
    } else if (list) {
      add(data.id);
    }
  }

  const known = (id) => list.querySelector(`[data-card="${CSS.escape(id)}"]`);
  async function add(id) {
    if (known(id)) return;
    const response = await fetch(`/history/${encodeURIComponent(id)}/card`, { credentials: "same-origin" });
    if (!response.ok || response.redirected || known(id)) return;
    const piece = document.createElement("template");
    piece.innerHTML = await response.text();
    if (known(id)) return;
    localTimes(piece.content);
    list.prepend(piece.content);
    document.getElementById("none").hidden = true;
    while (list.children.length > Number(list.dataset.most)) list.lastElementChild.remove();
    const last = said.get(`status ${id}`);
    if (last) show("status", last);
    const arrived = document.getElementById("arrived");
    arrived.textContent = arrived.dataset.words;
  }

  function heard(kind, data) {
    const key = `${kind} ${data.id || ""}`;
    said.delete(key);
    said.set(key, data);
    if (said.size > MOST_SAID) said.delete(said.keys().next().value);
    show(kind, data);
  }

  // Only the tab that leads has a source. The stream ends for good when somebody else has logged in in this browser.
  function listen() {
    const newest = list ? list.dataset.newest : "";
    source = new EventSource(`/api/events?author=${encodeURIComponent(author)}${newest && `&after=${newest}`}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        const data = JSON.parse(event.data);
        heard(kind, data);
        channel.postMessage({ kind, data });
      });
    }
  }

  function start() {
    channel = new BroadcastChannel(NAME);
    channel.onmessage = ({ data: { kind, data } }) => {
      if (kind !== "hello") { heard(kind, data); return; }
      if (!source) return;
      for (const [key, value] of said) channel.postMessage({ kind: key.split(" ")[0], data: value });
    };
    channel.postMessage({ kind: "hello" });
    // Without locks (a page on plain http that is no localhost) each tab listens for itself.
    if (!navigator.locks) { listen(); leave = () => {}; return; }
    const giveUp = new AbortController();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    navigator.locks.request(NAME, { signal: giveUp.signal }, () => { listen(); return held; }).catch(() => {});
    leave = () => { giveUp.abort(); release(); };
  }

  function stop() {
    if (source) source.close();
    source = undefined;
    if (leave) leave();
    channel.close();
  }

  start();
  addEventListener("pagehide", stop);
  // A page that comes back from the back/forward cache is as old as when it was left.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
