//! What an event sees while the lock is held.

use std::sync::Arc;

use super::shared::Shared;
use crate::{
    Snapshot, State,
    gate::{Gate, Left, Tally},
    observe::News,
    snapshot::{Counters, RefusalCount},
    state::{Cx, Face, Machine, duration},
    turns::Turns,
};

/// What an event sees while the lock is held.
pub(crate) struct Scene<'a> {
    pub(crate) machine: &'a mut Machine,
    pub(crate) cx: Cx<'a>,
    pub(super) turns: &'a mut Option<Box<Turns>>,
}

impl Scene<'_> {
    /// Lets the machine hear of the successes counted at the gate. They are older than what happens now.
    pub(super) fn absorb(&mut self, tally: &Tally) {
        let count = tally.take_successes();
        if count > 0 {
            self.machine.absorb_successes(&mut self.cx, true, count);
        }
    }

    /// Shows the gate the machine's face, until no success was counted by an older one.
    pub(super) fn show(&mut self, gate: &Gate, tally: &Tally) {
        loop {
            match gate.show(tally, self.face()) {
                None => return,
                Some(Left::OfThisGeneration(count)) => self.machine.absorb_successes(&mut self.cx, true, count),
                Some(Left::OfAnOlderOne(count)) => self.machine.absorb_successes(&mut self.cx, false, count),
            }
        }
    }

    pub(super) fn face(&self) -> Face {
        let mut face = self.machine.face(&self.cx);
        if self.cx.news.as_deref().is_some_and(News::wants_refusals) {
            // Each refusal is to be told of: none is made at the gate.
            face.refuses_until = 0;
        }
        face
    }

    /// Places that time alone made free go to those who queue, before somebody else is asked in.
    pub(crate) fn hand_out(&mut self) {
        if let Some(turns) = self.turns.as_deref_mut() {
            turns.hand_out(self.machine, &self.cx);
        }
    }

    /// Places that belong to others than `turn`.
    pub(crate) fn reserved(&self, turn: Option<u64>) -> u32 {
        self.turns.as_deref().map_or(0, |turns| turns.reserved(turn, self.cx.now))
    }

    /// `turn` asks for a permit: it gives up its place in the list. Gives back the places that belong to others.
    pub(crate) fn enter_as(&mut self, turn: Option<u64>) -> u32 {
        self.hand_out();
        let reserved = self.reserved(turn);
        if let (Some(turns), Some(turn)) = (self.existing_turns(), turn) {
            turns.leave(turn);
        }
        reserved
    }

    /// The list, and what it judges by.
    pub(crate) fn with_turns(&mut self) -> (&mut Turns, &Machine, &Cx<'_>) {
        (self.turns.get_or_insert_default(), self.machine, &self.cx)
    }

    pub(crate) fn existing_turns(&mut self) -> Option<&mut Turns> {
        self.turns.as_deref_mut()
    }

    pub(super) fn snapshot(&self, shared: &Shared) -> Snapshot {
        let (machine, config, now) = (&*self.machine, self.cx.config, self.cx.now);
        let counters = counters(machine, &shared.tally);
        let (failure_rate, slow_call_rate) = machine.rates(config);
        let (failures_in_row, successes_in_row, opens_in_row) = machine.in_row();
        let state = machine.state();
        let wait = machine.wait(now);
        let ramp = machine.ramp(config, now);
        Snapshot {
            name: Arc::clone(&shared.name),
            state,
            mode: machine.active_mode(config),
            enforcement: machine.enforcement(config),
            generation: machine.generation(),
            state_age: duration(now.saturating_sub(machine.entered())),
            open_wait: wait.map(|(whole, _)| duration(whole)),
            open_remaining: wait.map(|(_, remaining)| duration(remaining)),
            ready_to_probe: state == State::Open && wait.is_some_and(|(_, remaining)| remaining == 0),
            failure_rate,
            slow_call_rate,
            window: machine.judged(config).0,
            failures_in_row,
            successes_in_row,
            opens_in_row,
            ramp_share: ramp.map(|(share, _)| share),
            ramp_remaining: ramp.map(|(_, remaining)| duration(remaining)),
            throttle_share: machine.throttle_share(config),
            last_opened: machine.last_opened(now),
            totals: counters.totals,
            refusals: counters.refusals,
            transitions: counters.transitions,
            opens: counters.opens,
            half_opens: counters.half_opens,
            fallbacks: counters.fallbacks,
            vetoed: counters.vetoed,
            last_failure_age: machine.last_failure().map(|at| duration(now.saturating_sub(at))),
            config: Arc::clone(config),
        }
    }
}

pub(super) fn counters(machine: &Machine, tally: &Tally) -> Counters {
    let mut counters = machine.counters();
    let at_the_gate = tally.refused();
    let RefusalCount { detected, enforced } = &mut counters.refusals.open;
    *detected += at_the_gate;
    *enforced += at_the_gate;
    counters
}
