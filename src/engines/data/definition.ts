/**
 * The session kind `data`: a table in a DuckDB of its own, below its memory limit. Nothing of a user's runs here but
 * SQL that was looked at; what isolates sessions is that each database reaches its own files and no others.
 */
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { defineEngine } from '../../types/engine.js';
import type { EngineContext, EngineDefinition } from '../../types/engine.js';
import type { IFiles } from '../../types/ports.js';
import { analysisOperations } from './analysis/operations.js';
import { DataEngine } from './data-engine.js';
import { Database } from './database.js';
import { takeIn } from './intake.js';
import { changeOperations } from './operations/change-operations.js';
import { diffOperations } from './operations/diff-operation.js';
import { exportOperations } from './operations/export-operations.js';
import { filterOperation } from './operations/filter-operation.js';
import { focusOperations } from './operations/focus-operations.js';
import { joinOperations } from './operations/join-operations.js';
import { readOperations } from './operations/read-operations.js';
import { dataServerOperations } from './operations/server-operations.js';
import type { AtPlace } from './operations/server-operations.js';
import { creationFields, dataOptionsSchema } from './options.js';
import type { DataOptions } from './options.js';
import type { DataServices } from './services.js';

export interface DataEngineOptions extends Omit<DataServices, 'threads'> {
  readonly sessions: number;
  readonly totalMemoryBytes: number;
}

/** Of one database: more would only take processors away from the others. */
const threadsMax = 4;

export function dataEngine(
  options: DataEngineOptions,
): EngineDefinition<DataEngine, typeof dataOptionsSchema> {
  const { files, scratch, sessions, totalMemoryBytes } = options;
  const host = new DataHost({ ...options, threads: Math.min(threadsMax, availableParallelism()) });
  return defineEngine<DataEngine, typeof dataOptionsSchema>({
    name: 'data',
    apiVersion: 1,
    capabilities: { replay: true, versions: true },
    isolation: 'process',
    options: dataOptionsSchema,
    creation: creationFields,
    operations: [
      ...readOperations,
      filterOperation,
      ...focusOperations,
      ...changeOperations,
      ...joinOperations,
      ...diffOperations,
      ...exportOperations,
      ...analysisOperations,
    ],
    serverOperations: dataServerOperations(host.atPlace),
    intake: (given, place) => takeIn(given, place, files),
    limits: {
      sessions: { max: sessions, setting: 'data.sessions' },
      memoryBytes: { max: totalMemoryBytes, setting: 'data.total_memory_bytes' },
    },
    create: (given, context) => host.open(given, context),
    caches: () => ({ columns: options.cache.counts }),
    dispose: () => files.remove(scratch),
  });
}

class DataHost {
  private ready: Promise<DataServices> | null = null;

  constructor(private readonly services: DataServices) {}

  async open(options: DataOptions, context: EngineContext): Promise<DataEngine> {
    const services = await this.prepared();
    // The workspaces of a session's forks lie beside its own.
    const family = await resolved(dirname(context.workspace), services.files);
    const database = await openDatabase(services, context.uid, [...services.roots, family]);
    return new DataEngine(database, services, context, options);
  }

  /** A database for one piece of work without a session. */
  readonly atPlace: AtPlace = async (signal, work) => {
    const services = await this.prepared();
    const database = await openDatabase(services, 'once', services.roots);
    const { roots, files, clock, log } = services;
    const stop = signal ?? new AbortController().signal;
    try {
      return await work({ database, roots, files, clock, log, signal: stop, progress: () => undefined });
    } finally {
      await database.dispose();
    }
  };

  private prepared(): Promise<DataServices> {
    this.ready ??= prepared(this.services);
    return this.ready;
  }
}

const openDatabase = (
  { scratch, ids, memoryBytes, threads, pool, cache, files }: DataServices,
  name: string,
  reachable: readonly string[],
): Promise<Database> => {
  const folder = join(scratch, `${name}-${ids.uid()}`);
  return Database.open({
    folder,
    onClose: () => cache.forget(`${folder}/`),
    reachable,
    memoryBytes,
    threads,
    pool,
    files,
  });
};

/** Roots without links in them, and a scratch folder without what a killed server left there. */
async function prepared(services: DataServices): Promise<DataServices> {
  const { files, scratch } = services;
  await files.remove(scratch);
  await files.makeDirectory(scratch, 0o700);
  const roots = await Promise.all(services.roots.map((root) => resolved(root, files)));
  return { ...services, roots, scratch: await files.realPath(scratch) };
}

const resolved = (path: string, files: IFiles): Promise<string> => files.realPath(path).catch(() => path);
