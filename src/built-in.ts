/** The engines and stores that come along, set up by the configuration, beside those of plugins. */
import { join } from 'node:path';
import { inheritedEnvironment } from './core/config.js';
import { systemFiles } from './core/system.js';
import { ColumnCache } from './engines/data/column-cache.js';
import { queryPool } from './engines/data/query-pool.js';
import { dataEngine } from './engines/data/definition.js';
import { pythonEngine } from './engines/python/definition.js';
import type { PackageOptions, SandboxOptions } from './engines/python/definition.js';
import type { Plugins } from './plugins.js';
import { memoryStore } from './storage/memory.js';
import { sqliteStore } from './storage/sqlite/definition.js';
import type { IConfig } from './types/config.js';
import type { EngineDefinition, IEngines } from './types/engine.js';
import { SojournError } from './types/errors.js';
import type { IClock, IFiles, IIds, ILog, ISpawner } from './types/ports.js';
import type { ISessionStore, StoreDefinition } from './types/store.js';

/** @throws invalid_params for a store that nobody knows */
export function createStore(
  config: IConfig,
  plugins: Plugins,
  clock: IClock,
  files: IFiles,
  log: ILog,
): ISessionStore {
  const known: StoreDefinition[] = [sqliteStore, memoryStore, ...plugins.stores];
  const definition = known.find((candidate) => candidate.name === config.store);
  if (definition) return definition.create({ dataDir: config.data_dir, clock, files, log });
  const names = known.map((candidate) => candidate.name).join(', ');
  throw new SojournError('invalid_params', `store: there is no '${config.store}'; there are: ${names}.`);
}

export function createEngines(
  config: IConfig,
  plugins: Plugins,
  spawner: ISpawner,
  clock: IClock,
  ids: IIds,
  log: ILog,
): IEngines {
  const python = pythonEngine({
    executable: config.python.executable,
    ...searchPath(),
    preload: config.python.preload,
    spareKernels: config.python.spare_kernel_count,
    policy: config.python.policy,
    startTimeoutMs: config.python.start_timeout_s * 1000,
    interruptGraceMs: config.execution.interrupt_grace_ms,
    variableBytes: config.limits.variable_bytes,
    sessionBytes: config.limits.session_bytes,
    runDir: join(config.data_dir, 'run'),
    sandbox: sandboxOptions(config),
    packages: packageOptions(config),
    spawner,
    clock,
    ids,
    files: systemFiles,
    log: log.child({ component: 'python' }),
  });
  const data = dataEngine({
    roots: config.data.roots ?? [],
    scratch: join(config.data_dir, 'run', 'data'),
    cache: new ColumnCache(config.data.cache_bytes),
    pool: queryPool(poolThreads()),
    memoryBytes: config.data.memory_bytes,
    totalMemoryBytes: config.data.total_memory_bytes,
    sessions: config.data.sessions,
    pageRows: config.data.page_rows,
    joinRows: config.data.join_rows,
    loadTimeoutMs: config.data.load_timeout_s * 1000,
    sqlTimeoutMs: config.data.sql_timeout_s * 1000,
    clock,
    ids,
    files: systemFiles,
    log: log.child({ component: 'data' }),
  });
  const definitions = [
    python as unknown as EngineDefinition,
    data as unknown as EngineDefinition,
    ...plugins.engines,
  ];
  return new Map(definitions.map((definition) => [definition.name, definition]));
}

function sandboxOptions({ python, packages, data_dir }: IConfig): SandboxOptions {
  const [first = 0, last = 0] = python.uid_range;
  return {
    mode: python.sandbox,
    allowed: python.allow_sandbox,
    uidRange: [first, last],
    readOnlyRoots: [...python.read_only_roots, ...(packages.enabled ? packages.find_links : [])],
    memoryBytes: python.memory_bytes,
    fileBytes: python.file_bytes,
    cpuS: python.cpu_s,
    processCount: python.process_count,
    workspaces: join(data_dir, 'workspaces'),
  };
}

function packageOptions({ packages }: IConfig): PackageOptions | undefined {
  if (!packages.enabled) return undefined;
  return {
    allow: packages.allow,
    deny: packages.deny,
    allowUrls: packages.allow_urls,
    indexUrl: packages.index_url,
    extraIndexUrls: packages.extra_index_urls,
    findLinks: packages.find_links,
    proxy: packages.proxy,
  };
}

/** Threads of Node's pool; as libuv has it, 4 where nothing is said. */
const poolThreads = (): number =>
  Number(inheritedEnvironment(['UV_THREADPOOL_SIZE']).UV_THREADPOOL_SIZE) || 4;

/** Where a bare name of Python is looked up, as the one who started the server would. */
function searchPath(): { searchPath?: string } {
  const { PATH } = inheritedEnvironment(['PATH']);
  return PATH === undefined ? {} : { searchPath: PATH };
}
