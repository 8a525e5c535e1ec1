/** Completion and inspection: what is known of a live Python session without running any of its code. */
import { expect } from 'chai';
import { complete, inspect } from '../src/engines/python/introspection.js';
import { needs } from './support/needs.js';
import { PythonWorld, pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

const context = () => ({ signal: new AbortController().signal, inputSeq: 99, emit: () => undefined });

/** The cursor stands where the code has a `|`, else at its end; counted in characters. */
const at = (code: string) => ({
  code: code.replace('|', ''),
  ...(code.includes('|') ? { cursor_pos: Array.from(code.slice(0, code.indexOf('|'))).length } : {}),
});
const completion = (session: PythonSession, code: string) =>
  complete.run(session.engine, complete.params.parse(at(code)), context());
const matches = async (session: PythonSession, code: string) => (await completion(session, code)).matches;
const inspection = (session: PythonSession, code: string, detail_level: 0 | 1 = 0) =>
  inspect.run(session.engine, inspect.params.parse({ ...at(code), detail_level }), context());
const described = async (session: PythonSession, code: string, detail_level: 0 | 1 = 0) =>
  String((await inspection(session, code, detail_level)).data['text/plain']);

/** A class whose every hook leaves a trace. */
const loud = `ran = []
class Loud:
    """A loud class."""
    __slots__ = ('slot', '__dict__')
    def __init__(self): self.plain = [1]; self.slot = 'text'
    def __getattr__(self, name): ran.append(name); return self
    def __dir__(self): ran.append('dir'); return ['made']
    def __repr__(self): ran.append('repr'); return 'x'
    def __call__(self, *a): ran.append('call'); return self
    def __getitem__(self, key): ran.append('item'); return self
    def keys(self): ran.append('keys'); return ['k']
    @property
    def computed(self): ran.append('property'); return self
class Meta(type):
    def __getattribute__(cls, name): ran.append('meta'); return type.__getattribute__(cls, name)
class Child(Loud, metaclass=Meta): pass
loud = Loud(); child = Child(); many = {'k': loud}; ran.clear()`;

describe('completion in a Python session', () => {
  const suite = pythonSuite({ readLimitMs: 5000 });

  it('K-15: completes a keyword from where it begins to the cursor', async () => {
    const session = await suite.world.session();
    const answer = await completion(session, 'impor|');
    expect(answer).to.deep.equal({ matches: ['import'], cursor_start: 0, cursor_end: 5, metadata: {} });
  });

  it('K-15: completes an attribute of a module that only the code itself imports', async () => {
    const session = await suite.world.session();
    expect(await completion(session, 'import math\nmath.sq')).to.deep.include({
      matches: ['sqrt'],
      cursor_start: 17,
      cursor_end: 19,
    });
  });

  it('knows names, builtins and keywords, those with an underscore only when one was begun', async () => {
    const session = await suite.world.session();
    await session.run('value_a = 1; value_b = 2; _value = 3');
    expect(await matches(session, 'x = valu')).to.deep.equal(['value_a', 'value_b']);
    expect(await matches(session, '_val')).to.deep.equal(['_value']);
    expect(await matches(session, 'print(whi')).to.deep.equal(['while']);
    expect(await matches(session, 'isinst')).to.deep.equal(['isinstance']);
    expect(await matches(session, ''))
      .to.include.members(['value_a', 'print', 'for'])
      .and.not.include('_value');
  });

  it('follows attributes, and items of plain containers under plain keys', async () => {
    const session = await suite.world.session();
    await session.run(`class A:
    def __init__(self): self.inner = {'list': [1], 'text': 'x'}
    def method(self): pass
    @classmethod
    def made(cls): pass
a = A(); d = {'a': A()}`);
    expect(await matches(session, 'a.')).to.deep.equal(['inner', 'made', 'method']);
    expect(await matches(session, `a.inner['list'].app`)).to.deep.equal(['append']);
    expect(await matches(session, `a.inner["text"].is_a`)).to.deep.equal([]);
    expect(await matches(session, `f(d['a'].inner['list'][0].bit_l`)).to.deep.equal(['bit_length']);
    expect(await matches(session, `'text'.upp`)).to.deep.equal(['upper']);
    expect(await matches(session, '[1, 2].app')).to.deep.equal(['append']);
  });

  it('completes keys of dicts inside and before the quotes', async () => {
    const session = await suite.world.session();
    await session.run(`d = {'alpha': {'beta': 1}, "it's": 2, 7: 3, (1,): 4}`);
    expect(await completion(session, `d['al|']`)).to.deep.include({
      matches: ['alpha'],
      cursor_start: 3,
      cursor_end: 5,
    });
    expect(await matches(session, `d["alpha"]['`)).to.deep.equal(['beta']);
    expect(await matches(session, `d['it`)).to.deep.equal([`it\\'s`]);
    expect((await matches(session, 'd[')).slice(0, 3)).to.deep.equal([`'alpha'`, `"it's"`, '7']);
  });

  it('completes modules, their parts and what they define, and imports none of them', async () => {
    const session = await suite.world.session();
    await session.run(`import sys, os\nbefore = set(sys.modules); os.mkdir('own_package')
open('own_package/__init__.py', 'w').write('import os\\nraise SystemExit')
open('own_package/part_one.py', 'w').write('def visible(): pass\\nclass Known: pass\\na, (b, c) = 1, (2, 3)\\n')`);
    expect(await matches(session, 'import own_p')).to.deep.equal(['own_package']);
    expect(await matches(session, 'import os, own_package.pa')).to.deep.equal(['part_one']);
    expect(await matches(session, 'from own_package.part_one import ')).to.deep.equal([
      'Known',
      'a',
      'b',
      'c',
      'visible',
    ]);
    expect(await matches(session, 'import own_package.part_one as p\np.vis')).to.deep.equal(['visible']);
    expect(await matches(session, 'from os import (path, getp')).to.include('getpid');
    expect(await matches(session, 'from os ')).to.deep.equal(['import']);
    expect(await matches(session, 'import xml.et')).to.deep.equal(['etree']);
    expect(await session.value('set(sys.modules) - before')).to.equal('set()');
  });

  it('completes names of parameters in a call', async () => {
    const session = await suite.world.session();
    await session.run(`import functools
def f(first, /, second, *rest, third=1, **more): pass
@functools.wraps(f)
def g(*a, **k): pass
class C:
    def __init__(self, size, colour=None): pass
    def method(self, width): pass`);
    const named = async (code: string) => (await matches(session, code)).filter((name) => name.endsWith('='));
    expect(await named('f(1, ')).to.deep.equal(['second=', 'third=']);
    expect(await named('g(thi')).to.deep.equal(['third=']);
    expect(await named('x = C(1, co')).to.deep.equal(['colour=']);
    expect(await named('C(1).method(')).to.deep.equal([]);
    expect(await named('print(f(1, se')).to.deep.equal(['second=']);
    expect(await named('sorted([], ')).to.deep.equal(['key=', 'reverse=']);
    expect(await named('def f(')).to.deep.equal([]);
  });

  it('is silent in comments, in plain strings, after numbers and after calls', async () => {
    const session = await suite.world.session();
    for (const code of ['# pri', `'pri`, `"""\npri`, '1.', 'dict().ke', 'unknown.na', ')pri.x', 'x = (']) {
      expect(
        (await matches(session, code)).filter((name) => code !== 'x = (' && name),
        code,
      ).to.deep.equal([]);
    }
  });

  it('counts characters as Python does', async () => {
    const session = await suite.world.session();
    await session.run('größe_𝕏 = 1');
    expect(await completion(session, `s = '𝕏𝕏'; grö`)).to.deep.equal({
      matches: ['größe_X'],
      cursor_start: 10,
      cursor_end: 13,
      metadata: {},
    });
  });

  it('runs nothing of the session: no property, no __getattr__, no __dir__, no call, no item', async () => {
    const session = await suite.world.session();
    await session.run(loud);
    for (const code of [
      'loud.',
      'loud.computed.',
      'loud.missing.',
      'loud().',
      `loud['`,
      'loud[0].',
      'child.',
      'Child.',
      'loud(',
      `many['k'].computed.`,
    ]) {
      await completion(session, code);
      await inspection(session, code.replace(/[.(]$/, ''), 1);
    }
    expect(await session.value('ran')).to.equal('[]');
    expect(await matches(session, 'loud.')).to.deep.equal(['computed', 'keys', 'plain', 'slot']);
    expect(await matches(session, 'loud.slot.upp')).to.deep.equal(['upper']);
  });

  it('has an end: many names, long code, deep code', async () => {
    const session = await suite.world.session();
    await session.run(`for number in range(5000): globals()[f'name_{number}'] = number`);
    expect(await matches(session, 'name_')).to.have.length(1000);
    expect(await matches(session, `${'x = [1]\n'.repeat(100_000)}whi`)).to.deep.equal(['while']);
    expect(await matches(session, `${'('.repeat(200_000)}whi`)).to.deep.equal(['while']);
    expect(await matches(session, `${'('.repeat(50_000)}a${')'.repeat(50_000)}.x`)).to.deep.equal([]);
  });

  it('answers each question, whatever was asked before', async () => {
    const session = await suite.world.session();
    await session.run('alpha = 1; beta = 2');
    const asked = ['alp', 'bet', 'impor', 'alp'].map((code) => matches(session, code));
    expect(await Promise.all(asked)).to.deep.equal([['alpha'], ['beta'], ['import'], ['alpha']]);
  });
});

describe('completion of frames and arrays', () => {
  before(async function () {
    await needs.pythonModule(this, 'pandas');
  });
  after(() => PythonWorld.closeAll());

  it('knows columns as keys and as attributes', async () => {
    const world = await PythonWorld.open({ preload: ['pandas'] });
    const session = await world.session();
    await session.run(`import pandas as pd, numpy as np
df = pd.DataFrame({'age': [1], 'name': ['x'], 'two words': [2]}); rec = np.zeros(1, dtype=[('field', 'f8')])`);
    expect(await matches(session, `df['`)).to.deep.equal(['age', 'name', 'two words']);
    expect(await matches(session, `df["na`)).to.deep.equal(['name']);
    expect(await matches(session, 'df.ag')).to.include('age');
    expect(await matches(session, `df['age'].me`)).to.include('mean');
    expect(await matches(session, `rec['`)).to.deep.equal(['field']);
    expect((await matches(session, 'pd.read_csv(x, se'))[0]).to.equal('sep=');
    expect(await described(session, 'df')).to.match(/^Type: +DataFrame\nString form: +DataFrame 1×3/);
  });
});

describe('inspection in a Python session', () => {
  const suite = pythonSuite();

  it('K-16: finds a builtin from a cursor inside its name, and says what it does', async () => {
    const session = await suite.world.session();
    const answer = await inspection(session, 'pri|nt');
    expect(answer.found).to.equal(true);
    expect(answer.data['text/plain'])
      .to.include('print(')
      .and.match(/Type: +builtin_function_or_method/);
    expect(answer.metadata).to.deep.equal({});
  });

  it('K-16: says that it found nothing', async () => {
    const session = await suite.world.session();
    const nothing = { found: false, data: {}, metadata: {} };
    for (const code of ['nos|uch', '', 'import', '1 +', 'a.b.c']) {
      expect(await inspection(session, code)).to.deep.equal(nothing);
    }
  });

  it('tells signature, documentation, type and place of a function of the session, and its source', async () => {
    const session = await suite.world.session();
    await session.run(
      `def f(a, b: int = 2, *rest, c='x', **more) -> str:\n    """Does it.\n\n    Well."""\n    return 1`,
    );
    expect(await described(session, 'f')).to
      .equal(`Signature:      f(a, b: int = 2, *rest, c='x', **more) -> str
Type:           function
Docstring:
Does it.

Well.
File:           <cell 1>`);
    expect(await described(session, 'f', 1)).to.include('Source:\ndef f(a, b: int = 2');
    expect(await described(session, 'x = f(1, |2')).to.include('Signature:      f(');
    await session.run('import linecache; linecache.clearcache()');
    expect(await described(session, 'f', 1)).to.include('    return 1');
  });

  it('tells classes, methods and values apart', async () => {
    const session = await suite.world.session();
    await session.run(`class Base:
    "The base."
    def __init__(self, size, *, colour=None): self.size = size
    def method(self, width=[1]): pass
b = Base({'k': 1})`);
    expect(await described(session, 'Base')).to.match(/^Init signature: Base\(size, \*, colour=None\)/);
    expect(await described(session, 'Base', 1)).to.include('Source:\nclass Base:\n    "The base."');
    expect(await described(session, 'b.method')).to.match(/^Signature: +method\(width=\[1\]\)/);
    expect(await described(session, 'b')).to.equal(
      'Type:           Base\nString form:    <Base object>\nDocstring:      The base.',
    );
    expect(await described(session, 'b.size')).to.match(/String form: +\{'k': 1\}\nLength: +1/);
    expect(await described(session, 'str.join')).to.include('Concatenate any number of strings.');
    expect(await described(session, 'import json\njson.du|mps')).to.include('skipkeys=False');
    expect(await described(session, 'import os\nos')).to.match(/^Type: +module/);
  });

  it('shows defaults and documentation without running them, in bounded length', async () => {
    const session = await suite.world.session();
    await session.run(`${loud}
def f(a=loud, b='x' * 1_000_000): pass
f.__doc__ = 'd' * 10_000_000
class Doc: __doc__ = property(lambda self: ran.append('doc'))
doc = Doc()`);
    const text = await described(session, 'f');
    expect(text).to.match(/^Signature: +f\(a=<Loud object>, b='x+'?…/);
    expect(text.length).to.be.below(70_000);
    await inspection(session, 'doc');
    expect(await session.value('ran')).to.equal('[]');
  });
});
