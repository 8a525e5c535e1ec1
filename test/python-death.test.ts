/** Stopping runs and dying kernels: what is said, what survives, what is cleaned up. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../src/core/system.js';
import { failure, gone } from './support/python-fates.js';
import { needs } from './support/needs.js';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

describe('stopping a Python run', () => {
  const suite = pythonSuite({ interruptGraceMs: 200 });

  /** Runs code and aborts when it says `ready`. */
  const stop = async (
    session: PythonSession,
    code: string,
    reason: 'timeout' | 'interrupted' = 'interrupted',
  ) => {
    const controller = new AbortController();
    session.onOutput = (output) => {
      if ('text' in output && output.text.includes('ready')) controller.abort(reason);
    };
    return session.run(`import time, signal, subprocess\n${code}`, { signal: controller.signal });
  };

  it('interrupts with a signal and keeps the session', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(session, `x = 1\nprint('ready')\ntime.sleep(60)`);
    expect(outcome.status).to.equal('interrupted');
    expect(outcome.error?.name).to.equal('KeyboardInterrupt');
    expect(outcome.interrupt?.rung).to.equal('signal');
    expect(outcome.interrupt?.ms).to.be.within(0, 200);
    expect(await session.value('x')).to.equal('1');
    expect(session.deaths).to.deep.equal([]);
  });

  it('says timeout when it was the time limit', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(session, `print('ready')\nwhile True: pass`, 'timeout');
    expect(outcome.status).to.equal('timeout');
  });

  it('reaches subprocesses too', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(session, `print('ready')\nsubprocess.run(['sleep', '60'])`);
    expect(outcome.interrupt?.rung).to.equal('signal');
  });

  it('says interrupted when the code makes something of the interrupt', async () => {
    const session = await suite.world.session();
    const code = `try:\n    print('ready'); time.sleep(60)\nexcept KeyboardInterrupt:\n    kept = 'partial'`;
    const { outcome } = await stop(session, code);
    expect(outcome).to.deep.include({ status: 'interrupted', error: null });
    expect(await session.value('kept')).to.equal(`'partial'`);
  });

  it('interrupts a flood of output in the middle without harm to the stream', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(session, `print('ready')\nwhile True: print('x' * 1000)`);
    expect(outcome.interrupt?.rung).to.equal('signal');
    const report = await session.run(`print('clean')`);
    expect(report.text('stdout')).to.equal('clean\n');
  });

  it('never lets a late interrupt meet the next run', async () => {
    const session = await suite.world.session();
    for (let round = 0; round < 30; round += 1) {
      const controller = new AbortController();
      const run = session.run('sum(range(2000))', { signal: controller.signal });
      const next = session.run('import time; time.sleep(0.002); "fine"');
      setImmediate(() => controller.abort('interrupted'));
      await run;
      expect((await next).result).to.equal(`'fine'`);
    }
  });

  it('reaches a run that is stopped as soon as it was asked for', async () => {
    const session = await suite.world.session();
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController();
      const run = session.run('while True: pass', { signal: controller.signal });
      await Promise.resolve();
      if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
      controller.abort('interrupted');
      const { outcome } = await run;
      expect(outcome.status).to.equal('interrupted');
      expect(outcome.interrupt?.rung ?? 'signal').to.equal('signal');
    }
    expect(await session.value('1')).to.equal('1');
  });

  it('does not begin a run that was stopped before its turn', async () => {
    const session = await suite.world.session();
    const controller = new AbortController();
    const first = session.run('import time; time.sleep(0.1)');
    const second = session.run('x = 1', { signal: controller.signal });
    controller.abort('interrupted');
    await first;
    expect((await second).outcome.status).to.equal('interrupted');
    expect(await session.value(`'x' in globals()`)).to.equal('False');
  });

  it('ignores an interrupt while nothing runs', async () => {
    const session = await suite.world.session();
    const pid = Number(await session.value('import os; os.getpid()'));
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGINT');
    expect(await session.value('1')).to.equal('1');
  });

  it('terminates code that ignores the interrupt, after its finally blocks', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(
      session,
      `def run():
    try:
        while True:
            try:
                print('ready')
                time.sleep(60)
            except KeyboardInterrupt: pass
    finally: open('finally', 'w').close()
run()`,
      'timeout',
    );
    expect(outcome.status).to.equal('timeout');
    expect(outcome.interrupt?.rung).to.equal('terminate');
    expect(outcome.error?.code).to.equal('kernel_died');
    expect(existsSync(join(session.workspace, 'finally'))).to.equal(true);
    expect(session.deaths).to.have.length(1);
    expect(session.deaths[0]?.fields).to.include({ rung: 'terminate' });
    expect((await failure(session.run('1'))).code).to.equal('kernel_died');
  });

  it('kills code that ignores everything, with all that it started', async () => {
    const session = await suite.world.session();
    const { outcome } = await stop(
      session,
      `p = subprocess.Popen(['setsid', 'sleep', '60'])
print(p.pid)
while True:
    try:
        print('ready')
        time.sleep(60)
    except BaseException: pass`,
    );
    const child = Number(
      session.outputs
        .map((output) => ('text' in output ? output.text : ''))
        .join('')
        .split(' ')[0],
    );
    expect(outcome.interrupt?.rung).to.equal('kill');
    expect(outcome.interrupt?.ms).to.be.within(390, 1500);
    expect(session.deaths[0]).to.deep.include({ cause: 'kernel_died' });
    expect(session.deaths[0]?.fields).to.include({ rung: 'kill', signal: 'SIGKILL' });
    await gone(child);
  });

  it('kills C code that never looks at signals', async () => {
    const session = await suite.world.session();
    const controller = new AbortController();
    // What runs holds the interpreter, so that it cannot say when it has begun.
    systemClock.setTimer(150, () => controller.abort('interrupted'));
    const { outcome } = await session.run('sum(range(10 ** 12))', { signal: controller.signal });
    expect(outcome.interrupt?.rung).to.equal('kill');
  });
});

describe('the death of a Python kernel', () => {
  before(function () {
    needs.linux(this);
  });
  const suite = pythonSuite();

  it('is told with the exit code when code ends the process', async () => {
    const session = await suite.world.session();
    const error = await failure(session.run(`print('last words', flush=True)\nimport os; os._exit(3)`));
    expect(error.code).to.equal('kernel_died');
    expect(error.fields).to.deep.include({ exit_code: 3, signal: null, cause: 'kernel_died' });
    expect(session.deaths).to.have.length(1);
    expect(session.deaths[0]?.detail).to.equal('The kernel ended with exit code 3.');
    expect(session.outputs).to.deep.equal([{ type: 'stdout', text: 'last words\n', input_seq: 1 }]);
  });

  it('is told with the signal when it crashes', async () => {
    const session = await suite.world.session();
    const error = await failure(session.run('import ctypes; ctypes.string_at(0)'));
    expect(error.fields).to.deep.include({ signal: 'SIGSEGV' });
    expect(error.detail).to.equal('The kernel was killed by SIGSEGV.');
  });

  it('is told once when it happens while nothing runs', async () => {
    const session = await suite.world.session();
    const pid = Number(await session.value('import os; os.getpid()'));
    process.kill(pid, 'SIGKILL');
    while (session.deaths.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(session.deaths[0]).to.deep.include({
      cause: 'kernel_died',
      detail: 'The kernel was killed by SIGKILL.',
    });
    expect((await failure(session.engine.capture())).code).to.equal('kernel_died');
    await session.engine.dispose();
    expect(session.deaths).to.have.length(1);
  });

  it('takes the processes that it started along', async () => {
    const session = await suite.world.session();
    const pids = await session.value(`import subprocess
own = subprocess.Popen(['sleep', '60']).pid
away = subprocess.Popen(['setsid', 'sh', '-c', 'sleep 61 & wait']).pid
[own, away]`);
    await session.engine.dispose();
    for (const pid of JSON.parse(pids) as number[]) await gone(pid);
    expect(session.deaths).to.deep.equal([]);
  });

  it('ends a kernel that sends what is no frame, and harms no other', async () => {
    const other = await suite.world.session();
    const session = await suite.world.session();
    const error = await failure(
      session.run(`import os, socket, stat
for fd in map(int, os.listdir('/proc/self/fd')):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, b'\\xff' * 64)
    except OSError: pass
import time; time.sleep(30)`),
    );
    expect(error.code).to.equal('kernel_died');
    expect(error.fields).to.include({ fault: 'a frame is too large' });
    expect(await other.value('1')).to.equal('1');
  });

  it('ends a kernel that sends frames of the wrong shape', async () => {
    const session = await suite.world.session();
    const error = await failure(
      session.run(`import gc
from sojourn_kernel.frames import Channel
[c for c in gc.get_objects() if type(c) is Channel][0].send({'t': 'reply', 'id': 999, 'value': 1})
import time; time.sleep(30)`),
    );
    expect(error.fields).to.include({ fault: 'an answer to no question' });
  });

  it('turns away whoever knocks without a secret', async () => {
    const session = await suite.world.session();
    const folder = join(suite.world.folder, 'run');
    const [name = ''] = (await readdir(folder)).filter((entry) => entry.endsWith('.sock'));
    const socket = createConnection(join(folder, name));
    socket.on('error', () => undefined);
    const text = JSON.stringify({ t: 'hello', role: 'kernel', secret: 'x'.repeat(43) });
    const head = Buffer.alloc(8);
    head.writeUInt32BE(text.length);
    socket.write(Buffer.concat([head, Buffer.from(text)]));
    await once(socket, 'close');
    expect(await session.value('1')).to.equal('1');
  });

  it('rejects every method with closed after dispose, however often it is disposed', async () => {
    const session = await suite.world.session();
    const running = failure(session.run('import time; time.sleep(30)'));
    await Promise.all([session.engine.dispose(), session.engine.dispose()]);
    expect((await running).code).to.equal('closed');
    const empty = { manifest: {}, parts: [], read: () => Promise.reject(new Error()) };
    for (const work of [
      session.run('1'),
      session.engine.capture(),
      session.engine.clear(),
      session.engine.restore(empty),
    ]) {
      expect((await failure(work)).code).to.equal('closed');
    }
    expect(session.deaths).to.deep.equal([]);
  });
});
