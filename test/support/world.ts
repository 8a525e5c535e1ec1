/** A whole Sojourn without doors, on any store and with the counting engine: what session tests start from. */
import { join } from 'node:path';
import { AnswerKeeper } from '../../src/core/answer-keeper.js';
import { Catalogue } from '../../src/core/catalogue.js';
import { InProcessCaller } from '../../src/client/in-process-caller.js';
import { Sojourn } from '../../src/client/sojourn.js';
import { loadConfig } from '../../src/core/config.js';
import { createExtensions } from '../../src/extensions.js';
import { SessionPool } from '../../src/core/session-pool.js';
import { silentLog, systemClock, systemFiles, systemIds } from '../../src/core/system.js';
import { codeOperations } from '../../src/managers/code-operations.js';
import { healthOperations } from '../../src/managers/health-operations.js';
import { MachineGauge } from '../../src/managers/machine-gauge.js';
import { PersistenceManager } from '../../src/managers/persistence-manager.js';
import { serverOperations } from '../../src/managers/server-operations.js';
import { SessionManager } from '../../src/managers/session-manager.js';
import { sessionOperations } from '../../src/managers/session-operations.js';
import { statelessOperations } from '../../src/managers/stateless-operations.js';
import { versionOperations } from '../../src/managers/version-operations.js';
import { StatelessRuns } from '../../src/managers/stateless-runs.js';
import { memoryStore } from '../../src/storage/memory.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { EngineDefinition } from '../../src/types/engine.js';
import type { Extension } from '../../src/types/extension.js';
import type { Principal } from '../../src/types/operation.js';
import type { IClock, IFiles, ILog } from '../../src/types/ports.js';
import type { ISessionStore } from '../../src/types/store.js';
import { counterEngine } from './counter-engine.js';
import type { CounterHooks } from './counter-engine.js';
import { temporaryFolder } from './temporary-folder.js';

export interface WorldOptions {
  readonly config?: ConfigInput;
  readonly hooks?: CounterHooks;
  readonly store?: ISessionStore;
  readonly clock?: IClock;
  readonly log?: ILog;
  readonly files?: IFiles;
  /** Beside the counting one. */
  readonly engines?: readonly EngineDefinition[];
  readonly dataDir?: string;
}

export interface World {
  readonly client: Sojourn;
  /** What the client calls with. */
  readonly caller: InProcessCaller;
  readonly sessions: SessionManager;
  readonly stateless: StatelessRuns;
  readonly store: ISessionStore;
  readonly catalogue: Catalogue;
  readonly dataDir: string;
  /** @param clientId its name where leases are held */
  as(principal: string, clientId?: string): Sojourn;
  /** Whoever it is, as somebody whom a door has let in. */
  asPrincipal(principal: Principal, clientId?: string): Sojourn;
  readonly extensions: readonly Extension[];
  /** Ends as a killed process would: nothing is saved, nobody is told. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const dataDir = options.dataDir ?? join(await temporaryFolder(), 'data');
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  const config = loadConfig({ given: settingsOf(options, dataDir), file: null, env: {} });
  const kept = options.store ?? memoryStore.create({ dataDir, clock, log, files: systemFiles });
  if (options.store === undefined) await kept.open();
  const { store, cut } = cuttable(kept);
  const definition = counterEngine(options.hooks) as unknown as EngineDefinition;
  const engines = new Map([definition, ...(options.engines ?? [])].map((one) => [one.name, one]));
  const pool = new SessionPool();
  const persistence = new PersistenceManager({ pool, store, clock, log, config });
  const services = {
    store,
    pool,
    persistence,
    engines,
    config,
    clock,
    ids: systemIds,
    files: options.files ?? systemFiles,
    log,
  };
  const sessions = new SessionManager(services);
  const stateless = new StatelessRuns(services);
  const catalogue = new Catalogue(sessions, new AnswerKeeper(store, clock));
  const facts = { version: '0', pid: 1, memoryBytes: () => 0, limits: {} };
  const operations = [
    ...serverOperations(sessions, engines, facts, clock),
    ...sessionOperations(sessions, clock),
    ...codeOperations(engines, sessions),
    ...versionOperations(engines),
    ...statelessOperations(engines, stateless),
    ...healthOperations(sessions, pool, new MachineGauge(systemFiles, clock, dataDir)),
  ];
  for (const operation of operations) catalogue.register(operation);
  const extensions = createExtensions({ ...services, sessions });
  for (const { operations: added, around } of extensions) {
    for (const operation of added) catalogue.register(operation);
    if (around) catalogue.surround(around);
  }
  await sessions.start();
  await stateless.start();
  for (const extension of extensions) await extension.start?.();
  const callerOf = (principal: Principal, clientId?: string) =>
    new InProcessCaller(catalogue, principal, systemIds, () => Promise.resolve(), clientId);
  const asPrincipal = (principal: Principal, clientId?: string) => new Sojourn(callerOf(principal, clientId));
  const as = (id: string, clientId?: string) => asPrincipal({ id, access: 'write' }, clientId);
  const caller = callerOf({ id: 'local', access: 'admin' });
  return {
    client: new Sojourn(caller),
    caller,
    sessions,
    stateless,
    store: kept,
    catalogue,
    dataDir,
    as,
    asPrincipal,
    extensions,
    crash: async () => {
      cut();
      for (const extension of extensions) await extension.dispose();
      await sessions.shutdown();
    },
    close: async () => {
      for (const extension of extensions) await extension.dispose();
      await stateless.dispose();
      await sessions.shutdown();
      await kept.dispose();
    },
  };
}

/** No checkpoint is taken that a test has not asked for. */
const settingsOf = ({ config }: WorldOptions, dataDir: string): ConfigInput => ({
  shutdown_grace_s: 0,
  ...config,
  checkpoint: { interval_ms: 1e9, every_writes: 0, ...config?.checkpoint },
  data_dir: dataDir,
});

/** A store that can be cut off, as by the death of the process that uses it: from then on nothing reaches it. */
function cuttable(kept: ISessionStore): { store: ISessionStore; cut: () => void } {
  let isCut = false;
  const store = new Proxy(kept, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if (isCut && name !== 'pinParts') return Promise.reject(new Error('the process is dead'));
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  return {
    store,
    cut: () => {
      isCut = true;
    },
  };
}
