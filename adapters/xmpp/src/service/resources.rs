// SPDX-License-Identifier: EUPL-1.2
//! How people are there: each of their devices says so for itself, and the best of them counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use dreiklang_model::{Availability, Presence};

/// Of how many people, and of how many devices of one of them, it is remembered.
const MOST_PEOPLE: usize = 20_000;
const MOST_DEVICES: usize = 20;

/// The devices of people that are there, by bare JID. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Resources(Arc<Mutex<BTreeMap<String, BTreeMap<String, Presence>>>>);

impl Resources {
    /// A device of `user` has changed: how he is there now.
    pub(super) fn changed(&self, user: &str, device: &str, presence: Presence) -> Presence {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !people.contains_key(user) && people.len() >= MOST_PEOPLE {
            people.pop_first();
        }
        let devices = people.entry(user.to_owned()).or_default();
        if presence.availability != Availability::Offline && (devices.len() < MOST_DEVICES || devices.contains_key(device)) {
            devices.insert(device.to_owned(), presence.clone());
        } else {
            devices.remove(device);
        }
        match devices.values().max_by_key(|presence| presence.availability) {
            Some(best) => best.clone(),
            None => {
                people.remove(user);
                presence
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_device_counts() {
        let resources = Resources::default();
        let change = |device: &str, availability| {
            resources.changed("bob@x", device, Presence::new(availability, Some(device))).availability
        };
        assert_eq!(change("bob@x/phone", Availability::Away), Availability::Away);
        assert_eq!(change("bob@x/desk", Availability::Online), Availability::Online);
        assert_eq!(change("bob@x/phone", Availability::Busy), Availability::Online);
        assert_eq!(change("bob@x/desk", Availability::Offline), Availability::Busy);
        assert_eq!(change("bob@x/phone", Availability::Offline), Availability::Offline);
        assert!(resources.0.lock().unwrap().is_empty());
    }
}
