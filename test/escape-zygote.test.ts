/** What code in a kernel does to the process that all kernels come from: it fails, and nobody else notices. */
import { join } from 'node:path';
import { expect } from 'chai';
import { needs } from './support/needs.js';
import { PythonWorld, testSandbox } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

const objectsNamed = (name: string) =>
  `[o for o in __import__('gc').get_objects() if type(o).__name__ == '${name}']`;
const liveFork = `import sys, os, threading, ctypes
live_fork = sys.modules['sojourn_kernel.live_fork']
`;

describe('escape: the zygote', () => {
  let world: PythonWorld;
  let victim: PythonSession;
  let attacker: PythonSession;

  before(async function () {
    await needs.sandbox(this);
    const folder = await temporaryFolder('zygote');
    const sandbox = testSandbox(folder);
    world = await PythonWorld.open({ runDir: join(folder, 'run'), sandbox, interruptGraceMs: 500 }, folder);
  });
  after(() => world?.close());

  beforeEach(async () => {
    victim = await world.session(undefined, { sandbox: 'strict' });
    attacker = await world.session(undefined, { sandbox: 'strict' });
    await victim.run('kept = (n for n in range(9)); next(kept)');
  });
  afterEach(async () => {
    const { outcome } = await victim.run('assert next(kept) == 1');
    expect(outcome.status, 'of the victim').to.equal('ok');
    expect(victim.deaths).to.deep.equal([]);
    await world.endSessions();
  });

  const failure = (work: Promise<unknown>) =>
    work.then(
      () => null,
      (reason: unknown) => reason,
    );

  /** A run that goes on until it is told to stop. */
  async function stopped(session: PythonSession): Promise<string> {
    const controller = new AbortController();
    session.onOutput = () => controller.abort('interrupted');
    const run = session.run(`print('begun', flush=True)\nwhile True: pass`, { signal: controller.signal });
    return (await run).outcome.status;
  }

  it('goes on when a kernel ends by a signal that has no name', async () => {
    expect(await failure(attacker.run('import os; os.kill(os.getpid(), 40)'))).to.include({
      code: 'kernel_died',
    });
    expect(attacker.deaths[0]?.fields).to.include({ signal: 'SIG40' });
  });

  it('goes on when the count of signals is as high as it can be', async () => {
    await attacker.run(`${objectsNamed('Kernel')}[0]._hold.mark[8:16] = b'\\xff' * 8`);
    expect(await stopped(attacker)).to.be.oneOf(['interrupted', 'error']);
  });

  it('hands out no page that could be cut off', async () => {
    await attacker.run(`${liveFork}
take = live_fork.take_descriptors
def cut(*given):
    found = take(*given)
    try: os.ftruncate(found[1], 0)
    except OSError as error: live_fork.refusal = repr(error)
    return found
live_fork.take_descriptors = cut`);
    const fork = await world.fork(attacker);
    expect(await fork.value(`__import__('sys').modules['sojourn_kernel.live_fork'].refusal`)).to.contain(
      'PermissionError',
    );
    expect(await stopped(fork)).to.equal('interrupted');
  });

  it('lets no fork keep a thread under the uid of its parent', async () => {
    await attacker.run(`${liveFork}
def take_uid(uid):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    call = ctypes.CDLL(None).syscall
    call(119, uid, uid, uid), call(117, uid, uid, uid) # of this thread alone
live_fork.take_uid = take_uid`);
    expect(await failure(world.fork(attacker)))
      .to.have.property('message')
      .that.contains('did not take its uid');
  });

  it('takes no process of another session for a fork, and that one is still missed when it ends', async () => {
    const pid = await victim.value('__import__("os").getpid()');
    await attacker.run(`${liveFork}\nlive_fork.fork_orphan = lambda: (${pid}, 0)`);
    expect(await failure(world.fork(attacker)))
      .to.have.property('message')
      .that.contains('is no fork');
    const third = await world.session(undefined, { sandbox: 'strict' });
    const other = await third.value('__import__("os").getpid()');
    await attacker.run(`live_fork.fork_orphan = lambda: (${other}, 0)`);
    expect(await failure(world.fork(attacker)))
      .to.have.property('message')
      .that.contains('is no fork');
    expect(await failure(third.run('import os; os._exit(3)'))).to.include({ code: 'kernel_died' });
  });

  it('waits for nobody who has ended and is not buried', async () => {
    await attacker.run(`${liveFork}
take = live_fork.take_uid
def leave_one(uid):
    if os.fork() == 0:
        threading.Event().wait()
        os._exit(0)
    take(uid)
live_fork.take_uid = leave_one`);
    const fork = await world.fork(attacker);
    await attacker.engine.dispose();
    expect(await fork.value('40 + 2')).to.equal('42');
  });
});
