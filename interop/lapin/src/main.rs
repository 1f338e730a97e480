//! `driver SCENARIO`: exits with 0 when everything that the scenario asks for was seen.

mod broker;
mod connections;
mod consuming;
mod contents;
mod expect;
mod failures;
mod header_types;
mod publishing;
mod requeue;
mod topology;

use std::process::ExitCode;

use crate::expect::{Outcome, fail};

async fn play(scenario: &str) -> Outcome {
    match scenario {
        "connect-options" => connections::connect_options().await,
        "declare-bind" => topology::declare_bind().await,
        "publish-consume" => contents::publish_consume().await,
        "header-types" => header_types::header_types().await,
        "confirms" => publishing::confirms().await,
        "mandatory" => publishing::mandatory().await,
        "get" => consuming::get().await,
        "requeue" => requeue::requeue().await,
        "prefetch" => consuming::prefetch().await,
        "transactions" => publishing::transactions().await,
        "exclusive" => topology::exclusive().await,
        "cancel" => consuming::cancel().await,
        "reply-to" => consuming::reply_to().await,
        "large-message" => contents::large_message().await,
        "heartbeats" => connections::heartbeats().await,
        "reconnect" => failures::reconnect().await,
        "blocked" => failures::blocked().await,
        "tls" => connections::tls().await,
        _ => fail(format!("no scenario {scenario:?}")),
    }
}

fn main() -> ExitCode {
    let Some(scenario) = std::env::args().nth(1) else {
        eprintln!("usage: driver SCENARIO");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(play(&scenario)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
