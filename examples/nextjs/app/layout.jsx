export const metadata = { title: "Ma boutique" };

export default function Layout({ children }) {
  return (
    <html lang="fr">
      <body style={{ fontFamily: "system-ui", maxWidth: "40rem", margin: "2rem auto", padding: "0 1rem" }}>{children}</body>
    </html>
  );
}
