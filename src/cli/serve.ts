/** `sojourn serve`: the server in the foreground, until a signal ends it. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { createLog } from '../core/system.js';
import type { RunningServer } from '../server.js';
import type { ConfigInput } from '../types/config.js';
import { explainBusyPort } from './busy-port.js';
import { configFor, globalOptions } from './context.js';
import { printLine } from './output.js';

interface ServeOptions {
  host?: string;
  port?: number;
  store?: string;
  auth?: string;
  compatAuth?: string;
  listen?: string[];
  idleTimeout?: number;
  logLevel?: string;
  quiet?: boolean;
}

const numeric = (text: string): number => {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('it must be a number.');
  return Number(text);
};

const listed = (text: string, before: string[] = []): string[] => [...before, text];

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('Run the server in the foreground.')
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 for any free one', numeric)
    .option('--store <name>', 'where sessions are kept: sqlite or memory')
    .option('--auth <kind>', 'token or none')
    .option('--compat-auth <kind>', 'token, or none: ask clients below /compat for no token')
    .option('--listen <port=mount>', 'a further port for one dialect: 8000=/compat/lynguine', listed)
    .option('--idle-timeout <seconds>', 'end after so many seconds without a request; 0 = never', numeric)
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent')
    .option('--quiet', 'print no welcome, and so no token')
    .action(async (options: ServeOptions, command: Command) => {
      await serve(options, command);
    });
}

async function serve(options: ServeOptions, command: Command): Promise<void> {
  const settings = {
    host: options.host,
    port: options.port,
    store: options.store,
    auth: options.auth,
    compat: options.compatAuth === undefined ? undefined : { auth: options.compatAuth },
    listen: options.listen,
    idle_timeout_s: options.idleTimeout,
    log: options.logLevel === undefined ? undefined : { level: options.logLevel },
  };
  // The schema checks what the flags hold.
  const globals = globalOptions(command);
  const config = configFor(globals, settings as ConfigInput);
  const log = createLog({ level: config.log.level, pretty: process.stderr.isTTY });
  // Only this command needs the whole server; the others start faster without.
  const { startServer } = await import('../server.js');
  const server = await startServer(config, log).catch(async (error: unknown) => {
    throw await explainBusyPort(error, config, globals);
  });
  if (options.quiet !== true) printWelcome(server, config.data_dir);
  const reason = await Promise.race([untilSignal(), server.idle.then(() => 'idle' as const)]);
  log.info({ reason }, 'stopping');
  // A second signal does not wait for anything.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1));
  await server.dispose();
  if (reason === 'idle' && options.quiet !== true) printLine('Server stopped.');
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve(name));
  });
}

function printWelcome(server: RunningServer, dataDir: string): void {
  const { url, token } = server;
  const auth = token === null ? '' : ` -H 'Authorization: Bearer ${token}'`;
  const json = ` -H 'Content-Type: application/json'`;
  const lines = [
    `Sojourn serves ${url}`,
    token === null ? 'No token is asked for.' : `Token: ${token}`,
    `Data:  ${dataDir}`,
    '',
    'Try:',
    `  curl -s${auth}${json} ${url}/api/sessions -d '{"session_id":"demo","if_exists":"return"}'`,
    `  curl -s${auth}${json} ${url}/api/sessions/demo/execute -d '{"code":"x = [i*i for i in range(10)]"}'`,
    `  curl -s${auth}${json} ${url}/api/sessions/demo/execute -d '{"code":"sum(x)"}'`,
    `  curl -s${auth} ${url}/api/sessions`,
    '',
    'Stop with Ctrl-C; sessions stay.',
  ];
  printLine(lines.join('\n'));
}
