/**
 * Two clients that write to one session at the same time, over HTTP: the order in the journal is the order in which
 * they were answered, nothing is lost and nothing is there twice.
 */
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import type { RestTransport } from '../src/api/rest-transport.js';
import type { ISession } from '../src/types/client.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import type { SessionEvent } from '../src/types/events.js';
import { isSojournError } from '../src/types/errors.js';
import { restOf, token } from './support/rest-door.js';
import { codeOf, counter, total } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const writes = Number(process.env.TEST_WRITES ?? 250);
/** Of one client under way at a time. */
const atOnce = 8;

interface Answered {
  readonly seq: number;
  readonly client: string;
  readonly code: string;
  /** When it was asked and answered, on one count of all askings and answers. */
  readonly asked: number;
  readonly answered: number;
}

describe(`two clients that write ${writes} times each`, function () {
  this.timeout(120_000);
  let world: World;
  let transport: RestTransport;
  let callers: HttpCaller[];
  /** In the order of the answers. */
  let answered: Answered[];
  let moment = 0;

  beforeEach(async () => {
    const dataDir = await temporaryFolder();
    const store = sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
    await store.open();
    world = await openWorld({ store });
    transport = restOf(world);
    await transport.start({ catalogue: world.catalogue, log: silentLog });
    await world.client.createSession({ ...counter, sessionId: 'a' });
    callers = [];
    answered = [];
  });
  afterEach(async () => {
    for (const caller of callers) caller.dispose();
    await transport.dispose();
    await world.close();
  });

  const clientOf = (clientId: string): ISession => {
    const caller = new HttpCaller({ url: transport.url, token, clientId, retries: 0 });
    callers.push(caller);
    return new Sojourn(caller).session('a');
  };

  /** Notes when a write is asked and answered. */
  const noted = async (client: string, code: string, write: () => Promise<{ seq: number }>) => {
    const asked = moment++;
    const { seq } = await write();
    answered.push({ seq, client, code, asked, answered: moment++ });
  };

  /** `add FROM` to `add TO - 1`, one after the other in each of so many lanes. */
  const writeAll = async (client: string, session: ISession, to: number, from = 0) => {
    let next = from;
    const lane = async () => {
      for (let index = next++; index < to; index = next++)
        await noted(client, `add ${index}`, () => session.execute(`add ${index}`));
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
  };

  const journaled = async (): Promise<SessionEvent[]> => {
    const events: SessionEvent[] = [];
    for await (const event of world.client.session('a').events({ follow: false })) events.push(event);
    return events;
  };

  const check = async (expected: number) => {
    const events = await journaled();
    expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_, index) => index));
    const inputs = events.flatMap((event) => (event.type === 'input' ? [event] : []));
    const results = events.flatMap((event) => (event.type === 'result' ? [event.input_seq] : []));
    expect(inputs).to.have.length(expected);
    expect(results).to.deep.equal(inputs.map(({ seq }) => seq));
    // Each answer names its own write, and no two the same.
    const written = new Map(
      inputs.map(({ seq, client_id, params }) => [seq, `${client_id ?? ''} ${String(params.code)}`]),
    );
    expect(new Set(answered.map(({ seq }) => seq)).size).to.equal(expected);
    for (const { seq, client, code } of answered) expect(written.get(seq)).to.equal(`${client} ${code}`);
    // What was asked after another one was answered comes behind it.
    let earliest = Infinity;
    for (const one of [...answered].sort((a, b) => b.seq - a.seq)) {
      expect(one.asked).to.be.lessThan(earliest);
      earliest = Math.min(earliest, one.answered);
    }
  };

  it('are answered in the order of the journal, without leases', async () => {
    const ada = clientOf('ada');
    const bob = clientOf('bob');
    await Promise.all([writeAll('ada', ada, writes), writeAll('bob', bob, writes)]);
    await check(2 * writes);
    expect(await total(ada)).to.equal(writes * (writes - 1));
  });

  it('are answered in the very order of the journal, asked in the same process', async () => {
    const writer = (client: string) => writeAll(client, world.as('local', client).session('a'), writes);
    await Promise.all([writer('ada'), writer('bob')]);
    const seqs = answered.map(({ seq }) => seq);
    expect(seqs).to.deep.equal([...seqs].sort((a, b) => a - b));
    await check(2 * writes);
  });

  it('have the session alone in turn, with leases', async () => {
    const perTurn = Math.ceil(writes / 20);
    const turns = async (name: string) => {
      const session = clientOf(name);
      for (let index = 0; index < writes;) {
        const mine = await session.attach({ mode: 'readwrite' }).catch((error: unknown) => {
          if (isSojournError(error, 'session_locked')) return null;
          throw error;
        });
        if (!mine) continue;
        const before = answered.length;
        await writeAll(name, session, Math.min(index + perTurn, writes), index);
        // Nobody else was answered meanwhile.
        const heard = answered.slice(before).map(({ client }) => client);
        expect(new Set(heard)).to.deep.equal(new Set([name]));
        index += heard.length;
        await session.detach();
      }
    };
    await Promise.all([turns('ada'), turns('bob')]);
    await check(2 * writes);
    const clients = (await journaled()).flatMap((event) => (event.type === 'input' ? event.client_id : []));
    const changes = clients.filter((client, index) => client !== clients[index - 1]).length;
    expect(changes).to.be.at.most(2 * 20 + 1);
  });

  it('are refused all writes while the other has the lease, and none of them is journaled', async () => {
    const ada = clientOf('ada');
    const bob = clientOf('bob');
    await ada.attach({ mode: 'readwrite' });
    const count = Math.ceil(writes / 10);
    const refusals: string[] = [];
    await Promise.all([
      writeAll('ada', ada, count),
      ...Array.from({ length: count }, async (_, index) => {
        refusals.push(await codeOf(bob.execute(`add ${index}`)));
      }),
    ]);
    expect(new Set(refusals)).to.deep.equal(new Set(['session_locked']));
    await check(count);
  });

  it('never write over each other where each write is made for the head it has seen', async () => {
    const count = Math.ceil(writes / 20);
    let conflicts = 0;
    const append = async (client: string) => {
      const session = clientOf(client);
      let head = (await session.info()).headSeq;
      for (let index = 0; index < count;) {
        const seen = head;
        const write = noted(client, `add ${index}`, async () => {
          const done = await session.execute(`add ${index}`, { ifSeq: seen });
          head = done.durableSeq;
          // What it saw was what there was: nothing came between.
          expect(done.seq).to.equal(seen + 1);
          return done;
        });
        const isDone = await write.then(
          () => true,
          (error: unknown) => {
            if (!isSojournError(error, 'conflict')) throw error;
            conflicts += 1;
            head = Number(error.fields.head_seq);
            return false;
          },
        );
        if (isDone) index += 1;
      }
    };
    await Promise.all([append('ada'), append('bob')]);
    expect(conflicts).to.be.greaterThan(0);
    await check(2 * count);
  });

  it('are answered once where each repeats each of its writes', async () => {
    const count = Math.ceil(writes / 10);
    const session = clientOf('ada');
    const twice = async (index: number) => {
      const once = () => session.execute(`add ${index}`, { idempotencyKey: `${index}` });
      const [first, second] = await Promise.all([once(), once()]);
      const third = await once();
      expect([second.seq, third.seq]).to.deep.equal([first.seq, first.seq]);
      return first;
    };
    for (let index = 0; index < count; index += 1) await noted('ada', `add ${index}`, () => twice(index));
    await check(count);
  });
});
