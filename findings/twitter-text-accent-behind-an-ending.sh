#!/usr/bin/env bash
# npm twitter-text 3.1.0 finds a link inside a word: the check that a top-level domain ends there knows ASCII letters only.
# "Ouvert samedi.Maître" (a missing space after a full stop) has 20 characters and weighs 34, because "samedi.Ma" counts as
# a link of 23; with "Maitre" in place of "Maître" there is no link, and the text weighs its 20 characters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --no-save --prefix "$folder" twitter-text@3.1.0 >/dev/null
cat > count.cjs <<'JS'
const twitter = require('twitter-text');
for (const text of ['Ouvert samedi.Maître', 'Ouvert samedi.Maitre']) {
  const links = twitter.extractUrls(text);
  console.log(`${text}: ${twitter.parseTweet(text).weightedLength} ${JSON.stringify(links)}`);
}
JS
found=$(node count.cjs)
expected='Ouvert samedi.Maître: 34 ["samedi.Ma"]
Ouvert samedi.Maitre: 20 []'
printf '%s\n' "$found"
[ "$found" = "$expected" ] || { echo "changed: expected" >&2; printf '%s\n' "$expected" >&2; exit 1; }
