//! English, in words that both sides of the ocean use.

use super::{Book, Frame, Patterns, Voices};
use crate::offline::trade::{Objective, Trade};

pub(super) static BOOK: Book = Book {
    angles: ["Straight to the point", "The story", "A question to the community"],
    tasty: "Short and tasty",
    trade,
    frame,
    invitations: [
        &["See you soon!", "Come and see us!"],
        &["We'd love to see you.", "Our door is open to you."],
        &["Tell us in the comments!", "We read every single comment!"],
    ],
    private: &["Just reply to this message, we love hearing from you!"],
    funny: "Warning: good mood ahead!",
    elegant: "With an eye for detail.",
    patterns: Patterns {
        offer_when: "{w}, it's {p}.",
        subject_when: "{w}: {p}.",
        offer: "Right now, it's {p}.",
        ask_offer_when: "{p}, {w}: who's in?",
        ask_offer: "{p}: who's in?",
        dated: "{w}: {x}.",
        ask_dated: "{x}, {w}: who's in?",
        thing: "Let us introduce {x}.",
        ask_thing: "Have you heard about {x} yet?",
    },
    tags,
    objective_tag,
    exclamation: ("", "!"),
    question: ("", "?"),
};

fn trade(trade: Trade) -> Voices {
    match trade {
        Trade::Bakery => [
            &["Crisp outside, soft inside.", "You can smell it from the street."],
            &[
                "Some smells make you slow down on the pavement. An oven door opening is one of them.",
                "A bakery is a bit like the heart of the street: people come for the bread and come back for the smile.",
            ],
            &["Sweet or savoury for breakfast?", "Golden crust or soft crumb: which side are you on?"],
        ],
        Trade::Restaurant => [
            &["Dinner is calling.", "Forks at the ready."],
            &[
                "A good meal is never just a plate: it's a table, a few laughs and some time to yourselves.",
                "In the kitchen, it all starts with one simple wish: making people happy.",
            ],
            &[
                "Best seat in the house: by the window or near the kitchen?",
                "Starter and main, or main and dessert?",
            ],
        ],
        Trade::Cafe => [
            &["One cup, and the day looks brighter.", "Shall we put the machine on?"],
            &[
                "Sometimes a warm cup and a quiet corner are all it takes to change the colour of a day.",
                "Coffee is a pause before anything else: phone down, eyes up, deep breath.",
            ],
            &[
                "Short and strong, or long and smooth?",
                "Coffee at the counter, or somewhere quiet with a book?",
            ],
        ],
        Trade::Hairdresser => [
            &["Time for a change?", "Great hair, brighter day."],
            &[
                "People come in with an idea, a photo, sometimes a doubt. They walk out smiling.",
                "Sit down, breathe out, let someone take care of you: that's what a salon is for.",
            ],
            &[
                "A little trim or a big change?",
                "Short, long, curly or straight: what are you in the mood for?",
            ],
        ],
        Trade::Beauty => [
            &["A moment just for you.", "Breathe out, slow down, feel good."],
            &[
                "Phone on silent, soft light and a little time to yourself: that's how we like to start.",
                "Taking care of yourself isn't a luxury. It's a breath of air in a busy week.",
            ],
            &["What do you need most right now: rest or a bit of glow?", "Glowing skin or perfect nails?"],
        ],
        Trade::Clothes => [
            &["Your wardrobe will thank you.", "Careful, it could be love at first sight."],
            &[
                "We all have that one piece we keep reaching for, the one that feels like us.",
                "There's that second in front of the mirror when you simply know.",
            ],
            &["Bold colours or soft tones?", "A well-cut classic or something people notice?"],
        ],
        Trade::Florist => [
            &["A little colour for your day.", "Flowers say it all, even without a card."],
            &[
                "We don't always find the words. Flowers rarely have that problem.",
                "Put a bouquet on the table, and the whole room changes its mood.",
            ],
            &["Wild and natural, or soft and romantic?", "Who deserves flowers right now?"],
        ],
        Trade::Grocery => [
            &["Good things for your basket.", "Good food starts here."],
            &[
                "Good food doesn't need a long speech: one taste, and everything is said.",
                "You pop in for one little thing, we chat, and you leave with an idea for dinner.",
            ],
            &[
                "What always ends up in your basket without being on the list?",
                "Quick nibbles with friends or a long family meal?",
            ],
        ],
        Trade::Butcher => [
            &["Something good for the whole table.", "Dinner starts at the butcher's."],
            &[
                "The right cut, the right cooking, the right advice: that's the whole job.",
                "You come in for a piece of meat, and you leave with a recipe.",
            ],
            &["Slow-cooked or grilled?", "Rare, medium or well done: who dares start the debate?"],
        ],
        Trade::Gym => [
            &["Ready to move?", "Trainers on, let's go."],
            &[
                "The hardest part isn't the effort. It's walking through the door, and nobody ever regrets it.",
                "Nobody comes here to be perfect. We come to feel better on the way out than on the way in.",
            ],
            &["Gentle stretch or proper sweat?", "What's the best song to get moving?"],
        ],
        Trade::Garage => [
            &["Your car deserves some care too.", "Drive with an easy mind."],
            &[
                "A small noise, a warning light, a doubt: better to talk about it early than to break down at the wrong moment.",
                "A car that's looked after makes for a calmer road. It's as simple as that.",
            ],
            &[
                "Who has never pretended not to see a warning light?",
                "That odd noise when you start the car: listen to it, or turn up the radio?",
            ],
        ],
        Trade::Bookshop => [
            &["A story is waiting for someone.", "The reading pile is about to grow."],
            &[
                "You walk into a bookshop for one title and leave with another, and that's just as it should be.",
                "There are books we look for, and books that find us.",
            ],
            &["Which book should everyone read?", "A page-turner in one go, or a book that lasts?"],
        ],
        Trade::RealEstate => [
            &["Could this be the one?", "Thinking of moving? Let's talk."],
            &[
                "A viewing is often a story of light, of quiet and of first impressions.",
                "Behind every door there's a way of living you can already picture.",
            ],
            &["What matters most: light, quiet or the neighbourhood?", "Old charm or modern comfort?"],
        ],
        Trade::Artisan => [
            &["Work done well, plain and simple.", "A craft, skilled hands and a lot of care."],
            &[
                "Behind every finished piece of work there are repeated gestures, trials and a lot of patience.",
                "A craft is a hand that knows. We never get tired of it.",
            ],
            &[
                "Do it yourself or call a pro?",
                "What makes the difference: the hand, the material or the patience?",
            ],
        ],
        Trade::Shop => [
            &["We couldn't wait to tell you.", "A little visit always does you good."],
            &[
                "Running a shop means liking the people who walk through the door.",
                "It's often the simple things that make the good moments.",
            ],
            &["How about a little treat?", "What little thing makes your day better?"],
        ],
    }
}

fn frame(objective: Objective) -> Frame {
    match objective {
        Objective::Promo => Frame {
            openers: [&["Good news to share!", "Now is the time!"], &[], &[]],
            closers: [
                &[],
                &["A little treat, plain and simple.", "The kind of little gesture that makes a day better."],
                &["Tempted?", "Does that sound like you?"],
            ],
            bare: [
                &[
                    "There's a good deal waiting for you. Drop by or send us a message, and we'll tell you everything.",
                ],
                &[
                    "We love making the people who walk through our door happy. Ask us about it next time you're here.",
                ],
                &[
                    "Do you plan ahead for a good deal, or follow your heart? Either way, it's a good moment to come and see us.",
                ],
            ],
            invites: true,
        },
        Objective::Novelty => Frame {
            openers: [&["Something new is here!", "We can finally talk about it!"], &[], &[]],
            closers: [
                &[],
                &["We can't wait to hear what you think.", "All that's missing is your opinion."],
                &["First impressions are very welcome."],
            ],
            bare: [
                &["The easiest way to find out is to come and see."],
                &[
                    "Trying things and changing a little is what keeps our work alive. There's something new, and we can't wait to hear what you think.",
                ],
                &[
                    "In the mood for something new? We're keeping the secret a little longer: come by to find out.",
                ],
            ],
            invites: true,
        },
        Objective::Event => Frame {
            openers: [
                &["Save the date!", "One for your diary!"],
                &[
                    "The best moments are the ones we share.",
                    "We love it when people take the time to get together.",
                ],
                &["Shall we get together?", "Looking for a good reason to get out of the house?"],
            ],
            closers: [&["Spread the word!"], &["All that's missing is you."], &["Who's coming with you?"]],
            bare: [
                &["We're planning something! Send us a message, and we'll tell you everything."],
                &["We're planning something, and we can't wait to share it with you."],
                &["We're planning something: who wants to know more?"],
            ],
            invites: true,
        },
        Objective::Opening => Frame {
            openers: [
                &["It's official!", "Here we are!"],
                &[
                    "Opening a door is an adventure: ideas, work and a lot of heart.",
                    "Every new place starts with a dream.",
                ],
                &["Who wants to take a look around?", "Shall we show you around?"],
            ],
            closers: [&["Spread the word!"], &["We can't wait to meet you."], &["Who's coming by?"]],
            bare: [
                &["We're about to open! Send us a message to find out more."],
                &["Ours is getting ready, and we can't wait to meet you."],
                &["We're getting ready to open, and we'll tell you all about it."],
            ],
            invites: true,
        },
        Objective::Hours => Frame {
            openers: [
                &["Good to know!", "Please note!"],
                &[
                    "Nothing is more annoying than a closed door, so here is what you need to plan your visit.",
                    "Let's keep it simple: here is what you need to know.",
                ],
                &["Planning to come and see us?", "When is a good time to drop by?"],
            ],
            closers: [
                &["See you soon!"],
                &["We look forward to seeing you."],
                &["Which moment suits you best?"],
            ],
            bare: [
                &["Send us a message for our opening hours: we're happy to answer."],
                &["For our opening hours, a short message is all it takes."],
                &["Write to us, and we'll gladly give you our opening hours."],
            ],
            invites: false,
        },
        Objective::Closure => Frame {
            openers: [
                &["Please note!", "Good to know."],
                &[
                    "We'd rather let you know, to save you a trip.",
                    "A quick note, so that you can plan ahead.",
                ],
                &["Were you planning to come by?", "Thinking of dropping in?"],
            ],
            closers: [
                &["Thank you for your understanding."],
                &["Thank you for your loyalty, and see you very soon."],
                &["We'll see you again very soon!"],
            ],
            bare: [
                &["Our doors will be shut for a little while. Send us a message for the dates."],
                &["We're taking a short break. A message is all it takes to find out when we're back."],
                &["Write to us before you come: we'll tell you when to find us."],
            ],
            invites: false,
        },
        Objective::Recruitment => Frame {
            openers: [
                &["Our team is growing!", "Join our team!"],
                &[
                    "Behind every warm welcome there's a good team.",
                    "A team is, above all, people who like working together.",
                ],
                &["Would you like to join a team?", "Could it be someone you know?"],
            ],
            closers: [
                &["Send us a message!"],
                &["If these few lines speak to you, write to us."],
                &["One share can change everything: thank you for spreading the word!"],
            ],
            bare: [
                &["We're looking for someone to join us. Send us a message to find out more."],
                &["Ours is looking for a new face. Shall we talk about it?"],
                &["We're looking for someone, and we'll tell you more by message."],
            ],
            invites: false,
        },
        Objective::Thanks => Frame {
            openers: [
                &["A big thank you!", "Thank you, it's as simple as that!"],
                &["There are moments when we just want to say it.", "We can't say it often enough."],
                &["Have we told you lately?"],
            ],
            closers: [
                &["You're the ones who make this place what it is."],
                &["It makes us want to keep going."],
                &["And you, what's your best memory with us?"],
            ],
            bare: [
                &["Thank you to everyone who walks through our door."],
                &["Thank you for the smiles, the kind words and the loyalty."],
                &["Thank you for following us, reading us and coming back."],
            ],
            invites: false,
        },
        Objective::News => Frame {
            openers: [&["Here's the news!", "This one is for you!"], &[], &[]],
            closers: [
                &[],
                &["We wanted you to know.", "This is what we love to share."],
                &["What do you think?"],
            ],
            bare: [
                &[
                    "Come on in, we'll take care of the rest.",
                    "A question, an idea? That's what we're here for.",
                ],
                &["Moments like these are why we love our work."],
                &["We love to know what everyone likes."],
            ],
            invites: true,
        },
    }
}

fn tags(trade: Trade) -> [&'static str; 3] {
    match trade {
        Trade::Bakery => ["Bakery", "BakeryLove", "ShopLocal"],
        Trade::Restaurant => ["Restaurant", "FoodLovers", "GoodFood"],
        Trade::Cafe => ["CoffeeTime", "CafeLife", "CoffeeLovers"],
        Trade::Hairdresser => ["HairSalon", "Hair", "HairStyle"],
        Trade::Beauty => ["Beauty", "SelfCare", "WellBeing"],
        Trade::Clothes => ["Fashion", "Style", "ShopLocal"],
        Trade::Florist => ["Florist", "Flowers", "Bouquet"],
        Trade::Grocery => ["GoodFood", "FoodLovers", "ShopLocal"],
        Trade::Butcher => ["Butcher", "FoodLovers", "ShopLocal"],
        Trade::Gym => ["Fitness", "Motivation", "Workout"],
        Trade::Garage => ["Garage", "CarCare", "Cars"],
        Trade::Bookshop => ["Bookshop", "BookLovers", "Reading"],
        Trade::RealEstate => ["RealEstate", "Home", "Property"],
        Trade::Artisan => ["Craft", "Handcraft", "SupportSmallBusiness"],
        Trade::Shop => ["ShopLocal", "SmallBusiness", "SupportLocal"],
    }
}

fn objective_tag(objective: Objective) -> &'static str {
    match objective {
        Objective::Promo => "GoodDeal",
        Objective::Novelty => "NewIn",
        Objective::Event => "SaveTheDate",
        Objective::Opening => "Opening",
        Objective::Hours | Objective::Closure => "GoodToKnow",
        Objective::Recruitment => "JobAlert",
        Objective::Thanks => "ThankYou",
        Objective::News => "ShopLocal",
    }
}
