/**
 * The death of a session's kernel, from the outside: whatever the cause, the answer, the event and the metadata name
 * it and what was kept and lost, others go on, and so does the session.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import type { SessionEvent } from '../src/types/events.js';
import { memoryGroup } from './support/memory-group.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { failure } from './support/python-fates.js';
import { epochs, until } from './support/session-words.js';

type Epoch = Extract<SessionEvent, { type: 'epoch' }>;

/** The next rebuild of the live state, whenever it comes. */
async function nextEpoch(session: ISession): Promise<Epoch> {
  for await (const event of session.events()) if (event.type === 'epoch') return event;
  throw new Error('the events ended');
}

const print = async (session: ISession, code: string) => (await session.execute(code)).output.trim();

describe('the death of a kernel, over REST', function () {
  this.timeout(40_000);
  let server: RunningServer;
  let client: Sojourn;
  let other: ISession;
  let session: ISession;
  let pid: number;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    // What dies here comes back from what is stored; test/session-warm.test.ts is about what is kept in memory.
    server = await openServer({ execution: { interrupt_grace_ms: 200 }, checkpoint: { warm_count: 0 } });
    client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
    other = await client.createSession();
    await other.execute('untouched = "mine"');
  });
  after(async () => {
    await client?.close();
    await server?.dispose();
  });

  /** A session with something in a checkpoint, something that does not fit into one, and something after it. */
  beforeEach(async () => {
    session = await client.createSession();
    await session.execute('import os, signal\nsaved = 1\nlive = (i for i in range(3))');
    await session.save();
    pid = Number(await print(session, 'later = 2; os.getpid()'));
  });
  afterEach(async () => {
    expect(await print(other, 'untouched')).to.equal(`'mine'`);
    expect((await other.info()).epoch).to.equal(1);
    await session.delete();
  });

  /** Checks everything that is told of a death; `details` are facts of the event. */
  const expectTold = async (cause: Epoch['cause'], detail: string, details: object, lost: number) => {
    const epoch = await nextEpoch(session);
    expect(epoch).to.include({ epoch: 2, cause });
    expect(epoch.details).to.deep.include({ detail, ...details });
    expect(epoch.restored_seq).to.be.greaterThan(0);
    expect(epoch.replayed).to.have.length(1);
    expect(epoch.lost).to.have.length(lost);
    expect(epoch.not_kept.map(({ name }) => name)).to.deep.equal(['live']);
    expect(await print(session, 'saved, later')).to.equal('(1, 2)');
    const { lastRebuild } = await session.info();
    expect(lastRebuild).to.include({ cause, detail, seq: epoch.seq, at: epoch.at });
    expect(lastRebuild).to.include({ restored_seq: epoch.restored_seq, replayed_count: 1 });
    expect(lastRebuild).to.include({ lost_count: lost, not_kept_count: 1 });
    expect(await session.call('health')).to.include({ status: 'healthy', epoch: 2, restarts: 1 });
  };

  const died = async (code: string) => {
    const error = await failure(session.execute(code));
    expect(error.code).to.equal('kernel_died');
    return error;
  };

  it('is told when code ends the process', async () => {
    const error = await died(`print('last words')\nos._exit(7)`);
    expect(error.detail).to.equal('The kernel ended with exit code 7.');
    await expectTold('kernel_died', 'The kernel ended with exit code 7.', { exit_code: 7 }, 1);
    const [, , entry] = await session.history();
    expect(entry?.output).to.equal('last words\nkernel_died: The kernel ended with exit code 7.\n');
    expect(entry?.error).to.include({ code: 'kernel_died' });
  });

  it('is told when code crashes', async () => {
    const error = await died('import ctypes; ctypes.string_at(0)');
    expect(error.fields).to.include({ signal: 'SIGSEGV' });
    await expectTold('kernel_died', 'The kernel was killed by SIGSEGV.', { signal: 'SIGSEGV' }, 1);
  });

  it('is told when somebody kills it while nothing runs', async () => {
    process.kill(pid, 'SIGKILL');
    await expectTold('kernel_died', 'The kernel was killed by SIGKILL.', { signal: 'SIGKILL' }, 0);
  });

  it('is told when the machine is out of memory, and how much it had', async function () {
    const group = await memoryGroup(this, 64 * 2 ** 20);
    try {
      await group.add(pid);
      const error = await died(`big = bytearray(2 ** 30)`);
      expect(error.fields).to.include({ cause: 'out_of_memory', signal: 'SIGKILL' });
      const detail = 'The kernel was killed because the machine ran out of memory.';
      await expectTold('out_of_memory', detail, { signal: 'SIGKILL' }, 1);
    } finally {
      await group.remove();
    }
  });

  for (const [signal, detail] of [
    ['SIGTERM', 'The kernel ended with exit code 143.'],
    ['SIGABRT', 'The kernel was killed by SIGABRT.'],
    ['SIGKILL', 'The kernel was killed by SIGKILL.'],
  ] as const) {
    it(`is told when code sends ${signal} to itself`, async () => {
      await died(`os.kill(os.getpid(), signal.${signal})\nwhile True: pass`);
      await expectTold('kernel_died', detail, {}, 1);
    });
  }

  // A kernel made ahead was to take the place of a temporary folder that was still there, and the session stayed dead.
  it('is mended also while what the dead kernel has left is not gone yet', async () => {
    const { workspace } = await session.files.list();
    const family = dirname(workspace);
    const workspaces = dirname(family);
    const temporary = join(dirname(workspaces), 'run', 'tmp', basename(family));
    await mkdir(join(temporary, 'left'));
    await until(async () => (await readdir(workspaces)).some((name) => name.startsWith('.spare-')));
    await died('os._exit(1)');
    await expectTold('kernel_died', 'The kernel ended with exit code 1.', { exit_code: 1 }, 1);
  });

  it('is none when code sends SIGINT to itself, or leaves with exit()', async () => {
    const interrupted = await session.execute('os.kill(os.getpid(), signal.SIGINT)');
    expect(interrupted).to.deep.include({ status: 'error', shouldExit: false });
    expect(interrupted.error?.name).to.equal('KeyboardInterrupt');
    const left = await session.execute('exit(3)');
    expect(left).to.deep.include({ status: 'error', shouldExit: true });
    expect(left.error).to.include({ name: 'SystemExit', message: '3' });
    expect(await print(session, 'saved, later')).to.equal('(1, 2)');
    expect(await session.info()).to.include({ epoch: 1, lastRebuild: null });
  });

  it('is told as what it is when a run had to be ended, by its time or by an interrupt', async () => {
    const stubborn = `import time
while True:
    try:
        print('ready', flush=True)
        while True: time.sleep(0.01)
    except BaseException: pass`;
    expect((await session.execute(stubborn, { timeoutS: 0.1 })).status).to.equal('timeout');
    expect(await print(session, 'saved, later')).to.equal('(1, 2)');
    const running = session.execute(stubborn);
    for await (const event of session.events({ sinceSeq: (await session.info()).headSeq }))
      if (event.type === 'stdout') break;
    await session.interrupt();
    expect((await running).status).to.equal('interrupted');
    expect(await print(session, 'saved, later')).to.equal('(1, 2)');
    const told = (await epochs(session)).map(({ cause, details }) => ({ cause, rung: details?.rung }));
    expect(told).to.deep.equal([
      { cause: 'hard_timeout', rung: 'kill' },
      { cause: 'interrupt_escalated', rung: 'kill' },
    ]);
  });

  it('is mended by a restart, with or without the state', async () => {
    await died('os._exit(1)');
    await session.restart({ keepState: true });
    expect(await print(session, 'saved')).to.equal('1');
    await died('os._exit(1)');
    await session.restart();
    expect(await print(session, '"saved" in globals()')).to.equal('False');
    expect((await session.info()).lastRebuild).to.include({ cause: 'restarted' });
  });
});
