/** Sojourn inside a program: the whole server without a door, held by the same handles as the network client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from './app.js';
import { snakeizeTree } from './client/casing.js';
import { Sojourn } from './client/sojourn.js';
import { homeEnvironment, loadConfig } from './core/config.js';
import { DisposableStack } from './core/lifecycle.js';
import { createLog, silentLog, systemFiles, systemIds } from './core/system.js';
import { claimDataDirectory } from './managers/data-directory.js';
import type { ConfigInput } from './types/config.js';
import type { ISojourn } from './types/client.js';

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;
type CamelTree<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T as K extends string ? Camel<K> : K]: CamelTree<T[K]> }
    : T;

/** The settings of sojourn.yaml in camelCase. Without `dataDir` and with `store: 'memory'` nothing is kept. */
export type SojournOptions = CamelTree<ConfigInput> & {
  /** Reads SOJOURN_* variables and sojourn.yaml too; off by default, so that a program decides alone. */
  readEnvironment?: boolean;
  /** Names this program where leases on sessions are held. */
  clientId?: string;
};

/**
 * Starts Sojourn in this process. Close it with `close()`: everything is saved and every kernel ended.
 * @throws invalid_params for a wrong setting · storage_error when the data folder is in use or cannot be used
 */
export async function createSojourn(options: SojournOptions = {}): Promise<ISojourn> {
  const { readEnvironment = false, clientId, ...settings } = options;
  const owned = new DisposableStack();
  try {
    const given = snakeizeTree(settings) as ConfigInput;
    if (given.store === 'memory' && given.data_dir === undefined) {
      const folder = await mkdtemp(join(tmpdir(), 'sojourn-'));
      owned.use({ dispose: () => rm(folder, { recursive: true, force: true }) });
      given.data_dir = folder;
    }
    const config = loadConfig(readEnvironment ? { given } : { given, file: null, env: homeEnvironment() });
    owned.use(await claimDataDirectory(config.data_dir, { files: systemFiles, ids: systemIds }));
    const log =
      settings.log?.level === undefined ? silentLog : createLog({ level: config.log.level, pretty: false });
    const app = await createApp({ config, log, token: null });
    owned.use({ dispose: () => app.close() });
    await app.start();
    return new Sojourn(app.caller(() => owned.dispose(), clientId));
  } catch (error) {
    await owned.dispose();
    throw error;
  }
}
