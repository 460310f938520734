import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@/generated/prisma/client";

const globalForPrisma = globalThis as unknown as { prisma?: PrismaClient };

function connect() {
  const connectionString = process.env.DATABASE_URL;
  // The driver adapter takes the schema as an option, not from the URL.
  const schema = connectionString && new URL(connectionString).searchParams.get("schema");
  return new PrismaClient({ adapter: new PrismaPg({ connectionString }, { schema: schema || "public" }) });
}

export const prisma = globalForPrisma.prisma ?? connect();
if (process.env.NODE_ENV !== "production") globalForPrisma.prisma = prisma;
