/** Frozen copies of kernels: woken they are what the kernel was, and nobody notices them before. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../src/core/system.js';
import { needs } from './support/needs.js';
import { failure, gone, isAlive } from './support/python-fates.js';
import { MemorySink, PythonWorld, testSandbox } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

const pidOf = async (session: PythonSession) => Number(await session.value('__import__("os").getpid()'));

/** The only frozen copy of a world. */
async function frozenPid(session: PythonSession): Promise<number> {
  const [pid, ...others] = await frozenPids(session);
  if (pid === undefined || others.length > 0) throw new Error('there is not one frozen copy');
  return pid;
}

/** The frozen copies of a world with one session, whose kernels have the same parent. */
async function frozenPids(session: PythonSession): Promise<number[]> {
  const kernel = await pidOf(session);
  const zygote = await parentOf(kernel);
  const found = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)))
    if (Number(name) !== kernel && (await parentOf(Number(name))) === zygote) found.push(Number(name));
  return found.filter(isAlive);
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') ? 0');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

const rich = `import os, random, threading
def count():
    n = 0
    while True:
        n += 1
        yield n
numbers = count(); next(numbers)
lock = threading.Lock(); lock.acquire()
total = 0
def add(n):
    global total
    total += n
    return lambda: total
later = add(3)
random.seed(7)
os.makedirs('deep', exist_ok=True); os.chdir('deep')
notes = open('notes.txt', 'w+'); notes.write('abcdef'); notes.flush(); notes.seek(2)
half = open('half.txt', 'w'); half.write('not yet on the disk')
inside, outside = os.pipe()
class Odd:
    def __reduce__(self): raise TypeError('never')
odd = Odd()`;
const look = `next(numbers), notes.read(2), lock.locked(), add(1)(), random.random(), os.getcwd()[-5:], type(odd).__name__`;

for (const mode of ['off', 'workspace', 'strict'] as const) {
  describe(`a frozen copy of a Python kernel, sandbox ${mode}`, () => {
    let world: PythonWorld;

    before(async function () {
      await needs.python(this);
      needs.linux(this);
      if (mode !== 'off') await needs.sandbox(this);
      const folder = await temporaryFolder('python-warm');
      const sandbox = testSandbox(folder, { mode });
      world = await PythonWorld.open({ runDir: join(folder, 'run'), interruptGraceMs: 300, sandbox }, folder);
    });
    afterEach(() => world.endSessions());
    after(() => PythonWorld.closeAll());

    it('is woken as the kernel was, whatever the kernel did afterwards', async () => {
      const session = await world.session();
      await session.run(rich);
      const state = await session.freeze();
      const expected = await session.value(look);
      await session.run(
        `del numbers; notes.seek(0); notes.close(); lock.release(); total = 99; half.close()`,
      );
      const woken = await world.wake(state, session);
      expect(woken.notKept).to.deep.equal([]);
      expect(await woken.value(look)).to.equal(expected);
      expect(await woken.value('os.write(outside, b"own"), os.read(inside, 3)')).to.equal("(3, b'own')");
      await woken.run('half.write("!"); half.close()');
      expect(await woken.value('open("half.txt").read()')).to.equal(`'not yet on the disk!'`);
    });

    it('can be woken again and again, from former kernels and from woken ones', async () => {
      let session = await world.session();
      await session.run(
        'def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\nnumbers = count()',
      );
      const first = await session.freeze();
      for (let round = 1; round <= 3; round += 1) {
        expect(await session.value('next(numbers)')).to.equal(String(round));
        const state = await session.freeze();
        await session.run('next(numbers)');
        session = await world.wake(state, session);
      }
      expect(await session.value('next(numbers)')).to.equal('4');
      session = await world.wake(first, session);
      expect(await session.value('next(numbers)')).to.equal('1');
    });

    it('is interrupted, asked, printed from and forked like any kernel', async () => {
      const session = await world.session();
      await session.run(`import os, sys, threading\nasync def tick():\n    print('tick')\nawait tick()`);
      // What the former kernel was told to stop is nothing to the woken one, which counts its requests anew.
      const woken = await world.wake(await interruptedOnce(session), session);
      const shown = await woken.run(`os.write(1, b'low\\n'); print('high'); await tick()
t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()`);
      expect(shown.text('stdout')).to.equal('low\nhigh\ntick\nthread\n');
      const control = new AbortController();
      woken.onOutput = () => control.abort('interrupted');
      const stopped = await woken.run('print("on")\nwhile True: pass', { signal: control.signal });
      expect(stopped.outcome.interrupt?.rung).to.equal('signal');
      woken.onOutput = () => undefined;
      const asked: string[] = [];
      const outcome = await woken.engine.execute(
        { code: 'name = input("who? ")', silent: false },
        {
          signal: new AbortController().signal,
          inputSeq: 1,
          emit: () => undefined,
          requestInput: ({ prompt }) => {
            asked.push(prompt);
            return Promise.resolve('me');
          },
        },
      );
      expect([outcome.status, asked, await woken.value('name')]).to.deep.equal(['ok', ['who? '], `'me'`]);
      if (mode !== 'workspace') {
        const fork = await world.fork(woken);
        expect(await fork.value('name')).to.equal(`'me'`);
      }
      expect((await woken.save()).content.variable_count).to.be.greaterThan(0);
    });

    it('does not notice signals, and runs no handler or hook of the session', async () => {
      const session = await world.session();
      await session.run(`import os, signal, gc
def mark(*_): open('ran', 'a').write(str(os.getpid()))
for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD): signal.signal(number, mark)
kernel = os.getpid()
os.register_at_fork(before=lambda: os.getpid() == kernel or mark())
class Loop:
    def __del__(self): os.getpid() == kernel or mark()
loop = Loop(); loop.me = loop; del loop; gc.set_threshold(1)`);
      const state = await session.freeze();
      const frozen = await frozenPid(session);
      for (const signal of ['SIGUSR1', 'SIGINT', 'SIGTERM'] as const) process.kill(frozen, signal);
      await session.run('import os; os.path.exists("ran") and os.remove("ran"); gc.disable()');
      const woken = await world.wake(state, session);
      expect(await woken.value('os.getpid() == kernel, os.path.exists("ran")')).to.equal('(False, False)');
    });

    it('holds nothing back that the session lets go: locks of files, pipes', async () => {
      const session = await world.session();
      await session.run(`import fcntl, os
held = open('lock', 'w'); fcntl.flock(held, fcntl.LOCK_EX)
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    while os.read(reader, 10): pass
    os._exit(5)
os.close(reader)`);
      const state = await session.freeze();
      expect(
        await session.value('os.close(writer); os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])'),
      ).to.equal('5');
      await session.run('held.close()');
      expect(await session.value(`fcntl.flock(open('lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)`)).to.equal('');
      const woken = await world.wake(state, session);
      expect(woken.notKept.map(({ name, type }) => [name, type])).to.deep.equal([
        ['1 open', 'pipe or socket'],
      ]);
      expect((await woken.run('os.write(writer, b"x")')).outcome.error?.name).to.equal('BrokenPipeError');
    });

    it('names the threads that it does not have', async () => {
      const session = await world.session();
      await session.run(`import threading
stop = threading.Event()
threading.Thread(target=stop.wait, name='worker').start()`);
      const woken = await world.wake(await session.freeze(), session);
      expect(woken.notKept.map(({ name, type }) => [name, type])).to.deep.equal([['worker', 'Thread']]);
    });

    it('is not woken when it shares memory that others could change since', async () => {
      const session = await world.session();
      await session.run('import mmap\nshared = mmap.mmap(-1, 4096)');
      const state = await session.freeze();
      await session.run('shared[0] = 1');
      expect((await failure(world.wake(state, session))).code).to.equal('engine_unavailable');
      await state?.gone;
    });

    it('may be killed by the session, which loses nothing else', async () => {
      const session = await world.session();
      const state = await session.freeze();
      const frozen = await frozenPid(session);
      expect(await session.value(`__import__('os').kill(${frozen}, 9)`)).to.equal('');
      await state?.gone;
      expect((await session.save()).content.variable_count).to.equal(0);
      expect((await failure(world.wake(state, session))).code).to.equal('engine_unavailable');
    });

    it('ends with its state, and leaves nothing of the session', async () => {
      const session = await world.session();
      const states = [await session.freeze(), await session.freeze(), await session.freeze()];
      const pids = await frozenPids(session);
      expect(pids).to.have.length(3);
      await states[0]?.dispose();
      await Promise.all([session.engine.dispose(), states[1]?.dispose()]);
      await states[2]?.dispose();
      for (const pid of pids) await gone(pid);
      if (mode !== 'off') expect(await readdir(join(world.folder, 'run', 'tmp'))).to.deep.equal([]);
    });

    it('ends when its kernel is stopped while the checkpoint is written', async () => {
      const session = await world.session();
      await session.run('x = bytearray(5_000_000)');
      const capture = await session.engine.capture({ freezable: true });
      await session.engine.dispose();
      await capture.dispose();
      expect(await capture.freeze?.()).to.equal(null);
      await session.engine.dispose();
      if (mode !== 'off') expect(await readdir(join(world.folder, 'run', 'tmp'))).to.deep.equal([]);
    });
  });
}

describe('a Python kernel that has no frozen copy to give', () => {
  let world: PythonWorld;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    world = await PythonWorld.open({ startTimeoutMs: 2000 });
  });
  afterEach(() => world.endSessions());
  after(() => PythonWorld.closeAll());

  for (const [why, sabotage] of [
    ['because the machine refuses', 'frozen.bare_fork = lambda: -1'],
    ['because it ends at once', 'frozen.Frozen._wait = lambda *_: os._exit(9)'],
    ['because another process takes its place', 'frozen.Frozen._wait = lambda *_: time.sleep(60)'],
  ] as const) {
    it(`has its checkpoint all the same, ${why}`, async () => {
      const session = await world.session();
      await session.run(`import os, time\nfrom sojourn_kernel import frozen\n${sabotage}\nx = 5`);
      const capture = await session.engine.capture({ freezable: true });
      expect((await capture.write(new MemorySink())).variable_count).to.be.greaterThan(0);
      const frozen = capture.freeze?.();
      if (why.includes('another')) await capture.dispose();
      expect(await frozen).to.equal(null);
      await capture.dispose();
      expect(await session.value('x')).to.equal('5');
      // One that was told to end may not have ended yet.
      for (const pid of await frozenPids(session)) await gone(pid);
      expect(await frozenPids(session)).to.deep.equal([]);
    });
  }

  it('is not woken when its copy is stopped, which is then ended', async () => {
    const session = await world.session();
    const state = await session.freeze();
    const copy = await frozenPid(session);
    process.kill(copy, 'SIGSTOP');
    expect((await failure(world.wake(state, session))).code).to.equal('engine_unavailable');
    await gone(copy);
  });
});

/** A state from before a run that was interrupted. */
async function interruptedOnce(session: PythonSession) {
  const state = await session.freeze();
  const control = new AbortController();
  systemClock.setTimer(50, () => control.abort('interrupted'));
  await session.run('while True: pass', { signal: control.signal });
  return state;
}
