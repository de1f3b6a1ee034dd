//! Token buckets: how many bytes may move now, reckoned from times alone.

use std::time::Duration;

use crate::clock::Timestamp;

/// Fills at a steady rate up to a depth; each byte that moves takes a token. No timer fills it: it is known when it will
/// be full, and so how full it is.
///
/// Over any stretch of time no more moves than the depth, and what the rate allows in that time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    /// Bytes a second, at least one.
    rate: usize,
    /// How long it takes to fill.
    depth: Duration,
    full_at: Timestamp,
    /// Once it is empty, nothing moves before this time.
    opens_at: Timestamp,
}

impl Bucket {
    /// Once a bucket is empty it fills for so long before anything moves: else each byte would be a turn of its own.
    const PAUSE: Duration = Duration::from_millis(20);

    /// A full one.
    pub(super) fn new(rate: usize, depth: Duration) -> Self {
        let depth = depth.max(time_of(1, rate));
        Self { rate, depth, full_at: Timestamp::ZERO, opens_at: Timestamp::ZERO }
    }

    /// How many bytes may move.
    pub(super) fn room(&self, now: Timestamp) -> usize {
        if now < self.opens_at { 0 } else { self.tokens(now) }
    }

    /// When there is room again.
    pub(super) const fn opens_at(&self) -> Timestamp {
        self.opens_at
    }

    /// So many bytes moved. More than there was room for are owed, and paid back first.
    pub(super) fn take(&mut self, now: Timestamp, bytes: usize) {
        self.full_at = self.full_at.max(now) + time_of(bytes, self.rate);
        if self.tokens(now) == 0 {
            let pause = Self::PAUSE.min(self.depth).max(time_of(1, self.rate));
            self.opens_at = now + (self.full_at - now).saturating_sub(self.depth - pause);
        }
    }

    fn tokens(&self, now: Timestamp) -> usize {
        let filled = self.depth.saturating_sub(self.full_at - now);
        let tokens = filled.as_nanos().saturating_mul(self.rate as u128) / 1_000_000_000;
        usize::try_from(tokens).unwrap_or(usize::MAX)
    }
}

/// How long `bytes` take at `rate` bytes a second: never too short, so that rounding gives nothing away.
pub(super) fn time_of(bytes: usize, rate: usize) -> Duration {
    let nanos = (bytes as u128 * 1_000_000_000).div_ceil(rate as u128);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_full_one_gives_its_depth_and_then_its_rate() {
        let mut bucket = Bucket::new(100, Duration::from_secs(1));
        assert_eq!(bucket.room(at(0)), 100);
        bucket.take(at(0), 100);
        assert_eq!((bucket.room(at(0)), bucket.opens_at()), (0, at(20)));
        assert_eq!((bucket.room(at(19)), bucket.room(at(20)), bucket.room(at(500))), (0, 2, 50));
        assert_eq!(bucket.room(at(5000)), 100);
    }

    #[test]
    fn what_is_taken_beyond_is_paid_back_first() {
        let mut bucket = Bucket::new(100, Duration::from_secs(1));
        bucket.take(at(0), 300);
        assert_eq!((bucket.opens_at(), bucket.room(at(2019)), bucket.room(at(2020))), (at(2020), 0, 2));
    }

    #[test]
    fn a_rate_and_a_depth_may_be_as_good_as_none() {
        let mut bucket = Bucket::new(usize::MAX, Duration::MAX);
        assert_eq!(bucket.room(at(0)), usize::MAX);
        bucket.take(at(0), 1000);
        assert!(bucket.room(at(0)) > 1000);
    }

    /// Whoever takes what there is whenever it opens gets all of the rate, and no more than agreed.
    #[test]
    fn it_gives_all_of_its_rate_and_no_more() {
        for seed in 0..300 {
            let (mut random, mut bucket) = random_bucket(seed);
            let (mut now, mut taken) = (Timestamp::ZERO, Vec::new());
            for _ in 0..200 {
                let room = bucket.room(now);
                assert!(room > 0, "seed {seed}: it opens with nothing in it");
                bucket.take(now, room);
                taken.push((now, room));
                now = bucket.opens_at().max(now) + Duration::from_nanos(random.u64(0..2));
            }
            check(seed, &taken, &bucket);
            let total: usize = taken.iter().map(|(_, bytes)| bytes).sum();
            let (end, _) = taken[taken.len() - 1];
            // Less than a byte is left over each time.
            let least = (end - Timestamp::ZERO).as_secs_f64() * bucket.rate as f64 - taken.len() as f64;
            assert!(total as f64 >= least, "seed {seed}: {total} bytes, {least} at least");
        }
    }

    /// Whatever is taken, and whenever.
    #[test]
    fn it_never_gives_more_than_agreed() {
        for seed in 0..300 {
            let (mut random, mut bucket) = random_bucket(seed);
            let (mut now, mut taken) = (Timestamp::ZERO, Vec::new());
            for _ in 0..200 {
                let bytes = random.usize(0..=bucket.room(now));
                bucket.take(now, bytes);
                taken.push((now, bytes));
                now = now + Duration::from_nanos(random.u64(..50_000_000));
            }
            check(seed, &taken, &bucket);
        }
    }

    fn random_bucket(seed: u64) -> (fastrand::Rng, Bucket) {
        let mut random = fastrand::Rng::with_seed(seed);
        let bucket = Bucket::new(1 << random.u32(0..24), Duration::from_millis(random.u64(1..4000)));
        (random, bucket)
    }

    /// In no stretch of time more than depth and rate allow.
    fn check(seed: u64, taken: &[(Timestamp, usize)], bucket: &Bucket) {
        for (index, (from, _)) in taken.iter().enumerate() {
            let mut sum = 0;
            for (until, bytes) in &taken[index..] {
                sum += bytes;
                let most = ((*until - *from) + bucket.depth).as_nanos() * bucket.rate as u128 / 1_000_000_000;
                assert!(sum as u128 <= most, "seed {seed}: {sum} bytes, {most} at most");
            }
        }
    }
}
