/** Listing, reading and writing variables: types, sizes and previews that never run code of the session. */
import { expect } from 'chai';
import { getVariable, listVariables, setVariable } from '../src/engines/python/operations.js';
import { isSojournError } from '../src/types/errors.js';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

const context = (signal = new AbortController().signal) => ({ signal, inputSeq: 99, emit: () => undefined });

const list = async (session: PythonSession, params: { all?: boolean } = {}) =>
  listVariables.result.parse(await listVariables.run(session.engine, params, context()));
const get = async (session: PythonSession, name: string) =>
  getVariable.result.parse(await getVariable.run(session.engine, { name }, context()));
const codeOf = (error: unknown) => (isSojournError(error) ? error.code : error);

describe('the variables of a Python session', () => {
  const suite = pythonSuite({ interruptGraceMs: 200 });

  it('are listed with type and preview, without modules and private names', async () => {
    const session = await suite.world.session();
    await session.run(`import math, datetime
n, text, items, nothing = 1, 'é', [1, 'x', (2,)], None
empty, one, nested = set(), (1,), {'k': {'deep': [1, {'d': [2]}]}}
day = datetime.date(2026, 1, 2); big = 10 ** 5000
def f(a, b=1, *rest, c, **more): pass
class A: pass
a = A(); _hidden = 1`);
    const { variables, variable_count } = await list(session);
    const previews = Object.fromEntries(
      variables.map(({ name, type, preview }) => [name, `${type}: ${preview}`]),
    );
    expect(previews).to.deep.equal({
      n: 'int: 1',
      text: `str: 'é'`,
      items: `list: [1, 'x', (2,)]`,
      nothing: 'NoneType: None',
      empty: 'set: set()',
      one: 'tuple: (1,)',
      nested: `dict: {'k': {'deep': [1, {'d': […]}]}}`,
      day: 'date: datetime.date(2026, 1, 2)',
      big: 'int: <int of 16610 bits>',
      A: `type: <class 'A'>`,
      a: 'A: <A object>',
    });
    expect(variable_count).to.equal(11);
    expect((await session.run('0')).outcome.variable_count).to.equal(11);
  });

  it('K-22: are listed without modules, functions and private names, unless all are asked for', async () => {
    const session = await suite.world.session();
    await session.run(`x = 1; import math; _h = 2\nfrom math import sqrt\ndef f(): pass\ng = lambda: 1`);
    expect((await list(session)).variables.map(({ name }) => name)).to.deep.equal(['x']);
    const { variables, variable_count } = await list(session, { all: true });
    const names = variables.map(({ name }) => name);
    expect(names).to.include.members(['x', 'math', '_h', 'sqrt', 'f', 'g']).and.not.include('__builtins__');
    expect(variable_count).to.equal(names.length);
  });

  it('P-03: are listed with name, type and a size in bytes', async () => {
    const session = await suite.world.session();
    await session.run(`n = 42; items = [1, 2, 3]; import decimal; d = decimal.Decimal('1')`);
    const { variables } = await list(session);
    expect(variables.map(({ name, type, module }) => [name, type, module])).to.deep.equal([
      ['n', 'int', undefined],
      ['items', 'list', undefined],
      ['d', 'Decimal', 'decimal'],
    ]);
    for (const { size_bytes } of variables) expect(size_bytes).to.be.above(0);
    expect(variables[1]).to.include({ length: 3 }).and.not.have.property('size_estimated');
  });

  it('have sizes near the truth also where there is too much to measure, which is marked', async () => {
    const session = await suite.world.session();
    await session.run(`texts = [str(number) * 10 for number in range(200_000)]
nested = [{'k': [number] * 10, 'v': str(number)} for number in range(50_000)]
import sys
true_texts = sys.getsizeof(texts) + sum(map(sys.getsizeof, texts))
true_nested = sys.getsizeof(nested) + sum(sys.getsizeof(d) + sys.getsizeof(d['k']) + sys.getsizeof(d['v']) for d in nested)`);
    const { variables } = await list(session);
    const found = Object.fromEntries(variables.map((variable) => [variable.name, variable]));
    for (const name of ['texts', 'nested']) {
      const truth = Number(await session.value(`true_${name}`));
      expect(found[name], name).to.include({ size_estimated: true });
      expect(found[name]?.size_bytes, name).to.be.within(0.5 * truth, 1.5 * truth);
    }
  });

  it('are listed up to a number, and counted beyond it', async () => {
    const session = await suite.world.session();
    await session.run(`for _n in range(12_000): globals()['name_%d' % _n] = None`);
    const { variables, variable_count, truncated } = await list(session);
    expect([variables.length, variable_count, truncated]).to.deep.equal([10_000, 12_000, true]);
  });

  it('are listed without running any code of theirs', async () => {
    const session = await suite.world.session();
    await session.run(`ran = []
class Loud:
    def __repr__(self): ran.append('repr'); return 'x'
    __str__ = __len__ = __iter__ = __sizeof__ = __hash__ = __repr__
    def __getattribute__(self, name): ran.append(name); return object.__getattribute__(self, name)
    @property
    def shape(self): ran.append('shape')
class Many(list):
    def __iter__(self): ran.append('iter'); return iter(())
    def __len__(self): ran.append('len'); return 0
loud = Loud(); many = Many([loud]); box = [loud, {'k': many}]
class Meta(type):
    def __getattribute__(cls, name): ran.append('meta'); return type.__getattribute__(cls, name)
    def __repr__(cls): ran.append('meta'); return 'M'
class M(metaclass=Meta): pass
m = M(); ran.clear()`);
    const { variables } = await list(session);
    expect(variables.find(({ name }) => name === 'box')?.preview).to.equal(
      `[<Loud object>, {'k': <Many object>}]`,
    );
    expect(await session.value('ran')).to.equal('[]');
  });

  it('have previews of at most 200 characters, however large they are', async () => {
    const session = await suite.world.session();
    await session.run(`a = 'x' * 10_000_000; b = list(range(3_000_000)); c = {i: 'y' * 1000 for i in range(1000)}
d = [d_ := []]
for _i in range(5000): d_.append(e := []); d_ = e
del d_, e`);
    const { variables } = await list(session);
    for (const { preview } of variables) expect(preview.length).to.be.at.most(200);
    expect(variables.map(({ name }) => name)).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(variables[0]?.size_bytes).to.be.within(10_000_000, 10_001_000);
  });

  it('are read one by one, as text and richer', async () => {
    const session = await suite.world.session();
    await session.run(`class R:\n    def __repr__(self): return 'R!'\n    def _repr_html_(self): return '<b>'\nr = R()
class Bad:\n    def __repr__(self): return 1/0\nbad = Bad()`);
    expect((await get(session, 'r')).data).to.deep.equal({ 'text/plain': 'R!', 'text/html': '<b>' });
    expect((await get(session, 'bad')).data?.['text/plain']).to.match(
      /its repr\(\) failed: ZeroDivisionError/,
    );
  });

  it('are not found under an unknown name', async () => {
    const session = await suite.world.session();
    expect(codeOf(await get(session, 'nope').catch((error: unknown) => error))).to.equal(
      'variable_not_found',
    );
  });

  it('are set to JSON values under names that Python allows', async () => {
    const session = await suite.world.session();
    const value = { a: [1, 2.5, null, true, 'é'] };
    const set = (name: string) => setVariable.run(session.engine, { name, value }, context());
    expect(await set('größe')).to.deep.include({ name: 'größe', type: 'dict' });
    expect(await session.value('größe')).to.equal(`{'a': [1, 2.5, None, True, 'é']}`);
    for (const name of ['class', '1a', 'a b', '__builtins__']) {
      expect(codeOf(await set(name).catch((error: unknown) => error))).to.equal('invalid_params');
    }
  });

  it('wait for the run before them', async () => {
    const session = await suite.world.session();
    const run = session.run('import time; time.sleep(0.05); x = 1');
    expect((await list(session)).variables.map(({ name }) => name)).to.deep.equal(['x']);
    await run;
  });

  it('whose repr() never ends can be given up', async () => {
    const session = await suite.world.session();
    await session.run(`class Slow:\n    def __repr__(self):\n        while True: pass\nslow = Slow()`);
    const controller = new AbortController();
    const reading = getVariable.run(session.engine, { name: 'slow' }, context(controller.signal));
    setImmediate(() => controller.abort('interrupted'));
    expect(codeOf(await reading.catch((error: unknown) => error))).to.equal('timeout');
    expect(await session.value('1')).to.equal('1');
  });
});

describe('the arrays and frames of a Python session', () => {
  const suite = pythonSuite({ preload: ['numpy', 'pandas'] }, ['pandas']);

  it('are listed with shape, dtypes, the first values and the size of their buffers', async () => {
    const session = await suite.world.session();
    await session.run(`import numpy as np, pandas as pd
a = np.arange(12.).reshape(3, 4); o = np.array([object()], dtype=object); f = np.float64(1.5)
df = pd.DataFrame({'x': range(1000), 'y': ['s'] * 1000}); s = df['x']`);
    const { variables } = await list(session);
    const found = Object.fromEntries(variables.map((variable) => [variable.name, variable]));
    expect(found.a).to.deep.include({
      type: 'ndarray',
      shape: [3, 4],
      size_bytes: 96 + 112,
      dtype: 'float64',
    });
    expect(found.a?.preview).to.equal('array(shape=(3, 4), dtype=float64) [0, 1, 2, 3, 4, 5, 6, 7, …]');
    expect(found.o?.preview).to.equal('array(shape=(1,), dtype=object)');
    expect(found.df).to.deep.include({ type: 'DataFrame', shape: [1000, 2] });
    expect(found.df?.preview).to.equal(`DataFrame 1000×2: 'x' int64, 'y' object; first row: 0, 's'`);
    expect(found.df?.size_bytes).to.be.within(16_000, 17_000);
    expect(found.s?.preview).to.equal('Series 1000 int64: 0, 1, 2, 3, 4, 5, 6, 7, …');
    expect(found.f?.preview).to.equal('1.5');
  });
});
