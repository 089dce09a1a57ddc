/** The data that all libraries are given: the same as in the other languages. */

const MASK = (1n << 64n) - 1n;

/** Returns a function that returns 64-bit numbers from a seed (splitmix64). */
export function random(seed) {
  let state = BigInt(seed);
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let mixed = state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return mixed ^ (mixed >> 31n);
  };
}

/** Returns `count` keys of 16 hexadecimal digits with values below 1,000. */
export function entries(seed, count) {
  const next = random(seed);
  return Array.from({ length: count }, () => [next().toString(16).padStart(16, "0"), Number(next() % 1000n)]);
}

/** Returns `count` writes, each to one of the `keys` first entries. */
export function overwrites(seed, keys, count) {
  const known = entries(seed, keys);
  const next = random(seed + 1);
  return Array.from({ length: count }, () => [known[Number(next() % BigInt(keys))][0], Number(next() % 1000n)]);
}

/**
 * Returns what one replica does to a set: `count` elements to add, out of twice as many, of which the first half is
 * removed again. Replicas share the elements, not the choice.
 */
export function setEdits(seed, replica, count) {
  const all = entries(seed, 2 * count).map(([key]) => key);
  const next = random(seed + 1 + replica);
  for (let at = 0; at < count; at++) {
    const other = at + Number(next() % BigInt(all.length - at));
    [all[at], all[other]] = [all[other], all[at]];
  }
  const adds = all.slice(0, count);
  return { adds, removes: adds.slice(0, count >> 1), kept: adds.slice(count >> 1) };
}
