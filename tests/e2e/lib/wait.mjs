/** Waiting with a limit, and telling how long things took. */

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Asks `probe` again and again until it gives something true, and returns that.
 *
 * Fails after `seconds` with `what` and the last thing that the probe gave or threw.
 */
export async function until(what, probe, { seconds = 30, every = 20 } = {}) {
  const deadline = performance.now() + seconds * 1000;
  let last;
  while (performance.now() < deadline) {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await sleep(every);
  }
  throw new Error(`${what} did not happen within ${seconds} s; last seen: ${last instanceof Error ? last.stack : JSON.stringify(last)}`);
}

/** Gives up on a promise after `seconds`. */
export async function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Does something, prints how long it took, and returns its result. `note` adds a remark made from the result. */
export async function step(what, work, note = () => "") {
  const begin = performance.now();
  const result = await work();
  const remark = note(result);
  tell(`${what}: ${seconds(performance.now() - begin)}${remark ? `, ${remark}` : ""}`);
  return result;
}

/** Prints a line among the results of the tests. */
export function tell(line) {
  console.log(`  ${line}`);
}

export function seconds(ms) {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A count with thousands set apart. */
export function count(number) {
  return number.toLocaleString("en-US");
}
