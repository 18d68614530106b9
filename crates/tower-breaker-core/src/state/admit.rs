//! A call asks to be let through.

use std::fmt;

use super::{Cx, Force, HalfOpen, Machine, Phase};
use crate::{Mode, Reason, clock::nanos, config::Timing, observe::Event};

/// How a call was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a closed circuit.
    Call,
    /// As a probe: it holds a place until it ends.
    Probe,
    /// Although the circuit would have refused: what it says changes nothing.
    Bypass,
}

/// What a permit remembers of its admission. Two words, so that it travels in registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The generation, and in the two lowest bits the kind.
    admitted: u64,
    /// When it was admitted, or when it began to wait; where something asks for it.
    pub(crate) started: u64,
}

impl Ticket {
    /// Of a call whose duration decides nothing. It reads as no time at all.
    pub(crate) const UNKNOWN_START: u64 = u64::MAX;

    #[inline]
    pub(crate) const fn new(kind: Kind, generation: u64, started: u64) -> Self {
        Self { admitted: generation << 2 | kind as u64, started }
    }

    #[inline]
    pub(crate) const fn kind(self) -> Kind {
        match self.admitted & 0b11 {
            0 => Kind::Call,
            1 => Kind::Probe,
            _ => Kind::Bypass,
        }
    }

    #[inline]
    pub(crate) const fn generation(self) -> u64 {
        self.admitted >> 2
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, generation) = (self.kind(), self.generation());
        f.debug_struct("Ticket")
            .field("kind", &kind)
            .field("generation", &generation)
            .field("started", &self.started)
            .finish()
    }
}

/// A refusal: why, and for how many nanoseconds more.
pub(crate) type Refused = (Reason, u64);

impl Machine {
    /// Admits a call, or says why not. `reserved` places of a half-open circuit belong to others.
    pub(crate) fn acquire(&mut self, cx: &mut Cx<'_>, reserved: u32) -> Result<Ticket, Refused> {
        match self.verdict(cx, reserved).and_then(|()| self.draw(cx)) {
            Ok(()) => Ok(self.admit(cx)),
            Err(refused) => {
                self.refuse(cx, refused)?;
                Ok(Ticket::new(Kind::Bypass, self.generation, cx.now))
            }
        }
    }

    /// What would be said to a call, without saying it.
    pub(crate) fn verdict(&self, cx: &Cx<'_>, reserved: u32) -> Result<(), Refused> {
        match (self.force(), self.phase) {
            (Force::OpenUntil(u64::MAX), _) => Err((Reason::ForcedOpen, nanos(cx.config.open_duration()))),
            (Force::OpenUntil(end), _) => Err((Reason::ForcedOpen, end.saturating_sub(cx.now))),
            // What share a closed circuit admits is drawn apart: no refusal of it is certain.
            (Force::Closed, _) | (Force::None, Phase::Closed) => Ok(()),
            (Force::None, Phase::Open { .. }) => {
                let remaining = self.retry_at().saturating_sub(cx.now);
                if remaining > 0 {
                    return Err((Reason::Open, remaining));
                }
                self.place_beyond(cx, reserved)
            }
            (Force::None, Phase::HalfOpen(_)) => {
                let held = self.history().hold.saturating_sub(cx.now);
                if held > 0 {
                    return Err((Reason::HalfOpen, held));
                }
                self.place_beyond(cx, reserved)
            }
        }
    }

    fn place_beyond(&self, cx: &Cx<'_>, reserved: u32) -> Result<(), Refused> {
        if self.free_places(cx) > reserved { Ok(()) } else { Err((Reason::HalfOpen, 0)) }
    }

    /// Counts a refusal; `Ok` where it is not to be carried out. A forced open is carried out whatever the share.
    pub(crate) fn refuse(&mut self, cx: &mut Cx<'_>, refused: Refused) -> Result<(), Refused> {
        let enforced = refused.0 == Reason::ForcedOpen
            || self.mode(cx.config) == Mode::Enforce && drawn(cx.chance, self.enforcement(cx.config));
        self.count_refusal(cx, refused.0, enforced);
        if enforced { Err(refused) } else { Ok(()) }
    }

    pub(crate) fn count_refusal(&mut self, cx: &mut Cx<'_>, reason: Reason, enforced: bool) {
        let [detected, carried_out] = &mut self.history_mut().refusals[reason as usize];
        *detected += 1;
        *carried_out += u64::from(enforced);
        if let Some(news) = cx.news.as_deref_mut() {
            news.push(Event::Refused { reason, enforced });
        }
    }

    /// Whether a refusal now would be carried out for certain: no share is drawn.
    pub(crate) fn refuses_for_certain(&self, cx: &Cx<'_>) -> bool {
        matches!(self.force(), Force::OpenUntil(_))
            || self.phase != Phase::Closed
                && self.mode(cx.config) == Mode::Enforce
                && self.enforcement(cx.config) >= 1.0
    }

    /// Whether no caller has to wait for a place: every call goes through, or its refusal may not be carried out.
    pub(crate) fn admits_or_bypasses(&self, cx: &Cx<'_>) -> bool {
        !self.refuses_for_certain(cx)
    }

    /// Probes that could be admitted now.
    pub(crate) fn free_places(&self, cx: &Cx<'_>) -> u32 {
        if self.force() != Force::None || self.history().hold > cx.now {
            return 0;
        }
        match self.phase {
            Phase::Closed => 0,
            Phase::Open { .. } if cx.now < self.retry_at() => 0,
            Phase::Open { .. } => HalfOpen::new(cx.config).free(0, 0, cx.config),
            Phase::HalfOpen(half_open) => half_open.free(self.history().probes.len(), self.successes_in_row, cx.config),
        }
    }

    /// Since when the places that are free now have been free, as far as time alone freed them.
    pub(crate) fn free_since(&self, cx: &Cx<'_>) -> u64 {
        match self.phase {
            Phase::Open { .. } => self.retry_at().min(cx.now),
            Phase::Closed | Phase::HalfOpen(_) => cx.now,
        }
    }

    /// When an open circuit may probe: its wait is over and nothing holds probing back.
    pub(super) fn retry_at(&self) -> u64 {
        match self.phase {
            Phase::Open { wait } => self.entered.saturating_add(wait).max(self.history().hold),
            Phase::Closed | Phase::HalfOpen(_) => self.entered,
        }
    }

    /// Lets a call through after a verdict said so.
    pub(crate) fn admit(&mut self, cx: &mut Cx<'_>) -> Ticket {
        if matches!(self.phase, Phase::Open { .. }) {
            self.half_open(cx);
        }
        if !matches!(self.phase, Phase::HalfOpen(_)) {
            // As at the gate: a duration that decided nothing when the call began decides nothing later.
            let is_timed = cx.config.timing() != Timing::Never;
            let started = if is_timed { cx.now } else { Ticket::UNKNOWN_START };
            return Ticket::new(Kind::Call, self.generation, started);
        }
        let generation = self.generation;
        let probes = &mut self.history_mut().probes;
        // Callers read the clock before the lock: the order of admission is what counts.
        let started = probes.back().map_or(cx.now, |last| cx.now.max(*last));
        probes.push_back(started);
        Ticket::new(Kind::Probe, generation, started)
    }
}

/// Whether a share of `share` is hit; no chance is drawn where it is certain.
pub(super) fn drawn(chance: &mut fastrand::Rng, share: f64) -> bool {
    share >= 1.0 || chance.f64() < share
}
