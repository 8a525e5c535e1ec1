/** How often a session that dies is rebuilt ahead of its next use. */

const pauseMs = 10_000;

export class RebuildPace {
  /** On the monotonic clock. */
  private askedAt = -Infinity;

  /** False for what dies again at once: it is rebuilt when somebody asks for it, else it would be for ever. */
  allows(now: number): boolean {
    const recently = now - this.askedAt < pauseMs;
    this.askedAt = now;
    return !recently;
  }
}
