/** Work that is done in pieces, so that nobody else waits for all of it. */

/** Lets everything else that waits have its turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
