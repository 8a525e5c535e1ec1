/** Processor time as a percentage between two looks, however close together the looks are. */
interface Sample {
  readonly usedMs: number;
  readonly atMs: number;
}

/** The machine counts in hundredths of a second: what is measured over less than this says nothing. */
const windowMs = 1000;

export class UsageMeter {
  private base: Sample | null = null;
  private recent: Sample | null = null;

  /**
   * Measured from the last look that is a second old or more, else from the first one; the first one gives null.
   * @param usedMs processor time used up to now
   * @param atMs now, on a clock that never goes back
   */
  percent(usedMs: number, atMs: number): number | null {
    const now = { usedMs, atMs };
    if (this.recent === null || atMs - this.recent.atMs >= windowMs) {
      this.base = this.recent ?? now;
      this.recent = now;
    }
    const from = this.base ?? now;
    const elapsedMs = atMs - from.atMs;
    if (elapsedMs <= 0) return null;
    return Math.max(0, Math.round(((usedMs - from.usedMs) / elapsedMs) * 1000) / 10);
  }
}
