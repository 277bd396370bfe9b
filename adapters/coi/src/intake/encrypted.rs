// SPDX-License-Identifier: EUPL-1.2
//! Taking in what was encrypted: whose it is, what it teaches about keys, and how its author hears of a refusal, whose program may show
//! him nothing that is not encrypted.

use std::sync::Arc;

use dreiklang_engine::{
    Hub, Lookup,
    port::{Proof, StoreError},
};
use dreiklang_model::{Address, Reason};
use dreiklang_openpgp::{Autocrypt, Card, Certificate, Signed, securejoin::Request};
use mail_parser::MimeHeaders as _;

use super::{Delivery, Intake, Outcome, ReturnPath, letters::Seal};
use crate::{
    address::canonical,
    inward::{Evidence, Letter, Mail, Reading, author, own_key},
    notices::Refused,
    outward::Words,
    portraits::{self, Shown},
    sealed::{Author, Grounds, Met, Peer, Program, Sighting, Step, Unsealed, judged},
};

/// How many keys of others are taken from one mail, and how many in all from one person.
const MOST_TOLD: usize = 20;
const MOST_TOLD_BY_ONE: usize = 200;

impl Intake {
    /// Takes in an opened mail; one answer for each recipient.
    pub(super) async fn sealed(&self, hub: &Hub, unsealed: &Unsealed, delivery: &Delivery) -> Result<Vec<Outcome>, StoreError> {
        let done = |why| {
            hub.dropped(why);
            Ok(vec![Outcome::Done; delivery.recipients.len()])
        };
        let Some(mail) = Mail::parse(&unsealed.readable) else { return done("malformed") };
        let about = mail.message_id();
        if let Some(request) = Request::read(unsealed.opened.content()) {
            return match self.shake_hands(hub, unsealed, request, about).await? {
                Some(why) => done(why),
                None => Ok(vec![Outcome::Done; delivery.recipients.len()]),
            };
        }
        if unsealed.opener().is_none() {
            return done("uninvited");
        }
        if let Some(why) = self.reader.ignores(&mail, false).filter(|why| *why == "loop") {
            return done(why);
        }
        let Some((from, _)) = author(&mail) else { return done("malformed") };
        let bound = self.vault.peers.of(hub, &from).await?;
        let own = own_key(&mail, &from);
        let own_certificate = own.as_ref().map(|own| own.certificate.clone());
        let signed = self.vault.signed(hub, unsealed, bound.clone(), own_certificate.clone()).await?;
        let signer = match &signed {
            Ok(Signed::By(signer)) => Some(signer.fingerprint),
            _ => None,
        };
        let owner = match &signer {
            Some(signer) => self.vault.peers.owner(hub, signer).await?,
            None => None,
        };
        let known = [own_certificate, bound.as_ref().map(|bound| bound.certificate.clone())].into_iter().flatten();
        let signing = known.into_iter().find(|known| Some(known.fingerprint()) == signer);
        let recipients = match delivery.recipients.is_empty() {
            true => self.vault.recipients(hub, &mail, unsealed, &signed).await?,
            false => delivery.recipients.clone(),
        };
        let aligned = unsealed.vouched.as_ref() == Some(&from);
        let grounds = Grounds { claimed: &from, aligned, signed: &signed, bound: bound.as_deref(), owner: owner.as_deref() };
        let (account, proof) = match judged(grounds) {
            Author::Misdirected => return done("misdirected"),
            Author::Nobody => {
                hub.dropped("forged");
                return self.refuse(hub, delivery, &recipients, about, &Reason::NotAuthenticated, signing).await;
            }
            Author::KeyChanged => {
                let who = hub.pseudonym(from.as_str());
                tracing::error!(who, "somebody writes with another key than the one known for his address; it is not believed");
                hub.dropped("key_changed");
                return self.refuse(hub, delivery, &recipients, about, &Reason::KeyChanged, signing).await;
            }
            Author::Vouched(account) => (account, Proof::Aligned),
            Author::Owner { account, proof, binds } => {
                let may = hub.organisation().policy.admits(&account).is_ok();
                if let (true, true, Some(certificate)) = (may, binds, signing.clone()) {
                    let program = Some(program_of(mail.is_chat()));
                    let sighting = Sighting { address: from.clone(), certificate, met: Met::Sealed, mutual: true, program };
                    self.vault.peers.meet(hub, sighting).await?;
                }
                if may {
                    self.learn_of_others(hub, &mail, &from).await?;
                }
                (account, proof)
            }
        };
        match self.reader.read(&mail, &unsealed.readable, false, Evidence::Sealed, hub.now()) {
            Reading::Letter(letter) => {
                let letter = Letter { from: account, ..*letter };
                let outcomes = self.letter(hub, &letter, &recipients, delivery.freshness, Seal::Sealed(proof)).await?;
                // Only now is he known. A picture is believed of whoever signed.
                if let Some(shown) = Shown::read(&mail).filter(|_| proof >= Proof::Signed) {
                    portraits::follow(hub, &self.spool, &letter.from, shown).await?;
                }
                self.told(hub, delivery, &recipients, about, outcomes, signing).await
            }
            Reading::Bounce(bounce) => {
                self.bounce(hub, bounce).await?;
                Ok(vec![Outcome::Done; delivery.recipients.len()])
            }
            Reading::Ignored(why) => done(why),
            Reading::Rejected(rejected) | Reading::Unproved(_, rejected) => {
                hub.dropped(rejected.why);
                self.refuse(hub, delivery, &recipients, about, &rejected.reason, signing).await
            }
        }
    }

    /// Answers a message of a handshake; what comes back says why it was not.
    async fn shake_hands(
        &self,
        hub: &Hub,
        unsealed: &Unsealed,
        request: Request,
        about: Option<String>,
    ) -> Result<Option<&'static str>, StoreError> {
        let incoming = about.unwrap_or_else(|| blake3::hash(&unsealed.readable).to_hex().to_string());
        let words = Words::of(hub.organisation());
        let name = |ghost: &dreiklang_engine::Ghost| {
            words.ghost_name(ghost.name.as_str(), (!ghost.bot).then(|| ghost.address.network()))
        };
        match self.vault.shake_hands(hub, unsealed, request, &incoming, name).await? {
            Step::Dropped(why) => Ok(Some(why)),
            Step::Answer(post) => {
                let key = format!("join/{}", blake3::hash(incoming.as_bytes()).to_hex());
                Ok((!self.posts.put(hub, &key, &post).await?).then_some("untold"))
            }
        }
    }

    /// Remembers the key that stands in a clear mail.
    pub(super) async fn meet_clear(&self, hub: &Hub, letter: &Letter) -> Result<(), StoreError> {
        let Some(Autocrypt { certificate, mutual, .. }) = letter.key.clone() else {
            return self.vault.peers.wrote_without_key(hub, &letter.from).await;
        };
        if hub.organisation().policy.admits(&letter.from).is_err() {
            return Ok(());
        }
        // Chat programs show encrypted mail in another chat: who writes there in clear is answered in clear.
        let mutual = mutual && !letter.chat;
        let program = Some(program_of(letter.chat));
        let sighting = Sighting { address: letter.from.clone(), certificate, met: Met::Clear, mutual, program };
        if self.vault.peers.meet(hub, sighting).await?.is_none() {
            let who = hub.pseudonym(letter.from.as_str());
            tracing::warn!(who, "clear mail brings another key than the one known for its author; it is not taken");
            hub.dropped("key_changed");
        }
        Ok(())
    }

    /// Remembers the keys of others that an encrypted and signed mail hands on: to write to them, not to believe them.
    async fn learn_of_others(&self, hub: &Hub, mail: &Mail<'_>, from: &Address) -> Result<(), StoreError> {
        let gossip = mail.headers("Autocrypt-Gossip").filter_map(|field| Autocrypt::read(&field).ok());
        let gossip = gossip.map(|field| (field.address, field.certificate));
        let cards = mail.message.parts.iter().filter(|part| part.is_content_type("text", "vcard"));
        let cards = cards.filter_map(|part| part.text_contents()).flat_map(Card::read);
        let cards = cards.filter_map(|card| Some((card.address, card.certificate?)));
        let told: Vec<_> = gossip.chain(cards).take(MOST_TOLD).collect();
        let counter = format!("told-by/{}", from.as_str());
        for (address, certificate) in told {
            let Some(address) = canonical(address.as_str()) else { continue };
            let ours = self.reader.domain.holds(address.as_str());
            if ours || address == *from || self.vault.peers.of(hub, &address).await?.is_some() {
                continue;
            }
            let before = hub.note(&counter).await?.and_then(|note| note.parse::<usize>().ok()).unwrap_or_default();
            if before >= MOST_TOLD_BY_ONE {
                break;
            }
            hub.set_note(&counter, Some(&(before + 1).to_string())).await?;
            let told = Sighting { address, certificate, met: Met::Told, mutual: true, program: None };
            self.vault.peers.meet(hub, told).await?;
        }
        Ok(())
    }

    /// The key of whoever a mail that cannot be opened says it came from.
    pub(super) async fn key_of_sender(&self, hub: &Hub, delivery: &Delivery) -> Result<Option<Certificate>, StoreError> {
        let ReturnPath::To(sender) = &delivery.return_path else { return Ok(None) };
        let Some(sender) = canonical(sender) else { return Ok(None) };
        let known: Option<Arc<Peer>> = self.vault.peers.of(hub, &sender).await?;
        Ok(known.map(|peer| peer.certificate.clone()))
    }

    /// Refuses a mail for all its recipients.
    pub(super) async fn refuse(
        &self,
        hub: &Hub,
        delivery: &Delivery,
        recipients: &[String],
        about: Option<String>,
        reason: &Reason,
        key: Option<Certificate>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let outcomes = vec![Outcome::Refused(reason.clone()); recipients.len()];
        self.told(hub, delivery, recipients, about, outcomes, key).await
    }

    /// Tells the author of every refusal in a mail that he can read, when his key is known; what is left is for the mail system to tell.
    async fn told(
        &self,
        hub: &Hub,
        delivery: &Delivery,
        recipients: &[String],
        about: Option<String>,
        outcomes: Vec<Outcome>,
        key: Option<Certificate>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let (ReturnPath::To(to), Some(key)) = (&delivery.return_path, key) else { return Ok(outcomes) };
        let mut left = Vec::with_capacity(outcomes.len());
        for (recipient, outcome) in recipients.iter().zip(outcomes) {
            let Outcome::Refused(reason) = &outcome else {
                left.push(outcome);
                continue;
            };
            let Lookup::Ghost(ghost) = hub.ghost_at(recipient).await? else {
                left.push(outcome);
                continue;
            };
            let (reason, key) = (reason.clone(), Some(key.clone()));
            let refused = Refused { to, recipient: ghost.written.as_str(), about: about.clone(), reason, key };
            self.notices.tell(hub, refused).await?;
            left.push(Outcome::Done);
        }
        Ok(left)
    }
}

/// With what a mail was written.
fn program_of(chat: bool) -> Program {
    if chat { Program::Chat } else { Program::Letters }
}
