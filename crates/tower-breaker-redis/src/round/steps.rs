//! The steps of a round.

use std::sync::Arc;

use redis::FromRedisValue;
use tokio::time::Instant;
use tower_breaker_core::Circuit;

use super::{Index, Round, redis_now};
use crate::{
    FleetCircuit, FleetState,
    keys::VERSION,
    link::Link,
    member::{Asked, Member},
    wire::{Act, Answer, Line, State, as_millis},
};

/// Changes read at once: a newcomer reads the whole index in a few calls.
const PAGE: usize = 1_000;
/// Circuits the index holds at most; beyond it the one longest unchanged goes.
const MOST: usize = 10_000;
/// Lines published in one call.
const LINES: usize = 256;

enum Which {
    Read,
    Exchange,
    Publish,
}

pub(super) type Found = (Arc<str>, Circuit, Asked);

impl Round {
    pub(super) async fn round(&mut self) -> Result<(), String> {
        let joins = self.link.is_none();
        if joins {
            self.link = Some(Link::open(&mut self.target, self.setup.timeout).await?);
            // What happened here meanwhile is old.
            self.rejoin();
        }
        self.read().await?;
        let found = self.look(joins);
        let mut learnt = Vec::new();
        let at_once = self.link.as_ref().map_or(1, Link::at_once);
        for chunk in found.chunks(at_once) {
            self.exchange(chunk, &mut learnt).await?;
        }
        self.publish(&learnt).await?;
        self.show();
        Ok(())
    }

    async fn call<T: FromRedisValue>(&mut self, which: Which, keys: &[String], words: &[String]) -> Result<T, String> {
        let script = match which {
            Which::Read => &self.scripts.read,
            Which::Exchange => &self.scripts.exchange,
            Which::Publish => &self.scripts.publish,
        };
        let link = self.link.as_mut().ok_or("there is no connection")?;
        self.setup.shared.state().commands += 1;
        link.call(script, keys, words, self.setup.timeout).await
    }

    pub(super) fn rejoin(&mut self) {
        let forget = self.heard_at.is_some_and(|at| at.elapsed() > self.setup.expiry / 2);
        // Another Redis may answer, or the same one with older data: read anew, what it lost is noticed and published again.
        self.index = Index::default();
        self.members.retain(|_, member| match member.circuit().upgrade() {
            Some(circuit) => {
                member.rejoin(&circuit, forget);
                member.clock = None;
                true
            }
            None => false,
        });
    }

    /// Hears what changed.
    async fn read(&mut self) -> Result<(), String> {
        loop {
            let words = [
                VERSION.to_string(),
                self.setup.expiry.as_millis().to_string(),
                self.index.born.clone(),
                if self.index.last.is_empty() { "0".to_owned() } else { self.index.last.clone() },
                PAGE.to_string(),
                self.index.given.to_string(),
            ];
            let reply: Vec<String> = self.call(Which::Read, &self.setup.keys.index(), &words).await?;
            if self.listed(reply)? < PAGE {
                return Ok(());
            }
        }
    }

    /// Gives how many changes there were.
    pub(super) fn listed(&mut self, reply: Vec<String>) -> Result<usize, String> {
        let mut reply = reply.into_iter();
        let mut next = || reply.next().unwrap_or_default();
        if next() != "ok" {
            let (found, key) = (next(), self.setup.keys.version());
            return Err(format!(
                "{key} says that version {found:?} wrote these keys, and this one is {VERSION}; another prefix keeps the two apart"
            ));
        }
        let redis_now: i64 = next().parse().map_err(|_| "an index that tells no time".to_owned())?;
        let (born, last) = (next(), next());
        let now = Instant::now();
        let news = self.index.born == born;
        if !news {
            // The index was made anew: what this instance knows is told, in case nobody else remembers.
            self.index = Index { born, ..Index::default() };
            for member in self.members.values_mut() {
                member.remind();
            }
        }
        self.index.now = Some((redis_now, now));
        self.index.last = last;
        let mut count = 0;
        while let (Some(name), Some(text)) = (reply.next(), reply.next()) {
            count += 1;
            self.heard(&name.into(), &text, news, redis_now, now);
        }
        Ok(count)
    }

    pub(super) fn heard(&mut self, name: &Arc<str>, text: &str, news: bool, redis_now: i64, now: Instant) {
        let Some(line) = Line::read(&mut text.split(' ')) else {
            self.damages.push_back((Arc::clone(name), format!("not a line of this version: {text:?}")));
            return;
        };
        // A round that joins may read many pages.
        let news = news && self.failed == 0 && self.heard_at.is_some();
        if let Some(member) = self.members.get_mut(name)
            && let Some(circuit) = member.circuit().upgrade()
        {
            member.follow(&circuit, &line, &self.setup.terms, redis_now, now, news, false);
        }
        // A few more than the index may hold, where some of it is old.
        if self.index.lines.len() >= 2 * MOST {
            self.index.lines.clear();
        }
        self.index.lines.insert(Arc::clone(name), line);
    }

    /// Looks at every circuit of the set.
    pub(super) fn look(&mut self, joins: bool) -> Vec<Found> {
        let now = Instant::now();
        let redis_now = redis_now(self.index.now, now);
        let mut found = Vec::new();
        self.number += 1;
        for circuit in self.setup.circuits.list() {
            let member = match self.members.get_mut(circuit.name()) {
                Some(member) if member.circuit().is_of(&circuit) => member,
                _ => {
                    let name: Arc<str> = circuit.name().into();
                    let mut member = Member::new(&circuit, true, now);
                    if joins {
                        // Made while Redis was away.
                        member.rejoin(&circuit, false);
                    }
                    if let Some(line) = self.index.lines.get(&name) {
                        member.follow(&circuit, line, &self.setup.terms, redis_now, now, false, false);
                    }
                    self.members.entry(name).insert_entry(member).into_mut()
                }
            };
            member.seen = self.number;
            if let Some(asked) = member.look(&circuit, &self.setup.terms, now) {
                found.push((circuit.name().into(), circuit, asked));
            }
        }
        self.members.retain(|_, member| member.seen == self.number);
        found
    }

    /// Tells, hears, and follows. What is newer than the index goes to `learnt`.
    async fn exchange(&mut self, found: &[Found], learnt: &mut Vec<(Arc<str>, Line)>) -> Result<(), String> {
        let keys: Vec<String> = found.iter().map(|(name, ..)| self.setup.keys.circuit(name)).collect();
        let one_clock = self.link.as_ref().is_none_or(Link::one_clock);
        let head = [
            self.setup.shared.instance().to_owned(),
            self.setup.expiry.as_millis().to_string(),
            as_millis(self.setup.lease).to_string(),
            self.setup.quorum.to_string(),
            self.sent(one_clock, found, Instant::now()).to_string(),
        ];
        let words: Vec<String> =
            head.into_iter().chain(found.iter().flat_map(|(_, _, asked)| asked.ask.words())).collect();
        let reply: Vec<String> = self.call(Which::Exchange, &keys, &words).await?;
        self.answered(found, &reply, learnt)
    }

    /// What time it is where these are told, or 0: unknown. In a cluster the index may be another node's, of another clock:
    /// there it is what the circuit's own node last said.
    pub(super) fn sent(&self, one_clock: bool, found: &[Found], now: Instant) -> i64 {
        let index = one_clock.then_some(self.index.now);
        let node = || self.members.get(&found.first()?.0)?.clock;
        redis_now(index.unwrap_or_else(node), now)
    }

    pub(super) fn answered(
        &mut self,
        found: &[Found],
        reply: &[String],
        learnt: &mut Vec<(Arc<str>, Line)>,
    ) -> Result<(), String> {
        let now = Instant::now();
        let redis_now: i64 = reply.first().and_then(|now| now.parse().ok()).ok_or("an exchange that tells no time")?;
        self.setup.shared.state().exchanged += found.len() as u64;
        for ((name, circuit, asked), text) in found.iter().zip(&reply[1..]) {
            let Some(member) = self.members.get_mut(name) else { continue };
            member.clock = Some((redis_now, now));
            let wrong = match Answer::read(text) {
                // Nothing of it was done, and what is still so is told in the next round.
                Ok(answer) if answer.late => continue,
                Ok(answer) => {
                    member.hear(circuit, asked, &answer, &self.setup.terms, redis_now, now);
                    let line = answer.line;
                    if line.epoch > self.index.lines.get(name).map_or(0, |line| line.epoch) {
                        learnt.push((Arc::clone(name), line));
                    }
                    answer.damaged.map(|field| format!("its field {field:?} was not what it can be"))
                }
                Err(reason) => Some(format!("{}: {reason}", self.setup.keys.circuit(name))),
            };
            let was = std::mem::replace(&mut member.damaged, wrong.is_some());
            if let Some(reason) = wrong.filter(|_| !was) {
                self.damages.push_back((Arc::clone(name), reason));
            }
        }
        Ok(())
    }

    /// Puts what it learnt where all look.
    async fn publish(&mut self, learnt: &[(Arc<str>, Line)]) -> Result<(), String> {
        for chunk in learnt.chunks(LINES) {
            let head = [VERSION.to_string(), self.setup.expiry.as_millis().to_string(), MOST.to_string()];
            let lines = chunk.iter().flat_map(|(name, line)| [name.to_string(), line.epoch.to_string(), line.write()]);
            let words: Vec<String> = head.into_iter().chain(lines).collect();
            self.index.given = self.call(Which::Publish, &self.setup.keys.index(), &words).await?;
            self.index.lines.extend(chunk.iter().cloned());
        }
        Ok(())
    }

    /// What the handle shows.
    pub(super) fn show(&self) {
        let now = Instant::now();
        let circuits = self.members.iter().filter_map(|(name, member)| {
            let (line, totals) = (member.line(), member.totals);
            let circuit = FleetCircuit {
                name: name.to_string(),
                state: match line.map(|line| line.state) {
                    None | Some(State::Closed | State::Reset) => FleetState::Closed,
                    Some(State::Open) => FleetState::Open,
                    Some(State::ForcedOpen) => FleetState::ForcedOpen,
                    Some(State::ForcedClosed) => FleetState::ForcedClosed,
                },
                epoch: line.map_or(0, |line| line.epoch),
                calls: totals.calls,
                failures: totals.failures,
                slow: totals.slow,
                seen_by: totals.seen_by,
                probing: member.probes(now),
            };
            (circuit.epoch > 0 || circuit.calls > 0).then(|| (name.to_string(), circuit))
        });
        self.setup.shared.state().circuits = circuits.collect();
    }

    /// Tells what operators did since the last round, and lets others probe.
    pub(super) async fn leave(&mut self) {
        let Some(at_once) = self.link.as_ref().map(Link::at_once) else { return };
        let timeout = self.setup.timeout;
        let leaving = async {
            // A lease is given back at the epoch that the commands made.
            for commands in [true, false] {
                let found = if commands { self.commands() } else { self.leases() };
                for chunk in found.chunks(at_once) {
                    let mut learnt = Vec::new();
                    self.exchange(chunk, &mut learnt).await?;
                    self.publish(&learnt).await?;
                }
            }
            Ok::<_, String>(())
        };
        let _ = tokio::time::timeout(timeout, leaving).await;
    }

    pub(super) fn commands(&mut self) -> Vec<Found> {
        let mut found = self.look(false);
        found.retain(|(.., asked)| matches!(asked.ask.act, Act::Hand(_)));
        found
    }

    fn leases(&self) -> Vec<Found> {
        let now = Instant::now();
        let members = self.members.iter().filter_map(|(name, member)| {
            let circuit = member.circuit().upgrade()?;
            let asked = member.leave(&circuit, &self.setup.terms, now)?;
            Some((Arc::clone(name), circuit, asked))
        });
        members.collect()
    }
}
