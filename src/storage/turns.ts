/** Working on the event loop without holding it up, and answering with a promise where there is nothing to wait for. */

/** Resolves after everybody else had a turn. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs `work` at once; what it throws becomes a rejection, as callers of an asynchronous interface expect. */
export const settle = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));
