// node mint.mjs COUNT: prints the Cookie header of u1 to uCOUNT, one a line.
import jwt from "next-auth/jwt";

const secret = process.env.NEXTAUTH_SECRET;
const count = Number(process.argv[2]);
if (!secret || !Number.isInteger(count) || count < 1) {
  console.error("usage: NEXTAUTH_SECRET=… node mint.mjs COUNT");
  process.exit(1);
}
for (let n = 1; n <= count; n++) {
  const token = await jwt.encode({ token: { sub: `u${n}`, email: `u${n}@example.com` }, secret });
  console.log(`next-auth.session-token=${token}`);
}
