/**
 * Finds the server of a data folder through what it left there, and starts one when none answers. The only part of
 * the client that needs Node.
 */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { homeEnvironment, inheritedEnvironment, loadConfig, settingsEnvironment } from '../core/config.js';
import { systemClock, systemFiles, systemSpawner } from '../core/system.js';
import { ProcessManager } from '../managers/process-manager.js';
import { SojournError } from '../types/errors.js';

export interface LocateOptions {
  readonly dataDir?: string;
  readonly autoStart?: boolean;
  readonly startTimeoutMs?: number;
  readonly token?: string;
  /** A configuration file for a server that is started. */
  readonly config?: string;
}

/** What a server started in the background takes over from the program that starts it. */
const inherited = ['PATH', 'HOME', 'XDG_DATA_HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SystemRoot'];

/** The server of a data folder as a background process. @param config a configuration file for a new one */
export function backgroundServer(dataDir: string, config?: string): ProcessManager {
  const beside = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const program = existsSync(beside) ? beside : built;
  const options = ['--data-dir', dataDir, ...(config === undefined ? [] : ['--config', config])];
  return new ProcessManager({
    dataDir,
    command: [process.execPath, program, ...options, 'serve', '--quiet'],
    // Threads for the queries of data sessions, beside those for files.
    env: { UV_THREADPOOL_SIZE: '16', ...inheritedEnvironment(inherited), ...settingsEnvironment() },
    clock: systemClock,
    pause: (ms) => pause(ms),
    files: systemFiles,
    spawner: systemSpawner,
  });
}

/** @throws engine_unavailable when none answers and none may be started */
export async function findOrStart(options: LocateOptions): Promise<{ url: string; token: string | null }> {
  const given = options.dataDir === undefined ? {} : { data_dir: options.dataDir };
  const { data_dir: dataDir } = loadConfig({ given, file: null, env: homeEnvironment() });
  const server = backgroundServer(dataDir, options.config);
  const timeout = options.startTimeoutMs === undefined ? {} : { timeoutMs: options.startTimeoutMs };
  if (options.autoStart === true) await server.startServer(timeout);
  const found = await server.find();
  if (found) return { url: found.url, token: options.token ?? found.token };
  const detail = `No server runs for ${dataDir}; start one with \`sojourn start\`, or pass autoStart.`;
  throw new SojournError('engine_unavailable', detail, { data_dir: dataDir });
}
