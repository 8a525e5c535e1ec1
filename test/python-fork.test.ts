/** Live forks of kernels: the whole heap goes along, and nothing is shared from then on. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { needs } from './support/needs.js';
import { failure } from './support/python-fates.js';
import { PythonWorld, testSandbox } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

for (const mode of ['off', 'strict'] as const) {
  describe(`a live fork of a Python session, sandbox ${mode}`, () => {
    let world: PythonWorld;

    before(async function () {
      await needs.python(this);
      if (mode === 'strict') await needs.sandbox(this);
      const folder = await temporaryFolder('python-fork');
      world = await PythonWorld.open(
        {
          runDir: join(folder, 'run'),
          interruptGraceMs: 300,
          sandbox: testSandbox(folder, { mode }),
        },
        folder,
      );
    });
    afterEach(() => world.endSessions());
    after(() => PythonWorld.closeAll());

    it('has what no checkpoint could keep: generators, open files, locks, closures', async () => {
      const source = await world.session();
      await source.run(`def count():
    n = 0
    while True:
        n += 1
        yield n
numbers = count(); next(numbers)
opened = open('notes.txt', 'w+'); opened.write('hello'); opened.flush()
import threading; lock = threading.Lock(); lock.acquire()
shared = []; alias = shared`);
      const fork = await world.fork(source);
      expect(await fork.value('next(numbers)')).to.equal('2');
      expect(await source.value('next(numbers)')).to.equal('2');
      expect(await fork.value('lock.locked(), alias is shared, opened.closed')).to.equal(
        '(True, True, False)',
      );
    });

    it('goes its own way in names, files and folder', async () => {
      const source = await world.session();
      await source.run(`import os
os.makedirs('deep/er'); open('deep/er/a.txt', 'w').write('before'); os.symlink('a.txt', 'deep/er/link')
x = [1]`);
      const fork = await world.fork(source);
      await fork.run(`x.append(2); open('deep/er/a.txt', 'w').write('fork')`);
      await source.run(`x.append(3); open('new.txt', 'w').write('source')`);
      expect(await source.value('x')).to.equal('[1, 3]');
      expect(await fork.value('x')).to.equal('[1, 2]');
      expect(await fork.value(`open('deep/er/link').read(), os.path.exists('new.txt')`)).to.equal(
        "('fork', False)",
      );
      expect(await fork.value('os.getcwd()')).to.equal(`'${fork.workspace}'`);
      expect(await fork.value(`os.environ['HOME']`)).to.equal(`'${fork.workspace}'`);
      expect(await readFile(join(source.workspace, 'deep/er/a.txt'), 'utf8')).to.equal('before');
    });

    it('has the files of its own workspace open, at the places they were read at', async () => {
      const source = await world.session();
      await source.run(`log = open('log.txt', 'w', buffering=1); log.write('before\\n')
open('lines.txt', 'w').write('1\\n2\\n3\\n'); lines = open('lines.txt', 'rb', buffering=0); lines.read(2)`);
      const fork = await world.fork(source);
      await fork.run(`log.write('fork\\n')`);
      await source.run(`log.write('source\\n'); lines.read()`);
      expect(await fork.value(`lines.read(2), open('log.txt').read()`)).to.equal(
        String.raw`(b'2\n', 'before\nfork\n')`,
      );
      expect(await source.value(`open('log.txt').read()`)).to.equal(String.raw`'before\nsource\n'`);
    });

    it('is interrupted, checkpointed, killed and ended apart from its parent', async () => {
      const source = await world.session();
      await source.run('y = 1');
      const fork = await world.fork(source);
      const control = new AbortController();
      fork.onOutput = () => control.abort('interrupted');
      const stopped = await fork.run('print("on")\nwhile True: pass', { signal: control.signal });
      expect(stopped.outcome.interrupt?.rung).to.equal('signal');
      const capture = await fork.engine.capture();
      await capture.dispose();
      expect((await failure(fork.run('import os; os._exit(3)'))).code).to.equal('kernel_died');
      expect(fork.deaths[0]?.fields).to.include({ exit_code: 3 });
      expect(await source.value('y')).to.equal('1');
    });

    it('outlives its parent, and can be forked again', async () => {
      const source = await world.session();
      await source.run('z = 5');
      const child = await world.fork(source);
      const grandchild = await world.fork(child);
      await source.engine.dispose();
      await child.engine.dispose();
      expect(await grandchild.value('z')).to.equal('5');
      const last = await world.fork(grandchild);
      expect(await last.value('z + 1')).to.equal('6');
    });

    it('draws the numbers that its parent draws', async () => {
      const source = await world.session();
      await source.run('import random; random.seed(4)');
      const fork = await world.fork(source);
      expect(await fork.value('random.random()')).to.equal(await source.value('random.random()'));
    });

    it('hears its own output, from threads, C code and tasks', async () => {
      const source = await world.session();
      await source.run(`import asyncio, os
async def tick():
    await asyncio.sleep(0.01)
    print('tick')
await asyncio.sleep(0)`);
      const fork = await world.fork(source);
      const report = await fork.run(`os.write(1, b'low\\n'); print('high'); await tick()
import threading; t = threading.Thread(target=lambda: print('thread')); t.start(); t.join()`);
      expect(report.text('stdout')).to.equal('low\nhigh\ntick\nthread\n');
      expect(source.outputs.some((output) => 'text' in output && output.text.includes('high'))).to.equal(
        false,
      );
      expect((await source.run('await tick()')).text('stdout')).to.equal('tick\n');
    });

    if (mode === 'strict') {
      it('has a uid of its own and cannot reach its parent, nor its parent it', async () => {
        const source = await world.session();
        await writeFile(join(source.workspace, 'secret.txt'), 'parent');
        await source.run('import os');
        const fork = await world.fork(source);
        await fork.run(`open('mine.txt', 'w').write('fork')`);
        const uids = [await source.value('os.getuid()'), await fork.value('os.getuid()')];
        expect(uids[0]).not.to.equal(uids[1]);
        const pid = async (session: typeof fork) => Number(await session.value('os.getpid()'));
        const pids = { source: await pid(source), fork: await pid(fork) };
        for (const [own, other, otherPid] of [
          [fork, source, pids.source],
          [source, fork, pids.fork],
        ] as const) {
          for (const attempt of [
            `os.listdir(${JSON.stringify(other.workspace)})`,
            `open(${JSON.stringify(join(other.workspace, 'secret.txt'))}).read()`,
            `os.kill(${otherPid}, 9)`,
            `os.setresuid(*[${own === fork ? uids[0] : uids[1]}] * 3)`,
            `os.setuid(0)`,
            `os.setresgid(0, 0, 0)`,
          ]) {
            const { outcome } = await own.run(attempt);
            expect(outcome.error?.name, attempt).to.equal('PermissionError');
          }
        }
        expect(await source.value('1')).to.equal('1');
      });
    }
  });
}
