/** Work under one name happens one piece after another, in the order in which it was asked for. */
export class KeyedTurns {
  private readonly last = new Map<string, Promise<unknown>>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(name) ?? Promise.resolve();
    const after = before.catch(() => undefined).then(work);
    this.last.set(name, after);
    try {
      return await after;
    } finally {
      if (this.last.get(name) === after) this.last.delete(name);
    }
  }

  /** What is under way or waits. */
  pending(): Promise<unknown>[] {
    return [...this.last.values()];
  }
}
