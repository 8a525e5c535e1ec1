/** A server process: claims its data folder, opens the doors and leaves word of where it can be found. */
import { createApp } from './app.js';
import type { App } from './app.js';
import { IdleStop } from './core/idle-stop.js';
import { DisposableStack } from './core/lifecycle.js';
import { systemClock, systemFiles, systemIds } from './core/system.js';
import { claimDataDirectory } from './managers/data-directory.js';
import type { IConfig } from './types/config.js';
import { SojournError } from './types/errors.js';
import type { Disposable, ILog } from './types/ports.js';
import type { OpenReport } from './types/store.js';
import { version } from './version.js';

export interface RunningServer extends Disposable {
  readonly app: App;
  readonly url: string;
  /** The same, and behind it the ports that the setting `listen` adds. */
  readonly urls: readonly string[];
  readonly token: string | null;
  readonly report: OpenReport;
  /** Resolves when nobody has asked anything for `idle_timeout_s`; never when that is 0. */
  readonly idle: Promise<void>;
}

/** @throws SojournError with one sentence that says what is wrong and what to do */
export async function startServer(config: IConfig, log: ILog): Promise<RunningServer> {
  const owned = new DisposableStack();
  try {
    const claim = owned.use(
      await claimDataDirectory(config.data_dir, { files: systemFiles, ids: systemIds }),
    );
    const token = config.auth === 'none' ? null : (config.token ?? (await claim.token()));
    const app = await createApp({ config, log, token });
    owned.use({ dispose: () => app.close() });
    const report = await app.start();
    for (const { session_id, detail } of report.damaged)
      log.error({ session_id, detail }, 'a session is set aside');
    const urls: string[] = [];
    for (const name of config.transports) urls.push(...((await app.openTransport(name)).urls ?? []));
    const [url] = urls;
    if (url === undefined)
      throw new SojournError('invalid_params', 'transports: a server needs one; rest is the usual one.');
    const started_at = new Date(systemClock.now()).toISOString();
    await claim.announce({ pid: process.pid, url, token, version, started_at });
    log.info({ url, sessions: report.sessions, version }, 'ready');
    // The first session waits for this anyway; nobody else has to.
    app.warmUp().catch((error: unknown) => log.warn({ err: error }, 'an engine is not ready'));
    const idle = untilIdle(app, config.idle_timeout_s, owned);
    return { app, url, urls, token, report, idle, dispose: () => owned.dispose() };
  } catch (error) {
    await owned.dispose();
    throw error;
  }
}

function untilIdle(app: App, timeoutS: number, owned: DisposableStack): Promise<void> {
  return new Promise((resolve) => {
    if (timeoutS === 0) return;
    const stop = new IdleStop({
      timeoutMs: timeoutS * 1000,
      activity: app.activity,
      clock: systemClock,
      isBusy: () => app.isBusy,
      onIdle: resolve,
    });
    owned.use(stop).start();
  });
}
