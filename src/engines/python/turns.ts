/** Lets one piece of work run at a time, in the order in which they were asked for. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.last.then(work, work);
    // Whoever asked hears of a failure; the next in line does not.
    this.last = mine.catch(() => undefined);
    return mine;
  }
}
