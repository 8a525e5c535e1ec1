/** The acceptance rows of data sessions that are about the native door: D-05 to D-18 and D-32 to D-35. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';

describe('data sessions by the native door', () => {
  let doors: DataDoors;
  let people: string;

  before(async () => {
    doors = await openDataDoors();
    people = await doors.create('01-csv.yml');
  });
  after(() => doors.close());

  const ask = (operation: string, params: object = {}) => doors.ask(people, operation, params);
  const labels = async (params: object) => (await ask('filter', params)).indices;

  it('D-05: a session has the name it was given', async () => {
    const id = await doors.create('01-csv.yml', { session_name: 'my_exploration' });
    const { body } = await doors.native('GET', `/sessions/${id}`);
    expect(body.name).to.equal('my_exploration');
    const { body: list } = await doors.native('GET', '/sessions?kind=data');
    expect((list.sessions as { name: string }[]).map(({ name }) => name)).to.include('my_exploration');
  });

  it('D-06: what is set in one session is not seen in another', async () => {
    const [one, other] = [await doors.create('04-output.yml'), await doors.create('04-output.yml')];
    await doors.ask(one, 'set_index', { index: 'Ada' });
    await doors.ask(one, 'set_column', { column: 'rating' });
    await doors.ask(one, 'set_value', { value: 1 });
    const at = { index: 'Ada', column: 'rating' };
    expect((await doors.ask(one, 'get_value', at)).value).to.equal(1);
    expect((await doors.ask(other, 'get_value', at)).value).to.equal(5);
  });

  it('D-07: a value by index and column; an unknown index is 404', async () => {
    expect(await ask('get_value', { index: 'Ada', column: 'age' })).to.deep.equal({ value: 36 });
    const unknown = await doors.native('POST', `/sessions/${people}/get_value`, {
      index: 'Nobody',
      column: 'age',
    });
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, 'index_not_found']);
  });

  it('D-08: a slice ends before its end, and what lies beyond the table is cut off', async () => {
    const slice = await ask('get_slice', { start: 1, end: 3, columns: ['age'] });
    expect(slice).to.deep.equal({
      columns: ['age'],
      indices: ['Alan', 'Grace'],
      records: [{ age: 41 }, { age: 85 }],
      shape: [2, 1],
      dtypes: { age: 'int64' },
    });
    expect((await ask('get_slice', { start: 3, end: 99 })).indices).to.deep.equal(['Edsger']);
    expect((await ask('get_slice', { start: -1 })).indices).to.deep.equal(['Edsger']);
  });

  it('D-09: a column by its name', async () => {
    const column = await ask('get_column', { column: 'age' });
    expect(column.values).to.deep.equal([36, 41, 85, 72]);
    expect(column).to.deep.include({ column: 'age', dtype: 'int64' });
  });

  it('D-10: a filter answers matching rows and leaves the session as it is', async () => {
    const found = await ask('filter', { column: 'age', operator: '>', value: 50 });
    expect(found).to.deep.include({ indices: ['Grace', 'Edsger'], matched: 2 });
    expect((await ask('get_shape')).shape).to.deep.equal([4, 4]);
  });

  it('D-11: a filter without an operator is equality', async () => {
    expect(await labels({ column: 'city', value: 'London' })).to.deep.equal(['Ada']);
  });

  it('D-12: every operator matches what pandas matches, nulls by the rule', async () => {
    const cases: [string, string, unknown, string[]][] = [
      ['age', '==', 41, ['Alan']],
      ['age', '=', 41, ['Alan']],
      ['age', '!=', 41, ['Ada', 'Grace', 'Edsger']],
      ['age', '<>', 41, ['Ada', 'Grace', 'Edsger']],
      ['age', '>', 41, ['Grace', 'Edsger']],
      ['age', '>=', 41, ['Alan', 'Grace', 'Edsger']],
      ['age', '<', 41, ['Ada']],
      ['age', '<=', 41, ['Ada', 'Alan']],
      ['city', 'in', ['London', 'Nuenen'], ['Ada', 'Edsger']],
      ['city', 'not in', ['London', 'Nuenen'], ['Alan', 'Grace']],
      ['city', 'contains', 'en', ['Edsger']],
      ['email', 'not contains', 'ada', ['Alan', 'Grace', 'Edsger']],
      ['city', 'startswith', 'N', ['Grace', 'Edsger']],
      ['city', 'endswith', 'r', ['Alan']],
      ['city', 'matches', '^[LM]', ['Ada', 'Alan']],
      ['age', 'between', [41, 72], ['Alan', 'Edsger']],
      ['email', 'is null', undefined, ['Alan']],
      ['email', 'is not null', undefined, ['Ada', 'Grace', 'Edsger']],
      ['email', '!=', 'ada@example.org', ['Alan', 'Grace', 'Edsger']],
      ['email', '==', 'ada@example.org', ['Ada']],
      ['email', 'not in', ['ada@example.org'], ['Alan', 'Grace', 'Edsger']],
    ];
    for (const [column, operator, value, expected] of cases)
      expect(await labels({ column, operator, value }), `${column} ${operator}`).to.deep.equal(expected);
    const wrong = await doors.native('POST', `/sessions/${people}/filter`, {
      column: 'age',
      operator: '>',
      value: 'x',
    });
    expect([wrong.status, wrong.body.code]).to.deep.equal([422, 'data_error']);
    expect(wrong.body.detail).to.include('age').and.include('int64');
  });

  it('D-13: what a filter gives answers slices itself, without a further request', async () => {
    const handle = doors.client.session(people);
    const real = globalThis.fetch;
    let requests = 0;
    globalThis.fetch = (...args) => {
      requests += 1;
      return real(...args);
    };
    try {
      const rows = await handle.filter('age', '>', 30).getSlice(0, 2);
      expect(rows.records).to.have.length(2);
      expect(requests).to.equal(1);
    } finally {
      globalThis.fetch = real;
    }
  });

  it('D-14: a sort is seen by later slices, and the focus stays on its label', async () => {
    const id = await doors.create('01-csv.yml');
    await doors.ask(id, 'set_index', { index: 'Alan' });
    const sorted = await doors.ask(id, 'sort', { column: 'age', ascending: false });
    expect(sorted).to.deep.include({ column: 'age', ascending: false, shape: [4, 4] });
    const { indices } = await doors.ask(id, 'get_slice', { start: 0, end: 4 });
    expect(indices).to.deep.equal(['Grace', 'Edsger', 'Alan', 'Ada']);
    expect((await doors.ask(id, 'get_index')).index).to.equal('Alan');
    expect((await doors.ask(id, 'get_indices')).indices).to.deep.equal(['Grace', 'Edsger', 'Alan', 'Ada']);
  });

  it('D-15: unique values come in the order of their first appearance', async () => {
    const found = await ask('get_unique', { column: 'active' });
    expect(found).to.deep.include({ values: [true, false], count: 2, has_null: false });
  });

  it('D-16: statistics have the same numbers under both names', async () => {
    for (const operation of ['stats', 'get_stats']) {
      const stats = await ask(operation, { column: 'age' });
      expect(stats).to.deep.include({ count: 4, mean: 58.5, min: 36, '50%': 56.5, max: 85, sum: 234 });
      expect(stats).to.deep.include({ '25%': 39.75, '75%': 75.25 });
      expect(stats.std).to.be.closeTo(23.7838, 0.0001);
    }
  });

  it('D-17: nulls, duplicates and outliers are found', async () => {
    expect(await ask('count_nulls', { column: 'email' })).to.deep.include({ null_count: 1, total: 4 });
    expect((await ask('count_nulls')).null_counts).to.deep.include({ email: 1, age: 0 });
    const outliers = await ask('get_outliers', { column: 'age', std_devs: 1 });
    expect(outliers.indices).to.deep.equal(['Grace']);
    expect(outliers.upper).to.be.closeTo(82.28, 0.01);
    const { duplicates } = await ask('find_duplicates', { column: 'active' });
    expect(duplicates).to.deep.equal([{ value: true, count: 3, indices: ['Ada', 'Grace', 'Edsger'] }]);
  });

  it('D-18: chunks cover each row exactly once', async () => {
    for (const file of ['01-csv.yml', '05-series.yml']) {
      const id = await doors.create(file);
      const { body } = await doors.native('GET', `/sessions/${id}`);
      const [rows = 0] = body.shape as number[];
      for (const size of [1, 2, 3, 7]) {
        let seen = 0;
        for (let start = 0; start < rows; start += size) {
          const { shape } = await doors.ask(id, 'get_slice', { start, end: start + size });
          seen += (shape as number[])[0] ?? 0;
        }
        expect(seen).to.equal(rows);
      }
    }
  });

  it('D-30: a session is gone when nobody has used it for its time, never where there is none', async () => {
    const id = await doors.create('01-csv.yml', { expire_after_s: 1 });
    const lasting = await doors.create('01-csv.yml', { expire_after_s: 0 });
    const begun = Date.now();
    // Writes are use; reads are by lynguine's door alone.
    while (Date.now() < begun + 1500) await doors.ask(id, 'set_index', { index: 'Ada' });
    const quiet = Date.now();
    const isListed = async () => {
      const { body } = await doors.native('GET', '/sessions?kind=data&limit=1000');
      return (body.sessions as { session_id: string }[]).some(({ session_id: one }) => one === id);
    };
    // Lists are no use of a session: they may look until it is gone.
    while (await isListed());
    expect(Date.now()).to.be.greaterThan(quiet + 900);
    const { status, body } = await doors.native('POST', `/sessions/${id}/get_index`, {});
    expect([status, body.code]).to.deep.equal([404, 'session_not_found']);
    expect((await doors.ask(lasting, 'get_index')).index).to.equal('Ada');
  });

  it('D-32: five clients read and write one session at once, and no write is lost', async () => {
    const id = await doors.create('04-output.yml');
    const names = ['Ada', 'Alan', 'Grace', 'Edsger'];
    const client = async (number: number) => {
      for (let turn = 0; turn < 100; turn += 1) {
        const index = names[turn % 4]!;
        if (turn % 2 === 0) await doors.ask(id, 'get_value', { index, column: 'age' });
        else
          await doors.ask(id, 'set_values', {
            values: [{ index, column: 'remark', value: `${number}:${turn}` }],
          });
      }
    };
    await Promise.all([1, 2, 3, 4, 5].map(client));
    const { body } = await doors.native('GET', `/sessions/${id}/events?limit=10000`);
    const results = (body.events as { type: string; status?: string }[]).filter(
      ({ type }) => type === 'result',
    );
    expect(results.map(({ status }) => status)).to.deep.equal(Array<string>(250).fill('ok'));
    const last = await doors.ask(id, 'get_column', { column: 'remark' });
    for (const value of last.values as string[]) if (value !== null) expect(value).to.match(/^[1-5]:9[79]$/);
  });

  it('D-34 and D-35: a value of a large table costs few bytes and little time', async () => {
    const lines = Array.from({ length: 100_000 }, (_, at) => `row${at},${at},${at % 7}`);
    await writeFile(join(doors.root, 'large.csv'), ['id,a,b', ...lines].join('\n'));
    const source = { type: 'csv', directory: doors.root, filename: 'large.csv' };
    const { body } = await doors.native('POST', '/sessions', { data_source: { ...source, index: 'id' } });
    const id = String(body.session_id);
    const times: number[] = [];
    for (let turn = 0; turn < 100; turn += 1) {
      const begun = performance.now();
      const row = (turn * 997) % 100_000;
      const found = await doors.native('POST', `/sessions/${id}/get_value`, {
        index: `row${row}`,
        column: 'a',
      });
      times.push(performance.now() - begun);
      expect(found.body.value).to.equal(row);
      expect(found.bytes).to.be.below(1024);
    }
    const whole = await doors.compat('POST', '/read_data', { data_source: source });
    expect(whole.bytes).to.be.above(100 * 1024);
    // Not a measurement: the reference's own bound, which is far away.
    expect(times.reduce((sum, ms) => sum + ms, 0) / times.length).to.be.below(100);
  });
});
