/** How a Python checkpoint is taken: what it names as not kept, what it shares, what it sends, and what it costs. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isSojournError } from '../src/types/errors.js';
import { MemorySink, pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

describe('a Python checkpoint', () => {
  const suite = pythonSuite({ variableBytes: 200_000, sessionBytes: 1_000_000 });

  const notKept = async (session: PythonSession, code: string) => {
    await session.run(code);
    const { content } = await session.save();
    return Object.fromEntries(
      (content.not_kept ?? []).map(({ name, type, reason }) => [name, `${type}: ${reason}`]),
    );
  };

  it('names what cannot be stored, with a reason, and keeps the rest', async () => {
    const session = await suite.world.session();
    const named = await notKept(
      session,
      `import threading, socket, types, sys
g = (i for i in range(3)); f = open('x', 'w'); lock = threading.Lock(); s = socket.socket()
made = types.ModuleType('made'); frame = sys._getframe(); box = {'in': [g]}
class Mean:
    def __reduce__(self): raise SystemExit('no')
mean = Mean()
fine = [1]`,
    );
    expect(Object.keys(named).sort()).to.deep.equal(['box', 'f', 'frame', 'g', 'lock', 'made', 'mean', 's']);
    expect(named.g).to.equal('generator: a generator holds a running frame, which cannot be stored');
    expect(named.f).to.equal('TextIOWrapper: an open file cannot be stored');
    expect(named.lock).to.equal('lock: a thread lock cannot be stored');
    expect(named.s).to.equal('socket: a socket cannot be stored');
    expect(named.mean).to.equal('Mean: it cannot be pickled: SystemExit: no');
    expect(named.box).to.equal('dict: a generator holds a running frame, which cannot be stored');
    const fresh = await suite.world.session();
    await fresh.restore(await session.save());
    expect(await fresh.value('fine')).to.equal('[1]');
  });

  it('names a variable that is too large and the setting that allows more', async () => {
    const session = await suite.world.session();
    const named = await notKept(session, `big = b'x' * 300_000; small = 1`);
    expect(named).to.deep.equal({
      big: 'bytes: larger than 200000 bytes, the limit for one variable (limits.variable_bytes)',
    });
  });

  it('names the variables that do not fit together and the setting that allows more', async () => {
    const session = await suite.world.session();
    const named = await notKept(
      session,
      `a, b, c, d, e, f = (bytes([i]) * 190_000 for i in range(6))\nlast = 1`,
    );
    expect(Object.keys(named)).to.deep.equal(['f']);
    expect(named.f).to.match(/limits\.session_bytes/);
  });

  it('survives objects whose pickling recurses without end or raises anything', async () => {
    const session = await suite.world.session();
    const named = await notKept(
      session,
      `class Endless:
    def __reduce__(self): return (Endless, (), {'next': Endless()})
class Odd:
    def __getattr__(self, name): return getattr(self, name)
    def __reduce_ex__(self, p): raise BaseException()
endless = Endless(); odd = Odd(); fine = 2`,
    );
    expect(named.endless).to.equal('Endless: it is nested too deeply to be stored');
    expect(named.odd).to.match(/^Odd: it cannot be pickled: BaseException/);
    expect(Object.keys(named)).to.have.length(2);
  });

  it('names everything that needs a definition which cannot be stored', async () => {
    const session = await suite.world.session();
    const named = await notKept(session, `class A:\n    gen = (i for i in ())\na = A(); b = [a]; fine = 1`);
    expect(named.A).to.equal('type: a generator holds a running frame, which cannot be stored');
    expect(named.a).to.match(/^A: needs 'A', which cannot be stored: a generator/);
    expect(Object.keys(named).sort()).to.deep.equal(['A', 'a', 'b']);
  });

  it('is of the moment of capture() and not of the moment of write()', async () => {
    const session = await suite.world.session();
    await session.run('x = [1]');
    const capture = await session.engine.capture();
    await session.run('x.append(2); y = 1');
    const sink = new MemorySink();
    const content = await capture.write(sink);
    await capture.dispose();
    const fresh = await suite.world.session();
    await fresh.restore({ content, sink });
    expect(await fresh.value(`x, 'y' in globals()`)).to.equal('([1], False)');
  });

  it('is written although its kernel dies meanwhile', async () => {
    const session = await suite.world.session();
    await session.run('x = [1]');
    const capture = await session.engine.capture();
    await session.engine.dispose();
    const sink = new MemorySink();
    const content = await capture.write(sink);
    await capture.dispose();
    const fresh = await suite.world.session();
    await fresh.restore({ content, sink });
    expect(await fresh.value('x')).to.equal('[1]');
  });

  it('gives an unchanged variable the same hash and sends it only once', async () => {
    const session = await suite.world.session();
    await session.run(
      `class A:\n    def f(self): return 1\na = A(); big = list(range(1000)); s = {'x', 'y'}; n = 0`,
    );
    const known = new Map<string, Buffer>();
    const first = await session.save(known);
    await session.run('n = 1', { silent: true });
    const second = await session.save(known);
    const changed = Object.entries(second.sink.hashes()).filter(
      ([name, hash]) => first.sink.hashes()[name] !== hash,
    );
    expect(changed.map(([name]) => name).sort()).to.deep.equal(['cells:0', 'v:n']);
    expect(second.sink.reused).to.include.members(['v:A', 'v:a', 'v:big', 'v:s']);
  });

  it('gives a restored state the hashes that it had before', async () => {
    const session = await suite.world.session();
    await session.run(`def f(x): return x + k\nk = 2\nclass A: pass\na = A(); a.l = [k]; d = {'a': a}`);
    const saved = await session.save();
    const fresh = await suite.world.session();
    await fresh.restore(saved);
    const again = await fresh.save();
    const variables = (hashes: Record<string, string>) =>
      Object.entries(hashes).filter(([name]) => name.startsWith('v:'));
    expect(variables(again.sink.hashes())).to.deep.equal(variables(saved.sink.hashes()));
  });

  it('stores variables apart unless they share what can change', async () => {
    const session = await suite.world.session();
    await session.run(
      `a = ['s']; b = ['s']; c = [a]; t = ('s',); u = (t,)\ndef f(): return g()\ndef g(): return 1`,
    );
    const { sink } = await session.save();
    const names = sink.parts.map(({ name }) => name).sort();
    expect(names).to.deep.equal(['cells:0', 'random', 'v:a', 'v:b', 'v:f', 'v:g', 'v:t', 'v:u']);
  });

  it('keeps working directory and paths inside the workspace relative to it', async () => {
    const session = await suite.world.session();
    await session.run(
      `import os, sys\nos.mkdir('sub'); os.chdir('sub'); sys.path.append(os.path.abspath('lib'))`,
    );
    const saved = await session.save();
    const fresh = await suite.world.session();
    await mkdir(join(fresh.workspace, 'sub'));
    expect(await fresh.restore(saved)).to.deep.equal({ not_kept: [] });
    expect(await fresh.value('os.getcwd()')).to.equal(`'${join(fresh.workspace, 'sub')}'`);
    expect(await fresh.value('sys.path[-1]')).to.equal(`'${join(fresh.workspace, 'sub/lib')}'`);
  });

  it('reports at restore what cannot be read back and restores the rest', async () => {
    const session = await suite.world.session();
    await session.run(`import sys, types
m = types.ModuleType('gone_module'); m.f = type('Thing', (), {'__module__': 'gone_module'}); m.Thing = m.f
sys.modules['gone_module'] = m
thing = m.Thing(); fine = 3\ndel m
class Late:
    def __setstate__(self, s): raise ValueError('never again')
    def __getstate__(self): return {'a': 1}
late = Late()`);
    const saved = await session.save();
    const fresh = await suite.world.session();
    const report = await fresh.restore(saved);
    const reasons = Object.fromEntries(report.not_kept.map(({ name, reason }) => [name, reason]));
    expect(Object.keys(reasons).sort()).to.deep.equal(['late', 'thing']);
    expect(reasons.thing).to.match(/No module named 'gone_module'/);
    expect(reasons.late).to.match(/ValueError: never again/);
    expect(await fresh.value('fine')).to.equal('3');
  });

  it('restores from an empty manifest to an empty session', async () => {
    const session = await suite.world.session();
    const report = await session.engine.restore({
      manifest: {},
      parts: [],
      read: () => Promise.reject(new Error()),
    });
    expect(report).to.deep.equal({ not_kept: [] });
    expect(await session.value('1 + 1')).to.equal('2');
  });

  it('keeps execution count, future statements and tracebacks with source lines', async () => {
    const session = await suite.world.session();
    await session.run('from __future__ import annotations');
    await session.run('def f(x: Undefined):\n    raise ValueError(x)');
    const fresh = await suite.world.session();
    await fresh.restore(await session.save());
    const report = await fresh.run('def g(y: AlsoUndefined): pass\nf(5)');
    expect(report.outcome.execution_count).to.equal(3);
    expect(report.outcome.error?.traceback).to.match(
      /File "<cell 2>", line 2, in f\n {4}raise ValueError\(x\)\nValueError: 5/,
    );
  });

  it('draws the random numbers that were to come next', async () => {
    const session = await suite.world.session();
    await session.run('import random\nrandom.random()');
    const saved = await session.save();
    const next = await session.value('random.random()');
    const fresh = await suite.world.session();
    await fresh.restore(saved);
    expect(await fresh.value('random.random()')).to.equal(next);
  });

  it('rebuilds functions from their source when another bytecode stored them', async () => {
    const session = await suite.world.session();
    await session.run(`def f(x):\n    return [y * 2 for y in range(x)]\nclass A:\n    def m(self): return 'm'\na = A()
made = eval('lambda: 1')`);
    const saved = await session.save();
    saved.content.manifest.bytecode = '00000000';
    const fresh = await suite.world.session();
    const report = await fresh.restore(saved);
    expect(report.not_kept.map(({ name }) => name)).to.deep.equal(['made']);
    expect(report.not_kept[0]?.reason).to.match(/another version of Python/);
    expect(await fresh.value('f(3), a.m()')).to.equal(`([0, 2, 4], 'm')`);
  });

  it('is disposed without being written, and twice', async () => {
    const session = await suite.world.session();
    const capture = await session.engine.capture();
    await capture.dispose();
    await capture.dispose();
    const error: unknown = await capture.write(new MemorySink()).catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'closed')).to.equal(true);
    expect(await session.value('1')).to.equal('1');
  });

  it('fails when the store refuses a part, and the session goes on', async () => {
    const session = await suite.world.session();
    await session.run('x = 1');
    const capture = await session.engine.capture();
    const sink = new MemorySink();
    sink.put = () => Promise.reject(new Error('disk full'));
    const error: unknown = await capture.write(sink).catch((thrown: unknown) => thrown);
    await capture.dispose();
    expect(error).to.have.property('message', 'disk full');
    expect(await session.value('x')).to.equal('1');
  });

  it('leaves no process behind', async () => {
    const session = await suite.world.session();
    await session.run('import os');
    await session.save();
    await session.save();
    await session.run('1');
    const children = `open('/proc/self/task/%d/children' % os.getpid()).read().strip()`;
    // Ended copies are collected with a later request.
    let left = await session.value(children);
    while (left !== `''`) left = await session.value(children);
    expect(left).to.equal(`''`);
  });
});

describe('a Python checkpoint of arrays and frames', () => {
  const suite = pythonSuite({ preload: ['numpy', 'pandas'] }, ['pandas']);

  const roundTrip = async (code: string) => {
    const session = await suite.world.session();
    const ran = await session.run(`import numpy as np, pandas as pd\n${code}`);
    expect(ran.outcome.error ?? null).to.equal(null);
    const saved = await session.save();
    expect(saved.content.not_kept).to.deep.equal([]);
    const fresh = await suite.world.session();
    expect(await fresh.restore(saved)).to.deep.equal({ not_kept: [] });
    return { fresh, saved };
  };

  it('keeps frames, series and indexes with their types', async () => {
    const { fresh } =
      await roundTrip(`df = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2026-01-01', None])})
df['d'] = df['b'].astype('category'); s = df['a'].rename('r'); g = df.set_index(['a', 'b'])`);
    expect(
      await fresh.value(`[str(t) for t in df.dtypes], s.tolist(), g.index.names, df.isna().sum().sum()`),
    ).to.equal(`(['int64', 'object', 'datetime64[ns]', 'category'], [1, 2], FrozenList(['a', 'b']), 3)`);
  });

  it('keeps arrays of every layout', async () => {
    const { fresh } =
      await roundTrip(`c = np.arange(6).reshape(2, 3); f = np.asfortranarray(c); o = np.array([1, 'x', None], dtype=object)
z = np.zeros(0); r = np.array([(1, 2.5)], dtype=[('i', 'i4'), ('d', 'f8')]); m = np.ma.masked_array([1, 2], [True, False])`);
    expect(
      await fresh.value(`c.tolist(), f.flags.f_contiguous, o.tolist(), z.size, r['d'][0], m.sum()`),
    ).to.equal(`([[0, 1, 2], [3, 4, 5]], True, [1, 'x', None], 0, 2.5, 2)`);
  });

  it('keeps a view a view of the same memory', async () => {
    const { fresh, saved } = await roundTrip(
      `a = np.arange(10.); b = a[::2]; c = a[::-1].reshape(2, 5); alone = np.arange(4)[1:]`,
    );
    expect(await fresh.value(`(b.__setitem__(0, 99), a[0], c[1, 4], a.tolist()[-1])[1:]`)).to.equal(
      '(99.0, 99.0, 9.0)',
    );
    expect(await fresh.value('alone.tolist()')).to.equal('[1, 2, 3]');
    expect(saved.sink.parts.map(({ name }) => name))
      .to.include('v:alone')
      .and.not.include('v:b');
  });

  it('stores only the reached stretch of memory that nothing else owns', async () => {
    const { fresh, saved } = await roundTrip(
      `big = np.arange(3_000_000); a = big[5:10]; b = big[8:20]; del big`,
    );
    expect(saved.sink.parts.reduce((sum, { bytes }) => sum + bytes.length, 0)).to.be.below(100_000);
    expect(await fresh.value(`(a.__setitem__(4, -1), b[1], b[-1])[1:]`)).to.equal('(-1, 19)');
  });

  it('does not tie frames together that only share labels', async () => {
    const { saved } =
      await roundTrip(`a = pd.DataFrame({'x': [1, 2]}); b = pd.DataFrame({'y': [3., 4.]}, index=a.index)
c = pd.DataFrame({'x': ['s', 't']}, columns=a.columns)`);
    expect(saved.sink.parts.map(({ name }) => name)).to.include.members(['v:a', 'v:b', 'v:c']);
  });

  it('gives unchanged frames and arrays the same hash', async () => {
    const session = await suite.world.session();
    await session.run(
      `import numpy as np, pandas as pd\ndf = pd.DataFrame({'a': range(100), 'b': list('xy') * 50}); a = np.arange(9); v = a[2:]; n = 0`,
    );
    const first = await session.save();
    await session.run('n = 1; _x = df.sum(numeric_only=True); del _x');
    const second = await session.save();
    const before = first.sink.hashes();
    const changed = Object.entries(second.sink.hashes()).filter(([name, hash]) => before[name] !== hash);
    expect(changed.map(([name]) => name).sort()).to.deep.equal(['cells:0', 'v:n']);
  });

  it('refuses an array that is too large before it copies it', async () => {
    const session = await suite.world.session();
    await session.run(`import numpy as np\nbig = np.zeros(40_000_000); box = [big]; small = np.zeros(10)`);
    const { content } = await session.save();
    expect((content.not_kept ?? []).map(({ name }) => name)).to.deep.equal(['big', 'box']);
  });

  it('keeps the legacy random state of numpy', async () => {
    const session = await suite.world.session();
    await session.run('import numpy as np\nfrom numpy.random import rand\nrand()');
    const saved = await session.save();
    expect(saved.content.not_kept).to.deep.equal([]);
    const next = await session.value('float(rand())');
    const fresh = await suite.world.session();
    await fresh.restore(saved);
    expect(await fresh.value('float(np.random.rand())')).to.equal(next);
  });

  it('takes little time from the session', async () => {
    const session = await suite.world.session();
    await session.run(`import numpy as np\nxs = [np.random.rand(1000) for _ in range(1000)]`);
    const begun = performance.now();
    const capture = await session.engine.capture();
    const took = performance.now() - begun;
    await capture.dispose();
    expect(took).to.be.below(250);
  });
});
