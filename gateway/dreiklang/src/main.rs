// SPDX-License-Identifier: EUPL-1.2
//! The binary: command line, configuration, composition, administration. What the gateway does is in the other crates.

mod admin;
mod cli;
mod commands;
mod compose;
mod config;
mod http;
mod log;
mod media;
mod media_links;
mod metrics;
mod print;
mod state;
mod tls;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command, ConfigCommand};
use commands::Outcome;
use dreiklang_engine::linking::Wish;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return trouble(&format!("the process cannot start: {error}")),
    };
    match runtime.block_on(act(&cli)) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Trouble) => ExitCode::FAILURE,
        Err(error) => trouble(&format!("{error:#}")),
    }
}

async fn act(cli: &Cli) -> anyhow::Result<Outcome> {
    if let Command::Config(ConfigCommand::Example) = cli.command {
        print::line(config::example().trim_end());
        return Ok(Outcome::Fine);
    }
    let loaded = config::load(&cli.config)?;
    match &cli.command {
        Command::Run => commands::run(&loaded).await,
        Command::Check => commands::check(&loaded, cli.json).await,
        Command::Config(_) => {
            // Composing reads every secret and constructs every adapter: what is missing shows here, not at the start.
            compose::organisations(&loaded, &[0; 32])?;
            print::line(&format!("{}: fine", cli.config.display()));
            Ok(Outcome::Fine)
        }
        Command::Registration(asked) => commands::registration(&loaded, &asked.output),
        Command::Status => commands::status(&loaded, cli.json).await,
        Command::Health => commands::health(&loaded).await,
        Command::Invite(asked) => commands::invite(&loaded, asked, cli.json).await,
        Command::Rooms => commands::rooms(&loaded, cli.json).await,
        Command::Link(asked) => {
            let wish = Wish::Link(asked.one.clone(), asked.other.clone());
            commands::wish(&loaded, asked.organisation.as_deref(), &wish).await
        }
        Command::Unlink(asked) => commands::wish(&loaded, asked.organisation.as_deref(), &Wish::Unlink(asked.one.clone())).await,
        Command::Queue(asked) => commands::queue(&loaded, asked, cli.json).await,
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a command go to standard error")]
fn trouble(text: &str) -> ExitCode {
    eprintln!("dreiklang: {text}");
    ExitCode::FAILURE
}
