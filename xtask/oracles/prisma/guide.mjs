// The guide's application, as far as its database goes: Prisma's own engine makes the tables, Prisma's client fills them, and
// the same client reads what `postly import` has brought over, through the views, and writes nothing.
// Run: node guide.mjs schema URL FILE | create URL | fill URL FILE | read URL FILE
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import bcrypt from "bcryptjs";

const [mode, first, second] = process.argv.slice(2);
const modes = { schema, create, fill, read };
await modes[mode]();
process.exit(0);

/// What `prisma migrate diff --from-empty --to-schema schema.prisma --script` prints: the same engine, as WebAssembly, because
/// the command would fetch a program.
async function schema() {
  const engine = await import("@prisma/schema-engine-wasm/schema_engine_bg");
  const { bindMigrationAwareSqlAdapterFactory } = await import("@prisma/driver-adapter-utils");
  const program = new URL("node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm", import.meta.url);
  const { instance } = await WebAssembly.instantiate(readFileSync(program), { "./schema_engine_bg.js": engine });
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const content = readFileSync("schema.prisma", "utf8");
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: first }));
  const made = await engine.SchemaEngine.new({ datamodels: [["schema.prisma", content]] }, () => {}, adapter);
  const { stdout } = await made.diff({
    from: { tag: "empty" },
    to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content }], configDir: "." },
    script: true,
    exitCode: null,
    shadowDatabaseUrl: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  writeFileSync(second, `${stdout.trim()}\n`);
}

async function client(url, schema) {
  const { PrismaClient } = await import("@prisma/client");
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 16 }, { schema }) });
}

/// Makes the database that a URL names, on the same server.
async function create() {
  const name = new URL(first).pathname.slice(1);
  const admin = new URL(first);
  admin.pathname = "/postgres";
  const { default: pg } = await import("pg");
  const connection = new pg.Client({ connectionString: admin.href });
  await connection.connect();
  await connection.query(`CREATE DATABASE "${name}"`);
  await connection.end();
}

/// Fills the tables as the guide's handlers do, and keeps what is there.
async function fill() {
  const { default: pg } = await import("pg");
  const connection = new pg.Client({ connectionString: first });
  await connection.connect();
  await connection.query(readFileSync("schema.sql", "utf8"));
  await connection.end();
  const prisma = await client(first, "public");
  const day = 24 * 3600 * 1000;
  for (let n = 0; n < 40; n++) {
    const phone = `+336980000${String(n).padStart(2, "0")}`;
    const isWeb = n % 2 === 0;
    const user = await prisma.user.create({
      data: {
        ...(isWeb ? { email: `Author${n}@Example.com`, passwordHash: await bcrypt.hash(`mot de passe ${n}`, 4) } : { credits: 0 }),
        waPhoneE164: phone,
        waUserId: phone,
        waLinkedAt: n % 4 === 3 ? null : new Date(Date.now() - day),
        waPreferredLang: n % 5 === 0 ? "en" : "fr",
      },
    });
    // incrementWithLedgerTX, decrementWithLedgerTX.
    for (const [delta, reason] of [[20, "purchase"], [-1, "whatsapp_generation"], [-1, "web_generation"], [1, "refund"], [3, "parrainage"]]) {
      await prisma.$transaction(async (tx) => {
        await tx.user.update({ where: { id: user.id }, data: { credits: { increment: delta } } });
        await tx.creditLedger.create({ data: { userId: user.id, delta, reason } });
      });
    }
    await prisma.generation.create({
      data: { userId: user.id, brief: `Brief « ${n} »\n\t\\`, platform: "Instagram", language: "fr", variants: ["Un 🥐", "Deux\n", "Trois"] },
    });
    await prisma.otpChallenge.create({
      data: { userId: user.id, phoneE164: phone, codeHash: "0".repeat(64), expiresAt: new Date(Date.now() + 600_000) },
    });
  }
  const users = await prisma.user.findMany({ include: { creditLedger: true, generations: true } });
  writeFileSync(second, JSON.stringify(users));
  await prisma.$disconnect();
}

/// Reads everything through the views, and compares it with what was filled.
async function read() {
  const filled = JSON.parse(readFileSync(second, "utf8"));
  const prisma = await client(first, "prisma");
  const users = await prisma.user.findMany({ include: { creditLedger: true, generations: true, otpChallenges: true } });
  // Neither a bigint nor a date that is none.
  const seen = new Map(JSON.parse(JSON.stringify(users)).map((user) => [user.id, user]));
  assert.equal(seen.size, filled.length);
  const entry = ({ id, userId, delta, reason, createdAt }) => JSON.stringify([id, userId, delta, reason, createdAt]);
  for (const was of filled) {
    const now = seen.get(was.id);
    for (const field of ["credits", "waPhoneE164", "waUserId", "waLinkedAt", "waPreferredLang", "createdAt"]) {
      assert.deepEqual(now[field], was[field], `${field} of ${was.id}`);
    }
    assert.equal(now.email, was.email?.toLowerCase() ?? null);
    assert.equal(now.passwordHash, null);
    const entries = new Set(now.creditLedger.map(entry));
    for (const row of was.creditLedger) {
      assert.ok(entries.has(entry(row)), `${entry(row)} in ${[...entries]}`);
    }
    assert.equal(now.creditLedger.reduce((sum, row) => sum + row.delta, 0), now.credits);
    const [posts, before] = [now.generations, was.generations].map((all) => all.map(({ userId, brief, language, createdAt }) => ({ userId, brief, language, createdAt })));
    assert.deepEqual(posts, before);
    assert.deepEqual(now.generations[0].variants, ["Un 🥐", "Deux", "Trois"]);
    assert.equal(now.generations[0].platform, "instagram");
  }
  // The guide's questions: its webhook's, its verify-otp's, its credits'.
  const user = await prisma.user.findUnique({ where: { waPhoneE164: filled[0].waPhoneE164 }, select: { id: true, credits: true } });
  assert.deepEqual(user, { id: filled[0].id, credits: filled[0].credits });
  const where = { phoneE164: filled[0].waPhoneE164, codeHash: "0".repeat(64), purpose: "LOGIN", consumed: false, expiresAt: { gt: new Date() } };
  assert.equal(await prisma.otpChallenge.findFirst({ where, include: { user: true } }), null);
  const lately = await prisma.creditLedger.groupBy({ by: ["reason"], where: { createdAt: { gt: new Date(Date.now() - 3_600_000) } }, _sum: { delta: true }, orderBy: { reason: "asc" } });
  assert.deepEqual(lately.find(({ reason }) => reason === "parrainage")._sum, { delta: 3 * filled.length });
  // Sixteen at a time, with transactions.
  await Promise.all(Array.from({ length: 64 }, (_, n) => {
    const { id, credits } = filled[n % filled.length];
    return prisma.$transaction(async (tx) => {
      const { credits: first } = await tx.user.findUnique({ where: { id } });
      const { _sum } = await tx.creditLedger.aggregate({ where: { userId: id }, _sum: { delta: true } });
      assert.deepEqual([first, _sum.delta], [credits, credits]);
    });
  }));
  const { id } = filled[0];
  const refused = async (what, call) => assert.rejects(call, (error) => /42501|55000|denied|cannot (insert|update|delete)/i.test(`${error.code} ${JSON.stringify(error.meta)} ${error.message}`), what);
  await refused("a new user", () => prisma.user.create({ data: { email: "new@example.com" } }));
  await refused("credits", () => prisma.user.update({ where: { id }, data: { credits: { increment: 100 } } }));
  await refused("an entry", () => prisma.creditLedger.create({ data: { userId: id, delta: 100, reason: "purchase" } }));
  await refused("entries", () => prisma.creditLedger.updateMany({ data: { delta: 100 } }));
  await refused("a generation", () => prisma.generation.create({ data: { userId: id, brief: "x", variants: [] } }));
  await refused("generations", () => prisma.generation.deleteMany());
  await refused("a code", () => prisma.otpChallenge.create({ data: { phoneE164: "+33698000000", codeHash: "x", expiresAt: new Date() } }));
  await refused("codes", () => prisma.otpChallenge.updateMany({ data: { consumed: true } }));
  await prisma.$disconnect();
  console.log(`Prisma's client reads ${users.length} users with their entries and posts at ${new URL(first).host}, and writes nothing`);
}
