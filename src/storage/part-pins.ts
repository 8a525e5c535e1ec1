/**
 * Which parts are held while a checkpoint is being written. A hash is held as often as it was added;
 * when the last hold goes, the store is told so that it can collect what nothing refers to.
 */
import type { PartPin } from '../types/store.js';

export class PartPins {
  private readonly holds = new Map<string, number>();

  /** @param collect gets the hashes of a released pin that no other pin holds. */
  constructor(private readonly collect: (hashes: string[]) => void) {}

  isHeld(hash: string): boolean {
    return this.holds.has(hash);
  }

  create(): PartPin {
    const held = new Set<string>();
    return {
      add: (hash) => {
        if (held.has(hash)) return;
        held.add(hash);
        this.holds.set(hash, (this.holds.get(hash) ?? 0) + 1);
      },
      release: () => {
        const free = [...held].filter((hash) => this.letGo(hash));
        held.clear();
        if (free.length > 0) this.collect(free);
      },
    };
  }

  private letGo(hash: string): boolean {
    const left = (this.holds.get(hash) ?? 0) - 1;
    if (left > 0) this.holds.set(hash, left);
    else this.holds.delete(hash);
    return left <= 0;
  }
}
