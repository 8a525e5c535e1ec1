#!/usr/bin/env -S UV_THREADPOOL_SIZE=16 node
/** The command line: commands over the client. Exit status 0 is success, 1 a failed operation, 2 wrong usage. */
import { Command, CommanderError } from 'commander';
import { version } from '../version.js';
import { addDoctor } from './doctor.js';
import { addMetrics } from './metrics.js';
import { addNewSession } from './new-session.js';
import { printError } from './output.js';
import { addRunCommands } from './run-commands.js';
import { addServe } from './serve.js';
import { addServerCommands } from './server-commands.js';
import { addSessionCommands } from './session-commands.js';
import { addTimeCommands } from './time-commands.js';
import { addTokenCommands } from './token-commands.js';

const program = new Command('sojourn')
  .description('Durable sessions: Python kernels and other live state behind one API.')
  .version(version)
  .option('--json', 'answer in JSON')
  .option('--url <url>', 'a remote server (or SOJOURN_URL)')
  .option('--token <token>', 'its token (or SOJOURN_TOKEN)')
  .option('--data-dir <folder>', 'where sessions live')
  .option('--config <file>', 'a configuration file; default sojourn.yaml in this folder')
  .exitOverride();

addServe(program);
addServerCommands(program);
addNewSession(program);
addSessionCommands(program);
addRunCommands(program);
addTimeCommands(program);
addMetrics(program);
addTokenCommands(program);
addDoctor(program);
for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
  command.exitOverride();
  // Global options may stand behind the command too.
  command
    .option('--json', 'answer in JSON')
    .option('--url <url>')
    .option('--token <token>')
    .option('--data-dir <folder>')
    .option('--config <file>');
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else printError(error, process.argv.includes('--json'));
}
