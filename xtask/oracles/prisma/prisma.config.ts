import { defineConfig } from "prisma/config";

// No command that is run here opens a database.
export default defineConfig({ schema: "schema.prisma", datasource: { url: "postgresql://localhost/none" } });
