export default function Login() {
  return (
    <main>
      <h1>Se connecter</h1>
      <p>Envoyez LOGIN à notre numéro WhatsApp.</p>
    </main>
  );
}
