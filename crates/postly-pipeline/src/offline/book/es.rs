//! Spanish. The sentences suit any trade.

use super::{Book, Frame, Patterns, Voices};
use crate::offline::trade::{Objective, Trade};

pub(super) static BOOK: Book = Book {
    angles: ["Directo al grano", "La historia", "Pregunta a la comunidad"],
    tasty: "Directo y sabroso",
    trade,
    frame,
    invitations: [
        &["¡Te esperamos!", "¡Ven a vernos!"],
        &["Nos vemos muy pronto.", "Será un placer recibirte."],
        &["¡Cuéntanos en los comentarios!", "¡Leemos todos los comentarios!"],
    ],
    private: &["¡Responde a este mensaje, nos encanta leerte!"],
    funny: "¡Alerta de buen humor!",
    elegant: "Con gusto por el detalle.",
    patterns: Patterns {
        offer_when: "{w}: {p}.",
        subject_when: "{w}: {p}.",
        offer: "La noticia: {p}.",
        ask_offer_when: "{p}, {w}. ¿Quién se apunta?",
        ask_offer: "{p}. ¿Quién se apunta?",
        dated: "{w}: {x}.",
        ask_dated: "{x}, {w}. ¿Quién se apunta?",
        thing: "Te presentamos {x}.",
        ask_thing: "¿Ya conoces {x}?",
    },
    tags,
    objective_tag,
    exclamation: ("¡", "!"),
    question: ("¿", "?"),
};

fn trade(_: Trade) -> Voices {
    [
        &["Teníamos muchas ganas de contarlo.", "Una visita siempre sienta bien."],
        &[
            "Tener un negocio es, ante todo, querer a la gente que cruza la puerta.",
            "A menudo son las cosas sencillas las que hacen los buenos momentos.",
        ],
        &["¿Y si nos damos un gusto?", "¿Qué pequeño placer te cambia el día?"],
    ]
}

fn frame(objective: Objective) -> Frame {
    match objective {
        Objective::Promo => Frame {
            openers: [&["¡Una buena noticia para compartir!", "¡Es el momento de aprovechar!"], &[], &[]],
            closers: [&[], &["Un gusto, así de sencillo."], &["¿Te apetece?"]],
            bare: [
                &["Hay una buena ocasión esperándote. Pásate o escríbenos y te lo contamos todo."],
                &[
                    "Nos encanta alegrar a quienes cruzan nuestra puerta. Pregúntanos la próxima vez que vengas.",
                ],
                &[
                    "Tanto si te gusta planear como si te dejas llevar, es un buen momento para venir a vernos.",
                ],
            ],
            invites: true,
        },
        Objective::Novelty => Frame {
            openers: [&["¡Hay novedades en casa!", "¡Por fin podemos contarlo!"], &[], &[]],
            closers: [
                &[],
                &["Estamos deseando saber qué te parece."],
                &["Toda primera impresión es bienvenida."],
            ],
            bare: [
                &["Lo más fácil es venir a verlas."],
                &[
                    "Probar y cambiar un poco es lo que mantiene vivo nuestro oficio. Hay novedades, y queremos saber qué te parecen.",
                ],
                &["¿Ganas de algo nuevo? Guardamos el secreto un poco más: ven a descubrirlo."],
            ],
            invites: true,
        },
        Objective::Event => Frame {
            openers: [
                &["¡Apúntalo en la agenda!", "¡Una cita que no hay que perderse!"],
                &["Los mejores momentos son los que se comparten."],
                &["¿Y si nos vemos?"],
            ],
            closers: [&["¡Corre la voz!"], &["Solo faltas tú."], &["¿Con quién vienes?"]],
            bare: [
                &["¡Estamos preparando algo! Escríbenos y te lo contamos todo."],
                &["Estamos preparando algo, y queremos compartirlo contigo."],
                &["Estamos preparando algo. ¿Quién quiere saber más?"],
            ],
            invites: true,
        },
        Objective::Opening => Frame {
            openers: [
                &["¡Ya es oficial!", "¡Aquí estamos!"],
                &["Abrir una puerta es una aventura: ideas, trabajo y muchas ganas."],
                &["¿Quién quiere conocer el lugar?"],
            ],
            closers: [&["¡Corre la voz!"], &["Estamos deseando conocerte."], &["¿Quién viene a vernos?"]],
            bare: [
                &["¡Pronto abrimos! Escríbenos para saber más."],
                &["La nuestra está casi lista, y estamos deseando conocerte."],
                &["Nos preparamos para abrir, y te lo contaremos todo."],
            ],
            invites: true,
        },
        Objective::Hours | Objective::Closure => Frame {
            openers: [
                &["¡Toma nota!", "Un aviso práctico."],
                &["Preferimos avisarte, para ahorrarte un viaje."],
                &["¿Pensabas pasar a vernos?"],
            ],
            closers: [
                &["Gracias por tu comprensión."],
                &["Gracias por tu confianza y hasta muy pronto."],
                &["¡Nos vemos muy pronto!"],
            ],
            bare: [
                &["Para conocer nuestro horario, basta con escribirnos."],
                &["Un mensaje basta para saber cuándo encontrarnos."],
                &["Escríbenos antes de venir y te diremos cuándo encontrarnos."],
            ],
            invites: false,
        },
        Objective::Recruitment => Frame {
            openers: [
                &["¡El equipo crece!"],
                &["Detrás de una buena acogida siempre hay un buen equipo."],
                &["¿Te gustaría unirte a un equipo?"],
            ],
            closers: [
                &["¡Escríbenos!"],
                &["Si estas líneas te hablan, escríbenos."],
                &["Compartir puede cambiarlo todo: gracias por correr la voz."],
            ],
            bare: [
                &["Buscamos a alguien que se una a nosotros. Escríbenos para saber más."],
                &["El nuestro busca una cara nueva. ¿Hablamos?"],
                &["Buscamos a alguien, y te contamos más por mensaje."],
            ],
            invites: false,
        },
        Objective::Thanks => Frame {
            openers: [
                &["¡Muchas gracias!"],
                &["Hay momentos en los que solo queremos decirlo."],
                &["¿Te lo hemos dicho ya?"],
            ],
            closers: [
                &["Eres tú quien da vida a este lugar."],
                &["Eso nos da ganas de seguir."],
                &["Y tú, ¿cuál es tu mejor recuerdo con nosotros?"],
            ],
            bare: [
                &["Gracias a todas las personas que cruzan nuestra puerta."],
                &["Gracias por las sonrisas, las palabras amables y la confianza."],
                &["Gracias por seguirnos, por leernos y por volver."],
            ],
            invites: false,
        },
        Objective::News => Frame {
            openers: [&["¡Te lo contamos todo!", "¡Esto es para ti!"], &[], &[]],
            closers: [&[], &["Teníamos ganas de contártelo."], &["¿Qué te parece?"]],
            bare: [
                &["Cruza la puerta, nosotros nos ocupamos del resto."],
                &["Por momentos así amamos nuestro oficio."],
                &["Nos encanta conocer los gustos de cada persona."],
            ],
            invites: true,
        },
    }
}

fn tags(trade: Trade) -> [&'static str; 3] {
    match trade {
        Trade::Bakery => ["Panadería", "ComercioLocal", "Barrio"],
        Trade::Restaurant => ["Restaurante", "BuenaMesa", "ComercioLocal"],
        Trade::Cafe => ["Café", "HoraDelCafé", "ComercioLocal"],
        Trade::Hairdresser => ["Peluquería", "Cabello", "ComercioLocal"],
        Trade::Beauty => ["Belleza", "Bienestar", "ComercioLocal"],
        Trade::Clothes => ["Moda", "Estilo", "ComercioLocal"],
        Trade::Florist => ["Floristería", "Flores", "ComercioLocal"],
        Trade::Grocery => ["BuenosProductos", "Barrio", "ComercioLocal"],
        Trade::Butcher => ["Carnicería", "Barrio", "ComercioLocal"],
        Trade::Gym => ["Deporte", "Motivación", "Fitness"],
        Trade::Garage => ["Taller", "Coches", "ComercioLocal"],
        Trade::Bookshop => ["Librería", "Lectura", "Libros"],
        Trade::RealEstate => ["Inmobiliaria", "Hogar", "Vivienda"],
        Trade::Artisan => ["Artesanía", "Oficio", "ComercioLocal"],
        Trade::Shop => ["ComercioLocal", "Barrio", "PequeñoComercio"],
    }
}

fn objective_tag(objective: Objective) -> &'static str {
    match objective {
        Objective::Promo => "Aprovecha",
        Objective::Novelty => "Novedad",
        Objective::Event => "Agenda",
        Objective::Opening => "Apertura",
        Objective::Hours | Objective::Closure => "Aviso",
        Objective::Recruitment => "Empleo",
        Objective::Thanks => "Gracias",
        Objective::News => "Barrio",
    }
}
