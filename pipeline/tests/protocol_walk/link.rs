//! The link of a run to the hub: events in flight, and how it ends.

use std::collections::VecDeque;

use catchwater_sinks::ordinals::Ordinal;

use crate::simulation::{Event, Simulation};

/// A link, from its attach until the reader notices its end.
#[derive(Debug)]
pub(crate) struct Link {
    /// The generation that it was attached to.
    pub(crate) log: usize,
    /// The first number that it has not received.
    pub(crate) next: Ordinal,
    /// Events that were received and not handed over.
    received: VecDeque<Event>,
    /// Hub and lake were asked after the attach, so that its events may be handed over.
    pub(crate) is_checked: bool,
    /// The hub sends nothing more; the reader notices it once it has handed over what arrived before.
    end: Option<End>,
}

/// Ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The connection was lost: the reader attaches again.
    Disconnected,
    /// A reader with newer rules has the partition: the run ends.
    Stolen,
}

/// Arrivals at a reader.
pub(crate) enum Arrived {
    Event(Event),
    Nothing,
    Ended(End),
}

impl Link {
    /// Attaches at a number. If the hub no longer has it, it sends its oldest event without a word.
    pub(crate) fn attach(at: Ordinal, simulation: &Simulation) -> Self {
        let log = simulation.current.log;
        Self { log, next: at, received: VecDeque::new(), is_checked: false, end: None }
    }

    /// Ends the link at the hub, after events that are in flight already.
    pub(crate) fn lose(&mut self, end: End, in_flight: usize, simulation: &Simulation) {
        self.receive(in_flight, simulation);
        self.end.get_or_insert(end);
    }

    /// The next event, or the end of the link once everything that arrived before it was taken.
    pub(crate) fn take(&mut self, ahead: usize, simulation: &Simulation) -> Arrived {
        self.receive(ahead, simulation);
        match (self.received.pop_front(), self.end) {
            (Some(event), _) => Arrived::Event(event),
            (None, Some(end)) => Arrived::Ended(end),
            (None, None) => Arrived::Nothing,
        }
    }

    /// Drops what was received and not handed over.
    pub(crate) fn drop_received(&mut self) -> usize {
        let dropped = self.received.len();
        self.received.clear();
        dropped
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.end
    }

    /// Receives up to a number of events, in their order. A hub that was created again has ended its links.
    fn receive(&mut self, events: usize, simulation: &Simulation) {
        if self.log != simulation.current.log {
            self.end.get_or_insert(End::Disconnected);
        }
        for _ in 0..events {
            let None = self.end else { return };
            let Some(event) = simulation.log().receive(self.next) else { return };
            self.next = event.ordinal.next();
            self.received.push_back(event.clone());
        }
    }
}
