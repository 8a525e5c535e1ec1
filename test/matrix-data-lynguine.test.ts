/** The acceptance rows of data sessions by lynguine's own door: D-01 to D-04, D-19 to D-24, D-28 to D-31, D-36. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';
import { keptLog } from './support/kept-log.js';

type Members = Record<string, unknown>;

describe('data sessions by the door of lynguine', () => {
  let doors: DataDoors;

  beforeEach(async () => {
    doors = await openDataDoors();
  });
  afterEach(() => doors.close());

  const create = async (interface_file: string, more: object = {}): Promise<string> => {
    const { body } = await doors.compat('POST', '/sessions', { interface_file, ...more });
    return String((body.session as Members).session_id);
  };
  const ask = async (id: string, operation: string, params: object = {}) =>
    (await doors.compat('POST', `/sessions/${id}/${operation}`, params)).body;

  it('D-01: a session is made from an interface file, by both doors', async () => {
    const request = { interface_file: '01-csv.yml', directory: doors.root };
    const made = await doors.compat('POST', '/sessions', request);
    expect(made.status).to.equal(200);
    const session = made.body.session as Members;
    expect(session).to.deep.include({
      shape: [4, 4],
      columns: ['age', 'city', 'email', 'active'],
      timeout: 3600,
    });
    expect(session.session_id).to.match(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const native = await doors.native('POST', '/sessions', request);
    expect(native.status).to.equal(201);
    expect(native.body).to.deep.include({ kind: 'data', shape: [4, 4], interface_file: '01-csv.yml' });
  });

  it('D-02: sessions are listed', async () => {
    const id = await create('01-csv.yml');
    const { body } = await doors.compat('GET', '/sessions');
    expect(body).to.deep.include({ status: 'success', total_sessions: 1 });
    expect((body.sessions as Members[]).map(({ session_id }) => session_id)).to.deep.equal([id]);
    expect(body.total_memory_mb).to.be.above(0);
  });

  it('D-03: a session tells its shape, its memory and its times', async () => {
    const id = await create('01-csv.yml');
    const { body } = await doors.compat('GET', `/sessions/${id}`);
    const session = body.session as Members;
    expect(session).to.deep.include({ shape: [4, 4] });
    expect(session.memory_mb).to.be.above(0);
    for (const name of ['created_time', 'last_accessed', 'age_seconds', 'idle_seconds'])
      expect(session[name], name).to.be.a('number');
    const unknown = await doors.compat('GET', '/sessions/unknown');
    expect([unknown.status, unknown.body.error_type]).to.deep.equal([404, 'KeyError']);
  });

  it('D-04: a session is deleted once, by either door', async () => {
    const id = await create('01-csv.yml');
    const gone = await doors.compat('DELETE', `/sessions/${id}`);
    expect([gone.status, gone.body.message]).to.deep.equal([200, `Session ${id} deleted`]);
    expect((await doors.compat('DELETE', `/sessions/${id}`)).status).to.equal(404);
    const other = await doors.create('01-csv.yml');
    expect((await doors.native('DELETE', `/sessions/${other}`)).status).to.equal(204);
    const again = await doors.native('DELETE', `/sessions/${other}`);
    expect([again.status, again.body.code]).to.deep.equal([404, 'session_not_found']);
  });

  it('D-19: the focus is moved, read, passed by, and left alone by what fails', async () => {
    const id = await create('01-csv.yml');
    await ask(id, 'set_index', { index: 'Grace' });
    await ask(id, 'set_column', { column: 'city' });
    expect((await ask(id, 'get_value')).value).to.equal('New York');
    expect((await ask(id, 'get_value_at', { index: 'Ada', column: 'age' })).value).to.equal(36);
    expect((await ask(id, 'set_index', { index: 'Nobody' })).status).to.equal('error');
    expect((await ask(id, 'set_column', { column: 'nope' })).status).to.equal('error');
    expect((await ask(id, 'get_index')).index).to.equal('Grace');
    expect((await ask(id, 'get_column')).column).to.equal('city');
  });

  it('D-20: cells of output are set, cells of input are not', async () => {
    const id = await create('04-output.yml');
    for (const [column, value] of [
      ['rating', 4],
      ['_draft', 'text'],
    ]) {
      await ask(id, 'set_column', { column });
      expect((await ask(id, 'set_value', { value })).status).to.equal('success');
      expect((await ask(id, 'get_value')).value).to.equal(value);
    }
    await ask(id, 'set_column', { column: 'city' });
    const refused = await doors.compat('POST', `/sessions/${id}/set_value`, { value: 'x' });
    expect(refused.status).to.equal(404);
    expect(refused.body.error_message).to.include('is immutable and cannot be modified.');
  });

  it('D-21: a series has rows by selector and subindex', async () => {
    const id = await create('05-series.yml');
    await ask(id, 'set_index', { index: 'Alan' });
    await ask(id, 'set_selector', { column: 'year' });
    await ask(id, 'set_subindex', { value: 1950 });
    await ask(id, 'set_column', { column: 'cites' });
    expect((await ask(id, 'get_value')).value).to.equal(80);
    const { subseries } = await ask(id, 'get_subseries');
    expect((subseries as Members).shape).to.deep.equal([2, 3]);
    await ask(id, 'set_value', { value: 81 });
    expect((await ask(id, 'get_value')).value).to.equal(81);
    // A subindex that this index does not have yet makes a row of its own.
    await ask(id, 'set_index', { index: 'Edsger' });
    await ask(id, 'set_value', { value: 5 });
    const added = (await ask(id, 'get_subseries')).subseries as Members;
    expect(added.records).to.deep.equal([{ year: 1950, title: null, cites: 5 }]);
    expect((await ask(id, 'get_value_at', { index: 'Edsger', column: 'age' })).value).to.equal(72);
  });

  it('D-22: columns tell the class they are of', async () => {
    const id = await create('06-params.yml');
    expect((await ask(id, 'get_input_columns')).columns).to.deep.equal(['x', 'site', 'year']);
    expect((await ask(id, 'get_output_columns')).columns).to.deep.equal(['owner', 'limit']);
    expect((await ask(id, 'get_series_columns')).columns).to.deep.equal([]);
    const types = await Promise.all(
      ['x', 'site', 'owner', 'nope'].map(
        async (column) => (await ask(id, 'get_column_type', { column })).column_type,
      ),
    );
    expect(types).to.deep.equal(['input', 'constants', 'globals', null]);
  });

  it('D-23: every example file loads as it was recorded', async () => {
    const recorded = JSON.parse(await readFile('test/fixtures/data/expected.json', 'utf8')) as {
      sessions: {
        interface_file: string;
        session?: Members;
        calls?: { op: string; sojourn?: unknown; response: Members }[];
      }[];
    };
    const loaded = recorded.sessions.filter(({ session }) => session !== undefined);
    expect(loaded).to.have.length(14);
    for (const { interface_file, session } of loaded) {
      const { status, body } = await doors.native('POST', '/sessions', { interface_file });
      expect([interface_file, status, body.shape, body.columns]).to.deep.equal([
        interface_file,
        201,
        session?.shape,
        session?.columns,
      ]);
    }
  });

  it('D-24: a bad interface file is refused in the same words by both doors', async () => {
    const recorded = JSON.parse(await readFile('test/fixtures/data/expected.json', 'utf8')) as {
      sessions: { interface_file: string; error?: Members }[];
    };
    const bad = recorded.sessions.filter(({ interface_file }) => interface_file.startsWith('bad-'));
    expect(bad).to.have.length(5);
    for (const { interface_file, error } of bad) {
      const compat = await doors.compat('POST', '/sessions', { interface_file });
      const native = await doors.native('POST', '/sessions', { interface_file });
      expect([interface_file, compat.status, native.status, native.body.code]).to.deep.equal([
        interface_file,
        500,
        422,
        'interface_invalid',
      ]);
      const message = String(error?.error_message ?? error?.error_message_prefix).replaceAll(
        '<ROOT>',
        doors.root,
      );
      expect(String(compat.body.error_message).startsWith(message), interface_file).to.equal(true);
      expect(native.body.detail).to.equal(compat.body.error_message);
    }
  });

  it('D-28: tables are read and written without a session', async () => {
    const read = await doors.compat('POST', '/read_data', { interface_file: '01-csv.yml' });
    expect(read.body.data).to.deep.include({
      columns: ['name', 'age', 'city', 'email', 'active'],
      shape: [4, 5],
    });
    const written = await doors.compat('POST', '/write_data', {
      data: {
        records: [
          { a: 1, b: 'x' },
          { a: 2, b: 'y' },
        ],
        columns: ['b', 'a'],
      },
      output: { type: 'csv', directory: '.', filename: 'written.csv' },
    });
    expect(written.body).to.deep.equal({ status: 'success', message: 'Wrote 2 records' });
    expect(await readFile(join(doors.root, 'written.csv'), 'utf8')).to.equal('b,a\nx,1\ny,2\n');
  });

  it('D-29: fields of interface files and talks', async () => {
    const field = async (body: object) => (await doors.compat('POST', '/interface/read', body)).body.value;
    expect(await field({ interface_file: '01-csv.yml', field: 'title' })).to.equal('People');
    const talk = async (body: object) => (await doors.compat('POST', '/talk/field', body)).body.value;
    expect(await talk({ field: 'title', markdown_file: 'talks/a.md' })).to.equal('First talk');
    const elsewhere = { markdown_file: 'talks/none.md', config_files: ['01-csv.yml'] };
    expect(await talk({ field: 'title', ...elsewhere })).to.equal('People');
    expect(await talk({ field: 'nothing', ...elsewhere })).to.equal('');
  });

  it('D-36: health, ping and status', async () => {
    expect((await doors.compat('GET', '/ping')).body).to.deep.equal({ status: 'ok', message: 'pong' });
    expect((await doors.compat('GET', '/health')).body.status).to.equal('ok');
    expect((await doors.compat('GET', '/status')).body).to.include.keys(
      'pid',
      'uptime_seconds',
      'endpoints',
      'idle_timeout',
    );
  });
});

describe('data sessions at their limits', () => {
  it('D-31: one session too many is refused by both doors, and the log warns before', async () => {
    const log = keptLog();
    const doors = await openDataDoors({ data: { sessions: 3 } }, log);
    for (let made = 0; made < 3; made += 1) await doors.create('01-csv.yml');
    const compat = await doors.compat('POST', '/sessions', { interface_file: '01-csv.yml' });
    expect(compat.status).to.equal(500);
    expect(compat.body.error_message).to.equal(
      'Maximum number of sessions (3) reached. Delete existing sessions or increase limit.',
    );
    const native = await doors.native('POST', '/sessions', { interface_file: '01-csv.yml' });
    expect([native.status, native.body.code]).to.deep.equal([429, 'limit_exceeded']);
    expect(log.complaints.map(({ message }) => message)).to.include('a limit is near');
    await doors.close();
  });

  it('D-31: what would take more memory than all sessions may have is refused', async () => {
    const doors = await openDataDoors({ data: { total_memory_bytes: 1000 } });
    await doors.create('01-csv.yml');
    const compat = await doors.compat('POST', '/sessions', { interface_file: '01-csv.yml' });
    expect(compat.status).to.equal(500);
    expect(compat.body.error_message).to.match(
      /^Maximum memory limit \(.*MB\) reached\. Current: [\d.]+MB\. Delete sessions to free memory\.$/,
    );
    const native = await doors.native('POST', '/sessions', { interface_file: '01-csv.yml' });
    expect([native.status, native.body.code]).to.deep.equal([429, 'limit_exceeded']);
    await doors.close();
  });

  it('D-39: nothing outside of the roots is read, by no way', async () => {
    const doors = await openDataDoors();
    await writeFile(join(doors.root, '..', 'outside.yml'), 'input: {type: csv, filename: x.csv, index: k}\n');
    for (const interface_file of ['../outside.yml', '/etc/passwd', join(doors.root, '..', 'outside.yml')]) {
      const { status } = await doors.native('POST', '/sessions', { interface_file });
      expect(status, interface_file).to.equal(400);
    }
    const source = { type: 'csv', directory: '/etc', filename: 'passwd' };
    const direct = await doors.native('POST', '/sessions', { data_source: source });
    expect([direct.status, JSON.stringify(direct.body)]).to.satisfy(
      ([code, text]: [number, string]) => code >= 400 && code < 500 && !text.includes('root:'),
    );
    await doors.close();
  });
});
