//! The requests of the service equal those that external validators accepted.

use serde_json::Value;

const ACCEPTED: &str = include_str!("../../testdata/requests.jsonl");

#[tokio::test]
async fn what_we_send_today_is_what_the_referees_accepted() {
    let mut accepted = ACCEPTED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = accepted.next().unwrap();
    assert!(
        header.get("accepted_by").is_some_and(Value::is_object),
        "the first line names the referees: {header}"
    );
    let today = postly_testkit::recording::record().await;
    for (number, (today, accepted)) in today.iter().zip(accepted.by_ref()).enumerate() {
        assert!(
            *today == accepted,
            "request {number} is new to the referees; ask them with `cargo xtask oracles --accept`\n\
             accepted: {accepted:#}\ntoday:    {today:#}"
        );
    }
    assert_eq!(today.len(), ACCEPTED.lines().count() - 1, "as many requests as were accepted");
}
