# Chat messages. RULES 4 fixes the meaning of those that start with a sign.

result-header = ✨ *3 posts written for you:*
credits-left = 💳 Credits left: { $credits }
note-unknown-networks = ℹ️ { $networks }: no limits known to me, so the posts were written without them. Check their length before publishing.
note-hashtags = ℹ️ Hashtags: { $network } takes { $limit } per post at most. Your posts keep to that.
note-length = ℹ️ { $network } takes { $limit } characters at most: your posts keep to that.
no-credit =
    ❌ Not enough credits. Visit the website to top up.
    { $url }
no-credit-login = 🎁 First time here? Send LOGIN: { $credits } welcome credits are waiting for you.
generation-failed = ❌ Something went wrong while writing. Please try again later. No credit was charged.

greeting-ai = 👋 This is Postly-AI: an AI writes your posts from your message. 3 posts cost 1 credit; everything else is free. Read before you publish. HELP for the commands, STOP to receive nothing more. Terms: { $url }
greeting-offline = 👋 This is Postly-AI: the built-in writer, which is not an AI, composes your posts from your message. 3 posts cost 1 credit; everything else is free. Read before you publish. HELP for the commands, STOP to receive nothing more. Terms: { $url }

help =
    📣 *Postly-AI writes your posts*
    Send your idea, for example: “Create a promo post for Instagram, 20% off croissants this weekend”. You get 3 posts ready to paste, for 1 credit.

    • *BALANCE*: the credits you have left
    • *LANG fr*: change the language (fr, en, es, pt, ar)
    • *GEN* and a text: write, even if the text looks like a command
    • *LOGIN*: a code and a link for the website
    • *EXPORT*: your data, *DELETE*: erase everything
    • *STOP*: receive nothing more, *START*: resume
    • *HELP*: this message

balance = 💳 Credits left: { $credits }
balance-entries = Recent activity:
language-now = 🌍 I speak English with you. To change: LANG fr, LANG es, LANG pt or LANG ar.
language-set = 🌍 Noted, I will speak English with you.
language-unknown = 🌍 I do not know this language. I speak fr, en, es, pt and ar: for example LANG fr.

stopped = 🔕 Noted, we will not write to you on our own any more. If you write to us, we will answer. START to resume.
how-to-stop = 🔕 No more messages from us? Reply *STOP* and we will not write to you on our own again. Nothing was charged.
started = 🔔 Good to have you back! Send your next idea for a post.

small-talk-greeting = 👋 Hello! Send me the idea of your post (the offer, the date, the network) and I will write 3 versions. HELP to know more.
small-talk-thanks = 😊 My pleasure! Send your next idea whenever you like.
small-talk-acknowledgement = 👍 Send the idea of your next post whenever you like, or HELP.
small-talk-about-us = 📣 I am Postly-AI: I write 3 posts ready to paste from your idea. 1 credit per request, everything else is free. HELP for the commands.
small-talk-opening = 👋 Hello! I am Postly-AI: tell me what you want to announce (the offer, the date, the network) and I write 3 ready-to-paste posts for your business. 3 posts cost 1 credit, everything else is free. For example: “Instagram post, 20% off croissants on Saturday”. HELP to find out more.
off-topic = 🙂 I only write posts that make your business known. Tell me what you want to announce: nothing was charged.
forbidden = 🚫 I do not write posts about this (hate, sex, weapons for sale, drugs, tobacco for sale, gambling, alcohol without measure, prescription medicines, promises of a cure): WhatsApp's rules or the law do not allow it. Nothing was charged.
too-many-facts = ✂️ Your message has more in it than one post can carry here, and I leave nothing out without telling you. Please shorten it or send it in two messages. Nothing was charged.
no-translation = 🌐 The built-in writer does not translate: write your message in the language of the posts, and they will be in that language. Nothing was charged.
unclear-instructions = ✂️ I couldn't tell your news from your instructions, and I won't publish those. Send me the news alone, as you would tell your customers. Nothing was charged.
budget-author = 🌙 That is a lot for one day: the number of requests a day is reached. Let us go on tomorrow. Nothing was charged.
budget-all = 🌙 Very busy today: we write no more posts for the moment. Please try again later. Nothing was charged.
loop = 🤖 The same message keeps coming back: I am taking a break. Write something else, or come back in two minutes. Nothing was charged for this message.

missing-brief = ✍️ What do you want to announce? Write for example: GEN croissant promo this weekend.
brief-too-long = ✂️ This message is too long (at most { $limit } characters). Send the essentials: the offer, the date, the network. Nothing was charged.
unreadable =
    { $kinds ->
        [both] 🙈 I read texts, voice notes and photos, but not this. Write your idea in a few words. Nothing was charged.
        [voice] 🙈 I read texts, photo captions and voice notes, but not this. Write your idea, or say it. Nothing was charged.
        [photo] 🙈 I read texts and photos, but not this. Write your idea in a few words. Nothing was charged.
       *[text] 🙈 I only read text for now. Write your idea in a few words, or as the caption of the photo. Nothing was charged.
    }
heard = 🎙️ I heard: “{ $text }”
alt-text = 🖼️ Alt text of the photo: { $text }
photo-brief = A post about my photo
photo-album = 📷 One photo at a time: I write about the first one. For another, send it on its own. Nothing more was charged.
photo-unusable = 📷 I could not see this photo (JPEG or PNG, 5 MB at most). Send it again with a caption: the offer, the date, the network. Nothing was charged.
voice-unusable =
    { $why ->
        [too_long] 🎙️ This voice note is too long ({ $minutes } minutes at most). Say the essentials: the offer, the date, the network; or write them. Nothing was charged.
        [failed] 🎙️ I could not listen to this voice note. Send it again in a moment, or write your idea. Nothing was charged.
       *[no_speech] 🎙️ I could not make out this voice note. Speak close to the microphone, somewhere quiet, or write your idea. Nothing was charged.
    }
flood = ⏳ Too many messages at once: I answer the first { $limit }, the others are left aside. Nothing was charged for those.

code =
    🔐 Your Postly-AI verification code: *{ $code }*
    ⏰ Valid for 10 minutes
    🛡️ Never share this code
login-link = 👉 Or log in with one tap, once: { $url }
login-just-sent = 🔐 Your code has just been sent: it is a little further up. You can ask for a new one in a minute.
login-too-many = ⏳ Too many codes for this hour (3 at most). The link of the last message still opens, within its 10 minutes.
phrase-unknown = 🤔 This phrase is no longer valid. Open the login page again: it shows a new one.
phrase-browser = 💻 Asked for from: { $browser }. Not you? Reply NOT ME.
button-not-me = This is not me
denied = 🛡️ Thank you. This code opens nothing any more, and nobody got in.
number-changed = 🔁 Your Postly-AI account is now linked to another number: this one no longer opens it. Not you? Write to us.
delete-confirm = 🗑️ Erase everything? Your posts, your messages, your account and your remaining credits will be lost for ever. Reply *YES* within 15 minutes to confirm. Without an answer, nothing changes.
erased = ✅ Done: everything we knew about you is erased. If you write to us one day, we will meet anew.
export = 📦 Once logged in, your data is here (JSON): { $url }
denied-late = 🛡️ Thank you for telling us. The code had been used already, or is gone: to be safe, every session of your account is closed.
number-proved = ✅ Your number is confirmed: it opens your account from now on.
number-elsewhere = 🤔 This number already belongs to another Postly-AI account. Nothing has changed: send LOGIN from that number to reach that account.
paused = ⏸️ Postly-AI: service paused, nothing is charged. Please send your request again in a few minutes.
blocked = ⏸️ Postly-AI: your account is suspended. No posts are written and nothing is charged. Contact support to learn more.

# The shop. Prices include VAT.
shop-title = 💳 *Top up your credits*
shop-pack = { shop-pack-count }: { shop-pack-price }
shop-pack-count =
    { $credits ->
        [one] { $credits } credit
       *[other] { $credits } credits
    }
shop-pack-price = { $price } incl. VAT
shop-product =
    { $credits ->
        [one] { $credits } Postly-AI credit
       *[other] { $credits } Postly-AI credits
    }
shop-debt =
    { $credits ->
        [one] ↩️ { $credits } refunded credit had already been used: your next purchase covers it first.
       *[other] ↩️ { $credits } refunded credits had already been used: your next purchase covers them first.
    }
shop-link = 👇 Your personal link, good for 30 minutes:
shop-button = Top up
refund-told =
    { $credits ->
        [one] ↩️ { $credits } credit came back to you: some posts had not reached you.
       *[other] ↩️ { $credits } credits came back to you: some posts had not reached you.
    }
low-balance = 🔋 Running low on credits? Send RECHARGE.
no-credit-web = ❌ Not enough credits. Top up here: { $url }
no-credit-shop = ❌ Not enough credits. Visit the website to top up.
shop-page-title = Top up your credits
shop-page-lead = Choose a pack. You pay on Stripe's page; your credits arrive as soon as they are paid, and do not expire.
shop-page-balance =
    { $credits ->
        [one] You have { $credits } credit left.
       *[other] You have { $credits } credits left.
    }
shop-page-no-link = To top up, write RECHARGE on WhatsApp and open the link you get, or log in.
shop-page-spent = This link is no longer valid. Write RECHARGE on WhatsApp to get another.
shop-page-failed = Payment is not available at the moment. Try again shortly: nothing was charged.
shop-page-too-many = Too many payments begun. Try again in an hour.
shop-page-no-script = The link from WhatsApp opens with JavaScript. Without it, log in to top up.
shop-page-go = Pay on Stripe's page
shop-page-log-in = Log in
shop-page-buy = Buy
shop-page-again = See the packs
shop-return-paid =
    { $credits ->
        [one] Thank you! { $credits } credit has arrived in your account.
       *[other] Thank you! { $credits } credits have arrived in your account.
    }
shop-return-pending =
    { $credits ->
        [one] Your payment is on its way: { $credits } credit will arrive once it is confirmed, which can take a few days.
       *[other] Your payment is on its way: { $credits } credits will arrive once it is confirmed, which can take a few days.
    }
shop-return-checking = We are checking your payment. Reload this page in a moment: your credits arrive as soon as it is confirmed.
shop-return-open = The payment is not finished. Nothing was charged.
shop-return-ended = This payment did not go through. Nothing was charged.
shop-return-whatsapp = You can go back to WhatsApp.

# Messages that are no brief, and follow-ups of a result.
ask-more = ✍️ "{ $subject }": tell me a little more. What is it, when, where, at what price? For example: "20% off jumpers on Saturday". One word is enough; with nothing to add, answer OK and I write with what I have. This question is free.
ask-more-web = ✍️ "{ $subject }": tell a little more. What is it, when, where, at what price? For example: "20% off jumpers on Saturday". Nothing was charged.
late-photo = ⏳ Your photo has only just reached us. If you still want posts, send it again. Nothing was charged.
late-brief = ⏳ Your message "{ $subject }" has only just reached us. Do you still want these posts? Answer OK and I write them; else do nothing. Nothing was charged.
nothing-to-change = 🤔 I have no recent posts to change or to choose from. Send the idea of your next post: the offer, the date, the network. Nothing was charged.
cancelled = 👌 Cancelled. Nothing was charged.
nothing-to-cancel = 👌 Nothing is pending, so there is nothing to cancel. To get no more messages from us, answer STOP; to erase your account, DELETE.
human-asked = 🙋 Noted: a person from the team will answer you here. Until then I stay quiet for 12 hours. To go on without waiting, send START.
refund-asked = 💬 Sorry that the result does not suit you. The first change is free: say what to change ("shorter", "actually it is Sunday"). A request that fails is never charged, and posts that are not delivered are credited back. For a refund, write "talk to a human".
question-asked = 💡 I write 3 ready-to-paste posts from your idea: the offer, the date, the place, the network. 3 posts cost 1 credit, the first change is free, each further one costs 1 credit. HELP for the commands; "talk to a human" for another question.
cannot-change = ✋ The built-in writer cannot make this change. It understands: shorter, redo, no hashtags, no emoji, in French, add…, actually it is… Nothing was charged.
changed-header = ✏️ *Your 3 updated posts:*
change-was-free = 🎁 This first change is free; each further one costs 1 credit.
how-to-choose = Reply 1, 2 or 3 to get just that post
choice-expired = ⌛ This post is no longer available. Send a new idea whenever you like.

# The brand memory.
brand-kept = 🧠 Noted.
brand-list = 🧠 What I keep in mind for all your posts:
brand-forgotten = 🧠 Forgotten.
brand-empty = 🧠 I keep nothing in mind yet. Write for example: "Remember: never "cheap", no emoji, we are in Leeds, closed on Mondays".
brand-help = To remove a line: "Forget 2". To read it again: "My brand".
brand-no-entry = 🤔 I have no line { $number }. Write "My brand" to read what I keep in mind.
brand-too-much = ✋ That is more than I can keep: 20 facts of 200 characters, 30 banned words, a signature of 160 characters. Remove a line ("Forget 2") or make it shorter.
brand-word-in-brief = ✋ Your idea contains "{ $word }", which you told me never to write. Say it in other words, or write "My brand" to change that rule. Nothing was charged.
brand-applied = 🧠 Your rules: { $rules }
brand-entry-informal = informal address
brand-entry-formal = formal address
brand-entry-emojis = with emojis
brand-entry-no-emojis = no emoji
brand-entry-tone = tone: { $text }
brand-entry-name = name: { $text }
brand-entry-trade = trade: { $text }
brand-entry-place = place: { $text }
brand-entry-banned = never "{ $text }"
brand-entry-signature = signature: { $text }
