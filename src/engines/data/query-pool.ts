/**
 * How many queries run at a time. Each takes a thread of Node's pool, where files are read and names are looked up as
 * well: some threads are always left to these, and no session takes all that are left to queries.
 */
import { Lanes } from './lanes.js';

export interface QueryPool {
  /** Of all sessions together. */
  readonly lanes: Lanes;
  readonly perDatabase: number;
}

/** Threads that queries leave to everything else. */
const sparedThreads = 2;
/** More at a time would make none of them quicker. */
const perDatabaseMax = 4;

/** @param threads of Node's pool: UV_THREADPOOL_SIZE, which counts when the process starts */
export function queryPool(threads: number): QueryPool {
  const all = Math.max(2, threads - sparedThreads);
  return { lanes: new Lanes(all), perDatabase: Math.max(1, Math.min(perDatabaseMax, all - 1)) };
}
