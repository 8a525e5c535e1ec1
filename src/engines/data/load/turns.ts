/** Lets everything else that waits have its turn. */
export const nextPiece = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
