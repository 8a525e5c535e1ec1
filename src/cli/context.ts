/** What every command shares: the global options, the configuration and the connection to a server. */
import type { Command } from 'commander';
import { SojournClient } from '../client/sojourn-client.js';
import { loadConfig } from '../core/config.js';
import type { ConfigInput, ResolvedConfig } from '../types/config.js';

export interface GlobalOptions {
  json?: boolean;
  url?: string;
  token?: string;
  dataDir?: string;
  config?: string;
}

export const globalOptions = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

export function configFor(options: GlobalOptions, given: ConfigInput = {}): Readonly<ResolvedConfig> {
  return loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    given: {
      ...given,
      ...(options.dataDir === undefined ? {} : { data_dir: options.dataDir }),
      ...(options.token === undefined ? {} : { token: options.token }),
    },
  });
}

/** Runs one piece of work with a client; a server is started when none runs. */
export async function withClient<T>(
  options: GlobalOptions,
  work: (client: SojournClient) => Promise<T>,
): Promise<T> {
  const url = options.url ?? process.env.SOJOURN_URL;
  const token = options.token ?? process.env.SOJOURN_TOKEN;
  const client = await SojournClient.connect({
    autoStart: true,
    ...(options.config === undefined ? {} : { config: options.config }),
    ...(url === undefined ? { dataDir: configFor(options).data_dir } : { url }),
    ...(token === undefined ? {} : { token }),
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
