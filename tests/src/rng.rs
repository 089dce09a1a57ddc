//! A small seeded generator, so that a printed seed replays a run on every machine.

/// The SplitMix64 generator (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
    /// Draws that were written down, last first; the generator takes over when they are used up.
    script: Vec<u16>,
}

impl Rng {
    /// Starts the sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Rng {
        Rng { state: seed, script: Vec::new() }
    }

    /// Draws each two bytes of `script` first, so that a fuzzer decides what happens.
    pub fn scripted(script: &[u8]) -> Rng {
        let draws = script.chunks(2).map(|pair| u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        Rng { state: 0, script: draws.rev().collect() }
    }

    /// Returns the next 64 bits.
    pub fn bits(&mut self) -> u64 {
        if let Some(draw) = self.script.pop() {
            return draw.into();
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in `0..bound`; `bound` is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }

    /// Returns a number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low + 1)
    }

    /// Is true in `percent` of 100 draws.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Picks one of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Fills a new vector with `len` random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.bits() as u8).collect()
    }
}

/// Which seeds a test runs: `SYNCLINE_SEED` alone if it is set, else `count` seeds from 1.
///
/// `SYNCLINE_HISTORIES` changes the count for a long run.
pub fn seeds(count: u64) -> Vec<u64> {
    if let Some(seed) = number_from("SYNCLINE_SEED") {
        return vec![seed];
    }
    (1..=number_from("SYNCLINE_HISTORIES").unwrap_or(count)).collect()
}

/// The command that runs `test` of test binary `binary` again with this seed only.
pub fn replay(binary: &str, test: &str, seed: u64) -> String {
    format!("replay: SYNCLINE_SEED={seed} cargo test -p syncline-tests --test {binary} {test} -- --nocapture")
}

/// Runs `history` for every seed on all cores and panics with the replay command of the first that fails.
pub fn each_seed(binary: &str, test: &str, seeds: &[u64], history: impl Fn(u64) -> Result<(), String> + Sync) {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    let failure = std::sync::Mutex::new(None::<String>);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let (failure, history) = (&failure, &history);
            scope.spawn(move || {
                for &seed in seeds.iter().skip(core).step_by(cores) {
                    if failure.lock().is_ok_and(|found| found.is_some()) {
                        return;
                    }
                    let run = std::panic::AssertUnwindSafe(|| history(seed));
                    let problem = match std::panic::catch_unwind(run) {
                        Ok(Ok(())) => continue,
                        Ok(Err(problem)) => problem,
                        Err(panic) => format!("panicked: {}", panic_text(&panic)),
                    };
                    if let Ok(mut found) = failure.lock() {
                        found.get_or_insert(format!("seed {seed}: {problem}\n{}", replay(binary, test, seed)));
                    }
                    return;
                }
            });
        }
    });
    if let Ok(Some(problem)) = failure.into_inner() {
        panic!("{problem}");
    }
}

/// Returns the text of a caught panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
