import { getServerSession } from "next-auth";
import Link from "next/link";
import { authOptions } from "../lib/auth";
import { currentAuthor } from "../lib/postly";
import { LogOut, Writer } from "./writer";

export default async function Home() {
  const session = await getServerSession(authOptions);
  const author = session && (await currentAuthor());
  if (!author) {
    return (
      <main>
        <h1>Ma boutique</h1>
        <p><Link href="/login">Se connecter</Link></p>
      </main>
    );
  }
  return (
    <main>
      <h1>Ma boutique</h1>
      <dl>
        <dt>Session</dt><dd>{session.user.email ?? session.user.id}</dd>
        <dt>Numéro WhatsApp</dt><dd>{author.waPhoneE164 ?? "aucun"}</dd>
        <dt>Crédits</dt><dd>{author.available}</dd>
      </dl>
      <Writer />
      <LogOut />
    </main>
  );
}
