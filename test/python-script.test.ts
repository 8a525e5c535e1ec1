/** Scripts of the workspace, run in a process of their own beside the state of the session. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { gone } from './support/python-fates.js';
import { nextEvent, openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { PythonWorld } from './support/python-world.js';
import { codeOf, journal } from './support/session-words.js';

/** Processes whose command line or environment cannot tell them: forked ones are known by their parents. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === pid && state !== 'Z' ? [Number(entry)] : [];
      } catch {
        return [];
      }
    });
}

describe('scripts of a Python session', () => {
  let server: PythonClient;
  let session: ISession;
  let name = 0;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    server = await openPythonClient({
      execution: { interrupt_grace_ms: 1000 },
      python: { sandbox: 'workspace' },
    });
  });
  beforeEach(async () => {
    session = await server.client.createSession({ sessionId: `s${++name}` });
  });
  after(() => server?.close());

  const save = async (path: string, text: string) => {
    const code = `import os\nos.makedirs(os.path.dirname(${JSON.stringify(path)}) or '.', exist_ok=True)\nwith open(${JSON.stringify(path)}, 'w') as f: _ = f.write(${JSON.stringify(text)})\ndel f, os`;
    expect((await session.execute(code)).error).to.equal(null);
  };
  const kernelPid = async () => Number((await session.execute('__import__("os").getpid()')).output);

  it('K-25: run with their arguments, and answer what they wrote and how they ended', async () => {
    const text = `import sys\nprint(sys.argv[1:], __name__)\nprint('oops', file=sys.stderr)\nopen('made.txt', 'w').write('x')\nsys.exit(int(sys.argv[1]))`;
    await save('scripts/job.py', text);
    const result = await session.runScript('scripts/job.py', { args: ['3', 'a b'] });
    expect(result).to.include({
      status: 'error',
      returncode: 3,
      stdout: "['3', 'a b'] __main__\n",
      stderr: 'oops\n',
      truncated: false,
      durable: true,
    });
    expect(await session.runScript('scripts/job.py', { args: ['0'] })).to.include({
      status: 'ok',
      returncode: 0,
    });
    expect((await session.execute('open("made.txt").read()')).output).to.equal("'x'\n");
  });

  it('K-25: past their time are ended with all they started, and the session stays', async () => {
    await save(
      'slow.py',
      `import signal, subprocess\nprint('going', flush=True)\nsubprocess.Popen(['sleep', '300'])\nsignal.pause()`,
    );
    await session.execute('x = 1');
    const pid = await kernelPid();
    const result = await session.runScript('slow.py', { timeoutS: 0.5 });
    expect(result).to.include({ status: 'timeout', stdout: 'going\n' });
    expect(result.output).to.contain('TimeoutError: It was stopped after 0.5 s.');
    await Promise.all(childrenOf(pid).map(gone));
    expect(await kernelPid()).to.equal(pid);
    expect((await session.execute('x')).output).to.equal('1\n');
  });

  it('that do not yield are killed, and the session stays', async () => {
    await save(
      'deaf.py',
      `import signal, time\nfor n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\nprint('deaf', flush=True)\nwhile True: time.sleep(1)`,
    );
    const pid = await kernelPid();
    const run = session.runScript('deaf.py');
    await nextEvent(session, 'stdout');
    expect(await session.interrupt()).to.equal(true);
    expect(await run).to.include({ status: 'interrupted', stdout: 'deaf\n', returncode: -9 });
    expect(await kernelPid()).to.equal(pid);
  });

  it('that end or stop what keeps them are ended all the same, and the session stays', async () => {
    for (const [name, status] of [
      ['SIGKILL', 'error'],
      ['SIGSTOP', 'timeout'],
    ] as const) {
      await save(
        'turns.py',
        `import os, signal\nprint(os.getpid(), flush=True)\nos.kill(os.getppid(), signal.${name})\nsignal.pause()`,
      );
      const pid = await kernelPid();
      const result = await session.runScript('turns.py', { timeoutS: 1 });
      expect(result).to.include({ status, returncode: null });
      await gone(Number(result.stdout));
      await Promise.all(childrenOf(pid).map(gone));
      expect(await kernelPid()).to.equal(pid);
    }
  });

  it('leave nothing behind, wherever it went', async () => {
    const text = `import os, signal, subprocess, sys, time
subprocess.Popen(['sleep', '300'], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        os.close(1); os.close(2)
        signal.pause()
    os._exit(0)
time.sleep(0.2)`;
    await save('daemon.py', text);
    const pid = await kernelPid();
    const result = await session.runScript('daemon.py');
    expect(result).to.include({ status: 'ok', returncode: 0 });
    await gone(Number(result.stdout));
    await Promise.all(childrenOf(pid).map(gone));
  });

  it('neither see nor change the state of the session, nor ask for input', async () => {
    await save('helper.py', 'version = 1');
    await session.execute(
      `import sys, helper, random\nx = 1\nsys.argv = ['mine']\nrandom.seed(5)\nbuilt = print\nimport builtins\nbuiltins.print = None`,
    );
    await save('helper.py', 'version = 2');
    const text = `import helper, sys
print(helper.version, 'x' in globals(), sys.argv)
x = 2
try: input()
except EOFError: print('nobody')
print(repr(sys.stdin.read()))`;
    await save('apart.py', text);
    const result = await session.runScript('apart.py', { args: ['a'] });
    expect(result.stdout).to.match(/^2 False \['.*apart\.py', 'a'\]\nnobody\n''\n$/);
    const state = await session.execute('(x, helper.version, sys.argv, builtins.print)');
    expect(state.output).to.equal("(1, 1, ['mine'], None)\n");
    expect(
      (await session.execute('random.seed(5); a = random.random(); random.seed(5); a == random.random()'))
        .output,
    ).to.equal('True\n');
  });

  it('fail with the traceback of their own lines', async () => {
    await save('fails.py', `def f():\n    return 1 / 0\nf()`);
    const { stderr, returncode } = await session.runScript('fails.py');
    expect(returncode).to.equal(1);
    const places = [...stderr.matchAll(/File "([^"]*)", line (\d+)/g)].map(([, file = '', line]) => [
      file.split('/').at(-1),
      line,
    ]);
    expect(places).to.deep.equal([
      ['fails.py', '3'],
      ['fails.py', '2'],
    ]);
    expect(stderr).to.match(/ZeroDivisionError: division by zero\n$/);
    await save('broken.py', 'def (:');
    expect((await session.runScript('broken.py')).stderr).to.match(/SyntaxError/);
    await save('says.py', `import sys\nsys.exit('a reason')`);
    expect(await session.runScript('says.py')).to.include({ returncode: 1, stderr: 'a reason\n' });
    await save('killed.py', `import os\nos.kill(os.getpid(), 9)`);
    expect(await session.runScript('killed.py')).to.include({ status: 'error', returncode: -9 });
  });

  it('end as programs end: threads are waited for, exit handlers run, output is flushed', async () => {
    await session.execute(`import atexit\natexit.register(print, 'of the session')`);
    const text = `import atexit, threading, time, sys
atexit.register(lambda: print('at exit'))
threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()
sys.stdout.write('no newline yet ')`;
    await save('ends.py', text);
    expect((await session.runScript('ends.py')).stdout).to.equal('no newline yet thread\nat exit\n');
  });

  it('are found only in the workspace', async () => {
    await save('a.py', 'print(1)');
    await session.execute(
      `import os\nos.symlink('/etc/hostname', 'out.py')\nos.symlink('a.py', 'in.py')\nos.mkdir('folder')`,
    );
    for (const path of ['../a.py', '/etc/hostname', 'out.py', '.', 'x/../../y.py']) {
      expect(await codeOf(session.runScript(path)), path).to.equal('invalid_params');
    }
    for (const path of ['none.py', 'folder'])
      expect(await codeOf(session.runScript(path)), path).to.equal('file_not_found');
    expect((await session.runScript('in.py')).stdout).to.equal('1\n');
    const absolute = String((await session.execute(`os.path.abspath('a.py')`)).result?.['text/plain']).slice(
      1,
      -1,
    );
    expect((await session.runScript(absolute)).stdout).to.equal('1\n');
  });

  it('are runs of the journal: their output is read like any, and a retry is answered once', async () => {
    await save('says.py', `print('x' * 5)`);
    const one = await session.runScript('says.py', { idempotencyKey: 'k' });
    const two = await session.runScript('says.py', { idempotencyKey: 'k' });
    expect(two).to.deep.include({ seq: one.seq, stdout: 'xxxxx\n', returncode: 0, status: 'ok' });
    expect(await session.output(one.seq)).to.include({ text: 'xxxxx\n', complete: true });
    const results = (await journal(session)).filter(
      (event) => event.type === 'result' && event.input_seq === one.seq,
    );
    expect(results).to.have.length(1);
  });

  it('are run again by recovery, with the random numbers that each run drew before', async () => {
    await save('draw.py', `import random\nprint(random.random(), file=open('drawn', 'a'))`);
    const runs = [await session.runScript('draw.py'), await session.runScript('draw.py')];
    const drawn = async () => {
      const { result } = await session.execute(`open('drawn').read().split()`);
      return JSON.parse(String(result?.['text/plain']).replaceAll("'", '"')) as string[];
    };
    const before = await drawn();
    expect(new Set(before).size).to.equal(2);
    const pid = await kernelPid();
    const { headSeq } = await session.info();
    process.kill(pid, 'SIGKILL');
    const { replayed } = await nextEvent(session, 'epoch', headSeq + 1);
    expect(replayed).to.include.members(runs.map(({ seq }) => seq));
    // They found no file, and have made it anew.
    expect(await drawn()).to.deep.equal(before);
  });
});

describe('a script of a kernel', () => {
  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });
  after(() => PythonWorld.closeAll());

  it('whose own code holds up every fork is ended when it is interrupted', async () => {
    const session = await (await PythonWorld.open({ interruptGraceMs: 400 })).session();
    await writeFile(join(session.workspace, 'a.py'), 'print(1)');
    await session.run(`import os, time
def hold():
    while True:
        try: time.sleep(60)
        except BaseException: pass
os.register_at_fork(before=lambda: os.write(1, b'forks'), after_in_child=hold)`);
    const run = async (stop: AbortController) => {
      const emit = () => stop.abort('timeout');
      return session.engine.runScript({ path: 'a.py', args: [] }, { signal: stop.signal, inputSeq: 9, emit });
    };
    const stopped = { status: 'timeout', returncode: null };
    expect(await run(new AbortController())).to.deep.equal(stopped);
    // Also when that comes before there is a script.
    const early = new AbortController();
    setImmediate(() => early.abort('timeout'));
    expect(await run(early)).to.deep.equal(stopped);
    expect(await session.value('1 + 1')).to.equal('2');
  });
});
