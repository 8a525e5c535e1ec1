/** `sojourn start`, `stop` and `status`: the same server in the background. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { backgroundServer } from '../client/auto-start.js';
import { configFor, globalOptions, withClient } from './context.js';
import { printJson, printLine } from './output.js';

export function addServerCommands(program: Command): void {
  program
    .command('start')
    .description('Start the server in the background, unless it runs.')
    .action(async (_options: unknown, command: Command) => {
      const options = globalOptions(command);
      const server = backgroundServer(configFor(options).data_dir, options.config);
      const running = await server.isServerRunning();
      const pid = await server.startServer();
      if (options.json === true) printJson({ pid: pid ?? null, started: !running });
      else printLine(running ? `Already running, pid ${pid ?? '?'}.` : `Started, pid ${pid ?? '?'}.`);
    });
  program
    .command('stop')
    .description('Stop the server in the background; sessions stay.')
    .action(async (_options: unknown, command: Command) => {
      const options = globalOptions(command);
      const stopped = await backgroundServer(configFor(options).data_dir, options.config).stopServer();
      if (options.json === true) printJson({ stopped });
      else printLine(stopped ? 'Stopped.' : 'No server runs.');
    });
  program
    .command('status')
    .description('Tell whether a server runs, and how it is.')
    .action(async (_options: unknown, command: Command) => {
      const options = globalOptions(command);
      const remote = options.url ?? process.env.SOJOURN_URL;
      const running =
        remote !== undefined ||
        (await backgroundServer(configFor(options).data_dir, options.config).isServerRunning());
      if (!running) {
        process.exitCode = 1;
        if (options.json === true) printJson({ running: false });
        else printLine(`No server runs for ${configFor(options).data_dir}; \`sojourn start\` starts one.`);
        return;
      }
      const status = (await withClient(options, (client) => client.call('status'))) as ServerStatus;
      if (options.json === true) printJson({ running: true, ...status });
      else {
        printStatus(status);
        const found =
          remote === undefined ? await backgroundServer(configFor(options).data_dir).find() : null;
        if (found)
          printLine(`It serves ${found.url}; the token is in ${join(configFor(options).data_dir, 'token')}.`);
      }
    });
}

interface ServerStatus {
  version: string;
  pid: number;
  uptime_s: number;
  memory_bytes: number;
  sessions: { total: number; live: number; busy: number };
}

function printStatus(status: ServerStatus): void {
  const { total, live, busy } = status.sessions;
  printLine(`Sojourn ${status.version} runs, pid ${status.pid}, for ${status.uptime_s} s.`);
  printLine(`Sessions: ${total} stored, ${live} live, ${busy} busy.`);
  printLine(`Memory of the server: ${Math.round(status.memory_bytes / 1024 ** 2)} MB.`);
}
