/** Why a server cannot start where something runs already: what it is, and how to go on with it or without it. */
import { z } from 'zod';
import type { ResolvedConfig } from '../types/config.js';
import { isSojournError, SojournError } from '../types/errors.js';
import type { GlobalOptions } from './context.js';

const healthSchema = z.object({ server: z.literal('sojourn') });
const answerMs = 1000;

/**
 * The error that a start ended with; another one where another program has the port. Where a Sojourn has it, that is
 * said first, in several lines for people.
 */
export async function explainBusyPort(
  error: unknown,
  config: Readonly<ResolvedConfig>,
  { json = false }: Pick<GlobalOptions, 'json'>,
): Promise<unknown> {
  const { host, port } = config;
  const isTaken = isSojournError(error, 'conflict') && error.fields.port === port;
  if (port === 0 || (!isTaken && !isSojournError(error, 'storage_error'))) return error;
  const url = `http://${reachable(host)}:${port}`;
  if (await isSojourn(url)) {
    if (!json) process.stderr.write(`${runningAlready(url, port)}\n`);
    return error;
  }
  if (!isTaken) return error;
  const detail = `Port ${port} is already in use by another application on ${host}; choose another with --port ${port + 1}, or --port 0 for any free one.`;
  return new SojournError('conflict', detail, { port }, { cause: error });
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function isSojourn(url: string): Promise<boolean> {
  const waited = new AbortController();
  // Unlike that of AbortSignal.timeout, this timer keeps the process alive: a closed connection alone does not.
  const timer = setTimeout(() => waited.abort(), answerMs);
  try {
    const response = await fetch(`${url}/api/health`, { signal: waited.signal });
    return healthSchema.safeParse(await response.json()).success;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

const runningAlready = (url: string, port: number) =>
  [
    `ERROR: A Sojourn server is already running on ${url}`,
    '',
    'To connect to it:',
    `  sojourn --url ${url} ls`,
    `  lynguine: ServerClient('${url.replace('//', '//TOKEN:@')}/compat/lynguine')`,
    'To start another one on another port:',
    `  sojourn serve --port ${port + 1} --data-dir ANOTHER_FOLDER`,
    '',
  ].join('\n');
