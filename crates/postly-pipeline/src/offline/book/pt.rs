//! Portuguese, in words that both sides of the ocean use. The sentences suit any trade.

use super::{Book, Frame, Patterns, Voices};
use crate::offline::trade::{Objective, Trade};

pub(super) static BOOK: Book = Book {
    angles: ["Direto ao ponto", "A história", "Pergunta à comunidade"],
    tasty: "Direto e saboroso",
    trade,
    frame,
    invitations: [
        &["Esperamos por você!", "Venha visitar-nos!"],
        &["Até muito breve.", "Será um prazer receber você."],
        &["Conte tudo nos comentários!", "Lemos todos os comentários!"],
    ],
    private: &["Responda a esta mensagem, adoramos ler você!"],
    funny: "Alerta de boa disposição!",
    elegant: "Com gosto pelo detalhe.",
    patterns: Patterns {
        offer_when: "{w}: {p}.",
        subject_when: "{w}: {p}.",
        offer: "A notícia: {p}.",
        ask_offer_when: "{p}, {w}: quem aproveita?",
        ask_offer: "{p}: quem aproveita?",
        dated: "{w}: {x}.",
        ask_dated: "{x}, {w}: quem vem?",
        thing: "Apresentamos {x}.",
        ask_thing: "Já conhece {x}?",
    },
    tags,
    objective_tag,
    exclamation: ("", "!"),
    question: ("", "?"),
};

fn trade(_: Trade) -> Voices {
    [
        &["Estávamos ansiosos por contar.", "Uma visita faz sempre bem."],
        &[
            "Ter um negócio é, antes de tudo, gostar das pessoas que entram pela porta.",
            "Muitas vezes são as coisas simples que fazem os bons momentos.",
        ],
        &["Que tal um pequeno mimo?", "Qual é o pequeno prazer que muda o seu dia?"],
    ]
}

fn frame(objective: Objective) -> Frame {
    match objective {
        Objective::Promo => Frame {
            openers: [&["Uma boa notícia para partilhar!", "É o momento de aproveitar!"], &[], &[]],
            closers: [&[], &["Um mimo, simples assim."], &["Que tal?"]],
            bare: [
                &["Há uma boa ocasião à sua espera. Passe por cá ou escreva-nos, e contamos tudo."],
                &["Adoramos alegrar quem entra pela nossa porta. Pergunte-nos na próxima visita."],
                &["Quer goste de planear, quer siga o coração, é um bom momento para nos visitar."],
            ],
            invites: true,
        },
        Objective::Novelty => Frame {
            openers: [&["Há novidades por aqui!", "Já podemos contar!"], &[], &[]],
            closers: [
                &[],
                &["Queremos muito saber a sua opinião."],
                &["Todas as primeiras impressões são bem-vindas."],
            ],
            bare: [
                &["O mais fácil é vir ver."],
                &[
                    "Experimentar e mudar um pouco é o que mantém vivo o nosso ofício. Há novidades, e queremos saber a sua opinião.",
                ],
                &["Vontade de algo diferente? Guardamos o segredo mais um pouco: venha descobrir."],
            ],
            invites: true,
        },
        Objective::Event => Frame {
            openers: [
                &["Anote na agenda!", "Um encontro a não perder!"],
                &["Os melhores momentos são os que se partilham."],
                &["E se nos encontrássemos?"],
            ],
            closers: [&["Passe a palavra!"], &["Só falta você."], &["Quem vem com você?"]],
            bare: [
                &["Estamos a preparar algo! Escreva-nos, e contamos tudo."],
                &["Estamos a preparar algo, e queremos partilhar esse momento."],
                &["Estamos a preparar algo: quem quer saber mais?"],
            ],
            invites: true,
        },
        Objective::Opening => Frame {
            openers: [
                &["Já é oficial!", "Aqui estamos!"],
                &["Abrir uma porta é uma aventura: ideias, trabalho e muita vontade."],
                &["Quem quer conhecer o espaço?"],
            ],
            closers: [&["Passe a palavra!"], &["Queremos muito conhecer você."], &["Quem vem visitar?"]],
            bare: [
                &["Vamos abrir em breve! Escreva-nos para saber mais."],
                &["A nossa está quase pronta, e queremos muito conhecer você."],
                &["Estamos a preparar a abertura, e vamos contar tudo."],
            ],
            invites: true,
        },
        Objective::Hours | Objective::Closure => Frame {
            openers: [
                &["Tome nota!", "Um aviso prático."],
                &["Preferimos avisar, para poupar uma viagem."],
                &["Estava a pensar em passar por cá?"],
            ],
            closers: [
                &["Obrigado pela compreensão."],
                &["Obrigado pela confiança e até muito breve."],
                &["Até breve!"],
            ],
            bare: [
                &["Para saber o nosso horário, basta escrever-nos."],
                &["Uma mensagem basta para saber quando nos encontrar."],
                &["Escreva-nos antes de vir, e dizemos quando nos encontrar."],
            ],
            invites: false,
        },
        Objective::Recruitment => Frame {
            openers: [
                &["A equipa está a crescer!"],
                &["Por trás de um bom acolhimento há sempre uma boa equipa."],
                &["Gostaria de fazer parte de uma equipa?"],
            ],
            closers: [
                &["Escreva-nos!"],
                &["Se estas linhas lhe dizem algo, escreva-nos."],
                &["Partilhar pode mudar tudo: obrigado por passar a palavra."],
            ],
            bare: [
                &["Procuramos alguém que se junte a nós. Escreva-nos para saber mais."],
                &["A nossa procura um rosto novo. Vamos conversar?"],
                &["Procuramos alguém, e contamos mais por mensagem."],
            ],
            invites: false,
        },
        Objective::Thanks => Frame {
            openers: [
                &["Muito obrigado!"],
                &["Há momentos em que só queremos dizer isto."],
                &["Já lhe dissemos?"],
            ],
            closers: [
                &["É você quem dá vida a este lugar."],
                &["É o que nos dá vontade de continuar."],
                &["E qual é a sua melhor recordação connosco?"],
            ],
            bare: [
                &["Obrigado a todas as pessoas que entram pela nossa porta."],
                &["Obrigado pelos sorrisos, pelas palavras gentis e pela confiança."],
                &["Obrigado por nos seguir, por nos ler e por voltar."],
            ],
            invites: false,
        },
        Objective::News => Frame {
            openers: [&["Contamos tudo!", "Esta é para você!"], &[], &[]],
            closers: [&[], &["Queríamos muito contar."], &["O que acha?"]],
            bare: [
                &["Entre, nós tratamos do resto."],
                &["É por momentos assim que amamos o nosso ofício."],
                &["Adoramos conhecer os gostos de cada pessoa."],
            ],
            invites: true,
        },
    }
}

fn tags(trade: Trade) -> [&'static str; 3] {
    match trade {
        Trade::Bakery => ["Padaria", "ComércioLocal", "Bairro"],
        Trade::Restaurant => ["Restaurante", "BoaMesa", "ComércioLocal"],
        Trade::Cafe => ["Café", "HoraDoCafé", "ComércioLocal"],
        Trade::Hairdresser => ["Cabeleireiro", "Cabelo", "ComércioLocal"],
        Trade::Beauty => ["Beleza", "BemEstar", "ComércioLocal"],
        Trade::Clothes => ["Moda", "Estilo", "ComércioLocal"],
        Trade::Florist => ["Florista", "Flores", "ComércioLocal"],
        Trade::Grocery => ["BonsProdutos", "Bairro", "ComércioLocal"],
        Trade::Butcher => ["Talho", "Bairro", "ComércioLocal"],
        Trade::Gym => ["Treino", "Motivação", "Fitness"],
        Trade::Garage => ["Oficina", "Carros", "ComércioLocal"],
        Trade::Bookshop => ["Livraria", "Leitura", "Livros"],
        Trade::RealEstate => ["Imobiliária", "Lar", "Casa"],
        Trade::Artisan => ["Artesanato", "Ofício", "ComércioLocal"],
        Trade::Shop => ["ComércioLocal", "Bairro", "PequenoComércio"],
    }
}

fn objective_tag(objective: Objective) -> &'static str {
    match objective {
        Objective::Promo => "Aproveite",
        Objective::Novelty => "Novidade",
        Objective::Event => "Agenda",
        Objective::Opening => "Abertura",
        Objective::Hours | Objective::Closure => "Aviso",
        Objective::Recruitment => "Emprego",
        Objective::Thanks => "Obrigado",
        Objective::News => "Bairro",
    }
}
