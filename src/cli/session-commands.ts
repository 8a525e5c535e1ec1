/** `sojourn ls`, `info`, `fork` and `rm`. */
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { SessionInfo } from '../types/client.js';
import { allSessions } from './all-sessions.js';
import { globalOptions, withClient } from './context.js';
import { printError, printJson, printLine, printTable } from './output.js';
import { wholeNumber } from './whole-number.js';

export function addSessionCommands(program: Command): void {
  program
    .command('ls')
    .description('List sessions, newest first.')
    .option('--kind <kind>', 'only this kind')
    .action(async (own: { kind?: string }, command: Command) => {
      const options = globalOptions(command);
      const sessions = await withClient(options, (client) => allSessions(client, own));
      if (options.json === true) printJson(sessions.map(snakeize));
      else printSessions(sessions);
    });
  addInfoAndRemove(program);
}

function addInfoAndRemove(program: Command): void {
  program
    .command('info')
    .description('Show the metadata of a session.')
    .argument('<id>')
    .action(async (id: string, _own: unknown, command: Command) => {
      const options = globalOptions(command);
      const info = snakeize(await withClient(options, (client) => client.session(id).info()));
      if (options.json === true) printJson(info);
      else for (const [key, value] of Object.entries(info)) printLine(`${key}: ${asText(value)}`);
    });
  program
    .command('fork')
    .description('Make a session from another one, with all it has.')
    .argument('<id>')
    .argument('[new]', 'the id of the new session')
    .option('--at <seq>', 'its history and state up to this place of the journal', wholeNumber)
    .action(async (id: string, newId: string | undefined, own: { at?: number }, command: Command) => {
      const options = globalOptions(command);
      const made = await withClient(options, (client) =>
        client.session(id).fork(newId, own.at === undefined ? {} : { atSeq: own.at }),
      );
      const { id: session_id, live, notKept: not_kept, reachedSeq: reached_seq, exact, reason } = made;
      if (options.json === true) printJson({ session_id, live, not_kept, reached_seq, exact, reason });
      else printLine(`${session_id}${live ? '' : ' (from a checkpoint)'}`);
      for (const { name, reason } of options.json === true ? [] : not_kept)
        printLine(`not kept: ${name} (${reason})`);
    });
  program
    .command('rm')
    .description('Delete sessions and all they stored.')
    .argument('<id...>')
    .action(async (ids: string[], _own: unknown, command: Command) => {
      const options = globalOptions(command);
      await withClient(options, async (client) => {
        // Each one is tried: what cannot be deleted is said, and sets the exit status.
        for (const id of ids) {
          await client.deleteSession(id).then(
            () => {
              if (options.json !== true) printLine(`Deleted ${id}.`);
            },
            (error: unknown) => printError(error, options.json === true),
          );
        }
      });
    });
}

function printSessions(sessions: readonly SessionInfo[]): void {
  if (sessions.length === 0) {
    printLine('No sessions.');
    return;
  }
  const rows = sessions.map((session) => [
    session.sessionId,
    session.kind,
    session.status,
    String(session.totalExecutions),
    `${session.memoryMb} MB`,
    session.lastActivity,
  ]);
  printTable(['ID', 'KIND', 'STATUS', 'RUNS', 'MEMORY', 'LAST ACTIVITY'], rows);
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
