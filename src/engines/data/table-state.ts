/**
 * All versions of a session's table, which of them is the head, and the ways back and forward. Nothing is ever taken
 * away: moving the head costs nothing, whatever the size of the table.
 */
import { SojournError } from '../../types/errors.js';
import type { VersionReached } from '../../types/engine.js';
import type { Version } from './version.js';

/** From `seq` on, the head was this version. */
export interface HeadMove {
  readonly seq: number;
  readonly head: number;
}

export interface StateSnapshot {
  readonly versions: readonly Version[];
  readonly head: number;
  readonly undone: readonly number[];
  readonly moves: readonly HeadMove[];
}

export class TableState {
  private readonly versions: Map<number, Version>;
  private current: Version;
  /** Versions that `redo` goes to, the next one last. */
  private undone: number[];
  private moves: HeadMove[];

  constructor(from: StateSnapshot) {
    this.versions = new Map(from.versions.map((version) => [version.seq, version]));
    this.current = this.at(from.head);
    this.undone = [...from.undone];
    this.moves = [...from.moves];
  }

  static of(first: Version): TableState {
    const { seq } = first;
    return new TableState({ versions: [first], head: seq, undone: [], moves: [{ seq, head: seq }] });
  }

  get head(): Version {
    return this.current;
  }

  /** @throws checkpoint_not_found */
  at(seq: number): Version {
    const found = this.versions.get(seq);
    if (found) return found;
    const detail = `No version of the table was made by the write ${seq}.`;
    throw new SojournError('checkpoint_not_found', detail, { seq });
  }

  /** One more version, which is the head; what was undone is kept, and no longer the way of `redo`. */
  add(version: Version): void {
    this.versions.set(version.seq, version);
    this.undone = [];
    this.move(version, version.seq);
  }

  undo(steps: number, seq: number): VersionReached {
    let gone = 0;
    let version = this.current;
    while (gone < steps && version.parent !== null) {
      this.undone.push(version.seq);
      version = this.at(version.parent);
      gone += 1;
    }
    return this.reached(version, seq, gone);
  }

  redo(steps: number, seq: number): VersionReached {
    let gone = 0;
    let version = this.current;
    while (gone < steps) {
      const next = this.undone.pop();
      if (next === undefined) break;
      version = this.at(next);
      gone += 1;
    }
    return this.reached(version, seq, gone);
  }

  /** @param asked the place in the journal whose state is wanted */
  goto(asked: number, seq: number): VersionReached {
    if (asked >= seq) {
      const detail = `Nothing was written at ${asked}: the journal ends at ${seq - 1}.`;
      throw new SojournError('checkpoint_not_found', detail, { seq: asked, head_seq: seq - 1 });
    }
    const version = this.headAt(asked);
    this.undone = [];
    return this.reached(version, seq, 1);
  }

  /** The version that was the head when everything up to `seq` was written. */
  headAt(seq: number): Version {
    let head = this.moves[0]?.head ?? 0;
    for (const move of this.moves) if (move.seq <= seq) head = move.head;
    return this.at(head);
  }

  snapshot(): StateSnapshot {
    const { undone, moves } = this;
    const versions = [...this.versions.values()];
    return { versions, head: this.current.seq, undone: [...undone], moves: [...moves] };
  }

  private reached(version: Version, seq: number, steps: number): VersionReached {
    this.move(version, seq);
    return { reached_seq: version.seq, steps };
  }

  private move(version: Version, seq: number): void {
    this.current = version;
    this.moves.push({ seq, head: version.seq });
  }
}
