use std::{num::NonZeroU32, time::Duration};

use governor::Quota;
use tower_breaker_core::InvalidConfig;

/// An empty bucket must be full again within this, which also keeps its nanoseconds far from an overflow.
const LONGEST_REFILL: f64 = 366.0 * 86_400.0;

/// `burst` calls at once, refilled at `per_second`.
pub(super) fn quota(per_second: f64, burst: u32) -> Result<Quota, InvalidConfig> {
    // `contains` is false for NaN.
    if !(f64::MIN_POSITIVE..=1_000_000.0).contains(&per_second) {
        return Err(InvalidConfig::new("per_second", per_second, "more than 0, up to 1,000,000"));
    }
    let Some(tokens) = NonZeroU32::new(burst).filter(|_| burst <= 1_000_000) else {
        return Err(InvalidConfig::new("burst", burst, "1..=1,000,000"));
    };
    if f64::from(burst) / per_second > LONGEST_REFILL {
        return Err(InvalidConfig::new("burst", burst, "at most what per_second refills within a year"));
    }
    // At least a microsecond, so rounding to whole nanoseconds is off by less than a thousandth.
    let period = Duration::from_secs_f64(per_second.recip());
    let quota = Quota::with_period(period).expect("a period of at least a microsecond");
    Ok(quota.allow_burst(tokens))
}
