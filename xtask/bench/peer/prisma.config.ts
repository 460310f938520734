import { defineConfig } from "prisma/config";

// `prisma generate` opens no database.
export default defineConfig({ schema: "prisma/schema.prisma" });
