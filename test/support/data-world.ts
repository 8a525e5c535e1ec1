/** The data engine as the server has it, in a folder of a test's own. */
import { join } from 'node:path';
import { ColumnCache } from '../../src/engines/data/column-cache.js';
import { dataEngine } from '../../src/engines/data/definition.js';
import type { DataEngineOptions } from '../../src/engines/data/definition.js';
import { queryPool } from '../../src/engines/data/query-pool.js';
import { silentLog, systemClock, systemFiles, systemIds } from '../../src/core/system.js';

export function dataDefinition(folder: string, options: Partial<DataEngineOptions> = {}) {
  return Promise.resolve(
    dataEngine({
      roots: [folder],
      scratch: join(folder, 'scratch'),
      cache: new ColumnCache(64 * 1024 ** 2),
      pool: queryPool(4),
      memoryBytes: 1024 ** 3,
      totalMemoryBytes: 4 * 1024 ** 3,
      sessions: 100,
      pageRows: 10_000,
      joinRows: 1_000_000,
      loadTimeoutMs: 60_000,
      sqlTimeoutMs: 10_000,
      clock: systemClock,
      ids: systemIds,
      files: systemFiles,
      log: silentLog,
      ...options,
    }),
  );
}
