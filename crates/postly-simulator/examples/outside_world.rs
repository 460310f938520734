//! Runs the simulator alone, for clients that are not part of this workspace.
//!
//! Prints one line of JSON with its address and accounts, and runs until its standard input ends, so that it
//! cannot outlive its parent process. With the argument `mistral` the model refuses the fields that Mistral's
//! server refuses.

#![expect(clippy::print_stdout, reason = "the line is this example's whole answer")]

use postly_simulator::{Channel, ModelServer, RefusalForm, Simulator, SimulatorConfig};
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api_key = "sk-simulated-key";
    let world = Simulator::start(SimulatorConfig {
        openai_api_key: Some(api_key.to_owned()),
        ..SimulatorConfig::default()
    })
    .await?;
    if std::env::args().nth(1).as_deref() == Some("mistral") {
        let refused = vec!["store", "max_completion_tokens", "safety_identifier", "reasoning_effort"];
        world.model_server(ModelServer::Refusing(refused, RefusalForm::MistralMessage));
    }
    let number = "+33639981001";
    for channel in [Channel::Meta, Channel::Twilio] {
        world.open_window(&world.person(channel, number));
    }
    let accounts = world.config();
    println!(
        "{}",
        serde_json::json!({
            "base_url": world.base_url(),
            "openai_base_url": world.openai_base_url(),
            "openai_api_key": api_key,
            "meta_access_token": accounts.meta.access_token,
            "meta_phone_number_id": accounts.meta.phone_number_id,
            "twilio_account_sid": accounts.twilio.account_sid,
            "twilio_auth_token": accounts.twilio.auth_token,
            "twilio_from": accounts.twilio.from,
            "stripe_secret_key": accounts.stripe.secret_key,
            "number": number,
        })
    );
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    world.stop().await;
    Ok(())
}
