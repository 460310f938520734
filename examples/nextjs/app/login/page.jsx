"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { ok: response.ok, body: await response.json() };
}

/**
 * A number, then the code that came to it on WhatsApp; or an e-mail address and its password. The link that WhatsApp brings leads
 * here as well, with its token behind the `#`; it is used up when the author presses the button, not by a preview of the link.
 */
export default function Login() {
  const router = useRouter();
  const [phone, setPhone] = useState(null);
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => setToken(window.location.hash.slice(1)), []);

  async function submit(event, path, then) {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.currentTarget));
    const { ok, body } = await post(path, fields);
    setProblem(ok ? "" : body.detail);
    if (ok) then(fields);
  }
  const enter = () => {
    router.push("/");
    router.refresh();
  };

  return (
    <main>
      <h1>Se connecter</h1>
      {problem && <p role="alert">{problem}</p>}
      {token && (
        <form onSubmit={(event) => submit(event, "/api/auth/link", enter)}>
          <input name="token" type="hidden" value={token} />
          <button>Se connecter avec le lien</button>
        </form>
      )}
      <form onSubmit={(event) => submit(event, "/api/auth/request-otp", ({ phone }) => setPhone(phone))}>
        <label>Numéro WhatsApp <input name="phone" type="tel" autoComplete="tel" required /></label>
        <button>Recevoir un code</button>
      </form>
      {phone && (
        <form onSubmit={(event) => submit(event, "/api/auth/verify-otp", enter)}>
          <input name="phone" type="hidden" value={phone} />
          <label>Code <input name="code" inputMode="numeric" autoComplete="one-time-code" required /></label>
          <button>Se connecter</button>
        </form>
      )}
      <form onSubmit={(event) => submit(event, "/api/auth/login", enter)}>
        <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
        <label>Mot de passe <input name="password" type="password" autoComplete="current-password" required /></label>
        <button>Se connecter</button>
      </form>
    </main>
  );
}
