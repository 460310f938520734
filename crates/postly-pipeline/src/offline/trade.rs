//! Trades and objectives: told by keywords, never guessed beyond them.

use postly_domain::Language;

/// The author's trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trade {
    Bakery,
    Restaurant,
    Cafe,
    Hairdresser,
    Beauty,
    Clothes,
    Florist,
    Grocery,
    Butcher,
    Gym,
    Garage,
    Bookshop,
    RealEstate,
    Artisan,
    Shop,
}

/// What the posts are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objective {
    Promo,
    Novelty,
    Event,
    Opening,
    Hours,
    Closure,
    Recruitment,
    Thanks,
    News,
}

/// Keywords of the trades, folded; the one that comes first in the brief decides. A dot at the end stands for any ending, a low line
/// for a space.
const TRADES: &[(Trade, &str)] = &[
    (
        Trade::Bakery,
        "boulang. patisser. viennoiser. croissant. baguette. brioche. pain pains eclair eclairs tarte \
         tartes galette_des_rois galettes_des_rois gateau gateaux macaron. chocolatine. \
         pain_au_chocolat baker. bread breads pastr. sourdough cake cakes cupcake. panaderia panes \
         pasteler. padaria pao paes bolo bolos مخبز. مخبزنا خبز حلويات كرواسون",
    ),
    (
        Trade::Florist,
        "fleur fleurs fleurist. bouquet. rose roses tulipe. pivoine. florist. flower. tulip. peon. flor \
         flores florister. ramo ramos floricultura زهور ورود",
    ),
    (
        Trade::Hairdresser,
        "coiff. cheveu. barbier. balayage. meches tresse. brushing. lissage. hair haircut. hairdress. \
         barber. highlights braids peluquer. cabello pelo cabeleireir. cabelo. barbearia حلاق. صالون \
         شعر",
    ),
    (
        Trade::Beauty,
        "institut_de_beaute estheti. manucure. ongle. onglerie soin soins massage. epilation. spa \
         maquillage beauty nail nails manicure. facial facials estetica unas unhas masaje. massagem \
         تجميل اظافر",
    ),
    (
        Trade::Garage,
        "garage garagiste mecani. vidange. pneu pneus freins voiture. controle_technique revision \
         mechanic. tyre. tire tires oil_change brakes taller neumatico. coche. oficina carro. سيارات \
         اطارات",
    ),
    (
        Trade::Gym,
        "salle_de_sport fitness yoga pilates crossfit musculation coach_sportif gym workout. \
         personal_trainer gimnasio academia ginasio رياضة جيم",
    ),
    (
        Trade::Bookshop,
        "librair. livre livres dedicace. roman romans bande_dessinee bookshop. bookstore. book books \
         novel. paperback. author librer. libro libros livraria. livro livros كتب مكتبة",
    ),
    (
        Trade::RealEstate,
        "immobili. appartement. maison_a_vendre maison_a_louer studio_a_louer t2 t3 t4 real_estate \
         realtor apartment. house_for_sale flat_for inmobiliaria piso imobiliaria apartamento. عقارات \
         شقة",
    ),
    (
        Trade::Butcher,
        "boucher bouchere boucherie. charcut. viande. saucisse. merguez entrecote. roti rotis butcher. \
         meat meats sausage. steak steaks carnicer. carne carnes acougue talho جزار لحوم",
    ),
    (
        Trade::Cafe,
        "cafe cafes salon_de_the coffee. latte cappuccino espresso tea_room teas cafeteria cafetaria \
         مقهى قهوة",
    ),
    (
        Trade::Restaurant,
        "restaurant. resto bistro. veloute. magret. gratin. brasserie pizza. burger. menu menus plat \
         plats plat_du_jour brunch brunchs cocktail. formule. happy_hour couscous tajine sushi. kebab tapas dejeuner. diner crepe. \
         creperie raclette fondue cuisine chef lunch dinner dish dishes carta restaurante. almuerzo \
         cena almoco jantar prato cardapio مطعم. مطعمنا وجبة قائمة",
    ),
    (
        Trade::Clothes,
        "vetement. robe robes pret-a-porter mode jean jeans chemise. veste. manteau. pull pulls \
         chaussure. basket. sac sacs bijou bijoux collection friperie clothes clothing dress dresses \
         jacket. shirt. shoes sneakers fashion jewel. handbag. ropa vestido. zapatos coleccion roupa. \
         sapatos colecao ملابس فساتين احذية",
    ),
    (
        Trade::Grocery,
        "epicer. primeur fraise. cerise. beaujolais champagne fruits legumes fromage. fromager. cave vin vins caviste traiteur poisson. \
         poissonn. huitre. miel huile_d_olive grocer. vegetables cheese cheeses wine wines deli \
         olive_oil honey fish tienda_de_comestibles fruta. verdura. quesos vinos mercearia queijos \
         vinhos بقالة خضار فواكه",
    ),
    (
        Trade::Artisan,
        "plombier. plomberie electricien. peintre menuisier. menuiserie macon maconnerie couvreur \
         carreleur chauffagiste serrurier ebeniste ceramique. poterie potier atelier bougie. savon \
         savons artisan. plumber. plumbing electrician. carpenter. painter roofer potter. ceramic. \
         candle. soap soaps workshop fontaner. electricista carpinter. encanador eletricista artesan. \
         سباك كهربائي نجار",
    ),
];

/// Keywords of the objectives, in the order in which they win.
const OBJECTIVES: &[(Objective, &str)] = &[
    (
        Objective::Recruitment,
        "recrut. embauche. on_cherche_un on_cherche_une cherche_un cherche_une cherchons_un \
         cherchons_une recherche_un recherche_une recherchons_un recherchons_une apprenti apprentie \
         offre_d_emploi cdi cdd stagiaire alternan. hiring we_re_hiring job_offer looking_for_a \
         looking_for_an apprentice vacancy join_our_team buscamos_un buscamos_una busco contratamos \
         empleo procuramos vaga emprego نبحث_عن توظيف وظيفة",
    ),
    (
        Objective::Closure,
        "ferme fermee fermes fermees fermeture. fermons on_ferme ferme_pour conges en_vacances closed \
         closing we_are_closed on_holiday cerrado cerrada cerramos cierre fechado fechada fechamos مغلق \
         اغلاق",
    ),
    (
        Objective::Promo,
        "promo promos promotion promotions remise. reduction. rabais solde soldes discount. off sale \
         moitie_prix half_price bon_plan offre_speciale special_offer descuento. rebaja. oferta. \
         promocion desconto. promocao خصم خصومات تخفيض تخفيضات عرض",
    ),
    (
        Objective::Opening,
        "j_ouvre on_ouvre nous_ouvrons ouvre_ses_portes ouvrons_nos_portes ouverture_de inauguration \
         ouvre_bientot grand_opening opening_of i_m_opening we_re_opening we_are_opening new_shop \
         opens_its_doors inauguracion abrimos apertura_de inauguracao abertura_de افتتاح",
    ),
    (
        Objective::Event,
        "soiree. concert. degustation. atelier ateliers evenement. portes_ouvertes vernissage dedicace. \
         brunch marche rencontre quiz karaoke match live \
         event. tasting. workshop. open_day party book_signing signing gig anniversary \
         halloween evento concierto taller degustacion festa degustacao \
         حفل فعالية امسية",
    ),
    (
        Objective::Novelty,
        "nouveau nouvelle nouveaux nouvelles nouveaute. vient_d_arriver viennent_d_arriver arrivage \
         arrive arrivent lance lancons lancement new launch. just_arrived introducing back_in_stock \
         nuevo nueva nuevos nuevas novedad. novo nova novos novas novidade. جديد جديدة الجديد الجديدة",
    ),
    (
        Objective::Hours,
        "horaire. ouvert ouverte ouverts ouvertes ouverture ouvertures opening_hours open hours \
         horario. abierto abiertos aberto abertos ساعات_العمل مفتوح",
    ),
    (
        Objective::Thanks,
        "merci remercier remercie remercions thank_you thanks thank gracias agradecer obrigado obrigada \
         شكرا نشكر",
    ),
];

/// The entry with a keyword, in the order of the table.
fn first_entry<T: Copy>(table: &[(T, &str)], words: &[String]) -> Option<T> {
    let has = |keywords: &str| keywords.split_whitespace().any(|keyword| place_of(words, keyword).is_some());
    table.iter().find(|(_, keywords)| has(keywords)).map(|(found, _)| *found)
}

/// The entry whose keyword comes first in the text: what a brief starts with is what it is about.
fn first_word<T: Copy>(table: &[(T, &str)], words: &[String]) -> Option<T> {
    let place =
        |keywords: &str| keywords.split_whitespace().filter_map(|keyword| place_of(words, keyword)).min();
    let places = table.iter().filter_map(|(found, keywords)| place(keywords).map(|place| (place, *found)));
    places.min_by_key(|(place, _)| *place).map(|(_, found)| found)
}

/// Where a keyword stands among the words.
fn place_of(words: &[String], keyword: &str) -> Option<usize> {
    match keyword.strip_suffix('.') {
        Some(stem) => words.iter().position(|word| word.starts_with(stem)),
        None if keyword.contains('_') => {
            let wanted: Vec<&str> = keyword.split('_').collect();
            words
                .windows(wanted.len())
                .position(|window| window.iter().zip(&wanted).all(|(word, wanted)| word == wanted))
        }
        None => words.iter().position(|word| word == keyword),
    }
}

impl Trade {
    /// The trade that folded words tell.
    pub(crate) fn read(words: &[String]) -> Self {
        first_word(TRADES, words).unwrap_or(Self::Shop)
    }

    /// Whether one eats or drinks what it sells.
    pub(crate) fn is_food(self) -> bool {
        matches!(self, Self::Bakery | Self::Restaurant | Self::Cafe | Self::Grocery | Self::Butcher)
    }

    pub(crate) fn emoji(self) -> &'static str {
        match self {
            Self::Bakery => "🥐",
            Self::Restaurant => "🍽️",
            Self::Cafe => "☕",
            Self::Hairdresser => "💇",
            Self::Beauty => "🌸",
            Self::Clothes => "👗",
            Self::Florist => "💐",
            Self::Grocery => "🧺",
            Self::Butcher => "🥩",
            Self::Gym => "💪",
            Self::Garage => "🔧",
            Self::Bookshop => "📚",
            Self::RealEstate => "🏡",
            Self::Artisan => "🛠️",
            Self::Shop => "✨",
        }
    }

    /// The name of the trade, for the intent.
    pub(crate) fn name(self, language: Language) -> &'static str {
        let names = match self {
            Self::Bakery => ["boulangerie", "bakery", "panadería", "padaria", "مخبز"],
            Self::Restaurant => ["restaurant", "restaurant", "restaurante", "restaurante", "مطعم"],
            Self::Cafe => ["café", "café", "cafetería", "café", "مقهى"],
            Self::Hairdresser => ["coiffure", "hairdressing", "peluquería", "cabeleireiro", "حلاقة"],
            Self::Beauty => ["beauté", "beauty", "estética", "estética", "تجميل"],
            Self::Clothes => ["mode", "fashion", "moda", "moda", "أزياء"],
            Self::Florist => ["fleuriste", "florist", "floristería", "florista", "زهور"],
            Self::Grocery => ["épicerie", "grocery", "alimentación", "mercearia", "بقالة"],
            Self::Butcher => ["boucherie", "butcher", "carnicería", "talho", "جزارة"],
            Self::Gym => ["sport", "fitness", "deporte", "desporto", "رياضة"],
            Self::Garage => ["garage", "garage", "taller", "oficina", "ورشة سيارات"],
            Self::Bookshop => ["librairie", "bookshop", "librería", "livraria", "مكتبة"],
            Self::RealEstate => ["immobilier", "real estate", "inmobiliaria", "imobiliária", "عقارات"],
            Self::Artisan => ["artisanat", "craft", "artesanía", "artesanato", "حرف"],
            Self::Shop => ["commerce", "shop", "comercio", "comércio", "متجر"],
        };
        pick(names, language)
    }
}

impl Objective {
    /// The objective that folded words tell.
    pub(crate) fn read(words: &[String], has_offer: bool) -> Self {
        match first_entry(OBJECTIVES, words) {
            Some(found @ (Self::Recruitment | Self::Closure)) => found,
            _ if has_offer => Self::Promo,
            // "Ouverture exceptionnelle dimanche" is about hours, "ouverture de mon salon" is not.
            Some(found) => found,
            None => Self::News,
        }
    }

    pub(crate) fn emoji(self) -> &'static str {
        match self {
            Self::Promo => "🎉",
            Self::Novelty => "✨",
            Self::Event => "📅",
            Self::Opening => "🎊",
            Self::Hours => "🕘",
            Self::Closure => "📌",
            Self::Recruitment => "🤝",
            Self::Thanks => "🙏",
            Self::News => "👉",
        }
    }

    /// The name of the objective, for the intent.
    pub(crate) fn name(self, language: Language) -> &'static str {
        let names = match self {
            Self::Promo => ["promotion", "promotion", "promoción", "promoção", "عرض"],
            Self::Novelty => ["nouveauté", "new product", "novedad", "novidade", "جديد"],
            Self::Event => ["événement", "event", "evento", "evento", "فعالية"],
            Self::Opening => ["ouverture", "opening", "apertura", "abertura", "افتتاح"],
            Self::Hours => ["horaires", "opening hours", "horario", "horário", "مواعيد"],
            Self::Closure => ["fermeture", "closure", "cierre", "encerramento", "إغلاق"],
            Self::Recruitment => ["recrutement", "recruitment", "empleo", "emprego", "توظيف"],
            Self::Thanks => ["remerciement", "thanks", "agradecimiento", "agradecimento", "شكر"],
            Self::News => ["annonce", "announcement", "anuncio", "anúncio", "إعلان"],
        };
        pick(names, language)
    }
}

fn pick([fr, en, es, pt, ar]: [&'static str; 5], language: Language) -> &'static str {
    match language {
        Language::Fr => fr,
        Language::En => en,
        Language::Es => es,
        Language::Pt => pt,
        Language::Ar => ar,
    }
}
