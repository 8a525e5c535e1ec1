/** What all data sessions of a server have in common. */
import type { IClock, IFiles, IIds, ILog } from '../../types/ports.js';
import type { QueryPool } from './query-pool.js';
import type { ColumnCache } from './column-cache.js';

export interface DataServices {
  readonly files: IFiles;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly log: ILog;
  /** Absolute: folders whose files may be loaded. */
  readonly roots: readonly string[];
  /** Where each session has the folder of its database; emptied when the server starts. */
  readonly scratch: string;
  readonly cache: ColumnCache;
  readonly memoryBytes: number;
  readonly threads: number;
  readonly pool: QueryPool;
  readonly pageRows: number;
  readonly joinRows: number;
  /** 0 = no limit. */
  readonly loadTimeoutMs: number;
  readonly sqlTimeoutMs: number;
}
