/** Tables as versions, as files and joined: what changes of a data session leave behind, over REST. */
import { readFile } from 'node:fs/promises';
import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';

describe('versions of a table', () => {
  let doors: DataDoors;
  let id: string;

  before(async () => {
    doors = await openDataDoors();
  });
  beforeEach(async () => {
    const rows = { k: ['a', 'b', 'c', 'd'], n: [3, 1, null, 2], t: ['x', 'y', 'x', null] };
    const { body } = await doors.native('POST', '/sessions', { data: rows, index: 'k' });
    id = String(body.session_id);
  });
  after(() => doors.close());

  const ask = (operation: string, params: object = {}) => doors.ask(id, operation, params);
  const column = async (name: string, more: object = {}) =>
    (await ask('get_column', { column: name, ...more })).values;

  it('undo and redo walk the versions, and a change after an undo begins a branch', async () => {
    await ask('sort', { column: 'n' });
    await ask('fill_nulls', { value: 9, columns: ['n'] });
    expect(await column('n')).to.deep.equal([1, 2, 3, 9]);
    expect(await ask('undo', { steps: 2 })).to.deep.include({ reached_seq: 0, steps: 2, exact: true });
    expect(await column('n')).to.deep.equal([3, 1, null, 2]);
    await ask('redo');
    expect(await column('n')).to.deep.equal([1, 2, 3, null]);
    await ask('drop_nulls');
    expect(await ask('redo')).to.deep.include({ steps: 0 });
    expect(await column('n')).to.deep.equal([1, 3]);
  });

  it('goto goes to what the table was at a seq, and earlier versions are read without going', async () => {
    const { seq } = await ask('rename_columns', { columns: { n: 'm' } });
    await ask('drop_columns', { columns: ['t'] });
    expect((await ask('get_columns')).columns).to.deep.equal(['m']);
    expect(await column('n', { version: 0 })).to.deep.equal([3, 1, null, 2]);
    await ask('goto', { seq });
    expect((await ask('get_columns')).columns).to.deep.equal(['m', 't']);
    await ask('goto', { seq: 0 });
    expect((await ask('get_columns')).columns).to.deep.equal(['n', 't']);
  });

  it('set cells widen their column, stay beside their table, and are seen by every kind of reading', async () => {
    const values = [
      { index: 'a', column: 'n', value: 1.5 },
      { index: 'd', column: 't', value: 7 },
    ];
    await ask('set_values', { values });
    expect(await column('n')).to.deep.equal([1.5, 1, null, 2]);
    expect(await column('t')).to.deep.equal(['x', 'y', 'x', 7]);
    expect((await ask('get_stats', { column: 'n' })).max).to.equal(2);
    expect((await ask('filter', { column: 'n', operator: '<', value: 1.8 })).indices).to.deep.equal([
      'a',
      'b',
    ]);
    expect((await ask('sql', { query: 'SELECT max(n) AS m FROM data' })).records).to.deep.equal([{ m: 2 }]);
    for (let turn = 0; turn < 300; turn += 1)
      await ask('set_values', { values: [{ index: 'b', column: 'n', value: turn }] });
    expect(await column('n')).to.deep.equal([1.5, 299, null, 2]);
    await ask('undo', { steps: 300 });
    expect(await column('n')).to.deep.equal([1.5, 1, null, 2]);
  });

  it('a fork has the versions of its parent, and goes its own way', async () => {
    await ask('sort', { column: 'n', ascending: false });
    const { body } = await doors.native('POST', `/sessions/${id}/fork`, {});
    const child = String(body.session_id);
    expect(body.live).to.equal(true);
    await doors.ask(child, 'append_rows', { rows: [{ k: 'e', n: 5 }] });
    expect((await doors.ask(child, 'get_shape')).shape).to.deep.equal([5, 2]);
    expect((await ask('get_shape')).shape).to.deep.equal([4, 2]);
    await doors.native('DELETE', `/sessions/${id}`);
    await doors.ask(child, 'undo', { steps: 2 });
    expect((await doors.ask(child, 'get_column', { column: 'n' })).values).to.deep.equal([3, 1, null, 2]);
    await doors.native('POST', `/sessions/${child}/hibernate`, {});
    expect((await doors.ask(child, 'redo', { steps: 2 })).steps).to.equal(2);
    expect((await doors.ask(child, 'get_value', { index: 'e', column: 'n' })).value).to.equal(5);
  });

  it('tables are joined by labels or by a column, in all four ways', async () => {
    const { body } = await doors.native('POST', '/sessions', {
      data: { k: ['b', 'a', 'z'], t: ['p', 'q', 'x'], w: [1, 2, 3] },
      index: 'k',
    });
    const other_session_id = String(body.session_id);
    const join = async (more: object) => {
      const made = await ask('join', { other_session_id, ...more });
      const { indices } = await ask('get_indices');
      const w = await column('w');
      await ask('undo');
      return { columns: made.columns, indices, w };
    };
    expect(await join({})).to.deep.equal({
      columns: ['n', 't', 't_right', 'w'],
      indices: ['a', 'b', 'c', 'd'],
      w: [2, 1, null, null],
    });
    expect((await join({ how: 'inner', columns: ['w'] })).indices).to.deep.equal(['a', 'b']);
    expect(await join({ how: 'outer', columns: ['w'] })).to.deep.include({
      indices: ['a', 'b', 'c', 'd', 'z'],
      w: [2, 1, null, null, 3],
    });
    expect((await join({ how: 'right', columns: ['w'] })).w).to.deep.equal([1, 2, 3]);
    expect(await join({ on: 't' })).to.deep.include({ columns: ['n', 't', 'w'], w: [3, null, 3, null] });
    const missing = await doors.native('POST', `/sessions/${id}/join`, { other_session_id: 'nobody' });
    expect([missing.status, missing.body.code]).to.deep.equal([404, 'session_not_found']);
  });

  it('a table is saved into the workspace in every format, and never beside it', async () => {
    for (const format of ['csv', 'tsv', 'json', 'jsonl', 'parquet', 'arrow', 'excel']) {
      const saved = await ask('save_table', { path: `out/table.${format === 'excel' ? 'xlsx' : format}` });
      expect(saved).to.deep.include({ rows: 4, created: true });
    }
    const { text } = await ask('read_file', { path: 'out/table.csv' });
    expect(text).to.equal('k,n,t\na,3,x\nb,1,y\nc,,x\nd,2,\n');
    const outside = await doors.native('POST', `/sessions/${id}/save_table`, { path: '../../x.csv' });
    expect([outside.status, outside.body.code]).to.deep.equal([400, 'invalid_params']);
    const loaded = await doors.native('POST', `/sessions/${id}/save_table`, { path: 'x.unknown' });
    expect([loaded.status, loaded.body.code]).to.deep.equal([400, 'invalid_params']);
  });

  it('a table is downloaded as a file, and sent as Arrow', async () => {
    const get = (path: string, accept = '*/*') =>
      fetch(`${doors.server.url}/api/sessions/${id}/${path}`, {
        headers: { Authorization: `Bearer ${doors.server.token ?? ''}`, Accept: accept },
      });
    const csv = await get('table?format=csv');
    expect(csv.headers.get('content-disposition')).to.include('table.csv');
    expect(await csv.text()).to.equal('k,n,t\na,3,x\nb,1,y\nc,,x\nd,2,\n');
    const arrow = 'application/vnd.apache.arrow.stream';
    for (const path of ['get_slice?start=1', 'filter?column=n&operator=<&value=3']) {
      const answer = await get(path, arrow);
      expect(answer.headers.get('content-type')).to.equal(arrow);
      const table = tableFromIPC(new Uint8Array(await answer.arrayBuffer()));
      expect(table.schema.fields.map(({ name }) => name)).to.deep.equal(['k', 'n', 't']);
      expect([...table.getChild('k')!]).to.deep.equal(path.startsWith('get') ? ['b', 'c', 'd'] : ['b', 'd']);
    }
    const bytes = await doors.client.session(id).toArrow();
    expect(tableFromIPC(bytes).numRows).to.equal(4);
  });

  it('what was loaded from a file is told when the file changes', async () => {
    const made = await doors.create('01-csv.yml');
    expect((await doors.native('GET', `/sessions/${made}`)).body.source_changed).to.equal(false);
    expect(await readFile(`${doors.root}/people.csv`, 'utf8')).to.include('Ada');
  });

  it('what cannot be is refused at once: half numbers as whole ones, 30 February, a typo in the index, the future', async () => {
    const post = (path: string, body: object) => doors.native('POST', path, body);
    const made = await post('/sessions', { data: { d: ['2024-01-01', null], f: [1.5, 2] } });
    const other = String(made.body.session_id);
    const cast = await post(`/sessions/${other}/cast_columns`, { types: { f: 'int' } });
    expect([cast.status, String(cast.body.detail)]).to.satisfy(
      ([status, detail]: [number, string]) => status === 422 && detail.includes("'f'"),
    );
    await doors.ask(other, 'cast_columns', { types: { d: 'date' } });
    await doors.ask(other, 'set_values', { values: [{ index: 1, column: 'd', value: '2025-02-30' }] });
    expect((await doors.ask(other, 'head')).records).to.deep.equal([
      { d: '2024-01-01', f: 1.5 },
      { d: '2025-02-30', f: 2 },
    ]);
    const typo = await post('/sessions', { data: { a: [1] }, index: 'b' });
    expect([typo.status, typo.body.code]).to.deep.equal([404, 'column_not_found']);
    const future = await post(`/sessions/${other}/goto`, { seq: 700 });
    expect([future.status, future.body.code]).to.deep.equal([404, 'checkpoint_not_found']);
    await doors.ask(other, 'save_table', { path: 'f.csv', columns: ['f'] });
    expect((await doors.ask(other, 'read_file', { path: 'f.csv' })).text).to.equal('f\n1.5\n2.0\n');
  });
});
