export const NETWORKS = [
  { value: "instagram", label: "Instagram", limit: 2200 },
  { value: "facebook", label: "Facebook", limit: 63206 },
  { value: "linkedin", label: "LinkedIn", limit: 3000 },
  { value: "x", label: "X", limit: 280 },
  { value: "tiktok", label: "TikTok", limit: 2200 },
  { value: "whatsapp", label: "WhatsApp", limit: 700 },
  { value: "threads", label: "Threads", limit: 500 },
  { value: "bluesky", label: "Bluesky", limit: 300 },
  { value: "mastodon", label: "Mastodon", limit: 500 },
  { value: "pinterest", label: "Pinterest", limit: 500 },
  { value: "google_business", label: "Google", limit: 1500 },
  { value: "snapchat", label: "Snapchat", limit: 160 },
  { value: "youtube", label: "YouTube", limit: 5000 },
  { value: "telegram", label: "Telegram", limit: 4096 },
  { value: "reddit", label: "Reddit", limit: 40000 },
];

export const LANGUAGES = [
  { value: "fr", label: "Français" },
  { value: "en", label: "English" },
  { value: "es", label: "Español" },
  { value: "pt", label: "Português" },
  { value: "ar", label: "العربية" },
];

export function network(value: string | null) {
  return NETWORKS.find((network) => network.value === value);
}
