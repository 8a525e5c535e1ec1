/**
 * What a kernel holds while any process of it may live: a uid that no other session has, and a temporary folder. Given
 * back when the kernel and the last copy of it are gone.
 */
import { SojournError } from '../../types/errors.js';

/** Hands out uids of a block, the one that was free longest first. */
export class UidPool {
  private readonly free: number[];

  constructor([first, last]: readonly [number, number]) {
    this.free = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  }

  /** @throws engine_unavailable when every uid is taken */
  take(): number {
    const uid = this.free.shift();
    if (uid !== undefined) return uid;
    throw new SojournError(
      'engine_unavailable',
      'Every uid for Python sessions is taken; let sessions hibernate, or widen python.uid_range.',
    );
  }

  giveBack(uid: number): void {
    this.free.push(uid);
  }
}

export interface LeaseEnd {
  /** Ends what the kernel left behind, except these processes. */
  sweep(spare: readonly number[]): void;
  /** Ends everything and gives back uid and folder; never rejects. */
  release(): Promise<void>;
}

export class Lease {
  /** Copies that still write, and those that are frozen. */
  private readonly writing = new Set<number>();
  private readonly frozen = new Set<number>();
  private kernelEnded = false;
  private resolveReleased: () => void = () => undefined;
  readonly released = new Promise<void>((resolve) => {
    this.resolveReleased = resolve;
  });
  /** Told when frozen copies come or go: what they take counts as the session's. */
  onFrozenChange: () => void = () => undefined;

  constructor(private readonly after: LeaseEnd) {}

  get frozenCopies(): readonly number[] {
    return [...this.frozen];
  }

  /** All that are known, those that still write too. */
  get copies(): readonly number[] {
    return [...this.writing, ...this.frozen];
  }

  /** Keeps the uid for a copy that outlives its kernel; returns what lets go of it. */
  hold(copy: number): () => void {
    this.writing.add(copy);
    return () => {
      if (this.writing.delete(copy)) this.settle();
    };
  }

  /** The same for one that is frozen. What lets go resolves when all is given back, if nobody needs it any more. */
  holdFrozen(copy: number): () => Promise<void> {
    this.frozen.add(copy);
    this.onFrozenChange();
    return () => {
      if (this.frozen.delete(copy)) {
        this.settle();
        this.onFrozenChange();
      }
      return this.settled();
    };
  }

  /** A copy of the kernel that is gone has become the kernel. */
  renew(): void {
    this.kernelEnded = false;
  }

  /** To be called once for each kernel, when it is gone. */
  end(): void {
    this.kernelEnded = true;
    this.settle();
  }

  /** Resolves when uid and folder are given back, or at once while anybody needs them still. */
  settled(): Promise<void> {
    return this.isNeeded ? Promise.resolve() : this.released;
  }

  private get isNeeded(): boolean {
    return !this.kernelEnded || this.writing.size > 0 || this.frozen.size > 0;
  }

  private settle(): void {
    if (!this.kernelEnded) return;
    if (this.isNeeded) this.after.sweep(this.copies);
    else void this.after.release().then(this.resolveReleased);
  }
}
