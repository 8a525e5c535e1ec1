/** The acceptance rows and C-21: several clients of one session, of every kind there is, over HTTP. */
import { expect } from 'chai';
import { z } from 'zod';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { createSojourn } from '../src/embedded.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import { isSojournError } from '../src/types/errors.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { codeOf, journal } from './support/session-words.js';

interface Kind {
  readonly kind: string;
  create(client: Sojourn): Promise<ISession>;
  /** A write that others see. */
  write(session: ISession, value: number): Promise<unknown>;
  read(session: ISession): Promise<unknown>;
}

const kinds: readonly Kind[] = [
  {
    kind: 'python',
    create: (client) => client.createSession({ kind: 'python', sessionId: 's' }),
    write: (session, value) => session.execute(`x = ${value}`),
    read: async (session) => Number((await session.variable('x'))['text/plain']),
  },
  {
    kind: 'data',
    create: (client) => client.createSession({ sessionId: 's', data: [{ x: 0 }] }),
    write: (session, value) => session.setValues([{ index: 0, column: 'x', value }]),
    read: (session) => session.getValue(0, 'x'),
  },
];

describe('a program with Sojourn inside', () => {
  it('is a client by the name that it was given', async () => {
    const sojourn = await createSojourn({ store: 'memory', clientId: 'me' });
    try {
      const session = await sojourn.createSession({ data: [{ x: 0 }] });
      expect(await session.attach({ mode: 'readwrite' })).to.include({ clientId: 'me', mode: 'readwrite' });
      expect((await session.clients()).map(({ principal }) => principal)).to.deep.equal(['local']);
      expect(await session.detach()).to.deep.equal([{ clientId: 'me', principal: 'local' }]);
    } finally {
      await sojourn.close();
    }
  });
});

describe('several clients of one session', () => {
  let server: RunningServer;
  let callers: HttpCaller[];

  before(function () {
    return needs.python(this);
  });
  beforeEach(async () => {
    callers = [];
    server = await openServer({ store: 'memory' });
  });
  afterEach(async () => {
    for (const caller of callers) caller.dispose();
    await server.dispose();
  });

  const clientOf = (clientId: string, token = server.token): Sojourn => {
    const caller = new HttpCaller({ url: server.url, token, clientId, retries: 0 });
    callers.push(caller);
    return new Sojourn(caller);
  };
  const open = async ({ create, write }: Kind) => {
    const a = await create(clientOf('A'));
    await write(a, 1);
    return { a, b: clientOf('B').session(a.id) };
  };

  for (const one of kinds) {
    const { kind, write, read } = one;

    it(`R-29: ${kind}: a write of B while A writes is refused with the holder, and granted once A has let go`, async () => {
      const { a, b } = await open(one);
      await a.attach({ mode: 'readwrite' });
      const error: unknown = await write(b, 2).catch((caught: unknown) => caught);
      expect(isSojournError(error, 'session_locked') && error.fields).to.include({ holder: 'A' });
      expect(isSojournError(error) && error.fields).to.have.property('expires_at');
      expect(await read(b)).to.equal(1);
      await write(a, 3);
      await a.detach();
      await write(b, 4);
      expect(await read(a)).to.equal(4);
    });

    it(`R-29: ${kind}: readers are let in beside a writer, go up when it goes down, and stay`, async () => {
      const { a, b } = await open(one);
      await a.attach({ mode: 'readwrite' });
      await b.attach({ mode: 'readonly' });
      expect(await codeOf(b.attach({ mode: 'readwrite' }))).to.equal('session_locked');
      await a.attach({ mode: 'readonly' });
      await b.attach({ mode: 'readwrite' });
      await write(b, 5);
      expect(await read(a)).to.equal(5);
      expect((await a.clients()).map(({ clientId, mode }) => [clientId, mode])).to.deep.equal([
        ['A', 'readonly'],
        ['B', 'readwrite'],
      ]);
    });

    it(`C-21: ${kind}: the holder of a readonly share reads the history, may not ask, and finds no other session`, async () => {
      const { a } = await open(one);
      await clientOf('A').createSession({ kind: 'python', sessionId: 'other' });
      const { token } = await a.share({ mode: 'readonly', ttlS: 60 });
      const guest = clientOf('guest', token);
      const seen = (await journal(guest.session('s'))).filter(({ type }) => type === 'input');
      expect(seen).to.have.length(1);
      expect(await read(guest.session('s'))).to.equal(1);
      expect(await codeOf(write(guest.session('s'), 2))).to.equal('forbidden');
      expect(await codeOf(guest.session('other').info())).to.equal('session_not_found');
      expect((await guest.listSessions()).sessions.map(({ sessionId }) => sessionId)).to.deep.equal(['s']);
      expect(await codeOf(guest.createSession({ kind: 'python' }))).to.equal('forbidden');
    });
  }

  it('C-21: data: the holder of a readwrite share joins with no other session of the owner', async () => {
    const own = clientOf('A');
    const a = await own.createSession({ sessionId: 's', data: [{ k: 1, x: 0 }] });
    await own.createSession({ sessionId: 'secret', data: [{ k: 1, y: 42 }] });
    const { token } = await a.share({ mode: 'readwrite' });
    const guest = clientOf('guest', token).session('s');
    expect(await codeOf(guest.join('secret', { on: 'k' }))).to.equal('session_not_found');
    expect(await codeOf(a.join('secret', { on: 'k' }))).to.equal('none');
  });

  it('R-36: python: two clients see what the other has defined, in the order of the journal', async () => {
    const a = await clientOf('A').createSession({ kind: 'python', sessionId: 's' });
    const b = clientOf('B').session('s');
    await a.execute('def double(n): return 2 * n');
    await b.execute('steps = [double(1)]');
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? a : b).execute(`steps.append(${index})`)),
    );
    const inputs = (await journal(b)).flatMap((event) => (event.type === 'input' ? [event] : []));
    const appended = inputs.flatMap(({ params }) => /append\((\d+)\)/.exec(String(params.code))?.[1] ?? []);
    expect((await a.execute('steps')).output.trim()).to.equal(`[${[2, ...appended.map(Number)].join(', ')}]`);
    expect(inputs.slice(0, 2).map(({ client_id }) => client_id)).to.deep.equal(['A', 'B']);
  });

  it('R-36: data: two clients see each version that the other has made, in the order of the journal', async () => {
    const a = await clientOf('A').createSession({ sessionId: 's', data: [{ x: 0 }] });
    const b = clientOf('B').session('s');
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? a : b).setValues([{ index: 0, column: 'x', value: index }]),
      ),
    );
    const inputs = (await journal(b)).flatMap((event) => (event.type === 'input' ? [event] : []));
    const written = inputs.map(
      ({ params }) => z.array(z.object({ value: z.number() })).parse(params.values)[0]?.value,
    );
    const last = written.at(-1);
    expect([await a.getValue(0, 'x'), await b.getValue(0, 'x')]).to.deep.equal([last, last]);
    await a.undo();
    expect(await b.getValue(0, 'x')).to.equal(written.at(-2));
  });
});
