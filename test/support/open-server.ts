/**
 * A server in this process, on any free port, with real Python and nothing preloaded: quick to start, real to use. It
 * takes no checkpoint that a test has not asked for, so that what recovery runs again does not hang on the machine's speed.
 */
import { join } from 'node:path';
import { loadConfig } from '../../src/core/config.js';
import { silentLog } from '../../src/core/system.js';
import { startServer } from '../../src/server.js';
import type { RunningServer } from '../../src/server.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { ILog } from '../../src/types/ports.js';
import { pythonExecutable } from './needs.js';
import { temporaryFolder } from './temporary-folder.js';

export async function openServer(given: ConfigInput = {}, log: ILog = silentLog): Promise<RunningServer> {
  const data_dir = given.data_dir ?? join(await temporaryFolder(), 'data');
  const config = loadConfig({
    given: {
      port: 0,
      shutdown_grace_s: 0.2,
      ...given,
      data_dir,
      checkpoint: { every_writes: 0, ...given.checkpoint },
      python: { executable: pythonExecutable, preload: [], ...given.python },
    },
    file: null,
    env: {},
  });
  return startServer(config, log);
}
