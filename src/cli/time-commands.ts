/** `sojourn timeline`, `checkpoint`, `diff`, `undo`, `redo` and `goto`. */
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { VersionMove } from '../types/data-client.js';
import type { ISession } from '../types/client.js';
import { diffText } from './diff-text.js';
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
  addTreeCommands(program);
}

function addTreeCommands(program: Command): void {
  program
    .command('timeline')
    .description('Draw the tree of checkpoints.')
    .argument('<id>')
    .option('--svg', 'as an SVG picture')
    .action((id: string, { svg }: { svg?: boolean }, command: Command) =>
      tell(command, id, async ({ timeline }, json) =>
        json ? timeline.read() : timeline.draw(svg === true ? 'svg' : 'text'),
      ),
    );
  program
    .command('checkpoint')
    .description('Take a checkpoint of the present state.')
    .argument('<id>')
    .option('--label <text>', 'what it is; it is kept from then on')
    .action((id: string, { label }: { label?: string }, command: Command) =>
      tell(command, id, async ({ timeline }, json) => {
        const made = await timeline.checkpoint(label === undefined ? {} : { label });
        return json ? made : `Checkpoint at ${made.seq}.`;
      }),
    );
  program
    .command('diff')
    .description('What differs between two places of the journal.')
    .argument('<id>')
    .argument('<from>', 'the earlier place', wholeNumber)
    .argument('[to]', 'the later one; the present when left out', wholeNumber)
    .action((id: string, from: number, to: number | undefined, _own: unknown, command: Command) =>
      tell(command, id, async ({ timeline }, json) => {
        const found = await timeline.diff(from, to);
        return json ? found : diffText(found);
      }),
    );
}

async function tell(
  command: Command,
  id: string,
  ask: (session: ISession, json: boolean) => Promise<unknown>,
): Promise<void> {
  const options = globalOptions(command);
  const answer = await withClient(options, (client) => ask(client.session(id), options.json === true));
  if (typeof answer === 'string') printLine(answer);
  else printJson(answer);
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
