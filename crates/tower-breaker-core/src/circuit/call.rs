use super::Circuit;
use crate::{Error, Outcome, PanicGuard};

impl Circuit {
    /// Calls `f` if the circuit lets it; an `Err` is a failure, and so is a panic.
    ///
    /// ```
    /// # use tower_breaker_core::{Circuit, CircuitBreakerConfig, Error};
    /// let circuit = Circuit::new("db", CircuitBreakerConfig::default());
    /// let rows = circuit.call(|| Ok::<_, std::io::Error>(3))?;
    /// # assert_eq!(rows, 3);
    /// # Ok::<(), Error<std::io::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] if the circuit refuses, [`Error::Inner`] with the error of `f`.
    pub fn call<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, Error<E>> {
        self.call_with(f, errors_are_failures)
    }

    /// As [`call`](Self::call), with a judge: some errors may be expected, some answers bad.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_with<T, E>(
        &self,
        f: impl FnOnce() -> Result<T, E>,
        judge: impl FnOnce(&Result<T, E>) -> Outcome,
    ) -> Result<T, Error<E>> {
        let mut permit = Some(self.try_acquire()?);
        let guard = PanicGuard::new(&mut permit);
        let result = f();
        guard.disarm();
        let outcome = judge(&result);
        if let Some(permit) = permit {
            permit.record(outcome);
        }
        result.map_err(Error::Inner)
    }

    /// As [`call`](Self::call), but where the call is refused or fails, `fallback` answers; that is counted.
    pub fn call_or<T, E>(&self, f: impl FnOnce() -> Result<T, E>, fallback: impl FnOnce(Error<E>) -> T) -> T {
        self.call(f).unwrap_or_else(|cause| {
            self.record_fallback();
            fallback(cause)
        })
    }
}

pub(super) fn errors_are_failures<T, E>(result: &Result<T, E>) -> Outcome {
    if result.is_ok() { Outcome::Success } else { Outcome::Failure }
}
