use std::fmt;

use super::Circuit;
use crate::Error;

impl Circuit {
    /// A function and the circuit that guards it, to keep and call again.
    ///
    /// ```
    /// # use tower_breaker_core::{Circuit, CircuitBreakerConfig, Error};
    /// let circuit = Circuit::new("prices", CircuitBreakerConfig::default());
    /// let price = circuit.wrap(|item: &str| if item.is_empty() { Err("no item") } else { Ok(42) });
    /// assert_eq!(price.call("tea"), Ok(42));
    /// assert_eq!(price.circuit().name(), "prices");
    /// ```
    pub fn wrap<F>(&self, f: F) -> Guarded<F> {
        Guarded { circuit: self.clone(), f }
    }

    /// As [`wrap`](Self::wrap), for a function that returns a future.
    pub fn wrap_async<F>(&self, f: F) -> GuardedAsync<F> {
        GuardedAsync { circuit: self.clone(), f }
    }
}

/// A function guarded by a circuit; from [`Circuit::wrap`].
#[derive(Clone)]
pub struct Guarded<F> {
    circuit: Circuit,
    f: F,
}

impl<F> Guarded<F> {
    /// Calls the function if the circuit lets it.
    ///
    /// # Errors
    ///
    /// As [`Circuit::call`].
    pub fn call<A, T, E>(&self, arg: A) -> Result<T, Error<E>>
    where
        F: Fn(A) -> Result<T, E>,
    {
        self.circuit.call(|| (self.f)(arg))
    }

    /// The circuit that guards it.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

/// A function that returns a future, guarded by a circuit; from [`Circuit::wrap_async`].
#[derive(Clone)]
pub struct GuardedAsync<F> {
    circuit: Circuit,
    f: F,
}

impl<F> GuardedAsync<F> {
    /// Calls the function if the circuit lets it, and awaits its future. A refused call does not call the function.
    ///
    /// # Errors
    ///
    /// As [`Circuit::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Circuit::call_async`].
    pub async fn call<A, U, T, E>(&self, arg: A) -> Result<T, Error<E>>
    where
        F: Fn(A) -> U,
        U: Future<Output = Result<T, E>>,
    {
        self.circuit.call_async(async { (self.f)(arg).await }).await
    }

    /// The circuit that guards it.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

impl<F> fmt::Debug for Guarded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for GuardedAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedAsync").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}
