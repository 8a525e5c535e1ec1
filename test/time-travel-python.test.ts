/** Undo, redo and goto of Python sessions: variables and files as they were at a checkpoint. */
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { openPythonClient } from './support/python-client.js';

describe('going back and forward in a Python session', function () {
  this.timeout(60_000);
  before(async function () {
    await needs.python(this);
  });

  const shown = async (session: ISession, code: string) => {
    const { result } = await session.execute(code, { silent: false });
    return result?.['text/plain'];
  };

  it('brings back variables and files, and forward again what was left', async () => {
    const { client, close } = await openPythonClient();
    const session = await client.createSession({ kind: 'python' });
    await session.execute(`x = [1]\nopen('a.txt', 'w').write('first')`);
    await session.save();
    await session.execute(`x.append(2)\nopen('a.txt', 'w').write('second')`);
    expect(await session.call('undo', {})).to.include({ exact: true, steps: 1 });
    expect(await shown(session, `x, open('a.txt').read()`)).to.equal(`([1], 'first')`);
    expect(await session.call('undo', {})).to.include({ steps: 1 });
    expect(await session.call('redo', {})).to.include({ exact: true, steps: 1 });
    expect(await shown(session, 'x')).to.equal('[1]');
    await close();
  });

  it('keeps what was written on a branch that was left', async () => {
    const { client, close } = await openPythonClient();
    const session = await client.createSession({ kind: 'python' });
    await session.execute('x = 1');
    await session.save();
    const { durableSeq } = await session.execute('x = 2');
    await session.call('undo', {});
    await session.execute('x = 30');
    expect((await session.info()).branch).to.equal('branch-2');
    expect(await session.call('goto', { seq: durableSeq })).to.include({ exact: true });
    expect(await shown(session, 'x')).to.equal('2');
    await session.hibernate();
    expect(await shown(session, 'x')).to.equal('2');
    await close();
  });
});
