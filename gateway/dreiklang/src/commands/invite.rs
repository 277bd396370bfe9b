// SPDX-License-Identifier: EUPL-1.2
//! `dreiklang invite`: a link and a QR code that lead to somebody, for people whose program lets nobody write to them unasked (Delta
//! Chat). Works beside a running gateway and without one.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;
use dreiklang_engine::{
    Engine, Pseudonyms, Whom, Wiring,
    port::{NoMeter, SystemClock, SystemEntropy},
};
use dreiklang_model::{OrganisationId, words};
use dreiklang_store::{Seal, Sqlite};
use fast_qr::{ECL, QRBuilder, QRCode};
use serde::Serialize;

use super::{Outcome, organisation};
use crate::{cli::Invite, compose, config::Loaded, print, state::State};

/// White modules around a QR code (ISO/IEC 18004 §6.3.8), and how many pixels a module has in a picture.
const QUIET: usize = 4;
const PIXELS: usize = 8;

#[derive(Serialize)]
struct Line<'a> {
    organisation: &'a str,
    name: &'a str,
    address: &'a str,
    link: &'a str,
    expires: String,
}

pub(crate) async fn invite(loaded: &Loaded, asked: &Invite, json: bool) -> anyhow::Result<Outcome> {
    let id = organisation(loaded, asked.organisation.as_deref())?;
    let state = State::open(loaded)?;
    let store = Arc::new(Sqlite::open(&state.database, Seal::new(&state.seal)?).await?);
    let engine = Engine::new(Wiring {
        store: Arc::<Sqlite>::clone(&store),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        meter: Arc::new(NoMeter),
        links: None,
        pseudonyms: Pseudonyms::new(&state.key),
        organisations: compose::organisations(loaded, &state.key)?,
    })
    .await?;
    let outcome = if asked.revoke { revoke(&engine, &id, asked).await } else { show(&engine, &id, asked, json).await };
    dreiklang_engine::port::Store::close(&*store).await;
    outcome
}

fn whom(asked: &Invite) -> Whom<'_> {
    if asked.address.eq_ignore_ascii_case("bot") { Whom::Bot } else { Whom::Person(&asked.address) }
}

async fn revoke(engine: &Engine, id: &OrganisationId, asked: &Invite) -> anyhow::Result<Outcome> {
    match engine.revoke_invitations(id, whom(asked)).await? {
        Ok(number) => {
            print::line(&format!("{number} invitations taken back"));
            Ok(Outcome::Fine)
        }
        Err(reason) => {
            print::line(&words::reason(words::Language::English, &reason));
            Ok(Outcome::Trouble)
        }
    }
}

async fn show(engine: &Engine, id: &OrganisationId, asked: &Invite, json: bool) -> anyhow::Result<Outcome> {
    let invited = match engine.invite(id, whom(asked)).await? {
        Ok(Some(invited)) => invited,
        Ok(None) => {
            print::line("nobody needs an invitation to this address: it can be written to from every connected network");
            return Ok(Outcome::Trouble);
        }
        Err(reason) => {
            print::line(&words::reason(words::Language::English, &reason));
            return Ok(Outcome::Trouble);
        }
    };
    let link = invited.invitation.link.as_str();
    let expires = jiff::Timestamp::from_millisecond(invited.invitation.expires.as_millis())?;
    let expires = expires.round(jiff::Unit::Second)?.to_string();
    let code = QRBuilder::new(link).ecl(ECL::M).build().map_err(|error| anyhow::anyhow!("no QR code: {error}"))?;
    if let Some(file) = &asked.png {
        let path = file.as_path();
        picture(&code, path).with_context(|| path.display().to_string())?;
    }
    if json {
        let (name, address) = (invited.ghost.name.as_str(), invited.ghost.written.as_str());
        print::line(&serde_json::to_string(&Line { organisation: id.as_str(), name, address, link, expires })?);
        return Ok(Outcome::Fine);
    }
    print::line(&format!("Whoever opens this in Delta Chat can write to {}, until {expires}:", invited.ghost.name.as_str()));
    print::line(link);
    if asked.png.is_none() {
        print::line(&drawn(&code));
    }
    Ok(Outcome::Fine)
}

/// Is this place of the code, which may lie in the margin, dark?
fn dark(code: &QRCode, x: usize, y: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.size);
    match (inside(x), inside(y)) {
        (Some(x), Some(y)) => code[y][x].value(),
        _ => false,
    }
}

/// The code in half blocks: light is drawn, so that it can be read from a dark terminal; two modules stand above each other.
fn drawn(code: &QRCode) -> String {
    let width = code.size + 2 * QUIET;
    let line = |y: usize| -> String {
        let blocks = (0..width).map(|x| match (dark(code, x, y), y + 1 >= width || dark(code, x, y + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        });
        blocks.collect()
    };
    (0..width).step_by(2).map(line).collect::<Vec<_>>().join("\n")
}

/// The code as a picture: black and white, one bit for each pixel.
fn picture(code: &QRCode, path: &Path) -> anyhow::Result<()> {
    let side = (code.size + 2 * QUIET) * PIXELS;
    let row = |y: usize| {
        let light = move |x: usize| u8::from(x < side && !dark(code, x / PIXELS, y / PIXELS));
        (0..side).step_by(8).map(move |x| (0..8).fold(0, |bits, bit| bits << 1 | light(x + bit)))
    };
    let bits: Vec<u8> = (0..side).flat_map(row).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(side)?, u32::try_from(side)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bits)?;
    writer.finish()?;
    Ok(fs::write(path, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_drawn_with_a_margin_and_the_picture_shows_the_same() {
        let code = QRBuilder::new("https://i.delta.chat/#23FF&v=3").ecl(ECL::M).build().unwrap();
        let width = code.size + 2 * QUIET;
        let text = drawn(&code);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert!(lines[0].chars().all(|c| c == '█'), "the margin is light");
        // The finder pattern in the corner: a dark row above a row that is dark at its ends only.
        let corner: String = lines[QUIET / 2].chars().skip(QUIET).take(8).collect();
        assert_eq!(corner, " ▄▄▄▄▄ █");

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("code.png");
        picture(&code, &path).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut bits = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bits).unwrap();
        let side = width * PIXELS;
        assert_eq!((info.width as usize, info.height as usize), (side, side));
        for y in 0..side {
            for x in 0..side {
                let light = bits[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 1;
                assert_eq!(light, !dark(&code, x / PIXELS, y / PIXELS), "{x} {y}");
            }
        }
    }
}
