// SPDX-License-Identifier: EUPL-1.2
//! What `dreiklang check` says of the way out.

use dreiklang_engine::port::Finding;

use crate::{
    address::Domain,
    transport::{SendError, Submission},
};

/// Logs in, and asks whether a ghost may be a sender. Nothing is sent.
pub(crate) async fn check_submission(submission: &Submission, domain: &Domain) -> Finding {
    let what = format!("submission at {}", submission.server());
    let ghost = format!("dreiklang-check=example@{}", domain.as_str());
    let postmaster = format!("postmaster@{}", domain.as_str());
    match submission.probe(&ghost, &postmaster).await {
        Ok(None) => Finding { fine: true, what, says: format!("takes mail from addresses in {}", domain.as_str()) },
        Ok(Some(refusal)) => {
            let says = format!(
                "refuses a sender in {}: {}. Allow this login to send as any address of that domain.",
                domain.as_str(),
                crate::transport::clean(&refusal.words)
            );
            Finding { fine: false, what, says }
        }
        Err(SendError::Unreachable(cause) | SendError::Lost(cause)) => {
            Finding { fine: false, what, says: format!("{cause}. Check mail.smtp: server, security, user and password.") }
        }
        Err(error @ SendError::Refused(_)) => Finding { fine: false, what, says: error.to_string() },
    }
}
