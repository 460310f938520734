//! Prints the built-in writer's posts for briefs, for a human reader:
//! `cargo run -p postly-pipeline --example posts -- "Crée un post promo pour Instagram"`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is for a human reader")]

use std::sync::Arc;

use postly_domain::{Brief, Language};
use postly_pipeline::{WriteRequest, Writer, offline::OfflineWriter};

#[tokio::main]
async fn main() {
    let writer = Writer::new(Arc::new(OfflineWriter::new()));
    for text in std::env::args().skip(1) {
        println!("\n=== {text}");
        let brief = match Brief::parse(&text) {
            Ok(brief) => brief,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let ask = WriteRequest {
            brief,
            is_explicit: false,
            language_hint: Language::Fr,
            language_hint_is_known: false,
            language_forced: None,
            platform: None,
            tone: None,
            brand: postly_domain::brand::Brand::default(),
            region: None,
            user_ref: String::new(),
            seed: 0,
            revision: None,
            picture: None,
        };
        match writer.write(&ask).await {
            Ok(written) => {
                let intent = &written.intent;
                println!(
                    "    {} · {} · {} · {}",
                    intent.industry, intent.objective, intent.tone, intent.language
                );
                for variant in &written.variants {
                    println!("--- {}\n{}", variant.angle, variant.text);
                }
            }
            Err(failure) => println!("{:?}", failure.kind),
        }
    }
}
