/** What loading gives: one store, and what each of its fields is in the session. */
import type { IClock, IFiles, ILog } from '../../../types/ports.js';
import type { Cell } from '../cells.js';
import type { Database } from '../database.js';
import type { Store } from '../store.js';
import type { Section } from '../version.js';

export interface LoadedColumn {
  readonly name: string;
  readonly field: string;
  readonly section: Section;
}

export interface LoadedTable {
  /** The outer join of all sections, in the order of the session's rows. */
  readonly store: Store;
  /** In the order of the session, the index left out. */
  readonly columns: readonly LoadedColumn[];
  /** The labels; null: rows are counted from 0. */
  readonly index: { readonly name: string; readonly field: string } | null;
  /** A boolean field: rows whose label is one of the session's index; null: all are. */
  readonly inIndex: string | null;
  /** A boolean field: rows that are rows of a series; null: there is no series. */
  readonly inSeries: string | null;
  /** The selector column that the focus begins with. */
  readonly selector: string | null;
  /** Files that were read. */
  readonly sources: readonly SourceFile[];
  /** What did not stop it and should be known. */
  readonly warnings: readonly string[];
}

export interface SourceFile {
  readonly path: string;
  readonly size: number;
  readonly mtime_ms: number;
}

/** What is to be loaded: one of the two. */
export interface LoadRequest {
  readonly interface_file?: string;
  /** Where the interface file lies and its relative folders begin; relative to the first data root. Default `.`. */
  readonly directory?: string;
  /** A top-level key that holds the whole interface. */
  readonly interface_field?: string;
  /** One section, as it stands in an interface file: `{type: csv, filename: sales.csv}`; `index` may be missing. */
  readonly data_source?: Readonly<Record<string, Cell>>;
}

export interface LoadContext {
  readonly database: Database;
  /** Absolute and without links: what may be read lies below one of them. */
  readonly roots: readonly string[];
  readonly files: IFiles;
  readonly clock: IClock;
  readonly log: ILog;
  readonly signal: AbortSignal;
  /** What `$VAR` in a path or in a top-level text may be replaced by; nothing of the server's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Tells how far it is: a sentence, and a part of 1 where that is known. */
  progress(message: string, fraction?: number): void;
}
