/**
 * Sessions whose kernel dies and whose last checkpoint is kept warm: they come back with everything, and what is kept
 * never costs more than it may.
 */
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { systemFiles } from '../src/core/system.js';
import type { ISession } from '../src/types/client.js';
import type { ConfigInput } from '../src/types/config.js';
import type { SessionEvent } from '../src/types/events.js';
import { needs } from './support/needs.js';
import { noteFixture } from './support/note-engine.js';
import { nextEvent, openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { gone } from './support/python-fates.js';
import { epochs, until } from './support/session-words.js';
import { openWorld } from './support/world.js';

const healthSchema = z.object({
  warm_checkpoints: z.number(),
  status: z.string(),
  memory: z.object({ private_bytes: z.number().nullable(), pss_bytes: z.number().nullable() }),
});
const health = async (session: ISession) => healthSchema.parse(await session.call('health'));
const warmCount = async (session: ISession) => (await health(session)).warm_checkpoints;
const print = async (session: ISession, code: string) => (await session.execute(code)).output.trim();

/** What no checkpoint keeps, and files that it does. */
const begin = `import os, threading, time
numbers = (n for n in range(100)); next(numbers)
lock = threading.Lock(); lock.acquire()
def counter():
    n = 0
    def count():
        nonlocal n
        n += 1
        return n
    return count
count = counter(); count()
open('kept.txt', 'w').write('as it was')
log = open('log.txt', 'w+'); log.write('one\\ntwo\\n'); log.flush(); log.seek(4)`;
/** Runs and kills its kernel: nobody runs it again. */
const spoil = `numbers.close(); lock.release(); count(); open('kept.txt', 'w').write('lost')
log.seek(0); log.write('x' * 100); log.close(); open('new.txt', 'w').write('new')
print('ready', flush=True)\n`;
const stubborn = `while True:
    try: time.sleep(60)
    except BaseException: pass`;
const look = `next(numbers), lock.locked(), count(), open('kept.txt').read(), log.readline(), sorted(os.listdir()), later`;
const seen = String.raw`(2, True, 2, 'as it was', 'two\n', ['kept.txt', 'log.txt'], 1)`;

/** Processes whose parent this is. */
async function childrenOf(parent: number): Promise<number[]> {
  const found = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [state, above] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(above) === parent && state !== 'Z') found.push(Number(name));
  }
  return found;
}

const without = (pids: readonly number[], others: readonly number[]) =>
  pids.filter((pid) => !others.includes(pid));

describe('the warm recovery of a session', function () {
  this.timeout(40_000);
  let server: PythonClient;
  let session: ISession;
  let others: number[];

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    server = await openPythonClient({
      execution: { interrupt_grace_ms: 200 },
      python: { spare_kernel_count: 0 },
    });
  });
  after(() => server?.close());

  /** With a checkpoint, and an input after it that is run again. */
  beforeEach(async () => {
    session = await server.client.createSession();
    others = await childrenOf(Number(await print(session, '__import__("os").getppid()')));
    await session.execute(begin);
    await session.save();
    await session.execute(`later = next(numbers)`);
  });
  afterEach(() => session.delete());

  const frozen = async () => without(await childrenOf(Number(await print(session, 'os.getppid()'))), others);

  const recovered = async (): Promise<Extract<SessionEvent, { type: 'epoch' }>> => {
    const epoch = await nextEvent(session, 'epoch');
    expect(epoch.replayed).to.have.length(1);
    return epoch;
  };

  for (const [how, last, cause] of [
    ['ends itself', 'os._exit(3)', 'kernel_died'],
    ['crashes', 'import ctypes; ctypes.string_at(0)', 'kernel_died'],
    ['does not stop when its time is up', stubborn, 'hard_timeout'],
  ] as const) {
    it(`gives back everything when the kernel ${how}`, async () => {
      await session.execute(spoil + last, { timeoutS: 0.5 }).catch(() => undefined);
      const epoch = await recovered();
      expect(epoch).to.deep.include({ cause, not_kept: [] });
      expect(epoch.details).to.include({ warm: true });
      expect((await session.info()).lastRebuild).to.include({ warm: true, not_kept_count: 0 });
      expect(await print(session, look)).to.equal(seen);
    });
  }

  it('gives back everything when the kernel is killed from outside while it runs', async () => {
    const pid = Number(await print(session, 'os.getpid()'));
    const running = session.execute(spoil + stubborn).catch(() => undefined);
    for await (const event of session.events())
      if (event.type === 'stdout' && event.text.includes('ready')) break;
    process.kill(pid, 'SIGKILL');
    await running;
    const epoch = await nextEvent(session, 'epoch');
    expect(epoch.details).to.include({ warm: true });
    expect(await print(session, look)).to.equal(seen);
  });

  it('restores the checkpoint when the frozen copy was killed before', async () => {
    const copies = await frozen();
    expect(copies).to.have.length(1);
    copies.forEach((copy) => process.kill(copy, 'SIGKILL'));
    await until(async () => (await warmCount(session)) === 0);
    await session.execute('os._exit(3)').catch(() => undefined);
    const epoch = await nextEvent(session, 'epoch');
    expect(epoch.details).not.to.have.property('warm');
    expect(epoch.not_kept.map(({ name }) => name)).to.include.members(['numbers', 'lock', 'log']);
    expect(await print(session, `open('kept.txt').read()`)).to.equal(`'as it was'`);
  });

  it('begins with a fresh process after a restart, and keeps nothing of the time before clear', async () => {
    const pids = await frozen();
    await session.restart({ keepState: true });
    expect(await print(session, `'numbers' in globals(), open('kept.txt').read()`)).to.equal(
      `(False, 'as it was')`,
    );
    for (const pid of pids) await gone(pid);
    await session.save();
    expect(await warmCount(session)).to.equal(1);
    await session.clear();
    expect(await warmCount(session)).to.equal(0);
  });

  it('goes on in a fork, which has none of the frozen copies', async () => {
    const fork = await session.fork(undefined, { live: true });
    expect([await warmCount(session), await warmCount(fork)]).to.deep.equal([1, 0]);
    await session.execute(spoil + 'os._exit(3)').catch(() => undefined);
    expect(await print(session, look)).to.equal(seen);
    expect(await print(fork, 'next(numbers), lock.locked()')).to.equal('(2, True)');
    await fork.delete();
  });

  it('leaves a session in which everything works as before, and which can be recovered again', async () => {
    await session.execute('os._exit(3)').catch(() => undefined);
    await session.execute(`open('script.py', 'w').write('print(6 * 7)')`);
    expect(await session.call('run_script', { path: 'script.py' })).to.include({
      status: 'ok',
      stdout: '42\n',
    });
    expect(await session.call('list_variables')).to.have.property('variables');
    const running = session.execute('print("on", flush=True)\nwhile True: time.sleep(1)');
    for await (const event of session.events())
      if (event.type === 'stdout' && event.text.includes('on')) break;
    expect(await session.interrupt()).to.equal(true);
    expect((await running).status).to.equal('interrupted');
    await session.save();
    await session.execute('os._exit(4)').catch(() => undefined);
    expect(await print(session, look.replace('sorted(os.listdir())', '0'))).to.equal(
      seen.replace(/\[.*\]/, '0'),
    );
    const told = await epochs(session);
    expect(told.map(({ details }) => details?.warm)).to.deep.equal([true, true]);
  });

  it('leaves no process when the session sleeps or is deleted', async () => {
    const pids = await frozen();
    expect(pids).to.have.length(1);
    await session.hibernate();
    for (const pid of pids) await gone(pid);
    expect(await health(session)).to.include({ warm_checkpoints: 0, status: 'hibernated' });
  });
});

describe('what sessions keep warm', function () {
  this.timeout(40_000);
  const servers: PythonClient[] = [];
  const open = async (given: ConfigInput) => {
    const server = await openPythonClient(given);
    servers.push(server);
    return server.client;
  };
  const saved = async (session: ISession, code = 'x = 1') => {
    await session.execute(code);
    await session.save();
    return session;
  };

  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('is the last checkpoints of each session, as many as the configuration says', async () => {
    for (const [warm_count, kept] of [
      [0, 0],
      [1, 1],
      [3, 3],
    ] as const) {
      const client = await open({ checkpoint: { warm_count } });
      const session = await client.createSession();
      for (let round = 0; round < 4; round += 1) await saved(session, `x = ${round}`);
      expect(await warmCount(session)).to.equal(kept);
      await session.execute('import os; os._exit(1)').catch(() => undefined);
      expect(await print(session, 'x')).to.equal('3');
      const [epoch] = await epochs(session);
      expect(epoch?.details?.warm).to.equal(kept > 0 ? true : undefined);
      expect(await warmCount(session)).to.equal(Math.max(0, kept - 1));
    }
  });

  it('is so much of the whole server: what was made first goes first', async () => {
    const client = await open({ checkpoint: { warm_total_count: 3 } });
    const sessions = [await client.createSession(), await client.createSession()] as const;
    for (const session of [sessions[0], sessions[0], sessions[1]]) await saved(session, 'x = 1');
    expect(await Promise.all(sessions.map(warmCount))).to.deep.equal([2, 1]);
    await saved(sessions[1]);
    expect(await Promise.all(sessions.map(warmCount))).to.deep.equal([1, 2]);
  });

  it('counts as memory of its session, and is counted once', async () => {
    const client = await open({ checkpoint: { warm_count: 2 } });
    const session = await client.createSession();
    for (let round = 0; round < 3; round += 1)
      await saved(session, `x = bytearray(b'x') * 100_000_000 if ${round} == 0 else x`);
    const megabytes = async () => (await session.info()).memoryBytes / 1e6;
    await until(async () => (await megabytes()) >= 100);
    expect(await megabytes()).to.be.below(150);
    const { memory } = await health(session);
    expect((memory.private_bytes ?? 0) / 1e6).to.be.within(100, 150);
    // Changed by the kernel, it is there twice.
    await session.execute('for place in range(0, len(x), 4096): x[place] = 0');
    expect(((await health(session)).memory.private_bytes ?? 0) / 1e6).to.be.within(200, 260);
  });

  it('is given up for the memory of others, the least recently used session first, and nobody sleeps', async () => {
    const client = await open({ pool: { max_memory_bytes: 260e6 }, python: { spare_kernel_count: 0 } });
    const grow = (session: ISession) => session.execute(`x = bytearray(b'y') * 80_000_000`);
    const [first, second] = [await client.createSession(), await client.createSession()];
    for (const session of [first, second]) await saved(session, `x = bytearray(b'x') * 80_000_000`);
    await grow(first);
    expect(await Promise.all([first, second].map(warmCount))).to.deep.equal([1, 1]);
    await grow(second);
    await until(async () => (await warmCount(first)) === 0);
    expect(await warmCount(second)).to.equal(1);
    expect((await first.info()).status).to.equal('idle');
    expect((await second.info()).status).to.equal('idle');
  });

  it('is given up when the machine has little memory left', async () => {
    let available = 500;
    const read = (path: string) =>
      path === '/proc/meminfo'
        ? Promise.resolve(new TextEncoder().encode(`MemTotal: 1000 kB\nMemAvailable: ${available} kB\n`))
        : systemFiles.read(path);
    const { definition } = noteFixture();
    const world = await openWorld({ files: { ...systemFiles, read }, engines: [definition] });
    const session = await world.client.createSession({ kind: 'note' });
    await saved(session, 'add one');
    expect(await warmCount(session)).to.equal(1);
    available = 99;
    await until(async () => (await warmCount(session)) === 0);
    expect((await session.info()).status).to.equal('idle');
    await world.close();
  });
});
