import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import type { RunningServer } from '../src/server.js';
import type { ConfigInput } from '../src/types/config.js';
import { HttpError, LynguineClient } from './support/lynguine-client.js';
import { openServer } from './support/open-server.js';
import { temporaryFolder } from './support/temporary-folder.js';

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof HttpError ? [error.status, error.answer.error_type] : error),
  );

describe("lynguine's own client", () => {
  let server: RunningServer;
  let client: LynguineClient;

  const open = async (given: ConfigInput = {}) => {
    const folder = await temporaryFolder();
    const root = join(folder, 'files');
    await cp('test/fixtures/data', root, { recursive: true });
    server = await openServer({ data_dir: join(folder, 'data'), data: { roots: [root] }, ...given });
  };
  /** With the token in the address, which is all that this client has. */
  const connect = () => {
    const { host } = new URL(server.url);
    return new LynguineClient(`http://${server.token ?? ''}:@${host}/compat/lynguine`);
  };
  afterEach(async () => {
    client.dispose();
    await server.dispose();
  });

  it('D-40: creates, looks at, moves through, reads, lists and deletes a session', async () => {
    await open();
    client = connect();
    expect(await client.ask('GET', '/api/health')).to.include({ status: 'ok' });
    const session = await client.createSession('01-csv.yml');
    expect(session.metadata).to.deep.include({ shape: [4, 4], columns: ['age', 'city', 'email', 'active'] });
    const info = await session.info();
    expect(info).to.deep.include({ session_id: session.id, shape: [4, 4], timeout: 3600 });
    const { memory_mb, created_time } = z
      .object({ memory_mb: z.number(), created_time: z.number() })
      .parse(info);
    expect(memory_mb).to.be.greaterThan(0);
    expect(created_time).to.be.greaterThan(1.7e9).and.lessThan(1e11);

    const indices = z.array(z.unknown()).parse(await session.get('get_indices', 'indices'));
    await session.post('set_index', { index: indices[2] });
    await session.post('set_column', { column: 'email' });
    expect(await session.get('get_value', 'value')).to.equal('grace@example.org');
    expect((await session.post('get_value_at', { index: 'Alan', column: 'age' })).value).to.equal(41);
    expect([
      await session.get('get_index', 'index'),
      await session.get('get_column', 'column'),
    ]).to.deep.equal(['Grace', 'email']);
    expect(await session.get('get_input_columns', 'columns')).to.have.length(4);
    expect((await session.post('get_column_type', { column: 'age' })).column_type).to.equal('input');

    expect(await client.ask('GET', '/api/sessions')).to.include({ total_sessions: 1 });
    await session.delete();
    expect(await client.ask('GET', '/api/sessions')).to.include({ total_sessions: 0, total_memory_mb: 0 });
    expect(await refusal(session.info())).to.deep.equal([404, 'KeyError']);
    expect(await refusal(session.delete())).to.deep.equal([404, 'KeyError']);
    expect(client.said.filter((line) => line === 'GET /api/ping')).to.have.length(7);
  });

  it('D-40: writes cells, and walks through a series', async () => {
    await open();
    client = connect();
    const rated = await client.createSession('04-output.yml');
    await rated.post('set_index', { index: 'Alan' });
    await rated.post('set_column', { column: 'rating' });
    await rated.post('set_value', { value: 3 });
    expect(await rated.get('get_value', 'value')).to.equal(3);
    await rated.post('set_column', { column: 'city' });
    expect(await refusal(rated.post('set_value', { value: 'x' }))).to.deep.equal([404, 'KeyError']);

    const series = await client.createSession('05-series.yml');
    await series.post('set_index', { index: 'Alan' });
    await series.post('set_selector', { column: 'year' });
    await series.post('set_subindex', { value: 1950 });
    await series.post('set_column', { column: 'cites' });
    expect(await series.get('get_value', 'value')).to.equal(80);
    expect(await series.get('get_subseries', 'subseries')).to.have.deep.property('shape', [2, 3]);
  });

  it('D-28, D-29: reads a table and single fields without a session', async () => {
    await open();
    client = connect();
    const read = { interface_file: '01-csv.yml', directory: '.' };
    expect(await client.ask('POST', '/api/read_data', read)).to.have.deep.nested.property(
      'data.shape',
      [4, 5],
    );
    const field = { interface_file: '01-csv.yml', field: 'title', directory: '.' };
    expect(await client.ask('POST', '/api/interface/read', field)).to.include({ value: 'People' });
    const talk = { field: 'title', markdown_file: 'talks/b.md', config_files: [] };
    expect(await client.ask('POST', '/api/talk/field', talk)).to.include({ value: 'Second talk' });
  });

  it('D-40: needs no token, and no path, on a port of its own with compat.auth none', async () => {
    await open({ compat: { auth: 'none' }, listen: ['0=/compat/lynguine'] });
    const [, url = ''] = server.urls;
    client = new LynguineClient(url);
    const session = await client.createSession('01-csv.yml');
    expect(await session.get('get_shape', 'shape')).to.deep.equal([4, 4]);
    await session.delete();
  });

  it('D-02, T-02: sees tables that were made at another door, and no other sessions', async () => {
    await open();
    client = connect();
    const caller = server.app.caller(() => Promise.resolve());
    await caller.call('create_session', { kind: 'python', session_id: 'code' });
    await caller.call('create_session', { kind: 'data', session_id: 'table', data: [{ a: 1 }, { a: 2 }] });
    const { sessions } = await client.ask('GET', '/api/sessions');
    expect(sessions).to.have.length(1);
    const [found] = sessions as object[];
    expect(found).to.deep.include({ session_id: 'table', shape: [2, 1], timeout: 0 });
    expect(await refusal(client.ask('DELETE', '/api/sessions/code'))).to.deep.equal([404, 'KeyError']);
  });

  it('D-31: is told which limit is reached, which the native door says by its code', async () => {
    await open({ data: { sessions: 2, roots: [resolve('test/fixtures/data')] } });
    client = connect();
    await client.createSession('01-csv.yml');
    await client.createSession('03-local.yml');
    const refused: unknown = await client.createSession('01-csv.yml').catch((error: unknown) => error);
    expect(refused).to.have.property('status', 500);
    expect(refused).to.have.deep.property('answer', {
      status: 'error',
      error_type: 'ValueError',
      error_message: 'Maximum number of sessions (2) reached. Delete existing sessions or increase limit.',
      traceback: '',
    });
    const caller = server.app.caller(() => Promise.resolve());
    const native: unknown = await caller
      .call('create_session', { kind: 'data', interface_file: '01-csv.yml' })
      .catch((error: unknown) => error);
    expect(native).to.have.property('code', 'limit_exceeded');
  });

  it('D-31: is told how much memory is taken of what there is', async () => {
    await open({ data: { total_memory_bytes: 1024, roots: [resolve('test/fixtures/data')] } });
    client = connect();
    await client.createSession('01-csv.yml');
    const refused: unknown = await client.createSession('01-csv.yml').catch((error: unknown) => error);
    expect(refused)
      .to.have.nested.property('answer.error_message')
      .that.matches(
        /^Maximum memory limit \(0MB\) reached\. Current: \d+\.\dMB\. Delete sessions to free memory\.$/,
      );
  });

  it('D-30: finds a session gone when nobody has used it for its timeout, and at no time before', async () => {
    await open();
    client = connect();
    const session = await client.createSession('01-csv.yml', 1);
    const deadline = Date.now() + 2000;
    while (Date.now() < deadline) expect(await session.get('get_index', 'index')).to.equal('Ada');
    const idle = z.number().parse((await session.info()).idle_seconds);
    expect(idle).to.be.lessThan(0.5);
    const quiet = Date.now() + 1000;
    // Lists are no use of a session: they may look until it is gone.
    let left = 1;
    while (left > 0) left = Number((await client.ask('GET', '/api/sessions')).total_sessions);
    expect(Date.now()).to.be.greaterThan(quiet - 100);
    expect(await refusal(session.info())).to.deep.equal([404, 'KeyError']);
  });
});
