//! Bulkheads: places, the queue, and what resizing does to both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tower_breaker_core::{Admission, Bulkhead, Figure, Figures, Place, Waiter};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn queue(bulkhead: &Bulkhead) -> Waiter {
    match bulkhead.enter() {
        Ok(Admission::Queued(waiter)) => waiter,
        other => panic!("{other:?}"),
    }
}

fn place(bulkhead: &Bulkhead) -> Place {
    match bulkhead.enter() {
        Ok(Admission::Admitted(place)) => place,
        other => panic!("{other:?}"),
    }
}

fn turn(waiter: &mut Waiter) -> Option<Place> {
    match waiter.poll_place(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(place) => Some(place),
        Poll::Pending => None,
    }
}

fn gauges(bulkhead: &Bulkhead) -> (u64, u64, u64) {
    let figures = bulkhead.figures();
    (figures.in_use, figures.queued, figures.rejected)
}

#[test]
fn as_many_as_there_are_places_then_the_queue_then_none() {
    let bulkhead = Bulkhead::builder(2).max_queue(1).build().unwrap();
    let _places = (place(&bulkhead), place(&bulkhead));
    let _waiter = queue(&bulkhead);
    assert!(bulkhead.enter().is_err());
    assert_eq!(gauges(&bulkhead), (2, 1, 1));
}

#[test]
fn without_a_queue_there_are_places_and_refusals() {
    let bulkhead = Bulkhead::builder(2).max_queue(0).build().unwrap();
    let (first, _second) = (place(&bulkhead), place(&bulkhead));
    assert!(bulkhead.enter().is_err() && bulkhead.try_acquire().is_err());
    drop(first);
    assert!(bulkhead.try_acquire().is_ok());
    assert_eq!(gauges(&bulkhead), (1, 0, 2));
}

#[test]
fn a_place_given_back_goes_to_the_head_of_the_queue_and_nobody_overtakes() {
    let bulkhead = Bulkhead::builder(1).max_queue(3).build().unwrap();
    let first = place(&bulkhead);
    let (mut second, mut third) = (queue(&bulkhead), queue(&bulkhead));
    drop(first);
    assert!(bulkhead.try_acquire().is_err());
    let _newcomer = queue(&bulkhead);
    assert!(turn(&mut third).is_none());
    let place = turn(&mut second).unwrap();
    drop(place);
    assert!(turn(&mut third).is_some());
}

#[test]
fn the_one_whose_turn_it_is_is_woken_once_and_no_other() {
    let bulkhead = Bulkhead::builder(1).max_queue(2).build().unwrap();
    let first = place(&bulkhead);
    let mut waiters = [queue(&bulkhead), queue(&bulkhead)];
    let woken = [(); 2].map(|()| Arc::new(Woken::default()));
    for (waiter, woken) in waiters.iter_mut().zip(&woken) {
        let waker = Arc::clone(woken).into();
        assert!(waiter.poll_place(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(first);
    let counts = woken.map(|woken| woken.0.load(Ordering::SeqCst));
    assert_eq!(counts, [1, 0]);
}

#[test]
fn a_waiter_that_goes_away_leaves_the_queue() {
    let bulkhead = Bulkhead::builder(1).max_queue(2).build().unwrap();
    let first = place(&bulkhead);
    let (second, mut third) = (queue(&bulkhead), queue(&bulkhead));
    drop(second);
    assert_eq!(gauges(&bulkhead), (1, 1, 0));
    drop(queue(&bulkhead));
    assert!(turn(&mut third).is_none(), "who went from behind it has left it no place");
    drop(first);
    assert!(turn(&mut third).is_some());
    assert_eq!(gauges(&bulkhead), (0, 0, 0));
}

#[test]
fn a_waiter_that_goes_away_with_its_place_unseen_passes_it_on() {
    let bulkhead = Bulkhead::builder(1).max_queue(2).build().unwrap();
    let first = place(&bulkhead);
    let (second, mut third) = (queue(&bulkhead), queue(&bulkhead));
    drop(first);
    drop(second);
    let place = turn(&mut third).unwrap();
    assert_eq!(gauges(&bulkhead), (1, 0, 0));
    drop(place);
    assert_eq!(gauges(&bulkhead), (0, 0, 0));
}

#[test]
fn giving_up_counts_as_a_refusal() {
    let bulkhead = Bulkhead::builder(1).max_queue(1).build().unwrap();
    let _place = place(&bulkhead);
    queue(&bulkhead).give_up();
    assert_eq!(gauges(&bulkhead), (1, 0, 1));
}

#[test]
fn new_places_go_to_those_who_queue() {
    let bulkhead = Bulkhead::builder(1).max_queue(4).build().unwrap();
    let _first = place(&bulkhead);
    let mut waiters = [(); 4].map(|()| queue(&bulkhead));
    bulkhead.set_max_concurrent(3).unwrap();
    assert_eq!(gauges(&bulkhead), (3, 2, 0));
    let places = waiters.each_mut().map(turn);
    assert_eq!(places.each_ref().map(Option::is_some), [true, true, false, false]);
}

#[test]
fn fewer_places_take_none_away_and_come_true_as_calls_end() {
    let bulkhead = Bulkhead::builder(3).max_queue(1).build().unwrap();
    let (one, two, three) = (place(&bulkhead), place(&bulkhead), place(&bulkhead));
    bulkhead.set_max_concurrent(1).unwrap();
    let mut waiter = queue(&bulkhead);
    drop(one);
    drop(two);
    assert!(turn(&mut waiter).is_none());
    assert_eq!(gauges(&bulkhead), (1, 1, 0));
    drop(three);
    assert!(turn(&mut waiter).is_some());
}

#[test]
fn a_shorter_queue_keeps_those_who_are_in_it() {
    let bulkhead = Bulkhead::builder(1).max_queue(3).build().unwrap();
    let first = place(&bulkhead);
    let mut waiters = [queue(&bulkhead), queue(&bulkhead)];
    bulkhead.set_max_queue(0).unwrap();
    assert!(bulkhead.enter().is_err());
    drop(first);
    assert!(turn(&mut waiters[0]).is_some());
    assert!(turn(&mut waiters[1]).is_some());
}

#[test]
fn what_is_out_of_range_cannot_be_built_and_changes_nothing() {
    for (places, queue, field) in
        [(0, 0, "max_concurrent"), ((1 << 20) + 1, 0, "max_concurrent"), (1, u32::MAX, "max_queue")]
    {
        let error = Bulkhead::builder(places).max_queue(queue).build().unwrap_err();
        assert_eq!(error.field(), field);
    }
    let bulkhead = Bulkhead::builder(1 << 20).max_queue(1 << 20).build().unwrap();
    assert_eq!(bulkhead.set_max_concurrent(0).unwrap_err().field(), "max_concurrent");
    assert_eq!(bulkhead.set_max_queue(u32::MAX).unwrap_err().value(), "4294967295");
    assert_eq!((bulkhead.max_concurrent(), bulkhead.max_queue()), (1 << 20, 1 << 20));
}

#[test]
fn max_wait_is_kept_and_can_be_changed() {
    let wait = Some(Duration::from_millis(100));
    let bulkhead = Bulkhead::builder(1).max_wait(wait).build().unwrap();
    assert_eq!(bulkhead.max_wait(), wait);
    bulkhead.set_max_wait(None);
    assert_eq!(bulkhead.max_wait(), None);
    bulkhead.set_max_wait(Some(Duration::MAX));
    assert_eq!(bulkhead.max_wait(), None);
}

#[test]
fn it_is_listed_as_long_as_it_lives() {
    let figures = Figures::new();
    let bulkhead = Bulkhead::new(7).unwrap();
    bulkhead.register(&figures, "reports");
    let listed = figures.list();
    assert!(matches!(listed[..], [(ref name, Figure::Bulkhead(it))] if &**name == "reports" && it.max_concurrent == 7));
    drop(bulkhead);
    assert!(figures.list().is_empty());
}

#[test]
fn threads_never_hold_more_places_than_there_are_and_leave_it_empty() {
    let bulkhead = Bulkhead::builder(3).max_queue(2).build().unwrap();
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (bulkhead, inside) = (&bulkhead, &inside);
            scope.spawn(move || {
                for round in 0..20_000 {
                    let held = match bulkhead.enter() {
                        Ok(Admission::Admitted(place)) => Some(place),
                        Ok(Admission::Queued(mut waiter)) if (round + thread) % 3 > 0 => turn(&mut waiter),
                        _ => None,
                    };
                    if held.is_some() {
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let figures = bulkhead.figures();
    assert_eq!((figures.in_use, figures.queued), (0, 0));
}
