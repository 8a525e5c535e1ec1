/** All versions of a session's table, which of them is the head, and the way forward again. */
import type { Version } from './version.js';

export class TableState {
  private constructor(
    readonly versions: ReadonlyMap<number, Version>,
    readonly head: Version,
    /** Versions that `redo` goes to, the next one last. */
    readonly undone: readonly number[],
  ) {}

  static of(first: Version): TableState {
    return new TableState(new Map([[first.seq, first]]), first, []);
  }

  /** With one more version, which is the head. */
  with(version: Version): TableState {
    return new TableState(new Map([...this.versions, [version.seq, version]]), version, []);
  }
}
