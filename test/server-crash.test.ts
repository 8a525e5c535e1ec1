import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { ISession } from '../src/types/client.js';
import type { SessionEvent } from '../src/types/events.js';
import { needs } from './support/needs.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** What a client was told of one session. */
interface Told {
  readonly id: string;
  readonly acknowledged: { seq: number; value: number }[];
}

const connect = ({ url, token }: ServerProcess) => new Sojourn(new HttpCaller({ url, token, retries: 0 }));

/** Executes until the server is gone. Every command adds one, so that the value counts how many have run. */
async function write(client: Sojourn, told: Told, acknowledged: () => void): Promise<void> {
  for (;;) {
    try {
      const { seq, output, status } = await client.session(told.id).execute('n += 1\nn');
      expect(status).to.equal('ok');
      told.acknowledged.push({ seq, value: Number(output) });
      acknowledged();
    } catch {
      // The connection went with the server: this command was not acknowledged.
      return;
    }
  }
}

async function journal(session: ISession): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of session.events({ follow: false })) events.push(event);
  return events;
}

async function verify(client: Sojourn, told: Told): Promise<void> {
  const session = client.session(told.id);
  const value = Number((await session.execute('n')).output);
  const events = await journal(session);
  expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_event, place) => place));
  const ended = new Map(
    events.flatMap((event) => (event.type === 'result' ? [[event.input_seq, event.status]] : [])),
  );
  for (const { seq } of told.acknowledged) expect(ended.get(seq), `seq ${seq} of ${told.id}`).to.equal('ok');
  // Every command that has a result has run exactly once; none without a result has.
  const added = events.filter((event) => event.type === 'input' && event.params.code === 'n += 1\nn');
  const effective = added.filter(({ seq }) => ended.get(seq) === 'ok');
  expect(value).to.equal(effective.length);
  expect(added.every(({ seq }) => ended.has(seq))).to.equal(true);
  const values = told.acknowledged.map((one) => one.value);
  expect(values).to.deep.equal([...new Set(values)].sort((a, b) => a - b));
}

describe('a server that is killed', () => {
  before(function () {
    return needs.python(this);
  });

  it('loses no acknowledged command and runs none twice, over 100 kills at random moments', async function () {
    this.timeout(900_000);
    const dataDir = join(await temporaryFolder(), 'data');
    const sessions: Told[] = ['a', 'b', 'c'].map((id) => ({ id, acknowledged: [] }));
    // Checkpoints are taken all the time, so that kills meet them too.
    const env = { SOJOURN_CHECKPOINT_INTERVAL_MS: '100' };
    let server = await startServerProcess(dataDir, env);
    const first = connect(server);
    for (const { id } of sessions) {
      await first.createSession({ sessionId: id });
      await first.session(id).execute('n = 0');
    }
    await first.close();
    for (let kill = 0; kill < 100; kill += 1) {
      const client = connect(server);
      let answers = 0;
      let note = (): void => undefined;
      const someAnswers = new Promise<void>((resolve) => {
        note = () => {
          answers += 1;
          if (answers === 3) resolve();
        };
      });
      const writing = Promise.all(sessions.map((told) => write(client, told, note)));
      // Every other life is cut short while sessions may still wake; the others have answered before.
      if (kill % 2 === 0) await Promise.race([someAnswers, writing]);
      await delay(Math.random() * 250);
      await server.kill();
      await writing;
      await client.close();
      server = await startServerProcess(dataDir, env);
    }
    const last = connect(server);
    for (const told of sessions) await verify(last, told);
    await last.close();
    expect(await server.stop()).to.equal(0);
    const count = sessions.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
    expect(count).to.be.greaterThan(100);
  });

  it('goes on where it was after the server and every kernel were killed', async function () {
    this.timeout(60_000);
    const dataDir = join(await temporaryFolder(), 'data');
    let server = await startServerProcess(dataDir);
    const before = connect(server);
    const session = await before.createSession({ sessionId: 'a' });
    const commands = [
      'x = [i*i for i in range(10)]',
      'import math as m',
      'def area(r): return m.pi * r * r',
      'class Point:\n    def __init__(self, x): self.x = x\n    def twice(self): return 2 * self.x',
      'p = Point(21)',
      'add = lambda a: a + len(x)',
    ];
    for (const code of commands) expect((await session.execute(code)).status).to.equal('ok');
    expect((await session.execute('sum(x)')).output).to.equal('285\n');
    await before.close();
    await server.kill();
    server = await startServerProcess(dataDir);
    const client = connect(server);
    const again = client.session('a');
    expect((await again.execute('sum(x)')).output).to.equal('285\n');
    const code = '(round(area(1), 2), p.twice(), isinstance(p, Point), add(1), m.floor(2.5))';
    expect((await again.execute(code)).output).to.equal('(3.14, 42, True, 11, 2)\n');
    expect((await again.history()).map((entry) => entry.code)).to.deep.equal([
      ...commands,
      'sum(x)',
      'sum(x)',
      code,
    ]);
    await client.close();
    await server.stop();
  });
});
