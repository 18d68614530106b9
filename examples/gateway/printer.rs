//! Lines on their way to whoever reads them, who may stall.
//!
//! A pipe that is full blocks whoever writes into it. Lines come from callers' own tasks, where a circuit says that it opens:
//! a reader who stalls would soon hold all of them up. So they are put into a queue that one thread writes from. Where the
//! queue is full lines are left out and counted, and the count stands where they would have been. What is said at the start,
//! the addresses above all, is a few lines and never left out: circuits that are open again after a restart are many.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// So many lines wait. Each is a few hundred bytes at most, as names of circuits are cut.
const MOST: usize = 1024;

/// Lines that have been left out are followed by others only once so few wait, so that the two do not alternate.
const AGAIN_AT: usize = MOST / 2;

/// How long the lines that are left have to go out at the end.
pub(crate) const OUT_WITHIN: Duration = Duration::from_secs(5);

/// What one thread writes to standard output.
#[derive(Debug)]
pub(crate) struct Printer {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug)]
struct Queue {
    started: bool,
    lines: VecDeque<String>,
    left_out: usize,
    /// A line has been taken out and is not yet written.
    writing: bool,
}

impl Queue {
    fn put(&mut self, line: String, always: bool) {
        let full = self.lines.len() >= MOST || (self.left_out > 0 && self.lines.len() > AGAIN_AT);
        if full && !always {
            self.left_out += 1;
        } else {
            let gap = self.gap();
            self.lines.extend(gap.into_iter().chain([line]));
        }
    }

    fn next(&mut self) -> Option<String> {
        self.lines.pop_front().or_else(|| self.gap())
    }

    fn gap(&mut self) -> Option<String> {
        let left_out = std::mem::take(&mut self.left_out);
        (left_out > 0).then(|| format!("lines left out here, as nobody read them: {left_out}"))
    }
}

impl Printer {
    pub(crate) const fn new() -> Self {
        let queue = Queue { started: false, lines: VecDeque::new(), left_out: 0, writing: false };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// From here on nobody waits for whoever reads.
    pub(crate) fn start(&'static self) -> io::Result<()> {
        thread::Builder::new().name("printer".to_owned()).spawn(|| self.run())?;
        self.lock().started = true;
        Ok(())
    }

    /// Where `always` is said there is no end to what may wait.
    pub(crate) fn print(&self, line: String, always: bool) {
        let mut queue = self.lock();
        if queue.started {
            queue.put(line, always);
            drop(queue);
            self.changed.notify_all();
        } else {
            drop(queue);
            write(&line);
        }
    }

    /// Waits for a moment until all is written: who does not read on by then goes without the rest.
    pub(crate) fn finish(&self) {
        let waits = |queue: &mut Queue| queue.writing || !queue.lines.is_empty() || queue.left_out > 0;
        drop(self.changed.wait_timeout_while(self.lock(), OUT_WITHIN, waits));
    }

    fn run(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(line) = queue.next() {
                queue.writing = true;
                drop(queue);
                write(&line);
                queue = self.lock();
                queue.writing = false;
                self.changed.notify_all();
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that has gone away is no reason to stop serving, so that an error is none.
fn write(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
