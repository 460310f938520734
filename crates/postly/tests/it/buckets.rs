//! Backups in a bucket that cannot be used. `cargo xtask oracles s3` makes some with a server.

use postly_testkit::EngineName;

use crate::{
    outside::Outside,
    process::{Ran, run},
};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:1";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const ACCOUNT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_ENDPOINT_URL", NOWHERE),
];

async fn postly(outside: &Outside, args: &[&str], more: &[(&str, &str)]) -> Ran {
    let mut variables = outside.variables();
    variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    run(&outside.folder, args, &variables).await
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_is_refused_in_one_sentence() {
    let outside = Outside::silent(EngineName::Sqlite).await;
    let backup = ["backup", "--to", "s3://backups/postly", "--json"];
    if !cfg!(feature = "s3") {
        for args in [&backup[..], &["restore", "--from", "s3://backups/postly"]] {
            let ran = postly(&outside, args, &ACCOUNT).await.exits(2);
            assert!(ran.err.contains("s3:// is not in this build") && ran.err.contains("rclone"), "{ran:?}");
        }
        return outside.end().await;
    }
    let refused = |ran: Ran, words: &[&str]| {
        assert!(words.iter().all(|word| ran.err.contains(word)) && ran.out.is_empty(), "{words:?}: {ran:?}");
        assert!(!ran.err.contains(SECRET), "{ran:?}");
        let left = std::fs::read_dir(outside.folder.path()).unwrap();
        let names = left.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        let unfinished: Vec<String> = names.filter(|name| name.starts_with(".postly")).collect();
        assert!(unfinished.is_empty(), "{unfinished:?}");
    };
    let missing =
        ["AWS_ACCESS_KEY_ID is missing", "AWS_SECRET_ACCESS_KEY is missing", "AWS_REGION is missing"];
    refused(postly(&outside, &backup, &[]).await.exits(2), &missing);
    let half = [ACCOUNT[1], ACCOUNT[2]];
    refused(postly(&outside, &backup, &half).await.exits(2), &["AWS_ACCESS_KEY_ID is missing"]);
    for address in ["s3://", "s3://No_Bucket", "s3://backups/a//b"] {
        let ran = postly(&outside, &["backup", "--to", address], &ACCOUNT).await;
        refused(ran.exits(2), &["s3://BUCKET/PREFIX"]);
    }
    let keep = ["backup", "--to", "s3://backups/one.db", "--keep", "2"];
    refused(postly(&outside, &keep, &ACCOUNT).await.exits(2), &["--keep"]);
    let unreachable = ["nothing answers at its address", "AWS_ENDPOINT_URL"];
    refused(postly(&outside, &backup, &ACCOUNT).await.exits(1), &unreachable);
    let other = outside.folder.path().join("restored.db").display().to_string();
    let url = format!("sqlite://{other}");
    let to = [&ACCOUNT[..], &[("DATABASE_URL", url.as_str())]].concat();
    for from in ["s3://backups/postly", "s3://backups/postly/one.db"] {
        refused(postly(&outside, &["restore", "--from", from], &to).await.exits(1), &unreachable);
    }
    assert!(!std::path::Path::new(&other).exists());
    outside.end().await;
}
