// SPDX-License-Identifier: EUPL-1.2
//! Who wrote an encrypted mail: what its signature says, what is known of keys, and what the mail around it proves, put together. Pure.

use dreiklang_engine::port::Proof;
use dreiklang_model::Address;
use dreiklang_openpgp::{Misdirected, Signed};

use super::peers::{Met, Peer};

/// What is known of an encrypted mail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grounds<'a> {
    /// Who the decrypted mail says wrote it.
    pub(crate) claimed: &'a Address,
    /// His domain vouches for the mail around it.
    pub(crate) aligned: bool,
    /// Whose signature it bears.
    pub(crate) signed: &'a Result<Signed, Misdirected>,
    /// Whose key is known for that address.
    pub(crate) bound: Option<&'a Peer>,
    /// Who is known to own the key that signed it.
    pub(crate) owner: Option<&'a Peer>,
}

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Author {
    /// The owner of a key, known under this address. `binds`: from now on the key is the one of the address he wrote from.
    Owner { account: Address, proof: Proof, binds: bool },
    /// Nobody's known key signed it; his domain vouches for him.
    Vouched(Address),
    /// It is signed with another key than the one known for his address.
    KeyChanged,
    /// Nothing proves him.
    Nobody,
    /// The signer wrote it to somebody else.
    Misdirected,
}

/// Puts it together. An address gets its first key only while its domain vouches for it: a signature proves that somebody owns
/// a key, not that he owns an address.
pub(crate) fn judged(grounds: Grounds<'_>) -> Author {
    let Grounds { claimed, aligned, signed, bound, owner } = grounds;
    let vouched = || if aligned { Author::Vouched(claimed.clone()) } else { Author::Nobody };
    let signer = match signed {
        Err(Misdirected) => return Author::Misdirected,
        Ok(Signed::No | Signed::Unknown(_)) => return vouched(),
        Ok(Signed::By(signer)) => signer,
    };
    // What others told of somebody's key does not stand against himself.
    let firm = bound.filter(|bound| bound.met > Met::Told);
    // A key that only stood in clear mail was copied by anybody.
    let owner = owner.filter(|owner| owner.met > Met::Clear);
    match (firm, owner) {
        (Some(bound), _) if bound.certificate.fingerprint() == signer.fingerprint => {
            Author::Owner { account: bound.account.clone(), proof: bound.proof(), binds: true }
        }
        (Some(_), _) => Author::KeyChanged,
        (None, Some(owner)) => Author::Owner { account: owner.account.clone(), proof: owner.proof(), binds: aligned },
        (None, None) if aligned => Author::Owner { account: claimed.clone(), proof: Proof::Signed, binds: true },
        (None, None) => Author::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use dreiklang_model::Timestamp;
    use dreiklang_openpgp::{Certificate, MailAddress, Randomness, SecretKey, Signer};

    use super::*;
    use crate::{address::canonical, sealed::Program};

    fn certificate(seed: u8) -> Certificate {
        let address = MailAddress::new("carol@mail.example").unwrap();
        let mut randomness = Randomness::from_seed([seed; 32]);
        SecretKey::generate(&address, Timestamp::from_millis(1_800_000_000_000), &mut randomness).unwrap().public().clone()
    }

    fn peer(certificate: &Certificate, account: &str, met: Met) -> Peer {
        let account = canonical(account).unwrap();
        Peer { certificate: certificate.clone(), seen: account.clone(), account, met, mutual: false, program: Program::Chat }
    }

    fn by(certificate: &Certificate) -> Result<Signed, Misdirected> {
        let at = Timestamp::from_millis(1_800_000_000_000);
        Ok(Signed::By(Signer { fingerprint: certificate.fingerprint(), at, recipients: Vec::new() }))
    }

    #[test]
    fn a_known_key_proves_its_owner_and_no_other_key_takes_his_address() {
        let (own, other) = (certificate(1), certificate(2));
        let carol = canonical("carol@mail.example").unwrap();
        let old = canonical("carol@old.example").unwrap();
        let owner = |account: &Address, proof, binds| Author::Owner { account: account.clone(), proof, binds };
        let known = |met| Some(peer(&own, "carol@mail.example", met));
        let elsewhere = Some(peer(&own, "carol@old.example", Met::Invited));
        let copied = Some(peer(&own, "mallory@evil.example", Met::Clear));
        let (own, other) = (by(&own), by(&other));
        let unknown = Ok(Signed::Unknown(Vec::new()));
        for (signed, bound, owned, aligned, expected) in [
            (&own, known(Met::Sealed), known(Met::Sealed), false, owner(&carol, Proof::Signed, true)),
            (&own, known(Met::Invited), known(Met::Invited), false, owner(&carol, Proof::Verified, true)),
            (&other, known(Met::Sealed), None, true, Author::KeyChanged),
            (&other, known(Met::Clear), None, true, Author::KeyChanged),
            (&other, known(Met::Told), None, true, owner(&carol, Proof::Signed, true)),
            (&other, known(Met::Told), None, false, Author::Nobody),
            (&own, None, None, true, owner(&carol, Proof::Signed, true)),
            (&own, None, None, false, Author::Nobody),
            (&own, None, elsewhere.clone(), false, owner(&old, Proof::Verified, false)),
            (&own, None, copied.clone(), true, owner(&carol, Proof::Signed, true)),
            (&own, None, copied, false, Author::Nobody),
            (&own, None, elsewhere, true, owner(&old, Proof::Verified, true)),
            (&unknown, known(Met::Invited), None, true, Author::Vouched(carol.clone())),
            (&unknown, known(Met::Invited), None, false, Author::Nobody),
            (&Ok(Signed::No), None, None, true, Author::Vouched(carol.clone())),
            (&Ok(Signed::No), None, None, false, Author::Nobody),
            (&Err(Misdirected), known(Met::Invited), None, true, Author::Misdirected),
        ] {
            let grounds = Grounds { claimed: &carol, aligned, signed, bound: bound.as_ref(), owner: owned.as_ref() };
            assert_eq!(judged(grounds), expected, "{grounds:?}");
        }
    }
}
