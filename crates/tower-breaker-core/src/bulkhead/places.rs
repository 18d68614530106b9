//! The places of a bulkhead and the queue before them.
//!
//! One word holds how many places are taken and how many callers queue, so that both are always seen together. A caller who
//! finds nobody queued and a place free takes it by one exchange of the word, and gives it back by another: no lock. As soon
//! as somebody queues, whoever comes goes to the lock, and a place given back goes to the head of the queue without ever
//! being free, so that nobody overtakes.
//!
//! Only the holder of the lock changes the number of those who queue. So: an exchange without the lock succeeds only while
//! nobody queues; and a newcomer who has begun to queue is seen by whoever gives a place back after that, because the
//! exchange of the one makes that of the other fail.
//!
//! A waiter is a number in an ordered map. It has its place when its number is gone from the map.

use std::{collections::BTreeMap, mem, task::Waker};

use crate::sync::{AtomicU64, Mutex, Ordering::SeqCst};

const TAKEN: u64 = 1;
const QUEUED: u64 = 1 << 32;

const fn taken(word: u64) -> u64 {
    word % QUEUED
}

const fn queued(word: u64) -> u64 {
    word / QUEUED
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Taken,
    Queued(u64),
    Full,
}

pub(super) struct Places {
    word: AtomicU64,
    max_concurrent: AtomicU64,
    max_queue: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiters: BTreeMap<u64, Waker>,
}

impl Places {
    pub(super) fn new(max_concurrent: u32, max_queue: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            max_concurrent: AtomicU64::new(u64::from(max_concurrent)),
            max_queue: AtomicU64::new(u64::from(max_queue)),
            queue: Mutex::new(Queue::default()),
        }
    }

    /// How many places are taken, and how many callers queue.
    pub(super) fn now(&self) -> (u64, u64) {
        let word = self.word.load(SeqCst);
        (taken(word), queued(word))
    }

    pub(super) fn max_concurrent(&self) -> u64 {
        self.max_concurrent.load(SeqCst)
    }

    pub(super) fn max_queue(&self) -> u64 {
        self.max_queue.load(SeqCst)
    }

    fn exchange(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.word.compare_exchange_weak(from, to, SeqCst, SeqCst)
    }

    /// A place, where one is free and nobody queues for it.
    #[inline]
    pub(super) fn try_enter(&self) -> bool {
        let mut word = self.word.load(SeqCst);
        while queued(word) == 0 && taken(word) < self.max_concurrent() {
            match self.exchange(word, word + TAKEN) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// A place, a number in the queue, or neither.
    #[inline]
    pub(super) fn enter(&self) -> Entry {
        if self.try_enter() { Entry::Taken } else { self.enter_queue() }
    }

    #[cold]
    fn enter_queue(&self) -> Entry {
        // Without a queue nobody comes to the lock.
        if self.max_queue() == 0 {
            return Entry::Full;
        }
        let mut queue = self.queue.lock();
        let mut word = self.word.load(SeqCst);
        loop {
            let free = queued(word) == 0 && taken(word) < self.max_concurrent();
            if !free && queued(word) >= self.max_queue() {
                return Entry::Full;
            }
            match self.exchange(word, word + if free { TAKEN } else { QUEUED }) {
                Ok(_) if free => return Entry::Taken,
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        let number = queue.next;
        queue.next += 1;
        queue.waiters.insert(number, Waker::noop().clone());
        Entry::Queued(number)
    }

    /// Whether the waiter of this number has got its place; if not, `waker` will be woken when it does.
    pub(super) fn has_place(&self, number: u64, waker: &Waker) -> bool {
        // Wakers are not our code: cloned before the lock, and the old one dropped after it.
        let mut waker = waker.clone();
        match self.queue.lock().waiters.get_mut(&number) {
            Some(old) => mem::swap(old, &mut waker),
            None => return true,
        }
        false
    }

    /// The waiter of this number goes away. A place that it had got without knowing goes to the next.
    pub(super) fn leave(&self, number: u64) -> bool {
        let mut queue = self.queue.lock();
        let waker = queue.waiters.remove(&number);
        let queueing = waker.is_some();
        if queueing {
            self.word.fetch_sub(QUEUED, SeqCst);
        }
        drop(queue);
        drop(waker);
        queueing
    }

    /// Gives one place back, or on to the head of the queue.
    #[inline]
    pub(super) fn give_back(&self) {
        let mut word = self.word.load(SeqCst);
        while queued(word) == 0 {
            match self.exchange(word, word - TAKEN) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.pass_on();
    }

    #[cold]
    fn pass_on(&self) {
        let mut queue = self.queue.lock();
        let mut word = self.word.load(SeqCst);
        loop {
            // Places beyond a lowered maximum are not passed on.
            let heir = queued(word) > 0 && taken(word) <= self.max_concurrent();
            match self.exchange(word, word - if heir { QUEUED } else { TAKEN }) {
                Ok(_) if heir => break,
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        let heir = queue.waiters.pop_first();
        drop(queue);
        if let Some((_, waker)) = heir {
            waker.wake();
        }
    }

    pub(super) fn set_max_queue(&self, max: u32) {
        self.max_queue.store(u64::from(max), SeqCst);
    }

    /// From now on at most so many. New places go to the head of the queue.
    pub(super) fn set_max_concurrent(&self, max: u32) {
        let mut queue = self.queue.lock();
        self.max_concurrent.store(u64::from(max), SeqCst);
        let mut heirs = Vec::new();
        loop {
            let word = self.word.load(SeqCst);
            if queued(word) == 0 || taken(word) >= u64::from(max) {
                break;
            }
            // While somebody queues, the word changes under the lock alone; a weak exchange may still fail for no reason.
            if self.exchange(word, word + TAKEN - QUEUED).is_ok() {
                heirs.extend(queue.waiters.pop_first());
            }
        }
        drop(queue);
        for (_, waker) in heirs {
            waker.wake();
        }
    }
}
