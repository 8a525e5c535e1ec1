/** One variable in the form that is asked for: JSON, a mime bundle, an Arrow stream, or only some of its rows. */
import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { SojournClient } from '../src/client/sojourn-client.js';
import { getVariable, setVariable } from '../src/engines/python/operations.js';
import type { RunningServer } from '../src/server.js';
import { failure } from './support/python-fates.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { pythonSuite } from './support/python-world.js';
import type { PythonSession } from './support/python-world.js';

const context = () => ({ signal: new AbortController().signal, inputSeq: 99, emit: () => undefined });

const get = async (session: PythonSession, params: Record<string, unknown>) =>
  getVariable.result.parse(
    await getVariable.run(session.engine, getVariable.params.parse(params), context()),
  );
const json = async (session: PythonSession, name: string, rows: { start?: number; end?: number } = {}) => {
  const { value, exact } = await get(session, { name, format: 'json', ...rows });
  return { value, exact };
};
const refusal = async (session: PythonSession, params: Record<string, unknown>) => {
  const error = await failure(get(session, params));
  return `${error.code}: ${error.detail}`;
};
const table = async (session: PythonSession, params: Record<string, unknown>) => {
  const { base64 = '' } = await get(session, { format: 'arrow', ...params });
  return tableFromIPC(Buffer.from(base64, 'base64'));
};

describe('the forms of a variable', () => {
  const suite = pythonSuite();

  it('are text with the JSON value where JSON has the same, by default', async () => {
    const session = await suite.world.session();
    await session.run(`same = {'a': [1, 2.5, None, True, 'é']}; other = (1,); large = ['x' * 1000] * 2000`);
    expect(await get(session, { name: 'same' })).to.deep.include({
      data: { 'text/plain': `{'a': [1, 2.5, None, True, 'é']}` },
      value: { a: [1, 2.5, null, true, 'é'] },
      length: 1,
    });
    expect(await get(session, { name: 'other' })).to.not.have.property('value');
    expect(await get(session, { name: 'large' })).to.not.have.property('value');
    expect(await get(session, { name: 'same', format: 'mime' })).to.not.have.property('value');
  });

  it('are JSON by one rule for each type, marked where something was changed', async () => {
    const session = await suite.world.session();
    await session.run(`import datetime, decimal, uuid, collections, enum
exact = {'n': [0, -1, 2**53 - 1, 1e300, '', False]}
numbers = [float('nan'), float('inf'), 2**53, -10**30]
lists = [(1, (2,)), {3}, range(2), frozenset([4])]
texts = [b'ab', bytearray(b'c'), decimal.Decimal('1.10'), uuid.UUID(int=1)]
times = [datetime.datetime(2026, 1, 2, 3, 4), datetime.date(2026, 1, 2), datetime.time(5)]
keys = {1: 'a', None: 'b', 2.5: 'c', (1, 'x'): 'd', datetime.date(2026, 1, 2): 'e'}
class Colour(enum.IntEnum): RED = 7
class Text(str):
    def __len__(self): return -1
derived = [collections.Counter('aa'), collections.OrderedDict(x=1), Colour.RED, Text('t'), collections.namedtuple('P', 'a b')(1, 2)]`);
    expect(await json(session, 'exact')).to.deep.equal({
      value: { n: [0, -1, Number.MAX_SAFE_INTEGER, 1e300, '', false] },
      exact: true,
    });
    const changed = async (name: string, value: unknown) =>
      expect(await json(session, name), name).to.deep.equal({ value, exact: false });
    await changed('numbers', [null, null, '9007199254740992', `-1${'0'.repeat(30)}`]);
    await changed('lists', [[1, [2]], [3], [0, 1], [4]]);
    await changed('texts', ['YWI=', 'Yw==', '1.10', '00000000-0000-0000-0000-000000000001']);
    await changed('times', ['2026-01-02T03:04:00', '2026-01-02', '05:00:00']);
    await changed('keys', { 1: 'a', None: 'b', 2.5: 'c', "('1', 'x')": 'd', '2026-01-02': 'e' });
    await changed('derived', [{ a: 2 }, { x: 1 }, 7, 't', [1, 2]]);
  });

  it('are refused as JSON with the place of what has none', async () => {
    const session = await suite.world.session();
    await session.run(`class A: pass
thing = {'a': [1, A()]}; twice = {1: 'a', '1': 'b'}; endless = []; endless.append(endless); huge = list(range(3_000_000))`);
    const asked = (name: string) => refusal(session, { name, format: 'json' });
    expect(await asked('thing')).to.equal(`not_supported: 'thing' has no JSON form: A object at ['a'][1].`);
    expect(await asked('twice')).to.equal(
      `not_supported: 'twice' has two keys that are the same in JSON: 1.`,
    );
    expect(await asked('endless')).to.match(/^not_supported: 'endless' is nested deeper than 64/);
    expect(await asked('huge')).to.match(
      /^payload_too_large: 'huge' is larger than 16777216 bytes.*start and end/,
    );
    expect((await json(session, 'huge', { start: 2_999_998 })).value).to.deep.equal([2_999_998, 2_999_999]);
  });

  it('run no code of the session as JSON', async () => {
    const session = await suite.world.session();
    await session.run(`ran = []
class Meta(type):
    def __eq__(cls, other): ran.append('eq'); return True
    __hash__ = type.__hash__
class Odd(dict, metaclass=Meta):
    def items(self): ran.append('items'); return []
    def __iter__(self): ran.append('iter'); return iter(())
    def __repr__(self): ran.append('repr'); return ''
odd = Odd(a=1)`);
    expect((await json(session, 'odd')).value).to.deep.equal({ a: 1 });
    await refusal(session, { name: 'odd', format: 'arrow' });
    await refusal(session, { name: 'odd', start: 0 });
    expect(await session.value('ran')).to.equal('[]');
  });

  it('are some rows where some are asked for', async () => {
    const session = await suite.world.session();
    await session.run(`items = list(range(10)); text = 'abcdef'; number = 5`);
    expect(await get(session, { name: 'items', format: 'json', start: 2, end: 4 })).to.deep.include({
      value: [2, 3],
      rows: { start: 2, end: 4, total: 10 },
      length: 10,
    });
    expect(await get(session, { name: 'text', start: 4 })).to.deep.include({
      data: { 'text/plain': `'ef'` },
      rows: { start: 4, end: 6, total: 6 },
    });
    expect((await get(session, { name: 'items', format: 'json', start: 20, end: 30 })).rows).to.deep.equal({
      start: 10,
      end: 10,
      total: 10,
    });
    expect(await refusal(session, { name: 'number', start: 0 })).to.match(/^invalid_params: .*no rows/);
  });

  it('are set from JSON exactly, or not at all', async () => {
    const session = await suite.world.session();
    const set = (value: unknown) =>
      setVariable.run(session.engine, setVariable.params.parse({ name: 'x', value }), context());
    const nested = { a: [{ b: [null, true, 1.5, -3, 'é\u0000'] }], '': {} };
    await set(nested);
    expect(await json(session, 'x')).to.deep.equal({ value: nested, exact: true });
    await set(Number.MAX_SAFE_INTEGER);
    expect(await session.value('x')).to.equal('9007199254740991');
    await set(1e300);
    expect(await session.value('x == 1e300')).to.equal('True');
    await set('12345678901234567890');
    expect(await session.value('int(x) + 1')).to.equal('12345678901234567891');
    for (const value of [NaN, Infinity, 2 ** 53, [{ a: -(2 ** 60) }], undefined, () => 1]) {
      expect(setVariable.params.safeParse({ name: 'x', value }).success).to.equal(false);
    }
  });

  it('name what has no columns, and pyarrow where it would help', async () => {
    const session = await suite.world.session();
    await session.run('items = [1]');
    expect(await refusal(session, { name: 'items', format: 'arrow' })).to.equal(
      `not_supported: 'items' is no table: a list has no columns.`,
    );
  });
});

describe('the forms of frames and arrays', () => {
  const suite = pythonSuite({ preload: ['pandas'] }, ['pandas']);

  const withFrame = async () => {
    const session = await suite.world.session();
    await session.run(`import numpy as np, pandas as pd
df = pd.DataFrame({'n': [1, 2, 3], 'x': [0.5, np.nan, np.inf], 's': ['é', None, 'zz'], 'b': [True, False, True],
    't': pd.to_datetime(['2026-01-01', None, '2026-01-03']), 'c': pd.Categorical(['p', 'q', None]),
    'i': pd.array([1, None, 3], dtype='Int64')}, index=['r1', 'r2', 'r3'])
long = pd.DataFrame({'k': range(1000)})`);
    return session;
  };

  it('are columns, index and rows as JSON, with null for what is missing', async () => {
    const session = await withFrame();
    expect(await json(session, 'df')).to.deep.equal({
      exact: false,
      value: {
        columns: ['n', 'x', 's', 'b', 't', 'c', 'i'],
        index: ['r1', 'r2', 'r3'],
        data: [
          [1, 0.5, 'é', true, '2026-01-01T00:00:00', 'p', 1],
          [2, null, null, false, null, 'q', null],
          [3, null, 'zz', true, '2026-01-03T00:00:00', null, 3],
        ],
      },
    });
    await session.run(`s = df['n']; a = np.array([[1, 2], [3, 4]]); f = np.float32(0.5)`);
    expect((await json(session, 's')).value).to.deep.equal({
      name: 'n',
      index: ['r1', 'r2', 'r3'],
      data: [1, 2, 3],
    });
    expect((await json(session, 'a')).value).to.deep.equal([
      [1, 2],
      [3, 4],
    ]);
    expect((await json(session, 'f')).value).to.equal(0.5);
  });

  it('are an Arrow stream that another reader understands', async () => {
    const session = await withFrame();
    const read = await table(session, { name: 'df' });
    // Which unit a date has depends on the version of pandas.
    const kinds = read.schema.fields.map(({ name, type }) => `${name}: ${String(type).replace(/<.*/, '')}`);
    expect(kinds).to.deep.equal([
      'index: Utf8',
      'n: Int64',
      'x: Float64',
      's: Utf8',
      'b: Bool',
      't: Timestamp',
      'c: Utf8',
      'i: Int64',
    ]);
    const column = (name: string) => [...(read.getChild(name) ?? [])] as unknown[];
    expect(column('index')).to.deep.equal(['r1', 'r2', 'r3']);
    expect(column('n')).to.deep.equal([1n, 2n, 3n]);
    expect(column('x')).to.deep.equal([0.5, null, Infinity]);
    expect(column('s')).to.deep.equal(['é', null, 'zz']);
    expect(column('b')).to.deep.equal([true, false, true]);
    expect(column('t')).to.deep.equal([Date.UTC(2026, 0, 1), null, Date.UTC(2026, 0, 3)]);
    expect(column('c')).to.deep.equal(['p', 'q', null]);
    expect(column('i')).to.deep.equal([1n, null, 3n]);
  });

  it('are an Arrow stream for every kind of array and for no rows at all', async () => {
    const session = await withFrame();
    await session.run(`small = [np.array([1, 2], dtype=kind) for kind in ('i1', 'u2', '>i4', 'f2', 'f4', '?')]
one, two, big, half, single, flag = small
grid = np.arange(6).reshape(3, 2).T; rec = np.array([(1, 'x')], dtype=[('k', 'u1'), ('v', 'U1')])
zone = pd.Series(pd.to_datetime(['2026-01-01T00:00']).tz_localize('Europe/Berlin'), name='z')
took = pd.Series(pd.to_timedelta([1, None], unit='s')); none = pd.DataFrame({'a': np.zeros(0)}); nothing = pd.DataFrame(index=range(0))
many = pd.DataFrame(np.zeros((1, 2000)))`);
    const values = async (name: string) => (await table(session, { name })).toArray().map(String);
    expect(await values('one')).to.deep.equal(['{"value": 1}', '{"value": 2}']);
    expect(await values('big')).to.deep.equal(['{"value": 1}', '{"value": 2}']);
    expect(await values('half')).to.deep.equal(['{"value": 1}', '{"value": 2}']);
    expect(await values('flag')).to.deep.equal(['{"value": true}', '{"value": true}']);
    expect(await values('grid')).to.deep.equal(['{"0": 0, "1": 2, "2": 4}', '{"0": 1, "1": 3, "2": 5}']);
    expect(await values('rec')).to.deep.equal(['{"k": 1, "v": "x"}']);
    const zoned = await table(session, { name: 'zone' });
    expect(String(zoned.schema.fields[0]?.type)).to.match(/^Timestamp<\w+, Europe\/Berlin>$/);
    expect([...(zoned.getChild('z') ?? [])]).to.deep.equal([Date.UTC(2025, 11, 31, 23)]);
    expect((await table(session, { name: 'took' })).getChild('value')?.nullCount).to.equal(1);
    expect((await table(session, { name: 'none' })).numRows).to.equal(0);
    expect((await table(session, { name: 'nothing' })).numCols).to.equal(0);
    expect((await table(session, { name: 'many' })).numCols).to.equal(2000);
  });

  it('are refused as Arrow with the column that has no form, and when they are too large', async () => {
    const session = await withFrame();
    await session.run(`mixed = pd.DataFrame({'good': [1], 'bad': [1j]})
cube = np.zeros((2, 2, 2)); huge = pd.DataFrame({'x': np.zeros(3_000_000)}); texts = pd.DataFrame({'t': ['x' * 20_000_000]})`);
    expect(await refusal(session, { name: 'mixed', format: 'arrow' })).to.match(
      /^not_supported: 'mixed' has no Arrow form: column bad holds complex\./,
    );
    expect(await refusal(session, { name: 'cube', format: 'arrow' })).to.match(
      /^not_supported: .*3 dimensions/,
    );
    expect(await refusal(session, { name: 'huge', format: 'arrow' })).to.match(/^payload_too_large: /);
    expect(await refusal(session, { name: 'texts', format: 'arrow' })).to.match(/^payload_too_large: /);
    expect((await table(session, { name: 'huge', start: 2_000_000, end: 2_000_010 })).numRows).to.equal(10);
    expect(await session.value('1')).to.equal('1');
  });

  it('are some rows where some are asked for', async () => {
    const session = await withFrame();
    const part = await get(session, { name: 'long', format: 'json', start: 998, end: 5000 });
    expect(part).to.deep.include({ rows: { start: 998, end: 1000, total: 1000 }, shape: [1000, 1] });
    expect(part.value).to.deep.equal({ columns: ['k'], index: [998, 999], data: [[998], [999]] });
    expect([...((await table(session, { name: 'long', end: 2 })).getChild('k') ?? [])]).to.deep.equal([
      0n,
      1n,
    ]);
    expect((await get(session, { name: 'long', start: 7, end: 8 })).data?.['text/plain']).to.equal(
      '   k\n7  7',
    );
  });

  it('are listed with columns, dtypes and the size of their buffers', async () => {
    const session = await withFrame();
    await session.run(`index = pd.DataFrame({'v': np.zeros(1000)}, index=np.arange(1000) * 2); index`);
    const frame = await get(session, { name: 'index', format: 'mime', end: 1 });
    expect(frame).to.deep.include({
      type: 'DataFrame',
      size_bytes: 16_000,
      shape: [1000, 1],
      columns: [{ name: 'v', dtype: 'float64' }],
    });
  });
});

describe('a variable over HTTP', () => {
  let server: RunningServer;
  let client: SojournClient;

  before(async function () {
    await needs.pythonModule(this, 'pandas');
    server = await openServer({ auth: 'none', python: { preload: ['pandas'] } });
    client = await SojournClient.connect({ url: server.url });
    const session = await client.createSession({ sessionId: 'tables' });
    await session.execute(`import pandas as pd\ndf = pd.DataFrame({'a': range(5)}); n = float('nan')`);
  });
  after(async () => {
    await client?.close();
    await server?.dispose();
  });

  const ask = (path: string, accept: string) =>
    fetch(`${server.url}/api/sessions/tables/variables/${path}`, { headers: { Accept: accept } });

  it('is a raw Arrow stream for whoever accepts only that', async () => {
    const response = await ask('df?start=1&end=3', 'application/vnd.apache.arrow.stream');
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.equal('application/vnd.apache.arrow.stream');
    const read = tableFromIPC(new Uint8Array(await response.arrayBuffer()));
    expect([...(read.getChild('a') ?? [])]).to.deep.equal([1n, 2n]);
  });

  it('is JSON for everybody else', async () => {
    for (const accept of [
      '*/*',
      'application/json',
      'application/json, application/vnd.apache.arrow.stream;q=0.5',
    ]) {
      const response = await ask('n?format=json', accept);
      expect(await response.json()).to.deep.include({ value: null, exact: false });
    }
  });

  it('is a problem document when there is no such form', async () => {
    const response = await ask('n', 'application/vnd.apache.arrow.stream');
    expect(response.status).to.equal(422);
    expect(response.headers.get('content-type')).to.match(/^application\/problem\+json/);
    expect(await response.json()).to.include({ code: 'not_supported' });
  });

  it('stands with both forms in the description of the server', async () => {
    const document = (await (await fetch(`${server.url}/api/openapi.json`)).json()) as {
      paths: Record<string, { get: { responses: { 200: { content: object } } } }>;
    };
    const content = document.paths['/api/sessions/{id}/variables/{name}']?.get.responses[200].content ?? {};
    expect(Object.keys(content)).to.deep.equal(['application/json', 'application/vnd.apache.arrow.stream']);
  });
});
