import { getServerSession } from "next-auth";
import Link from "next/link";
import { redirect } from "next/navigation";
import type { Generation } from "@/generated/prisma/client";
import { authOptions } from "@/lib/auth";
import { LANGUAGES, NETWORKS, network } from "@/lib/networks";
import { prisma } from "@/lib/prisma";
import { Post } from "./post";

export const dynamic = "force-dynamic";

const dateFormat = new Intl.DateTimeFormat("fr-FR", { dateStyle: "long", timeStyle: "short", timeZone: "Europe/Paris" });

export default async function Dashboard() {
  const session = await getServerSession(authOptions);
  if (!session) redirect("/login");
  const userId = session.user.id;

  const [user, generations] = await Promise.all([
    prisma.user.findUnique({ where: { id: userId }, select: { credits: true } }),
    prisma.generation.findMany({ where: { userId }, orderBy: { createdAt: "desc" }, take: 3 }),
  ]);
  if (!user) redirect("/login");

  return (
    <>
      <Header credits={user.credits} />
      <main>
        <h1>Écrire un post</h1>
        <BriefForm />
        <h2>Vos derniers posts</h2>
        {generations.length === 0 && <p>Rien encore.</p>}
        {generations.map((generation) => (
          <GenerationCard key={generation.id} generation={generation} />
        ))}
      </main>
    </>
  );
}

function Header({ credits }: { credits: number }) {
  return (
    <header>
      <Link href="/" className="brand">Postly-AI</Link>
      <nav aria-label="Navigation">
        <Link href="/dashboard" aria-current="page">Écrire</Link>
        <Link href="/history">Historique</Link>
        <Link href="/credits">Crédits</Link>
        <Link href="/account">Compte</Link>
      </nav>
      <p className="balance"><b>{credits}</b> crédits</p>
    </header>
  );
}

function BriefForm() {
  return (
    <form className="card" method="post" action="/api/generations">
      <label htmlFor="brief">Votre annonce</label>
      <textarea
        id="brief"
        name="brief"
        rows={4}
        maxLength={4096}
        required
        placeholder="Promo de 20 % sur les tartes aux fraises ce week-end"
      />
      <div className="fields">
        <div>
          <label htmlFor="platform">Réseau</label>
          <select id="platform" name="platform">
            {NETWORKS.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
          </select>
        </div>
        <div>
          <label htmlFor="language">Langue</label>
          <select id="language" name="language">
            {LANGUAGES.map(({ value, label }) => <option key={value} value={value} lang={value}>{label}</option>)}
          </select>
        </div>
        <div>
          <label htmlFor="tone">Ton</label>
          <input id="tone" name="tone" maxLength={60} placeholder="chaleureux" autoComplete="off" />
        </div>
      </div>
      <button>Écrire trois posts</button>
    </form>
  );
}

function GenerationCard({ generation }: { generation: Generation }) {
  const { id, brief, platform, language, variants, createdAt } = generation;
  const { label, limit } = network(platform) ?? { label: null, limit: 2200 };
  return (
    <article className="card">
      <p className="meta">
        {label && <span className="tag">{label}</span>}
        <time dateTime={createdAt.toISOString()}>{dateFormat.format(createdAt)}</time>
      </p>
      <h3>{brief}</h3>
      <div lang={language ?? undefined}>
        <Post text={variants[0] ?? ""} limit={limit} />
      </div>
      <Link href={`/history/${id}`} prefetch={false}>Voir les trois posts</Link>
    </article>
  );
}
