// SPDX-License-Identifier: EUPL-1.2
//! Shows what holds only for a moment: chat states go to the person of a leg at once or not at all; presence is the service's.

use dreiklang_engine::{Leg, port::Signal};
use dreiklang_model::Typing;
use tokio::sync::oneshot;

use crate::{
    chat_states,
    component::{Component, Shared},
    transport::{Order, Task},
};

/// See [`dreiklang_engine::port::Adapter::signal`].
pub(crate) async fn show(component: &Component, shared: &Shared, signal: &Signal) -> bool {
    match signal {
        Signal::Typing { leg, typing } => {
            shared.knowing.knows(leg.user.address.as_str()) == Some(true) && write(component, shared, leg, *typing).await
        }
        Signal::Presence { ghost, presence } => {
            let ghost = ghost.written.as_str().to_owned();
            shared.present.insert(ghost.clone(), presence.clone());
            // A service with too much to do tells it with the next change.
            component.tasks().is_some_and(|tasks| tasks.try_send(Task::Present(ghost)).is_ok())
        }
    }
}

/// Waits until the server has taken it, so that no more are written than it takes; never for room in the queue.
async fn write(component: &Component, shared: &Shared, leg: &Leg, typing: Typing) -> bool {
    let id = shared.next_state();
    let Some(stanza) = chat_states::stanza(leg.ghost.as_str(), leg.user.address.as_str(), &id, typing) else { return true };
    let Some(orders) = component.orders() else { return false };
    let (done, outcome) = oneshot::channel();
    let order = Order { id, to: leg.user.address.clone(), stanzas: vec![stanza], copies: Vec::new(), done };
    orders.try_send(order).is_ok() && matches!(outcome.await, Ok(Ok(())))
}
