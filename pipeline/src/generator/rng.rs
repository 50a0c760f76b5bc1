//! Seeded pseudo-random numbers.
//!
//! `SplitMix64`, implemented here: a seed must give the same bodies in every version of catchwater, because benches
//! compare versions on the same bodies. A library may change its algorithm.

/// Stream of numbers, determined by its seed.
///
/// # Source
/// Sebastiano Vigna's `splitmix64`: one addition and one mix per number, without weak seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Starts the stream with number `place` among the streams of a seed.
    pub(super) fn at(seed: u64, place: u64) -> Self {
        Self(mix(seed ^ place.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
    }

    /// Starts the stream with number `place` among the streams of a name.
    pub(super) fn named(name: &str, place: u64) -> Self {
        let seed = name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        Self::at(seed, place)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Returns a number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Returns a number of `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as usize) as i64
    }

    /// Returns true with a probability of `chance` percent.
    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Returns a random (version 4) GUID.
    pub(super) fn guid(&mut self) -> u128 {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        bits & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    }
}

/// Finalizer: similar inputs give unrelated outputs.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
