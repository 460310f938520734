"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";

/** Writes three posts. A repeat of the same brief after a lost answer keeps its key, and is charged once. */
export function Writer() {
  const router = useRouter();
  const [posts, setPosts] = useState([]);
  const [problem, setProblem] = useState("");
  const [key, setKey] = useState(null);

  async function write(event) {
    event.preventDefault();
    const brief = new FormData(event.currentTarget).get("brief");
    const idempotencyKey = key ?? crypto.randomUUID();
    setKey(idempotencyKey);
    setProblem("");
    const response = await fetch("/api/generations", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
      body: JSON.stringify({ brief }),
    });
    const body = await response.json();
    setKey(null);
    if (response.ok) {
      setPosts(body.variants);
      router.refresh();
    } else {
      // `detail` is a sentence for the author, in the author's language.
      setProblem(body.detail);
    }
  }

  return (
    <section>
      <form onSubmit={write}>
        <label htmlFor="brief">Votre annonce</label>
        <textarea id="brief" name="brief" rows={3} required onChange={() => setKey(null)} style={{ width: "100%" }} />
        <button>Écrire trois posts</button>
      </form>
      {problem && <p role="alert">{problem}</p>}
      {posts.map((post, index) => <pre key={index} style={{ whiteSpace: "pre-wrap" }}>{post.text}</pre>)}
    </section>
  );
}

/** Ends the session at Postly. NextAuth's own sign-out would only delete the cookie of this browser. */
export function LogOut() {
  const router = useRouter();
  async function end() {
    await fetch("/api/auth/logout", { method: "POST" });
    router.refresh();
  }
  return <button onClick={end}>Se déconnecter</button>;
}
