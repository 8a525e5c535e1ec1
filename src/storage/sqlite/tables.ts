/** An open database with its tables, and the one way to change them: all or nothing. */
import { Answers } from './answers.js';
import { Catalogue } from './catalogue.js';
import { Checkpoints } from './checkpoints.js';
import { HeldParts } from './held-parts.js';
import { Journal } from './journal.js';
import { Notes } from './notes.js';
import type { Db } from './schema.js';

export interface Tables {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly journal: Journal;
  readonly checkpoints: Checkpoints;
  readonly notes: Notes;
  readonly held: HeldParts;
  readonly answers: Answers;
  /** Runs `work` in one transaction; what it throws undoes everything and is thrown on. */
  readonly transact: <T>(work: () => T) => T;
}

type Run = <T>(work: (tables: Tables) => T) => Promise<T>;

/** How an open store lets its tables be worked with: told in its words, and closed when it is. */
export interface TableAccess {
  readonly read: Run;
  /** In one transaction. */
  readonly write: Run;
}

export function prepareTables(db: Db): Tables {
  // Made once: wrapping each piece of work anew would cost more than a small append.
  const transaction = db.transaction((work: () => void) => work());
  const held = new HeldParts(db);
  const notes = new Notes(db);
  return {
    db,
    catalogue: new Catalogue(db),
    journal: new Journal(db),
    checkpoints: new Checkpoints(db, held, notes),
    notes,
    held,
    answers: new Answers(db),
    transact: <T>(work: () => T): T => {
      const done: T[] = [];
      transaction.immediate(() => void done.push(work()));
      const [result] = done;
      return result as T;
    },
  };
}
