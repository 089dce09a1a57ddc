/** Collects exceptions that become uncaught, instead of letting them end the test run. */
export async function uncaught(work) {
  const seen = [];
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => seen.push(error));
  try {
    work();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of others) process.on("uncaughtException", listener);
  }
  return seen;
}
