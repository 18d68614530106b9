/// Until when the stages of a stack hold on, each to the [`Head`](crate::until::Head) of the response or to the
/// `EndOfBody` (feature `http`): the attempt timeout, the bulkhead and the timeout of the whole call, in this order.
pub trait Hold: sealed::Sealed {
    /// The attempt timeout.
    type Attempt;

    /// The bulkhead's place.
    type Place;

    /// The timeout of the whole call.
    type Whole;
}

impl<A, P, W> Hold for (A, P, W) {
    type Attempt = A;
    type Place = P;
    type Whole = W;
}

mod sealed {
    pub trait Sealed {}

    impl<A, P, W> Sealed for (A, P, W) {}
}
