/**
 * The composition root: the only file that knows the container. It says which class serves which interface, starts
 * what has to be started and closes everything in reverse.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { localPrincipal } from './api/auth.js';
import { RestTransport } from './api/rest-transport.js';
import { createEngines, createStore } from './built-in.js';
import { InProcessCaller } from './client/in-process-caller.js';
import { AnswerKeeper } from './core/answer-keeper.js';
import { Catalogue } from './core/catalogue.js';
import { ServerActivity } from './core/idle-stop.js';
import { DisposableStack } from './core/lifecycle.js';
import { SessionPool } from './core/session-pool.js';
import { systemClock, systemFiles, systemIds, systemSpawner } from './core/system.js';
import { createDialects } from './dialects.js';
import { createExtensions } from './extensions.js';
import { codeOperations } from './managers/code-operations.js';
import { healthOperations } from './managers/health-operations.js';
import { MachineGauge } from './managers/machine-gauge.js';
import { PersistenceManager } from './managers/persistence-manager.js';
import { serverOperations } from './managers/server-operations.js';
import { SessionManager } from './managers/session-manager.js';
import { statelessOperations } from './managers/stateless-operations.js';
import { StatelessRuns } from './managers/stateless-runs.js';
import { sessionOperations } from './managers/session-operations.js';
import { versionOperations } from './managers/version-operations.js';
import { loadPlugins } from './plugins.js';
import type { Plugins } from './plugins.js';
import type { ICaller } from './types/client.js';
import { IConfig } from './types/config.js';
import { IEngines } from './types/engine.js';
import { SojournError } from './types/errors.js';
import { IPersistenceManager, ISessionManager, IStatelessRuns } from './types/managers.js';
import type { Extension } from './types/extension.js';
import { ICatalogue, ITransport } from './types/operation.js';
import type { Operation } from './types/operation.js';
import { IClock, IFiles, IIds, ILog, ISpawner } from './types/ports.js';
import { ISessionPool } from './types/session.js';
import { ISessionStore } from './types/store.js';
import type { OpenReport } from './types/store.js';
import { version } from './version.js';

export interface AppOptions {
  readonly config: IConfig;
  readonly log: ILog;
  /** The bearer token; null lets everybody in. */
  readonly token: string | null;
}

const tokens = {
  activity: Symbol('ServerActivity'),
  answers: Symbol('AnswerKeeper'),
  extensions: Symbol('extensions'),
  operations: Symbol('operations'),
  plugins: Symbol('Plugins'),
  token: Symbol('token'),
};

/** Wires everything; nothing is opened or started yet. */
export async function createApp(options: AppOptions): Promise<App> {
  const plugins = await loadPlugins(options.config.plugins);
  const container = new Container({ defaultScope: 'Singleton' });
  bindPorts(container, options, plugins);
  bindCore(container);
  bindManagers(container);
  bindStatelessRuns(container);
  bindExtensions(container);
  bindTransports(container);
  return new App(container);
}

function bindPorts(container: Container, options: AppOptions, plugins: Plugins): void {
  container.bind<IConfig>(IConfig).toConstantValue(options.config);
  container.bind<ILog>(ILog).toConstantValue(options.log);
  container.bind<Plugins>(tokens.plugins).toConstantValue(plugins);
  container.bind<string | null>(tokens.token).toConstantValue(options.token);
  container.bind<IClock>(IClock).toConstantValue(systemClock);
  container.bind<IIds>(IIds).toConstantValue(systemIds);
  container.bind<IFiles>(IFiles).toConstantValue(systemFiles);
  container.bind<ISpawner>(ISpawner).toConstantValue(systemSpawner);
}

function bindCore(container: Container): void {
  container.bind<ISessionPool>(ISessionPool).toResolvedValue(() => new SessionPool());
  container
    .bind<ISessionStore>(ISessionStore)
    .toResolvedValue(createStore, [IConfig, tokens.plugins, IClock, IFiles, ILog]);
  container
    .bind<IEngines>(IEngines)
    .toResolvedValue(createEngines, [IConfig, tokens.plugins, ISpawner, IClock, IIds, ILog]);
  container
    .bind<AnswerKeeper>(tokens.answers)
    .toResolvedValue(
      (store: ISessionStore, clock: IClock) => new AnswerKeeper(store, clock),
      [ISessionStore, IClock],
    );
  container.bind<readonly Operation[]>(tokens.operations).toDynamicValue((context) =>
    createOperations({
      sessions: context.get(ISessionManager),
      pool: context.get(ISessionPool),
      engines: context.get(IEngines),
      stateless: context.get(IStatelessRuns),
      config: context.get(IConfig),
      clock: context.get(IClock),
      files: context.get(IFiles),
    }),
  );
  container
    .bind<ICatalogue>(ICatalogue)
    .toResolvedValue(createCatalogue, [
      ISessionManager,
      tokens.answers,
      tokens.operations,
      tokens.extensions,
    ]);
}

function bindManagers(container: Container): void {
  container
    .bind<IPersistenceManager>(IPersistenceManager)
    .toResolvedValue(
      (pool: ISessionPool, store: ISessionStore, clock: IClock, log: ILog, config: IConfig) =>
        new PersistenceManager({ pool, store, clock, log, config }),
      [ISessionPool, ISessionStore, IClock, ILog, IConfig],
    );
  container.bind<ISessionManager>(ISessionManager).toDynamicValue(
    (context) =>
      new SessionManager({
        store: context.get(ISessionStore),
        pool: context.get(ISessionPool),
        persistence: context.get(IPersistenceManager),
        engines: context.get(IEngines),
        config: context.get(IConfig),
        clock: context.get(IClock),
        ids: context.get(IIds),
        files: context.get(IFiles),
        log: context.get(ILog),
      }),
  );
}

function bindExtensions(container: Container): void {
  container.bind<readonly Extension[]>(tokens.extensions).toDynamicValue((context) =>
    createExtensions({
      sessions: context.get(ISessionManager),
      pool: context.get(ISessionPool),
      store: context.get(ISessionStore),
      engines: context.get(IEngines),
      config: context.get(IConfig),
      clock: context.get(IClock),
      ids: context.get(IIds),
      files: context.get(IFiles),
      log: context.get(ILog),
    }),
  );
}

function bindStatelessRuns(container: Container): void {
  container
    .bind<IStatelessRuns>(IStatelessRuns)
    .toResolvedValue(
      (engines: IEngines, config: IConfig, clock: IClock, ids: IIds, files: IFiles, log: ILog) =>
        new StatelessRuns({ engines, config, clock, ids, files, log }),
      [IEngines, IConfig, IClock, IIds, IFiles, ILog],
    );
}

function bindTransports(container: Container): void {
  container
    .bind<ServerActivity>(tokens.activity)
    .toResolvedValue((clock: IClock) => new ServerActivity(clock), [IClock]);
  container
    .bind<ITransport>(ITransport)
    .toResolvedValue(
      (
        config: IConfig,
        clock: IClock,
        ids: IIds,
        token: string | null,
        activity: ServerActivity,
        extensions: readonly Extension[],
      ) => {
        const dialects = createDialects(config, clock, ids);
        const authenticators = extensions.flatMap(({ authenticator }) => authenticator ?? []);
        return new RestTransport({
          config,
          clock,
          ids,
          token,
          authenticators,
          dialects,
          activity,
          version,
          pid: process.pid,
        });
      },
      [IConfig, IClock, IIds, tokens.token, tokens.activity, tokens.extensions],
    )
    .whenNamed('rest');
}

interface OperationServices {
  readonly sessions: ISessionManager;
  readonly pool: ISessionPool;
  readonly engines: IEngines;
  readonly stateless: IStatelessRuns;
  readonly config: IConfig;
  readonly clock: IClock;
  readonly files: IFiles;
}

function createOperations(services: OperationServices): readonly Operation[] {
  const { sessions, pool, engines, stateless, config, clock, files } = services;
  const facts = {
    version,
    pid: process.pid,
    memoryBytes: () => process.memoryUsage.rss(),
    limits: { ...config.limits, max_live_sessions: config.pool.max_live_sessions },
  };
  return [
    ...serverOperations(sessions, engines, facts, clock),
    ...sessionOperations(sessions, clock),
    ...codeOperations(engines, sessions),
    ...versionOperations(engines),
    ...[...engines.values()].flatMap(({ serverOperations = [] }) => serverOperations),
    ...statelessOperations(engines, stateless),
    ...healthOperations(sessions, pool, new MachineGauge(files, clock, config.data_dir)),
  ];
}

function createCatalogue(
  sessions: ISessionManager,
  answers: AnswerKeeper,
  operations: readonly Operation[],
  extensions: readonly Extension[],
): ICatalogue {
  const catalogue = new Catalogue(sessions, answers);
  for (const operation of operations) catalogue.register(operation);
  for (const extension of extensions) {
    for (const operation of extension.operations) catalogue.register(operation);
    if (extension.around) catalogue.surround(extension.around);
  }
  return catalogue;
}

export class App {
  private readonly owned = new DisposableStack();
  private started = false;

  constructor(private readonly container: Container) {}

  get catalogue(): ICatalogue {
    return this.container.get<ICatalogue>(ICatalogue);
  }

  get engines(): IEngines {
    return this.container.get<IEngines>(IEngines);
  }

  /** When somebody asked something last, through any door that was opened. */
  get activity(): ServerActivity {
    return this.container.get<ServerActivity>(tokens.activity);
  }

  /** True while a session works. */
  get isBusy(): boolean {
    return this.container.get<ISessionManager>(ISessionManager).counts().busy > 0;
  }

  /** Opens the store and the managers; transports are opened apart. What was opened is closed again on failure. */
  async start(): Promise<OpenReport> {
    try {
      const store = this.container.get<ISessionStore>(ISessionStore);
      this.owned.use(store);
      const report = await store.open();
      this.owned.use({ dispose: () => this.disposeEngines() });
      const sessions = this.owned.use(this.container.get<ISessionManager>(ISessionManager));
      await sessions.start();
      const stateless = this.owned.use(this.container.get<IStatelessRuns>(IStatelessRuns));
      await stateless.start();
      for (const extension of this.extensions) {
        this.owned.use(extension);
        await extension.start?.();
      }
      this.started = true;
      return report;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Opens a door and closes it with the app. */
  async openTransport(name: string): Promise<ITransport> {
    if (!this.container.isBound(ITransport, { name })) {
      throw new SojournError('invalid_params', `transports: there is no '${name}'; there is: rest.`);
    }
    const transport = this.container.get<ITransport>(ITransport, { name });
    await transport.start({
      catalogue: this.catalogue,
      log: this.container.get<ILog>(ILog).child({ component: name }),
      clientGone: (client) => {
        for (const extension of this.extensions) extension.clientGone?.(client);
      },
    });
    return this.owned.use(transport);
  }

  /** Gets engines ready ahead of the first session. */
  async warmUp(): Promise<void> {
    for (const engine of this.engines.values()) await engine.warmUp?.();
  }

  /** Calls in the same process, as the holder of the server's own token. */
  caller(close: () => Promise<void>, clientId?: string): ICaller {
    const ids = this.container.get<IIds>(IIds);
    return new InProcessCaller(this.catalogue, localPrincipal, ids, close, clientId);
  }

  /** What runs may end, and is answered, while the doors close; then everything is saved. */
  async close(): Promise<void> {
    const draining = this.started
      ? this.container.get<ISessionManager>(ISessionManager).drain()
      : Promise.resolve();
    await this.owned.dispose();
    await draining;
  }

  private get extensions(): readonly Extension[] {
    return this.container.get<readonly Extension[]>(tokens.extensions);
  }

  private async disposeEngines(): Promise<void> {
    for (const engine of this.engines.values()) await engine.dispose?.();
  }
}
