/** Requests that are no runs, and a zygote that does not answer: nothing waits for ever. */
import { expect } from 'chai';
import { getVariable, setVariable } from '../src/engines/python/operations.js';
import type { RunContext } from '../src/types/engine.js';
import { failure, gone, isAlive } from './support/python-fates.js';
import { needs } from './support/needs.js';
import { PythonWorld } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

const inRun = (signal = new AbortController().signal): RunContext => ({
  signal,
  inputSeq: 1,
  emit: () => undefined,
});

const endless = `import time
class Endless:
    def __repr__(self):
        while True: pass
    def __del__(self):
        while True: pass
class Stubborn:
    def __repr__(self):
        while True:
            try: time.sleep(60)
            except BaseException: pass
`;

describe('the limits of a Python kernel', () => {
  let world: PythonWorld;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    world = await PythonWorld.open({ readLimitMs: 200, captureLimitMs: 200, interruptGraceMs: 200 });
  });
  afterEach(() => world.endSessions());
  after(() => PythonWorld.closeAll());

  it('stop reading a variable whose repr does not end, and keep the session', async () => {
    const session = await world.session();
    await session.run(`${endless}kept = 1; e = Endless()`);
    const error = await failure(getVariable.run(session.engine, { name: 'e' }, inRun()));
    expect(error).to.deep.include({ code: 'timeout', fields: { reason: 'timeout' } });
    expect(await session.value('kept')).to.equal('1');
  });

  it('stop it at once when it is interrupted', async () => {
    const session = await world.session();
    await session.run(`${endless}e = Endless()`);
    const controller = new AbortController();
    const read = failure(getVariable.run(session.engine, { name: 'e' }, inRun(controller.signal)));
    controller.abort('interrupted');
    expect(await read).to.deep.include({ code: 'timeout', fields: { reason: 'interrupted' } });
  });

  it('end a kernel that does not yield, and say that it died', async () => {
    const session = await world.session();
    await session.run(`${endless}s = Stubborn()`);
    const error = await failure(getVariable.run(session.engine, { name: 's' }, inRun()));
    expect(error.code).to.equal('timeout');
    expect(session.deaths).to.have.length(1);
    expect(session.deaths[0]?.fields).to.include({ rung: 'kill' });
  });

  it('stop what a variable does when it is replaced or cleared', async () => {
    const session = await world.session();
    await session.run(`${endless}e = Endless(); f = Endless()`);
    await setVariable.run(session.engine, { name: 'e', value: 1 }, inRun());
    expect(await session.value('e')).to.equal('1');
    await session.engine.clear();
    expect(await session.value(`'e' in globals()`)).to.equal('False');
  });

  it('stop a capture whose fork does not come to an end', async () => {
    const session = await world.session();
    await session.run(`import os, time
def hold():
    while True:
        try: time.sleep(60)
        except BaseException: pass
os.register_at_fork(before=hold)`);
    expect((await failure(session.engine.capture())).code).to.equal('timeout');
    expect(session.deaths).to.have.length(1);
  });

  it('let a session take a checkpoint although its os.fork was replaced', async () => {
    const session = await world.session();
    await session.run('import os, time\nos.fork = lambda: time.sleep(1e9)\nx = 1');
    expect((await session.save()).content.variable_count).to.equal(1);
  });
});

describe('a Python zygote that does not answer', () => {
  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  after(() => PythonWorld.closeAll());

  const freeze = async (session: PythonSession): Promise<{ zygote: number; kernel: number }> => {
    const [zygote = 0, kernel = 0] = JSON.parse(
      await session.value('import os; [os.getppid(), os.getpid()]'),
    ) as number[];
    process.kill(zygote, 'SIGSTOP');
    return { zygote, kernel };
  };

  it('is killed and started anew, and its kernels are told dead', async () => {
    const world = await PythonWorld.open({ zygoteLimitMs: 300 });
    const session = await world.session();
    const { zygote, kernel } = await freeze(session);
    await failure(world.session());
    await Promise.all([gone(zygote), gone(kernel)]);
    while (session.deaths.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const next = await world.session();
    expect(await next.value('1')).to.equal('1');
  });

  it('does not hold up the end of a session', async () => {
    const world = await PythonWorld.open({ zygoteLimitMs: 300 });
    const session = await world.session();
    const { kernel } = await freeze(session);
    await session.engine.dispose();
    await gone(kernel);
    expect(session.deaths).to.deep.equal([]);
  });

  it('does not hold up the end of the server', async () => {
    const world = await PythonWorld.open();
    const { zygote } = await freeze(await world.session());
    await world.definition.dispose?.();
    expect(isAlive(zygote)).to.equal(false);
  });
});
