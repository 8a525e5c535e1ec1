/** Running code in a real kernel: output in its true order, results, errors, and a namespace that survives abuse. */
import { expect } from 'chai';
import type { OutputEventBody } from '../src/types/events.js';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

/** Neighbouring pieces of one stream count as one, however they were cut on the way. */
function texts(outputs: readonly OutputEventBody[]): string[] {
  const merged: { type: string; text: string }[] = [];
  for (const output of outputs) {
    const text = 'text' in output ? output.text : '';
    const last = merged.at(-1);
    if (last?.type === output.type && text !== '') last.text += text;
    else merged.push({ type: output.type, text });
  }
  return merged.map(({ type, text }) => (text === '' ? type : `${type}:${text}`));
}

describe('Python execution', () => {
  const suite = pythonSuite();

  /** Resolves with the first output that holds `text`. */
  const seen = (session: PythonSession, text: string) =>
    new Promise<number>((resolve) => {
      session.onOutput = (output) => {
        if ('text' in output && output.text.includes(text)) resolve(performance.now());
      };
    });

  it('marks the place of an error, also in code without an end of its last line', async () => {
    const session = await suite.world.session();
    const traceback = async (code: string) => (await session.run(code)).outcome.error?.traceback ?? '';
    const marked = (lines: string) => (hasCarets ? lines : (lines.split('\n')[0] ?? ''));
    const hasCarets = (await session.value('import sys; sys.version_info >= (3, 11)')) === 'True';
    expect(await traceback('1/0')).to.include(marked('    1/0\n    ~^~\nZeroDivisionError'));
    expect(await traceback('x = 1\nx / 0\n')).to.include(marked('    x / 0\n    ~~^~~\nZeroDivisionError'));
    expect(await traceback('x = (1,\ny = 2')).to.include(
      "    x = (1,\n        ^\nSyntaxError: '(' was never closed",
    );
    expect(await traceback('x = = 1')).to.include('    x = = 1\n        ^\nSyntaxError');
  });

  it('shows the last expression and keeps it in _', async () => {
    const session = await suite.world.session();
    const report = await session.run('x = 20\nx + 1');
    expect(report.outputs).to.deep.equal([
      { type: 'execute_result', data: { 'text/plain': '21' }, input_seq: 1 },
    ]);
    expect(report.outcome).to.deep.equal({
      status: 'ok',
      error: null,
      should_exit: false,
      execution_count: 1,
      variable_count: 1,
    });
    expect(await session.value('_ * 2')).to.equal('42');
  });

  it('shows nothing for None, for statements and for silent runs', async () => {
    const session = await suite.world.session();
    expect((await session.run('None')).outputs).to.deep.equal([]);
    expect((await session.run('y = 1')).outputs).to.deep.equal([]);
    const silent = await session.run('y + 1', { silent: true });
    expect(silent.outputs).to.deep.equal([]);
    expect(silent.outcome.execution_count).to.equal(null);
    expect((await session.run('3')).outcome.execution_count).to.equal(3);
  });

  it('shows no value behind which a semicolon stands, also with broken builtins', async () => {
    const session = await suite.world.session();
    const hidden = ['1;', '(2\n) ; # said', '3 \\\n;', '"é;";', 'x = 4; x;', 'f"{x};" ;'];
    for (const code of hidden) expect((await session.run(code)).outputs, code).to.deep.equal([]);
    await session.run('import builtins; builtins.len = builtins.any = builtins.str = None');
    for (const code of hidden) expect((await session.run(code)).outputs, code).to.deep.equal([]);
    expect((await session.run('display("still shown");')).outputs).to.have.length(1);
    for (const code of ['"a;"', '6 # ;', '7\n# ;', '"""\n;""" # ;', 'x = 8; x'])
      expect((await session.run(code)).outputs, code).to.have.length(1);
  });

  it('leaves _ as it was when a semicolon hides the value', async () => {
    const session = await suite.world.session();
    await session.run('10');
    await session.run('11;');
    expect(await session.value('_')).to.equal('10');
  });

  it('keeps stdout, stderr, displays, descriptors and subprocesses in order', async () => {
    const session = await suite.world.session();
    const report = await session.run(`import os, sys, subprocess
print('one')
print('two', file=sys.stderr)
display('three')
os.write(1, b'four\\n')
print('five', end='')
os.write(2, b'six\\n')
sys.stdout.flush()
subprocess.run(['echo', 'seven'])
print('eight')
sys.stdout.buffer.write(b'nine\\n')
'ten'`);
    expect(texts(report.outputs)).to.deep.equal([
      'stdout:one\n',
      'stderr:two\n',
      'display',
      'stdout:four\nfive',
      'stderr:six\n',
      'stdout:seven\neight\nnine\n',
      'execute_result',
    ]);
  });

  it('hears what C code prints', async () => {
    const session = await suite.world.session();
    const report = await session.run(
      `import ctypes\nlibc = ctypes.CDLL(None)\nprint('a')\nlibc.printf(b'b\\n')\nprint('c')`,
    );
    expect(report.text('stdout')).to.equal('a\nb\nc\n');
  });

  it('shows output while the run goes on', async () => {
    const session = await suite.world.session();
    const line = seen(session, 'begun');
    const run = session.run(`import time\nprint('begun')\ntime.sleep(0.5)`);
    const shownAt = await line;
    await run;
    expect(performance.now() - shownAt).to.be.above(350);
  });

  it('shows text without a newline after a moment, and at once when flushed', async () => {
    const session = await suite.world.session();
    const dot = seen(session, '.');
    const run = session.run(`import time\nprint('.', end='')\ntime.sleep(0.5)`);
    const shownAt = await dot;
    await run;
    expect(performance.now() - shownAt).to.be.above(250);
  });

  it('replaces what is no UTF-8 and keeps characters whole across writes', async () => {
    const session = await suite.world.session();
    const report = await session.run(
      `import os\nfor b in '€'.encode(): os.write(1, bytes([b]))\nos.write(1, b'\\xff|')\nprint('\\ud800')`,
    );
    expect(report.text('stdout')).to.equal('€\ufffd|?\n');
  });

  it('delivers a large output completely', async () => {
    const session = await suite.world.session();
    const report = await session.run(
      `import sys\nfor i in range(20000): print(i, 'x' * 50)\nsys.stdout.write('y' * 5_000_000)`,
    );
    const lines = report.text('stdout').split('\n');
    expect(lines).to.have.length(20_001);
    expect(lines[19_999]).to.equal(`19999 ${'x'.repeat(50)}`);
    expect(lines[20_000]).to.have.length(5_000_000);
  });

  it('sends one very long text in pieces', async () => {
    const session = await suite.world.session();
    const { outputs } = await session.run('print("é" * 1_000_000, end="")');
    const pieces = outputs.map((output) => ('text' in output ? output.text : ''));
    // Neighbouring pieces may be joined, up to 256 KiB of UTF-8.
    expect(Math.max(...pieces.map((piece) => piece.length))).to.be.at.most(131_072);
    expect(pieces.join('')).to.equal('é'.repeat(1_000_000));
  });

  it('gives output of threads to the session when no run is there to take it', async () => {
    const session = await suite.world.session();
    await session.run(`import threading, sys\ngo = threading.Event()
def work():\n    go.wait(); print('late'); done.set()\ndone = threading.Event()\nt = threading.Thread(target=work); t.start()`);
    await session.run('threading.Timer(0.05, go.set).start()', { silent: true });
    const variables = await session.engine.capture();
    await variables.dispose();
    while (session.idleOutputs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(session.idleOutputs[0]).to.deep.equal({ type: 'stdout', text: 'late\n' });
  });

  it('cuts a huge result and never renders it whole', async () => {
    const session = await suite.world.session();
    const list = await session.value('list(range(3_000_000))');
    expect(list.length).to.be.below(1_100_000);
    expect(list.startsWith('[0, 1, 2')).to.equal(true);
    expect((await session.value('"a" * 5_000_000')).length).to.be.below(1_100_000);
  });

  it('shows richer forms where a value has them, and forgives broken ones', async () => {
    const session = await suite.world.session();
    const report = await session.run(`class R:
    def __repr__(self): return 'R()'
    def _repr_html_(self): return '<b>R</b>'
    def _repr_png_(self): return b'\\x89PNG'
    def _repr_svg_(self): raise ValueError
R()`);
    expect(report.outputs[0]).to.have.deep.property('data', {
      'text/plain': 'R()',
      'text/html': '<b>R</b>',
      'image/png': 'iVBORw==',
      'application/vnd.sojourn.left-out+json': { 'image/svg+xml': 'ValueError' },
    });
  });

  it('describes an error with the user code only, and goes on', async () => {
    const session = await suite.world.session();
    const { outcome } = await session.run(
      `def f(x):\n    return g(x)\ndef g(x):\n    raise KeyError('k') from ValueError(x)\nprint('before')\nf(3)`,
    );
    expect(outcome.status).to.equal('error');
    expect(outcome.error?.name).to.equal('KeyError');
    expect(outcome.error?.message).to.equal(`'k'`);
    const lines = outcome.error?.traceback.split('\n') ?? [];
    expect(lines.filter((line) => line.startsWith('  File'))).to.deep.equal([
      '  File "<cell 1>", line 6, in <module>',
      '  File "<cell 1>", line 2, in f',
      '  File "<cell 1>", line 4, in g',
    ]);
    expect(outcome.error?.traceback).to.include('The above exception was the direct cause');
    expect(outcome.error?.traceback).to.include("    raise KeyError('k') from ValueError(x)\n");
    expect(await session.value('1')).to.equal('1');
  });

  it('points at a syntax error and runs nothing of that code', async () => {
    const session = await suite.world.session();
    const { outcome } = await session.run('x = 1\ny = (2 +\n');
    expect(outcome.error?.name).to.equal('SyntaxError');
    expect(outcome.error?.traceback).to.match(/File "<cell 1>", line 2\n {4}y = \(2 \+\n {4,}\^/);
    expect(await session.value(`'x' in globals()`)).to.equal('False');
  });

  it('survives errors that cannot be shown', async () => {
    const session = await suite.world.session();
    const odd = await session.run(`class E(Exception):\n    def __str__(self): raise ValueError\nraise E`);
    expect(odd.outcome.error?.name).to.equal('E');
    const deep = await session.run('def f(): f()\nf()');
    expect(deep.outcome.error?.name).to.equal('RecursionError');
    expect(deep.outcome.error?.traceback.length).to.be.below(5000);
    const long = await session.run(`raise ValueError('x' * 10_000_000)`);
    expect(long.outcome.error?.traceback.length).to.be.below(300_000);
    const shown = await session.run(`class B:\n    def __repr__(self): return 1/0\nB()`);
    expect(shown.outcome.status).to.equal('ok');
    expect(shown.result).to.equal('<B object; its repr() failed: ZeroDivisionError: division by zero>');
    expect(await session.value('2')).to.equal('2');
  });

  it('reports exit() as a wish of the code and lives on', async () => {
    const session = await suite.world.session();
    for (const code of ['exit()', 'import sys; sys.exit(3)', 'raise SystemExit']) {
      const { outcome } = await session.run(code);
      expect(outcome).to.include({ status: 'error', should_exit: true });
      expect(outcome.error?.name).to.equal('SystemExit');
    }
    expect(await session.value('5')).to.equal('5');
    expect(session.deaths).to.deep.equal([]);
  });

  it('repairs what a run needs before the next one', async () => {
    const session = await suite.world.session();
    await session.run(`import sys, builtins, signal
del __builtins__; sys.stdout = None; sys.stderr.close(); sys.modules['__main__'] = sys
del builtins.print; builtins.len = lambda x: 1/0; signal.signal(signal.SIGINT, signal.SIG_IGN)
import json, traceback; __name__ = 'other'`);
    const report = await session.run(
      `print('here')\nimport __main__\n__main__.__dict__ is globals(), __name__, [1]`,
    );
    expect(report.text('stdout')).to.equal('here\n');
    expect(report.result).to.equal(`(True, '__main__', [1])`);
    expect((await session.run('len([])')).outcome.error?.name).to.equal('ZeroDivisionError');
    await session.save();
  });

  it('keeps future statements for later runs', async () => {
    const session = await suite.world.session();
    await session.run('from __future__ import annotations');
    expect(await session.value('def f(x: NotThere): pass\nf.__annotations__')).to.equal(`{'x': 'NotThere'}`);
  });

  it('gives a clean environment in the workspace', async () => {
    const session = await suite.world.session();
    process.env.SOJOURN_TEST_SECRET = 'do not pass on';
    const environment = await session.value('import os\nsorted(os.environ)');
    delete process.env.SOJOURN_TEST_SECRET;
    expect(environment).to.equal(
      `['HOME', 'LANG', 'LC_ALL', 'MPLBACKEND', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONUNBUFFERED', 'SOJOURN_KERNEL']`,
    );
    expect(await session.value('os.getcwd(), os.environ["HOME"]')).to.equal(
      `('${session.workspace}', '${session.workspace}')`,
    );
    expect(await session.value(`sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3]`)).to.equal(
      '[0, 1, 2]',
    );
    await session.run(`open('helper.py', 'w').write('v = 7')`);
    expect(await session.value('import helper; helper.v')).to.equal('7');
  });

  it('draws other random numbers in every session and the same in a replay', async () => {
    const draw = async (uid?: string) =>
      (await suite.world.session(uid)).value('import random; random.random()');
    const [one, two, again] = [await draw('u-one'), await draw('u-two'), await draw('u-one')];
    expect(one).to.not.equal(two);
    expect(one).to.equal(again);
  });

  it('lets code fork, with multiprocessing or by hand', async () => {
    const session = await suite.world.session();
    const report = await session.run(`import multiprocessing, os
def work(n):
    print('child', flush=True)
    return n * n
with multiprocessing.get_context('fork').Pool(2) as pool: squares = pool.map(work, [1, 2, 3])
pid = os.fork()
if pid: os.waitpid(pid, 0)
print('on both sides')
squares`);
    expect(report.result).to.equal('[1, 4, 9]');
    expect(report.text('stdout').match(/child/g)).to.have.length(3);
    expect(report.text('stdout').match(/on both sides/g)).to.have.length(2);
    expect(await session.value('squares')).to.equal('[1, 4, 9]');
  });

  it('has no input to read', async () => {
    const session = await suite.world.session();
    expect((await session.run('input()')).outcome.error?.name).to.equal('EOFError');
  });

  it('runs requests in the order in which they were made', async () => {
    const session = await suite.world.session();
    await session.run('xs = []');
    await Promise.all(
      [1, 2, 3].map((n) => session.run(`import time; time.sleep(0.0${4 - n}); xs.append(${n})`)),
    );
    expect(await session.value('xs')).to.equal('[1, 2, 3]');
  });

  it('clears every name and keeps the session', async () => {
    const session = await suite.world.session();
    await session.run('x = 1\ndef f(): return 2\nimport math');
    await session.engine.clear();
    expect(await session.value(`[n for n in globals() if not n.startswith('__')]`)).to.equal('[]');
    expect((await session.run('math')).outcome.error?.name).to.equal('NameError');
  });

  it('measures private memory', async () => {
    const session = await suite.world.session();
    await session.run(`x = bytearray(50_000_000)`);
    while (session.engine.memoryBytes() < 50_000_000) await new Promise((resolve) => setImmediate(resolve));
    expect(session.engine.memoryBytes()).to.be.within(50_000_000, 80_000_000);
  });
});
