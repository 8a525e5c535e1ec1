/** Code that awaits: at the top of a cell, in tasks that go on between executions, and when it is interrupted. */
import { expect } from 'chai';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

describe('asynchronous Python', () => {
  const suite = pythonSuite({ interruptGraceMs: 300 });

  const idleText = async (session: PythonSession, text: string): Promise<void> => {
    while (!session.idleOutputs.some((output) => 'text' in output && output.text.includes(text))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it('awaits at the top of a cell and shows the value', async () => {
    const session = await suite.world.session();
    await session.run('import asyncio\nasync def twice(x):\n    await asyncio.sleep(0)\n    return 2 * x');
    expect(await session.value('await twice(21)')).to.equal('42');
    expect(await session.value('x = await twice(1)\nx + 1')).to.equal('3');
    const report = await session.run(`async def numbers():
    for n in range(3): yield n
async for n in numbers(): print(n)
[n async for n in numbers()]`);
    expect(report.text('stdout')).to.equal('0\n1\n2\n');
    expect(report.result).to.equal('[0, 1, 2]');
  });

  it('reports the failure of what is awaited with frames of the user alone', async () => {
    const session = await suite.world.session();
    await session.run('async def fail():\n    raise ValueError("no")');
    const { outcome } = await session.run('await fail()');
    expect(outcome.error?.name).to.equal('ValueError');
    expect(outcome.error?.traceback).to.match(
      /^Traceback .*\n {2}File "<cell 2>", line 1, in <module>\n {4}await fail\(\)\n {2}File "<cell 1>", line 2, in fail/,
    );
    expect(outcome.error?.traceback).not.to.include('asyncio');
  });

  it('shows a task as it is, and waits for nothing that is not awaited', async () => {
    const session = await suite.world.session();
    const code = 'import asyncio\nt = asyncio.ensure_future(asyncio.Event().wait())\nt';
    expect(await session.value(code)).to.match(/^<Task pending/);
    expect(await session.value('asyncio.create_task(asyncio.Event().wait())')).to.match(/^<Task pending/);
    expect(await session.value('await asyncio.sleep(0, 7)')).to.equal('7');
  });

  it('lets tasks go on between executions, and prints what they print', async () => {
    const session = await suite.world.session();
    await session.run(`import asyncio
done = []
async def later():
    for n in range(3):
        await asyncio.sleep(0.02)
        done.append(n)
    print('all done')
task = asyncio.create_task(later())`);
    await idleText(session, 'all done');
    expect(await session.value('done')).to.equal('[0, 1, 2]');
    expect(await session.value('task.done()')).to.equal('True');
  });

  it('answers requests while tasks go on', async () => {
    const session = await suite.world.session();
    await session.run(`import asyncio
count = 0
async def tick():
    global count
    while True:
        count += 1
        await asyncio.sleep(0)
task = asyncio.create_task(tick())`);
    let last = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      const now = Number(await session.value('count'));
      expect(now).to.be.at.least(last);
      last = now;
    }
    expect(last).to.be.above(0);
    expect(await session.value('task.cancel()')).to.equal('True');
  });

  it('stops what is awaited when it is interrupted, and its clean-up runs', async () => {
    const session = await suite.world.session();
    const control = new AbortController();
    session.onOutput = () => control.abort('interrupted');
    const report = await session.run(
      `import asyncio
try:
    print('ready')
    await asyncio.sleep(60)
finally:
    cleaned = True`,
      { signal: control.signal },
    );
    expect(report.outcome.status).to.equal('interrupted');
    expect(report.outcome.interrupt?.rung).to.equal('signal');
    expect(await session.value('cleaned')).to.equal('True');
  });

  it('interrupts a task that blocks the kernel between executions', async () => {
    const session = await suite.world.session();
    await session.run(`import asyncio
async def block():
    await asyncio.sleep(0)
    print('blocking')
    while True: pass
task = asyncio.create_task(block())`);
    await idleText(session, 'blocking');
    const control = new AbortController();
    const running = session.run('print("never")', { signal: control.signal });
    setImmediate(() => control.abort('interrupted'));
    expect((await running).outcome.status).to.equal('interrupted');
    expect(await session.value('1 + 1')).to.equal('2');
  });

  it('runs asyncio.run as in any program, and goes on with the loop of the session', async () => {
    const session = await suite.world.session();
    await session.run('import asyncio\nasync def f(): return 5');
    expect(await session.value('await f()')).to.equal('5');
    expect(await session.value('asyncio.run(f())')).to.equal('5');
    expect(await session.value('await f()')).to.equal('5');
  });

  it('cancels tasks when the state is cleared', async () => {
    const session = await suite.world.session();
    await session.run(`import asyncio
async def stay():
    try: await asyncio.sleep(60)
    finally: print('cancelled')
task = asyncio.create_task(stay())
await asyncio.sleep(0)`);
    await session.engine.clear();
    await idleText(session, 'cancelled');
    const { outcome } = await session.run('task');
    expect(outcome.error?.name).to.equal('NameError');
  });
});
