/**
 * A hundred data sessions used by a hundred clients at once: each answer is compared with a plain table, and each
 * session's cells are its own, so that an answer of another session shows. TEST_RUNS asks for more, TEST_SEED for the
 * same again.
 */
import fc from 'fast-check';
import type { RunningServer } from '../src/server.js';
import { Dice } from './support/dice.js';
import { ModelledSession } from './support/modelled-session.js';
import { readSteps } from './support/modelled-reads.js';
import type { Step } from './support/modelled-reads.js';
import { writeSteps } from './support/modelled-writes.js';
import { openServer } from './support/open-server.js';
import { doors } from './support/server-doors.js';

const clients = 100;
const runs = Number(process.env.TEST_RUNS ?? 1000);
const stepsPerLife = 150;

const drawn = fc.array(fc.nat(1_000_000), { minLength: 7, maxLength: 31 });
const run = fc.record({
  session: fc.nat(clients - 1),
  steps: fc.array(fc.record({ write: fc.boolean(), which: fc.nat(1000), drawn }), {
    minLength: 3,
    maxLength: 8,
  }),
});

/** A session, one client at a time: what it answers depends on what was done before. */
class Place {
  private last: Promise<unknown> = Promise.resolve();
  private held: ModelledSession | null = null;
  private lives = 0;

  constructor(
    private readonly server: RunningServer,
    private readonly number: number,
  ) {}

  take(work: Step, dice: Dice, writes: boolean): Promise<void> {
    const taken = this.last.then(async () => {
      const session = await this.session(dice);
      try {
        await work(session, dice);
        if (writes) await session.verify();
      } catch (error) {
        const story = session.story.map((line) => line.slice(0, 2000)).join('\n');
        throw new Error(`session ${session.id} after\n${story}\n${String(error)}`, { cause: error });
      }
    });
    this.last = taken.catch(() => undefined);
    return taken;
  }

  private async session(dice: Dice): Promise<ModelledSession> {
    if (this.held && this.held.story.length < stepsPerLife) return this.held;
    if (this.held) await this.held.ask('delete_session');
    this.lives += 1;
    const caller = doors[0]!.open(this.server);
    this.held = await ModelledSession.create(caller, this.number, this.lives, dice);
    return this.held;
  }
}

describe('a hundred data sessions used by a hundred clients', () => {
  it('answer as a plain table does, each of its own table and of no other', async function () {
    this.timeout(Math.max(300_000, runs * 300));
    const server = await openServer({ data: { sessions: 2 * clients } });
    const places = Array.from({ length: clients }, (_, number) => new Place(server, number));
    // Of the whole run; each client has one of its own.
    const seed =
      process.env.TEST_SEED === undefined
        ? Math.floor(Math.random() * 2 ** 31)
        : Number(process.env.TEST_SEED);
    const client = (number: number) =>
      fc.assert(
        fc.asyncProperty(run, async ({ session, steps }) => {
          for (const { write, which, drawn: numbers } of steps) {
            const kinds = write ? writeSteps : readSteps;
            await places[session]!.take(kinds[which % kinds.length]!, new Dice(numbers), write);
          }
        }),
        // A session is as its runs have left it: a shorter run would begin elsewhere.
        { numRuns: Math.ceil(runs / clients), seed: seed + number, endOnFailure: true },
      );
    try {
      const ended = await Promise.allSettled(Array.from({ length: clients }, (_, number) => client(number)));
      const failed = ended.find((one) => one.status === 'rejected');
      if (failed) throw new Error(`TEST_SEED=${seed}`, { cause: failed.reason });
    } finally {
      await server.dispose();
    }
  });
});
