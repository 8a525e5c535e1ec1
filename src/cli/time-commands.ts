/** `sojourn undo`, `redo` and `goto`. */
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { VersionMove } from '../types/data-client.js';
import type { ISession } from '../types/client.js';
import { globalOptions, withClient } from './context.js';
import { printJson, printLine } from './output.js';
import { wholeNumber } from './whole-number.js';

export function addTimeCommands(program: Command): void {
  const steps = (name: 'undo' | 'redo', description: string) =>
    program
      .command(name)
      .description(description)
      .argument('<id>')
      .argument('[steps]', 'how many writes; 1 when left out', wholeNumber)
      .action((id: string, count: number | undefined, _own: unknown, command: Command) =>
        moveAndTell(command, id, (session) => session[name](count)),
      );
  steps('undo', 'Go back to the state before the last writes.');
  steps('redo', 'Go forward again over what was undone.');
  program
    .command('goto')
    .description('Go to the state at a place of the journal.')
    .argument('<id>')
    .argument('<seq>', 'the place', wholeNumber)
    .action((id: string, seq: number, _own: unknown, command: Command) =>
      moveAndTell(command, id, (session) => session.goto(seq)),
    );
}

async function moveAndTell(
  command: Command,
  id: string,
  move: (session: ISession) => Promise<VersionMove>,
): Promise<void> {
  const options = globalOptions(command);
  const moved = await withClient(options, (client) => move(client.session(id)));
  const why = moved.exact ? '' : ` ${moved.reason ?? ''}`;
  if (options.json === true) printJson(snakeize(moved));
  else printLine(`${id} is in the state of seq ${moved.reachedSeq}.${why}`);
}
