// NextAuth reads the cookie that Postly sets, because both have the same NEXTAUTH_SECRET. It has no login of its own.
export const authOptions = {
  providers: [],
  session: { strategy: "jwt" },
  pages: { signIn: "/login" },
  callbacks: {
    // Without this the session holds the e-mail address only. `sub` is the author's id at Postly.
    session({ session, token }) {
      session.user.id = token.sub;
      return session;
    },
  },
};
