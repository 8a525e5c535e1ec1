/** `sojourn token create`, `ls` and `revoke`: who may use a session beside its owner. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { snakeize } from '../client/casing.js';
import type { SojournClient } from '../client/sojourn-client.js';
import type { MadeShare, Share } from '../types/client.js';
import type { AccessMode } from '../types/concurrency.js';
import { allSessions } from './all-sessions.js';
import { globalOptions, withClient } from './context.js';
import { printJson, printLine, printTable } from './output.js';

const units: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds, or with a unit: 90, 90s, 15m, 1h, 7d. */
export function durationS(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  if (count === '' || Number(count) === 0)
    throw new InvalidArgumentError('It must be a time such as 90s, 15m, 1h or 7d.');
  return Number(count) * (units[unit] ?? 1);
}

interface CreateOptions {
  session: string;
  mode: AccessMode;
  ttl?: number;
}

export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('Tokens that let others use one session.');
  const session = '--session <id>';
  token
    .command('create')
    .description('Make a token for a session; it is shown this once.')
    .requiredOption(session, 'the session')
    .addOption(
      new Option('--mode <mode>', 'what its holder may do')
        .choices(['readonly', 'readwrite'])
        .makeOptionMandatory(),
    )
    .option('--ttl <time>', 'until it expires, such as 90s, 15m, 1h or 7d; never when left out', durationS)
    .action(async ({ session: id, mode, ttl }: CreateOptions, command: Command) => {
      const options = globalOptions(command);
      const wanted = { mode, ...(ttl === undefined ? {} : { ttlS: ttl }) };
      const made = await withClient(options, (client) => client.session(id).share(wanted));
      if (options.json === true) printJson(snakeize(made));
      else tellMade(made);
    });
  token
    .command('ls')
    .description('List the tokens that hold, of one session or of all.')
    .option(session, 'only of this session')
    .action(async ({ session: id }: { session?: string }, command: Command) => {
      const options = globalOptions(command);
      const shares = await withClient(options, (client) => sharesOf(client, id));
      if (options.json === true) printJson(shares.map(snakeize));
      else printShares(shares);
    });
  token
    .command('revoke')
    .description('End a token.')
    .argument('<share>', 'its id, as ls shows it')
    .option(session, 'the session; it is looked for when left out')
    .action(async (share: string, { session: id }: { session?: string }, command: Command) => {
      const options = globalOptions(command);
      const revoked = await withClient(options, async (client) => {
        const found = (await sharesOf(client, id)).find(({ shareId }) => shareId === share);
        return found !== undefined && client.session(found.sessionId).revokeShare(share);
      });
      if (options.json === true) printJson({ share_id: share, revoked });
      else printLine(revoked ? `Revoked ${share}.` : `There is no share ${share}.`);
      if (!revoked) process.exitCode = 1;
    });
}

type ShareOfSession = Share & { sessionId: string };

async function sharesOf(client: SojournClient, id: string | undefined): Promise<ShareOfSession[]> {
  const ids =
    id === undefined
      ? (await allSessions(client, { includeInactive: true })).map(({ sessionId }) => sessionId)
      : [id];
  const found: ShareOfSession[] = [];
  for (const sessionId of ids)
    for (const share of await client.session(sessionId).shares()) found.push({ sessionId, ...share });
  return found;
}

/** The token alone on its line, so that it can be taken by a pipe. */
function tellMade({ token, shareId, expiresAt }: MadeShare): void {
  printLine(token);
  const until = expiresAt === null ? 'until it is revoked' : `until ${expiresAt}`;
  process.stderr.write(`share ${shareId}, ${until}; the token is not shown again\n`);
}

function printShares(shares: readonly ShareOfSession[]): void {
  if (shares.length === 0) {
    printLine('No shares.');
    return;
  }
  const rows = shares.map((share) => [
    share.shareId,
    share.sessionId,
    share.mode,
    share.createdAt,
    share.expiresAt ?? 'never',
    share.lastUsedAt ?? 'never',
  ]);
  printTable(['SHARE', 'SESSION', 'MODE', 'CREATED', 'EXPIRES', 'LAST USED'], rows);
}
