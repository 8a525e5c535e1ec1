/** Forks of sessions: the same history and state, durable at once, and independent from then on. */
import { join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { startServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('the fork of a session', () => {
  before(function () {
    return needs.python(this);
  });

  const connect = ({ url, token }: { url: string; token: string | null }) =>
    new Sojourn(new HttpCaller({ url, token, retries: 0 }));

  it('has the history and the live state of the other, and a workspace of its own', async () => {
    const server = await openServer();
    try {
      const client = connect(server);
      const source = await client.createSession({ sessionId: 'analysis' });
      await source.execute(
        'def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\nc = count()',
      );
      await source.execute('next(c)');
      await source.execute(`open('a.txt', 'w').write('one')`);
      const seq = (await source.info()).headSeq;
      const fork = await source.fork('what-if', { description: 'a try' });
      expect(fork.live).to.equal(true);
      expect((await fork.execute('next(c)')).output.trim()).to.equal('2');
      expect((await source.execute('next(c)')).output.trim()).to.equal('2');
      await fork.execute(`open('a.txt', 'w').write('two')`);
      expect((await source.execute(`open('a.txt').read()`)).output.trim()).to.equal("'one'");
      const codes = (await fork.history()).map(({ code }) => code);
      expect(codes.slice(1)).to.deep.equal([
        'next(c)',
        `open('a.txt', 'w').write('one')`,
        'next(c)',
        `open('a.txt', 'w').write('two')`,
      ]);
      const info = await fork.info();
      expect(info).to.include({ sessionId: 'what-if', description: 'a try', kind: 'python' });
      expect(info.parent).to.deep.equal({ session_id: 'analysis', seq });
    } finally {
      await server.dispose();
    }
  });

  it('takes the new id in the body over REST, and refuses one that is taken', async () => {
    const server = await openServer();
    try {
      const client = connect(server);
      await client.createSession({ sessionId: 'a' });
      const post = (body: object) =>
        fetch(`${server.url}/api/sessions/a/fork`, {
          method: 'POST',
          headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const made = (await (await post({ session_id: 'b' })).json()) as { session_id: string; live: boolean };
      expect(made).to.include({ session_id: 'b', live: true });
      expect((await post({ session_id: 'b' })).status).to.equal(409);
      expect((await post({ session_id: '../b' })).status).to.equal(400);
    } finally {
      await server.dispose();
    }
  });

  it('is made from a checkpoint on demand, which names what it does not have', async () => {
    const server = await openServer();
    try {
      const source = await connect(server).createSession();
      await source.execute('x = [1]; y = x; g = (n for n in x)');
      const fork = await source.fork(undefined, { live: false });
      expect(fork.live).to.equal(false);
      expect(fork.notKept.map(({ name }) => name)).to.deep.equal(['g']);
      expect((await fork.execute('x.append(2); y')).output.trim()).to.equal('[1, 2]');
      expect((await source.execute('x')).output.trim()).to.equal('[1]');
    } finally {
      await server.dispose();
    }
  });

  it('is there after the server was killed, with what both did since', async () => {
    const dataDir = join(await temporaryFolder(), 'data');
    const first = await startServerProcess(dataDir);
    const source = await connect(first).createSession({ sessionId: 'a' });
    await source.execute('import random; x = [random.random()]');
    const before = (await source.execute('x')).output;
    const fork = await source.fork('b');
    await fork.execute('x.append("fork")');
    await source.execute('x.append("source")');
    await source.delete();
    await first.kill();
    const second = await startServerProcess(dataDir);
    try {
      const again = connect(second).session('b');
      expect((await again.execute('x')).output).to.equal(before.replace(']', ", 'fork']"));
    } finally {
      await second.kill();
    }
  });
});
