/** How many writes of each session are under way: counted around every write, so it has to cost next to nothing. */

interface Count {
  writes: number;
  waiting: (() => void)[];
}

/** So many sessions are remembered without need, which is quicker than to forget each at once. */
const idleMax = 1024;

export class WritesUnderWay {
  private readonly counts = new Map<string, Count>();
  private sweepAt = idleMax;

  /** Counts as long as the write goes on. */
  async follow<T>(session: string, write: () => Promise<T>): Promise<T> {
    const count = this.counts.get(session) ?? this.add(session);
    count.writes += 1;
    try {
      return await write();
    } finally {
      count.writes -= 1;
      if (count.writes === 0 && count.waiting.length > 0) for (const go of count.waiting.splice(0)) go();
    }
  }

  /** Resolves when no write of the session is under way. */
  ended(session: string): Promise<void> {
    const count = this.counts.get(session);
    if (!count || count.writes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      count.waiting.push(resolve);
    });
  }

  private add(session: string): Count {
    if (this.counts.size >= this.sweepAt) {
      for (const [id, { writes }] of this.counts) if (writes === 0) this.counts.delete(id);
      this.sweepAt = Math.max(idleMax, 2 * this.counts.size);
    }
    const count: Count = { writes: 0, waiting: [] };
    this.counts.set(session, count);
    return count;
  }
}
