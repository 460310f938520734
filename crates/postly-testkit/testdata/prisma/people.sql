-- People of a source, one for each case of docs/COMING-FROM-THE-GUIDE.md. The hashes are of bcryptjs 3.0.3.
INSERT INTO "User" ("id", "email", "passwordHash", "credits", "waPhoneE164", "waUserId", "waLinkedAt", "waPreferredLang", "createdAt", "updatedAt") VALUES
-- On the web, with a password (un croissant doré) and a proved number; the five credits of the schema have no row.
('cm0fatou', 'Fatou@Example.com', '$2b$10$K/Jundf/bJlgUoqpxXayCOF0gs.EXuMBmXGz9iCllLHK04bWZq64y', 12, '+33612345678', '+33612345678', '2026-03-02 10:00:00.125', 'fr', '2026-03-01 09:30:00.5', '2026-03-02 10:00:00'),
-- On WhatsApp only, never linked: the webhook made it.
('cm1awa', NULL, NULL, 0, '+33639981001', '+33639981001', NULL, 'fr', '2026-03-03 08:00:00', '2026-03-03 08:00:00'),
-- On WhatsApp only, linked by LOGIN, English.
('cm2john', NULL, NULL, 4, '+447400123456', '+447400123456', '2026-03-04 08:00:00', 'en', '2026-03-04 07:00:00', '2026-03-04 08:00:00'),
-- On the web, with a number that no code proved.
('cm3lea', 'lea@example.com', NULL, 5, '+33698765432', NULL, NULL, 'fr', '2026-03-05 08:00:00', '2026-03-05 08:00:00'),
-- A hash of another kind.
('cm4max', 'max@example.com', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b7dWRWJTmaaJObG', 3, NULL, NULL, NULL, NULL, '2026-03-06 08:00:00', '2026-03-06 08:00:00'),
-- A negative balance.
('cm5neg', 'neg@example.com', NULL, -2, NULL, NULL, NULL, 'fr', '2026-03-07 08:00:00', '2026-03-07 08:00:00'),
-- The address of another user, in another case, and no number: nothing to log in with.
('cm6twin', 'fatou@example.com', NULL, 7, NULL, NULL, NULL, 'fr', '2026-03-08 08:00:00', '2026-03-08 08:00:00'),
-- A number that the guide has spoilt, and an address.
('cm7spoilt', 'spoilt@example.com', NULL, 1, '+33033698000000', '+33033698000000', '2026-03-09 08:00:00', 'fr', '2026-03-09 08:00:00', '2026-03-09 08:00:00'),
-- Neither address nor number.
('cm8nobody', NULL, NULL, 5, NULL, NULL, NULL, 'fr', '2026-03-10 08:00:00', '2026-03-10 08:00:00');

INSERT INTO "CreditLedger" ("id", "userId", "delta", "reason", "createdAt") VALUES
('cl00', 'cm0fatou', 10, 'purchase', '2026-03-02 11:00:00'),
('cl01', 'cm0fatou', -1, 'whatsapp_generation', '2026-03-02 12:00:00'),
('cl02', 'cm0fatou', -1, 'web_generation', '2026-03-02 13:00:00'),
('cl03', 'cm0fatou', 1, 'refund', '2026-03-02 13:05:00'),
('cl04', 'cm0fatou', -2, 'parrainage annulé', '2026-03-02 14:00:00'),
('cl05', 'cm0fatou', 0, 'web_generation', '2026-03-02 15:00:00'),
('cl06', 'cm2john', -1, 'whatsapp_generation', '2026-03-04 09:00:00'),
('cl07', 'cm5neg', -7, 'whatsapp_generation', '2026-03-07 09:00:00'),
('cl08', 'cm6twin', 2, 'purchase', '2026-03-08 09:00:00');

INSERT INTO "Generation" ("id", "userId", "brief", "platform", "language", "variants", "createdAt") VALUES
('cg00', 'cm0fatou', E'Promo\tcroissants, -20 % \\ "ce" week-end\nà Lyon', 'Instagram', 'fr', ARRAY[E'Un\npost', 'Deux 🥐', 'Trois'], '2026-03-02 12:00:01'),
('cg01', 'cm2john', 'Tea for two', NULL, NULL, ARRAY['One', 'Two', 'Three', 'Four'], '2026-03-04 09:00:01'),
('cg02', 'cm2john', 'Empty', 'X', 'en', ARRAY[]::TEXT[], '2026-03-04 09:10:00'),
('cg03', 'cm2john', 'Old', 'X', 'en', ARRAY['One', 'Two', 'Three'], '2020-01-01 00:00:00');

INSERT INTO "OtpChallenge" ("id", "userId", "phoneE164", "codeHash", "purpose", "expiresAt") VALUES
('co00', 'cm0fatou', '+33612345678', '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8', 'LINK', '2026-03-02 10:10:00');
