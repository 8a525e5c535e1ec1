/** A door with a number of lanes: who comes when all are taken waits in line. */
import type { SojournError } from '../../types/errors.js';

export class Lanes {
  private taken = 0;
  private ended: SojournError | null = null;
  private readonly line: { enter(): void; refuse(reason: SojournError): void }[] = [];
  private emptied: (() => void) | null = null;

  constructor(private readonly count: number) {}

  /** Resolves to what has to be called at the end. */
  async enter(): Promise<() => void> {
    if (this.ended) throw this.ended;
    if (this.taken < this.count) this.taken += 1;
    else await new Promise<void>((enter, refuse) => this.line.push({ enter, refuse }));
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.leave();
    };
  }

  /** Refuses who waits and who comes; resolves when everybody who is in has left. */
  async close(reason: SojournError): Promise<void> {
    this.ended = reason;
    for (const waiting of this.line.splice(0)) waiting.refuse(reason);
    if (this.taken > 0) await new Promise<void>((resolve) => (this.emptied = resolve));
  }

  private leave(): void {
    const next = this.line.shift();
    if (next) next.enter();
    else this.taken -= 1;
    if (this.taken === 0) this.emptied?.();
  }
}
