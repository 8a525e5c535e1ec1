/** Connects to a server: by address and token, or by the data folder it serves, starting it when asked to. */
import { SojournError } from '../types/errors.js';
import { HttpCaller } from './http-caller.js';
import { Sojourn } from './sojourn.js';

export interface ConnectOptions {
  /** Default: SOJOURN_URL, else the server of `dataDir`. */
  url?: string;
  /** Default: SOJOURN_TOKEN, else what the server left in `dataDir`. */
  token?: string;
  /** Default: $XDG_DATA_HOME/sojourn or ~/.local/share/sojourn. */
  dataDir?: string;
  /** Starts a server in the background when none answers, now or at a later call. */
  autoStart?: boolean;
  /** A configuration file for a server that is started. */
  config?: string;
  /** How long a start may take; default 30 s. */
  startTimeoutMs?: number;
  retries?: number;
  retryDelayMs?: number;
  clientId?: string;
}

export class SojournClient extends Sojourn {
  /** @throws engine_unavailable when no server answers and none may be started · unauthorized */
  static async connect(options: ConnectOptions = {}): Promise<SojournClient> {
    const { retries, retryDelayMs, clientId } = options;
    const locate = () => locateServer(options);
    const found = await locate();
    const client = new SojournClient(
      new HttpCaller({
        url: found.url,
        ...(found.token === null || found.token === undefined ? {} : { token: found.token }),
        ...(retries === undefined ? {} : { retries }),
        ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
        ...(clientId === undefined ? {} : { clientId }),
        ...(options.url === undefined ? { reconnect: locate } : {}),
      }),
    );
    await client.init();
    return client;
  }
}

async function locateServer(options: ConnectOptions): Promise<{ url: string; token?: string | null }> {
  if (options.url !== undefined)
    return { url: options.url, ...(options.token === undefined ? {} : { token: options.token }) };
  if (typeof process === 'undefined') throw new SojournError('invalid_params', 'Give the url of the server.');
  const { findOrStart } = await import('./auto-start.js');
  return findOrStart(options);
}
