/** An open database with its tables, and the one way to change them: all or nothing. */
import { Answers } from './answers.js';
import { Catalogue } from './catalogue.js';
import { Checkpoints } from './checkpoints.js';
import { Journal } from './journal.js';
import type { Db } from './schema.js';

export interface Tables {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly journal: Journal;
  readonly checkpoints: Checkpoints;
  readonly answers: Answers;
  /** Runs `work` in one transaction; what it throws undoes everything and is thrown on. */
  readonly transact: <T>(work: () => T) => T;
}

export function prepareTables(db: Db): Tables {
  // Made once: wrapping each piece of work anew would cost more than a small append.
  const transaction = db.transaction((work: () => void) => work());
  return {
    db,
    catalogue: new Catalogue(db),
    journal: new Journal(db),
    checkpoints: new Checkpoints(db),
    answers: new Answers(db),
    transact: <T>(work: () => T): T => {
      const done: T[] = [];
      transaction.immediate(() => void done.push(work()));
      const [result] = done;
      return result as T;
    },
  };
}
