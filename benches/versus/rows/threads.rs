//! One circuit, two threads.

use std::sync::Arc;

use super::breaker::{last_100, ours, recloser};
use crate::{
    drive::{call, timed, timed_with},
    inner::Bare,
    measure::Side,
    together::together,
};

pub(super) fn two_recloser() -> (Side, Side) {
    let ours = ours::<0>(last_100());
    let breaker = Arc::new(recloser());
    let theirs = move |calls| {
        together(2, calls, || {
            let (breaker, mut inner) = (Arc::clone(&breaker), Bare::<0>);
            move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)))
        })
    };
    let ours = move |calls| {
        together(2, calls, || {
            let mut service = ours.clone();
            move |calls| timed(&mut service, calls)
        })
    };
    (Box::new(ours), Box::new(theirs))
}
