//! Room in the memory of WASM, taken in large steps.
//!
//! Memory of WASM grows by calls that move nothing but are dear: the garbage collector of V8 counts all of it anew each
//! time, and soon collects at nearly every call. The allocator grows by 64 KiB at a time, which makes that half of the time
//! of a program with large documents. So whenever memory has grown, a quarter of it is taken at once and given back to the
//! allocator. The system gives no memory to pages that nobody has touched.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a page.
const PAGE: usize = 64 * 1024;

/// The memory that a blob takes while it is taken in, as a multiple of its length; most of it is in the tables of the
/// document afterwards.
const FOR_A_BLOB: usize = 16;

/// Not more than this is taken for a blob, in bytes: what is larger grows by quarters.
const AT_MOST: usize = 32 << 20;

/// Pages that memory had when room was made.
static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Makes room if memory has grown since the last call.
pub(crate) fn ahead() {
    let pages = pages();
    if pages > PAGES.load(Ordering::Relaxed) {
        take(pages / 4 * PAGE);
        PAGES.store(self::pages(), Ordering::Relaxed);
    }
}

/// Makes room for a blob that is to be taken in.
pub(crate) fn for_blob(length: usize) {
    if length > PAGE / 4 {
        take(length.saturating_mul(FOR_A_BLOB).min(AT_MOST));
    }
}

/// Where there is no more memory, nothing is taken, and whoever needs some will see.
fn take(bytes: usize) {
    let mut room: Vec<u8> = Vec::new();
    let _ = room.try_reserve_exact(bytes);
    std::hint::black_box(&mut room);
}

fn pages() -> usize {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size::<0>();
    #[cfg(not(target_arch = "wasm32"))]
    return 0;
}
