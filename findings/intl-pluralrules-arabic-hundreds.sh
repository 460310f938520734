#!/usr/bin/env bash
# crate intl_pluralrules 7.0.2 (the plural rules of fluent-rs): the rules of Arabic for `few` and `many` lost the remainder by 100.
# CLDR has n % 100 = 3..10 for `few` and 11..99 for `many`; the crate compares n itself. So 103, 111 and 150 are `other` for
# it, and crate icu_plurals 2.2.0, with the same CLDR rules, says few, many, many. A price list in Arabic with [few] and [many]
# variants shows the wrong form of the noun from 103 on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "check"
version = "0.0.0"
edition = "2024"

[dependencies]
intl_pluralrules = "=7.0.2"
unic-langid = "=0.9.6"
icu_plurals = "=2.2.0"
icu_locale_core = "2.2"
TOML
cat > src/main.rs <<'RS'
use icu_locale_core::locale;
use icu_plurals::PluralRules as Icu;
use intl_pluralrules::{PluralRuleType, PluralRules};
use unic_langid::LanguageIdentifier;

fn main() {
    let arabic = PluralRules::create("ar".parse::<LanguageIdentifier>().unwrap(), PluralRuleType::CARDINAL).unwrap();
    let referee = Icu::try_new_cardinal(locale!("ar").into()).unwrap();
    for n in [3_usize, 11, 99, 103, 111, 150] {
        println!("{n}: {:?} {:?}", arabic.select(n).unwrap(), referee.category_for(n));
    }
}
RS
cargo run --quiet | tee found.txt
expected='3: FEW Few
11: MANY Many
99: MANY Many
103: OTHER Few
111: OTHER Many
150: OTHER Many'
[ "$(cat found.txt)" = "$expected" ] || { echo "changed: expected" >&2; printf '%s\n' "$expected" >&2; exit 1; }
